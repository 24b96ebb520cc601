//! A store in a temporary folder, a gateway under the test's control, a clock that only the test moves,
//! and requests that go straight into the router.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::auth::{PasswordCost, create_token};
use api::gateway::{ConnectInfo, Gateway, Later, Schema, Trace, Traced};
use api::{App, Peer, Settings, router};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use dm::operation::{Operation, Outcome};
use dm::{Code, Fault, UtcTime};
use fleet::access::{Caller, PasswordHash, Role, User};
use fleet::audit::AuditEntry;
use fleet::check::{NoSchema, SchemaCheck};
use fleet::device::{Device, FactsUpdate, Identity};
use fleet::job::{Actor, OpKind, event_of};
use fleet::lane::JobRef;
use fleet::port::{Admit, DeviceFields, FinishJob, Lanes, SessionOpened, Store, StoreError, Write, Written};
use fleet::twin::{Change, Delta, Source, TwinPath};
use fleet::{DeviceId, Epoch, JobId, Reach, Seq, Stamp, TenantId, UserId};
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use store::{Options, SqliteStore};
use tempfile::TempDir;
use tokio::sync::{OnceCell, watch};
use tower::ServiceExt;

pub(crate) const TENANT: TenantId = TenantId::DEFAULT;
/// 2023-11-14T22:13:20Z.
pub(crate) const START: UtcTime = UtcTime(1_700_000_000_000_000);
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const CHEAP: PasswordCost = PasswordCost { memory_kib: 8, passes: 1 };

/// What the server does beside the API, as far as a test wants it.
pub(crate) struct Server {
    store: SqliteStore,
    now: Arc<AtomicI64>,
    log: watch::Sender<Seq>,
    /// What the device answers to a job that is waited for; nothing while `None`.
    pub(crate) answer: Mutex<Option<Outcome>>,
    pub(crate) told: Mutex<Vec<JobId>>,
    pub(crate) withdrawn: Mutex<Vec<JobId>>,
    pub(crate) approved: Mutex<Vec<(DeviceId, String)>>,
    pub(crate) forgotten: Mutex<Vec<DeviceId>>,
    pub(crate) moved: Mutex<Vec<DeviceId>>,
    /// How often whom to dial has changed.
    pub(crate) dials_changed: AtomicUsize,
    pub(crate) trace: Mutex<Trace>,
    pub(crate) unready: Mutex<Option<String>>,
    pub(crate) panics: AtomicBool,
    epoch: OnceCell<Epoch>,
}

impl Server {
    /// Tells streams that the log has grown.
    pub(crate) async fn log_grew(&self) {
        let last = self.store.last_event().await.expect("a position");
        self.log.send_replace(last);
    }

    async fn finish(&self, job: JobId, outcome: Outcome) {
        let at = UtcTime(self.now.load(Ordering::SeqCst));
        let known = self.store.job(TENANT, job).await.expect("the store answers").expect("a job");
        let epoch = *self.epoch.get_or_init(|| open_session(&self.store, known.device)).await;
        let sent = Write::JobSent { tenant: TENANT, job, epoch, at };
        self.store.submit(sent).await.expect("sent");
        let event = event_of(&outcome, "key");
        let finish = FinishJob {
            tenant: TENANT,
            job,
            epoch: Some(epoch),
            event,
            outcome: Some(outcome),
            error: None,
            delta: None,
            facts: FactsUpdate::default(),
            at,
        };
        self.store.submit(Write::FinishJob(Box::new(finish))).await.expect("finished");
    }
}

async fn open_session(store: &SqliteStore, device: DeviceId) -> Epoch {
    let opened = SessionOpened {
        tenant: TENANT,
        device,
        transport: "websocket".into(),
        peer: "192.0.2.7:40000".into(),
        proven: true,
        fingerprint: None,
        at: START,
    };
    match store.submit(Write::SessionOpened(opened)).await.expect("opened") {
        Written::Session(epoch) => epoch,
        other => panic!("{other:?}"),
    }
}

