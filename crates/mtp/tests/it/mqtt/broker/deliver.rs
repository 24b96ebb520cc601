//! From publisher to subscriber: qualities of service, options, wills, retained messages, expiry.

use mtp::mqtt::Version::{self, V3_1_1, V5};
use requirement::requirement;

use super::world::{BOTH, World, connect, free, none, publish, publish_with, suback, subscribe};
use crate::mqtt::machine::{packet, text};

const NOTHING: &[Vec<u8>] = &[];

/// PUBLISH with QoS 0, 1 and 2 as it is delivered to subscriptions of QoS 0, 1 and 2.
#[test]
#[requirement("R-MQTT.46")]
fn the_lower_quality_of_service_wins() {
    for (from, to) in [(V5, V5), (V5, V3_1_1), (V3_1_1, V5), (V3_1_1, V3_1_1)] {
        for (published, granted) in (0..3).flat_map(|p| (0..3).map(move |g| (p, g))) {
            let mut world = World::new();
            let (mut publisher, mut subscriber) = (world.anybody(from, "p"), world.anybody(to, "s"));
            assert_eq!(world.ask(&mut subscriber, &subscribe(to, "a/+", granted)), [suback(to, granted)]);
            let id = (published > 0).then_some(9);
            let said = publish(from, 0x30 | published << 1, "a/b", id, b"x");
            let answer: &[Vec<u8>] = match published {
                0 => NOTHING,
                1 => &[vec![0x40, 2, 0, 9]],
                _ => &[vec![0x50, 2, 0, 9]],
            };
            assert_eq!(world.ask(&mut publisher, &said), answer);
            let best = published.min(granted);
            let expected = publish(to, 0x30 | best << 1, "a/b", (best > 0).then_some(1), b"x");
            assert_eq!(world.hear(&subscriber), [expected], "{from:?} {to:?} {published} {granted}");
        }
    }
}

/// Both ways of QoS 2, with a repetition that is not delivered again.
#[test]
fn exactly_once() {
    for version in BOTH {
        let mut world = World::new();
        let (mut publisher, mut subscriber) = (world.anybody(version, "p"), world.anybody(version, "s"));
        world.ask(&mut subscriber, &subscribe(version, "t", 2));
        let said = publish(version, 0x34, "t", Some(5), b"x");
        assert_eq!(world.ask(&mut publisher, &said), [[0x50, 2, 0, 5]]);
        let again = publish(version, 0x3C, "t", Some(5), b"x");
        assert_eq!(world.ask(&mut publisher, &again), [[0x50, 2, 0, 5]]);
        assert_eq!(world.ask(&mut publisher, &[0x62, 2, 0, 5]), [[0x70, 2, 0, 5]]);
        // Nothing of that id any more; only 5.0 can say so.
        let unknown = if version == V5 { vec![0x70, 3, 0, 5, 0x92] } else { vec![0x70, 2, 0, 5] };
        assert_eq!(world.ask(&mut publisher, &[0x62, 2, 0, 5]), [unknown]);
        assert_eq!(world.hear(&subscriber), [publish(version, 0x34, "t", Some(1), b"x")]);
        assert_eq!(world.ask(&mut subscriber, &[0x50, 2, 0, 1]), [[0x62, 2, 0, 1]]);
        assert_eq!(world.ask(&mut subscriber, &[0x50, 2, 0, 1]), [[0x62, 2, 0, 1]]);
        assert_eq!(world.ask(&mut subscriber, &[0x70, 2, 0, 1]), NOTHING);
        // An acknowledgement of nothing is the end.
        world.ask(&mut subscriber, &[0x70, 2, 0, 1]);
        assert!(!world.is_open(&subscriber));
        // The id is free: what comes with it is another message.
        world.ask(&mut publisher, &publish(version, 0x34, "t", Some(5), b"y"));
    }
}

