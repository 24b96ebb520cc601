//! Who gets an association, and who does not.

use std::time::Duration;

use mtp::PeerAuth;
use mtp::coap::dtls::Trust;
use pki::Identity;
use requirement::requirement;

use super::trust::{Calling, Served, ca, device_identity, expired, server_identity, valid};
use super::world::{DEVICE, SERVER, World, at};
use crate::support::{AGENT, CONTROLLER, id};

#[requirement("R-COAP.14", "R-COAP.16")]
#[test]
fn both_sides_prove_by_certificate_who_they_are_and_then_talk_both_ways() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    world.bring(|_| false);
    assert_eq!(world.end(SERVER).heard(), ["one"]);
    for (port, other, name) in [(DEVICE, SERVER, CONTROLLER), (SERVER, DEVICE, AGENT)] {
        let peer = &world.end(port).layer.proof(at(other)).expect("it stands").auth;
        let PeerAuth::Certificate(peer) = peer else { panic!("{peer:?}") };
        assert_eq!((peer.trusted, &peer.endpoint_ids[..]), (true, &[id(name)][..]));
    }
    world.say(SERVER, DEVICE, b"two");
    world.say(DEVICE, SERVER, b"three");
    world.bring(|_| false);
    assert_eq!(world.end(DEVICE).heard(), ["two"]);
    assert_eq!(world.end(SERVER).heard(), ["three"]);
    let secret = world.seen.iter().any(|sent| sent.bytes.windows(5).any(|bytes| bytes == b"three"));
    assert!(!secret, "it is encrypted");
}

#[test]
fn a_handshake_survives_the_loss_of_any_one_datagram() {
    let ca = ca();
    let count = {
        let mut world = World::new(Calling::device(&ca), Served::by(&ca));
        world.say(DEVICE, SERVER, b"one");
        world.bring(|_| false);
        world.seen.len()
    };
    assert!(count >= 6, "{count}");
    for lost in 0..count {
        let mut world = World::new(Calling::device(&ca), Served::by(&ca));
        world.say(DEVICE, SERVER, b"one");
        let mut number = 0;
        world.bring(|_| {
            number += 1;
            number == lost + 1
        });
        world.pass(Duration::from_secs(20));
        // The Record itself is CoAP's to send again.
        world.say(DEVICE, SERVER, b"again");
        world.bring(|_| false);
        let heard = world.end(SERVER).heard();
        assert_eq!(heard.last().map(|it| &it[..]), Some(&b"again"[..]), "without datagram {lost}");
    }
}
