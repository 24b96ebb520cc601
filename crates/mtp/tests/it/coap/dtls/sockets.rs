//! Sockets that speak DTLS, on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mtp::coap::dtls::Trust;
use mtp::coap::{Caller, Failure, Gate, Settings, Socket};
use mtp::{
    DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, PeerAuth, ReturnPath, Role, Verdict,
};
use requirement::requirement;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::trust::{Calling, Served, ca, device_identity, valid};
use crate::coap::world::record;
use crate::support::{AGENT, CONTROLLER, id};

/// No test waits for this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an end hears.
#[derive(Debug)]
pub(super) enum Heard {
    Record(PeerAuth, String, Bytes),
    Down,
    Failed(Failure),
    Refused(String),
    Up(SocketAddr, String),
    Gone,
}

struct Ear(mpsc::UnboundedSender<Heard>);

impl Ear {
    fn tell(&self, heard: Heard) {
        let _ = self.0.send(heard);
    }
}

impl LinkHandler for Ear {
    fn up(&self, _: LinkUp) {}

    async fn inbound(&self, inbound: Inbound) -> Verdict {
        let uri = inbound.return_path.address().expect("a URI").to_string();
        self.tell(Heard::Record(inbound.peer, uri, inbound.record));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {
        self.tell(Heard::Down);
    }
}

impl Gate for Ear {
    fn refused(&self, _: SocketAddr, why: &'static str) {
        self.tell(Heard::Refused(why.to_owned()));
    }

    fn failed(&self, _: &str, why: Failure) {
        self.tell(Heard::Failed(why));
    }

    fn unproven(&self, _: SocketAddr, why: &str) {
        self.tell(Heard::Refused(why.to_owned()));
    }

    fn up(&self, at: SocketAddr, _: &PeerAuth, word: &str) {
        self.tell(Heard::Up(at, word.to_owned()));
    }

    fn gone(&self, _: SocketAddr, _: &str) {
        self.tell(Heard::Gone);
    }
}

/// A socket that runs.
pub(super) struct End {
    pub(super) address: SocketAddr,
    link: LinkId,
    pub(super) sender: LinkSender,
    pub(super) caller: Caller,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl End {
    pub(super) async fn open(role: Role, trust: Arc<dyn Trust>) -> End {
        End::at(role, trust, None).await
    }

    /// One that wants to be answered at this URI.
    async fn at(role: Role, trust: Arc<dyn Trust>, public: Option<String>) -> End {
        let public = public.map(|uri| uri.parse().expect("a URI"));
        let settings = Settings { role, path: vec!["usp".to_owned()], public };
        let at = (Ipv4Addr::LOCALHOST, 0).into();
        let socket = Socket::bind(at, settings, [role as u8; 32]).await.expect("a socket");
        let socket = socket.secured(trust, &[role as u8 + 7; 32]).expect("a credential");
        let (words, heard) = mpsc::unbounded_channel();
        let (address, link, sender) = (socket.local_addr(), socket.link(), socket.sender());
        let caller = socket.caller();
        let ear = Ear(words);
        tokio::spawn(async move { socket.run(&ear, &ear).await });
        End { address, link, sender, caller, heard }
    }

    pub(super) fn uri(&self) -> String {
        format!("coaps://{}/usp", self.address)
    }

    pub(super) fn send(&self, uri: &str, record: Bytes) {
        let path = ReturnPath::Coap { link: self.link, uri: uri.into() };
        self.sender.send_to(&path, record).expect("it is taken");
    }

    pub(super) async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.expect("something happens").expect("it runs")
    }

    /// Calls somebody; gives the URI that leads there.
    pub(super) async fn call(&mut self, other: &End) -> String {
        assert!(self.caller.call(other.address).await);
        loop {
            match self.hear().await {
                Heard::Up(at, word) if at == other.address => return format!("{}#{word}", other.uri()),
                Heard::Up(..) => {}
                heard => panic!("an association was expected: {heard:?}"),
            }
        }
    }

    /// The next Record: who sent it, where it is to be answered, and what it is.
    pub(super) async fn record(&mut self) -> (PeerAuth, String, Bytes) {
        loop {
            match self.hear().await {
                Heard::Record(peer, uri, record) => return (peer, uri, record),
                Heard::Up(..) | Heard::Gone => {}
                other => panic!("a Record was expected: {other:?}"),
            }
        }
    }

