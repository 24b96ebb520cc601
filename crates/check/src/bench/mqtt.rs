//! What a bench does with its MQTT broker that a Record can't say: packets of the agent, and answers that are wrong.

use std::collections::VecDeque;
use std::time::Duration;

use mtp::mqtt::Topic;
use tokio::time::Instant;

use super::Bench;
use crate::limits;
use crate::link::Way;
use crate::mqtt::{Broker, Connect, Incoming, Manners, Publish, Version, Want};
use crate::verdict::Stop;

/// What a bench knows of the connection to its broker.
#[derive(Default)]
pub(super) struct MqttState {
    connect: Option<Connect>,
    /// What was subscribed to since.
    wants: Vec<Want>,
    /// Packets behind CONNECT, and when they came; the oldest goes first.
    packets: VecDeque<(Instant, Incoming)>,
}

impl Bench {
    /// The broker, whose connection may break from now on.
    pub(crate) fn broker(&mut self) -> Result<Broker, Stop> {
        self.may_break();
        match self.way() {
            Way::Mqtt(broker) => Ok(broker.clone()),
            _ => Err(Stop::Skip("the agent is not connected by MQTT".to_owned())),
        }
    }

    pub(super) fn take_packet(&mut self, packet: Incoming) {
        match packet {
            Incoming::Connect(connect) => {
                self.mqtt = MqttState { connect: Some(*connect), ..MqttState::default() };
            }
            packet => {
                if let Incoming::Subscribe { wants, .. } = &packet {
                    let room = limits::MAX_FRAMES.saturating_sub(self.mqtt.wants.len());
                    self.mqtt.wants.extend(wants.iter().take(room).cloned());
                }
                if self.mqtt.packets.len() == limits::MAX_FRAMES {
                    self.mqtt.packets.pop_front();
                }
                self.mqtt.packets.push_back((Instant::now(), packet));
            }
        }
    }

    /// CONNECT of the connection.
    pub(crate) fn connect(&self) -> Result<&Connect, Stop> {
        self.mqtt.connect.as_ref().ok_or_else(|| Stop::Error("no CONNECT was seen".to_owned()))
    }

    /// The version that is spoken.
    pub(crate) fn mqtt_version(&self) -> Result<Version, Stop> {
        Ok(self.connect()?.version)
    }

    /// CONNECT, where 5.0 is spoken; other agents are not asked.
    pub(crate) fn connect_5(&self) -> Result<&Connect, Stop> {
        match self.connect()? {
            connect if connect.version == Version::V5 => Ok(connect),
            _ => Err(Stop::Skip("the agent speaks MQTT 3.1.1 here".to_owned())),
        }
    }

    /// Filters that were subscribed to on this connection.
    pub(crate) fn filters(&self) -> Vec<&str> {
        self.mqtt.wants.iter().map(|want| want.filter.as_str()).collect()
    }

    /// Forgets the packets that came; not CONNECT and what was subscribed to.
    pub(crate) fn forget_packets(&mut self) {
        self.mqtt.packets.clear();
    }

    /// The messages that came.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Publish> {
        self.mqtt.packets.iter().filter_map(|(_, packet)| match packet {
            Incoming::Publish(publish) => Some(publish),
            _ => None,
        })
    }

    /// Waits for a packet that is meant.
    pub(crate) async fn packet(
        &mut self,
        patience: Duration,
        meant: impl Fn(&Incoming) -> bool,
    ) -> Result<Option<Incoming>, Stop> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.mqtt.packets.iter().position(|(_, packet)| meant(packet)) {
                return Ok(self.mqtt.packets.remove(at).map(|(_, packet)| packet));
            }
            if !self.pump(deadline).await? {
                return Ok(None);
            }
        }
    }

    /// Waits for CONNECT of another connection; when it came.
    pub(crate) async fn next_connect(&mut self) -> Result<Instant, Stop> {
        self.mqtt.connect = None;
        let deadline = Instant::now() + limits::RECONNECT;
        while self.mqtt.connect.is_none() {
            if !self.pump(deadline).await? {
                return Err(Stop::Error("there was no other CONNECT".to_owned()));
            }
        }
        Ok(Instant::now())
    }

    /// Ends the connection, and waits for one that the broker received with these manners.
    pub(crate) async fn anew_by_mqtt(&mut self, manners: Manners) -> Result<Instant, Stop> {
        self.broker()?.set_manners(manners);
        self.renew().await
    }

    /// Where the agent wants answers: as the last message says, or the first filter that is one topic.
    pub(crate) fn agent_topic(&self) -> Result<Topic, Stop> {
        let said = self.published().filter_map(reply_to).last();
        let filters = self.mqtt.wants.iter().filter_map(|want| want.filter.parse::<mtp::mqtt::Filter>().ok());
        let topic = filters.filter_map(|filter| filter.exact().or_else(|| filter.base())).next();
        said.or(topic).ok_or_else(|| Stop::Error("nobody knows the topic of the agent".to_owned()))
    }
}

/// Where a message says that answers go.
pub(crate) fn reply_to(publish: &Publish) -> Option<Topic> {
    let property = publish.message.properties.response_topic.clone();
    property.or_else(|| mtp::mqtt::reply_to::split(publish.message.topic.as_str()))
}
