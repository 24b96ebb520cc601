//! An MQTT broker for USP (TR-369 sections 4.5.3 and 6.7): MQTT 5.0 and 3.1.1 over TCP, TLS and
//! WebSocket.
//!
//! Clients are what a [`Gate`] admits, and may do what its [`Rights`] say: subscribe to their own topics and publish
//! to their peers'. Of an Endpoint every message must be a Record of that Endpoint; nothing else of it is looked
//! at. So those behind this broker can believe the sender of each Record, if the listener is one with TLS.
//!
//! [`Broker`] and the listener are a thin layer of tokio over [`Machine`], which is pure. A controller in the same
//! process needs no socket: [`Broker::attach`] gives it a [`LinkSender`](crate::LinkSender) and a queue of Records.
//!
//! Left out: shared subscriptions, subscription identifiers, topic aliases, AUTH. Nothing is written to disk:
//! sessions and retained messages end with the process.

mod attached;
mod conn;
pub mod limits;
mod listen;
pub mod machine;
mod queue;
mod retained;
mod rights;
mod shared;
mod strangers;
mod tree;
pub mod wire;

pub use attached::Attached;
pub use listen::{ListenConfig, Listener};
pub use machine::{Arrived, Machine};
pub use rights::{ConnectFacts, Denied, Gate, Incident, Offence, Rights, covers};
pub use shared::Broker;
