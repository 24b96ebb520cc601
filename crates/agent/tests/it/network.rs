//! Facts of the network as rows: literal facts in, literal rows out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use agent::providers::ethernet::{self, Cable};
use agent::providers::ip::{self, Ipv6State};
use agent::providers::layers::Layers;
use agent::providers::netlink::facts::{
    Address, Counters, Link, LinkKind, Neighbour, Route, RouteOrigin, mac_text,
};
use agent::providers::rows::RowBuilder;
use agent::providers::{hosts, interface_stack, routing};
use dm::UtcTime;

use crate::support::{lines, router};

fn link(index: u32, name: &str, kind: LinkKind) -> Link {
    Link {
        index,
        name: name.to_owned(),
        kind,
        mac: Some([0, 0x25, 0x90, 0, 0, u8::try_from(index).expect("small")]),
        up: true,
        status: "Up",
        mtu: Some(1500),
        master: None,
        lower: None,
        stats: None,
    }
}

/// A port with an address, a bridge over another port, and the loopback interface.
fn layers() -> Layers {
    let counters = Counters {
        rx_bytes: 5_000_000_000,
        tx_bytes: 7,
        rx_errors: 4_294_967_297,
        collisions: 3,
        ..Counters::default()
    };
    let links = vec![
        Link { mac: None, mtu: Some(65_536), ..link(1, "lo", LinkKind::Loopback) },
        Link { stats: Some(counters), ..link(2, "eth0", LinkKind::EthernetPort) },
        Link { master: Some(4), up: false, status: "Down", ..link(3, "eth1", LinkKind::EthernetPort) },
        link(4, "br0", LinkKind::EthernetOver),
        link(5, "ifb0", LinkKind::Helper),
        link(6, "wlan0", LinkKind::EthernetPort),
    ];
    Layers::new(links, BTreeSet::from([6]))
}

fn text(rows: Vec<RowBuilder>) -> Vec<String> {
    lines(&rows.into_iter().map(RowBuilder::build).collect::<Vec<_>>())
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn expires(_: &str, seconds: Option<u32>) -> Option<UtcTime> {
    Some(
        seconds
            .map_or(UtcTime::INFINITE, |seconds| UtcTime((1_800_000_000 + i64::from(seconds)) * 1_000_000)),
    )
}

fn names_of<'a>(lines: &'a [String], table: &str) -> Vec<&'a str> {
    let start = format!("{table}[");
    let rows = lines.iter().filter_map(|line| line.strip_prefix(&start)?.split_once("] Name = "));
    rows.map(|(keys, _)| keys).collect()
}

#[test]
fn ports_and_links_are_told_apart() {
    let cable = |name: &str| match name {
        "eth0" => Cable { speed: Some(1000), duplex: Some("Full") },
        _ => Cable::default(),
    };
    let rows = text(ethernet::rows(&layers(), cable));
    assert_eq!(names_of(&rows, "Ethernet.Interface.{i}."), ["eth0", "eth1"]);
    assert_eq!(names_of(&rows, "Ethernet.Link.{i}."), ["eth0", "br0", "wlan0"]);
    let port = "Ethernet.Interface.{i}.[eth0]";
    let expected = [
        format!("{port} Name = eth0"),
        format!("{port} Enable = true"),
        format!("{port} Status = Up"),
        format!("{port} MACAddress = 00:25:90:00:00:02"),
        format!("{port} LowerLayers = "),
        format!("{port} CurrentBitRate = 1000"),
        format!("{port} CurrentDuplexMode = Full"),
    ];
    assert_eq!(rows[..7], expected);
    for line in [
        "Ethernet.Interface.{i}.Stats.[eth0] BytesReceived = 5000000000",
        "Ethernet.Interface.{i}.Stats.[eth0] ErrorsReceived = 1",
        "Ethernet.Interface.{i}.Stats.[eth0] Collisions = 3",
        "Ethernet.Interface.{i}.[eth1] Enable = false",
        "Ethernet.Interface.{i}.[eth1] Status = Down",
        "Ethernet.Link.{i}.[eth0] LowerLayers = Device.Ethernet.Interface.{eth0}",
        "Ethernet.Link.{i}.[br0] LowerLayers = ",
        "Ethernet.Link.{i}.[br0] MTU = 1500",
    ] {
        assert!(rows.contains(&line.to_owned()), "{line} is not in {rows:#?}");
    }
}

#[test]
fn a_cable_is_read_from_its_driver() {
    assert_eq!(ethernet::cable(&router(), "eth0"), Cable { speed: Some(1000), duplex: Some("Full") });
    assert_eq!(ethernet::cable(&router(), "lo"), Cable::default());
}

