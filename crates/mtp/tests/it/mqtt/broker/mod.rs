//! The embedded broker: its machine on literal packets and virtual time, and the whole of it on sockets.

mod connect;
mod deliver;
mod foreign;
mod hostile;
mod limits;
mod memory;
mod rights;
mod session;
mod sockets;
mod tls;
mod topics;
mod waiting;
pub(super) mod world;
