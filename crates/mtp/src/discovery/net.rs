//! Interfaces and sockets of mDNS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use if_addrs::IfAddr;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::limits::{MAX_ADVERTISED_ADDRESSES, MAX_INTERFACES};

const PORT: u16 = 5353;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// An interface that is up, with its addresses and the length of their prefixes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Interface {
    pub(super) name: String,
    index: u32,
    networks: Vec<(IpAddr, u8)>,
}

/// Which version of IP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Version {
    V4,
    V6,
}

/// The interfaces of these names; without names all but loopback and tunnels.
pub(super) fn interfaces(names: &[String]) -> io::Result<Vec<Interface>> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for found in if_addrs::get_if_addrs()? {
        let wanted = if names.is_empty() {
            !found.is_loopback() && !found.is_p2p()
        } else {
            names.contains(&found.name)
        };
        let Some(index) = found.index.filter(|_| wanted) else { continue };
        let network = match &found.addr {
            IfAddr::V4(v4) => (IpAddr::V4(v4.ip), v4.prefixlen),
            IfAddr::V6(v6) => (IpAddr::V6(v6.ip), v6.prefixlen),
        };
        if let Some(known) = interfaces.iter_mut().find(|known| known.index == index) {
            if known.networks.len() < MAX_ADVERTISED_ADDRESSES {
                known.networks.push(network);
            }
        } else if interfaces.len() < MAX_INTERFACES {
            interfaces.push(Interface { name: found.name, index, networks: vec![network] });
        }
    }
    // Addresses come in no order that stays.
    interfaces.iter_mut().for_each(|interface| interface.networks.sort_unstable());
    Ok(interfaces)
}

impl Interface {
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.networks.iter().map(|(address, _)| *address).collect()
    }

    pub(super) fn versions(&self) -> Vec<Version> {
        let has = |v4: bool| self.networks.iter().any(|(address, _)| address.is_ipv4() == v4);
        let versions = [(true, Version::V4), (false, Version::V6)];
        versions.into_iter().filter(|(v4, _)| has(*v4)).map(|(_, version)| version).collect()
    }

    /// Whether an address is one of the link: nobody else is answered (RFC 6762 section 11).
    pub(super) fn is_near(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, true),
            IpAddr::V6(ip) => (u128::from(ip), false),
        };
        let (theirs, is_v4) = bits(address);
        self.networks.iter().any(|(own, length)| {
            let (own, own_v4) = bits(*own);
            let shift = 128_u32.saturating_sub(u32::from(*length));
            own_v4 == is_v4 && (own ^ theirs).checked_shr(shift).unwrap_or(0) == 0
        })
    }

    /// A socket that hears what is sent to everybody on this link.
    pub(super) fn listener(&self, version: Version) -> io::Result<UdpSocket> {
        let socket = self.socket(version)?;
        // What came in elsewhere is answered there.
        socket.bind_device(Some(self.name.as_bytes()))?;
        // Others on this host speak mDNS too.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        match version {
            Version::V4 => {
                socket.join_multicast_v4_n(&GROUP_V4, &InterfaceIndexOrAddress::Index(self.index))?;
            }
            Version::V6 => socket.join_multicast_v6(&GROUP_V6, self.index)?,
        }
        bound(socket, version, PORT)
    }

    /// A socket that asks everybody on this link, and gets the answers alone (RFC 6762 section 5.1). It hears those
    /// of this host too, which come from no link.
    pub(super) fn asker(&self, version: Version) -> io::Result<UdpSocket> {
        bound(self.socket(version)?, version, 0)
    }

    fn socket(&self, version: Version) -> io::Result<Socket> {
        let domain = if version == Version::V4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        match version {
            Version::V4 => {
                let mut addresses = self.networks.iter().map(|(address, _)| *address);
                if let Some(IpAddr::V4(own)) = addresses.find(IpAddr::is_ipv4) {
                    socket.set_multicast_if_v4(&own)?;
                }
                socket.set_multicast_ttl_v4(255)?;
                socket.set_ttl_v4(255)?;
            }
            Version::V6 => {
                socket.set_only_v6(true)?;
                socket.set_multicast_if_v6(self.index)?;
                socket.set_multicast_hops_v6(255)?;
                socket.set_unicast_hops_v6(255)?;
            }
        }
        Ok(socket)
    }
}

fn bound(socket: Socket, version: Version, port: u16) -> io::Result<UdpSocket> {
    let local: SocketAddr = match version {
        Version::V4 => (Ipv4Addr::UNSPECIFIED, port).into(),
        Version::V6 => (Ipv6Addr::UNSPECIFIED, port).into(),
    };
    socket.bind(&local.into())?;
    UdpSocket::from_std(socket.into())
}

/// Everybody on a link.
pub(super) fn group(version: Version) -> SocketAddr {
    match version {
        Version::V4 => (GROUP_V4, PORT).into(),
        Version::V6 => (GROUP_V6, PORT).into(),
    }
}