impl Lanes for Server {
    fn tell(&self, _tenant: TenantId, _device: DeviceId, job: JobRef) {
        self.told.lock().expect("not poisoned").push(job.id);
    }

    fn withdraw(&self, _tenant: TenantId, _device: DeviceId, job: JobId) {
        self.withdrawn.lock().expect("not poisoned").push(job);
    }

    fn wait(
        &self,
        _tenant: TenantId,
        job: JobId,
        _limit: Duration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let answer = self.answer.lock().expect("not poisoned").clone();
            if let Some(outcome) = answer {
                self.finish(job, outcome).await;
            }
        })
    }
}

/// Knows one parameter that is read-only, and what [`NoSchema`] knows.
struct OneReadOnly;

impl SchemaCheck for OneReadOnly {
    fn setting(&self, object: &str, param: &str, value: &str, force: bool) -> Result<(), Fault> {
        if param == "SerialNumber" && !force {
            return Err(Fault::new(Code::NON_WRITEABLE_PARAMETER, "it is read-only"));
        }
        NoSchema.setting(object, param, value, force)
    }

    fn row(&self, path: &str, add: bool) -> Result<(), Fault> {
        NoSchema.row(path, add)
    }

    fn command(&self, command: &str, args: &[(String, String)], force: bool) -> Result<(), Fault> {
        NoSchema.command(command, args, force)
    }

    fn is_secret(&self, path: &str, name: &str) -> bool {
        NoSchema.is_secret(path, name)
    }
}

impl Gateway for Server {
    fn events(&self) -> watch::Receiver<Seq> {
        self.log.subscribe()
    }

    fn schema(&self, _tenant: TenantId, _device: &Device) -> Later<'_, Result<Schema, StoreError>> {
        Box::pin(async { Ok(Arc::new(OneReadOnly) as Schema) })
    }

    fn data_models_changed(&self, _models: api::Imported) {}

    fn approved(&self, _tenant: TenantId, device: DeviceId, endpoint: &str) {
        self.approved.lock().expect("not poisoned").push((device, endpoint.to_owned()));
    }

    /// Reads neither: a test's endpoint ids have a scheme, and its URLs are those of WebSockets.
    fn can_dial(&self, endpoint: &str, url: &str) -> Result<(), fleet::Error> {
        let invalid = |field| Err(fleet::Error::Invalid { field, why: "the server says so".to_owned() });
        match (endpoint.contains("::"), url.starts_with("ws")) {
            (false, _) => invalid("endpoint"),
            (true, false) => invalid("connect"),
            (true, true) => Ok(()),
        }
    }

    fn dials_changed(&self, _tenant: TenantId) {
        self.dials_changed.fetch_add(1, Ordering::SeqCst);
    }

    fn forgotten(&self, _tenant: TenantId, device: DeviceId) {
        self.forgotten.lock().expect("not poisoned").push(device);
    }

    fn moved(&self, device: DeviceId) {
        self.moved.lock().expect("not poisoned").push(device);
    }

    fn trace(&self, _tenant: TenantId, _device: DeviceId) -> Trace {
        self.trace.lock().expect("not poisoned").clone()
    }

    fn set_trace(&self, _tenant: TenantId, _device: DeviceId, enabled: bool) -> bool {
        if enabled && self.unready.lock().expect("not poisoned").is_some() {
            return false;
        }
        let traced = Traced {
            at: START,
            inbound: false,
            kind: "Get".into(),
            msg_id: Some("1".into()),
            summary: "Get Device.DeviceInfo.".into(),
            body: serde_json::json!({"param_paths": ["Device.DeviceInfo."]}),
            line: r#"{"dir":"out","t":5,"hex":"0a"}"#.into(),
        };
        let items = if enabled { vec![traced] } else { Vec::new() };
        *self.trace.lock().expect("not poisoned") = Trace { enabled, items };
        true
    }

    fn connect(&self) -> ConnectInfo {
        ConnectInfo { endpoint_id: "proto::cusp".into(), tls: true, ..ConnectInfo::default() }
    }

    fn metrics(&self) -> String {
        assert!(!self.panics.load(Ordering::SeqCst), "the test wants a panic");
        "cusp_sessions 0\n# EOF\n".into()
    }

    fn ready(&self) -> Result<(), String> {
        self.unready.lock().expect("not poisoned").clone().map_or(Ok(()), Err)
    }
}

