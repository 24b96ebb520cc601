//! The whole broker with our own client and with attached users.

use std::sync::Arc;

use bytes::Bytes;
use mtp::mqtt::broker::{Denied, ListenConfig, Offence};
use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Qos, Version};
use mtp::{Contact, DownReason, Error, LinkUp, MqttVersion, Peers, ReturnPath, Role, SendError};
use requirement::requirement;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::world::{
    AGENT, CONTROLLER, OTHER, OWN, bound, free, hello, login, publish_with, record, record_of, topic,
};
use crate::mqtt::brokers::{client_at, inbound, run, talk, to};
use crate::mqtt::embedded::Embedded;
use crate::mqtt::machine::text;
use crate::support::{PATIENCE, Recorder, id};

const VERSIONS: [Version; 2] = [Version::V5, Version::V3_1_1];

/// An Endpoint that the broker tells its topics; in 3.1.1 they are configured.
fn agent(broker: &Embedded, version: Version, qos: Qos) -> Client {
    let mut client = client_at(broker.addr.port(), version, Role::Agent);
    client.settings.qos = qos;
    if version == Version::V5 {
        client.settings.response_topic = None;
        client.settings.client_id = Some("an agent".to_owned());
    }
    client
}

/// Admits Endpoints by the name that they give.
async fn endpoints() -> Embedded {
    Embedded::start(|facts, _| {
        let eid = facts.endpoint_id.as_ref().ok_or(Denied::NotAuthorized)?;
        Ok(bound(eid.as_str(), &format!("usp/agents/{eid}")))
    })
    .await
}

/// The suite that mosquitto and RabbitMQ pass.
#[tokio::test]
#[requirement("R-MQTT.39", "R-MQTT.40", "R-MQTT.41", "R-MQTT.46")]
async fn records_travel_through_the_embedded_broker() {
    let mut broker = Embedded::start(|facts, _| Ok(free(&facts.client_id))).await;
    for version in VERSIONS {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
            let mut agent = client_at(broker.addr.port(), version, Role::Agent);
            let mut controller = client_at(broker.addr.port(), version, Role::Controller);
            (agent.settings.qos, controller.settings.qos) = (qos, qos);
            talk(&agent, &controller).await;
        }
    }
    broker.stop().await;
}

/// A controller in the same process and an Endpoint at the other end of a socket, small Records and large ones.
#[tokio::test]
#[requirement("R-MQTT.44")]
async fn an_attached_controller_talks_with_endpoints() {
    for version in VERSIONS {
        for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
            let broker = endpoints().await;
            let mut controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
            let (mut events, up) = run(&agent(&broker, version, qos)).await;
            assert_eq!(up.return_path, to(&up, OWN));
            for length in [1, 1000, 1_000_000] {
                let request = Bytes::from(record_of(AGENT, vec![7; length]));
                up.sender.send_to(&to(&up, CONTROLLER), request.clone()).unwrap();
                let arrived = timeout(PATIENCE, controller.next()).await.expect("in time").expect("attached");
                assert_eq!(arrived.topic, topic(CONTROLLER));
                assert_eq!(arrived.endpoint, Some(id(AGENT)));
                let record = controller.inbound(arrived);
                assert!(record.record == request);
                assert_eq!(record.peer, login(AGENT));
                let link = controller.link();
                assert_eq!(record.return_path, ReturnPath::Mqtt { link, topic: OWN.into() });
                let answer = Bytes::from(vec![9; length]);
                controller.sender().send_to(&record.return_path, answer.clone()).unwrap();
                let received = inbound(&mut events).await;
                assert!(received.record == answer);
                assert_eq!(received.return_path, to(&up, CONTROLLER));
            }
        }
    }
}

