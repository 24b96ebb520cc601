//! CONNECT and CONNACK: what the broker says of itself, keep-alive, take-over.

use mtp::mqtt::Version::{V3_1_1, V5};
use mtp::mqtt::broker::Offence;
use mtp::mqtt::broker::wire::Decoder;
use requirement::requirement;

use super::world::{AGENT, BOTH, OWN, World, bound, connect, free, hello};
use crate::mqtt::machine::{packet, text};

/// Receive Maximum 64, Maximum Packet Size 8 MiB + 128 KiB, no subscription identifiers, no shared subscriptions.
const LIMITS: [&[u8]; 2] = [&[0x21, 0, 64], &[0x27, 0x00, 0x82, 0x00, 0x00]];
const ABSENT: &[u8] = &[0x29, 0, 0x2A, 0];

fn connack(session_present: u8, parts: &[&[u8]]) -> Vec<u8> {
    let props = parts.concat();
    packet(0x20, &[&[session_present, 0, props.len() as u8], &props])
}

#[test]
#[requirement("R-MQTT.39", "R-MQTT.44")]
fn connack_tells_an_endpoint_its_topics_in_5_0() {
    let mut world = World::new();
    // Request Response Information.
    let hello = connect(V5, 0x02, 60, &[0x19, 1], &[&text("c")]);
    let peer = world.connect(&hello, bound(AGENT, OWN)).unwrap();
    let expected = connack(
        0,
        &[
            LIMITS[0],
            // Retain is not available to an Endpoint.
            &[0x25, 0],
            LIMITS[1],
            &[0x26],
            &text("subscribe-topic"),
            &text("usp/agents/os::00256D-0001/#"),
            ABSENT,
            &[0x1A],
            &text("usp/agents/os::00256D-0001"),
        ],
    );
    assert_eq!(world.hear(&peer), [expected]);
}

#[test]
#[requirement("R-MQTT.40")]
fn connack_of_3_1_1_has_no_room_for_more() {
    let mut world = World::new();
    let peer = world.connect(&hello(V3_1_1, "c"), bound(AGENT, OWN)).unwrap();
    assert_eq!(world.hear(&peer), [[0x20, 2, 0, 0]]);
}

/// Session expiry and keep-alive are told where they differ from what was asked for.
#[test]
fn what_is_too_much_is_lowered_and_told() {
    type Case<'a> = (u16, &'a [u8], &'a [&'a [u8]]);
    let cases: [Case<'_>; 4] = [
        (60, &[0x11, 0, 0, 0, 60], &[LIMITS[0], LIMITS[1], ABSENT]),
        // An hour at most.
        (60, &[0x11, 0xFF, 0xFF, 0xFF, 0xFF], &[&[0x11, 0, 0, 0x0E, 0x10], LIMITS[0], LIMITS[1], ABSENT]),
        (0, &[], &[LIMITS[0], LIMITS[1], ABSENT, &[0x13, 0x0E, 0x10]]),
        (3601, &[], &[LIMITS[0], LIMITS[1], ABSENT, &[0x13, 0x0E, 0x10]]),
    ];
    for (keep_alive, props, expected) in cases {
        let mut world = World::new();
        let peer = world.connect(&connect(V5, 0x02, keep_alive, props, &[&text("c")]), free("c")).unwrap();
        assert_eq!(world.hear(&peer), [connack(0, expected)], "{keep_alive} {props:?}");
    }
}

#[test]
#[requirement("R-MQTT.9")]
fn a_client_without_an_id_gets_one() {
    let mut world = World::new();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let peer = world.connect(&hello(V5, ""), free("c")).unwrap();
        let connack = world.hear(&peer).remove(0);
        let at =
            connack.windows(8).position(|w| w == [0x12, 0, 37, b'c', b'u', b's', b'p', b'-']).expect("an id");
        ids.push(connack[at + 3..][..37].to_vec());
    }
    assert_ne!(ids[0], ids[1]);
    // MQTT-3.1.3-7 and MQTT-3.1.3-8: in 3.1.1 only for a clean session.
    assert!(world.connect(&hello(V3_1_1, ""), free("c")).is_ok());
    assert_eq!(world.connect(&connect(V3_1_1, 0, 60, &[], &[&text("")]), free("c")).err(), Some(0x85));
}

