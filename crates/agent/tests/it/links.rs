//! Links over real sockets: enrolment with a token over TLS, then a connection with the certificate that
//! was issued, and the first Record on it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agent::config::{Config, Policy};
use agent::discovery::DiscoveryConfig;
use agent::discovery::keep::Names;
use agent::enrol::Credentials;
use agent::host;
use agent::identity::Identity;
use agent::links::{self, Context};
use agent::providers::rows::{RowBuilder, object, report};
use agent::providers::support::Support;
use agent::state::StateDir;
use agent::system::SystemRoot;
use dm::model::ModelBuilder;
use dm::operation::{ObjectSettings, ParamSetting, Set};
use dm::path::SchemaPath;
use dm::tree::{Requester, Tree};
use dm::{Fault, Operation, Outcome};
use engine::Instance;
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report};
use mtp::ws::{Dialer, ListenConfig, Listener};
use mtp::{
    Admission, Candidate, DownReason, EndpointId, EnrolRequest, Inbound, LinkHandler, LinkId, LinkUp,
    PeerAuth, Refusal, Role, Verdict,
};
use pki::{Ca, CertificateRequest, DeviceVerifier, ServerNames, ServerTls, Validity};
use requirement::requirement;
use tokio::sync::{mpsc, watch};

use crate::peer::{Controller, Heard};
use crate::ports::free_port;

const TOKEN: &str = "cet_once";

fn year() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(365 * 24 * 60 * 60))
}

/// An agent that runs, with nothing that keeps its links.
struct Started {
    folder: tempfile::TempDir,
    config: Config,
    credentials: Arc<Credentials>,
    instance: Arc<Instance>,
}

async fn started(toml: &str, providers: Vec<Arc<dyn Provider>>) -> Started {
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let config = Config::parse(toml).expect("well-formed");
    let credentials = Credentials::load(state.clone(), SystemRoot::host(), &config, agent_id());
    let (identity, endpoint) = (Identity::default(), agent_id());
    let instance = host::instance(&config, &state, &identity, &endpoint, None, providers);
    let instance = instance.await.expect("an instance");
    instance.start().await.expect("it starts");
    Started { folder, config, credentials: credentials.expect("a certificate"), instance }
}

fn agent_id() -> EndpointId {
    EndpointId::receive("proto:lab:agent").expect("an id")
}

/// Of a system whose own resolver does it all.
pub(crate) fn names() -> Names {
    Names { config: DiscoveryConfig::default(), root: SystemRoot::host() }
}

/// Issues a certificate for the one token, once.
struct Door {
    ca: Ca,
    token: Mutex<Option<&'static str>>,
}

impl Admission for Door {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        match &candidate.peer {
            PeerAuth::Certificate(peer) if peer.trusted => Ok(()),
            _ => Err(Refusal::new(403, "not enrolled")),
        }
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        let token = self.token.lock().expect("no panic").take();
        if token != Some(request.token.as_str()) {
            return Err(Refusal::new(401, "no such token"));
        }
        let request = CertificateRequest::parse(&request.request_pem).expect("a request");
        assert_eq!(request.endpoint_ids, [agent_id()]);
        let chain = self.ca.issue_device(&request, &agent_id(), year()).expect("a certificate");
        Ok(pki::pem::encode_chain(&chain))
    }
}

/// Tells the test what happens.
struct Witness(mpsc::UnboundedSender<Seen>);

#[derive(Debug)]
enum Seen {
    Up(Option<EndpointId>, PeerAuth),
    Record(Vec<u8>),
}

impl LinkHandler for Witness {
    fn up(&self, link: LinkUp) {
        let _ = self.0.send(Seen::Up(link.eid, link.peer));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let _ = self.0.send(Seen::Record(record.record.to_vec()));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

#[tokio::test]
async fn a_device_enrols_and_connects_with_its_certificate() {
    let controller = EndpointId::receive("proto::controller").expect("an id");
    let ca = Ca::create("test", year()).expect("a CA");
    let certified = ServerNames {
        ips: vec![[127, 0, 0, 1].into()],
        endpoint: Some(controller.clone()),
        ..Default::default()
    };
    let server = ca.issue_server(&certified, year()).expect("a certificate");
    let devices = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).expect("a CA");
    let tls = ServerTls::new(&server, devices).expect("a certificate");
    let how = ListenConfig::new("/usp", controller, Role::Controller);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(tls), how).await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let toml = format!(
        "[[controller]]\nendpoint = \"proto::controller\"\nurl = \"wss://127.0.0.1:{port}/usp\"\ntoken = \"{TOKEN}\"\nca = \"\"\"\n{}\"\"\"\n",
        ca.certificate_pem(),
    );
    let (sender, mut seen) = mpsc::unbounded_channel();
    let door = Arc::new(Door { ca, token: Mutex::new(Some(TOKEN)) });
    tokio::spawn(listener.run(Arc::new(Witness(sender)), door, std::future::pending()));

