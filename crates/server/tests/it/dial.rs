//! Agents that listen: dialled, onboarded, dialled again, and refused when they are somebody else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mtp::ws::{ListenConfig, Listener};
use mtp::{AdmitAll, DownReason, Inbound, LinkHandler, LinkId, LinkUp, PeerAuth, Role, Side, Verdict};
use pki::{DeviceVerifier, Identity, PendingIdentity, ServerTls, Validity};
use requirement::requirement;
use serde_json::{Value, json};
use server::config::PolicyName;
use server::control::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use usp_proto::EndpointId;

use crate::agent::{Agent, Ear, dialer};
use crate::world::{AGENT, CONTROLLER, PATIENCE, Running, World, id};

/// What an agent tells its test.
enum Told {
    Up(Box<LinkUp>),
    Down(DownReason),
}

/// Every link is an agent of its own, which goes on answering.
struct Door {
    eid: EndpointId,
    told: mpsc::UnboundedSender<Told>,
    ears: Mutex<BTreeMap<LinkId, Ear>>,
}

impl LinkHandler for Door {
    fn up(&self, link: LinkUp) {
        let (agent, ear) = Agent::on(self.eid.clone(), id(CONTROLLER), link.sender.clone());
        agent.announce();
        agent.keep_answering();
        self.ears.lock().expect("not poisoned").insert(link.link, ear);
        let _ = self.told.send(Told::Up(Box::new(link)));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let ear = self.ears.lock().expect("not poisoned")[&record.link].clone();
        ear.inbound(record).await
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.ears.lock().expect("not poisoned").remove(&link);
        let _ = self.told.send(Told::Down(reason));
    }
}

