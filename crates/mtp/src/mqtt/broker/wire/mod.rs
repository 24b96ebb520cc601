//! The packets of both versions of MQTT as a broker reads and writes them. No socket, no state but that of a packet
//! that is under way.
//!
//! What clients send is read by the parsers of `mqtt-protocol-core`, behind limits and the checks that they leave
//! out. What the broker sends is simple enough to be written here, which spares a copy of each payload.

mod connect;
mod decoder;
mod incoming;
mod message;
mod outgoing;

pub use connect::{Connect, Will};
pub use decoder::Decoder;
pub use incoming::{Incoming, Publish, Want};
pub use message::{Message, Properties};
pub(super) use outgoing::{
    Accepted, Flags, acknowledgement, connack, disconnect, ping_response, publish, refusal, suback, unsuback,
};

/// How surely a message is delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Qos {
    /// At most once.
    AtMostOnce = 0,
    /// At least once.
    AtLeastOnce = 1,
    /// Exactly once.
    ExactlyOnce = 2,
}

/// What a client may not send.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} (reason code {code:#04x})")]
pub struct Fault {
    /// The reason code of MQTT 5.0 for it.
    pub code: u8,
    /// What is wrong.
    pub what: &'static str,
}

impl Fault {
    pub(super) const fn new(code: u8, what: &'static str) -> Fault {
        Fault { code, what }
    }
}

/// The reason codes of MQTT 5.0 (section 2.4) that the broker uses.
pub mod code {
    /// Success; normal disconnection.
    pub const SUCCESS: u8 = 0x00;
    /// Disconnect with Will Message.
    pub const WITH_WILL: u8 = 0x04;
    /// The message has no subscriber.
    pub const NO_SUBSCRIBERS: u8 = 0x10;
    /// There was no such subscription.
    pub const NO_SUBSCRIPTION: u8 = 0x11;
    /// Malformed Packet.
    pub const MALFORMED: u8 = 0x81;
    /// Protocol Error.
    pub const PROTOCOL: u8 = 0x82;
    /// Unsupported Protocol Version.
    pub const VERSION: u8 = 0x84;
    /// Client Identifier not valid.
    pub const CLIENT_ID: u8 = 0x85;
    /// Bad User Name or Password.
    pub const CREDENTIALS: u8 = 0x86;
    /// Not authorized.
    pub const NOT_AUTHORIZED: u8 = 0x87;
    /// Server unavailable.
    pub const UNAVAILABLE: u8 = 0x88;
    /// Server shutting down.
    pub const SHUTTING_DOWN: u8 = 0x8B;
    /// Bad authentication method.
    pub const AUTHENTICATION_METHOD: u8 = 0x8C;
    /// Keep Alive timeout.
    pub const KEEP_ALIVE: u8 = 0x8D;
    /// Session taken over.
    pub const TAKEN_OVER: u8 = 0x8E;
    /// Topic Filter invalid.
    pub const FILTER: u8 = 0x8F;
    /// Topic Name invalid.
    pub const TOPIC: u8 = 0x90;
    /// Packet Identifier not found.
    pub const NO_PACKET_ID: u8 = 0x92;
    /// Receive Maximum exceeded.
    pub const RECEIVE_MAXIMUM: u8 = 0x93;
    /// Topic Alias invalid.
    pub const TOPIC_ALIAS: u8 = 0x94;
    /// Packet too large.
    pub const TOO_LARGE: u8 = 0x95;
    /// Quota exceeded.
    pub const QUOTA: u8 = 0x97;
    /// Retain not supported.
    pub const RETAIN: u8 = 0x9A;
    /// Shared Subscriptions not supported.
    pub const SHARED: u8 = 0x9E;
    /// Maximum connect time.
    pub const CONNECT_TIME: u8 = 0xA0;
    /// Subscription Identifiers not supported.
    pub const SUBSCRIPTION_ID: u8 = 0xA1;
}
