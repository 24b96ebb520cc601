//! The USP controller role: links come from `mtp`, sessions are monitors around the controller machine,
//! work comes from lanes, and everything worth keeping goes to the store.
//!
//! A session has no task. Whoever has news enters it: the link's task with a Record, a short task with a
//! job, the timer with a deadline. Its lock is never held over an await.

mod admission;
pub(crate) mod broker;
mod certificates;
#[cfg(feature = "coap")]
pub(crate) mod coap;
mod convert;
mod course;
pub(crate) mod dial;
#[cfg(test)]
mod faults;
mod guard;
mod lanes;
mod links;
pub(crate) mod local;
mod misuse;
mod onboarding;
pub(crate) mod own_broker;
mod own_model;
pub(crate) mod presence;
mod revoked;
mod session;
mod strangers;
mod timers;
mod trace;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use api::gateway::Schema;
use fleet::certificate::IssuedCertificate;
use fleet::enrolment::Policy;
use fleet::ids::{DeviceId, ModelHash, TenantId};
use fleet::port::{Store, StoreError, Write, Written};
use tokio::sync::watch;
use usp_endpoint::EndpointId;
use usp_endpoint::controller::ControllerConfig;
use usp_endpoint::controller::io::Input;
use usp_endpoint::link::LinkId;

use crate::buckets::Buckets;
use crate::clock::Clock;
use crate::doors::Doors;
use crate::lanes::LaneTable;
use crate::lanes::lock;
use crate::limits::{LOOK_EVERY, LOOKED_AT, LOOKS};
use crate::metrics::Metrics;
use crate::schemas::{Known, Schemas};
use crate::trust::SessionKeys;
use links::LinkEntry;
use misuse::Clones;
use session::Session;
use strangers::Strangers;
use timers::Timers;
use trace::Traces;

pub use dial::DialOptions;
pub use trace::TraceItem;

/// Issues certificates to devices that enrol.
pub trait Issuer: Send + Sync + 'static {
    /// Whom a certificate signing request, PEM, is for.
    ///
    /// # Errors
    /// A sentence for the device's log.
    fn endpoint(&self, request_pem: &str) -> Result<EndpointId, String>;

    /// The chain, PEM, for a certificate signing request, PEM, and the endpoint it is for; or why not.
    ///
    /// # Errors
    /// A sentence for the device's log.
    fn issue(&self, request_pem: &str) -> Result<Issued, String>;
}

/// A certificate that was issued.
pub struct Issued {
    /// For whom.
    pub endpoint: EndpointId,
    /// The chain, PEM.
    pub chain_pem: String,
    /// Its leaf, as the store remembers it.
    pub certificate: IssuedCertificate,
}

/// Looks at what a session is about to be given. It runs where the session runs: a panic of it is one of
/// the session.
pub type Inspect = Box<dyn Fn(&EndpointId, &Input) + Send + Sync>;

/// Looks at a write of the role before the store is given it. What it refuses, or panics at, the store never sees.
pub(crate) type BeforeWrite = Box<dyn Fn(&Write) -> Result<(), StoreError> + Send + Sync>;

/// What the role is built from.
pub struct UspOptions {
    /// Our own Endpoint.
    pub endpoint: EndpointId,
    /// What happens to devices that nobody knows.
    pub policy: Policy,
    /// How many connections may wait for a person; as many again behind brokers.
    pub pending: usize,
    /// Issues certificates; `None` without an internal CA.
    pub issuer: Option<Box<dyn Issuer>>,
    /// How end-to-end sessions with devices are.
    pub sessions: usp_endpoint::session::io::Policy,
    /// Keys for them.
    pub crypto: Option<Arc<dyn usp_endpoint::session::Crypto>>,
    /// The same, where it remembers what devices have shown, and hears what counts no more.
    pub(crate) session_keys: Option<SessionKeys>,
    /// Looks at every input of every session; `None` but in tests.
    pub inspect: Option<Inspect>,
    /// Stands in for a store that fails; `None` but in tests.
    pub(crate) before_write: Option<BeforeWrite>,
}

/// The role. Clones share it.
pub struct Usp<S: Store>(Arc<Inner<S>>);

impl<S: Store> Clone for Usp<S> {
    fn clone(&self) -> Self {
        Usp(Arc::clone(&self.0))
    }
}

