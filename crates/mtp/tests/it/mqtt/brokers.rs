//! The client against a real broker: two Endpoints that talk through it, and what goes wrong.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mtp::mqtt::machine::End;
use mtp::mqtt::{BrokerAddress, Client, Qos, Settings, Version};
use mtp::{DownReason, Error, Inbound, LinkUp, PeerAuth, ReturnPath, Role, SendError};
use pki::{Ca, ClientTls, ControllerVerifier, ServerNames, Trust, Validity};
use requirement::requirement;

use super::daemon::Mosquitto;
use crate::daemons::RabbitMq;
use crate::support::{AGENT, CONTROLLER, Event, Events, Recorder, id};

pub(super) const AGENT_TOPIC: &str = "usp/agents/os::00256D-0001";
pub(super) const CONTROLLER_TOPIC: &str = "usp/controllers/self::controller-1";
pub(super) const VERSIONS: [Version; 2] = [Version::V5, Version::V3_1_1];

fn client(broker: &Mosquitto, version: Version, role: Role) -> Client {
    client_at(broker.port, version, role)
}

pub(super) fn client_at(port: u16, version: Version, role: Role) -> Client {
    let (eid, topic) = match role {
        Role::Agent => (AGENT, AGENT_TOPIC),
        Role::Controller => (CONTROLLER, CONTROLLER_TOPIC),
    };
    let mut settings = Settings::new(version, id(eid));
    settings.response_topic = Some(topic.parse().unwrap());
    let address = BrokerAddress { host: "127.0.0.1".to_owned(), port, secure: false };
    Client::new(address, settings, role)
}

/// Connects, and runs the link in a task of its own.
pub(super) async fn run(client: &Client) -> (Events, LinkUp) {
    let (handler, mut events) = Recorder::new();
    let session = client.connect().await.expect("the broker lets us in");
    tokio::spawn(async move { session.run(&*handler).await });
    let up = events.up().await;
    (events, up)
}

pub(super) async fn inbound(events: &mut Events) -> Inbound {
    match events.next().await {
        Event::Record(inbound) => inbound,
        other => panic!("expected a Record, got {other:?}"),
    }
}

pub(super) fn to(up: &LinkUp, topic: &str) -> ReturnPath {
    ReturnPath::Mqtt { link: up.link, topic: topic.into() }
}

/// There and back through one broker, small and large.
pub(super) async fn talk(agent: &Client, controller: &Client) {
    talk_of(agent, controller, &[1, 1000, 1_000_000]).await;
}

/// The same with Records of these lengths, bytes.
pub(super) async fn talk_of(agent: &Client, controller: &Client, lengths: &[usize]) {
    let (mut controller_events, controller) = run(controller).await;
    let (mut agent_events, agent) = run(agent).await;
    assert_eq!(agent.return_path, to(&agent, AGENT_TOPIC));
    for length in lengths.iter().copied() {
        let request = Bytes::from(vec![1; length]);
        agent.sender.send_to(&to(&agent, CONTROLLER_TOPIC), request.clone()).unwrap();
        let received = inbound(&mut controller_events).await;
        assert!(received.record == request, "{length}");
        assert_eq!(received.return_path, to(&controller, AGENT_TOPIC));
        assert_eq!(received.peer, PeerAuth::Unproven);
        let answer = Bytes::from(vec![2; length]);
        controller.sender.send_to(&received.return_path, answer.clone()).unwrap();
        let received = inbound(&mut agent_events).await;
        assert!(received.record == answer, "{length}");
        assert_eq!(received.return_path, to(&agent, CONTROLLER_TOPIC));
    }
    // More at once than may be in flight.
    for number in 0..100_u8 {
        agent.sender.send_to(&to(&agent, CONTROLLER_TOPIC), vec![number].into()).unwrap();
    }
    for number in 0..100_u8 {
        assert_eq!(controller_events.record().await, [number]);
    }
    assert_eq!(agent.sender.send(Bytes::from_static(b"to whom?")), Err(SendError::NoWay));
    let elsewhere = to(&controller, CONTROLLER_TOPIC);
    assert_eq!(agent.sender.send_to(&elsewhere, Bytes::from_static(b"x")), Err(SendError::NoWay));
    assert!(agent.sender.answers_ping(crate::support::PATIENCE).await);
    agent.sender.close(1000, "done");
    let done = DownReason::ClosedByUs { code: 1000, reason: "done".into() };
    assert_eq!(agent_events.down().await, done);
}

