//! Limits, each reached.

use mtp::mqtt::Version::{V3_1_1, V5};
use mtp::mqtt::broker::Offence;

use super::world::{BOTH, Peer, World, connect, free, none, publish, publish_with, suback, subscribe};
use crate::mqtt::machine::{packet, text};

#[test]
fn subscriptions_of_a_session() {
    let mut world = World::new();
    let mut peer = world.anybody(V5, "c");
    for number in 0..32 {
        assert_eq!(world.ask(&mut peer, &subscribe(V5, &format!("t/{number}"), 0)), [suback(V5, 0)]);
    }
    assert_eq!(world.ask(&mut peer, &subscribe(V5, "t/x", 0)), [suback(V5, 0x97)]);
    assert_eq!(world.ask(&mut peer, &subscribe(V5, "t/1", 1)), [suback(V5, 1)], "one of them again");
}

#[test]
fn names_and_their_levels() {
    let long = "x".repeat(1024);
    let deep = ["x"; 32].join("/");
    for (name, allowed) in [
        (long.clone(), true),
        (format!("{long}x"), false),
        (deep.clone(), true),
        (format!("{deep}/x"), false),
    ] {
        let mut world = World::new();
        let mut peer = world.anybody(V5, "c");
        let code = if allowed { 0 } else { 0x8F };
        assert_eq!(world.ask(&mut peer, &subscribe(V5, &name, 0)), [suback(V5, code)]);
        let answer = if allowed { publish(V5, 0x30, &name, None, b"x") } else { vec![0xE0, 1, 0x90] };
        assert_eq!(world.ask(&mut peer, &publish(V5, 0x30, &name, None, b"x")), [answer]);
    }
}

/// 256 messages; QoS 0 gives way to QoS 1, the oldest first, and nothing gives way to QoS 0.
#[test]
fn messages_that_wait() {
    let mut world = World::new();
    let (mut publisher, mut subscriber) = (world.anybody(V5, "p"), world.anybody(V5, "s"));
    world.ask(&mut subscriber, &subscribe(V5, "t", 1));
    for number in 0..=255_u8 {
        world.say(&mut publisher, &publish(V5, 0x30, "t", None, &[number]));
    }
    assert!(world.offences().is_empty());
    world.say(&mut publisher, &publish(V5, 0x30, "t", None, b"dropped"));
    assert_eq!(world.offences(), [Offence::Overflow]);
    for _ in 0..2 {
        assert_eq!(world.ask(&mut publisher, &publish(V5, 0x32, "t", Some(1), b"one")), [[0x40, 2, 0, 1]]);
    }
    assert!(world.offences().is_empty());
    let heard = world.hear(&subscriber);
    let first = publish(V5, 0x30, "t", None, &[2]);
    let last = publish(V5, 0x32, "t", Some(2), b"one");
    assert_eq!((heard.len(), &heard[0], &heard[255]), (256, &first, &last));
}

/// 2 MiB, those under way included; a single larger one is taken when there is no other.
#[test]
fn bytes_that_wait() {
    let big = |id| {
        let body = [&text("t")[..], &[0, id, 0], &vec![0; 1_048_576]].concat();
        let length = [
            (body.len() % 128) as u8 | 0x80,
            (body.len() / 128 % 128) as u8 | 0x80,
            (body.len() / 16384) as u8,
        ];
        [&[0x32][..], &length, &body].concat()
    };
    let mut world = World::new();
    let (mut publisher, mut subscriber) = (world.anybody(V5, "p"), world.anybody(V5, "s"));
    world.ask(&mut subscriber, &subscribe(V5, "t", 1));
    world.say(&mut publisher, &big(1));
    assert_eq!(world.hear(&subscriber).len(), 1);
    world.say(&mut publisher, &big(2));
    assert_eq!(world.offences(), [Offence::Overflow], "the first is not acknowledged");
    assert!(world.ask(&mut subscriber, &[0x40, 2, 0, 1]).is_empty());
    world.say(&mut publisher, &big(3));
    assert_eq!(world.hear(&subscriber).len(), 1);
    assert!(world.offences().is_empty());
}

