//! CoAP: messages, the rules of a socket in a simulated network, sockets, and foreign peers.

mod blocks;
mod deliver;
mod dtls;
mod foreign;
mod message;
mod requests;
mod sockets;
mod strangers;
mod uri;
pub(crate) mod world;
