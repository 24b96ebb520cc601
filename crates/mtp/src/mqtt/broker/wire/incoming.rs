//! What clients send, but CONNECT. The parsers of `mqtt-protocol-core` do the work; what they let through and should not is
//! refused here: flags, packet ids of 0, and properties that would take far more memory than bytes.

use std::sync::Arc;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{Property, RetainHandling, SubEntry, v3_1_1, v5_0};

use super::connect::Connect;
use super::message::{Message, Properties, exact, fault, properties, qos, topic};
use super::{Fault, Qos, code};
use crate::mqtt::Version;
use crate::mqtt::broker::limits::MAX_PROPERTIES;

/// A packet of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Incoming {
    /// The first packet.
    Connect(Box<Connect>),
    /// A message.
    Publish(Publish),
    /// PUBACK of our QoS 1 message.
    Acknowledged(u16),
    /// PUBREC of our QoS 2 message.
    Received {
        /// The packet id.
        id: u16,
        /// Whether the client does not want it.
        failed: bool,
    },
    /// PUBREL of the client's QoS 2 message.
    Release(u16),
    /// PUBCOMP of our QoS 2 message.
    Completed(u16),
    /// SUBSCRIBE.
    Subscribe {
        /// The packet id.
        id: u16,
        /// One for each filter.
        wants: Vec<Want>,
    },
    /// UNSUBSCRIBE.
    Unsubscribe {
        /// The packet id.
        id: u16,
        /// The filters.
        filters: Vec<String>,
    },
    /// PINGREQ.
    Ping,
    /// DISCONNECT.
    Disconnect {
        /// The reason code; 0 in 3.1.1.
        code: u8,
        /// A new session expiry interval, seconds.
        session_expiry_s: Option<u32>,
    },
}

/// PUBLISH.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    /// The packet id, with QoS 1 and 2.
    pub id: Option<u16>,
    /// The message.
    pub message: Message,
}

/// One filter of SUBSCRIBE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// The filter, unchecked.
    pub filter: String,
    /// The best QoS that is wanted.
    pub qos: Qos,
    /// Whether the client's own messages are left out.
    pub no_local: bool,
    /// Whether the retain flag is passed on as it was.
    pub retain_as_published: bool,
    /// Which retained messages are wanted: 0 all, 1 those of a new subscription, 2 none.
    pub retain_handling: u8,
}

/// Every packet but CONNECT.
pub(super) fn parse(version: Version, first: u8, body: Vec<u8>) -> Result<Incoming, Fault> {
    let kind = first >> 4;
    if kind == 3 {
        return publish(version, first, &Bytes::from(body)).map(Incoming::Publish);
    }
    let flags = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
    if first & 0x0F != flags {
        return Err(Fault::new(code::MALFORMED, "flags of the fixed header"));
    }
    let body = &body[..];
    let incoming = match (kind, version) {
        (4, Version::V3_1_1) => {
            Incoming::Acknowledged(exact(v3_1_1::Puback::parse(body), body.len())?.packet_id())
        }
        (4, Version::V5) => Incoming::Acknowledged(exact(v5_0::Puback::parse(body), body.len())?.packet_id()),
        (5, Version::V3_1_1) => Incoming::Received {
            id: exact(v3_1_1::Pubrec::parse(body), body.len())?.packet_id(),
            failed: false,
        },
        (5, Version::V5) => {
            let packet = exact(v5_0::Pubrec::parse(body), body.len())?;
            let failed = packet.reason_code().is_some_and(|reason| reason as u8 >= 0x80);
            Incoming::Received { id: packet.packet_id(), failed }
        }
        (6, Version::V3_1_1) => {
            Incoming::Release(exact(v3_1_1::Pubrel::parse(body), body.len())?.packet_id())
        }
        (6, Version::V5) => Incoming::Release(exact(v5_0::Pubrel::parse(body), body.len())?.packet_id()),
        (7, Version::V3_1_1) => {
            Incoming::Completed(exact(v3_1_1::Pubcomp::parse(body), body.len())?.packet_id())
        }
        (7, Version::V5) => Incoming::Completed(exact(v5_0::Pubcomp::parse(body), body.len())?.packet_id()),
        (8, _) => return subscribe(version, body),
        (10, _) => return unsubscribe(version, body),
        (12, _) if body.is_empty() => Incoming::Ping,
        (14, Version::V3_1_1) if body.is_empty() => Incoming::Disconnect { code: 0, session_expiry_s: None },
        (14, Version::V5) => disconnect(body)?,
        _ => return Err(Fault::new(code::PROTOCOL, "a packet that clients don't send")),
    };
    match incoming {
        Incoming::Acknowledged(0)
        | Incoming::Received { id: 0, .. }
        | Incoming::Release(0)
        | Incoming::Completed(0) => Err(NO_ID),
        sound => Ok(sound),
    }
}

const NO_ID: Fault = Fault::new(code::MALFORMED, "the packet id 0");