    pub(super) async fn refused(&mut self) -> String {
        match self.hear().await {
            Heard::Refused(why) => why,
            other => panic!("a refusal was expected: {other:?}"),
        }
    }
}

#[requirement("R-COAP.2a", "R-COAP.5", "R-COAP.14", "R-COAP.16")]
#[tokio::test]
async fn records_and_their_answers_with_the_certificates_of_both() {
    let ca = ca();
    let mut server = End::open(Role::Controller, Served::by(&ca)).await;
    let mut device = End::open(Role::Agent, Calling::device(&ca)).await;
    let to = device.call(&server).await;
    for length in [100, 100_000] {
        device.send(&to, record(length));
        let (peer, reply_to, got) = server.record().await;
        assert_eq!(got, record(length));
        let PeerAuth::Certificate(peer) = peer else { panic!("{peer:?}") };
        assert_eq!((peer.trusted, &peer.endpoint_ids[..]), (true, &[id(AGENT)][..]));
        server.send(&reply_to, record(length + 1));
        let (peer, _, got) = device.record().await;
        assert_eq!(got, record(length + 1));
        let PeerAuth::Certificate(peer) = peer else { panic!("{peer:?}") };
        assert_eq!((peer.vouched, &peer.endpoint_ids[..]), (true, &[id(CONTROLLER)][..]));
    }
}

#[tokio::test]
async fn a_record_for_one_certificate_never_goes_to_another() {
    let ca = ca();
    let mut server = End::open(Role::Controller, Served::by(&ca)).await;
    let mut device = End::open(Role::Agent, Calling::device(&ca)).await;
    let to = device.call(&server).await;
    device.send(&to, record(50));
    let (_, reply_to, _) = server.record().await;
    let (uri, word) = reply_to.split_once('#').expect("it says whom it leads to");
    let others = device_identity(&ca, valid()).fingerprint().map(|byte| format!("{byte:02x}")).concat();
    assert_ne!(word, others);
    for wrong in [uri.to_owned(), format!("{uri}#{others}"), format!("{uri}#")] {
        server.send(&wrong, record(60));
        let heard = server.hear().await;
        assert!(matches!(heard, Heard::Failed(Failure::Gone)), "{heard:?}");
    }
    server.send(&reply_to, record(70));
    assert_eq!(device.record().await.2, record(70));
}

#[requirement("R-COAP.2a")]
#[tokio::test]
async fn who_wants_to_be_answered_elsewhere_shows_the_same_certificate_there() {
    let ca = ca();
    let own = device_identity(&ca, valid());
    // An agent with one socket for what it says, and one for what it is told; and another device on the same host.
    let mut listening = End::open(Role::Agent, Served::with(&ca, &[], own.clone())).await;
    let mut stranger = End::open(Role::Agent, Served::with(&ca, &[], device_identity(&ca, valid()))).await;
    let mut server = End::open(Role::Controller, Served::by(&ca)).await;
    let to_listening = Some(listening.uri());
    let mut sending = End::at(Role::Agent, Calling::with(&ca, own.clone()), to_listening).await;
    let to = sending.call(&server).await;
    sending.send(&to, record(80));
    let (_, reply_to, got) = server.record().await;
    assert_eq!((reply_to.split('#').next(), got), (Some(&*listening.uri()), record(80)));
    server.send(&reply_to, record(81));
    let (peer, _, got) = listening.record().await;
    assert_eq!(got, record(81));
    assert!(matches!(peer, PeerAuth::Certificate(_)), "{peer:?}");
    // Somebody who has the answer sent to the other device is not heard, nor is that device spoken to.
    let to_stranger = Some(stranger.uri());
    let mut forging = End::at(Role::Agent, Calling::with(&ca, own), to_stranger).await;
    let to = forging.call(&server).await;
    forging.send(&to, record(90));
    let why = loop {
        match server.hear().await {
            Heard::Refused(why) => break why,
            Heard::Up(..) => {}
            other => panic!("a refusal was expected: {other:?}"),
        }
    };
    assert_eq!(why, "a stranger is where it wants to be answered");
    let heard = stranger.hear().await;
    assert!(matches!(heard, Heard::Refused(_)), "{heard:?}");
}