/// While an attached user takes nothing, those who publish to it are not read; nothing is lost.
#[tokio::test]
async fn a_slow_controller_slows_its_endpoints() {
    let broker = endpoints().await;
    let mut controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let (_events, up) = run(&agent(&broker, Version::V5, Qos::AtLeastOnce)).await;
    let numbers = || (0..2000_u32).map(|number| record_of(AGENT, number.to_be_bytes().to_vec()));
    let sending = async {
        for record in numbers() {
            while up.sender.send_to(&to(&up, CONTROLLER), record.clone().into()) == Err(SendError::Full) {
                tokio::task::yield_now().await;
            }
        }
    };
    let receiving = async {
        for expected in numbers() {
            assert!(controller.next().await.expect("attached").record == expected);
        }
    };
    timeout(PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("in time");
}

/// A raw client of that endpoint, whose CONNACK is read.
async fn raw(broker: &Embedded) -> TcpStream {
    let mut socket = TcpStream::connect(broker.addr).await.unwrap();
    socket.write_all(&hello(Version::V5, AGENT)).await.unwrap();
    let mut head = [0; 2];
    socket.read_exact(&mut head).await.unwrap();
    socket.read_exact(&mut vec![0; usize::from(head[1])]).await.unwrap();
    socket
}

/// A Record to the controller, with QoS 1.
fn said(id: u16) -> Vec<u8> {
    let answer = [&[0x08][..], &text(OWN)].concat();
    publish_with(Version::V5, 0x32, CONTROLLER, Some(id), &answer, &record(AGENT))
}

/// 256 Records wait for the controller. What there is to write still leaves while the next ones find no room.
#[tokio::test]
async fn what_is_written_does_not_wait_for_the_controller() {
    let broker = endpoints().await;
    let controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let mut socket = raw(&broker).await;
    let all: Vec<u8> = (1..=257).flat_map(said).collect();
    socket.write_all(&all).await.unwrap();
    for id in 1..=257_u16 {
        let mut puback = [0; 4];
        timeout(PATIENCE, socket.read_exact(&mut puback)).await.expect("in time").expect("PUBACK");
        let [high, low] = id.to_be_bytes();
        assert_eq!(puback, [0x40, 2, high, low]);
    }
    drop(controller);
}

#[tokio::test]
async fn who_is_not_attached_any_more_gets_nothing() {
    let broker = endpoints().await;
    let controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let (mut events, up) = run(&agent(&broker, Version::V5, Qos::AtLeastOnce)).await;
    let (link, sender) = (controller.link(), controller.sender());
    sender.send_to(&ReturnPath::Mqtt { link, topic: OWN.into() }, Bytes::from_static(b"last words")).unwrap();
    drop(controller);
    assert_eq!(events.record().await, b"last words");
    up.sender.send_to(&to(&up, CONTROLLER), record(AGENT).into()).unwrap();
    // The broker goes on: this comes back from it.
    assert!(up.sender.answers_ping(PATIENCE).await);
    // 5.0 is told that there are no subscribers.
    let mut socket = raw(&broker).await;
    socket.write_all(&said(1)).await.unwrap();
    let mut puback = [0; 5];
    timeout(PATIENCE, socket.read_exact(&mut puback)).await.expect("in time").expect("PUBACK");
    assert_eq!(puback, [0x40, 3, 0, 1, 0x10]);
    let late = sender.send_to(&ReturnPath::Mqtt { link, topic: OWN.into() }, Bytes::from_static(b"late"));
    assert_eq!(late, Err(SendError::Closed));
    assert_eq!(sender.send(Bytes::from_static(b"to whom?")), Err(SendError::NoWay));
}

/// A forged sender: the host is told, the Record goes nowhere, and an honest one afterwards arrives.
#[tokio::test]
#[requirement("R-SEC.4c", "R-MQTT.42")]
async fn a_forged_sender_is_refused_on_the_wire() {
    let mut broker = endpoints().await;
    let mut controller = broker.broker.attach(vec!["usp/#".parse().unwrap()], topic(CONTROLLER));
    let (_events, up) = run(&agent(&broker, Version::V5, Qos::AtLeastOnce)).await;
    let forged = [
        (CONTROLLER, OTHER, Offence::ForgedSender { claimed: Some(id(OTHER)) }),
        ("usp/agents/os::00256D-0002", AGENT, Offence::ForbiddenTopic(topic("usp/agents/os::00256D-0002"))),
    ];
    for (to_topic, from, offence) in forged {
        up.sender.send_to(&to(&up, to_topic), record(from).into()).unwrap();
        let incident = broker.told().await;
        assert_eq!(incident.what, offence);
        assert_eq!(incident.identity.as_deref(), Some(AGENT));
        assert!(incident.peer_addr.is_some());
    }
    up.sender.send_to(&to(&up, CONTROLLER), record(AGENT).into()).unwrap();
    let arrived = timeout(PATIENCE, controller.next()).await.expect("in time").expect("attached");
    assert!(arrived.record == record(AGENT));
    // 3.1.1 has no words for it but the end of the connection.
    let (mut events, up) = run(&agent(&broker, Version::V3_1_1, Qos::AtLeastOnce)).await;
    up.sender.send_to(&to(&up, CONTROLLER), record(OTHER).into()).unwrap();
    assert!(matches!(events.down().await, DownReason::Lost(_)));
}

#[tokio::test]
#[requirement("R-MQTT.43")]
async fn the_password_decides() {
    let mut broker = Embedded::start(|facts, _| {
        let right =
            facts.user_name.as_deref() == Some("agent") && facts.password.as_deref() == Some(b"right");
        if right { Ok(free("agent")) } else { Err(Denied::Credentials) }
    })
    .await;
    for (version, code) in [(Version::V5, 0x86), (Version::V3_1_1, 4)] {
        let mut client = agent(&broker, version, Qos::AtLeastOnce);
        client.settings.response_topic = Some(topic(OWN));
        client.settings.username = Some("agent".to_owned());
        for wrong in [Some("wrong"), None] {
            client.settings.password = wrong.map(str::to_owned);
            match client.connect().await {
                Err(Error::Mqtt(End::Refused { code: found, .. })) => assert_eq!(found, code),
                other => panic!("expected a refusal, got {other:?}"),
            }
            assert_eq!(broker.told().await.what, Offence::Refused(0x86));
        }
        client.settings.password = Some("right".to_owned());
        client.connect().await.expect("the right password");
    }
}

/// The client assigned an id uses it again; the later connection takes over.
#[tokio::test]
#[requirement("R-MQTT.9")]
async fn an_assigned_id_comes_back() {
    let broker = Embedded::start(|_, _| Ok(free("me"))).await;
    let mut client = client_at(broker.addr.port(), Version::V5, Role::Agent);
    let session = client.connect().await.unwrap();
    let assigned = session.assigned_client_id().expect("one was assigned").to_owned();
    assert!(assigned.starts_with("cusp-"));
    let (handler, mut events) = crate::support::Recorder::new();
    tokio::spawn(async move { session.run(&*handler).await });
    events.up().await;
    client.settings.client_id = Some(assigned);
    assert_eq!(client.connect().await.unwrap().assigned_client_id(), None);
    match events.down().await {
        DownReason::ClosedByPeer { code, .. } => assert_eq!(code, 0x8E),
        other => panic!("expected a take-over, got {other}"),
    }
}

#[tokio::test]
async fn a_stopping_broker_says_good_bye() {
    let mut broker = endpoints().await;
    let (mut events, _up): (_, LinkUp) = run(&agent(&broker, Version::V5, Qos::AtLeastOnce)).await;
    broker.stop().await;
    match events.down().await {
        DownReason::ClosedByPeer { code, .. } => assert_eq!(code, 0x8B),
        other => panic!("expected a good-bye, got {other}"),
    }
    assert_eq!(broker.broker.connections(), 0);
}

/// A client that is silent for longer than it said; the broker's clock is the real one here.
#[tokio::test]
async fn a_silent_client_is_let_go() {
    let broker = Embedded::start(|_, _| Ok(free("me"))).await;
    let mut socket = TcpStream::connect(broker.addr).await.unwrap();
    // Keep-alive of one second.
    socket.write_all(b"\x10\x0D\0\x04MQTT\x04\x02\0\x01\0\x01c").await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("in time").expect("a clean end");
    assert_eq!(answer, [0x20, 2, 0, 0]);
}

/// What comes together with CONNECT is not lost.
#[tokio::test]
async fn nobody_has_to_wait_for_connack() {
    let broker = Embedded::with(None, ListenConfig::default(), |_, _| Ok(free("me"))).await;
    let mut socket = TcpStream::connect(broker.addr).await.unwrap();
    socket.write_all(b"\x10\x0D\0\x04MQTT\x04\x02\0\x3C\0\x01c\xC0\0\xE0\0").await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("in time").expect("a clean end");
    assert_eq!(answer, [0x20, 2, 0, 0, 0xD0, 0]);
}

/// Many Endpoints of both versions, each answered at its own topic.
#[tokio::test]
async fn many_endpoints_share_one_controller() {
    let broker = endpoints().await;
    let mut controller = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let mut agents = Vec::new();
    for number in 0..50 {
        let mut client = agent(&broker, VERSIONS[number % 2], Qos::AtLeastOnce);
        let eid = format!("os::00256D-1{number:03}");
        client.settings.eid = id(&eid);
        client.settings.client_id = Some(eid.clone());
        client.settings.response_topic = Some(topic(&format!("usp/agents/{eid}")));
        let (events, up) = run(&client).await;
        up.sender.send_to(&to(&up, CONTROLLER), record(&eid).into()).unwrap();
        agents.push((eid, events));
    }
    for _ in 0..agents.len() {
        let arrived = timeout(PATIENCE, controller.next()).await.expect("in time").expect("attached");
        let eid = arrived.endpoint.clone().expect("it is proved");
        let inbound = controller.inbound(arrived);
        controller.sender().send_to(&inbound.return_path, eid.as_str().to_owned().into()).unwrap();
    }
    for (eid, events) in &mut agents {
        assert_eq!(events.record().await, eid.as_bytes());
    }
}

/// As a link, and with a link of its own for each Endpoint, which tells what is proved of it.
#[tokio::test]
async fn an_attachment_runs_as_a_link() {
    let broker = endpoints().await;
    let attached = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let sender = attached.sender();
    let (handler, mut events) = Recorder::new();
    let mut handler = Arc::into_inner(handler).expect("nobody shares it");
    handler.authorise = true;
    let peers = Peers::anybody(handler, 10);
    let running = tokio::spawn(async move { attached.run(Role::Controller, &peers).await });
    let (_events, up) = run(&agent(&broker, Version::V5, Qos::AtLeastOnce)).await;
    for length in [1, 1_000_000] {
        up.sender.send_to(&to(&up, CONTROLLER), record_of(AGENT, vec![7; length]).into()).unwrap();
    }
    let link = events.up().await;
    assert_eq!((link.eid, link.peer), (Some(id(AGENT)), login(AGENT)));
    assert_eq!(link.return_path, ReturnPath::Mqtt { link: link.link, topic: OWN.into() });
    assert_eq!(link.contact, Contact::Mqtt { version: MqttVersion::V5, topic: CONTROLLER.into() });
    for length in [1, 1_000_000] {
        assert!(events.record().await == record_of(AGENT, vec![7; length]));
    }
    sender.close(1000, "done");
    let done = DownReason::ClosedByUs { code: 1000, reason: "done".into() };
    assert_eq!(events.down().await, done);
    assert_eq!(timeout(PATIENCE, running).await.expect("in time").expect("no panic"), done);
}