#[test]
#[requirement("R-MQTT.47")]
fn long_and_strange_client_ids_are_taken() {
    for version in BOTH {
        let mut world = World::new();
        for (id, expected) in [
            ("os::00256D-a.b_c%20:d".to_owned(), None),
            ("x".repeat(512), None),
            ("x".repeat(513), Some(0x85)),
        ] {
            assert_eq!(world.connect(&hello(version, &id), free("c")).err(), expected, "{id}");
        }
    }
}

#[test]
fn keep_alive_is_one_and_a_half_times_what_was_said() {
    for (version, goodbye) in [(V5, vec![vec![0xE0, 1, 0x8D]]), (V3_1_1, vec![])] {
        let mut world = World::new();
        let mut peer = world.connect(&connect(version, 2, 10, &[], &[&text("c")]), free("c")).unwrap();
        world.hear(&peer);
        world.pass(14);
        assert_eq!(world.ask(&mut peer, &[0xC0, 0]), [[0xD0, 0]]);
        world.pass(14);
        assert!(world.is_open(&peer));
        world.pass(1);
        assert_eq!(world.hear(&peer), goodbye);
        assert!(!world.is_open(&peer));
        // Nothing is heard of it any more.
        assert_eq!(world.ask(&mut peer, &[0xC0, 0]), Vec::<Vec<u8>>::new());
        world.lose(&peer);
        assert_eq!(world.machine.connections(), 0);
        assert_eq!(world.machine.poll_timeout(), None);
    }
}

/// Who is not read can't be heard; afterwards its time begins anew.
#[test]
fn a_client_that_is_held_up_is_not_silent() {
    let mut world = World::new();
    let mut peer = world.anybody(V5, "c");
    world.pass(80);
    world.machine.hold_up(world.now, peer.id, true);
    world.pass(1000);
    world.pass(1000);
    world.machine.hold_up(world.now, peer.id, false);
    world.pass(89);
    assert!(world.is_open(&peer));
    assert_eq!(world.ask(&mut peer, &[0xC0, 0]), [[0xD0, 0]]);
    world.pass(90);
    assert!(!world.is_open(&peer));
    // No timer is left of one that was heard in between.
    let mut other = world.anybody(V5, "d");
    world.pass(50);
    world.ask(&mut other, &[0xC0, 0]);
    for peer in [&peer, &other] {
        world.lose(peer);
    }
    assert_eq!(world.machine.poll_timeout(), None);
}

/// 3.1.1 can't be told of a keep-alive; an hour of silence is still the end.
#[test]
fn who_wants_no_keep_alive_is_not_waited_for_for_ever() {
    let mut world = World::new();
    let peer = world.connect(&connect(V3_1_1, 2, 0, &[], &[&text("c")]), free("c")).unwrap();
    world.pass(5399);
    assert!(world.is_open(&peer));
    world.pass(1);
    assert!(!world.is_open(&peer));
}

#[test]
fn the_same_client_takes_over_and_a_stranger_does_not() {
    for (version, goodbye) in [(V5, vec![vec![0xE0, 1, 0x8E]]), (V3_1_1, vec![])] {
        let mut world = World::new();
        let first = world.connect(&hello(version, "c"), free("me")).unwrap();
        let stranger = world.connect(&hello(version, "c"), free("somebody else")).unwrap();
        for peer in [&first, &stranger] {
            world.hear(peer);
            assert!(world.is_open(peer));
        }
        let second = world.connect(&hello(version, "c"), free("me")).unwrap();
        assert_eq!(world.hear(&first), goodbye);
        assert!(!world.is_open(&first));
        assert!(world.is_open(&second));
        assert!(world.is_open(&stranger));
        // The end of the first does not touch the second.
        world.lose(&first);
        assert!(world.is_open(&second));
    }
}

#[test]
fn a_stopping_broker_says_so() {
    let mut world = World::new();
    let (five, three) = (world.anybody(V5, "a"), world.anybody(V3_1_1, "b"));
    world.machine.shut_down(world.now);
    assert_eq!(world.hear(&five), [[0xE0, 1, 0x8B]]);
    assert!(world.hear(&three).is_empty());
    assert!(!world.is_open(&five) && !world.is_open(&three));
}