    let Started { folder, credentials, instance, .. } = started(&toml, Vec::new()).await;
    credentials.attach(&instance);
    let (_stop, stopped) = watch::channel(false);
    let context = Context::new(instance, credentials, agent_id(), Vec::new(), names(), Arc::default());
    let task = tokio::spawn(links::keep(context, stopped));

    let Some(Seen::Up(eid, peer)) = seen.recv().await else { panic!("a link was expected") };
    assert_eq!(eid, Some(agent_id()));
    let PeerAuth::Certificate(peer) = peer else { panic!("a certificate was expected") };
    assert_eq!((peer.trusted, &peer.endpoint_ids[..]), (true, &[agent_id()][..]));
    let Some(Seen::Record(record)) = seen.recv().await else { panic!("a Record was expected") };
    // Field 3 of a Record is from_id.
    let from = b"\x1a\x0fproto:lab:agent";
    assert!(record.windows(from.len()).any(|piece| piece == from), "{record:?}");
    assert!(folder.path().join("enrolled.pem").exists());
    task.abort();
}

/// Whoever's clock was never set looks at no dates, and everybody else does.
#[requirement("R-MTP.2", "R-SEC.19", "R-WS.23")]
#[tokio::test]
async fn dates_of_certificates_count_once_there_is_a_time() {
    let controller = EndpointId::receive("proto::controller").expect("an id");
    let ca = Ca::create("test", year()).expect("a CA");
    let names = ServerNames {
        ips: vec![[127, 0, 0, 1].into()],
        endpoint: Some(controller.clone()),
        ..Default::default()
    };
    let day = Duration::from_secs(24 * 60 * 60);
    let past = Validity { not_before: SystemTime::now() - 9 * day, not_after: SystemTime::now() - day };
    let expired = ca.issue_server(&names, past).expect("a certificate");
    let devices = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).expect("a CA");
    let tls = ServerTls::new(&expired, devices).expect("a certificate");
    let how = ListenConfig::new("/usp", controller.clone(), Role::Controller);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(tls), how).await.expect("a socket");
    let url = format!("wss://{}/usp", listener.local_addr().expect("an address"));
    let toml = format!(
        "[[controller]]\nendpoint = \"proto::controller\"\nurl = {url:?}\nca = \"\"\"\n{}\"\"\"\n",
        ca.certificate_pem(),
    );
    let door = Arc::new(Door { ca, token: Mutex::new(None) });
    let (sender, _seen) = mpsc::unbounded_channel();
    tokio::spawn(listener.run(Arc::new(Witness(sender)), door, std::future::pending()));

    let Started { folder: _folder, credentials, instance, .. } = started(&toml, Vec::new()).await;
    credentials.attach(&instance);
    let never_set = SystemTime::UNIX_EPOCH + 3 * day;
    let by = std::slice::from_ref(&controller);
    for (what, tls, believed) in [
        ("a time", credentials.tls(&controller), false),
        ("no time", credentials.tls_at(never_set, &controller), true),
        ("a broker, a time", credentials.broker_tls(by), false),
        ("a broker, no time", credentials.broker_tls_at(never_set, by), true),
    ] {
        let mut dialer = Dialer::new(url.parse().expect("a URL"), agent_id(), Role::Agent);
        dialer.tls = Some(tls.expect("TLS"));
        let end = dialer.connect().await.map(drop);
        // Who has shown it to be its controller turns away who is not enrolled.
        let is_refused = matches!(end, Err(mtp::Error::Refused { status: 403, .. }));
        assert_eq!(is_refused, believed, "{what}: {end:?}");
    }
}

