//! USP over MQTT (TR-369 section 4.5): the client side, for both roles, with MQTT 5.0 and 3.1.1, over TCP, TLS and WebSocket; and `broker`, to which
//! such clients connect.
//!
//! Pure parts: [`topic`], [`reply_to`], [`subscriptions`], and [`machine`], which drives the sans-IO core of
//! `mqtt-protocol-core` from CONNECT to the last Record. [`client`] puts them on a socket. Many Endpoints
//! share a connection to a broker: a Record is sent to a topic, and none of them is proved by it.
//!
//! Tested against Debian's mosquitto and RabbitMQ.

#[cfg(feature = "broker")]
pub mod broker;
pub mod client;
mod conn;
pub mod limits;
pub mod machine;
pub mod meter;
mod packets;
pub mod reply_to;
pub mod settings;
pub mod subscriptions;
pub mod topic;
#[cfg(feature = "ws")]
pub(crate) mod websocket;

pub use client::{BrokerAddress, Client, Session, Subscriptions};
pub use meter::Meter;
pub use settings::{Qos, Settings, Subscription, Version, Will};
pub use topic::{Filter, Topic, TopicError};

/// The content types that mark a Record (R-MQTT.27, R-MQTT.27a); the first is the one that we send.
pub const CONTENT_TYPES: [&str; 2] = ["usp.msg", "application/vnd.bbf.usp.msg"];
/// The user property of CONNECT that holds our endpoint id (R-MQTT.13).
pub const ENDPOINT_ID_PROPERTY: &str = "usp-endpoint-id";
/// The user property of CONNACK that holds a filter to subscribe to (R-MQTT.15, R-MQTT.44).
pub const SUBSCRIBE_PROPERTY: &str = "subscribe-topic";
