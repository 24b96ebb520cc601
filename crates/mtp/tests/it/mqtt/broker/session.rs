//! Sessions that outlive their connection, and those in this process who are attached.

use bytes::Bytes;
use mtp::mqtt::Version::{self, V3_1_1, V5};
use requirement::requirement;

use super::world::{
    AGENT, BOTH, CONTROLLER, OWN, Peer, World, connect, free, hello, publish, publish_with, record,
    subscribe, topic,
};
use crate::mqtt::machine::text;

/// A session of 256 seconds in 5.0, of the longest time in 3.1.1; and whether CONNACK says that it was there.
fn lasting(world: &mut World, version: Version, clean: bool) -> (Peer, bool) {
    let hello = connect(version, u8::from(clean) << 1, 60, &[0x11, 0, 0, 1, 0], &[&text("c")]);
    let peer = world.connect(&hello, free("me")).unwrap();
    let connack = world.machine.poll_transmit(world.now, peer.id).expect("CONNACK is first");
    (peer, connack.head[2] == 1)
}

fn is_present(world: &mut World, version: Version, clean: bool) -> bool {
    lasting(world, version, clean).1
}

#[test]
fn a_session_goes_on_with_its_messages() {
    for version in BOTH {
        let mut world = World::new();
        let (mut peer, present) = lasting(&mut world, version, false);
        assert!(!present);
        world.ask(&mut peer, &subscribe(version, "t", 2));
        let mut publisher = world.anybody(V5, "p");
        world.say(&mut publisher, &publish(V5, 0x32, "t", Some(1), b"sent"));
        world.say(&mut publisher, &publish(V5, 0x34, "t", Some(2), b"released"));
        assert_eq!(world.hear(&peer).len(), 2);
        assert_eq!(world.ask(&mut peer, &[0x50, 2, 0, 2]), [[0x62, 2, 0, 2]]);
        world.lose(&peer);
        world.say(&mut publisher, &publish(V5, 0x30, "t", None, b"lost"));
        world.say(&mut publisher, &publish(V5, 0x32, "t", Some(3), b"waits"));
        world.pass(50);
        let (mut peer, present) = lasting(&mut world, version, false);
        assert!(present);
        let expected = [
            publish(version, 0x3A, "t", Some(1), b"sent"),
            vec![0x62, 2, 0, 2],
            publish(version, 0x32, "t", Some(3), b"waits"),
        ];
        assert_eq!(world.hear(&peer), expected);
        for done in [[0x40, 2, 0, 1], [0x70, 2, 0, 2], [0x40, 2, 0, 3]] {
            assert!(world.ask(&mut peer, &done).is_empty());
        }
        assert!(world.is_open(&peer));
        // The client's own QoS 2 messages are remembered, too.
        world.ask(&mut peer, &publish(version, 0x34, "t", Some(8), b"mine"));
        world.lose(&peer);
        let (mut peer, _) = lasting(&mut world, version, false);
        let count = world.hear(&peer).len();
        world.ask(&mut peer, &publish(version, 0x3C, "t", Some(8), b"mine"));
        assert_eq!(count, 1, "it was delivered once, to itself");
        // A clean start forgets everything.
        let (peer, present) = lasting(&mut world, version, true);
        assert!(!present);
        world.say(&mut publisher, &publish(V5, 0x32, "t", Some(4), b"nobody"));
        assert!(world.hear(&peer).is_empty());
    }
}

#[test]
fn a_session_ends_in_time() {
    for (version, seconds) in [(V5, 256), (V3_1_1, 3600)] {
        for (pause, present) in [(seconds - 1, true), (seconds, false)] {
            let mut world = World::new();
            let (peer, _) = lasting(&mut world, version, false);
            world.lose(&peer);
            world.pass(pause);
            assert_eq!(is_present(&mut world, version, false), present, "{version:?} {pause}");
        }
    }
    // DISCONNECT may shorten it, and may not begin one.
    let mut world = World::new();
    let (mut peer, _) = lasting(&mut world, V5, false);
    world.say(&mut peer, &[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 0]);
    assert!(!is_present(&mut world, V5, false));
    let mut short = world.connect(&hello(V5, "short"), free("short")).unwrap();
    world.hear(&short);
    assert_eq!(world.ask(&mut short, &[0xE0, 7, 0, 5, 0x11, 0, 0, 0, 9]), [[0xE0, 1, 0x82]]);
    // A clean session of 3.1.1 ends with its connection.
    let clean = world.connect(&hello(V3_1_1, "c"), free("clean")).unwrap();
    world.lose(&clean);
    let again = world.connect(&connect(V3_1_1, 0, 60, &[], &[&text("c")]), free("clean")).unwrap();
    assert_eq!(world.hear(&again), [[0x20, 2, 0, 0]]);
}

