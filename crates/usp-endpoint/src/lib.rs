//! The two sides of USP (TR-369) as machines without IO: an agent and a controller; and what a
//! USP Broker is to the USP Services beside it.
//!
//! A machine takes inputs with the time they came at, and gives outputs and the time it wants to be
//! woken. It opens no socket, reads no clock and draws no randomness: it is built with a seed.

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "broker")]
pub mod broker;
#[cfg(feature = "controller")]
pub mod controller;
mod debug;
pub mod limits;
pub mod msg_id;
pub mod retry;
pub mod session;
pub mod translate;

pub use usp_proto::{EndpointId, Record, Version, describe_record, exchange, link, mask};
