//! `USPServices.USPService.`: who is connected, and which part each has registered.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::provider::{Pending, Provider, ProviderError, Push, Report, Sink};
use mtp::{EndpointId, LinkId};

use crate::config::Policy;
use crate::providers::rows::{RowBuilder, object, report};
use crate::providers::support::Support;

const SERVICES: &str = "Device.USPServices.";
const SERVICE: &str = "Device.USPServices.USPService.{i}.";

/// The table.
#[derive(Debug, Default)]
pub(super) struct Table {
    services: Mutex<BTreeMap<LinkId, Service>>,
    sink: OnceLock<Sink>,
}

#[derive(Debug)]
struct Service {
    endpoint: EndpointId,
    paths: Vec<SchemaPath>,
}

impl Table {
    pub(super) fn enter(&self, link: LinkId, endpoint: &EndpointId) {
        self.services().insert(link, Service { endpoint: endpoint.clone(), paths: Vec::new() });
    }

    pub(super) fn leave(&self, link: LinkId) {
        self.services().remove(&link);
        self.tell();
    }

    pub(super) fn registered(&self, link: LinkId, paths: &[SchemaPath]) {
        self.services().entry(link).and_modify(|service| service.paths.extend_from_slice(paths));
        self.tell();
    }

    pub(super) fn deregistered(&self, link: LinkId, paths: &[SchemaPath]) {
        let stays = |path: &SchemaPath| !paths.contains(path);
        self.services().entry(link).and_modify(|service| service.paths.retain(stays));
        self.tell();
    }

    fn tell(&self) {
        let Some(Sink(sink)) = self.sink.get() else { return };
        let changed = Push::Changed { subtrees: self.subtrees(), report: self.report() };
        if sink.try_send(changed).is_err() {
            tracing::debug!("news of the USP Services waits until it is asked for");
        }
    }

    /// Who has registered something; a row has at least one path.
    fn report(&self) -> Report {
        let services = self.services();
        let told = services.values().filter(|service| !service.paths.is_empty());
        report(told.map(row))
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<LinkId, Service>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row(service: &Service) -> RowBuilder {
    let paths: Vec<&str> = service.paths.iter().map(SchemaPath::as_str).collect();
    RowBuilder::new(SERVICE, &[service.endpoint.as_str()])
        .text("EndpointID", service.endpoint.as_str())
        .text("Protocol", "UDS")
        .text("DataModelPaths", paths.join(","))
}

impl Provider for Table {
    fn name(&self) -> &'static str {
        "usp-services"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        Support::new(model, &Policy::default())
            .object(SERVICES, &["USPServiceNumberOfEntries"])
            .object(SERVICE, &["EndpointID", "Protocol", "DataModelPaths"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(SERVICES)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(self.report()) })
    }

    fn watch(&self, sink: Sink) -> bool {
        self.sink.set(sink).is_ok()
    }
}
