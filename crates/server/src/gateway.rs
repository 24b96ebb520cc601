//! What the API asks of the running server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use api::gateway::{ConnectInfo, Later, Schema, Trace, Traced};
use fleet::device::Device;
use fleet::ids::{DeviceId, Fingerprint, JobId, Seq, TenantId};
use fleet::lane::JobRef;
use fleet::port::{Lanes, Store, StoreError};
use tokio::sync::watch;
use usp_endpoint::exchange::Direction;

use crate::metrics::Metrics;
use crate::trust::{SessionKeys, Shelf};
use crate::usp::Usp;

/// Whether the server can do its work, or why not.
pub(crate) type Readiness = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The API's view of the server.
pub(crate) struct ServerGateway<S: Store> {
    usp: Usp<S>,
    metrics: Arc<Metrics>,
    connect: ConnectInfo,
    log: watch::Receiver<Seq>,
    shelf: Arc<Shelf<S>>,
    keys: SessionKeys,
    readiness: Readiness,
}

impl<S: Store> ServerGateway<S> {
    /// A gateway to the roles.
    pub(crate) fn new(
        usp: Usp<S>,
        metrics: Arc<Metrics>,
        connect: ConnectInfo,
        log: watch::Receiver<Seq>,
        shelf: Arc<Shelf<S>>,
        keys: SessionKeys,
        readiness: Readiness,
    ) -> Self {
        ServerGateway { usp, metrics, connect, log, shelf, keys, readiness }
    }
}

impl<S: Store> Lanes for ServerGateway<S> {
    fn tell(&self, tenant: TenantId, device: DeviceId, job: JobRef) {
        self.usp.tell(tenant, device, job);
    }

    fn withdraw(&self, tenant: TenantId, device: DeviceId, job: JobId) {
        self.usp.withdraw(tenant, device, job);
    }

    fn wait(
        &self,
        tenant: TenantId,
        job: JobId,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.usp.wait(tenant, job, limit)
    }
}

impl<S: Store> api::Gateway for ServerGateway<S> {
    fn events(&self) -> watch::Receiver<Seq> {
        self.log.clone()
    }

    fn schema(&self, tenant: TenantId, device: &Device) -> Later<'_, Result<Schema, StoreError>> {
        let model = device.model;
        Box::pin(self.usp.schema(tenant, model))
    }

    fn data_models_changed(&self, models: api::Imported) {
        self.usp.data_models_changed(models);
    }

    fn approved(&self, _tenant: TenantId, _device: DeviceId, endpoint: &str) {
        let (usp, endpoint) = (self.usp.clone(), endpoint.to_owned());
        tokio::spawn(async move { usp.approved(&endpoint).await });
    }

    fn rejected(&self, endpoint: &str) {
        self.usp.turn_away(endpoint);
    }

    fn can_dial(&self, endpoint: &str, url: &str) -> Result<(), fleet::Error> {
        self.usp.can_dial(endpoint, url)
    }

    fn dials_changed(&self, _tenant: TenantId) {
        self.usp.dials_changed();
    }

    fn forgotten(&self, _tenant: TenantId, device: DeviceId) {
        self.usp.forget(device);
        self.usp.dials_changed();
    }

    fn moved(&self, device: DeviceId) {
        self.usp.moved(device);
    }

    fn revoked(&self, _tenant: TenantId, device: DeviceId, fingerprint: Fingerprint) -> Later<'_, ()> {
        self.usp.revoked(device, fingerprint);
        self.usp.end_links_of(&self.keys.revoke(fingerprint));
        Box::pin(self.shelf.clear())
    }

    fn can_log_in(&self, endpoint: &str) -> Result<(), fleet::Error> {
        self.usp.can_log_in(endpoint)
    }

    fn given_login(&self, _tenant: TenantId, device: DeviceId, endpoint: &str) {
        self.usp.given_login(device, endpoint);
    }

    fn crl(&self) -> Later<'_, Result<Vec<u8>, String>> {
        Box::pin(async { self.shelf.list().await.map(|list| list.to_vec()) })
    }

    fn trace(&self, _tenant: TenantId, device: DeviceId) -> Trace {
        let Some(items) = self.usp.trace(device) else { return Trace::default() };
        let item = |item: crate::usp::TraceItem| {
            let line = item.entry.to_line();
            let hex: String = item.entry.record.iter().map(|byte| format!("{byte:02x}")).collect();
            Traced {
                at: item.at,
                inbound: item.entry.direction == Direction::In,
                kind: item.kind.to_owned(),
                msg_id: item.msg_id,
                body: serde_json::json!({ "bytes": item.bytes, "masked": item.entry.masked, "hex": hex }),
                summary: item.entry.note,
                line,
            }
        };
        Trace { enabled: true, items: items.into_iter().map(item).collect() }
    }

    fn set_trace(&self, _tenant: TenantId, device: DeviceId, enabled: bool) -> bool {
        self.usp.set_trace(device, enabled)
    }

    fn connect(&self) -> ConnectInfo {
        self.connect.clone()
    }

    fn metrics(&self) -> String {
        self.metrics.render(self.usp.session_count())
    }

    fn ready(&self) -> Result<(), String> {
        (self.readiness)()
    }
}