/// Literal packets that end a conversation, with the reason code of 5.0 for it.
#[test]
fn what_is_no_mqtt_is_refused() {
    let good = hello(V5, "c");
    let cases: [(&[u8], &[u8], u8); 23] = [
        // Before CONNECT.
        (&[], &[0xC0, 0], 0x82),
        (&[], b"GET / HTTP/1.1\r\n", 0x82),
        (&[], &[0x11, 0], 0x81),
        (&[], &[0x10, 0x80, 0x80, 0x80, 0x80], 0x81),
        // 64 KiB is for strangers the limit of a packet.
        (&[], &[0x10, 0xFF, 0xFF, 0x03], 0x95),
        (&[], &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 6, 2, 0, 60, 0, 0], 0x84),
        (&[], &[0x10, 14, 0, 6, b'M', b'Q', b'I', b's', b'd', b'p', 3, 2, 0, 60, 0, 0], 0x84),
        (&[], &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 3, 0, 60, 0, 0], 0x81),
        // A will of QoS 3, and flags of a will that is not there.
        (&[], &[0x10, 17, 0, 4, b'M', b'Q', b'T', b'T', 4, 0x1E, 0, 60, 0, 0, 0, 1, b't', 0, 0], 0x81),
        (&[], &[0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 0x22, 0, 60, 0, 0], 0x81),
        (&[], &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 0, 9], 0x81),
        // Receive Maximum 0.
        (&[], &[0x10, 16, 0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 3, 0x21, 0, 0, 0, 0], 0x82),
        // After it.
        (&good, &good, 0x82),
        (&good, &[0x20, 2, 0, 0], 0x82),
        (&good, &[0x80, 0], 0x81),
        (&good, &[0x36, 0], 0x81),
        (&good, &[0x38, 0], 0x81),
        (&good, &[0x32, 6, 0, 1, b't', 0, 0, 0], 0x81),
        (&good, &[0x62, 2, 0, 0], 0x81),
        (&good, &[0x60, 2, 0, 1], 0x81),
        (&good, &[0x42, 2, 0, 1], 0x81),
        (&good, &[0xC1, 0], 0x81),
        (&good, &[0xF0, 0], 0x82),
    ];
    for (before, bytes, code) in cases {
        for piece in [1, bytes.len()] {
            let mut decoder = Decoder::new();
            let mut data = before;
            while !data.is_empty() {
                decoder.read(&mut data).expect("what comes before is sound");
            }
            let fault = bytes.chunks(piece).find_map(|piece| {
                let mut piece = piece;
                while !piece.is_empty() {
                    if let Err(fault) = decoder.read(&mut piece) {
                        return Some(fault.code);
                    }
                }
                None
            });
            assert_eq!(fault, Some(code), "{bytes:02X?}");
        }
    }
}

#[test]
fn a_fault_ends_the_connection_with_its_reason() {
    let mut world = World::new();
    let mut five = world.anybody(V5, "five");
    assert_eq!(world.ask(&mut five, &hello(V5, "again")), [[0xE0, 1, 0x82]]);
    assert_eq!(world.offences(), [Offence::Fault(0x82)]);
    let mut three = world.anybody(V3_1_1, "three");
    assert!(world.ask(&mut three, &[0x36, 0]).is_empty());
    assert!(!world.is_open(&three));
}

/// The will of a client is judged before it gets in.
#[test]
fn a_will_that_is_not_allowed_is_refused() {
    for (will, expected) in [("usp/controllers/self::c", Some(0x87)), ("usp/agents/somebody", Some(0x87))] {
        let mut world = World::new();
        let hello = connect(V3_1_1, 0x06, 60, &[], &[&text("c"), &text(will), &text("no Record")]);
        assert_eq!(world.connect(&hello, bound(AGENT, OWN)).err(), expected);
    }
    let mut rights = free("c");
    rights.retain = false;
    let retained = connect(V5, 0x26, 60, &[], &[&text("c"), &[0], &text("t"), &text("gone")]);
    assert_eq!(World::new().connect(&retained, rights).err(), Some(0x9A));
}