/// An agent's listener.
struct Listening {
    address: SocketAddr,
    told: mpsc::UnboundedReceiver<Told>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Listening {
    async fn start(eid: &str, address: SocketAddr, tls: Option<ServerTls>) -> Listening {
        let config = ListenConfig::new("/usp", id(eid), Role::Agent);
        let listener = Listener::bind(address, tls, config).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (telling, told) = mpsc::unbounded_channel();
        let door = Door { eid: id(eid), told: telling, ears: Mutex::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(listener.run(Arc::new(door), Arc::new(AdmitAll), async move {
            let _ = stopped.await;
        }));
        Listening { address, told, stop, task }
    }

    async fn any(eid: &str) -> Listening {
        Listening::start(eid, free(), None).await
    }

    fn url(&self) -> String {
        format!("ws://{}/usp", self.address)
    }

    async fn next(&mut self) -> Told {
        let next = tokio::time::timeout(PATIENCE, self.told.recv()).await;
        next.expect("something in time").expect("the listener lives")
    }

    async fn dialled(&mut self) -> LinkUp {
        match self.next().await {
            Told::Up(up) => *up,
            Told::Down(reason) => panic!("not dialled, but {reason}"),
        }
    }

    /// The close code by which the server ended the link.
    async fn closed(&mut self) -> u16 {
        match self.next().await {
            Told::Down(DownReason::ClosedByPeer { code, .. }) => code,
            Told::Down(other) => panic!("not closed, but {other}"),
            Told::Up(_) => panic!("dialled twice"),
        }
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.expect("the listener ends in peace");
    }
}

fn free() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

/// A server that dials again after a second, and lets in only whom a person lets in.
async fn serve() -> (World, Running) {
    let mut world = World::new(PolicyName::Closed);
    world.config.usp.dial.retry_seconds = Some(1);
    let server = world.serve().await;
    (world, server)
}

/// Has an endpoint dialled; the path of its device.
async fn add(server: &Running, endpoint: &str, url: &str) -> String {
    let body = json!({ "endpoint": endpoint, "connect": url });
    let answer = server.api.post("/devices", Some(body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    format!("/devices/{}", answer.body["id"].as_str().expect("an id"))
}

async fn serial_number(server: &Running, device: &str) -> Value {
    let get = json!({ "paths": ["Device.DeviceInfo.SerialNumber"] });
    let answer = server.api.post(&format!("{device}/get?wait=30s"), Some(get)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["state"], "done", "{answer:?}");
    answer.body["outcome"].clone()
}

#[requirement("R-WS.6")]
#[tokio::test]
async fn an_agent_that_listens_is_dialled_and_dialled_again() {
    let (_world, server) = serve().await;
    let mut agent = Listening::any(AGENT).await;
    let device = add(&server, AGENT, &agent.url()).await;
    let up = agent.dialled().await;
    assert_eq!((up.side, up.eid), (Side::Accepted, Some(id(CONTROLLER))));
    let shown = server.until(&device, |one| one.body["onboarded"] == true).await;
    assert_eq!((&shown["online"], &shown["proven"]), (&json!(true), &json!(false)));
    assert_eq!(shown["address"], json!(agent.address.to_string()));
    let outcome = serial_number(&server, &device).await.to_string();
    assert!(outcome.contains("value of SerialNumber"), "{outcome}");

    let address = agent.address;
    agent.stop().await;
    server.until(&device, |one| one.body["online"] == false).await;
    let mut agent = Listening::start(AGENT, address, None).await;
    agent.dialled().await;
    server.until(&device, |one| one.body["online"] == true).await;
    serial_number(&server, &device).await;

    assert_eq!(server.api.delete(&device).await.status, 204);
    assert_eq!(agent.closed().await, mtp::ws::close_code::POLICY);
    assert_eq!(server.api.get(&device).await.status, 404);
}

#[tokio::test]
async fn whom_it_dials_outlives_the_server() {
    let (world, server) = serve().await;
    let mut agent = Listening::any(AGENT).await;
    let device = add(&server, AGENT, &agent.url()).await;
    agent.dialled().await;
    server.until(&device, |one| one.body["onboarded"] == true).await;
    server.stop().await;
    assert_eq!(agent.closed().await, mtp::ws::close_code::GOING_AWAY);
    let server = world.serve().await;
    agent.dialled().await;
    server.until(&device, |one| one.body["online"] == true).await;
}

#[tokio::test]
async fn another_url_takes_effect_at_once() {
    let (_world, server) = serve().await;
    let (mut first, mut second) = (Listening::any(AGENT).await, Listening::any(AGENT).await);
    let device = add(&server, AGENT, &first.url()).await;
    first.dialled().await;
    assert_eq!(add(&server, AGENT, &second.url()).await, device);
    assert_eq!(first.closed().await, mtp::ws::close_code::GOING_AWAY);
    second.dialled().await;
    let address = second.address.to_string();
    server.until(&device, |one| one.body["online"] == true && one.body["address"] == *address).await;
}

#[tokio::test]
async fn whoever_answers_must_be_who_was_dialled() {
    let (_world, server) = serve().await;
    let agent = Listening::any("os::00256D-0666").await;
    let device = add(&server, AGENT, &agent.url()).await;
    server.refusal("expected endpoint os::00256D-0001, answered by os::00256D-0666").await;
    assert_eq!(server.api.get(&device).await.body["online"], json!(false));
}

#[tokio::test]
async fn what_cannot_be_dialled_is_refused() {
    let (_world, server) = serve().await;
    for (endpoint, connect, word) in [
        ("nobody", "ws://127.0.0.1:9/usp", "endpoint: "),
        (CONTROLLER, "ws://127.0.0.1:9/usp", "endpoint: it is the controller's own"),
        (AGENT, "http://127.0.0.1:9/usp", "connect: URL: the scheme must be ws or wss"),
        (AGENT, "ws://user@127.0.0.1:9/usp", "connect: URL: no user name is allowed"),
        (AGENT, "ws://:9/usp", "connect: URL: no host"),
        (AGENT, "127.0.0.1:9", "connect: URL: no scheme"),
    ] {
        let body = json!({ "endpoint": endpoint, "connect": connect });
        let answer = server.api.post("/devices", Some(body)).await;
        assert_eq!(answer.status, 400, "{endpoint} {connect}");
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.starts_with(word), "{detail}");
    }
    assert!(server.api.get("/devices").await.items().is_empty());
}

/// A certificate of the server's own CA.
async fn enrolled(server: &Running, eid: &str) -> Identity {
    let made = server
        .control(Command::EnrolToken {
            ttl_seconds: 3600,
            uses: 1,
            group: None,
            endpoint: None,
            tenant: None,
        })
        .await
        .expect("a token");
    let token = made["token"].as_str().expect("a text");
    let pending = PendingIdentity::generate(&id(eid)).expect("a key");
    let chain = dialer(server, eid).enrol(token, pending.request_pem()).await.expect("enrolled");
    pending.complete(&chain).expect("a chain for this key")
}

/// TLS of an agent that wants to see a certificate of the CA of `root`.
fn tls(own: &Identity, root: &Identity) -> ServerTls {
    let roots = [root.chain().last().expect("a chain").clone()];
    let verifier = DeviceVerifier::new(&roots, true, pki::provider()).expect("a verifier");
    ServerTls::new(own, verifier).expect("TLS")
}

#[requirement("R-MTP.1", "R-SEC.0a")]
#[tokio::test]
async fn over_tls_both_show_who_they_are() {
    let (_world, server) = serve().await;
    let identity = enrolled(&server, AGENT).await;
    let mut agent = Listening::start(AGENT, free(), Some(tls(&identity, &identity))).await;
    let device = add(&server, AGENT, &format!("wss://{}/usp", agent.address)).await;
    let up = agent.dialled().await;
    let PeerAuth::Certificate(certificate) = &up.peer else { panic!("no certificate was shown") };
    assert!(certificate.trusted);
    assert_eq!(certificate.endpoint_ids, [id(CONTROLLER)]);
    let shown = server.until(&device, |one| one.body["onboarded"] == true).await;
    assert_eq!(shown["proven"], json!(true));
}

#[requirement("R-SEC.0a")]
#[tokio::test]
async fn over_tls_the_certificate_decides() {
    let (_world, server) = serve().await;
    let others = enrolled(&server, "os::00256D-0002").await;
    let validity = Validity::lasting(SystemTime::now(), Duration::from_secs(3600));
    let made = Identity::self_signed(&id(AGENT), validity).expect("a certificate");
    for (own, reason) in [(&others, "certificate not valid for name"), (&made, "UnknownIssuer")] {
        let agent = Listening::start(AGENT, free(), Some(tls(own, &others))).await;
        let device = add(&server, AGENT, &format!("wss://localhost:{}/usp", agent.address.port())).await;
        server.refusal(reason).await;
        assert_eq!(server.api.get(&device).await.body["online"], json!(false));
    }
}
