//! CoAP over DTLS: associations in a simulated network, sockets, and foreign peers.

mod associations;
mod calls;
mod foreign;
mod lost;
mod reload;
mod sizes;
mod sockets;
mod spoofed;
mod strangers;
pub(super) mod trust;
mod world;
