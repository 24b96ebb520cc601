//! `Hosts.`: the hosts of the neighbour table, one per hardware address, with the names that a DHCP server
//! on this device knows.

use std::collections::BTreeMap;
use std::net::IpAddr;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Report, Sink};

use super::layers::{IP, Layers, Network, PORT};
use super::netlink::facts::{Mac, Neighbour, mac_text};
use super::rows::{RowBuilder, object, report};
use super::support::Support;

const HOSTS: &str = "Device.Hosts.";
const HOST: &str = "Device.Hosts.Host.{i}.";
const IPV4: &str = "Device.Hosts.Host.{i}.IPv4Address.{i}.";
const IPV6: &str = "Device.Hosts.Host.{i}.IPv6Address.{i}.";

/// Where dnsmasq keeps its leases.
const LEASES: [&str; 3] =
    ["tmp/dhcp.leases", "var/lib/misc/dnsmasq.leases", "var/lib/dnsmasq/dnsmasq.leases"];

/// The hosts.
#[derive(Clone, Debug)]
pub struct Hosts {
    network: Network,
}

impl Hosts {
    /// On this network.
    pub fn new(network: Network) -> Hosts {
        Hosts { network }
    }

    async fn report(&self) -> Result<Report, ProviderError> {
        let layers = self.network.layers().await?;
        let neighbours = self.network.netlink.neighbours().await?;
        let leases = LEASES.iter().find_map(|path| self.network.root.text(path)).unwrap_or_default();
        Ok(report(rows(&layers, &neighbours, &lease_names(&leases))))
    }
}

impl Provider for Hosts {
    fn name(&self) -> &'static str {
        "hosts"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let host = [
            "PhysAddress",
            "IPAddress",
            "HostName",
            "Active",
            "Layer1Interface",
            "Layer3Interface",
            "InterfaceType",
            "IPv4AddressNumberOfEntries",
            "IPv6AddressNumberOfEntries",
        ];
        Support::new(model, &self.network.policy)
            .object(HOSTS, &["HostNumberOfEntries"])
            .object(HOST, &host)
            .object(IPV4, &["IPAddress"])
            .object(IPV6, &["IPAddress"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(HOSTS)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(self.report())
    }

    fn watch(&self, sink: Sink) -> bool {
        let this = self.clone();
        let report = move || {
            let this = this.clone();
            async move { this.report().await }
        };
        self.network.follow(sink, |news| news.neighbours, self.subtrees(), report);
        true
    }
}

/// Host names by hardware address, of a lease file: `expiry mac ip name client-id` per line.
pub fn lease_names(leases: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for line in leases.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        if let (Some(mac), Some(_), Some(name)) = (words.next(), words.next(), words.next())
            && name != "*"
        {
            names.insert(mac.to_ascii_lowercase(), name.chars().take(64).collect());
        }
    }
    names
}

/// One host per hardware address, and its addresses.
pub fn rows(layers: &Layers, neighbours: &[Neighbour], names: &BTreeMap<String, String>) -> Vec<RowBuilder> {
    let mut hosts: BTreeMap<Mac, Vec<&Neighbour>> = BTreeMap::new();
    for neighbour in neighbours {
        hosts.entry(neighbour.mac).or_default().push(neighbour);
    }
    let mut rows = Vec::new();
    for (mac, mut entries) in hosts {
        entries.sort_by_key(|entry| (!entry.active, entry.ip));
        entries.dedup_by_key(|entry| entry.ip);
        let mac = mac_text(mac);
        rows.push(host(layers, &mac, &entries, names.get(&mac)));
        for entry in entries {
            let ip = entry.ip.to_string();
            let table = if entry.ip.is_ipv4() { IPV4 } else { IPV6 };
            rows.push(RowBuilder::new(table, &[&mac, &ip]).text("IPAddress", &ip));
        }
    }
    rows
}

fn host(layers: &Layers, mac: &str, entries: &[&Neighbour], name: Option<&String>) -> RowBuilder {
    // The address that people know a host by is its IPv4 address; of the others, one that is not
    // bound to the link.
    let rank = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => 0,
        IpAddr::V6(ip) if !ip.is_unicast_link_local() => 1,
        IpAddr::V6(_) => 2,
    };
    let main = entries.iter().map(|entry| entry.ip).min_by_key(rank);
    let on = entries.first().and_then(|entry| layers.by_index(entry.index));
    let port = on.filter(|link| layers.is_port(link)).map(|link| link.name.as_str());
    let above = entries.first().and_then(|entry| layers.ip_name(entry.index));
    RowBuilder::new(HOST, &[mac])
        .text("PhysAddress", mac)
        .maybe_text("IPAddress", main.map(|ip| ip.to_string()))
        .maybe_text("HostName", name)
        .bool("Active", entries.iter().any(|entry| entry.active))
        .maybe_ref("Layer1Interface", PORT, port)
        .maybe_ref("Layer3Interface", IP, above)
        .maybe_text("InterfaceType", port.map(|_| "Ethernet"))
}
