//! `InterfaceStack.`: which interface stands on which, from the same facts as their `LowerLayers`.

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Report, Sink};

use super::layers::{FRAMES, IP, Layers, Network, PORT};
use super::rows::{RowBuilder, object, report};
use super::support::Support;

const STACK: &str = "Device.InterfaceStack.{i}.";

/// The stack of interfaces.
#[derive(Clone, Debug)]
pub struct InterfaceStack {
    network: Network,
}

impl InterfaceStack {
    /// On this network.
    pub fn new(network: Network) -> InterfaceStack {
        InterfaceStack { network }
    }

    async fn report(&self) -> Result<Report, ProviderError> {
        Ok(report(rows(&self.network.layers().await?)))
    }
}

impl Provider for InterfaceStack {
    fn name(&self) -> &'static str {
        "interface-stack"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &self.network.policy)
            .object("Device.", &["InterfaceStackNumberOfEntries"])
            .object(STACK, &["Alias", "HigherLayer", "LowerLayer"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(STACK)]
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
}

/// One row per pair of layers.
pub fn rows(layers: &Layers) -> Vec<RowBuilder> {
    let mut rows = Vec::new();
    for link in layers.ip().filter(|link| layers.has_frames(link)) {
        rows.push(pair(IP, FRAMES, &link.name));
    }
    for link in layers.frames().filter(|link| layers.is_port(link)) {
        rows.push(pair(FRAMES, PORT, &link.name));
    }
    rows
}

fn pair(higher: &str, lower: &str, name: &str) -> RowBuilder {
    RowBuilder::new(STACK, &[&format!("{higher} {name}")])
        .refs("HigherLayer", &[(higher, &[name])])
        .refs("LowerLayer", &[(lower, &[name])])
}
