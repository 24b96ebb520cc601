//! Who gets an association, and who does not.

use std::time::{Duration, SystemTime};

use mtp::PeerAuth;
use mtp::coap::dtls::Event;
use pki::{Ca, Edition, Identity, Reason, Revoked, cert};
use requirement::requirement;
use rustls_pki_types::CertificateRevocationListDer;

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

/// Every certificate that is refused on a listener with TLS is refused here, in words that say why, and its owner is
/// told.
#[requirement("R-COAP.16", "R-SEC.9")]
#[test]
fn devices_with_wrong_certificates_get_nowhere() {
    let (trusted, foreign) = (ca(), ca());
    let revoked = device_identity(&trusted, valid());
    let crl = list_with(&trusted, &revoked);
    for (own, why) in [
        (device_identity(&foreign, valid()), "UnknownIssuer"),
        (device_identity(&trusted, expired()), "certificate expired"),
        (Identity::self_signed(&id(AGENT), expired()).expect("a certificate"), "Expired"),
        (revoked, "Revoked"),
    ] {
        let server = Served::with(&trusted, std::slice::from_ref(&crl), server_identity(&trusted, valid()));
        let mut world = World::new(Calling::with(&trusted, own), server);
        world.say(DEVICE, SERVER, b"one");
        world.bring(|_| false);
        assert!(!world.end(SERVER).stands_with(DEVICE));
        assert!(!world.end(SERVER).layer.knows(at(DEVICE)), "nothing is left of it");
        let whys = world.end(SERVER).whys();
        assert!(whys.contains(why), "{why}: {whys}");
        assert!(world.end(SERVER).heard().is_empty());
        // The device need not wait until it gives up.
        let told = &world.end(DEVICE).told;
        assert!(told.iter().any(|event| matches!(event, Event::Gone { .. })), "{told:?}");
    }
}

#[requirement("R-MTP.4", "R-SEC.20", "R-COAP.16")]
#[test]
fn servers_with_wrong_certificates_are_left() {
    let (trusted, foreign) = (ca(), ca());
    let elsewhere = {
        let names = pki::ServerNames { dns: vec!["other.example".to_owned()], ..pki::ServerNames::default() };
        trusted.issue_server(&names, valid()).expect("issued")
    };
    for (own, why) in [
        (server_identity(&foreign, valid()), "UnknownIssuer"),
        (server_identity(&trusted, expired()), "Expired"),
        (elsewhere, "not valid for name"),
    ] {
        let mut world = World::new(Calling::device(&trusted), Served::with(&trusted, &[], own));
        world.say(DEVICE, SERVER, b"one");
        world.bring(|_| false);
        assert!(!world.end(DEVICE).stands_with(SERVER) && !world.end(SERVER).stands_with(DEVICE));
        let whys = world.end(DEVICE).whys();
        assert!(whys.contains(why), "{why}: {whys}");
    }
}

/// A certificate that nobody has signed but its owner is let in, and trusted by nobody: the policy decides.
#[test]
fn a_self_signed_certificate_proves_a_key_and_nothing_else() {
    let ca = ca();
    let own = Identity::self_signed(&id(AGENT), valid()).expect("a certificate");
    let mut world = World::new(Calling::with(&ca, own), Served::by(&ca));
    world.say(DEVICE, SERVER, b"one");
    world.bring(|_| false);
    let peer = &world.end(SERVER).layer.proof(at(DEVICE)).expect("it stands").auth;
    let PeerAuth::Certificate(peer) = peer else { panic!("{peer:?}") };
    assert_eq!((peer.trusted, peer.vouched), (false, false));
}

/// A CA's list with this certificate on it.
pub(super) fn list_with(ca: &Ca, of: &Identity) -> CertificateRevocationListDer<'static> {
    let this_update = SystemTime::now() - Duration::from_secs(60);
    let serial_number = cert::name(&of.chain()[0]).expect("readable").serial_number;
    let entry = Revoked { serial_number, at: this_update, reason: Reason::KeyCompromise };
    let next_update = this_update + Duration::from_secs(3600);
    ca.crl(&[entry], Edition { number: 1, this_update, next_update }).expect("a list")
}
