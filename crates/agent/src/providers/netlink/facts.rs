//! What the kernel tells by netlink, as plain values: only what the data model has a place for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressMessage, AddressProtocol, AddressScope,
};
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, State, Stats64,
};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteType,
};

/// A hardware address.
pub type Mac = [u8; 6];

/// An interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LinkKind,
    /// Its hardware address, on Ethernet.
    pub mac: Option<Mac>,
    /// Switched on.
    pub up: bool,
    /// Its state, in the words of TR-181.
    pub status: &'static str,
    /// Bytes.
    pub mtu: Option<u32>,
    /// The bridge or bond that it is a port of.
    pub master: Option<u32>,
    /// The interface that it stands on, in this namespace.
    pub lower: Option<u32>,
    /// Counters.
    pub stats: Option<Counters>,
}

/// What an interface is, as far as the data model tells kinds apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkKind {
    /// An Ethernet port: hardware, or the end of a virtual cable.
    EthernetPort,
    /// Ethernet on top of something else: a bridge, a VLAN, a bond.
    EthernetOver,
    /// The loopback interface.
    Loopback,
    /// Carries IP in something else.
    Tunnel,
    /// Carries IP by itself.
    Other,
    /// Never carries IP (traffic shaping, monitoring).
    Helper,
}

/// Counters of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(missing_docs, reason = "as the kernel calls them")]
pub struct Counters {
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
    pub multicast: u64,
    pub collisions: u64,
    pub rx_nohandler: u64,
}

/// An address of an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// Which interface.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// Link-local, or of this host only.
    pub local_scope: bool,
    /// Does not expire.
    pub permanent: bool,
    /// Came with a router's announcement.
    pub announced: bool,
    /// Where it stands, in the words of TR-181.
    pub state: &'static str,
    /// Seconds until it should not be used for new connections; none: for ever.
    pub preferred_s: Option<u32>,
    /// Seconds until it goes; none: for ever.
    pub valid_s: Option<u32>,
}

/// A route of the main table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Where to.
    pub dest: IpAddr,
    /// Bits of it.
    pub prefix: u8,
    /// By way of.
    pub gateway: Option<IpAddr>,
    /// Out of.
    pub index: Option<u32>,
    /// Lower is better.
    pub metric: Option<u32>,
    /// Who made it.
    pub origin: RouteOrigin,
    /// What happens on it, in the words of TR-181.
    pub kind: &'static str,
    /// Seconds until it goes; none: for ever.
    pub expires_s: Option<u32>,
}

/// Who made a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouteOrigin {
    /// The kernel, for an address of an interface.
    Connected,
    /// An administrator, or a start-up script.
    Static,
    /// A DHCP client.
    Dhcp,
    /// A router's announcement.
    Announced,
    /// OSPF.
    Ospf,
    /// RIP.
    Rip,
    /// Some other routing protocol.
    Other,
}

/// A host on the same link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// On which interface.
    pub index: u32,
    /// Its address.
    pub ip: IpAddr,
    /// Its hardware address.
    pub mac: Mac,
    /// It answered not long ago.
    pub active: bool,
}

