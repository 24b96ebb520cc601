//! What anybody may have sent in another's name is charged to nobody.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mtp::coap::dtls::{Event, Layer};
use mtp::coap::limits::MAX_DATAGRAM;
use mtp::coap::{Gate, Settings, Socket};
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, Role, Verdict};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::strangers::second_hello;
use super::trust::{Calling, Served, ca};
use super::world::{DEVICE, SERVER, World, at};

/// No test waits for this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_no_dtls_is_nobodys_fault() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    let stray = [Event::Stray { from: at(DEVICE), what: "no DTLS" }];
    let strays = |world: &mut World| {
        world.hand_over(DEVICE, SERVER, b"coap, perhaps");
        std::mem::take(&mut world.end(SERVER).told)
    };
    assert_eq!(strays(&mut world), stray, "nobody is there");
    let hello = second_hello(&mut world, DEVICE);
    world.hand_over(DEVICE, SERVER, &hello);
    assert_eq!(strays(&mut world), stray, "a handshake is under way");
    world.bring(|_| false);
    assert!(world.end(SERVER).stands_with(DEVICE));
    assert_eq!(world.end(SERVER).heard(), ["one"]);
    assert_eq!(strays(&mut world), stray, "an association stands");
}

#[test]
fn a_handshake_begins_when_a_cookie_comes_back() {
    let ca = ca();
    let mut world = World::new(Calling::device(&ca), Served::by(&ca));
    let hello = second_hello(&mut world, DEVICE);
    let first = world.seen[0].bytes.clone();
    let mut forged = hello.clone();
    // The cookie ends with its 32nd byte, which stands behind 13 + 12 + 34 + 1 + 1 others.
    forged[13 + 12 + 34 + 1 + 1 + 31] ^= 1;
    let now = world.now;
    let mut begins = |from: u16, datagram: &[u8]| world.end(SERVER).layer.begins(now, at(from), datagram);
    for (from, datagram, expected) in [
        (DEVICE, &first[..], false),
        (DEVICE, &forged, false),
        (9, &hello, false),
        (DEVICE, b"coap, perhaps", false),
        (DEVICE, &hello, true),
    ] {
        assert_eq!(begins(from, datagram), expected, "{from}: {datagram:02x?}");
    }
    world.hand_over(DEVICE, SERVER, &hello);
    assert!(!world.end(SERVER).layer.begins(now, at(DEVICE), &hello), "it has begun");
}

/// What a socket asks and tells.
#[derive(PartialEq, Eq, Debug)]
enum Told {
    Knock(SocketAddr),
    Stray(SocketAddr, &'static str),
    Refused(String),
}

struct Ear(mpsc::UnboundedSender<Told>);

impl LinkHandler for Ear {
    fn up(&self, _: LinkUp) {}

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

impl Gate for Ear {
    fn knock(&self, from: SocketAddr) -> bool {
        self.0.send(Told::Knock(from)).is_ok()
    }

    fn stray(&self, from: SocketAddr, what: &'static str) {
        let _ = self.0.send(Told::Stray(from, what));
    }

    fn refused(&self, _: SocketAddr, why: &'static str) {
        let _ = self.0.send(Told::Refused(why.to_owned()));
    }

    fn unproven(&self, _: SocketAddr, why: &str) {
        let _ = self.0.send(Told::Refused(why.to_owned()));
    }
}

/// What a client's machine says next.
fn said(layer: &mut Layer) -> Bytes {
    match layer.poll() {
        Some(Event::Transmit { datagram, .. }) => datagram,
        other => panic!("a datagram was expected: {other:?}"),
    }
}

#[tokio::test]
async fn a_socket_asks_at_the_door_for_who_has_returned_a_cookie() {
    let ca = ca();
    let settings = Settings { role: Role::Controller, path: vec!["usp".to_owned()], public: None };
    let server = Socket::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, [1; 32]).await.expect("a socket");
    let server = server.secured(Served::by(&ca), &[2; 32]).expect("a credential");
    let to = server.local_addr();
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let ear = Ear(tell);
        server.run(&ear, &ear).await
    });
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let own = client.local_addr().expect("it is bound");
    let mut layer = Layer::new(Calling::device(&ca), Instant::now(), &[3; 32]).expect("a credential");
    assert!(layer.call(Duration::ZERO, to));
    let hello = said(&mut layer);
    for datagram in [&b"coap, perhaps"[..], &[22; MAX_DATAGRAM + 1][..], &hello, &hello, &hello] {
        client.send_to(datagram, to).await.expect("it is sent");
    }
    let mut room = [0; 2048];
    let (length, _) = timeout(PATIENCE, client.recv_from(&mut room)).await.expect("an answer").expect("read");
    layer.receive(Duration::ZERO, to, &room[..length]);
    client.send_to(&said(&mut layer), to).await.expect("it is sent");
    let mut next = async || timeout(PATIENCE, told.recv()).await.expect("something is told");
    for expected in
        [Told::Stray(own, "no DTLS"), Told::Stray(own, "a datagram that is too long"), Told::Knock(own)]
    {
        assert_eq!(next().await, Some(expected));
    }
}
