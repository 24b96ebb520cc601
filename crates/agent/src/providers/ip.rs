//! `IP.`: interfaces and their addresses.

mod edit;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use dm::Fault;
use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::time::UtcTime;
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report, Sink};

use super::ethernet::internal;
use super::layers::{FRAMES, IP, Layers, Network, STATS, stats};
use super::netlink::facts::{Address, Link, LinkKind};
use super::routing::mask;
use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::time::{credible, whole_seconds};
use super::transaction::Transaction;
use crate::system::SystemRoot;

const DEVICE_IP: &str = "Device.IP.";
const IP_STATS: &str = "Device.IP.Interface.{i}.Stats.";
pub(super) const IPV4: &str = "Device.IP.Interface.{i}.IPv4Address.{i}.";
pub(super) const IPV6: &str = "Device.IP.Interface.{i}.IPv6Address.{i}.";
pub(super) const ROUTER: &str = "Device.Routing.Router.{i}.";
/// The one router: the kernel's main table.
pub(super) const ROUTER_KEY: &str = "main";

/// IP interfaces.
#[derive(Clone, Debug)]
pub struct Ip {
    network: Network,
    expiry: Expiry,
}

/// What the kernel's settings say about IPv6.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ipv6State {
    /// It has IPv6 at all.
    pub capable: bool,
    /// It is on for the system.
    pub enabled: bool,
    /// It is on for these interfaces, by name; those not listed are not known.
    pub interfaces: BTreeMap<String, bool>,
}

impl Ip {
    /// On this network.
    pub fn new(network: Network) -> Ip {
        Ip { network, expiry: Expiry::default() }
    }

    async fn report(&self) -> Result<Report, ProviderError> {
        let layers = self.network.layers().await?;
        let addresses = self.network.netlink.addresses().await?;
        let ipv6 = ipv6_state(&self.network.root, &layers);
        let now = credible(SystemTime::now());
        let expires = |key: &str, seconds| self.expiry.at(key, now, seconds);
        Ok(report(rows(&layers, &addresses, &ipv6, expires)))
    }
}

impl Provider for Ip {
    fn name(&self) -> &'static str {
        "ip"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let capabilities =
            ["IPv4Capable", "IPv4Enable", "IPv4Status", "IPv6Capable", "IPv6Enable", "IPv6Status"];
        let interface = [
            "Alias",
            "Enable",
            "IPv6Enable",
            "Status",
            "Name",
            "LowerLayers",
            "Router",
            "MaxMTUSize",
            "Type",
            "Loopback",
            "IPv4AddressNumberOfEntries",
            "IPv6AddressNumberOfEntries",
        ];
        let ipv4 = ["Alias", "Enable", "Status", "IPAddress", "SubnetMask", "AddressingType"];
        let ipv6 = [
            "Alias",
            "Enable",
            "Status",
            "IPAddress",
            "IPAddressStatus",
            "Origin",
            "PreferredLifetime",
            "ValidLifetime",
        ];
        let mut support = Support::new(model, &self.network.policy);
        support.object(DEVICE_IP, &capabilities).add(DEVICE_IP, &["InterfaceNumberOfEntries"]);
        support.writable(IP, &interface, &["Enable", "IPv6Enable", "MaxMTUSize"]);
        support.object(IP_STATS, &STATS);
        support.writable(IPV4, &ipv4, &["Enable", "IPAddress", "SubnetMask"]).creatable(IPV4);
        support.writable(IPV6, &ipv6, &["Enable", "IPAddress"]).creatable(IPV6);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(DEVICE_IP)]
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
        self.network.follow(sink, |news| news.links + news.addresses, self.subtrees(), report);
        true
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            let layers = self.network.layers().await.map_err(internal)?;
            Ok(edit::plan(&layers, &self.network.root, changes)?.prepared())
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(Transaction::commit(prepared, Some(&self.network.netlink)))
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(Transaction::abort(prepared, Some(&self.network.netlink)))
    }
}

/// Reads the settings of IPv6.
pub fn ipv6_state(root: &SystemRoot, layers: &Layers) -> Ipv6State {
    let enabled = |name: &str| {
        let disabled: Option<u8> = root.number(&format!("proc/sys/net/ipv6/conf/{name}/disable_ipv6"));
        disabled.map(|disabled| disabled == 0)
    };
    let interfaces = layers.ip().filter_map(|link| Some((link.name.clone(), enabled(&link.name)?)));
    Ipv6State {
        capable: root.exists("proc/sys/net/ipv6"),
        enabled: enabled("all").unwrap_or(false),
        interfaces: interfaces.collect(),
    }
}