/// However often its sessions end, an agent is back after the first wait: this one's grow by four, to a minute at the
/// fourth.
#[requirement("R-WS.20")]
#[tokio::test]
async fn a_session_that_stood_resets_the_count() {
    let mut controller = Controller::listen().await;
    let toml = format!(
        "[[controller]]\nendpoint = \"proto::controller\"\nurl = \"ws://127.0.0.1:{}/usp\"\n",
        controller.port
    );
    let (_folder, _stop) = agent_with(&toml, Vec::new()).await;
    controller.connected().await;
    let param = |param: &str, value: &str| ParamSetting {
        param: param.to_owned(),
        value: value.to_owned(),
        required: true,
    };
    let params =
        vec![param("SessionRetryMinimumWaitInterval", "1"), param("SessionRetryIntervalMultiplier", "4000")];
    let path = "Device.LocalAgent.Controller.1.MTP.1.WebSocket.".to_owned();
    let objects = vec![ObjectSettings { path, params }];
    let answer = controller.ask(Operation::Set(Set { allow_partial: false, objects })).await;
    let Outcome::Set(results) = &answer else { panic!("{answer:?}") };
    assert!(results.iter().all(|result| result.result.is_ok()), "{answer:?}");
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    controller.connected().await;
    for round in 1..=4 {
        controller.hang_up();
        let back = async {
            while !matches!(controller.hear().await, Heard::Down) {}
            controller.connected().await;
        };
        tokio::time::timeout(Duration::from_secs(30), back).await.unwrap_or_else(|_| panic!("round {round}"));
    }
}

/// A host name whose every change could cut the way to the controllers.
struct Risky;

impl Provider for Risky {
    fn name(&self) -> &'static str {
        "risky"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let policy = Policy { writable: vec!["Device.DeviceInfo.".to_owned()], ..Policy::default() };
        Support::new(model, &policy).writable("Device.DeviceInfo.", &["HostName"], &["HostName"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object("Device.DeviceInfo.")]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report([RowBuilder::new("Device.DeviceInfo.", &[]).text("HostName", "old")])) })
    }

    fn prepare<'a>(&'a self, _: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async { Ok(Prepared(Box::new(()))) })
    }

    fn commit<'a>(&'a self, _: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(async { Ok(Committed { needs_confirm: true, ..Committed::default() }) })
    }
}

pub(crate) fn risky() -> Arc<dyn Provider> {
    Arc::new(Risky)
}

/// An agent in this process, with these controllers; it goes on until the sender says so.
pub(crate) async fn agent_with(
    toml: &str,
    providers: Vec<Arc<dyn Provider>>,
) -> (tempfile::TempDir, watch::Sender<bool>) {
    let Started { folder, config, credentials, instance } = started(toml, providers).await;
    let (stop, stopped) = watch::channel(false);
    let context = Context::new(instance, credentials, agent_id(), config.listeners, names(), Arc::default());
    tokio::spawn(links::keep(context, stopped));
    (folder, stop)
}

#[tokio::test]
async fn a_risky_change_is_answered_and_then_the_connection_is_made_anew() {
    let mut controller = Controller::listen().await;
    let toml = format!(
        "[[controller]]\nendpoint = \"proto::controller\"\nurl = \"ws://127.0.0.1:{}/usp\"\n",
        controller.port
    );
    let (_folder, _stop) = agent_with(&toml, vec![risky()]).await;
    controller.connected().await;
    let value = ParamSetting { param: "HostName".to_owned(), value: "new".to_owned(), required: true };
    let objects = vec![ObjectSettings { path: "Device.DeviceInfo.".to_owned(), params: vec![value] }];
    let answer = controller.ask(Operation::Set(Set { allow_partial: false, objects })).await;
    assert!(matches!(answer, Outcome::Set(_)), "{answer:?}");
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    controller.connected().await;
}

#[tokio::test]
async fn ports_are_told_of_listeners_while_they_stand() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let text = format!("[[listen]]\naddress = \"{address}\"\ntls = false\n");
    let Started { folder: _folder, config, credentials, instance } = started(&text, Vec::new()).await;
    let (_stop, stopped) = watch::channel(false);
    let context =
        Context::new(instance.clone(), credentials, agent_id(), config.listeners, names(), Arc::default());
    let mut ports = context.ports();
    tokio::spawn(links::keep(context, stopped));
    let standing = ports.wait_for(|ports| !ports.is_empty()).await.expect("it runs").clone();
    assert_eq!(standing, [(0, address.port())].into());
    tokio::net::TcpStream::connect(address).await.expect("it listens");
    let value = ParamSetting { param: "Enable".to_owned(), value: "false".to_owned(), required: true };
    let objects = vec![ObjectSettings { path: "Device.LocalAgent.MTP.1.".to_owned(), params: vec![value] }];
    let off = Operation::Set(Set { allow_partial: false, objects });
    let plan = |tree: &Tree| {
        let plan = tree.plan(&off, &Requester::full()).expect("a write");
        plan.transactions.into_iter().flat_map(|transaction| transaction.changes).collect()
    };
    instance.change(plan).await.expect("it is kept");
    ports.wait_for(|ports| ports.is_empty()).await.expect("it runs");
}