struct Inner<S: Store> {
    store: S,
    clock: Clock,
    options: UspOptions,
    config: Arc<ControllerConfig>,
    links: Mutex<BTreeMap<LinkId, Arc<LinkEntry<S>>>>,
    by_endpoint: Mutex<BTreeMap<EndpointId, LinkId>>,
    sessions: Mutex<BTreeMap<DeviceId, Arc<Session<S>>>>,
    lanes: LaneTable,
    timers: Timers<S>,
    traces: Traces,
    doors: Doors,
    clones: Clones,
    /// Connections that wait for a person.
    pending_links: Arc<AtomicUsize>,
    /// Those of them that are behind brokers.
    pending_behind: Arc<AtomicUsize>,
    strangers: Strangers,
    /// Refusals on their way to the store.
    unstored_refusals: AtomicUsize,
    metrics: Arc<Metrics>,
    /// How often a device went to another tenant or was removed: a session that was being opened has to look again.
    moves: AtomicUsize,
    /// Looks at models of devices.
    looks: Buckets<DeviceId>,
    /// Changes when whom to dial does.
    dials: watch::Sender<()>,
    /// Changes when other certificates count, or others do not count any more.
    retrusted: watch::Sender<()>,
    schemas: Schemas,
}

impl<S: Store> Usp<S> {
    /// Builds the role over a store. Its timer runs until the role is dropped.
    pub(crate) fn new(
        store: S,
        clock: Clock,
        options: UspOptions,
        doors: Doors,
        metrics: Arc<Metrics>,
    ) -> Self {
        let config = Arc::new(ControllerConfig {
            sessions: options.sessions.clone(),
            crypto: options.crypto.clone(),
            ..ControllerConfig::new(options.endpoint.clone())
        });
        let usp = Usp(Arc::new(Inner {
            store,
            clock,
            options,
            config,
            links: Mutex::default(),
            by_endpoint: Mutex::default(),
            sessions: Mutex::default(),
            lanes: LaneTable::default(),
            timers: Timers::default(),
            traces: Traces::default(),
            doors,
            clones: Clones::default(),
            pending_links: Arc::default(),
            pending_behind: Arc::default(),
            strangers: Strangers::default(),
            unstored_refusals: AtomicUsize::new(0),
            metrics,
            moves: AtomicUsize::new(0),
            looks: Buckets::new(LOOKED_AT, LOOKS, LOOK_EVERY),
            dials: watch::Sender::new(()),
            retrusted: watch::Sender::new(()),
            schemas: Schemas::default(),
        }));
        timers::run(&usp);
        usp
    }

    /// Our own Endpoint.
    pub fn endpoint(&self) -> &EndpointId {
        &self.0.options.endpoint
    }

    /// How many sessions stand.
    pub fn session_count(&self) -> usize {
        lock(&self.0.sessions).len()
    }

    /// Whether a session with this device stands.
    pub fn is_online(&self, device: DeviceId) -> bool {
        lock(&self.0.sessions).contains_key(&device)
    }

    /// Whether this is the session that its device has now.
    fn is_current(&self, session: &Session<S>) -> bool {
        lock(&self.0.sessions).get(&session.device).is_some_and(|now| now.link == session.link)
    }

    fn session(&self, device: DeviceId) -> Option<Arc<Session<S>>> {
        lock(&self.0.sessions).get(&device).cloned()
    }

    /// What values of a device with this model are checked against and masked by: the catalogue while the
    /// model is not known.
    ///
    /// # Errors
    /// When the model can't be read.
    pub async fn schema(&self, tenant: TenantId, model: Option<ModelHash>) -> Result<Schema, StoreError> {
        Ok(self.known(tenant, model).await?.schema)
    }

    async fn known(&self, tenant: TenantId, model: Option<ModelHash>) -> Result<Known, StoreError> {
        let Some(hash) = model else { return Ok(self.0.schemas.catalogue()) };
        self.0.schemas.of(tenant, hash, self.0.store.model(tenant, hash)).await
    }

    /// Other data models are imported now.
    pub fn data_models_changed(&self, models: api::Imported) {
        self.0.schemas.change(models);
    }

    async fn submit(&self, write: Write) -> Result<Written, StoreError> {
        if let Some(before) = &self.0.options.before_write {
            before(&write)?;
        }
        self.0.store.submit(write).await
    }
}

impl<S: Store> Usp<S> {
    /// A device was removed: its session ends, and it is a stranger from now on.
    pub fn forget(&self, device: DeviceId) {
        self.0.moves.fetch_add(1, Ordering::AcqRel);
        self.0.strangers.reconsider();
        if let Some(session) = self.session(device) {
            session.sender.close(mtp::ws::close_code::POLICY, "the device was removed");
        }
        self.0.lanes.forget(device);
        self.0.lanes.wake_device(device);
    }

    /// A device went to another tenant: its session ends, and what was seen of it under the old one is forgotten.
    pub fn moved(&self, device: DeviceId) {
        self.0.moves.fetch_add(1, Ordering::AcqRel);
        self.set_trace(device, false);
        self.0.strangers.reconsider();
        if let Some(session) = self.session(device) {
            session.sender.close(mtp::ws::close_code::POLICY, "the device went to another tenant");
        }
        self.0.lanes.forget(device);
        self.0.lanes.wake_device(device);
    }

    /// A job's deadline passed: it leaves its lane, and whoever waits is woken.
    pub fn expired(&self, device: DeviceId, job: fleet::ids::JobId) {
        self.0.lanes.finished(device, job);
    }
}