/// Content Type, Response Topic, Correlation Data and user properties travel on; only 5.0 sees them.
#[test]
fn properties_travel_along() {
    let props = [
        &[0x01, 1, 0x03][..],
        &text("usp.msg"),
        &[0x08],
        &text("answers"),
        &[0x09],
        &text("id"),
        &[0x26],
        &text("k"),
        &text("v"),
    ]
    .concat();
    for to in BOTH {
        let mut world = World::new();
        let (mut publisher, mut subscriber) = (world.anybody(V5, "p"), world.anybody(to, "s"));
        world.ask(&mut subscriber, &subscribe(to, "t", 0));
        world.say(&mut publisher, &publish_with(V5, 0x30, "t", None, &props, b"x"));
        assert_eq!(world.hear(&subscriber), [publish_with(to, 0x30, "t", None, &props, b"x")]);
    }
}

/// Several subscriptions of one client are one delivery, with the best QoS among them.
#[test]
fn overlapping_subscriptions_deliver_once() {
    let mut world = World::new();
    let (mut publisher, mut subscriber) = (world.anybody(V5, "p"), world.anybody(V5, "s"));
    for (filter, qos) in [("a/#", 0), ("a/b", 1), ("+/b", 0)] {
        world.ask(&mut subscriber, &subscribe(V5, filter, qos));
    }
    world.ask(&mut publisher, &publish(V5, 0x34, "a/b", Some(1), b"x"));
    assert_eq!(world.hear(&subscriber), [publish(V5, 0x32, "a/b", Some(1), b"x")]);
}

#[test]
fn subscriptions_end_and_are_replaced() {
    for version in BOTH {
        let mut world = World::new();
        let mut peer = world.anybody(version, "c");
        for qos in [1, 0] {
            world.ask(&mut peer, &subscribe(version, "t", qos));
        }
        let hello = publish(version, 0x32, "t", Some(3), b"x");
        assert_eq!(
            world.ask(&mut peer, &hello),
            [vec![0x40, 2, 0, 3], publish(version, 0x30, "t", None, b"x")]
        );
        for known in [true, false] {
            let unsubscribe = packet(0xA2, &[&[0, 2], none(version), &text("t")]);
            let code: &[u8] = if version == V3_1_1 {
                &[]
            } else if known {
                &[0, 0]
            } else {
                &[0, 0x11]
            };
            assert_eq!(world.ask(&mut peer, &unsubscribe), [packet(0xB0, &[&[0, 2], code])]);
        }
        // 5.0: nobody has subscribed.
        let answer = if version == V5 { vec![0x40, 3, 0, 3, 0x10] } else { vec![0x40, 2, 0, 3] };
        assert_eq!(world.ask(&mut peer, &hello), [answer]);
    }
}

/// No Local, Retain As Published, and the three ways of Retain Handling.
#[test]
fn subscription_options_of_5_0() {
    let mut world = World::new();
    let (mut one, mut two) = (world.anybody(V5, "one"), world.anybody(V5, "two"));
    world.ask(&mut one, &subscribe(V5, "t", 0x04));
    world.ask(&mut two, &subscribe(V5, "t", 0x08));
    // Retained, QoS 0.
    let kept = publish(V5, 0x31, "t", None, b"kept");
    assert_eq!(world.ask(&mut one, &kept), NOTHING);
    assert_eq!(world.hear(&two), std::slice::from_ref(&kept));
    let plain = publish(V5, 0x30, "t", None, b"x");
    world.say(&mut two, &plain);
    assert_eq!(world.hear(&one), std::slice::from_ref(&plain));
    for (options, expected) in [(0x10, 0), (0x00, 1), (0x20, 0)] {
        let heard = world.ask(&mut one, &subscribe(V5, "t", options));
        assert_eq!(heard[1..], vec![kept.clone(); expected], "{options:#x}");
    }
    // 1 is for those that are new, and one that was ended is new again.
    assert_eq!(world.ask(&mut one, &subscribe(V5, "+", 0x10))[1..], *std::slice::from_ref(&kept));
    world.ask(&mut one, &packet(0xA2, &[&[0, 2, 0], &text("t")]));
    assert_eq!(world.ask(&mut one, &subscribe(V5, "t", 0x10))[1..], [kept]);
}

