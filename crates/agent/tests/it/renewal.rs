//! The device's next certificate, over real sockets.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use agent::config::Config;
use agent::enrol::Credentials;
use agent::host;
use agent::identity::Identity;
use agent::renewal;
use agent::state::StateDir;
use agent::system::SystemRoot;
use mtp::ws::{Dialer, ListenConfig, Listener, WsUrl};
use mtp::{
    Admission, Candidate, DownReason, EndpointId, EnrolRequest, Inbound, LinkHandler, LinkId, LinkUp,
    PeerAuth, Refusal, RenewRequest, Role, Verdict,
};
use pki::{Ca, CertificateRequest, DeviceVerifier, ServerNames, ServerTls, Validity};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CONTROLLER: &str = "proto::controller";

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

/// Ends in a day, and began three days ago: more than two thirds are over.
fn nearly_over() -> Validity {
    let now = SystemTime::now();
    Validity { not_before: now - 3 * DAY, not_after: now + DAY }
}

fn long() -> Validity {
    Validity::lasting(SystemTime::now(), 90 * DAY)
}

/// First certificates are nearly over; next ones are given to whom they are for, while it gives any.
struct Door {
    ca: Ca,
    renews: Mutex<bool>,
}

impl Door {
    fn issue(&self, request_pem: &str, validity: Validity) -> String {
        let request = CertificateRequest::parse(request_pem).expect("a request");
        let chain = self.ca.issue_device(&request, &request.endpoint_ids[0], validity);
        pki::pem::encode_chain(&chain.expect("a certificate"))
    }
}

impl Admission for Door {
    async fn admit(&self, _: &Candidate) -> Result<(), Refusal> {
        Err(Refusal::new(403, "nobody comes in here"))
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        Ok(self.issue(&request.request_pem, nearly_over()))
    }

    async fn renew(&self, request: RenewRequest) -> Result<String, Refusal> {
        let PeerAuth::Certificate(shown) = &request.peer else { return Err(Refusal::new(403, "no proof")) };
        assert_eq!(shown.endpoint_ids, [id("proto:lab:agent")]);
        if shown.trusted && *self.renews.lock().expect("no panic") {
            Ok(self.issue(&request.request_pem, long()))
        } else {
            Err(Refusal::new(403, "not now"))
        }
    }
}

/// There are no links here.
struct Nothing;

impl LinkHandler for Nothing {
    fn up(&self, _: LinkUp) {}
    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }
    fn down(&self, _: LinkId, _: DownReason) {}
}

#[tokio::test]
async fn a_certificate_that_nears_its_end_is_renewed_and_kept() {
    let ca = Ca::create("test", long()).expect("a CA");
    let names = ServerNames { ips: vec![[127, 0, 0, 1].into()], ..ServerNames::default() };
    let server = ca.issue_server(&names, long()).expect("a certificate");
    let devices = DeviceVerifier::new(&[ca.certificate().clone()], false, pki::provider()).expect("a CA");
    let tls = ServerTls::new(&server, devices).expect("a certificate");
    let how = ListenConfig::new("/usp", id(CONTROLLER), Role::Controller);
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(tls), how).await.expect("a socket");
    let url: WsUrl =
        format!("wss://{}/usp", listener.local_addr().expect("an address")).parse().expect("a URL");
    let toml = format!(
        "[[controller]]\nendpoint = \"{CONTROLLER}\"\nurl = \"{url}\"\ntoken = \"cet_once\"\nca = '''\n{}'''\n",
        ca.certificate_pem(),
    );
    let door = Arc::new(Door { ca, renews: Mutex::new(false) });
    tokio::spawn(listener.run(Arc::new(Nothing), door.clone(), std::future::pending()));

    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let (config, own) = (Config::parse(&toml).expect("well-formed"), id("proto:lab:agent"));
    let load =
        || Credentials::load(state.clone(), SystemRoot::host(), &config, own.clone()).expect("readable");
    let credentials = load();
    let identity = Identity::default();
    let instance = host::instance(&config, &state, &identity, &own, None, Vec::new());
    let instance = instance.await.expect("an instance");
    instance.start().await.expect("it starts");
    credentials.attach(&instance);
    let now = SystemTime::now();
    assert!(!credentials.due(now + 10_000 * DAY), "what it gave itself is not renewed");
    let mut dialer = Dialer::new(url.clone(), own.clone(), Role::Agent);
    dialer.tls = Some(credentials.tls(&id(CONTROLLER)).expect("TLS"));
    dialer.expected = Some(id(CONTROLLER));
    assert_eq!(credentials.renewals(), [], "nothing was given yet");
    credentials.enrol(&dialer, "cet_once").await.expect("enrolled");
    let first = credentials.own();
    assert!(credentials.due(now) && credentials.issued_by(&id(CONTROLLER)));
    assert!(!credentials.due(SystemTime::UNIX_EPOCH + DAY), "the time is not known");

    let renew = async |url: WsUrl| renewal::renew(&credentials, &own, vec![(id(CONTROLLER), url)]).await;
    let plain = WsUrl { secure: false, ..url.clone() };
    let error = renew(plain).await.expect_err("never in clear").to_string();
    assert!(error.contains("TLS"), "{error}");
    renew(url.clone()).await.expect_err("refused");
    assert_eq!(credentials.own().fingerprint(), first.fingerprint(), "it keeps what it has");

    *door.renews.lock().expect("no panic") = true;
    let came_from = url.clone();
    renew(url).await.expect("renewed");
    let second = credentials.own();
    assert_ne!(second.fingerprint(), first.fingerprint());
    assert!(!credentials.due(now) && credentials.due(now + 61 * DAY));
    assert_eq!(load().own().fingerprint(), second.fingerprint(), "it outlives the process");
    // Where it came from is known from then on, whatever becomes of the tables.
    assert_eq!(load().renewals(), [(id(CONTROLLER), came_from)]);
}

/// A controller that is reached by a broker alone has a place for it in the configuration.
#[test]
fn the_configuration_says_where_certificates_are_renewed() {
    let file = |renew: &str| {
        Config::parse(&format!(
            "[[controller]]\nendpoint = \"{CONTROLLER}\"\nrenew = \"{renew}\"\n\
             [controller.mqtt]\nbroker = \"mqtts://broker.example\"\ntopic = \"c\"\n"
        ))
    };
    let folder = tempfile::tempdir().expect("a folder");
    let state = StateDir::open(folder.path()).expect("a folder");
    let config = file("https://cusp.example:8183/usp").expect("well-formed");
    let credentials = Credentials::load(state, SystemRoot::host(), &config, id("proto:lab:agent"));
    let url: WsUrl = "wss://cusp.example:8183/usp".parse().expect("a URL");
    assert_eq!(credentials.expect("a certificate").renewals(), [(id(CONTROLLER), url)]);
    for wrong in ["http://cusp.example/usp", "wss://cusp.example/usp", "https://"] {
        assert!(file(wrong).is_err(), "{wrong}");
    }
}
