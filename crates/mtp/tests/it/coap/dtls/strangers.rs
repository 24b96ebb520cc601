//! Addresses that anybody may have written on a datagram, replays, tampering, and floods.

use std::time::Duration;

use mtp::coap::dtls::Event;
use mtp::coap::limits::{COOKIE_LIFETIME, MAX_HANDSHAKES_OF_ONE, MAX_UNTRUSTED};
use pki::Identity;

use super::trust::{Calling, Served, ca, device_identity, valid};
use super::world::{DEVICE, SERVER, World, at};
use crate::support::{AGENT, id};

fn standing() -> World {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    world.bring(|_| false);
    assert_eq!(world.end(SERVER).heard(), ["one"]);
    world
}

/// The hello with a cookie, and nothing behind it.
pub(super) fn second_hello(world: &mut World, from: u16) -> Vec<u8> {
    world.say(from, SERVER, b"one");
    let first = world.wire.pop_front().expect("a hello");
    world.hand_over(first.from, first.to, &first.bytes);
    let request = world.wire.pop_front().expect("a request to repeat it");
    assert!(request.bytes.len() < first.bytes.len(), "more is sent than came");
    world.hand_over(request.from, request.to, &request.bytes);
    let second = world.wire.pop_front().expect("a hello with a cookie");
    assert_eq!(second.to, SERVER);
    second.bytes.to_vec()
}

#[test]
fn nothing_is_remembered_of_an_address_before_it_has_returned_a_cookie() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    let hello = world.wire.pop_front().expect("a hello");
    for port in 1000..3000 {
        world.hand_over(port, SERVER, &hello.bytes);
    }
    assert_eq!(world.wire.len(), 2000, "each is answered with a cookie");
    assert!((1000..3000).all(|port| !world.end(SERVER).layer.knows(at(port))));
    assert_eq!(world.end(SERVER).layer.timeout(), None);
}

#[test]
fn a_cookie_is_for_one_address_one_hello_and_a_short_time() {
    let ca = ca();
    for case in 0..4 {
        let mut world = World::new(Calling::device(&ca), Served::by(&ca));
        let mut hello = second_hello(&mut world, DEVICE);
        let from = match case {
            // As it is.
            0 => DEVICE,
            // Another address.
            1 => 7,
            // Another hello: what the client has drawn by chance.
            2 => {
                hello[30] ^= 1;
                DEVICE
            }
            // Later.
            _ => {
                world.now += 2 * COOKIE_LIFETIME;
                DEVICE
            }
        };
        world.hand_over(from, SERVER, &hello);
        assert_eq!(world.end(SERVER).layer.knows(at(from)), case == 0, "case {case}");
    }
}

#[test]
fn what_was_sent_before_is_heard_once() {
    let mut world = standing();
    world.say(DEVICE, SERVER, b"two");
    let sent = world.wire.pop_front().expect("a datagram");
    for _ in 0..3 {
        world.hand_over(DEVICE, SERVER, &sent.bytes);
    }
    assert_eq!(world.end(SERVER).heard(), ["two"]);
    // All that was ever said, said again, by whoever has heard it on the way.
    let all = world.seen.clone();
    for sent in &all {
        world.hand_over(sent.from, sent.to, &sent.bytes);
    }
    world.wire.clear();
    assert!(world.end(SERVER).heard().is_empty());
    world.say(DEVICE, SERVER, b"three");
    world.bring(|_| false);
    assert_eq!(world.end(SERVER).heard(), ["three"], "what stands goes on");
}

#[test]
fn a_changed_byte_is_not_heard_and_hurts_nobody() {
    let mut world = standing();
    world.say(DEVICE, SERVER, b"two");
    let sent = world.wire.pop_front().expect("a datagram");
    for at in 0..sent.bytes.len() {
        let mut bytes = sent.bytes.to_vec();
        bytes[at] ^= 0x40;
        world.hand_over(DEVICE, SERVER, &bytes);
    }
    assert!(world.end(SERVER).heard().is_empty());
    world.hand_over(DEVICE, SERVER, &sent.bytes);
    assert_eq!(world.end(SERVER).heard(), ["two"]);
}