#[test]
fn the_last_retained_message_is_kept_until_an_empty_one() {
    for version in BOTH {
        let mut world = World::new();
        let mut publisher = world.anybody(version, "p");
        for (topic, payload) in [
            ("a/1", "old"),
            ("a/1", "new"),
            ("a/2", "two"),
            ("b", "other"),
            ("a/3", "x"),
            ("a/3", ""),
            ("a", "self"),
            ("a!", "beside"),
            ("aa/1", "else"),
        ] {
            world.say(&mut publisher, &publish(version, 0x31, topic, None, payload.as_bytes()));
        }
        let mut subscriber = world.anybody(version, "s");
        let heard = world.ask(&mut subscriber, &subscribe(version, "a/+", 0));
        let expected = [("a/1", "new"), ("a/2", "two")]
            .map(|(topic, payload)| publish(version, 0x31, topic, None, payload.as_bytes()));
        assert_eq!(heard[1..], expected);
        for (filter, count) in
            [("b", 1), ("a/#", 3), ("a/1/#", 1), ("+", 3), ("+/1", 2), ("#", 6), ("c/#", 0), ("a/2", 1)]
        {
            let heard = world.ask(&mut subscriber, &subscribe(version, filter, 0));
            assert_eq!(heard[1..].len(), count, "{filter}");
        }
    }
}

#[test]
fn a_client_without_the_right_retains_nothing() {
    let mut rights = free("p");
    rights.retain = false;
    let retained = |version| publish(version, 0x33, "t", Some(1), b"x");
    let mut world = World::new();
    let mut subscriber = world.anybody(V5, "s");
    world.ask(&mut subscriber, &subscribe(V5, "t", 0x08));
    let mut three = world.connect(&super::world::hello(V3_1_1, "p"), rights.clone()).unwrap();
    world.say(&mut three, &retained(V3_1_1));
    assert_eq!(world.hear(&subscriber), [publish(V5, 0x30, "t", None, b"x")]);
    // 5.0 was told that it can't.
    let mut five = world.connect(&super::world::hello(V5, "q"), rights).unwrap();
    world.hear(&five);
    assert_eq!(world.ask(&mut five, &retained(V5)), [[0xE0, 1, 0x9A]]);
    let mut late = world.anybody(V5, "late");
    assert_eq!(world.ask(&mut late, &subscribe(V5, "t", 0)), [suback(V5, 0)]);
}

/// A will of 3.1.1 is published, and kept only by those who may.
#[test]
fn a_will_is_retained_by_right() {
    for right in [true, false] {
        let mut rights = free("p");
        rights.retain = right;
        let mut world = World::new();
        let hello = connect(V3_1_1, 0x26, 60, &[], &[&text("p"), &text("t"), &text("gone")]);
        let peer = world.connect(&hello, rights).unwrap();
        world.lose(&peer);
        let mut late = world.anybody(V5, "late");
        let expected = if right { vec![publish(V5, 0x31, "t", None, b"gone")] } else { vec![] };
        assert_eq!(world.ask(&mut late, &subscribe(V5, "t", 0))[1..], expected);
    }
}

/// A message lives as long as it says, and is told how long it has left.
#[test]
fn messages_expire() {
    let mut world = World::new();
    let (mut publisher, mut subscriber) = (world.anybody(V5, "p"), world.anybody(V5, "s"));
    world.ask(&mut subscriber, &subscribe(V5, "t", 0));
    let with = |seconds: u8| publish_with(V5, 0x31, "t", None, &[0x02, 0, 0, 0, seconds], b"x");
    for seconds in [10, 20] {
        world.say(&mut publisher, &with(seconds));
    }
    world.pass(12);
    let delivered = publish_with(V5, 0x30, "t", None, &[0x02, 0, 0, 0, 8], b"x");
    assert_eq!(world.hear(&subscriber), [delivered]);
    let late = |world: &mut World, name| {
        let mut late = world.anybody(V5, name);
        world.ask(&mut late, &subscribe(V5, "t", 0))[1..].to_vec()
    };
    assert_eq!(late(&mut world, "late"), [with(8)]);
    world.pass(8);
    assert_eq!(late(&mut world, "later"), NOTHING);
}

