//! USP over STOMP 1.2 (TR-369 section 4.4): the client side, for both roles.
//!
//! Pure parts: [`frame`] and [`decoder`], [`machine`], which holds the rules of one connection to a STOMP server,
//! heart-beats included, and [`retry`], the reconnect schedule. [`client`] puts them on a socket. Many Endpoints share
//! a connection to a server: a Record is sent to a destination, and none of them is proved by it.
//!
//! Complete and tested against Debian's RabbitMQ and ActiveMQ. Library only: neither agent nor server uses it yet.

pub mod client;
pub mod config;
mod conn;
pub mod decoder;
pub mod frame;
mod heard;
mod heart;
mod keep;
pub mod machine;
pub mod retry;

pub use client::{Client, Destination, ServerAddress, Session};
pub use config::Config;
pub use heard::CONTENT_TYPE;
pub use keep::Lost;
pub use retry::{Retry, Schedule};
