//! Ports for programs that choose none themselves, and for those that have to be found where they were.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{TcpListener, UdpSocket};

/// A port of 127.0.0.1 that was free a moment ago, of TCP and of UDP. It lies below those that the system gives to
/// connections, of which tests make thousands: a connection to itself would be one.
pub(crate) fn free_port() -> u16 {
    let chance = RandomState::new();
    let port = |at: u64| 10_000 + u16::try_from(chance.hash_one(at) % 20_000).expect("it is below 20,000");
    let is_free = |port: &u16| {
        let at = ("127.0.0.1", *port);
        TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
    };
    (0..1000).map(port).find(is_free).expect("a free port")
}
