//! How the interfaces of Linux map to the layers of TR-181: which are ports (`Ethernet.Interface.`), which
//! carry frames (`Ethernet.Link.`), which carry IP (`IP.Interface.`), and which stands on which. And how
//! the providers of these objects follow the news of the network.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use dm::path::SchemaPath;
use engine::provider::{ProviderError, Push, Report, Sink};

use super::netlink::facts::{Counters, Link, LinkKind};
use super::netlink::{Netlink, NetlinkError, News, changed};
use super::rows::RowBuilder;
use crate::config::Policy;
use crate::system::SystemRoot;

/// `Device.Ethernet.Interface.{i}.`
pub const PORT: &str = "Device.Ethernet.Interface.{i}.";
/// `Device.Ethernet.Link.{i}.`
pub const FRAMES: &str = "Device.Ethernet.Link.{i}.";
/// `Device.IP.Interface.{i}.`
pub const IP: &str = "Device.IP.Interface.{i}.";

/// What the providers of the network share.
#[derive(Clone, Debug)]
pub struct Network {
    /// The connection to the kernel.
    pub netlink: Netlink,
    /// Files beside it.
    pub root: SystemRoot,
    /// What may be written.
    pub policy: Arc<Policy>,
}

/// The interfaces at one moment.
#[derive(Clone, Debug)]
pub struct Layers {
    links: Arc<[Link]>,
    radios: BTreeSet<u32>,
}

impl Network {
    /// The interfaces now.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub async fn layers(&self) -> Result<Layers, ProviderError> {
        let links = self.netlink.links().await?;
        let is_radio = |link: &&Link| self.root.exists(&format!("sys/class/net/{}/phy80211", link.name));
        let radios = links.iter().filter(is_radio).map(|link| link.index).collect();
        Ok(Layers { links, radios })
    }

    /// Pushes a report each time that something changed of what `which` counts.
    pub fn follow<F, R>(&self, sink: Sink, which: fn(&News) -> u64, subtrees: Vec<SchemaPath>, report: R)
    where
        F: Future<Output = Result<Report, ProviderError>> + Send,
        R: Fn() -> F + Send + 'static,
    {
        let mut news = self.netlink.news();
        let mut seen = which(&news.borrow());
        tokio::spawn(async move {
            while changed(&mut news, which, &mut seen).await {
                match report().await {
                    Ok(report) => {
                        let push = Push::Changed { subtrees: subtrees.clone(), report };
                        if sink.0.send(push).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => tracing::debug!(%error, "news of the network can't be read"),
                }
            }
        });
    }
}

impl Layers {
    /// Interfaces in the kernel's order; `radios` are the indices of those with a radio.
    pub fn new(links: impl Into<Arc<[Link]>>, radios: BTreeSet<u32>) -> Layers {
        Layers { links: links.into(), radios }
    }

    /// Ethernet ports.
    pub fn ports(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| self.is_port(link))
    }

    /// What carries Ethernet frames for a layer above; ports of a bridge or bond do not.
    pub fn frames(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| carries_frames(link))
    }

    /// What carries IP.
    pub fn ip(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| carries_ip(link))
    }

    /// The interface of a number.
    pub fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The interface of a name.
    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The name of the IP interface of a number.
    pub fn ip_name(&self, index: u32) -> Option<&str> {
        self.by_index(index).filter(|link| carries_ip(link)).map(|link| link.name.as_str())
    }

    /// Whether it is an Ethernet port.
    pub fn is_port(&self, link: &Link) -> bool {
        link.kind == LinkKind::EthernetPort && !self.radios.contains(&link.index)
    }

    /// Whether an IP interface stands on an Ethernet link of the same name.
    pub fn has_frames(&self, link: &Link) -> bool {
        carries_frames(link)
    }
}

fn carries_frames(link: &Link) -> bool {
    matches!(link.kind, LinkKind::EthernetPort | LinkKind::EthernetOver) && link.master.is_none()
}

fn carries_ip(link: &Link) -> bool {
    link.kind != LinkKind::Helper && link.master.is_none()
}

/// The counters that interfaces of every layer have.
pub const STATS: [&str; 9] = [
    "BytesSent",
    "BytesReceived",
    "PacketsSent",
    "PacketsReceived",
    "ErrorsSent",
    "ErrorsReceived",
    "DiscardPacketsSent",
    "DiscardPacketsReceived",
    "MulticastPacketsReceived",
];

/// A row of counters.
pub fn stats(path: &str, name: &str, counters: &Counters) -> RowBuilder {
    RowBuilder::new(path, &[name])
        .uint("BytesSent", counters.tx_bytes)
        .uint("BytesReceived", counters.rx_bytes)
        .uint("PacketsSent", counters.tx_packets)
        .uint("PacketsReceived", counters.rx_packets)
        .uint32("ErrorsSent", counters.tx_errors)
        .uint32("ErrorsReceived", counters.rx_errors)
        .uint32("DiscardPacketsSent", counters.tx_dropped)
        .uint32("DiscardPacketsReceived", counters.rx_dropped)
        .uint("MulticastPacketsReceived", counters.multicast)
}

impl From<NetlinkError> for ProviderError {
    fn from(error: NetlinkError) -> ProviderError {
        ProviderError(format!("netlink: {error}"))
    }
}
