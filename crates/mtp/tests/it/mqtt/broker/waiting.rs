//! Clients that are connected and not let in yet.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use mtp::mqtt::Version::{V3_1_1, V5};
use mtp::mqtt::broker::Rights;
use mtp::{DownReason, Peers, Role};
use tokio::time::timeout;

use super::world::{
    AGENT, BOTH, CONTROLLER, OWN, Peer, World, bound, connect, hello, publish, record_of, topic,
};
use crate::mqtt::brokers::{client_at, run, to};
use crate::mqtt::embedded::Embedded;
use crate::mqtt::machine::text;
use crate::mqtt::websocket::{REQUEST, config};
use crate::raw::{Raw, frame};
use crate::support::{PATIENCE, Recorder, id};

fn waiting(eid: &str) -> Rights {
    Rights { waits: true, ..bound(eid, &format!("usp/agents/{eid}")) }
}

/// The one with this number, from there.
fn enter(world: &mut World, number: usize, from: &str) -> Peer {
    let (eid, from): (_, SocketAddr) = (format!("os::00256D-{number:04}"), from.parse().unwrap());
    let peer = world.connect_from(&hello(V5, &eid), waiting(&eid), Some(from)).unwrap();
    world.hear(&peer);
    peer
}

fn open(world: &World, peers: &[Peer]) -> usize {
    peers.iter().filter(|peer| world.is_open(peer)).count()
}

#[test]
fn those_of_one_address_make_room_for_each_other_and_for_nobody_else() {
    let mut world = World::new();
    let others: Vec<_> = (0..3).map(|number| enter(&mut world, number, "192.0.2.2:1")).collect();
    let first = enter(&mut world, 1000, "[2001:db8::1]:1");
    let site: Vec<_> =
        (1..64).map(|n| enter(&mut world, 1000 + n, &format!("[2001:db8::{n:x}]:2"))).collect();
    assert!(world.is_open(&first), "64 of one site");
    let _last = enter(&mut world, 2000, "[2001:db8::ffff]:1");
    assert_eq!(world.hear(&first), [[0xE0, 1, 0x97]]);
    assert!(!world.is_open(&first));
    assert_eq!((open(&world, &site), open(&world, &others)), (63, 3));
}

#[test]
fn the_oldest_of_all_makes_room() {
    let mut world = World::new();
    let all: Vec<_> =
        (0..1024).map(|n| enter(&mut world, n, &format!("192.0.{}.{}:1", n / 250, n % 250))).collect();
    assert_eq!(open(&world, &all), 1024);
    // One that is let in, or gone, has no place among them.
    world.machine.let_in(|rights| &*rights.identity == "os::00256D-0000");
    world.lose(&all[1]);
    let _more = [enter(&mut world, 2000, "198.51.100.1:1"), enter(&mut world, 2001, "198.51.100.2:1")];
    assert_eq!(open(&world, &all), 1023);
    let _more = enter(&mut world, 2002, "198.51.100.3:1");
    assert_eq!((world.is_open(&all[0]), world.is_open(&all[2]), world.is_open(&all[3])), (true, false, true));
}

#[test]
fn nobody_waits_for_ever() {
    for version in BOTH {
        let mut world = World::new();
        let [mut waits, mut comes] = ["os::00256D-0001", "os::00256D-0002"].map(|eid| {
            let peer = world.connect(&hello(version, eid), waiting(eid)).unwrap();
            world.hear(&peer);
            peer
        });
        world.pass(1);
        world.machine.let_in(|rights| rights.endpoint == Some(id("os::00256D-0002")));
        assert_eq!(
            [&waits, &comes].map(|peer| world.machine.is_waiting(peer.id)),
            [true, false],
            "{version:?}"
        );
        for _ in 0..19 {
            for peer in [&mut waits, &mut comes] {
                assert_eq!(world.ask(peer, &[0xC0, 0]), [[0xD0, 0]]);
            }
            world.pass(30);
        }
        // 571 seconds so far.
        world.pass(28);
        assert!(world.is_open(&waits));
        world.pass(1);
        let words = if version == V5 { vec![vec![0xE0, 1, 0xA0]] } else { Vec::new() };
        assert_eq!(world.hear(&waits), words);
        assert_eq!((world.is_open(&waits), world.is_open(&comes)), (false, true));
        world.pass(10_000);
    }
}