/// Whoever is expelled has neither a connection nor a session, and hears nothing of what was on its way.
#[test]
fn who_is_expelled_is_gone_with_the_session() {
    for version in BOTH {
        let mut world = World::new();
        let (mut peer, _) = lasting(&mut world, version, false);
        world.ask(&mut peer, &subscribe(version, "t", 1));
        let mut other = world.anybody(V5, "p");
        let now = world.now;
        world.machine.expel(now, |rights| &*rights.identity == "somebody else");
        assert!(world.is_open(&peer));
        world.say(&mut other, &publish(V5, 0x32, "t", Some(1), b"waits"));
        world.machine.expel(now, |rights| &*rights.identity == "me");
        assert!(!world.is_open(&peer) && world.is_open(&other), "{version:?}");
        assert!(!world.hear(&peer).contains(&publish(version, 0x32, "t", Some(1), b"waits")));
        assert!(!is_present(&mut world, version, false), "{version:?}");
    }
}

#[test]
fn a_take_over_keeps_the_session() {
    let mut world = World::new();
    let (mut first, _) = lasting(&mut world, V5, false);
    world.ask(&mut first, &subscribe(V5, "t", 1));
    let (second, present) = lasting(&mut world, V5, false);
    assert!(present);
    world.lose(&first);
    let mut publisher = world.anybody(V5, "p");
    world.say(&mut publisher, &publish(V5, 0x30, "t", None, b"x"));
    assert_eq!(world.hear(&second), [publish(V5, 0x30, "t", None, b"x")]);
    world.pass(300);
    world.lose(&second);
    assert!(is_present(&mut world, V5, false));
}

/// Somebody in this process publishes to clients of both versions, in the form of each.
#[test]
#[requirement("R-MQTT.22", "R-MQTT.23", "R-MQTT.24", "R-MQTT.27")]
fn attached_users_speak_both_versions() {
    let props = [&[0x03][..], &text("usp.msg"), &[0x08], &text(CONTROLLER)].concat();
    let joined = "usp/agents/os::00256D-0001/reply-to=usp%2Fcontrollers%2Fself::c";
    let expected = [
        (V5, publish_with(V5, 0x32, OWN, Some(1), &props, b"request")),
        (V3_1_1, publish(V3_1_1, 0x32, joined, Some(1), b"request")),
    ];
    for (version, expected) in expected {
        let mut world = World::new();
        let attached = world.machine.attach(vec![CONTROLLER.parse().unwrap()]);
        let send = |world: &mut World| {
            let record = Bytes::from_static(b"request");
            world.machine.publish(world.now, attached, &topic(OWN), &topic(CONTROLLER), record)
        };
        assert!(!send(&mut world), "nobody is there");
        let mut agent = world.endpoint(version, AGENT, OWN);
        world.ask(&mut agent, &subscribe(version, "usp/agents/os::00256D-0001/#", 1));
        assert!(send(&mut world));
        assert_eq!(world.hear(&agent), [expected]);
        assert!(world.arrived.is_empty(), "not to itself");
    }
}

/// Each version matches its own form of the topic, and gets it once.
#[test]
#[requirement("R-MQTT.24")]
fn filters_see_the_form_of_their_version() {
    let cases = [
        (V5, OWN, 1),
        (V5, "usp/agents/os::00256D-0001/#", 1),
        (V5, "usp/agents/os::00256D-0001/+", 0),
        (V3_1_1, OWN, 0),
        (V3_1_1, "usp/agents/os::00256D-0001/#", 1),
        (V3_1_1, "usp/agents/os::00256D-0001/+", 1),
    ];
    for (version, filter, count) in cases {
        let mut world = World::new();
        let attached = world.machine.attach(vec![CONTROLLER.parse().unwrap()]);
        let mut agent = world.endpoint(version, AGENT, OWN);
        world.ask(&mut agent, &subscribe(version, filter, 0));
        world.machine.publish(world.now, attached, &topic(OWN), &topic(CONTROLLER), Bytes::from_static(b"x"));
        assert_eq!(world.hear(&agent).len(), count, "{version:?} {filter}");
    }
}

/// What is no Record, what could not be answered, and what came after the end does not arrive.
#[test]
#[requirement("R-MQTT.27a")]
fn attached_users_get_records_only() {
    let answer = [&[0x08][..], &text(OWN)].concat();
    let kind = |name: &str| [&[0x03][..], &text(name), &answer].concat();
    let cases = [
        (answer.clone(), true),
        (kind("usp.msg"), true),
        (kind("application/vnd.bbf.usp.msg"), true),
        (kind("text/plain"), false),
        (vec![], false),
    ];
    for (props, expected) in cases {
        let mut world = World::new();
        let attached =
            world.machine.attach(vec!["usp/controllers/#".parse().unwrap(), CONTROLLER.parse().unwrap()]);
        let mut agent = world.endpoint(V5, AGENT, OWN);
        let said = publish_with(V5, 0x30, CONTROLLER, None, &props, &record(AGENT));
        world.say(&mut agent, &said);
        assert_eq!(world.arrived.len(), usize::from(expected), "{props:02X?}");
        world.machine.detach(attached);
        world.say(&mut agent, &said);
        assert_eq!(world.arrived.len(), usize::from(expected));
    }
}
