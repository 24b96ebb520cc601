//! Two sockets on loopback, with links of their own for those who use them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use mtp::coap::message::{Code, Kind, Message};
use mtp::coap::{Failure, Gate, Settings, Socket};
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Peers, ReturnPath, Role, Verdict};
use requirement::requirement;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::world::record;

/// No test waits for this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an end hears.
#[derive(Debug)]
pub(super) enum Heard {
    Up(LinkUp),
    Record(ReturnPath, Bytes),
    Down(DownReason),
    Failed(String, Failure),
    Refused(SocketAddr, &'static str),
}

/// Tells all that it hears, and lets in whom it is told to.
pub(super) struct Ear {
    words: mpsc::UnboundedSender<Heard>,
    open: Mutex<bool>,
}

impl LinkHandler for Ear {
    fn up(&self, link: LinkUp) {
        let _ = self.words.send(Heard::Up(link));
    }

    async fn inbound(&self, inbound: Inbound) -> Verdict {
        let _ = self.words.send(Heard::Record(inbound.return_path, inbound.record));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, reason: DownReason) {
        let _ = self.words.send(Heard::Down(reason));
    }
}

impl Gate for Ear {
    fn knock(&self, _: SocketAddr) -> bool {
        *self.open.lock().expect("nobody panics")
    }

    fn refused(&self, from: SocketAddr, why: &'static str) {
        let _ = self.words.send(Heard::Refused(from, why));
    }