/// An hour is asked for, and nothing is left of it.
#[test]
fn no_session_outlives_the_connection_of_one_that_waits() {
    for (rights, kept) in [(waiting(AGENT), 0), (bound(AGENT, OWN), 1)] {
        let mut world = World::new();
        let keep = connect(V5, 0, 60, &[0x11, 0, 0, 0x0E, 0x10], &[&text(AGENT)]);
        let peer = world.connect(&keep, rights.clone()).unwrap();
        world.lose(&peer);
        let again = world.connect(&keep, rights).unwrap();
        let connack = &world.hear(&again)[0];
        // Session Present; and the expiry of 0 is told.
        assert_eq!(connack[2], kept);
        assert_eq!(connack[5..10] == [0x11, 0, 0, 0, 0], kept == 0, "{connack:02x?}");
    }
}

/// 64 KiB, then 8 MiB.
#[tokio::test]
async fn packets_are_short_until_somebody_is_let_in() {
    for version in [V5, V3_1_1] {
        let broker =
            Embedded::start(|facts, _| Ok(waiting(facts.endpoint_id.as_ref().expect("a name").as_str())))
                .await;
        let attached = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
        let mut how = client_at(broker.addr.port(), version, Role::Agent);
        how.settings.response_topic = Some(topic(OWN));
        let (mut events, up) = run(&how).await;
        up.sender.send_to(&to(&up, CONTROLLER), record_of(AGENT, vec![7; 65_536]).into()).unwrap();
        match events.down().await {
            DownReason::ClosedByPeer { code: 0x95, .. } if version == V5 => {}
            DownReason::Lost(_) if version == V3_1_1 => {}
            other => panic!("{version:?}: {other}"),
        }
        let (_events, up) = run(&how).await;
        let small = Bytes::from(record_of(AGENT, vec![7; 60_000]));
        let large = Bytes::from(record_of(AGENT, vec![7; 1_000_000]));
        up.sender.send_to(&to(&up, CONTROLLER), small.clone()).unwrap();
        // Its user lets it in, and the broker is told.
        let (handler, mut heard) = Recorder::new();
        let hub = broker.broker.clone();
        let peers =
            Peers::watched(Arc::into_inner(handler).expect("nobody shares it"), 10, move |who, proof| {
                hub.let_in(|rights| rights.endpoint.as_ref() == Some(who) && rights.proof == *proof);
            });
        tokio::spawn(async move { attached.run(Role::Controller, &peers).await });
        heard.up().await.sender.authorise();
        assert!(heard.record().await == small);
        up.sender.send_to(&to(&up, CONTROLLER), large.clone()).unwrap();
        let arrived = timeout(PATIENCE, heard.record()).await.expect("in time");
        assert!(arrived == large);
    }
}

/// The limit of a WebSocket holds for a message by its head, so that it has to be lifted before the next one is read, not
/// by what is in it.
#[tokio::test]
async fn the_first_message_of_a_websocket_may_be_long_once_it_is_let_in() {
    let broker = Embedded::with(None, config(), |_, _| Ok(waiting(AGENT))).await;
    let mut attached = broker.broker.attach(vec![CONTROLLER.parse().unwrap()], topic(CONTROLLER));
    let mut raw = Raw::connect(broker.addr).await;
    raw.send(REQUEST.as_bytes()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    raw.send(&frame(0x82, &hello(V3_1_1, AGENT))).await;
    // CONNACK in a message.
    assert_eq!(raw.take().await, [0x82, 4, 0x20, 2, 0, 0]);
    broker.broker.let_in(|_| true);
    let record = record_of(AGENT, vec![7; 100_000]);
    let name = format!("{CONTROLLER}/reply-to=usp%2Fagents%2F{AGENT}");
    raw.send(&frame(0x82, &publish(V3_1_1, 0x30, &name, None, &record))).await;
    let arrived = timeout(PATIENCE, attached.next()).await.expect("in time").expect("attached");
    assert!(arrived.record == record);
}
