//! The storage port: what the domain wants written ([`Write`]) and asked ([`Store`]).
//!
//! A write is an intent of the domain, not a statement: the store does all that belongs to it (rows,
//! event log, audit chain) in one transaction. Every key is led by the tenant; names that come from outside (an
//! endpoint id, a certificate, the hash of a token) are of one tenant at a time, and say whose they are.
//!
//! A query that is asked for somebody takes a [`Reach`], and answers from nothing beyond it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use dm::UtcTime;

use crate::access::{ApiToken, EnrolmentToken, Login, SecretHash, User};
use crate::audit::{AuditRow, Break, Chain, Tip};
use crate::certificate::{Certificate, CertificateQuery, RevokedCertificate};
use crate::datamodel::DataModel;
use crate::device::{Credential, Device, Identity, SessionRow};
use crate::enrolment::{Admission, DialTarget, ExpectedDevice, PendingDevice, RefusedAttempt};
use crate::event::Event;
use crate::filter::Filter;
use crate::ids::{DeviceId, Fingerprint, JobId, ModelHash, Seq, TenantId, UserId};
use crate::job::{Job, StateName};
use crate::lane::JobRef;
use crate::model::StoredModel;
use crate::tenant::{Reach, Tenant};
use crate::twin::Twin;

mod intent;
mod write;

pub use intent::{
    Admit, Approve, CreateJob, DeviceFields, Enrol, FinishJob, MoveDevice, NewNotification, Patch, Prune,
    PutDial, PutExpected, PutModel, Renew, SessionClosed, SessionOpened,
};
pub use write::{Write, Written};

/// What a store can answer instead of a result.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// What the intent is about does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It exists already, or has changed meanwhile.
    #[error("{0}")]
    Conflict(&'static str),
    /// The endpoint id is another tenant's, or another tenant expects it.
    #[error("the endpoint id is another tenant's")]
    Taken,
    /// The report is of a session that has been followed by another.
    #[error("the session has been followed by another")]
    StaleEpoch,
    /// The job is in a state where that can't happen.
    #[error("{0}")]
    Unexpected(String),
    /// The cursor is not one of this list's.
    #[error("the cursor is not one of this list's")]
    BadCursor,
    /// The filter can't be answered from an index.
    #[error("{0}")]
    BadFilter(String),
    /// Too many writes wait; try again.
    #[error("the store is busy")]
    Busy,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The medium has no room. Nothing was written; what is there can be read.
    #[error("the disk of the store is full")]
    Full,
    /// The medium failed, or holds what can't be read.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// A place in a list. Opaque: only the list that made it can read it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor(pub Vec<u8>);

/// A piece of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next piece begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Which piece of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// At most so many rows; the store caps it at [`crate::limits::PAGE`].
    pub limit: usize,
    /// From here on; `None` for the beginning.
    pub cursor: Option<Cursor>,
}

impl PageRequest {
    /// The first `limit` rows.
    pub fn first(limit: usize) -> Self {
        PageRequest { limit, cursor: None }
    }
}

/// What a list of devices is sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DeviceSort {
    /// Name.
    #[default]
    Name,
    /// Model name.
    Model,
    /// Manufacturer.
    Manufacturer,
    /// Serial number.
    Serial,
    /// Software version.
    Software,
    /// When it was last heard.
    LastSeen,
    /// When it was let in.
    FirstSeen,
}

/// Which devices, in which order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceQuery {
    /// Only those that match.
    pub filter: Option<Filter>,
    /// What relative times of the filter are relative to.
    pub now: UtcTime,
    /// Only those where name, endpoint, serial, model or address without port contain this (case does not
    /// matter).
    pub text: Option<String>,
    /// By which column.
    pub sort: DeviceSort,
    /// Backwards.
    pub descending: bool,
    /// Which piece.
    pub page: PageRequest,
}

impl Default for DeviceQuery {
    /// All devices by name, and a filter's relative times are before 1970.
    fn default() -> Self {
        DeviceQuery {
            filter: None,
            now: UtcTime(0),
            text: None,
            sort: DeviceSort::default(),
            descending: false,
            page: PageRequest::default(),
        }
    }
}

/// Which jobs; newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JobQuery {
    /// Of one device.
    pub device: Option<DeviceId>,
    /// In one state.
    pub state: Option<StateName>,
    /// Which piece.
    pub page: PageRequest,
}

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Nothing.
    None,
    /// One device.
    One(Box<Device>),
    /// Several; the first few ([`crate::limits::CANDIDATES`]).
    Ambiguous(Vec<Device>),
}

