//! mDNS: agents find the server, and it finds agents; on the loopback interface of a network namespace that the test
//! makes.

use std::future::Future;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;

use mtp::discovery::ask::Asker;
use mtp::discovery::found::{Found, Wanted};
use mtp::discovery::service::Mtp;
use mtp::discovery::{Attributes, Party};
use mtp::ws::{ListenConfig, Listener};
use mtp::{AdmitAll, DownReason, Inbound, LinkHandler, LinkId, LinkUp, Role, Verdict};
use requirement::requirement;
use serde_json::json;
use server::config::PolicyName;
use server::{Config, config::Discovery};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::world::{AGENT, CONTROLLER, World, id};

/// Runs in a network namespace of its own. Where the system forbids that to this user, it says so and does not run.
fn on_loopback<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "a network namespace for this thread alone; no memory is involved")]
        let result = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
        if let Err(error) = result {
            use std::io::Write;
            assert!(!may_make_namespaces(), "no network namespace: {error}");
            return drop(writeln!(std::io::stderr(), "not run, no network namespace: {error}"));
        }
        let done =
            Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("iproute2 is installed");
        assert!(done.success());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Whether this user may: CAP_SYS_ADMIN, the 22nd bit.
fn may_make_namespaces() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("capabilities");
    u64::from_str_radix(line.trim(), 16).expect("hexadecimal") >> 21 & 1 == 1
}

/// No test asks so often unless something is broken.
const ROUNDS: u32 = 20;

fn world(listed: bool) -> World {
    let mut world = World::new(PolicyName::Closed);
    world.config.discovery = Discovery { mdns: true, listed, interfaces: vec!["lo".to_owned()] };
    world
}

fn asker() -> Asker {
    Asker { interfaces: vec!["lo".to_owned()], servers: Vec::new() }
}

/// Who answers; asks until somebody does, because names are free only after a second.
async fn browse(wanted: &Wanted) -> Found {
    for _ in 0..ROUNDS {
        if let Some(found) = asker().browse(wanted).await.into_iter().next() {
            return found;
        }
    }
    panic!("nobody answers {wanted:?}");
}

#[requirement("R-DIS.3", "R-DIS.4", "R-DIS.8", "R-DIS.11", "R-WS.3")]
#[test]
fn an_agent_that_knows_its_id_finds_the_server() {
    on_loopback(|| async {
        let world = world(false);
        let server = world.serve().await;
        let wanted = Wanted::new(Party::Controller, "local", Some(id(CONTROLLER))).expect("a domain");
        let found = browse(&wanted).await;
        assert_eq!((found.endpoint, found.port), (id(CONTROLLER), server.listeners.usp_websocket.port()));
        let attributes = Attributes { path: Some("/usp".to_owned()), name: None, encrypt: false };
        assert_eq!(found.attributes, attributes);
        let anybody = Wanted::new(Party::Controller, "local", None).expect("a domain");
        assert_eq!(asker().browse(&anybody).await, [], "it is not listed");
        server.stop().await;
    });
}

#[test]
fn a_server_that_is_listed_is_found_by_everybody() {
    on_loopback(|| async {
        let world = world(true);
        let server = world.serve().await;
        let anybody = Wanted::new(Party::Controller, "local", None).expect("a domain");
        assert_eq!(browse(&anybody).await.endpoint, id(CONTROLLER));
        server.stop().await;
    });
}

/// The server's own broker is told of, with the topic that the server is subscribed to and this host's address.
#[requirement("R-MQTT.37", "R-MQTT.38")]
#[test]
fn an_agent_finds_the_broker_of_the_server() {
    on_loopback(|| async {
        let mut world = world(true);
        world.config.usp.mqtt.broker.listen = Some("127.0.0.1:0".parse().expect("an address"));
        let server = world.serve().await;
        let anybody = Wanted::new(Party::Controller, "local", None).expect("a domain");
        browse(&anybody).await;
        let found = asker().browse(&anybody).await;
        let broker = found.iter().find(|found| found.service.mtp == Mtp::Mqtt).expect("it is told of");
        assert_eq!(Some(broker.port), server.listeners.usp_mqtt_broker.map(|listen| listen.port()));
        // Those of IPv4 come first.
        assert_eq!(broker.addresses.first(), Some(&Ipv4Addr::LOCALHOST.into()));
        let topic = format!("usp/controllers/{CONTROLLER}");
        let attributes = Attributes { path: Some(topic), name: None, encrypt: false };
        assert_eq!(broker.attributes, attributes);
        server.stop().await;
    });
}

struct Door(mpsc::UnboundedSender<LinkUp>);

impl LinkHandler for Door {
    fn up(&self, link: LinkUp) {
        let _ = self.0.send(link);
    }

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

/// A host of which only mDNS knows: answers whatever is asked with its address.
async fn host(labels: &'static [u8]) {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).await.expect("a socket");
    socket.join_multicast_v4(Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::LOCALHOST).expect("a group");
    let mut bytes = [0; 512];
    while let Ok((_, from)) = socket.recv_from(&mut bytes).await {
        let head = [bytes[0], bytes[1], 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        let record = [0, 1, 0, 1, 0, 0, 0, 10, 0, 4, 127, 0, 0, 1];
        let _ = socket.send_to(&[&head, labels, &record].concat(), from).await;
    }
}

#[requirement("R-DIS.5")]
#[test]
fn an_agent_is_dialled_by_a_name_that_only_mdns_knows() {
    on_loopback(|| async {
        tokio::spawn(host(b"\x05light\x05local\x00"));
        let how = ListenConfig::new("/usp", id(AGENT), Role::Agent);
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None, how).await.expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (told, mut dialled) = mpsc::unbounded_channel();
        tokio::spawn(listener.run(Arc::new(Door(told)), Arc::new(AdmitAll), std::future::pending()));
        let world = world(false);
        let server = world.serve().await;
        let body = json!({ "endpoint": AGENT, "connect": format!("ws://light.local:{port}/usp") });
        let answer = server.api.post("/devices", Some(body)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(dialled.recv().await.expect("the listener runs").eid, Some(id(CONTROLLER)));
        server.stop().await;
    });
}

#[test]
fn the_configuration() {
    let parsed = Config::parse("[discovery]\nmdns = true\ninterfaces = [\"br-lan\"]\n").expect("well-formed");
    assert!(parsed.discovery.mdns && !parsed.discovery.listed);
    assert!(parsed.show().ends_with("[discovery]\nmdns = true\nlisted = false\ninterfaces = [\"br-lan\"]\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cusp.toml");
    std::fs::write(&file, "[discovery]\nlisted = true\n").expect("a file");
    let refused = Config::load_with(Some(&file), None, |_| None).map(drop).expect_err("listed without mDNS");
    assert_eq!(refused.to_string(), "discovery.listed needs discovery.mdns");
}
