//! Other certificates come to count while associations stand.

use std::sync::Arc;
use std::time::Duration;

use mtp::coap::dtls::Event;
use mtp::coap::limits::JUDGED_AT_ONCE;
use pki::{Ca, DeviceVerifier, Identity};
use requirement::requirement;

use super::associations::list_with;
use super::strangers::second_hello;
use super::trust::{Calling, Served, ca, device_identity, valid};
use super::world::{DEVICE, SERVER, World, at};

const OTHER: u16 = 3;

/// A CA, the rules of a server that believes it, a device with each of two certificates, and both associations.
struct Site {
    ca: Ca,
    rules: Arc<Served>,
    stolen: Identity,
    kept: Identity,
    world: World,
}

fn site() -> Site {
    let ca = ca();
    let (stolen, kept) = (device_identity(&ca, valid()), device_identity(&ca, valid()));
    let rules = Served::by(&ca);
    let mut world = World::new(Calling::with(&ca, stolen.clone()), rules.clone());
    world.add(OTHER, Calling::with(&ca, kept.clone()));
    for device in [DEVICE, OTHER] {
        world.say(device, SERVER, b"one");
    }
    world.bring(|_| false);
    assert_eq!(world.end(SERVER).heard(), ["one", "one"]);
    Site { ca, rules, stolen, kept, world }
}

impl Site {
    /// From here on the server heeds a list with the first certificate on it.
    fn revoke(&self) {
        let (roots, list) = ([self.ca.certificate().clone()], list_with(&self.ca, &self.stolen));
        let rules = DeviceVerifier::with_crls(&roots, &[list], true, pki::provider()).expect("a list");
        self.rules.0.retrust(rules);
    }

    /// Its associations are judged again.
    fn reconsider(&mut self) {
        self.world.end(SERVER).layer.reconsider();
        self.world.pass(Duration::ZERO);
        self.world.bring(|_| false);
        assert_ne!(self.world.end(SERVER).layer.timeout(), Some(Duration::ZERO), "each had its turn");
    }
}

#[requirement("R-SEC.9")]
#[test]
fn whose_certificate_is_on_a_list_now_is_there_no_more() {
    let mut site = site();
    site.revoke();
    site.reconsider();
    let world = &mut site.world;
    assert!(!world.end(SERVER).layer.knows(at(DEVICE)), "nothing is left of it");
    let [gone] = &world.end(SERVER).told[..] else { panic!("one is gone") };
    let Event::Gone { at: who, why, .. } = gone else { panic!("{gone:?}") };
    assert_eq!((*who, why.contains("Revoked")), (at(DEVICE), true), "{why}");
    // It is told, and gets nowhere with another handshake.
    assert!(!world.end(DEVICE).stands_with(SERVER));
    world.end(SERVER).told.clear();
    for device in [DEVICE, OTHER] {
        world.say(device, SERVER, b"two");
        world.bring(|_| false);
    }
    assert!(!world.end(SERVER).stands_with(DEVICE));
    let whys = world.end(SERVER).whys();
    assert!(whys.contains("Revoked"), "{whys}");
    assert_eq!(world.end(SERVER).heard(), ["two"], "the other one goes on");
}

#[test]
fn whose_ca_is_not_known_any_more_is_there_no_more() {
    let mut site = site();
    let foreign = DeviceVerifier::new(&[ca().certificate().clone()], true, pki::provider());
    site.rules.0.retrust(foreign.expect("a CA"));
    site.reconsider();
    let whys = site.world.end(SERVER).whys();
    assert_eq!(whys.matches("UnknownIssuer").count(), 2, "{whys}");
    assert!([DEVICE, OTHER].iter().all(|port| !site.world.end(SERVER).layer.knows(at(*port))));
}

/// It may take a while until it is the turn of all; what comes meanwhile from one is judged first.
#[test]
fn nothing_is_heard_of_one_before_it_was_judged_again() {
    let mut site = site();
    site.revoke();
    let world = &mut site.world;
    world.end(SERVER).layer.reconsider();
    for device in [DEVICE, OTHER] {
        world.say(device, SERVER, b"two");
    }
    world.bring(|_| false);
    assert_eq!(world.end(SERVER).heard(), ["two"]);
    assert!(!world.end(SERVER).stands_with(DEVICE) && world.end(SERVER).stands_with(OTHER));
    // Nor is anything said to it.
    let mut site = self::site();
    site.revoke();
    let world = &mut site.world;
    world.end(SERVER).layer.reconsider();
    world.say(SERVER, DEVICE, b"two");
    world.bring(|_| false);
    assert!(world.end(DEVICE).heard().is_empty());
}