impl Link {
    /// Takes what is of use of the kernel's message.
    pub fn read(message: &LinkMessage) -> Option<Link> {
        let flags = message.header.flags;
        let mut info = None;
        let mut link = Link {
            index: message.header.index,
            name: String::new(),
            kind: LinkKind::Other,
            mac: None,
            up: flags.contains(LinkFlags::Up),
            status: "Unknown",
            mtu: None,
            master: None,
            lower: None,
            stats: None,
        };
        let (mut state, mut foreign) = (State::Unknown, false);
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Address(address) => link.mac = Mac::try_from(address.as_slice()).ok(),
                LinkAttribute::Mtu(mtu) => link.mtu = Some(*mtu),
                LinkAttribute::Controller(index) => link.master = Some(*index),
                LinkAttribute::Link(index) => link.lower = Some(*index).filter(|index| *index != 0),
                LinkAttribute::LinkNetNsId(_) => foreign = true,
                LinkAttribute::OperState(told) => state = *told,
                LinkAttribute::Stats64(stats) => link.stats = Some(Counters::of(stats)),
                LinkAttribute::LinkInfo(told) => {
                    info = told.iter().find_map(|info| match info {
                        LinkInfo::Kind(kind) => Some(kind.clone()),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        // The other end is in another namespace, or this one has another numbering.
        link.lower = link.lower.filter(|_| !foreign && !matches!(info, Some(InfoKind::Veth)));
        link.kind = kind(message.header.link_layer_type, info.as_ref());
        link.mac = link.mac.filter(|_| matches!(link.kind, LinkKind::EthernetPort | LinkKind::EthernetOver));
        link.status = status(state, flags);
        (!link.name.is_empty()).then_some(link)
    }
}

fn kind(layer: LinkLayerType, info: Option<&InfoKind>) -> LinkKind {
    match (layer, info) {
        (_, Some(InfoKind::Ifb | InfoKind::Nlmon)) => LinkKind::Helper,
        (LinkLayerType::Loopback, _) => LinkKind::Loopback,
        (LinkLayerType::Ether, None | Some(InfoKind::Veth | InfoKind::Dsa | InfoKind::Netkit)) => {
            LinkKind::EthernetPort
        }
        (LinkLayerType::Ether, Some(_)) => LinkKind::EthernetOver,
        (
            LinkLayerType::Tunnel
            | LinkLayerType::Tunnel6
            | LinkLayerType::Sit
            | LinkLayerType::Ipgre
            | LinkLayerType::Ip6gre,
            _,
        )
        | (_, Some(InfoKind::Wireguard)) => LinkKind::Tunnel,
        _ => LinkKind::Other,
    }
}

/// RFC 2863's words as the kernel and TR-181 have them. A driver that does not tell is up when it runs.
fn status(state: State, flags: LinkFlags) -> &'static str {
    match state {
        State::Up => "Up",
        State::Down => "Down",
        State::Dormant => "Dormant",
        State::NotPresent => "NotPresent",
        State::LowerLayerDown => "LowerLayerDown",
        _ if !flags.contains(LinkFlags::Up) => "Down",
        _ if flags.contains(LinkFlags::Running) => "Up",
        _ => "Unknown",
    }
}

impl Counters {
    fn of(stats: &Stats64) -> Counters {
        Counters {
            rx_bytes: stats.rx_bytes,
            tx_bytes: stats.tx_bytes,
            rx_packets: stats.rx_packets,
            tx_packets: stats.tx_packets,
            rx_errors: stats.rx_errors,
            tx_errors: stats.tx_errors,
            rx_dropped: stats.rx_dropped,
            tx_dropped: stats.tx_dropped,
            multicast: stats.multicast,
            collisions: stats.collisions,
            rx_nohandler: stats.rx_nohandler,
        }
    }
}

impl Address {
    /// Takes what is of use of the kernel's message.
    pub fn read(message: &AddressMessage) -> Option<Address> {
        let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
        let (mut address, mut local, mut announced, mut lives) = (None, None, false, None);
        for attribute in &message.attributes {
            match attribute {
                AddressAttribute::Address(ip) => address = Some(*ip),
                AddressAttribute::Local(ip) => local = Some(*ip),
                AddressAttribute::Flags(all) => flags = *all,
                AddressAttribute::CacheInfo(info) => lives = Some((info.ifa_preferred, info.ifa_valid)),
                AddressAttribute::Protocol(AddressProtocol::RouterAnnouncement) => announced = true,
                _ => {}
            }
        }
        let limited = |seconds: u32| (seconds != u32::MAX).then_some(seconds);
        Some(Address {
            index: message.header.index,
            // Of a point-to-point link, `Address` is the other end's.
            ip: local.or(address)?,
            prefix: message.header.prefix_len,
            local_scope: !matches!(message.header.scope, AddressScope::Universe | AddressScope::Site),
            permanent: flags.contains(AddressFlags::Permanent),
            announced: announced || flags.contains(AddressFlags::Managetempaddr),
            state: address_state(flags),
            preferred_s: lives.and_then(|(preferred, _)| limited(preferred)),
            valid_s: lives.and_then(|(_, valid)| limited(valid)),
        })
    }
}

fn address_state(flags: AddressFlags) -> &'static str {
    if flags.contains(AddressFlags::Dadfailed) {
        "Duplicate"
    } else if flags.contains(AddressFlags::Optimistic) {
        "Optimistic"
    } else if flags.contains(AddressFlags::Tentative) {
        "Tentative"
    } else if flags.contains(AddressFlags::Deprecated) {
        "Deprecated"
    } else {
        "Preferred"
    }
}

impl Route {
    /// Takes what is of use of the kernel's message; nothing of other tables and of the kernel's clones.
    pub fn read(message: &RouteMessage) -> Option<Route> {
        let header = &message.header;
        let is_ipv4 = match header.address_family {
            AddressFamily::Inet => true,
            AddressFamily::Inet6 => false,
            _ => return None,
        };
        let anywhere: IpAddr =
            if is_ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let mut table = u32::from(header.table);
        let mut route = Route {
            dest: anywhere,
            prefix: header.destination_prefix_length,
            gateway: None,
            index: None,
            metric: None,
            origin: origin(header.protocol),
            kind: route_kind(header.kind)?,
            expires_s: None,
        };
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Table(number) => table = *number,
                RouteAttribute::Destination(address) => route.dest = ip(address)?,
                RouteAttribute::Gateway(address) => route.gateway = ip(address),
                RouteAttribute::Oif(index) => route.index = Some(*index),
                RouteAttribute::Priority(metric) => route.metric = Some(*metric),
                // Hundredths of a second, counted down.
                RouteAttribute::CacheInfo(info) if info.expires != 0 => {
                    route.expires_s = Some(info.expires / 100);
                }
                // Of several ways the first stands for all: the data model has no place for more.
                RouteAttribute::MultiPath(hops) => {
                    let hop = hops.first()?;
                    route.index = Some(hop.interface_index);
                    route.gateway = hop.attributes.iter().find_map(|attribute| match attribute {
                        RouteAttribute::Gateway(address) => ip(address),
                        _ => None,
                    });
                }
                _ => {}
            }
        }
        (table == u32::from(RouteHeader::RT_TABLE_MAIN)).then_some(route)
    }
}

