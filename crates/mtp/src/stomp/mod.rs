//! USP over STOMP 1.2 (TR-369 section 4.4): the client side, for both roles.
//!
//! Pure parts: [`frame`] and [`decoder`], [`machine`], which holds the rules of one connection to a STOMP server,
//! heart-beats included, [`pattern`]s of destinations, and [`retry`], the reconnect schedule. [`client`] puts them on a socket. Many Endpoints share
//! a connection to a server: a Record is sent to a destination, and none of them is proved by it.
//!
//! Tested against Debian's RabbitMQ and ActiveMQ.

pub mod client;
pub mod config;
mod conn;
pub mod decoder;
pub mod frame;
mod heard;
mod heart;
pub mod machine;
pub mod pattern;
pub mod retry;

pub use client::{Client, ServerAddress, Session};
pub use config::Config;
pub use heard::CONTENT_TYPE;
pub use machine::is_destination;
pub use pattern::{Pattern, PatternError};
pub use retry::{Retry, Schedule};
