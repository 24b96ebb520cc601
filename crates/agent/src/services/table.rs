//! `USPServices.`: who has registered which part, and which it may. A row is there while the agent's model has the
//! part: who is told of the row finds what it names.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use engine::broker::Trust;
use engine::provider::{Pending, Provider, ProviderError, Push, Report, Sink};
use mtp::EndpointId;

use crate::config::Policy;
use crate::providers::rows::{RowBuilder, object, report};
use crate::providers::support::Support;

const SERVICES: &str = "Device.USPServices.";
const SERVICE: &str = "Device.USPServices.USPService.{i}.";

const TRUST: &str = "Device.USPServices.Trust.{i}.";

/// The tables.
#[derive(Debug)]
pub(super) struct Table {
    /// `None`: everybody may register what is free, and there is no such table.
    trust: Option<Trust>,
    /// By their places.
    services: Mutex<BTreeMap<usize, Entry>>,
    sink: OnceLock<Sink>,
}

/// A service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) endpoint: EndpointId,
    /// What it has in the model; not empty.
    pub(super) paths: Vec<SchemaPath>,
}

impl Table {
    pub(super) fn new(trust: Option<Trust>) -> Table {
        Table { trust, services: Mutex::default(), sink: OnceLock::new() }
    }

    /// What the model has of the service at this place now.
    pub(super) fn put(&self, place: usize, entry: Option<Entry>) {
        let changed = {
            let mut services = self.services();
            let changed = services.get(&place) != entry.as_ref();
            match entry {
                Some(entry) => services.insert(place, entry),
                None => services.remove(&place),
            };
            changed
        };
        if changed {
            self.tell();
        }
    }

    fn tell(&self) {
        let Some(Sink(sink)) = self.sink.get() else { return };
        let changed = Push::Changed { subtrees: self.subtrees(), report: self.report() };
        if sink.try_send(changed).is_err() {
            tracing::debug!("news of the USP Services waits until it is asked for");
        }
    }

    fn report(&self) -> Report {
        let services = self.services();
        let trusted = self.trust.iter().flatten().map(|(endpoint, paths)| trusted(endpoint, paths));
        report(services.values().map(row).chain(trusted))
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<usize, Entry>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(paths: &[SchemaPath]) -> String {
    paths.iter().map(SchemaPath::as_str).collect::<Vec<_>>().join(",")
}

fn trusted(endpoint: &EndpointId, paths: &[SchemaPath]) -> RowBuilder {
    RowBuilder::new(TRUST, &[endpoint.as_str()])
        .text("EndpointID", endpoint.as_str())
        .text("TargetPaths", list(paths))
}

fn row(service: &Entry) -> RowBuilder {
    RowBuilder::new(SERVICE, &[service.endpoint.as_str()])
        .text("EndpointID", service.endpoint.as_str())
        .text("Protocol", "UDS")
        .text("DataModelPaths", list(&service.paths))
}

impl Provider for Table {
    fn name(&self) -> &'static str {
        "usp-services"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let policy = Policy::default();
        let mut support = Support::new(model, &policy);
        support
            .object(SERVICES, &["USPServiceNumberOfEntries"])
            .object(SERVICE, &["EndpointID", "Protocol", "DataModelPaths"]);
        if self.trust.is_some() {
            support.add(SERVICES, &["TrustNumberOfEntries"]).object(TRUST, &["EndpointID", "TargetPaths"]);
        }
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