/// The rows of interfaces and addresses. `expires` gives the time of a number of seconds from now.
pub fn rows(
    layers: &Layers,
    addresses: &[Address],
    ipv6: &Ipv6State,
    expires: impl Fn(&str, Option<u32>) -> Option<UtcTime>,
) -> Vec<RowBuilder> {
    let on = |enabled: bool| if enabled { "Enabled" } else { "Disabled" };
    let capabilities = RowBuilder::new(DEVICE_IP, &[])
        .bool("IPv4Capable", true)
        .bool("IPv4Enable", true)
        .text("IPv4Status", "Enabled")
        .bool("IPv6Capable", ipv6.capable)
        .bool("IPv6Enable", ipv6.enabled)
        .text("IPv6Status", on(ipv6.enabled));
    let mut rows = vec![capabilities];
    for link in layers.ip() {
        rows.push(interface(link, layers, ipv6));
        rows.extend(link.stats.as_ref().map(|counters| stats(IP_STATS, &link.name, counters)));
        let own = addresses.iter().filter(|address| address.index == link.index);
        rows.extend(own.map(|address| match address.ip {
            IpAddr::V4(_) => ipv4_address(&link.name, address),
            IpAddr::V6(ip) => ipv6_address(&link.name, address, ip, &expires),
        }));
    }
    rows
}

fn interface(link: &Link, layers: &Layers, ipv6: &Ipv6State) -> RowBuilder {
    let lower = layers.has_frames(link).then_some(link.name.as_str());
    let kind = match link.kind {
        LinkKind::Loopback => "Loopback",
        LinkKind::Tunnel => "Tunnel",
        _ => "Normal",
    };
    // TR-181 ends at 65535; the loopback interface of Linux has 65536.
    let mtu = link.mtu.filter(|mtu| (64..=65_535).contains(mtu));
    RowBuilder::new(IP, &[&link.name])
        .text("Name", &link.name)
        .bool("Enable", link.up)
        .value("IPv6Enable", ipv6.interfaces.get(&link.name).map(|enabled| (*enabled).into()))
        .text("Status", link.status)
        .maybe_ref("LowerLayers", FRAMES, lower)
        .refs("Router", &[(ROUTER, &[ROUTER_KEY])])
        .maybe_uint("MaxMTUSize", mtu.map(u64::from))
        .text("Type", kind)
        .bool("Loopback", link.kind == LinkKind::Loopback)
}

/// How the row of an address is named.
pub(super) fn address_key(ip: IpAddr, prefix: u8) -> String {
    format!("{ip}/{prefix}")
}

fn ipv4_address(interface: &str, address: &Address) -> RowBuilder {
    // Who set an address that does not expire can't be told.
    let link_local = matches!(address.ip, IpAddr::V4(ip) if ip.is_link_local());
    let how = match (address.permanent, link_local) {
        (_, true) => Some("AutoIP"),
        (false, false) => Some("DHCP"),
        (true, false) => None,
    };
    RowBuilder::new(IPV4, &[interface, &address_key(address.ip, address.prefix)])
        .bool("Enable", true)
        .text("Status", "Enabled")
        .text("IPAddress", address.ip.to_string())
        .text("SubnetMask", mask(address.prefix).to_string())
        .maybe_text("AddressingType", how)
}

fn ipv6_address(
    interface: &str,
    address: &Address,
    ip: Ipv6Addr,
    expires: &impl Fn(&str, Option<u32>) -> Option<UtcTime>,
) -> RowBuilder {
    let origin = match () {
        () if ip.is_loopback() => Some("WellKnown"),
        () if ip.is_unicast_link_local() || address.announced => Some("AutoConfigured"),
        () if address.permanent => None,
        () if address.prefix == 128 => Some("DHCPv6"),
        () => Some("AutoConfigured"),
    };
    let key = address_key(address.ip, address.prefix);
    let error = address.state == "Duplicate";
    RowBuilder::new(IPV6, &[interface, &key])
        .bool("Enable", true)
        .text("Status", if error { "Error_Misconfigured" } else { "Enabled" })
        .text("IPAddress", ip.to_string())
        .text("IPAddressStatus", address.state)
        .maybe_text("Origin", origin)
        .time("PreferredLifetime", expires(&format!("{interface} {key} preferred"), address.preferred_s))
        .time("ValidLifetime", expires(&format!("{interface} {key} valid"), address.valid_s))
}

/// Turns seconds that are left into a time that stays the same while nothing changes: the kernel counts
/// down in whole seconds, and a report that is a second off is no change.
#[derive(Clone, Default, Debug)]
pub(super) struct Expiry(Arc<Mutex<BTreeMap<String, UtcTime>>>);

/// Two readings of the same moment may differ by this, microseconds.
const JITTER: u64 = 2_000_000;

impl Expiry {
    pub(super) fn at(&self, key: &str, now: Option<UtcTime>, seconds: Option<u32>) -> Option<UtcTime> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seconds) = seconds else {
            known.remove(key);
            return Some(UtcTime::INFINITE);
        };
        let time = whole_seconds(UtcTime(now?.0 + i64::from(seconds) * 1_000_000));
        if let Some(before) = known.get(key)
            && before.0.abs_diff(time.0) <= JITTER
        {
            return Some(*before);
        }
        if known.len() >= crate::limits::MAX_NETLINK_ROWS {
            known.clear();
        }
        known.insert(key.to_owned(), time);
        Some(time)
    }
}
