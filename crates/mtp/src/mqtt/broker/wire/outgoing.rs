//! What the broker sends, as bytes.

use bytes::{BufMut, Bytes};

use super::message::{Message, Properties};
use super::{Qos, code};
use crate::mqtt::broker::limits::{MAX_PACKET, RECEIVE_MAXIMUM};
use crate::mqtt::{Filter, SUBSCRIBE_PROPERTY, Topic, Version};

/// What CONNACK tells of a connection that was accepted (5.0).
pub(in crate::mqtt::broker) struct Accepted<'a> {
    pub(in crate::mqtt::broker) session_present: bool,
    /// The client id that we chose.
    pub(in crate::mqtt::broker) assigned_client_id: Option<&'a str>,
    /// Seconds, where they are not what was asked for.
    pub(in crate::mqtt::broker) session_expiry_s: Option<u32>,
    pub(in crate::mqtt::broker) keep_alive_s: Option<u16>,
    pub(in crate::mqtt::broker) retain: bool,
    pub(in crate::mqtt::broker) response_information: Option<&'a Topic>,
    pub(in crate::mqtt::broker) offered: &'a [Filter],
}

/// R-MQTT.44, and Response Information (R-MQTT.12).
pub(in crate::mqtt::broker) fn connack(version: Version, accepted: &Accepted<'_>) -> Bytes {
    let mut body = vec![u8::from(accepted.session_present), code::SUCCESS];
    if version == Version::V5 {
        let mut props = Vec::new();
        if let Some(seconds) = accepted.session_expiry_s {
            props.put_u8(0x11);
            props.put_u32(seconds);
        }
        props.put_u8(0x21);
        props.put_u16(RECEIVE_MAXIMUM);
        if !accepted.retain {
            props.put_slice(&[0x25, 0]);
        }
        props.put_u8(0x27);
        props.put_u32(u32::try_from(MAX_PACKET).unwrap_or(u32::MAX));
        if let Some(id) = accepted.assigned_client_id {
            props.put_u8(0x12);
            text(&mut props, id);
        }
        for filter in accepted.offered {
            user_property(&mut props, SUBSCRIBE_PROPERTY, filter.as_str());
        }
        // Subscription identifiers and shared subscriptions are not available.
        props.put_slice(&[0x29, 0, 0x2A, 0]);
        if let Some(seconds) = accepted.keep_alive_s {
            props.put_u8(0x13);
            props.put_u16(seconds);
        }
        if let Some(topic) = accepted.response_information {
            props.put_u8(0x1A);
            text(&mut props, topic.as_str());
        }
        length(&mut body, props.len());
        body.extend(props);
    }
    packet(0x20, &body)
}

/// CONNACK for somebody who gets no connection; None where 3.1.1 has no code for it (table 3.1).
pub(in crate::mqtt::broker) fn refusal(version: Version, reason: u8) -> Option<Bytes> {
    let old = match reason {
        code::VERSION => 1,
        code::CLIENT_ID => 2,
        code::UNAVAILABLE | code::QUOTA => 3,
        code::CREDENTIALS => 4,
        code::NOT_AUTHORIZED => 5,
        _ => 0,
    };
    match version {
        Version::V5 => Some(packet(0x20, &[0, reason, 0])),
        Version::V3_1_1 => (old != 0).then(|| packet(0x20, &[0, old])),
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP, whose first byte is given.
pub(in crate::mqtt::broker) fn acknowledgement(version: Version, first: u8, id: u16, reason: u8) -> Bytes {
    let [high, low] = id.to_be_bytes();
    match version {
        Version::V5 if reason != code::SUCCESS => packet(first, &[high, low, reason]),
        _ => packet(first, &[high, low]),
    }
}

/// SUBACK; the codes of 5.0 that mean failure are one in 3.1.1.
pub(in crate::mqtt::broker) fn suback(version: Version, id: u16, codes: &[u8]) -> Bytes {
    let mut body = id.to_be_bytes().to_vec();
    match version {
        Version::V5 => {
            body.push(0);
            body.extend(codes);
        }
        Version::V3_1_1 => body.extend(codes.iter().map(|code| if *code > 2 { 0x80 } else { *code })),
    }
    packet(0x90, &body)
}

/// UNSUBACK; 3.1.1 knows no codes.
pub(in crate::mqtt::broker) fn unsuback(version: Version, id: u16, codes: &[u8]) -> Bytes {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
        body.extend(codes);
    }
    packet(0xB0, &body)
}

pub(in crate::mqtt::broker) fn ping_response() -> Bytes {
    Bytes::from_static(&[0xD0, 0])
}

/// None in 3.1.1, where a broker only closes.
pub(in crate::mqtt::broker) fn disconnect(version: Version, reason: u8) -> Option<Bytes> {
    (version == Version::V5).then(|| packet(0xE0, &[reason]))
}

/// Everything of PUBLISH but the payload, which follows it.
pub(in crate::mqtt::broker) fn publish(
    version: Version,
    message: &Message,
    topic: &Topic,
    id: Option<u16>,
    flags: Flags,
    expiry_s: Option<u32>,
) -> Bytes {
    let mut body = Vec::with_capacity(64);
    text(&mut body, topic.as_str());
    if let Some(id) = id {
        body.put_u16(id);
    }
    if version == Version::V5 {
        let props = properties(&message.properties, expiry_s);
        length(&mut body, props.len());
        body.extend(props);
    }
    let qos = if id.is_some() { flags.qos as u8 } else { 0 };
    let first = 0x30 | u8::from(flags.repeated) << 3 | qos << 1 | u8::from(flags.retain);
    let mut bytes = vec![first];
    length(&mut bytes, body.len() + message.payload.len());
    bytes.extend(body);
    bytes.into()
}

/// The flags of PUBLISH.
#[derive(Clone, Copy)]
pub(in crate::mqtt::broker) struct Flags {
    pub(in crate::mqtt::broker) qos: Qos,
    pub(in crate::mqtt::broker) repeated: bool,
    pub(in crate::mqtt::broker) retain: bool,
}

fn properties(properties: &Properties, expiry_s: Option<u32>) -> Vec<u8> {
    let mut props = Vec::new();
    if let Some(format) = properties.payload_format {
        props.put_slice(&[0x01, format]);
    }
    if let Some(seconds) = expiry_s {
        props.put_u8(0x02);
        props.put_u32(seconds);
    }
    if let Some(kind) = &properties.content_type {
        props.put_u8(0x03);
        text(&mut props, kind);
    }
    if let Some(topic) = &properties.response_topic {
        props.put_u8(0x08);
        text(&mut props, topic.as_str());
    }
    if let Some(data) = &properties.correlation {
        props.put_u8(0x09);
        sized(&mut props, data);
    }
    for (key, value) in &properties.user {
        user_property(&mut props, key, value);
    }
    props
}

fn user_property(out: &mut Vec<u8>, key: &str, value: &str) {
    out.put_u8(0x26);
    text(out, key);
    text(out, value);
}

fn text(out: &mut Vec<u8>, text: &str) {
    sized(out, text.as_bytes());
}

/// What came out of a packet, or is a topic, fits into the 16 bits.
fn sized(out: &mut Vec<u8>, bytes: &[u8]) {
    let fitting = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    out.put_u16(u16::try_from(fitting.len()).unwrap_or(u16::MAX));
    out.put_slice(fitting);
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn packet(first: u8, body: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(first);
    length(&mut bytes, body.len());
    bytes.extend(body);
    bytes.into()
}