#[test]
fn plaintext_in_anothers_name_does_not_end_what_stands() {
    let mut world = standing();
    let record = |kind: u8, number: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        [&[kind, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 9, number], &length[..], content].concat()
    };
    let hello_request = [0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0];
    for (to, from) in [(SERVER, DEVICE), (DEVICE, SERVER)] {
        for number in 0..40 {
            // Alerts: fatal, close_notify; a handshake; the change of the cipher; noise.
            for (kind, content) in [
                (21, &[2, 40][..]),
                (21, &[1, 0]),
                (22, &hello_request),
                (20, &[1]),
                (23, &[7; 60]),
                (99, &[1]),
            ] {
                world.hand_over(from, to, &record(kind, number, content));
            }
        }
    }
    world.wire.clear();
    for (from, to, words) in [(DEVICE, SERVER, b"two"), (SERVER, DEVICE, b"two")] {
        world.say(from, to, words);
        world.bring(|_| false);
        assert_eq!(world.end(to).heard(), ["two"], "{from}");
    }
}

#[test]
fn a_device_that_has_forgotten_everything_begins_anew_and_another_in_its_place_ends_it() {
    let ca = ca();
    let own = device_identity(&ca, valid());
    for (next, is_gone) in [(own.clone(), false), (device_identity(&ca, valid()), true)] {
        let mut world = World::new(Calling::with(&ca, own.clone()), Served::by(&ca));
        world.say(DEVICE, SERVER, b"one");
        world.bring(|_| false);
        world.end(SERVER).told.clear();
        world.ends.remove(0);
        world.add(DEVICE, Calling::with(&ca, next));
        let hello = second_hello(&mut world, DEVICE);
        assert!(world.end(SERVER).stands_with(DEVICE), "a hello alone ends nothing");
        world.hand_over(DEVICE, SERVER, &hello);
        world.bring(|_| false);
        let told = &world.end(SERVER).told;
        assert_eq!(told.iter().any(|event| matches!(event, Event::Gone { .. })), is_gone, "{told:?}");
        assert_eq!(world.end(SERVER).heard(), ["one"]);
    }
}

#[test]
fn handshakes_with_one_address_are_few_and_end_by_themselves() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    for port in 100..150 {
        world.add(port, Calling::device(&ca));
        let hello = second_hello(&mut world, port);
        world.hand_over(port, SERVER, &hello);
        world.wire.clear();
    }
    let known = (100..150).filter(|port| world.end(SERVER).layer.knows(at(*port))).count();
    assert_eq!(known, MAX_HANDSHAKES_OF_ONE);
    assert!(world.end(SERVER).whys().contains("too many handshakes at once"));
    let now = world.now + Duration::from_secs(60);
    world.end(SERVER).layer.expired(now);
    let known = (100..150).filter(|port| world.end(SERVER).layer.knows(at(*port))).count();
    assert_eq!(known, 0);
    assert_eq!(world.end(SERVER).layer.timeout(), None);
}

#[test]
fn what_is_not_used_is_ended_by_who_called() {
    let mut world = standing();
    world.end(SERVER).told.clear();
    world.pass(Duration::from_secs(3500));
    assert!(world.end(SERVER).stands_with(DEVICE));
    world.pass(Duration::from_secs(200));
    assert!(!world.end(SERVER).stands_with(DEVICE) && !world.end(DEVICE).stands_with(SERVER));
    assert_eq!(world.end(DEVICE).whys(), "not used for long");
    assert_eq!(world.end(SERVER).whys(), "the peer has ended it");
    assert!(world.ends.iter().all(|end| end.layer.timeout().is_none()));
}

#[test]
fn whom_nobody_vouches_for_takes_the_place_of_another_such() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    world.bring(|_| false);
    let own = Identity::self_signed(&id(AGENT), valid()).expect("a certificate");
    let last = 10_000 + u16::try_from(MAX_UNTRUSTED).expect("a port");
    for port in 10_000..=last {
        world.now += Duration::from_millis(10);
        world.add(port, Calling::with(&ca, own.clone()));
        world.say(port, SERVER, b"hello");
        world.bring(|_| false);
        assert!(world.end(SERVER).stands_with(port));
        world.ends.pop();
    }
    assert!(!world.end(SERVER).stands_with(10_000) && world.end(SERVER).stands_with(10_001));
    assert!(world.end(SERVER).stands_with(DEVICE), "one that is trusted stays");
}