    fn failed(&self, uri: &str, why: Failure) {
        let _ = self.words.send(Heard::Failed(uri.to_owned(), why));
    }
}

/// A socket that runs.
pub(super) struct End {
    pub(super) address: SocketAddr,
    pub(super) link: LinkId,
    pub(super) sender: LinkSender,
    ear: Arc<Ear>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl End {
    pub(super) async fn open(role: Role) -> End {
        End::at((Ipv4Addr::LOCALHOST, 0).into(), role).await
    }

    async fn at(at: SocketAddr, role: Role) -> End {
        let settings = Settings { role, path: vec!["usp".to_owned()], public: None };
        let socket = Socket::bind(at, settings, [role as u8; 32]).await.expect("a socket");
        let (words, heard) = mpsc::unbounded_channel();
        let ear = Arc::new(Ear { words, open: Mutex::new(true) });
        let (address, link, sender) = (socket.local_addr(), socket.link(), socket.sender());
        let for_socket = ear.clone();
        tokio::spawn(async move { socket.run(&*for_socket, &*for_socket).await });
        let mut end = End { address, link, sender, ear, heard };
        assert!(matches!(end.hear().await, Heard::Up(_)));
        end
    }

    pub(super) fn uri(&self) -> String {
        format!("coap://{}/usp", self.address)
    }

    pub(super) fn send(&self, uri: &str, record: Bytes) {
        let path = ReturnPath::Coap { link: self.link, uri: uri.into() };
        self.sender.send_to(&path, record).expect("it is taken");
    }

    pub(super) async fn hear(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.expect("something happens").expect("it runs")
    }

    /// The next Record, and the URI that it is to be answered at.
    pub(super) async fn record(&mut self) -> (String, Bytes) {
        match self.hear().await {
            Heard::Record(ReturnPath::Coap { link, uri }, record) => {
                assert_eq!(link, self.link);
                (uri.to_string(), record)
            }
            other => panic!("a Record was expected: {other:?}"),
        }
    }
}

#[requirement("R-COAP.2a", "R-COAP.4", "R-COAP.5")]
#[tokio::test]
async fn records_and_their_answers() {
    let (mut agent, mut controller) = (End::open(Role::Agent).await, End::open(Role::Controller).await);
    for bytes in [10, 100_000] {
        agent.send(&controller.uri(), record(bytes));
        let (reply_to, got) = controller.record().await;
        assert_eq!((reply_to.as_str(), got), (agent.uri().as_str(), record(bytes)));
        controller.send(&reply_to, record(bytes + 1));
        assert_eq!(agent.record().await, (controller.uri(), record(bytes + 1)));
    }
}

#[requirement("R-COAP.10")]
#[tokio::test]
async fn what_can_not_be_sent_is_told() {
    let mut controller = End::open(Role::Controller).await;
    controller.send("coap://name.example/usp", record(1));
    let Heard::Failed(uri, why) = controller.hear().await else { panic!("it fails") };
    assert_eq!((uri.as_str(), why), ("coap://name.example/usp", Failure::NoWay));
    let mut agent = End::open(Role::Agent).await;
    let elsewhere = agent.uri().replace("/usp", "/other");
    controller.send(&elsewhere, record(1));
    let Heard::Failed(uri, why) = controller.hear().await else { panic!("it fails") };
    assert_eq!((uri, why), (elsewhere, Failure::Refused(Code::NOT_FOUND)));
    assert!(matches!(agent.hear().await, Heard::Refused(_, "a resource that is not here")));
}

/// What is queued leaves before the socket is closed.
#[tokio::test]
async fn an_orderly_end() {
    let (mut agent, mut controller) = (End::open(Role::Agent).await, End::open(Role::Controller).await);
    agent.send(&controller.uri(), record(50_000));
    agent.send(&controller.uri(), record(1));
    agent.sender.close(1000, "the end");
    assert_eq!(controller.record().await.1, record(50_000));
    assert_eq!(controller.record().await.1, record(1));
    let Heard::Down(reason) = agent.hear().await else { panic!("it is closed") };
    assert_eq!(reason, DownReason::ClosedByUs { code: 1000, reason: "the end".into() });
    assert!(agent.sender.is_closed());
}

/// A socket for both families tells an IPv4 peer its IPv4 address.
#[tokio::test]
async fn on_all_addresses() {
    let any = (std::net::Ipv6Addr::UNSPECIFIED, 0).into();
    let (agent, mut controller) = (End::at(any, Role::Agent).await, End::open(Role::Controller).await);
    agent.send(&controller.uri(), record(1));
    let expected = format!("coap://127.0.0.1:{}/usp", agent.address.port());
    assert_eq!(controller.record().await.0, expected);
}

#[tokio::test]
async fn who_may_not_knock_is_not_read() {
    let mut controller = End::open(Role::Controller).await;
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let get = Message::new(Kind::Confirmable, Code::GET, 1).encode();
    *controller.ear.open.lock().expect("nobody panics") = false;
    stranger.send_to(&get, controller.address).await.expect("it leaves");
    let too_long = vec![0x40; mtp::coap::limits::MAX_DATAGRAM + 1];
    stranger.send_to(&too_long, controller.address).await.expect("it leaves");
    // Datagrams come in their order here: the first one was heard before the second.
    let Heard::Refused(from, why) = controller.hear().await else { panic!("the long one is told of") };
    assert_eq!((from, why), (stranger.local_addr().expect("bound"), "a datagram that is too long"));
    *controller.ear.open.lock().expect("nobody panics") = true;
    stranger.send_to(&get, controller.address).await.expect("it leaves");
    let mut room = [0; 100];
    let (length, _) = stranger.recv_from(&mut room).await.expect("an answer");
    let answer = Message::decode(&Bytes::copy_from_slice(&room[..length])).expect("a message");
    assert_eq!((answer.code, answer.id), (Code::NOT_FOUND, 1));
    let Heard::Refused(_, why) = controller.hear().await else { panic!("it is told of") };
    assert_eq!(why, "a resource that is not here");
}

/// Links of single Endpoints: one that is heard from elsewhere has a link there, too, and whoever uses them decides
/// between the two, because nothing proves who it is; one that is not reached is gone.
#[tokio::test]
async fn endpoints_that_move_and_vanish() {
    let settings = Settings { role: Role::Controller, path: vec!["usp".to_owned()], public: None };
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, [9; 32]).await.expect("a socket");
    let uri = format!("coap://{}/usp", socket.local_addr());
    let (words, mut heard) = mpsc::unbounded_channel();
    let peers = Peers::anybody(Ear { words, open: Mutex::new(true) }, 10);
    let whole = peers.clone();
    tokio::spawn(async move { socket.run(&whole, &NoGate).await });
    let first = End::open(Role::Agent).await;
    first.send(&uri, record(1));
    let mut next =
        async || timeout(PATIENCE, heard.recv()).await.expect("something happens").expect("it runs");
    let Heard::Up(link) = next().await else { panic!("a link") };
    assert_eq!(link.eid.as_ref().map(|eid| eid.as_str()), Some("os::00256D-0001"));
    assert_eq!(link.return_path.address().as_deref(), Some(first.uri().as_str()));
    assert!(matches!(next().await, Heard::Record(..)));
    let second = End::open(Role::Agent).await;
    second.send(&uri, record(1));
    let Heard::Up(link) = next().await else { panic!("a link") };
    assert_eq!(link.return_path.address().as_deref(), Some(second.uri().as_str()));
    assert!(matches!(next().await, Heard::Record(..)));
    assert_eq!(peers.count(), 2);
    peers.unreachable(&first.uri(), &DownReason::Dead);
    assert!(matches!(next().await, Heard::Down(DownReason::Dead)));
    assert_eq!(peers.count(), 1, "it is not there any more");
    peers.unreachable(&second.uri(), &DownReason::Dead);
    assert!(matches!(next().await, Heard::Down(DownReason::Dead)));
    assert_eq!(peers.count(), 0);
}

struct NoGate;

impl Gate for NoGate {}
