//! The broker's side of one connection: it answers what a client may send, and takes every message for one to us.

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use mtp::mqtt::broker::wire::{Connect, Decoder, Incoming, Qos, Want};
use mtp::mqtt::{CONTENT_TYPES, Filter, Topic, Version, reply_to};

use super::manners::{Manners, Subscriptions};
use super::packet::{self, Properties, property};
use crate::hub::{Said, Speaker, lock};
use crate::link::Arrival;

/// One connection.
pub(super) struct Served {
    manners: Arc<Mutex<Manners>>,
    own: Topic,
    decoder: Decoder,
    version: Version,
    /// Where Records for the agent are published.
    agent: Option<Topic>,
}

impl Served {
    pub(super) fn new(manners: Arc<Mutex<Manners>>, own: Topic) -> Served {
        Served { manners, own, decoder: Decoder::new(), version: Version::V5, agent: None }
    }

    fn take(&mut self, packet: Incoming, said: &mut Said) {
        let manners = lock(&self.manners).clone();
        match &packet {
            Incoming::Connect(connect) => self.connect(&manners, connect, said),
            Incoming::Subscribe { id, wants } => {
                return self.subscribe(&manners, *id, wants, packet.clone(), said);
            }
            Incoming::Unsubscribe { id, filters } => {
                said.bytes.extend_from_slice(&packet::unsuback(self.version, *id, filters.len()));
            }
            Incoming::Publish(publish) => {
                if let (Some(id), true) = (publish.id, manners.acknowledges) {
                    let first = if publish.message.qos == Qos::ExactlyOnce { 0x50 } else { 0x40 };
                    said.bytes.extend_from_slice(&packet::acknowledgement(first, id));
                }
                let reply_to = publish.message.properties.response_topic.clone();
                let reply_to = reply_to.or_else(|| reply_to::split(publish.message.topic.as_str()));
                self.agent = reply_to.or(self.agent.take());
            }
            Incoming::Release(id) => said.bytes.extend_from_slice(&packet::acknowledgement(0x70, *id)),
            Incoming::Ping => said.bytes.extend_from_slice(&packet::pong()),
            Incoming::Disconnect { code, .. } => {
                said.end = Some(format!("the agent said good-bye (code {code:#04x})"));
            }
            Incoming::Acknowledged(_) | Incoming::Received { .. } | Incoming::Completed(_) => {}
        }
        let record = match &packet {
            Incoming::Publish(publish) => Some(publish.message.payload.clone()),
            _ => None,
        };
        said.arrivals.push(Arrival::Mqtt(packet));
        said.arrivals.extend(record.map(Arrival::Record));
    }

    fn connect(&mut self, manners: &Manners, connect: &Connect, said: &mut Said) {
        self.version = connect.version;
        self.decoder.admit();
        let code = manners.code(connect.version);
        let chosen = (connect.client_id.is_empty() && code == 0).then_some(super::CHOSEN_CLIENT_ID);
        said.bytes.extend_from_slice(&packet::connack(connect.version, code, &manners.properties(chosen)));
        if code != 0 {
            said.end = Some("we refused it".to_owned());
        }
    }

    fn subscribe(&mut self, manners: &Manners, id: u16, wants: &[Want], packet: Incoming, said: &mut Said) {
        said.arrivals.push(Arrival::Mqtt(packet));
        let code = match manners.subscriptions {
            Subscriptions::Granted => None,
            // Not authorized, or failure.
            Subscriptions::Refused => Some(if self.version == Version::V5 { 0x87 } else { 0x80 }),
            Subscriptions::Unanswered => return,
        };
        let codes: Vec<u8> = wants.iter().map(|want| code.unwrap_or(want.qos as u8)).collect();
        said.bytes.extend_from_slice(&packet::suback(self.version, id, &codes));
        if code.is_some() {
            return;
        }
        if self.agent.is_none() {
            let filters = wants.iter().filter_map(|want| want.filter.parse::<Filter>().ok());
            self.agent = filters.filter_map(|filter| filter.exact().or_else(|| filter.base())).next();
        }
        said.arrivals.push(Arrival::Up);
    }
}

impl Speaker for Served {
    fn hear(&mut self, read: &mut BytesMut, said: &mut Said) {
        let bytes = read.split();
        let mut rest = &bytes[..];
        while said.end.is_none() {
            match self.decoder.read(&mut rest) {
                Ok(Some(packet)) => self.take(packet, said),
                Ok(None) => return,
                Err(fault) => {
                    let why = format!("a packet that is wrong (R-MQTT.1): {fault}");
                    said.arrivals.push(Arrival::Broken(why.clone()));
                    said.end = Some(why);
                }
            }
        }
    }

    fn record(&mut self, record: Bytes, said: &mut Said) {
        // An agent whose topic nobody knows hears nothing, and the check says that it does not answer.
        let Some(agent) = &self.agent else { return };
        said.bytes.extend_from_slice(&publish(
            self.version,
            agent,
            &self.own,
            CONTENT_TYPES[0],
            None,
            &record,
        ));
    }
}

/// PUBLISH of a Record, as the version wants it.
pub(super) fn publish(
    version: Version,
    to: &Topic,
    own: &Topic,
    content_type: &str,
    id: Option<u16>,
    record: &[u8],
) -> Bytes {
    match version {
        Version::V5 => {
            let properties = Properties::default()
                .text(property::CONTENT_TYPE, content_type)
                .text(property::RESPONSE_TOPIC, own.as_str());
            packet::publish(version, to.as_str(), id, &properties, record)
        }
        Version::V3_1_1 => {
            let own = own.as_str().replace('/', "%2F");
            let name = format!("{to}/reply-to={own}");
            packet::publish(version, &name, id, &Properties::default(), record)
        }
    }
}
