//! Certificates of many bytes.

use std::time::Instant;

use mtp::Error;
use mtp::coap::dtls::Layer;
use mtp::coap::limits::{MAX_CERTIFICATE, MAX_HANDSHAKE_DATAGRAM, MAX_OWN_CERTIFICATE};
use pki::{Ca, Identity, ServerNames};
use requirement::requirement;

use super::strangers::second_hello;
use super::trust::{Calling, Served, ca, valid};
use super::world::{DEVICE, SERVER, World, at};
use crate::support::{AGENT, CONTROLLER, id};

/// A certificate for an Endpoint at 127.0.0.1 that has many other names, of 44 bytes each.
fn named(ca: &Ca, endpoint: &str, others: usize) -> Identity {
    let dns = (0..others).map(|n| format!("{n:03}.a-name-of-thirty-nine-characters.example")).collect();
    let ips = vec!["127.0.0.1".parse().expect("an address")];
    ca.issue_server(&ServerNames { endpoint: Some(id(endpoint)), dns, ips }, valid()).expect("issued")
}

/// Neither certificate fits one datagram, nor two; both come through, whichever datagram is lost.
#[requirement("R-COAP.16")]
#[test]
fn certificates_of_many_datagrams_are_put_together() {
    let ca = ca();
    let [device, server] = [AGENT, CONTROLLER].map(|endpoint| named(&ca, endpoint, 165));
    for own in [&device, &server] {
        let length = own.chain()[0].len();
        assert!((7 * 1024..=MAX_OWN_CERTIFICATE).contains(&length), "{length}");
    }
    for lost in [None, Some(5), Some(9), Some(14)] {
        let mut world =
            World::new(Calling::with(&ca, device.clone()), Served::with(&ca, &[], server.clone()));
        world.say(DEVICE, SERVER, b"one");
        let mut number = 0;
        world.bring(|_| {
            number += 1;
            Some(number) == lost
        });
        world.pass(std::time::Duration::from_secs(20));
        assert!(world.end(SERVER).stands_with(DEVICE) && world.end(DEVICE).stands_with(SERVER), "{lost:?}");
        world.say(DEVICE, SERVER, b"again");
        world.bring(|_| false);
        let heard = world.end(SERVER).heard();
        assert_eq!(heard.last().map(|it| &it[..]), Some(&b"again"[..]), "{lost:?}");
        let largest = world.seen.iter().map(|sent| sent.bytes.len()).max();
        assert!(largest <= Some(1200), "{largest:?}");
    }
}

/// One of ours that is longer is a mistake of whoever made it, which is said before anybody is called.
#[test]
fn a_certificate_of_ours_that_is_too_long_is_not_used() {
    let ca = ca();
    let own = named(&ca, CONTROLLER, 250);
    assert!(own.chain()[0].len() > MAX_OWN_CERTIFICATE);
    let made = Layer::new(Served::with(&ca, &[], own), Instant::now(), &[1; 32]);
    let error = made.expect_err("it is too long");
    assert!(matches!(error, Error::Dtls("the certificate is longer than 8 KiB")), "{error}");
}

/// The datagrams in which a device shows a certificate of this many bytes, each with this many of them.
fn shown(length: usize, in_each: usize) -> Vec<Vec<u8>> {
    let be24 = |n: usize| u32::try_from(n).expect("24 bits").to_be_bytes()[1..].to_vec();
    let body = [be24(length + 3), be24(length), vec![0x30; length]].concat();
    let pieces = body.chunks(in_each).enumerate().map(|(n, piece)| {
        // Certificate (11) is the device's third message, after two hellos.
        let message =
            [&[11][..], &be24(body.len()), &[0, 2], &be24(n * in_each), &be24(piece.len()), piece].concat();
        let length = u16::try_from(message.len()).expect("a record").to_be_bytes();
        let number = u16::try_from(n + 10).expect("few").to_be_bytes();
        [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0][..], &number, &length, &message].concat()
    });
    pieces.collect()
}

/// Whoever has returned a cookie may show what it likes. The library would stumble over a certificate that is longer than
/// the room for it: such a one is not put together.
#[test]
fn a_certificate_beyond_all_measure_is_refused_with_a_reason() {
    // Beside a piece stand the headers of a record and of a message.
    let longest = MAX_HANDSHAKE_DATAGRAM - 13 - 12;
    for (what, length, in_each, why) in [
        ("as long as can be put together", 30 * longest - 6, longest, "BadEncoding"),
        ("in too many pieces", 30 * longest, longest, "receive queue full"),
        ("in pieces that are too long", 2 * MAX_CERTIFICATE, 6000, "a datagram of 6025 bytes in a handshake"),
    ] {
        let ca = ca();
        let mut world = World::new(Calling::device(&ca), Served::by(&ca));
        let hello = second_hello(&mut world, DEVICE);
        world.hand_over(DEVICE, SERVER, &hello);
        world.wire.clear();
        for datagram in shown(length, in_each) {
            world.hand_over(DEVICE, SERVER, &datagram);
        }
        assert!(!world.end(SERVER).layer.knows(at(DEVICE)), "{what}");
        let whys = world.end(SERVER).whys();
        assert!(whys.contains(why), "{what}: {whys}");
        // The device is told that it is over: a fatal alert.
        let told = world.wire.pop_back().expect("an alert").bytes;
        assert_eq!((told[0], told[13]), (21, 2), "{what}: {told:?}");
        // Another one is let in.
        world.wire.clear();
        world.ends.remove(0);
        world.add(DEVICE, Calling::device(&ca));
        world.say(DEVICE, SERVER, b"one");
        world.bring(|_| false);
        assert!(world.end(SERVER).stands_with(DEVICE), "{what}");
    }
}