/// A durable store. Clones share one store.
///
/// `submit` resolves when the write, and everything submitted before it by the same caller, is on stable
/// storage. A write that fails has changed nothing, and does not disturb others. Queries see every write
/// that has resolved before they begin.
pub trait Store: Clone + Send + Sync + 'static {
    /// Does a write.
    fn submit(&self, write: Write) -> impl Future<Output = Result<Written, StoreError>> + Send;

    /// The tenants, by name. The platform is none.
    fn tenants(&self) -> impl Future<Output = Result<Vec<Tenant>, StoreError>> + Send;

    /// A device by its id.
    fn device(
        &self,
        reach: impl Into<Reach> + Send,
        id: DeviceId,
    ) -> impl Future<Output = Result<Option<Device>, StoreError>> + Send;

    /// A device by an id, the unique beginning of one (8 characters or more), an endpoint id, a serial
    /// number or a name, in that order.
    fn find_device(
        &self,
        reach: impl Into<Reach> + Send,
        text: &str,
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// A list of devices.
    fn devices(
        &self,
        reach: impl Into<Reach> + Send,
        query: DeviceQuery,
    ) -> impl Future<Output = Result<Page<Device>, StoreError>> + Send;

    /// How many devices there are, and how many of them are online.
    fn device_counts(
        &self,
        reach: impl Into<Reach> + Send,
    ) -> impl Future<Output = Result<(u64, u64), StoreError>> + Send;

    /// What is known under a name, and whose it is, read by key: all that is read for a peer that has not
    /// authenticated.
    fn admission(
        &self,
        identity: &Identity,
    ) -> impl Future<Output = Result<Option<(TenantId, Admission)>, StoreError>> + Send;

    /// What a certificate is on record for, and with whom.
    fn credential(
        &self,
        fingerprint: Fingerprint,
    ) -> impl Future<Output = Result<Option<(TenantId, Credential)>, StoreError>> + Send;

    /// A list of certificates that devices are proven by.
    fn certificates(
        &self,
        reach: impl Into<Reach> + Send,
        query: CertificateQuery,
    ) -> impl Future<Output = Result<Page<Certificate>, StoreError>> + Send;

    /// Certificates of the internal CA that are revoked and would be valid now; the last
    /// [`crate::limits::REVOKED`].
    fn revoked_certificates(
        &self,
        now: UtcTime,
    ) -> impl Future<Output = Result<Vec<RevokedCertificate>, StoreError>> + Send;

    /// Whether a device is expected, and by whom, by the endpoint id that a trusted certificate gives it.
    fn expected(
        &self,
        endpoint: &str,
    ) -> impl Future<Output = Result<Option<(TenantId, ExpectedDevice)>, StoreError>> + Send;

    /// The devices that are expected: by endpoint id, then by serial number.
    fn expected_devices(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<(TenantId, ExpectedDevice)>, StoreError>> + Send;

    /// The connections of a device, newest first.
    fn sessions(
        &self,
        tenant: TenantId,
        device: DeviceId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<SessionRow>, StoreError>> + Send;

    /// The last known tree of a device; empty if nothing is known.
    fn twin(
        &self,
        tenant: TenantId,
        device: DeviceId,
    ) -> impl Future<Output = Result<Twin, StoreError>> + Send;

    /// A job by its id.
    fn job(
        &self,
        reach: impl Into<Reach> + Send,
        id: JobId,
    ) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// A list of jobs. A page has fewer than asked for where they are long.
    fn jobs(
        &self,
        reach: impl Into<Reach> + Send,
        query: JobQuery,
    ) -> impl Future<Output = Result<Page<Job>, StoreError>> + Send;

    /// What waits for a device, most urgent and oldest first; at most `limit`.
    fn queued_jobs(
        &self,
        tenant: TenantId,
        device: DeviceId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<JobRef>, StoreError>> + Send;

    /// The job that runs, or may run, a command under this key on a device.
    fn job_by_command_key(
        &self,
        tenant: TenantId,
        device: DeviceId,
        command_key: &str,
    ) -> impl Future<Output = Result<Option<Job>, StoreError>> + Send;

    /// The events of a device, or of all, newest first.
    fn events(
        &self,
        reach: impl Into<Reach> + Send,
        device: Option<DeviceId>,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<Event>, StoreError>> + Send;

    /// The log after a position, oldest first.
    fn events_after(
        &self,
        reach: impl Into<Reach> + Send,
        after: Seq,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// The position of the last event; 0 for none. Durable events only.
    fn last_event(&self) -> impl Future<Output = Result<Seq, StoreError>> + Send;

    /// A supported model by its hash.
    fn model(
        &self,
        reach: impl Into<Reach> + Send,
        hash: ModelHash,
    ) -> impl Future<Output = Result<Option<StoredModel>, StoreError>> + Send;

    /// Data models that people imported, the latest first, without their texts.
    fn data_models(
        &self,
        tenant: TenantId,
    ) -> impl Future<Output = Result<Vec<DataModel>, StoreError>> + Send;

    /// The text of an imported data model.
    fn data_model_text(
        &self,
        tenant: TenantId,
        id: ModelHash,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// Devices that ask to be let in, the last seen first: on the list of the tenant that knows them, else on the
    /// platform's.
    fn pending(
        &self,
        reach: impl Into<Reach> + Send,
    ) -> impl Future<Output = Result<Vec<(TenantId, PendingDevice)>, StoreError>> + Send;

    /// Attempts that were turned away, newest first, on the same lists.
    fn refused(
        &self,
        reach: impl Into<Reach> + Send,
    ) -> impl Future<Output = Result<Vec<RefusedAttempt>, StoreError>> + Send;

    /// Whom the server dials, by endpoint id.
    fn dials(
        &self,
        reach: impl Into<Reach> + Send,
    ) -> impl Future<Output = Result<Vec<DialTarget>, StoreError>> + Send;

    /// A person by name.
    fn user(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// A person by id.
    fn user_by_id(
        &self,
        tenant: TenantId,
        id: UserId,
    ) -> impl Future<Output = Result<Option<User>, StoreError>> + Send;

    /// Everyone, by name.
    fn users(&self, tenant: TenantId) -> impl Future<Output = Result<Vec<User>, StoreError>> + Send;

    /// A browser's session and its person, unless it has expired at `now`.
    fn login(
        &self,
        tenant: TenantId,
        hash: SecretHash,
        now: UtcTime,
    ) -> impl Future<Output = Result<Option<(Login, User)>, StoreError>> + Send;

    /// An API token, unless it has expired at `now`.
    fn token(
        &self,
        hash: SecretHash,
        now: UtcTime,
    ) -> impl Future<Output = Result<Option<(TenantId, ApiToken)>, StoreError>> + Send;

    /// API tokens, newest first.
    fn tokens(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<(TenantId, ApiToken)>, StoreError>> + Send;

    /// An enrolment token, if it still lets someone in at `now`.
    fn enrolment_token(
        &self,
        hash: SecretHash,
        now: UtcTime,
    ) -> impl Future<Output = Result<Option<(TenantId, EnrolmentToken)>, StoreError>> + Send;

    /// Enrolment tokens that still let someone in at `now`, newest first.
    fn enrolment_tokens(
        &self,
        reach: impl Into<Reach> + Send,
        now: UtcTime,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<(TenantId, EnrolmentToken)>, StoreError>> + Send;

    /// The audit log, newest first; of several chains in the order of time.
    fn audit(
        &self,
        reach: impl Into<Reach> + Send,
        page: PageRequest,
    ) -> impl Future<Output = Result<Page<AuditRow>, StoreError>> + Send;

    /// Checks a chain of the audit log from its beginning (or from where pruning cut it), and gives its
    /// tip; or where it breaks.
    fn verify_audit(
        &self,
        tenant: TenantId,
        chain: Chain,
    ) -> impl Future<Output = Result<Result<Tip, Break>, StoreError>> + Send;
}

/// Hides secrets in stored rows. The store calls it for requests that wait, which must hold what is to be
/// written to the device; finished jobs hold none.
pub trait Seal: Send + Sync + fmt::Debug + 'static {
    /// Seals `plain`; `context` names the row, and must be the same for opening.
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8>;

    /// Opens what [`Self::seal`] gave; `None` if it was changed, or is of another row or key.
    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Leaves rows as they are, for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsealed;

impl Seal for Unsealed {
    fn seal(&self, _context: &[u8], plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }

    fn open(&self, _context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        Some(sealed.to_vec())
    }
}

/// Whoever holds the lanes: told that there is work, and asked to wait for it. What crosses this seam
/// are ids, so that the lane may be on another node.
pub trait Lanes: Send + Sync + 'static {
    /// A job was stored for a device. It may be told twice, or not at all if the process dies: whoever
    /// opens a session pulls what waits.
    fn tell(&self, tenant: TenantId, device: DeviceId, job: JobRef);

    /// A queued job was withdrawn.
    fn withdraw(&self, tenant: TenantId, device: DeviceId, job: JobId);

    /// Resolves when the job is finished or `limit` has passed, whichever is first. The caller reads the
    /// job from the store afterwards.
    fn wait(
        &self,
        tenant: TenantId,
        job: JobId,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