/// Only the head is parsed; the payload is never copied.
fn publish(version: Version, first: u8, body: &Bytes) -> Result<Publish, Fault> {
    let (flags, with_id) = (first & 0x0F, first & 0x06 != 0);
    if first & 0x0E == 0x08 {
        return Err(Fault::new(code::MALFORMED, "a repetition with QoS 0"));
    }
    let head = head_of(version, with_id, body).ok_or(Fault::new(code::MALFORMED, "PUBLISH is cut off"))??;
    let bytes: Arc<[u8]> = body[..head].into();
    let payload = body.slice(head..);
    macro_rules! publish {
        ($publish:expr, $properties:expr) => {
            Publish {
                id: $publish.packet_id(),
                message: Message {
                    topic: topic($publish.topic_name())?,
                    payload,
                    qos: qos($publish.qos()),
                    retain: $publish.retain(),
                    properties: $properties,
                },
            }
        };
    }
    let read = match version {
        Version::V3_1_1 => {
            let (packet, _) = v3_1_1::Publish::parse(flags, bytes).map_err(fault)?;
            publish!(packet, Properties::default())
        }
        Version::V5 => {
            let (packet, _) = v5_0::Publish::parse(flags, bytes).map_err(fault)?;
            for prop in packet.props() {
                match prop {
                    Property::TopicAlias(_) => return Err(Fault::new(code::TOPIC_ALIAS, "a topic alias")),
                    Property::SubscriptionIdentifier(_) => {
                        return Err(Fault::new(code::PROTOCOL, "a client's subscription identifier"));
                    }
                    _ => {}
                }
            }
            publish!(packet, properties(packet.props())?)
        }
    };
    if read.id == Some(0) { Err(NO_ID) } else { Ok(read) }
}

/// Where the payload begins; None when the packet is cut off before.
fn head_of(version: Version, with_id: bool, body: &[u8]) -> Option<Result<usize, Fault>> {
    let name = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let mut at = 2 + name + if with_id { 2 } else { 0 };
    if version == Version::V5 {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = *body.get(at)?;
            at += 1;
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return None;
            }
        }
        if length > MAX_PROPERTIES {
            return Some(Err(Fault::new(code::QUOTA, "too many properties")));
        }
        at += length;
    }
    (at <= body.len()).then_some(Ok(at))
}

fn subscribe(version: Version, body: &[u8]) -> Result<Incoming, Fault> {
    let (id, entries) = match version {
        Version::V3_1_1 => {
            let packet = exact(v3_1_1::Subscribe::parse(body), body.len())?;
            if packet.entries().iter().any(|entry| entry.sub_opts().to_buffer()[0] & 0xFC != 0) {
                return Err(Fault::new(code::MALFORMED, "subscription options of 3.1.1"));
            }
            (packet.packet_id(), packet.entries().iter().map(want).collect())
        }
        Version::V5 => {
            let packet = exact(v5_0::Subscribe::parse(body), body.len())?;
            if packet.props().iter().any(|prop| matches!(prop, Property::SubscriptionIdentifier(_))) {
                return Err(Fault::new(code::SUBSCRIPTION_ID, "a subscription identifier"));
            }
            (packet.packet_id(), packet.entries().iter().map(want).collect())
        }
    };
    if id == 0 { Err(NO_ID) } else { Ok(Incoming::Subscribe { id, wants: entries }) }
}

fn want(entry: &SubEntry) -> Want {
    let options = entry.sub_opts();
    Want {
        filter: entry.topic_filter().to_owned(),
        qos: qos(options.qos()),
        no_local: options.nl(),
        retain_as_published: options.rap(),
        retain_handling: match options.rh() {
            RetainHandling::SendRetained => 0,
            RetainHandling::SendRetainedIfNotExists => 1,
            RetainHandling::DoNotSendRetained => 2,
        },
    }
}

fn unsubscribe(version: Version, body: &[u8]) -> Result<Incoming, Fault> {
    macro_rules! read {
        ($packet:expr) => {{
            let packet = exact($packet, body.len())?;
            let filters = packet.entries().iter().map(|filter| filter.as_str().to_owned()).collect();
            (packet.packet_id(), filters)
        }};
    }
    let (id, filters) = match version {
        Version::V3_1_1 => read!(v3_1_1::Unsubscribe::parse(body)),
        Version::V5 => read!(v5_0::Unsubscribe::parse(body)),
    };
    if id == 0 { Err(NO_ID) } else { Ok(Incoming::Unsubscribe { id, filters }) }
}

fn disconnect(body: &[u8]) -> Result<Incoming, Fault> {
    let packet = exact(v5_0::Disconnect::parse(body), body.len())?;
    let props = packet.props().as_deref().unwrap_or_default();
    let session_expiry_s = props.iter().find_map(|prop| match prop {
        Property::SessionExpiryInterval(value) => Some(value.val()),
        _ => None,
    });
    Ok(Incoming::Disconnect { code: packet.reason_code().map_or(0, |reason| reason as u8), session_expiry_s })
}