/// Everything that a test needs.
pub(crate) struct World {
    pub(crate) store: SqliteStore,
    pub(crate) server: Arc<Server>,
    now: Arc<AtomicI64>,
    router: Router,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        World::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::new().expect("a folder");
        let store = SqliteStore::open(folder.path(), &Options::default()).expect("a store");
        let now = Arc::new(AtomicI64::new(START.0));
        let server = Arc::new(Server {
            store: store.clone(),
            now: Arc::clone(&now),
            log: watch::Sender::new(Seq(0)),
            answer: Mutex::default(),
            told: Mutex::default(),
            withdrawn: Mutex::default(),
            approved: Mutex::default(),
            forgotten: Mutex::default(),
            moved: Mutex::default(),
            dials_changed: AtomicUsize::new(0),
            trace: Mutex::default(),
            unready: Mutex::default(),
            panics: AtomicBool::new(false),
            epoch: OnceCell::new(),
        });
        let clock = Arc::clone(&now);
        let mut settings = Settings {
            password_cost: CHEAP,
            clock: Arc::new(move || UtcTime(clock.load(Ordering::SeqCst))),
            ..Settings::default()
        };
        change(&mut settings);
        let router = router(App::new(store.clone(), Arc::clone(&server) as Arc<dyn Gateway>, settings));
        World { store, server, now, router, _folder: folder }
    }

    pub(crate) fn now(&self) -> UtcTime {
        UtcTime(self.now.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).expect("a test's time is short");
        self.now.fetch_add(micros, Ordering::SeqCst);
    }

    /// An id that is unlike any other of the test.
    pub(crate) fn stamp(&self) -> Stamp {
        static COUNT: AtomicI64 = AtomicI64::new(1);
        let mut chance = [0; 10];
        chance[2..].copy_from_slice(&COUNT.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        Stamp { at: self.now(), chance }
    }

    pub(crate) fn system() -> Caller {
        Caller::system(Reach::Platform)
    }

    /// A token of a role.
    pub(crate) async fn token(&self, role: Role) -> String {
        self.token_of(Reach::Platform, role).await
    }

    /// A token of a role that reaches so far.
    pub(crate) async fn token_of(&self, reach: Reach, role: Role) -> String {
        let (system, name) = (World::system(), role.as_str());
        let minted = create_token(&self.store, &system, self.stamp(), reach, name, role, None).await;
        minted.expect("a token").secret.expose().to_owned()
    }

    /// A person with [`PASSWORD`].
    pub(crate) async fn person(&self, name: &str, role: Role) -> UserId {
        let passwords = api::auth::Passwords::new(CHEAP);
        let password: PasswordHash = passwords.hash(PASSWORD.to_owned()).await.expect("hashes");
        let user = User {
            id: UserId::make(self.stamp()),
            name: name.to_owned(),
            password: Some(password),
            roles: vec![role],
            created: self.now(),
            disabled: false,
        };
        let (id, at) = (user.id, self.now());
        let audit = AuditEntry::new(Actor::system(), "user.create", name, "");
        self.store
            .submit(Write::PutUser { tenant: TenantId::PLATFORM, user, at, audit })
            .await
            .expect("stored");
        id
    }

    /// Signs a person in, and gives the cookie.
    pub(crate) async fn cookie(&self, name: &str) -> String {
        let body = format!(r#"{{"user":"{name}","password":"{PASSWORD}"}}"#);
        let reply = self.post("/api/v1/auth/login").json(&body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.cookie()
    }

    /// A device that was let in.
    pub(crate) async fn device(&self, endpoint: &str) -> DeviceId {
        self.device_of(TENANT, endpoint).await
    }

    /// A device of a tenant that was let in.
    pub(crate) async fn device_of(&self, tenant: TenantId, endpoint: &str) -> DeviceId {
        let admit = Admit {
            tenant,
            device: DeviceId::make(self.stamp()),
            identity: Identity::usp(endpoint),
            credential: None,
            name: None,
            at: self.now(),
            audit: AuditEntry::new(Actor::system(), "device.admit", endpoint, ""),
        };
        match self.store.submit(Write::Admit(admit)).await.expect("admitted") {
            Written::Device(device) => device.id,
            other => panic!("{other:?}"),
        }
    }

    /// Values that a device is known to have.
    pub(crate) async fn learn(&self, device: DeviceId, values: &[(&str, &str)]) {
        let change = |(path, value): &(&str, &str)| Change::Put {
            path: TwinPath::parse(path).expect("a path"),
            value: (*value).into(),
        };
        let delta =
            Delta { at: self.now(), source: Source::Read, changes: values.iter().map(change).collect() };
        let fields = DeviceFields {
            tenant: TENANT,
            device,
            facts: FactsUpdate::from_params(values.iter().copied()),
            delta: Some(delta),
            at: self.now(),
        };
        self.store.submit(Write::PutDeviceFields(Box::new(fields))).await.expect("stored");
    }

    /// A queued job, past the API.
    pub(crate) async fn job(&self, device: DeviceId, operation: Operation) -> JobId {
        let new = fleet::service::NewOperation {
            device,
            tenant: TENANT,
            operation,
            priority: fleet::job::Priority::Person,
            deadline: None,
            idempotency_key: None,
            force: false,
        };
        let caller = World::system();
        let created =
            fleet::service::create_operation(&self.store, &caller, self.stamp(), new, &NoSchema).await;
        created.expect("created").job.id
    }

    pub(crate) async fn finish(&self, job: JobId, outcome: Outcome) {
        self.server.finish(job, outcome).await;
    }

    pub(crate) fn get(&self, uri: &str) -> Call<'_> {
        self.call(Method::GET, uri)
    }

    pub(crate) fn post(&self, uri: &str) -> Call<'_> {
        self.call(Method::POST, uri)
    }

    pub(crate) fn call(&self, method: Method, uri: &str) -> Call<'_> {
        let request = Request::new(Body::empty());
        let mut call = Call { router: &self.router, request };
        *call.request.method_mut() = method;
        *call.request.uri_mut() = uri.parse().expect("a URI");
        call.request.extensions_mut().insert(Peer([192, 0, 2, 1].into()));
        call
    }
}