/// 512 MiB in all sessions together, whoever else holds the same message; room comes back with each that ends.
#[test]
fn bytes_that_wait_everywhere() {
    let mut world = World::new();
    let mut publisher = world.anybody(V5, "p");
    let mut holders: Vec<_> = (0..64).map(|number| world.anybody(V5, &format!("s{number}"))).collect();
    for holder in &mut holders {
        world.ask(holder, &subscribe(V5, "big", 1));
    }
    let body = [&text("big")[..], &[0, 1, 0], &vec![0; 8 * 1024 * 1024]].concat();
    let length = [
        0x80 | (body.len() % 128) as u8,
        0x80 | (body.len() / 128 % 128) as u8,
        0x80 | (body.len() / 16_384 % 128) as u8,
        (body.len() / 2_097_152) as u8,
    ];
    let big = [&[0x32][..], &length, &body].concat();
    world.ask(&mut publisher, &big);
    let mut small = world.anybody(V5, "small");
    world.ask(&mut small, &subscribe(V5, "t", 1));
    let hello = publish(V5, 0x32, "t", Some(2), b"x");
    let is_taken = |world: &mut World, publisher: &mut Peer, small: &mut Peer| {
        world.say(publisher, &hello);
        let heard = world.hear(small);
        for message in &heard {
            world.say(small, &[0x40, 2, message[5], message[6]]);
        }
        let overflow = world.offences().contains(&Offence::Overflow);
        assert_eq!(heard.is_empty(), overflow);
        !overflow
    };
    assert!(!is_taken(&mut world, &mut publisher, &mut small));
    // One is delivered and acknowledged, one is lost.
    assert_eq!(world.hear(&holders[0]).len(), 1);
    assert!(!is_taken(&mut world, &mut publisher, &mut small), "it is under way");
    assert!(world.ask(&mut holders[0], &[0x40, 2, 0, 1]).is_empty());
    assert!(is_taken(&mut world, &mut publisher, &mut small));
    // One ends with what it holds, another takes as much again.
    world.lose(&holders[1]);
    world.ask(&mut publisher, &big);
    world.offences();
    assert!(is_taken(&mut world, &mut publisher, &mut small));
}

/// The client's Receive Maximum, and 16 at most.
#[test]
fn messages_under_way() {
    for (props, window) in [(&[0x21, 0, 2][..], 2), (&[][..], 16)] {
        let mut world = World::new();
        let hello = connect(V5, 2, 60, props, &[&text("s")]);
        let mut subscriber = world.connect(&hello, free("s")).unwrap();
        world.hear(&subscriber);
        world.ask(&mut subscriber, &subscribe(V5, "t", 2));
        let mut publisher = world.anybody(V5, "p");
        for id in 1..=20 {
            world.say(&mut publisher, &publish(V5, 0x32 + (id as u8 % 2) * 2, "t", Some(id), b"x"));
        }
        assert_eq!(world.hear(&subscriber).len(), window);
        // QoS 2 is under way until PUBCOMP.
        assert_eq!(world.ask(&mut subscriber, &[0x50, 2, 0, 1]), [[0x62, 2, 0, 1]]);
        assert_eq!(world.ask(&mut subscriber, &[0x70, 2, 0, 1]).len(), 1);
        assert_eq!(world.ask(&mut subscriber, &[0x40, 2, 0, 2]).len(), 1);
    }
}

