//! Whose process is at the other end of a connection within this host: `/proc/net/tcp` says so for the loopback
//! interface, as `SO_PEERCRED` does for UNIX domain sockets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mtp::PeerAuth;

use crate::system::SystemRoot;

/// What is known of a peer: where nothing was proved and it is a process of this host, that, and whose.
pub(super) fn known(peer: PeerAuth, address: Option<SocketAddr>) -> PeerAuth {
    let near =
        address.filter(|address| peer == PeerAuth::Unproven && address.ip().to_canonical().is_loopback());
    let root = SystemRoot::host();
    let owner = near.and_then(|address| {
        let tables = ["proc/net/tcp", "proc/net/tcp6"];
        tables.iter().find_map(|table| owner(&root.text(table)?, address))
    });
    owner.map_or(peer, |uid| PeerAuth::Local { uid })
}

/// The user id of the socket with this local address in a table of the kernel.
fn owner(table: &str, address: SocketAddr) -> Option<u32> {
    let wanted = SocketAddr::new(address.ip().to_canonical(), address.port());
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let local = socket(fields.nth(1)?)?;
        let uid = fields.nth(5)?.parse().ok()?;
        (local == wanted).then_some(uid)
    })
}

/// Words of four octets in the order of the machine, then the port: `0100007F:1F90`.
fn socket(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut octets = Vec::with_capacity(16);
    for at in (0..ip.len()).step_by(8) {
        octets.extend(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip: IpAddr = match octets.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into(),
    };
    Some(SocketAddr::new(ip.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::owner;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_kernels_tables_name_the_owner() {
        const V4: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   107        0 21 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 22 1 0 100 0 0 10 0";
        const V6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000    33
   1: 0000000000000000FFFF00000100007F:1F92 0000000000000000FFFF00000100007F:C351 01 00000000:00000000 00:00000000 00000000     8";
        for (table, address, uid) in [
            (V4, "127.0.0.1:8080", Some(107)),
            (V4, "127.0.0.1:8081", Some(1000)),
            (V4, "127.0.0.1:8082", None),
            (V4, "127.0.0.2:8080", None),
            (V6, "[::1]:8080", Some(33)),
            (V6, "127.0.0.1:8082", Some(8)),
            (V6, "[::ffff:127.0.0.1]:8082", Some(8)),
            ("", "127.0.0.1:8080", None),
            ("h\n 0: 0100007F 1 2 3 4 5 6", "127.0.0.1:8080", None),
        ] {
            assert_eq!(owner(table, address.parse().expect("an address")), uid, "{address}");
        }
    }
}