#[tokio::test]
#[requirement("R-MQTT.1", "R-MQTT.3", "R-MQTT.18", "R-MQTT.20", "R-MQTT.22", "R-MQTT.26")]
async fn records_travel_through_mosquitto() {
    let broker = Mosquitto::start("allow_anonymous true\n", &[]);
    for version in VERSIONS {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
            let mut agent = client(&broker, version, Role::Agent);
            let mut controller = client(&broker, version, Role::Controller);
            (agent.settings.qos, controller.settings.qos) = (qos, qos);
            talk(&agent, &controller).await;
        }
    }
}

/// Debian's RabbitMQ speaks 3.1.1 only, and closes the connection of those who try 5.0.
#[tokio::test]
#[requirement("R-MQTT.2", "R-MQTT.24", "R-MQTT.25")]
async fn records_travel_through_rabbitmq() {
    let broker = RabbitMq::start();
    let login = |version, role, password: &str| {
        let mut client = client_at(broker.port, version, role);
        client.settings.username = Some("guest".to_owned());
        client.settings.password = Some(password.to_owned());
        client
    };
    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        let mut agent = login(Version::V3_1_1, Role::Agent, "guest");
        let mut controller = login(Version::V3_1_1, Role::Controller, "guest");
        (agent.settings.qos, controller.settings.qos) = (qos, qos);
        talk(&agent, &controller).await;
    }
    match login(Version::V3_1_1, Role::Agent, "wrong").connect().await {
        Err(Error::Mqtt(End::Refused { code, .. })) => assert_eq!(code, 4),
        other => panic!("expected a refusal, got {other:?}"),
    }
    let closed = login(Version::V5, Role::Agent, "guest").connect().await;
    assert!(matches!(&closed, Err(Error::Io(e)) if e.kind() == ErrorKind::UnexpectedEof), "{closed:?}");
}

#[tokio::test]
#[requirement("R-MQTT.9", "R-MQTT.11")]
async fn an_assigned_client_id_is_told_and_used_again() {
    let broker = Mosquitto::start("allow_anonymous true\n", &[]);
    let mut client = client(&broker, Version::V5, Role::Agent);
    let session = client.connect().await.unwrap();
    let assigned = session.assigned_client_id().expect("one was assigned").to_owned();
    assert!(!assigned.is_empty());
    client.settings.client_id = Some(assigned);
    assert_eq!(client.connect().await.unwrap().assigned_client_id(), None);
}

#[tokio::test]
#[requirement("R-MQTT.7")]
async fn the_password_decides() {
    // `agent` with the password `right`, hashed as mosquitto_passwd does it.
    let lines = "allow_anonymous false\npassword_file DIR/passwords\n";
    let mut broker = Mosquitto::start(lines, &[("passwords", "agent:right\n")]);
    let hashed =
        std::process::Command::new("mosquitto_passwd").arg("-U").arg(broker.file("passwords")).status();
    assert!(hashed.expect("mosquitto_passwd comes with mosquitto").success());
    broker.restart();
    for (version, code) in [(Version::V5, 0x87), (Version::V3_1_1, 5)] {
        let mut client = client(&broker, version, Role::Agent);
        client.settings.username = Some("agent".to_owned());
        for wrong in [Some("wrong"), None] {
            client.settings.password = wrong.map(str::to_owned);
            match client.connect().await {
                Err(Error::Mqtt(End::Refused { code: found, .. })) => assert_eq!(found, code),
                other => panic!("expected a refusal, got {other:?}"),
            }
        }
        client.settings.password = Some("right".to_owned());
        client.connect().await.expect("the right password");
    }
}

#[tokio::test]
#[requirement("R-MQTT.16")]
async fn without_topics_there_is_no_session() {
    let broker = Mosquitto::start("allow_anonymous true\n", &[]);
    for version in VERSIONS {
        let mut client = client(&broker, version, Role::Agent);
        client.settings.response_topic = None;
        assert!(matches!(client.connect().await, Err(Error::Mqtt(End::NoTopics))));
    }
}