/// A refused QoS 2 message is done with, and its id free.
#[test]
fn a_client_may_decline() {
    let mut world = World::new();
    let hello = connect(V5, 2, 60, &[0x21, 0, 1], &[&text("s")]);
    let mut subscriber = world.connect(&hello, free("s")).unwrap();
    world.hear(&subscriber);
    world.ask(&mut subscriber, &subscribe(V5, "t", 2));
    let mut publisher = world.anybody(V5, "p");
    for id in 1..=2 {
        world.say(&mut publisher, &publish(V5, 0x34, "t", Some(id), b"x"));
    }
    assert_eq!(world.hear(&subscriber).len(), 1);
    assert_eq!(world.ask(&mut subscriber, &[0x50, 3, 0, 1, 0x87]), [publish(V5, 0x34, "t", Some(2), b"x")]);
}

#[test]
fn unreleased_messages_of_a_client() {
    for (version, goodbye) in [(V5, vec![vec![0xE0, 1, 0x93]]), (V3_1_1, vec![])] {
        let mut world = World::new();
        let mut peer = world.anybody(version, "c");
        for id in 1..=64 {
            assert_eq!(world.ask(&mut peer, &publish(version, 0x34, "t", Some(id), b"x")).len(), 1);
        }
        assert_eq!(world.ask(&mut peer, &publish(version, 0x34, "t", Some(65), b"x")), goodbye);
        assert!(!world.is_open(&peer));
    }
}

/// What the client can't take is left out, and what comes behind it is not held up.
#[test]
fn the_packet_size_of_a_client() {
    let mut world = World::new();
    // Maximum Packet Size 30, Receive Maximum 1.
    let hello = connect(V5, 2, 60, &[0x27, 0, 0, 0, 30, 0x21, 0, 1], &[&text("s")]);
    let mut subscriber = world.connect(&hello, free("s")).unwrap();
    world.hear(&subscriber);
    world.ask(&mut subscriber, &subscribe(V5, "t", 1));
    let mut publisher = world.anybody(V5, "p");
    // 30 bytes with their five of header, name and id; and one more.
    for (id, length) in [(1, 23), (2, 22)] {
        world.say(&mut publisher, &publish(V5, 0x32, "t", Some(id), &vec![0; length]));
    }
    let heard = world.hear(&subscriber);
    assert_eq!(heard.iter().map(Vec::len).collect::<Vec<_>>(), [30]);
    // Whoever can't even take CONNACK can't be served.
    let tiny = connect(V5, 2, 60, &[0x27, 0, 0, 0, 4], &[&text("t")]);
    let peer = world.connect(&tiny, free("t")).unwrap();
    assert!(world.hear(&peer).is_empty() && !world.is_open(&peer));
}

#[test]
fn properties_of_a_message() {
    let user = [&[0x26][..], &text("k"), &text(&"v".repeat(4000))].concat();
    let many = |count: usize| {
        let props = user.repeat(count);
        let length = [
            (props.len() % 128) as u8 | 0x80,
            (props.len() / 128 % 128) as u8 | 0x80,
            (props.len() / 16384) as u8,
        ];
        let body = [&text("t")[..], &length, &props].concat();
        let length = [
            (body.len() % 128) as u8 | 0x80,
            (body.len() / 128 % 128) as u8 | 0x80,
            (body.len() / 16384) as u8,
        ];
        [&[0x30][..], &length, &body].concat()
    };
    let mut world = World::new();
    let mut peer = world.anybody(V5, "p");
    world.say(&mut peer, &many(4));
    assert!(world.is_open(&peer));
    assert_eq!(world.ask(&mut peer, &many(5)), [[0xE0, 1, 0x97]]);
    // A topic alias: CONNACK offered none.
    let mut peer = world.anybody(V5, "q");
    assert_eq!(
        world.ask(&mut peer, &publish_with(V5, 0x30, "t", None, &[0x23, 0, 1], b"x")),
        [[0xE0, 1, 0x94]]
    );
}

