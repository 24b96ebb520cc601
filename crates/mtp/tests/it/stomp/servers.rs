//! The client against real servers: two Endpoints that talk through one, and what goes wrong. One suite for both.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mtp::stomp::machine::End;
use mtp::stomp::{Client, Config, ServerAddress};
use mtp::{DownReason, Error, Inbound, LinkUp, PeerAuth, ReturnPath, Role, SendError};
use pki::{Ca, ClientTls, ControllerVerifier, ServerNames, Trust, Validity};
use requirement::requirement;

use crate::daemons::{ActiveMq, RabbitMq};
use crate::support::{AGENT, CONTROLLER, Event, Events, Recorder, id};

const AGENT_QUEUE: &str = "/queue/os::00256D-0001";
const CONTROLLER_QUEUE: &str = "/queue/self::controller-1";

fn client(port: u16, role: Role) -> Client {
    let (eid, destination) = match role {
        Role::Agent => (AGENT, AGENT_QUEUE),
        Role::Controller => (CONTROLLER, CONTROLLER_QUEUE),
    };
    let config = Config {
        login: Some(("guest".to_owned(), "guest".to_owned())),
        destination: Some(destination.to_owned()),
        ..Config::new(id(eid))
    };
    Client::new(ServerAddress { host: "127.0.0.1".to_owned(), port, secure: false }, config, role)
}

/// Connects, and runs the link in a task of its own.
async fn run(client: &Client) -> (Events, LinkUp) {
    let (handler, mut events) = Recorder::new();
    let session = client.connect().await.expect("the server lets us in");
    tokio::spawn(async move { session.run(&*handler).await });
    let up = events.up().await;
    (events, up)
}

async fn inbound(events: &mut Events) -> Inbound {
    match events.next().await {
        Event::Record(inbound) => inbound,
        other => panic!("expected a Record, got {other:?}"),
    }
}

fn to(up: &LinkUp, destination: &str) -> ReturnPath {
    ReturnPath::Stomp { link: up.link, destination: destination.into() }
}

/// There and back through one server, small and large.
async fn talk(agent: &Client, controller: &Client) {
    let (mut controller_events, controller) = run(controller).await;
    let (mut agent_events, agent) = run(agent).await;
    assert_eq!(agent.return_path, to(&agent, AGENT_QUEUE));
    for length in [1, 1000, 1_000_000] {
        // Nothing that could be taken for text: every byte, NUL and line ends among them.
        let request: Bytes = (0..=255).cycle().take(length).collect();
        agent.sender.send_to(&to(&agent, CONTROLLER_QUEUE), request.clone()).unwrap();
        let received = inbound(&mut controller_events).await;
        assert!(received.record == request, "{length}");
        assert_eq!(received.return_path, to(&controller, AGENT_QUEUE));
        assert_eq!(received.peer, PeerAuth::Unproven);
        let answer: Bytes = (0..=255).rev().cycle().take(length).collect();
        controller.sender.send_to(&received.return_path, answer.clone()).unwrap();
        let received = inbound(&mut agent_events).await;
        assert!(received.record == answer, "{length}");
        assert_eq!(received.return_path, to(&agent, CONTROLLER_QUEUE));
    }
    for number in 0..100_u8 {
        agent.sender.send_to(&to(&agent, CONTROLLER_QUEUE), vec![number].into()).unwrap();
    }
    for number in 0..100_u8 {
        assert_eq!(controller_events.record().await, [number]);
    }
    let elsewhere = to(&controller, CONTROLLER_QUEUE);
    assert_eq!(agent.sender.send_to(&elsewhere, Bytes::from_static(b"x")), Err(SendError::NoWay));
    // What is queued when we leave arrives all the same.
    agent.sender.send_to(&to(&agent, CONTROLLER_QUEUE), Bytes::from_static(b"last words")).unwrap();
    agent.sender.close(1000, "done");
    let done = DownReason::ClosedByUs { code: 1000, reason: "done".into() };
    assert_eq!(agent_events.down().await, done);
    assert_eq!(controller_events.record().await, b"last words");
    controller.sender.close(1000, "done");
    assert_eq!(controller_events.down().await, done);
}

