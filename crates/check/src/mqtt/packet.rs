//! What the bench's broker says, as bytes of MQTT 5.0 or 3.1.1. Nothing here minds whether it is right.

use bytes::{BufMut, Bytes};
use mtp::mqtt::Version;

/// Identifiers of properties (MQTT 5.0, table 2-4).
pub mod property {
    /// Content Type.
    pub const CONTENT_TYPE: u8 = 0x03;
    /// Response Topic.
    pub const RESPONSE_TOPIC: u8 = 0x08;
    /// Assigned Client Identifier.
    pub const ASSIGNED_CLIENT_ID: u8 = 0x12;
    /// Server Keep Alive.
    pub const SERVER_KEEP_ALIVE: u8 = 0x13;
    /// Response Information.
    pub const RESPONSE_INFORMATION: u8 = 0x1A;
    /// Receive Maximum.
    pub const RECEIVE_MAXIMUM: u8 = 0x21;
    /// Maximum `QoS`.
    pub const MAXIMUM_QOS: u8 = 0x24;
    /// Retain Available.
    pub const RETAIN_AVAILABLE: u8 = 0x25;
    /// User Property.
    pub const USER: u8 = 0x26;
}

/// Properties under construction.
#[derive(Clone, Default, Debug)]
pub struct Properties(Vec<u8>);

impl Properties {
    /// One that is a text.
    #[must_use]
    pub fn text(mut self, id: u8, text: &str) -> Properties {
        self.0.put_u8(id);
        sized(&mut self.0, text);
        self
    }

    /// One that is a byte.
    #[must_use]
    pub fn byte(mut self, id: u8, value: u8) -> Properties {
        self.0.put_slice(&[id, value]);
        self
    }

    /// One that is a two-byte integer.
    #[must_use]
    pub fn short(mut self, id: u8, value: u16) -> Properties {
        self.0.put_u8(id);
        self.0.put_u16(value);
        self
    }

    /// A user property.
    #[must_use]
    pub fn user(self, key: &str, value: &str) -> Properties {
        let mut with = self.text(property::USER, key);
        sized(&mut with.0, value);
        with
    }

    fn put(&self, version: Version, body: &mut Vec<u8>) {
        if version == Version::V5 {
            length(body, self.0.len());
            body.extend(&self.0);
        }
    }
}

/// CONNACK with this code, which is one of the version that is spoken.
pub fn connack(version: Version, code: u8, properties: &Properties) -> Bytes {
    let mut body = vec![0, code];
    properties.put(version, &mut body);
    packet(0x20, &body)
}

/// SUBACK.
pub fn suback(version: Version, id: u16, codes: &[u8]) -> Bytes {
    let mut body = id.to_be_bytes().to_vec();
    Properties::default().put(version, &mut body);
    body.extend(codes);
    packet(0x90, &body)
}

/// UNSUBACK for so many filters.
pub fn unsuback(version: Version, id: u16, count: usize) -> Bytes {
    let mut body = id.to_be_bytes().to_vec();
    Properties::default().put(version, &mut body);
    if version == Version::V5 {
        body.extend(vec![0; count]);
    }
    packet(0xB0, &body)
}

/// PUBACK (0x40), PUBREC (0x50), PUBREL (0x62) or PUBCOMP (0x70).
pub fn acknowledgement(first: u8, id: u16) -> Bytes {
    packet(first, &id.to_be_bytes())
}

/// PINGRESP.
pub fn pong() -> Bytes {
    Bytes::from_static(&[0xD0, 0])
}

/// DISCONNECT, which only 5.0 has from a server.
pub fn disconnect(reason: u8) -> Bytes {
    packet(0xE0, &[reason, 0])
}

/// PUBLISH; with QoS 1 where it has an id.
pub fn publish(
    version: Version,
    topic: &str,
    id: Option<u16>,
    properties: &Properties,
    payload: &[u8],
) -> Bytes {
    let mut body = Vec::with_capacity(payload.len() + 64);
    sized(&mut body, topic);
    if let Some(id) = id {
        body.put_u16(id);
    }
    properties.put(version, &mut body);
    body.extend(payload);
    packet(if id.is_some() { 0x32 } else { 0x30 }, &body)
}

/// A text longer than its length can say is cut: no topic here is.
fn sized(out: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
    out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn packet(first: u8, body: &[u8]) -> Bytes {
    let mut bytes = vec![first];
    length(&mut bytes, body.len());
    bytes.extend(body);
    bytes.into()
}