#[test]
fn addresses_and_interfaces_of_ip() {
    let address = |index, text: &str, prefix| Address {
        index,
        ip: ip(text),
        prefix,
        local_scope: false,
        permanent: true,
        announced: false,
        state: "Preferred",
        preferred_s: None,
        valid_s: None,
    };
    let addresses = [
        address(1, "127.0.0.1", 8),
        address(2, "192.0.2.2", 24),
        Address { permanent: false, valid_s: Some(3600), ..address(4, "198.51.100.9", 25) },
        Address {
            permanent: false,
            announced: true,
            preferred_s: Some(60),
            valid_s: Some(120),
            ..address(2, "2001:db8::2", 64)
        },
        Address { state: "Duplicate", ..address(2, "fe80::2", 64) },
    ];
    let ipv6 = Ipv6State {
        capable: true,
        enabled: true,
        interfaces: BTreeMap::from([("eth0".to_owned(), true), ("br0".to_owned(), false)]),
    };
    let rows = text(ip::rows(&layers(), &addresses, &ipv6, expires));
    assert_eq!(names_of(&rows, "IP.Interface.{i}."), ["lo", "eth0", "br0", "wlan0"]);
    let v4 = "IP.Interface.{i}.IPv4Address.{i}.";
    let v6 = "IP.Interface.{i}.IPv6Address.{i}.";
    for line in [
        "IP.[] IPv6Status = Enabled".to_owned(),
        "IP.Interface.{i}.[lo] Type = Loopback".to_owned(),
        "IP.Interface.{i}.[lo] LowerLayers = ".to_owned(),
        "IP.Interface.{i}.[eth0] LowerLayers = Device.Ethernet.Link.{eth0}".to_owned(),
        "IP.Interface.{i}.[eth0] Router = Device.Routing.Router.{main}".to_owned(),
        "IP.Interface.{i}.[eth0] MaxMTUSize = 1500".to_owned(),
        "IP.Interface.{i}.[br0] IPv6Enable = false".to_owned(),
        format!("{v4}[lo; 127.0.0.1/8] SubnetMask = 255.0.0.0"),
        format!("{v4}[br0; 198.51.100.9/25] SubnetMask = 255.255.255.128"),
        format!("{v4}[br0; 198.51.100.9/25] AddressingType = DHCP"),
        format!("{v6}[eth0; 2001:db8::2/64] Origin = AutoConfigured"),
        format!("{v6}[eth0; 2001:db8::2/64] PreferredLifetime = 2027-01-15T08:01:00Z"),
        format!("{v6}[eth0; 2001:db8::2/64] ValidLifetime = 2027-01-15T08:02:00Z"),
        format!("{v6}[eth0; fe80::2/64] ValidLifetime = 9999-12-31T23:59:59Z"),
        format!("{v6}[eth0; fe80::2/64] IPAddressStatus = Duplicate"),
        format!("{v6}[eth0; fe80::2/64] Status = Error_Misconfigured"),
    ] {
        assert!(rows.contains(&line), "{line} is not in {rows:#?}");
    }
    // 65536 does not fit the parameter, and who set a lasting address is not known.
    assert!(!rows.iter().any(|line| line.starts_with("IP.Interface.{i}.[lo] MaxMTUSize")));
    assert!(!rows.iter().any(|line| line.contains("192.0.2.2/24] AddressingType")));
}

#[test]
fn the_stack_follows_the_layers() {
    let expected = [
        ("Device.IP.Interface.{eth0}", "Device.Ethernet.Link.{eth0}"),
        ("Device.IP.Interface.{br0}", "Device.Ethernet.Link.{br0}"),
        ("Device.IP.Interface.{wlan0}", "Device.Ethernet.Link.{wlan0}"),
        ("Device.Ethernet.Link.{eth0}", "Device.Ethernet.Interface.{eth0}"),
    ];
    let rows: Vec<_> = interface_stack::rows(&layers()).into_iter().map(RowBuilder::build).collect();
    let pairs: Vec<_> =
        rows.iter().map(|row| (row.values[0].1.to_string(), row.values[1].1.to_string())).collect();
    let expected: Vec<_> = expected.map(|(higher, lower)| (higher.to_owned(), lower.to_owned())).into();
    assert_eq!(pairs, expected);
}