async fn a_wrong_password_is_told(port: u16) {
    let mut client = client(port, Role::Agent);
    client.config.login = Some(("guest".to_owned(), "wrong-secret".to_owned()));
    match client.connect().await {
        Err(Error::Stomp(End::Refused(said))) => {
            assert!(said.contains("guest") && !said.contains("wrong-secret"), "{said}");
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Both sides beat, and neither thinks the other dead.
async fn beating(port: u16) {
    let mut client = client(port, Role::Agent);
    client.config.heart_beat = Some((1000, 500));
    let (mut events, up) = run(&client).await;
    // The server's beats are the answer.
    assert!(up.sender.answers_ping(crate::support::PATIENCE).await);
    assert!(events.quiet_for(Duration::from_secs(3)).await, "the link lasts");
}

/// A connection is lost with its server, and the next one is as good.
async fn a_restart(port: u16, restart: impl FnOnce()) {
    let client = client(port, Role::Agent);
    let (mut events, before) = run(&client).await;
    restart();
    let reason = events.down().await;
    assert!(matches!(reason, DownReason::Lost(_) | DownReason::ClosedByPeer { .. }), "{reason:?}");
    let late = before.sender.send_to(&to(&before, CONTROLLER_QUEUE), Bytes::from_static(b"late"));
    assert_eq!(late, Err(SendError::Closed));
    let (mut events, after) = run(&client).await;
    assert_ne!(after.link, before.link);
    let own = to(&after, AGENT_QUEUE);
    after.sender.send_to(&own, Bytes::from_static(b"to myself")).unwrap();
    assert_eq!(events.record().await, b"to myself");
    after.sender.close(1001, "not wanted any more");
    assert!(matches!(events.down().await, DownReason::ClosedByUs { code: 1001, .. }));
}

async fn suite(port: u16, restart: impl FnOnce()) {
    talk(&client(port, Role::Agent), &client(port, Role::Controller)).await;
    a_wrong_password_is_told(port).await;
    beating(port).await;
    a_restart(port, restart).await;
    talk(&client(port, Role::Agent), &client(port, Role::Controller)).await;
}

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(86_400))
}

fn tls(ca: &Ca) -> Option<ClientTls> {
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
    Some(ClientTls::new(None, verifier).unwrap())
}

/// TLS with a server that is checked, and that speaks TLS 1.2 only.
async fn over_tls(port: u16, ca: &Ca) {
    let mut agent = client(port, Role::Agent);
    agent.server.secure = true;
    assert!(matches!(agent.connect().await, Err(Error::NoTls)));
    agent.tls = tls(&Ca::create("Another", valid()).unwrap());
    assert!(matches!(agent.connect().await, Err(Error::Tls(_))));
    agent.tls = tls(ca);
    let session = agent.connect().await.unwrap();
    assert!(matches!(session.server(), PeerAuth::Certificate(server) if server.trusted));
    drop(session);
    let mut controller = client(port, Role::Controller);
    (controller.server.secure, controller.tls) = (true, agent.tls.clone());
    talk(&agent, &controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.3", "R-STOMP.19", "R-STOMP.36")]
async fn records_travel_through_rabbitmq() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let ips = vec![IpAddr::from([127, 0, 0, 1])];
    let identity = ca.issue_server(&ServerNames { ips, ..ServerNames::default() }, valid()).unwrap();
    let mut server = RabbitMq::start_stomp(&identity.chain_pem(), &identity.key_pem());
    let (port, secure_port) = (server.port, server.secure_port);
    over_tls(secure_port, &ca).await;
    suite(port, || server.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.3", "R-STOMP.19")]
async fn records_travel_through_activemq() {
    let mut server = ActiveMq::start();
    suite(server.port, || server.restart()).await;
}

/// The rights that the guide gives; each user's password is its name.
const RIGHTS: &str = r#"{
  "vhosts": [{ "name": "/" }],
  "users": [
    { "name": "cusp", "password": "cusp", "tags": "" },
    { "name": "device-7", "password": "device-7", "tags": "" },
    { "name": "device-8", "password": "device-8", "tags": "" },
    { "name": "os::00256D-0009", "password_hash": "", "tags": "" }
  ],
  "permissions": [
    { "user": "cusp", "vhost": "/", "configure": "^usp\\.controllers\\.main$",
      "write": "^amq\\.default$", "read": "^usp\\.controllers\\.main$" },
    { "user": "device-7", "vhost": "/", "configure": "^usp\\.(controllers\\.main|agents\\.7)$",
      "write": "^amq\\.default$", "read": "^usp\\.agents\\.7$" },
    { "user": "device-8", "vhost": "/", "configure": "^usp\\.(controllers\\.main|agents\\.8)$",
      "write": "^amq\\.default$", "read": "^usp\\.agents\\.8$" },
    { "user": "os::00256D-0009", "vhost": "/", "configure": "^usp\\.(controllers\\.main|agents\\.9)$",
      "write": "^amq\\.default$", "read": "^usp\\.agents\\.9$" }
  ]
}"#;

/// What a STOMP server owes to those behind it, RabbitMQ does with the rights of the guide: it lets in nobody without
/// a password or a certificate, and nobody hears what is meant for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.34", "R-STOMP.35")]
async fn rights_confine_each_to_its_own_destination() {
    let ca = Ca::create("Test CA", valid()).unwrap();
    let names = ServerNames { ips: vec![IpAddr::from([127, 0, 0, 1])], ..ServerNames::default() };
    let identity = ca.issue_server(&names, valid()).unwrap();
    let (chain, key) = (identity.chain_pem(), identity.key_pem());
    let server = RabbitMq::start_stomp_for(RIGHTS, &chain, &key, &ca.certificate_pem());
    let as_user = |name: &str, role, destination: &str| {
        let mut client = client(server.port, role);
        client.config.login = Some((name.to_owned(), name.to_owned()));
        client.config.destination = Some(destination.to_owned());
        client
    };
    let own = "/queue/usp.agents.7";
    let controller = "/queue/usp.controllers.main";
    let mut cusp = as_user("cusp", Role::Controller, controller);
    cusp.config.makes_queues = false;
    let (mut controller_events, cusp) = run(&cusp).await;
    let (mut events, seven) = run(&as_user("device-7", Role::Agent, own)).await;
    seven.sender.send_to(&to(&seven, controller), Bytes::from_static(b"hello")).unwrap();
    let received = inbound(&mut controller_events).await;
    assert_eq!(received.return_path, to(&cusp, own));
    cusp.sender.send_to(&received.return_path, Bytes::from_static(b"answer")).unwrap();
    assert_eq!(events.record().await, b"answer");

    for destination in [own, controller] {
        let refused = as_user("device-8", Role::Agent, destination).connect().await;
        let Err(Error::Stomp(End::ServerError(said))) = refused else { panic!("{destination}: {refused:?}") };
        assert!(said.contains("refused"), "{said}");
    }
    let mut nobody = as_user("device-8", Role::Agent, "/queue/usp.agents.8");
    nobody.config.login = Some(("device-8".to_owned(), "device-7".to_owned()));
    assert!(matches!(nobody.connect().await, Err(Error::Stomp(End::Refused(_)))));
    // And whoever sends where the rights don't reach loses the connection.
    let (mut events, eight) = run(&as_user("device-8", Role::Agent, "/queue/usp.agents.8")).await;
    eight.sender.send_to(&to(&eight, own), Bytes::from_static(b"forged")).unwrap();
    assert!(matches!(events.down().await, DownReason::ClosedByPeer { .. }));

    // The certificate that a device has of our CA is a login.
    let device = ca.issue_device_with_key(&id("os::00256D-0009"), valid()).unwrap();
    let mut nine = client(server.secure_port, Role::Agent);
    (nine.server.secure, nine.config.login) = (true, None);
    nine.config.destination = Some("/queue/usp.agents.9".to_owned());
    nine.tls = tls(&ca);
    assert!(matches!(nine.connect().await, Err(Error::Stomp(End::Refused(_)))), "without one");
    let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
    nine.tls = Some(ClientTls::new(Some(&device), verifier).unwrap());
    let (_events, nine) = run(&nine).await;
    nine.sender.send_to(&to(&nine, controller), Bytes::from_static(b"certified")).unwrap();
    assert_eq!(controller_events.record().await, b"certified");
}