fn route_kind(kind: RouteType) -> Option<&'static str> {
    match kind {
        RouteType::Unicast => Some("Normal"),
        RouteType::Local => Some("Receive"),
        RouteType::BlackHole => Some("Blackhole"),
        RouteType::Unreachable => Some("Unreachable"),
        RouteType::Prohibit => Some("Prohibit"),
        _ => None,
    }
}

fn origin(protocol: RouteProtocol) -> RouteOrigin {
    match protocol {
        RouteProtocol::Kernel => RouteOrigin::Connected,
        RouteProtocol::Boot | RouteProtocol::Static | RouteProtocol::Unspec => RouteOrigin::Static,
        RouteProtocol::Dhcp => RouteOrigin::Dhcp,
        RouteProtocol::Ra => RouteOrigin::Announced,
        RouteProtocol::Ospf => RouteOrigin::Ospf,
        RouteProtocol::Rip => RouteOrigin::Rip,
        _ => RouteOrigin::Other,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some((*ip).into()),
        RouteAddress::Inet6(ip) => Some((*ip).into()),
        _ => None,
    }
}

impl Neighbour {
    /// Takes what is of use of the kernel's message; nothing of those who never answered, of groups, and
    /// of proxies.
    pub fn read(message: &NeighbourMessage) -> Option<Neighbour> {
        let header = &message.header;
        let (mut address, mut mac) = (None, None);
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => {
                    address = Some(IpAddr::V4(*ip));
                }
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => {
                    address = Some(IpAddr::V6(*ip));
                }
                NeighbourAttribute::LinkLayerAddress(bytes) => mac = Mac::try_from(bytes.as_slice()).ok(),
                _ => {}
            }
        }
        let (ip, mac) = (address?, mac?);
        let is_host = !ip.is_multicast()
            && mac[0] & 1 == 0
            && mac != [0; 6]
            && !header.flags.contains(NeighbourFlags::Proxy)
            && !matches!(header.state, NeighbourState::Noarp | NeighbourState::Incomplete);
        let active = matches!(
            header.state,
            NeighbourState::Reachable
                | NeighbourState::Stale
                | NeighbourState::Delay
                | NeighbourState::Probe
                | NeighbourState::Permanent
        );
        is_host.then_some(Neighbour { index: header.ifindex, ip, mac, active })
    }
}

/// As TR-181 writes it, lower case.
pub fn mac_text(mac: Mac) -> String {
    let [a, b, c, d, e, f] = mac;
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