#[test]
fn sessions_of_an_identity() {
    let lasting = |number: u8| connect(V5, 0, 60, &[0x11, 0, 0, 1, 0], &[&text(&format!("c{number}"))]);
    let mut world = World::new();
    let mut peers: Vec<_> =
        (0..8).map(|number| world.connect(&lasting(number), free("me")).unwrap()).collect();
    assert_eq!(world.connect(&lasting(8), free("me")).err(), Some(0x97));
    assert!(world.connect(&lasting(8), free("somebody else")).is_ok());
    // One without a connection makes room, the oldest of them.
    for number in [3, 2] {
        let peer = peers.remove(number);
        world.lose(&peer);
    }
    peers.push(world.connect(&lasting(8), free("me")).unwrap());
    let present: Vec<u8> = [2, 3]
        .map(|number| {
            let peer = world.connect(&lasting(number), free("me"));
            peer.map_or(9, |peer| world.hear(&peer)[0][2])
        })
        .into();
    assert_eq!(present, [0, 9], "2 was forgotten and took the place of 3, and there is no other");
}

#[test]
fn retained_messages_and_their_bytes() {
    let mut world = World::new();
    let mut peer = world.anybody(V5, "p");
    let keep = |name: &str, size| publish(V5, 0x33, name, Some(1), &vec![0; size]);
    for number in 0..10_000 {
        world.say(&mut peer, &keep(&format!("t/{number}"), 1));
        world.hear(&peer);
    }
    assert_eq!(world.ask(&mut peer, &keep("t/x", 1)), [[0x40, 3, 0, 1, 0x97]]);
    assert_eq!(world.ask(&mut peer, &keep("t/1", 2)), [[0x40, 3, 0, 1, 0x10]], "one of them again");
    // It is delivered all the same. With QoS 2 its id is free again at once.
    let mut subscriber = world.anybody(V5, "s");
    world.ask(&mut subscriber, &subscribe(V5, "t/x", 0x20));
    for payload in [b"a", b"b"] {
        let said = publish(V5, 0x35, "t/x", Some(1), payload);
        assert_eq!(world.ask(&mut peer, &said), [[0x50, 3, 0, 1, 0x97]]);
        assert_eq!(world.hear(&subscriber), [publish(V5, 0x30, "t/x", None, payload)]);
    }
    // 16 MiB: a thousand and some of 16,000 bytes.
    let mut world = World::new();
    let mut peer = world.anybody(V5, "p");
    let taken = (0..2000)
        .take_while(|number| world.ask(&mut peer, &keep(&format!("t/{number}"), 16_000))[0][4] == 0x10);
    assert_eq!(taken.count(), 1031);
    // What is ended makes room.
    for (name, size, reason) in [("t/1", 0, 0x10), ("t/x", 16_000, 0x10), ("t/y", 16_000, 0x97)] {
        assert_eq!(world.ask(&mut peer, &keep(name, size)), [[0x40, 3, 0, 1, reason]], "{name}");
    }
}

/// A client that asks and does not read the answers is read no further.
#[test]
fn answers_that_wait() {
    let mut world = World::new();
    let mut peer = world.anybody(V5, "c");
    for number in 0..64 {
        assert!(!world.machine.is_congested(peer.id), "{number}");
        world.say(&mut peer, &[0xC0, 0]);
    }
    assert!(world.machine.is_congested(peer.id));
    assert_eq!(world.hear(&peer).len(), 64);
    assert!(!world.machine.is_congested(peer.id));
}

/// A SUBSCRIBE of many filters that are not allowed counts each of them.
#[test]
fn forbidden_filters_in_one_packet() {
    for version in BOTH {
        let mut world = World::new();
        let mut agent = world.endpoint(version, super::world::AGENT, super::world::OWN);
        let filters = [&text("#")[..], &[0]].concat().repeat(17);
        world.ask(&mut agent, &packet(0x82, &[&[0, 1], none(version), &filters]));
        assert!(!world.is_open(&agent));
        assert_eq!(world.offences().len(), 16);
    }
}