/// A request under construction.
pub(crate) struct Call<'a> {
    router: &'a Router,
    request: Request<Body>,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers_mut().insert(name, value.parse().expect("a header"));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With the cookie of a page, and the header that pages send.
    pub(crate) fn page(self, cookie: &str) -> Self {
        self.header("cookie", cookie).header("x-cusp-request", "1")
    }

    pub(crate) fn from(mut self, peer: Option<[u8; 4]>) -> Self {
        self.request.extensions_mut().remove::<Peer>();
        if let Some(peer) = peer {
            self.request.extensions_mut().insert(Peer(peer.into()));
        }
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    pub(crate) async fn json(self, body: &str) -> Reply {
        self.header("content-type", "application/json").body(body.to_owned()).send().await
    }

    pub(crate) async fn open(self) -> Response {
        self.router.clone().oneshot(self.request).await.expect("a router never fails")
    }

    pub(crate) async fn send(self) -> Reply {
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.expect("a whole body");
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("printable"))
    }

    /// The cookie that was set, as it is sent back.
    pub(crate) fn cookie(&self) -> String {
        let set = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {self:?}"));
        set.split(';').next().expect("a first part").to_owned()
    }

    /// Checks status and kind of a problem.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, slug: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:cusp:error:{slug}"), "{problem}");
        assert_eq!(problem["status"], status);
        let title = StatusCode::from_u16(status).expect("a status").canonical_reason();
        assert_eq!(problem["title"].as_str(), title);
    }
}

/// The kind of an operation is what the lane needs of it.
pub(crate) fn kind(job: &fleet::job::Job) -> &'static str {
    OpKind::of(&job.operation).as_str()
}