/// A client with a will, of a session that lasts for so long.
fn mortal(world: &mut World, version: Version, expiry_s: u8, delay_s: u8) -> super::world::Peer {
    let delay = [5, 0x18, 0, 0, 0, delay_s];
    let delay = if version == V5 { &delay[..] } else { &[] };
    let payload: [&[u8]; 4] = [&text("mortal"), delay, &text("t"), &text("gone")];
    let hello = connect(version, 0x06, 10, &[0x11, 0, 0, 0, expiry_s], &payload);
    let peer = world.connect(&hello, free("mortal")).unwrap();
    world.hear(&peer);
    peer
}

#[test]
fn a_will_is_for_those_who_leave_without_a_word() {
    let gone = publish(V5, 0x30, "t", None, b"gone");
    for version in BOTH {
        let mut world = World::new();
        let mut subscriber = world.anybody(V5, "s");
        world.ask(&mut subscriber, &subscribe(V5, "t", 0));
        let peer = mortal(&mut world, version, 0, 0);
        world.lose(&peer);
        assert_eq!(world.hear(&subscriber), std::slice::from_ref(&gone), "lost");
        mortal(&mut world, version, 0, 0);
        world.pass(15);
        assert_eq!(world.hear(&subscriber), std::slice::from_ref(&gone), "silent");
        let mut peer = mortal(&mut world, version, 0, 0);
        world.say(&mut peer, &[0xE0, 0]);
        assert!(!world.is_open(&peer));
        world.lose(&peer);
        assert_eq!(world.hear(&subscriber), NOTHING, "a good-bye");
        let mut peer = mortal(&mut world, version, 0, 0);
        world.say(&mut peer, &[0xF0, 0]);
        assert_eq!(world.hear(&subscriber), std::slice::from_ref(&gone), "a fault");
        world.pass(40);
        world.ask(&mut subscriber, &[0xC0, 0]);
    }
    let mut world = World::new();
    let mut subscriber = world.anybody(V5, "s");
    world.ask(&mut subscriber, &subscribe(V5, "t", 0));
    let mut peer = mortal(&mut world, V5, 0, 0);
    world.say(&mut peer, &[0xE0, 1, 0x04]);
    assert_eq!(world.hear(&subscriber), [gone], "DISCONNECT with the will");
}

/// The delay of 5.0, at most as long as the session; who comes back takes the will along.
#[test]
fn a_will_waits() {
    let gone = publish(V5, 0x30, "t", None, b"gone");
    for (expiry, delay, due) in [(40, 20, 20), (20, 40, 20), (0, 40, 0)] {
        let mut world = World::new();
        let mut subscriber = world.anybody(V5, "s");
        world.ask(&mut subscriber, &subscribe(V5, "t", 0));
        let peer = mortal(&mut world, V5, expiry, delay);
        world.lose(&peer);
        if due > 0 {
            world.pass(due - 1);
            assert_eq!(world.hear(&subscriber), NOTHING);
            world.pass(1);
        }
        assert_eq!(world.hear(&subscriber), std::slice::from_ref(&gone), "{expiry} {delay}");
        let peer = mortal(&mut world, V5, 40, 20);
        world.lose(&peer);
        world.pass(10);
        let back = connect(V5, 0, 60, &[0x11, 0, 0, 0, 40], &[&text("mortal")]);
        let mut peer = world.connect(&back, free("mortal")).unwrap();
        world.pass(20);
        assert_eq!(world.hear(&subscriber), NOTHING);
        // It is gone for good, also when the session ends.
        world.say(&mut peer, &[0xE0, 0]);
        world.ask(&mut subscriber, &[0xC0, 0]);
        world.pass(40);
        assert_eq!(world.hear(&subscriber), NOTHING);
    }
}