/// A certificate that was believed of somebody at the same host is not believed for that alone.
#[test]
fn another_port_of_the_same_host_counts_as_much_as_the_certificate_does_now() {
    let mut site = site();
    let (third, listening) = (4, 5);
    // Where it listens it is called; there is no rule for calls of the server but this one.
    site.world.add(listening, Served::with(&site.ca, &[], site.stolen.clone()));
    let now = site.world.now;
    assert!(site.world.end(SERVER).layer.call(now, at(listening)));
    site.world.collect();
    site.world.bring(|_| false);
    assert!(site.world.end(SERVER).stands_with(listening));
    site.revoke();
    // By another socket, before anything is judged again.
    site.world.add(third, Calling::with(&site.ca, site.stolen.clone()));
    site.world.say(third, SERVER, b"three");
    site.world.bring(|_| false);
    assert!(!site.world.end(SERVER).stands_with(third));
    site.reconsider();
    assert!(!site.world.end(SERVER).stands_with(listening) && !site.world.end(SERVER).stands_with(DEVICE));
    assert!(site.world.end(SERVER).stands_with(OTHER));
    // Where the certificate counts, so does the other port.
    let (next, listening) = (6, 7);
    site.world.add(next, Calling::with(&site.ca, site.kept.clone()));
    site.world.add(listening, Served::with(&site.ca, &[], site.kept.clone()));
    site.world.say(next, SERVER, b"four");
    site.world.bring(|_| false);
    let now = site.world.now;
    assert!(site.world.end(SERVER).layer.call(now, at(listening)));
    site.world.collect();
    site.world.bring(|_| false);
    assert!(site.world.end(SERVER).stands_with(next) && site.world.end(SERVER).stands_with(listening));
}

/// A handshake that is under way may have been judged by what counted before.
#[test]
fn a_handshake_under_way_is_judged_again() {
    for revoked in [false, true] {
        let mut site = site();
        let third = 4;
        site.world.add(third, Calling::with(&site.ca, site.stolen.clone()));
        let hello = second_hello(&mut site.world, third);
        site.world.hand_over(third, SERVER, &hello);
        site.world.bring(|sent| sent.from == third);
        // Behind two hellos: its certificate, and what follows.
        let said = site.world.seen.iter().filter(|sent| sent.from == third).skip(2);
        let flight: Vec<_> = said.map(|sent| sent.bytes.clone()).collect();
        assert_eq!(flight[0][13], 11, "a certificate");
        let length = usize::from(u16::from_be_bytes([flight[0][11], flight[0][12]]));
        let (certificate, rest) = flight[0].split_at(13 + length);
        site.world.hand_over(third, SERVER, certificate);
        if revoked {
            site.revoke();
        }
        site.reconsider();
        assert_eq!(site.world.end(SERVER).layer.knows(at(third)), !revoked);
        site.world.hand_over(third, SERVER, rest);
        for datagram in &flight[1..] {
            site.world.hand_over(third, SERVER, datagram);
        }
        assert_eq!(site.world.end(SERVER).stands_with(third), !revoked);
    }
}

#[test]
fn many_are_judged_little_by_little() {
    let mut site = site();
    let last = 100 + u16::try_from(JUDGED_AT_ONCE).expect("few");
    for port in 100..last {
        site.world.add(port, Calling::with(&site.ca, site.kept.clone()));
        site.world.say(port, SERVER, b"one");
        site.world.bring(|_| false);
    }
    let now = site.world.now;
    let server = site.world.end(SERVER);
    server.layer.reconsider();
    // Two more than have their turn at once.
    for due in [true, true, false] {
        assert_eq!(server.layer.timeout() == Some(Duration::ZERO), due);
        server.layer.expired(now);
    }
    assert!((100..last).all(|port| server.stands_with(port)));
}
