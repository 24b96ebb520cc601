//! `Routing.`: the main table of the kernel as one router.

use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::time::UtcTime;
use engine::provider::{Pending, Provider, ProviderError, Report, Sink};

use super::ip::{Expiry, ROUTER, ROUTER_KEY};
use super::layers::{IP, Layers, Network};
use super::netlink::facts::{Route, RouteOrigin};
use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::time::credible;

const ROUTING: &str = "Device.Routing.";
const IPV4: &str = "Device.Routing.Router.{i}.IPv4Forwarding.{i}.";
const IPV6: &str = "Device.Routing.Router.{i}.IPv6Forwarding.{i}.";

/// The routes.
#[derive(Clone, Debug)]
pub struct Routing {
    network: Network,
    expiry: Expiry,
}

impl Routing {
    /// On this network.
    pub fn new(network: Network) -> Routing {
        Routing { network, expiry: Expiry::default() }
    }

    async fn report(&self) -> Result<Report, ProviderError> {
        let layers = self.network.layers().await?;
        let routes = self.network.netlink.routes().await?;
        let now = credible(SystemTime::now());
        let expires = |key: &str, seconds| self.expiry.at(key, now, seconds);
        Ok(report(rows(&layers, &routes, expires)))
    }
}

impl Provider for Routing {
    fn name(&self) -> &'static str {
        "routing"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let router =
            ["Alias", "Enable", "Status", "IPv4ForwardingNumberOfEntries", "IPv6ForwardingNumberOfEntries"];
        let ipv4 = [
            "Alias",
            "Enable",
            "Status",
            "StaticRoute",
            "DestIPAddress",
            "DestSubnetMask",
            "GatewayIPAddress",
            "Interface",
            "ForwardingMetric",
            "Origin",
            "Type",
        ];
        let ipv6 = [
            "Alias",
            "Enable",
            "Status",
            "DestIPPrefix",
            "NextHop",
            "Interface",
            "ForwardingMetric",
            "Origin",
            "ExpirationTime",
            "Type",
        ];
        Support::new(model, &self.network.policy)
            .object(ROUTING, &["RouterNumberOfEntries"])
            .object(ROUTER, &router)
            .object(IPV4, &ipv4)
            .object(IPV6, &ipv6);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(ROUTING)]
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
        self.network.follow(sink, |news| news.routes + news.links, self.subtrees(), report);
        true
    }
}

/// The router and its routes. `expires` gives the time of a number of seconds from now.
pub fn rows(
    layers: &Layers,
    routes: &[Route],
    expires: impl Fn(&str, Option<u32>) -> Option<UtcTime>,
) -> Vec<RowBuilder> {
    let router = RowBuilder::new(ROUTER, &[ROUTER_KEY]).bool("Enable", true).text("Status", "Enabled");
    let rows = routes.iter().map(|route| {
        let out = route.index.and_then(|index| layers.ip_name(index));
        let key = key(route, out);
        let keys: &[&str] = &[ROUTER_KEY, &key];
        match route.dest {
            IpAddr::V4(dest) => ipv4(RowBuilder::new(IPV4, keys), route, dest),
            IpAddr::V6(dest) => RowBuilder::new(IPV6, keys)
                .text("DestIPPrefix", format!("{dest}/{}", route.prefix))
                .text("NextHop", route.gateway.map_or_else(String::new, |gateway| gateway.to_string()))
                .maybe_text("Origin", ipv6_origin(route.origin))
                .time("ExpirationTime", expires(&key, route.expires_s)),
        }
        .bool("Enable", true)
        .text("Status", "Enabled")
        .text("Type", route.kind)
        .int("ForwardingMetric", route.metric.map_or(-1, i64::from))
        .maybe_ref("Interface", IP, out)
    });
    std::iter::once(router).chain(rows).collect()
}

fn ipv4(row: RowBuilder, route: &Route, dest: Ipv4Addr) -> RowBuilder {
    row.text("DestIPAddress", dest.to_string())
        .text("DestSubnetMask", mask(route.prefix).to_string())
        .text("GatewayIPAddress", route.gateway.map_or_else(String::new, |gateway| gateway.to_string()))
        .bool("StaticRoute", route.origin == RouteOrigin::Static)
        .maybe_text("Origin", ipv4_origin(route.origin))
}

/// What the kernel tells routes apart by.
fn key(route: &Route, out: Option<&str>) -> String {
    let gateway = route.gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
    let metric = route.metric.unwrap_or(0);
    format!("{}/{} {gateway} {} {metric}", route.dest, route.prefix, out.unwrap_or("-"))
}

/// The mask of a prefix length.
pub(super) fn mask(prefix: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0))
}

/// TR-181 has no word for a route that comes with an address.
fn ipv4_origin(origin: RouteOrigin) -> Option<&'static str> {
    match origin {
        RouteOrigin::Static => Some("Static"),
        RouteOrigin::Dhcp => Some("DHCPv4"),
        RouteOrigin::Ospf => Some("OSPF"),
        RouteOrigin::Rip => Some("RIP"),
        RouteOrigin::Connected | RouteOrigin::Announced | RouteOrigin::Other => None,
    }
}

fn ipv6_origin(origin: RouteOrigin) -> Option<&'static str> {
    match origin {
        RouteOrigin::Static => Some("Static"),
        RouteOrigin::Dhcp => Some("DHCPv6"),
        RouteOrigin::Announced => Some("RA"),
        RouteOrigin::Ospf => Some("OSPF"),
        RouteOrigin::Rip => Some("RIPng"),
        RouteOrigin::Connected | RouteOrigin::Other => None,
    }
}