#[test]
fn routes_of_both_kinds() {
    let route = |dest: &str, prefix, origin| Route {
        dest: ip(dest),
        prefix,
        gateway: None,
        index: Some(2),
        metric: None,
        origin,
        kind: "Normal",
        expires_s: None,
    };
    let routes = [
        Route { gateway: Some(ip("192.0.2.1")), metric: Some(100), ..route("0.0.0.0", 0, RouteOrigin::Dhcp) },
        route("192.0.2.0", 24, RouteOrigin::Connected),
        Route { index: None, kind: "Blackhole", ..route("203.0.113.0", 31, RouteOrigin::Static) },
        Route { gateway: Some(ip("fe80::1")), expires_s: Some(60), ..route("::", 0, RouteOrigin::Announced) },
    ];
    let rows = text(routing::rows(&layers(), &routes, expires));
    let default = "Routing.Router.{i}.IPv4Forwarding.{i}.[main; 0.0.0.0/0 192.0.2.1 eth0 100]";
    let connected = "Routing.Router.{i}.IPv4Forwarding.{i}.[main; 192.0.2.0/24 - eth0 0]";
    let hole = "Routing.Router.{i}.IPv4Forwarding.{i}.[main; 203.0.113.0/31 - - 0]";
    let v6 = "Routing.Router.{i}.IPv6Forwarding.{i}.[main; ::/0 fe80::1 eth0 0]";
    for line in [
        "Routing.Router.{i}.[main] Status = Enabled".to_owned(),
        format!("{default} DestIPAddress = 0.0.0.0"),
        format!("{default} DestSubnetMask = 0.0.0.0"),
        format!("{default} GatewayIPAddress = 192.0.2.1"),
        format!("{default} Interface = Device.IP.Interface.{{eth0}}"),
        format!("{default} ForwardingMetric = 100"),
        format!("{default} Origin = DHCPv4"),
        format!("{default} StaticRoute = false"),
        format!("{connected} DestSubnetMask = 255.255.255.0"),
        format!("{connected} ForwardingMetric = -1"),
        format!("{hole} DestSubnetMask = 255.255.255.254"),
        format!("{hole} Type = Blackhole"),
        format!("{hole} Interface = "),
        format!("{hole} StaticRoute = true"),
        format!("{v6} DestIPPrefix = ::/0"),
        format!("{v6} NextHop = fe80::1"),
        format!("{v6} Origin = RA"),
        format!("{v6} ExpirationTime = 2027-01-15T08:01:00Z"),
    ] {
        assert!(rows.contains(&line), "{line} is not in {rows:#?}");
    }
    assert!(!rows.iter().any(|line| line.starts_with(&format!("{connected} Origin"))));
}

#[test]
fn neighbours_are_hosts_by_hardware_address() {
    let neighbour = |index, text: &str, last: u8, active| Neighbour {
        index,
        ip: ip(text),
        mac: [2, 0, 0x5e, 0x10, 0, last],
        active,
    };
    let neighbours = [
        neighbour(2, "fe80::1", 1, true),
        neighbour(2, "192.0.2.20", 1, true),
        neighbour(4, "198.51.100.3", 2, false),
    ];
    let names = BTreeMap::from([("02:00:5e:10:00:01".to_owned(), "laptop".to_owned())]);
    let rows = text(hosts::rows(&layers(), &neighbours, &names));
    let expected = [
        "Hosts.Host.{i}.[02:00:5e:10:00:01] PhysAddress = 02:00:5e:10:00:01",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] IPAddress = 192.0.2.20",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] HostName = laptop",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] Active = true",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] Layer1Interface = Device.Ethernet.Interface.{eth0}",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] Layer3Interface = Device.IP.Interface.{eth0}",
        "Hosts.Host.{i}.[02:00:5e:10:00:01] InterfaceType = Ethernet",
        "Hosts.Host.{i}.IPv4Address.{i}.[02:00:5e:10:00:01; 192.0.2.20] IPAddress = 192.0.2.20",
        "Hosts.Host.{i}.IPv6Address.{i}.[02:00:5e:10:00:01; fe80::1] IPAddress = fe80::1",
        "Hosts.Host.{i}.[02:00:5e:10:00:02] PhysAddress = 02:00:5e:10:00:02",
        "Hosts.Host.{i}.[02:00:5e:10:00:02] IPAddress = 198.51.100.3",
        "Hosts.Host.{i}.[02:00:5e:10:00:02] Active = false",
        "Hosts.Host.{i}.[02:00:5e:10:00:02] Layer1Interface = ",
        "Hosts.Host.{i}.[02:00:5e:10:00:02] Layer3Interface = Device.IP.Interface.{br0}",
        "Hosts.Host.{i}.IPv4Address.{i}.[02:00:5e:10:00:02; 198.51.100.3] IPAddress = 198.51.100.3",
    ];
    assert_eq!(rows, expected);
    assert_eq!(mac_text([0, 1, 0xa, 0xff, 0x10, 0]), "00:01:0a:ff:10:00");
}
