//! `Ethernet.`: ports and links, with their counters.

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault, Value};
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report, RowKey, Sink};

use super::layers::{FRAMES, Layers, Network, PORT, STATS, stats};
use super::netlink::facts::{Link, mac_text};
use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::transaction::{Step, Transaction};
use crate::system::SystemRoot;

const ETHERNET: &str = "Device.Ethernet.";
const PORT_STATS: &str = "Device.Ethernet.Interface.{i}.Stats.";
const FRAMES_STATS: &str = "Device.Ethernet.Link.{i}.Stats.";

/// Ethernet ports and links.
#[derive(Clone, Debug)]
pub struct Ethernet {
    network: Network,
}

/// What a driver tells of the cable.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cable {
    /// Mbit/s.
    pub speed: Option<u64>,
    /// `Full` or `Half`.
    pub duplex: Option<&'static str>,
}

impl Ethernet {
    /// On this network.
    pub fn new(network: Network) -> Ethernet {
        Ethernet { network }
    }

    async fn report(&self) -> Result<Report, ProviderError> {
        let layers = self.network.layers().await?;
        Ok(report(rows(&layers, |name| cable(&self.network.root, name))))
    }

    fn step(&self, layers: &Layers, edit: &Edit) -> Result<Step, Fault> {
        let Edit::Set { object, keys, param, value, .. } = edit else {
            return Err(Fault::new(Code::NON_CREATABLE_OBJECT, "interfaces come with the hardware"));
        };
        let link = linked(layers, keys)?;
        match (object.as_str(), param.as_str(), value) {
            (PORT | FRAMES, "Enable", Value::Bool(up)) => Ok(Step::Up { index: link.index, up: *up }),
            (FRAMES, "MTU", Value::Uint(mtu)) => self::mtu(link, *mtu),
            _ => Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "this system has no way to set it")),
        }
    }
}

impl Provider for Ethernet {
    fn name(&self) -> &'static str {
        "ethernet"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let mut support = Support::new(model, &self.network.policy);
        support.object(ETHERNET, &["InterfaceNumberOfEntries", "LinkNumberOfEntries"]);
        let port = [
            "Alias",
            "Enable",
            "Status",
            "Name",
            "MACAddress",
            "LowerLayers",
            "CurrentBitRate",
            "CurrentDuplexMode",
        ];
        support.writable(PORT, &port, &["Enable"]);
        support.object(PORT_STATS, &STATS).add(PORT_STATS, &["Collisions"]);
        let link = ["Alias", "Enable", "Status", "Name", "MACAddress", "LowerLayers", "MTU"];
        support.writable(FRAMES, &link, &["Enable", "MTU"]);
        support.object(FRAMES_STATS, &STATS);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(ETHERNET)]
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
        self.network.follow(sink, |news| news.links, self.subtrees(), report);
        true
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            let layers = self.network.layers().await.map_err(internal)?;
            let mut transaction = Transaction::new();
            transaction.confirm();
            for change in changes {
                transaction.push(self.step(&layers, change)?);
            }
            Ok(transaction.prepared())
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(Transaction::commit(prepared, Some(&self.network.netlink)))
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(Transaction::abort(prepared, Some(&self.network.netlink)))
    }
}

/// The rows of ports and links.
pub fn rows(layers: &Layers, cable: impl Fn(&str) -> Cable) -> Vec<RowBuilder> {
    let mut rows = Vec::new();
    for link in layers.ports() {
        rows.push(port(link, cable(&link.name)));
        let counters = link.stats.as_ref();
        let counted =
            |counters| stats(PORT_STATS, &link.name, counters).uint("Collisions", counters.collisions);
        rows.extend(counters.map(counted));
    }
    for link in layers.frames() {
        rows.push(frames(link, layers.is_port(link)));
        rows.extend(link.stats.as_ref().map(|counters| stats(FRAMES_STATS, &link.name, counters)));
    }
    rows
}

fn port(link: &Link, cable: Cable) -> RowBuilder {
    RowBuilder::new(PORT, &[&link.name])
        .text("Name", &link.name)
        .bool("Enable", link.up)
        .text("Status", link.status)
        .maybe_text("MACAddress", link.mac.map(mac_text))
        .text("LowerLayers", "")
        .maybe_uint("CurrentBitRate", cable.speed)
        .maybe_text("CurrentDuplexMode", cable.duplex)
}

fn frames(link: &Link, on_port: bool) -> RowBuilder {
    let lower = on_port.then_some(link.name.as_str());
    RowBuilder::new(FRAMES, &[&link.name])
        .text("Name", &link.name)
        .bool("Enable", link.up)
        .text("Status", link.status)
        .maybe_text("MACAddress", link.mac.map(mac_text))
        .maybe_uint("MTU", link.mtu.map(u64::from))
        .maybe_ref("LowerLayers", PORT, lower)
}

/// Speed and duplex; a driver without a cable says -1 or an error.
pub fn cable(root: &SystemRoot, name: &str) -> Cable {
    let speed: Option<i64> = root.number(&format!("sys/class/net/{name}/speed"));
    let duplex = match root.line(&format!("sys/class/net/{name}/duplex")).as_deref() {
        Some("full") => Some("Full"),
        Some("half") => Some("Half"),
        _ => None,
    };
    Cable { speed: speed.filter(|speed| *speed > 0).and_then(|speed| u64::try_from(speed).ok()), duplex }
}

/// The interface that the first key names.
pub(super) fn linked<'a>(layers: &'a Layers, keys: &[Option<RowKey>]) -> Result<&'a Link, Fault> {
    let name = keys.first().and_then(Option::as_ref);
    let link = name.and_then(|name| layers.by_name(&name.0));
    link.ok_or_else(|| Fault::new(Code::OBJECT_DOES_NOT_EXIST, "the interface is gone"))
}

/// A step that sets an MTU which IP can live with.
pub(super) fn mtu(link: &Link, mtu: u64) -> Result<Step, Fault> {
    let fits = u32::try_from(mtu).ok().filter(|mtu| (68..=65_536).contains(mtu));
    let after = fits.ok_or_else(|| Fault::new(Code::INVALID_VALUE, "68 to 65536 bytes"))?;
    let before = link.mtu.ok_or_else(|| Fault::new(Code::PARAMETER_ACTION_FAILED, "it has no MTU"))?;
    Ok(Step::Mtu { index: link.index, before, after })
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(super) fn internal(error: ProviderError) -> Fault {
    Fault::new(Code::INTERNAL_ERROR, error.to_string())
}