#[tokio::test]
#[requirement("R-MQTT.33")]
async fn a_broker_that_dies_is_noticed_and_found_again() {
    let mut broker = Mosquitto::start("allow_anonymous true\n", &[]);
    for version in VERSIONS {
        let (agent, controller) =
            (client(&broker, version, Role::Agent), client(&broker, version, Role::Controller));
        let (mut events, up) = run(&agent).await;
        broker.restart();
        let reason = events.down().await;
        assert!(matches!(reason, DownReason::Lost(_)), "{reason}");
        let gone = up.sender.send_to(&to(&up, CONTROLLER_TOPIC), Bytes::from_static(b"late"));
        assert_eq!(gone, Err(SendError::Closed));
        talk(&agent, &controller).await;
    }
    broker.kill();
    let refused = client(&broker, Version::V5, Role::Agent).connect().await;
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
}

#[tokio::test]
async fn a_topic_that_the_broker_forbids_stays_forbidden() {
    let rights = format!(
        "user agent\ntopic write {CONTROLLER_TOPIC}\ntopic read {AGENT_TOPIC}\n\
                          user controller\ntopic readwrite usp/#\n"
    );
    let lines = "allow_anonymous false\npassword_file DIR/passwords\nacl_file DIR/rights\n";
    let files = [("passwords", "agent:a\ncontroller:c\n"), ("rights", rights.as_str())];
    let mut broker = Mosquitto::start(lines, &files);
    let hashed =
        std::process::Command::new("mosquitto_passwd").arg("-U").arg(broker.file("passwords")).status();
    assert!(hashed.expect("mosquitto_passwd comes with mosquitto").success());
    broker.restart();
    let login = |role, name: &str, password: &str| {
        let mut client = client(&broker, Version::V5, role);
        client.settings.username = Some(name.to_owned());
        client.settings.password = Some(password.to_owned());
        client.settings.qos = Qos::AtLeastOnce;
        client
    };
    let mut controller = login(Role::Controller, "controller", "c");
    controller.settings.filters = vec!["usp/#".parse().unwrap()];
    let (mut events, _) = run(&controller).await;
    let (_, agent) = run(&login(Role::Agent, "agent", "a")).await;
    agent.sender.send_to(&to(&agent, "usp/agents/somebody-else"), Bytes::from_static(b"forged")).unwrap();
    agent.sender.send_to(&to(&agent, CONTROLLER_TOPIC), Bytes::from_static(b"honest")).unwrap();
    assert_eq!(events.record().await, b"honest");
}

#[tokio::test]
#[requirement("R-MQTT.48")]
async fn tls_with_a_broker_that_is_checked() {
    let valid = || Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let (ca, other) = (Ca::create("Test CA", valid()).unwrap(), Ca::create("Another", valid()).unwrap());
    let ips = vec![IpAddr::from([127, 0, 0, 1])];
    let identity = ca.issue_server(&ServerNames { ips, ..ServerNames::default() }, valid()).unwrap();
    let lines = "allow_anonymous true\ncertfile DIR/cert.pem\nkeyfile DIR/key.pem\n";
    let (chain, key) = (identity.chain_pem(), identity.key_pem());
    let broker = Mosquitto::start(lines, &[("cert.pem", &chain), ("key.pem", &key)]);
    let tls = |ca: &Ca| {
        let trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
        let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).unwrap();
        Some(ClientTls::new(None, verifier).unwrap())
    };
    let mut agent = client(&broker, Version::V5, Role::Agent);
    agent.broker.secure = true;
    assert!(matches!(agent.connect().await, Err(Error::NoTls)));
    agent.tls = tls(&other);
    assert!(matches!(agent.connect().await, Err(Error::Tls(_))));
    agent.tls = tls(&ca);
    let mut controller = client(&broker, Version::V5, Role::Controller);
    (controller.broker.secure, controller.tls) = (true, tls(&ca));
    let session = agent.connect().await.unwrap();
    assert!(matches!(session.broker(), PeerAuth::Certificate(broker) if broker.trusted));
    drop(session);
    talk(&agent, &controller).await;
}

/// The handler of a panicking Record must not leave the link standing.
#[tokio::test]
async fn a_panic_in_the_handler_ends_the_link() {
    let broker = Mosquitto::start("allow_anonymous true\n", &[]);
    let client = client(&broker, Version::V5, Role::Agent);
    let (handler, mut events) = Recorder::new();
    let session = client.connect().await.unwrap();
    let running = tokio::spawn(async move { session.run(&*handler).await });
    let up = events.up().await;
    up.sender.send_to(&to(&up, AGENT_TOPIC), Bytes::from_static(b"panic")).unwrap();
    assert_eq!(events.down().await, DownReason::Panicked);
    assert!(running.await.is_err());
}
