//! A broker without a socket: what it delivers is handed in, and what leaves is taken from its queue.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use usp_proto::link::{Contact, PeerCertificate, ReturnPath};
use usp_proto::record::MqttVersion;
use usp_proto::{RecordType, Version};

use super::*;
use crate::limits::PEER_RECORDS;
use crate::link::{LinkSender, Out, Role, SendError, Side};

mod doubt;

const US: &str = "self::controller";
const OURS: &str = "usp/controller";

/// Tells what happens. A Record of `os::slow` takes until the gate lets it through, one of `os::bad` panics.
struct Recorder {
    news: mpsc::UnboundedSender<String>,
    ups: mpsc::UnboundedSender<LinkUp>,
    gate: Arc<Semaphore>,
}

impl LinkHandler for Recorder {
    fn up(&self, link: LinkUp) {
        let eid = link.eid.clone().map(|eid| eid.to_string()).unwrap_or_default();
        self.news.send(format!("up {eid} {}", address(&link.return_path))).unwrap();
        self.ups.send(link).unwrap();
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        let from = read(&record).expect("a Record").from;
        assert_ne!(from.as_str(), "os::bad", "this Record is meant to panic");
        if from.as_str() == "os::slow" {
            self.gate.acquire().await.unwrap().forget();
        }
        self.news.send(format!("{from} by {} {}", record.link.0, address(&record.return_path))).unwrap();
        Verdict::Undecodable
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.news.send(format!("down {} {reason}", link.0)).unwrap();
    }
}

fn address(path: &ReturnPath) -> Arc<str> {
    path.address().expect("it is a broker's")
}

struct Bench {
    peers: Peers<Recorder>,
    broker: Arc<Shared>,
    news: mpsc::UnboundedReceiver<String>,
    ups: mpsc::UnboundedReceiver<LinkUp>,
    gate: Arc<Semaphore>,
}

impl Bench {
    fn new(make: impl FnOnce(Recorder) -> Peers<Recorder>) -> Bench {
        let ((news, heard), (ups, came)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let gate = Arc::new(Semaphore::new(0));
        let peers = make(Recorder { news, ups, gate: Arc::clone(&gate) });
        Bench { peers, broker: Shared::brokered(), news: heard, ups: came, gate }
    }

    /// A controller that is connected.
    fn controller(limit: usize) -> Bench {
        let bench = Bench::new(|recorder| Peers::anybody(recorder, limit));
        bench.reach();
        bench
    }

    fn reach(&self) {
        let link = self.broker.link;
        self.peers.up(LinkUp {
            link,
            peer_addr: None,
            eid: None,
            peer: PeerAuth::Unproven,
            return_path: path(link, OURS),
            contact: Contact::Mqtt { version: MqttVersion::V5, topic: OURS.into() },
            side: Side::Dialled,
            role: Role::Controller,
            sender: LinkSender(self.broker.clone()),
        });
    }

    async fn deliver(&self, from: &str, kind: RecordType) {
        self.deliver_as(from, kind, PeerAuth::Unproven).await;
    }

    async fn deliver_as(&self, from: &str, kind: RecordType, peer: PeerAuth) {
        let record = Record::new(&id(from), &id(US), Version::CURRENT, kind).encode();
        let (link, return_path) = (self.broker.link, path(self.broker.link, &format!("topic/{from}")));
        self.peers.inbound(Inbound { link, peer, return_path, record }).await;
    }

    async fn say(&self, from: &str) {
        self.deliver(from, RecordType::NoSession { payload: Bytes::from_static(b"x") }).await;
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(20), self.news.recv()).await;
        next.expect("something happens").expect("the handler lives")
    }

    async fn up(&mut self) -> LinkUp {
        assert!(self.next().await.starts_with("up "));
        self.ups.recv().await.expect("the handler lives")
    }
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

fn path(link: LinkId, topic: &str) -> ReturnPath {
    ReturnPath::Mqtt { link, topic: topic.into() }
}

fn connect() -> RecordType {
    RecordType::MqttConnect { version: MqttVersion::V5, subscribed_topic: "t".to_owned() }
}

fn leave() -> RecordType {
    RecordType::Disconnect { reason: String::new(), reason_code: 0 }
}

#[tokio::test]
async fn each_endpoint_has_a_link() {
    let mut bench = Bench::controller(9);
    let mut links = Vec::new();
    for from in ["os::a", "os::b"] {
        bench.say(from).await;
        let up = bench.up().await;
        assert_eq!((up.eid, &up.return_path), (Some(id(from)), &path(up.link, &format!("topic/{from}"))));
        assert_eq!(up.contact, Contact::Mqtt { version: MqttVersion::V5, topic: OURS.into() });
        assert_eq!(bench.next().await, format!("{from} by {} topic/{from}", up.link.0));
        links.push((from, up.link, up.sender));
    }
    assert_eq!(bench.peers.count(), 2);
    for (from, link, sender) in &links {
        bench.say(from).await;
        assert_eq!(bench.next().await, format!("{from} by {} topic/{from}", link.0));
        sender.send(Bytes::from_static(b"to it")).unwrap();
        sender.send_to(&path(*link, "elsewhere"), Bytes::from_static(b"where it said")).unwrap();
        let not_there = path(bench.broker.link, "elsewhere");
        assert_eq!(sender.send_to(&not_there, Bytes::new()), Err(SendError::NoWay));
        for (topic, expected) in
            [(format!("topic/{from}"), "to it"), ("elsewhere".to_owned(), "where it said")]
        {
            let Out::Record { to: Some(to), record } = bench.broker.next() else { panic!("nothing to send") };
            assert_eq!((&*to, &record[..]), (topic.as_str(), expected.as_bytes()));
        }
    }
}

#[tokio::test]
async fn a_link_ends_with_a_good_bye_a_close_a_new_connect_or_the_broker() {
    let mut bench = Bench::controller(9);
    bench.deliver("os::a", connect()).await;
    let first = bench.up().await.link.0;
    assert_eq!(bench.next().await, format!("os::a by {first} topic/os::a"));
    bench.deliver("os::a", leave()).await;
    assert_eq!(bench.next().await, format!("os::a by {first} topic/os::a"));
    assert_eq!(bench.next().await, format!("down {first} closed by the peer: 1000 it said good-bye"));

    bench.deliver("os::a", connect()).await;
    let second = bench.up().await.link.0;
    bench.next().await;
    bench.deliver("os::a", connect()).await;
    assert_eq!(bench.next().await, format!("down {second} closed by the peer: 1000 connected again"));
    let third = bench.up().await;
    assert_ne!(third.link.0, second);
    bench.next().await;

    // From a thread that belongs to no runtime: a journal's, for one.
    let sender = third.sender.clone();
    std::thread::spawn(move || sender.close(1008, "not wanted")).join().unwrap();
    assert_eq!(bench.next().await, format!("down {} closed: 1008 not wanted", third.link.0));
    assert_eq!(third.sender.send(Bytes::new()), Err(SendError::Closed));
    assert!(!third.sender.answers_ping(Duration::ZERO).await);
    assert!(!LinkSender(bench.broker.clone()).is_closed());

    bench.say("os::c").await;
    let gone = bench.up().await;
    bench.next().await;
    bench.peers.left(&id("os::c"), &DownReason::Lost(std::io::ErrorKind::BrokenPipe));
    assert_eq!(bench.next().await, format!("down {} connection lost: broken pipe", gone.link.0));

    bench.say("os::b").await;
    let other = bench.up().await;
    bench.next().await;
    assert!(other.sender.answers_ping(Duration::ZERO).await);
    bench.peers.down(bench.broker.link, DownReason::Dead);
    assert_eq!(bench.next().await, format!("down {} no answer to pings", other.link.0));
    assert_eq!((bench.peers.count(), other.sender.is_closed()), (0, true));
    // What still comes of it leads nowhere.
    bench.say("os::b").await;
    bench.reach();
    bench.say("os::c").await;
    assert_eq!(bench.next().await, "up os::c topic/os::c");
}

#[tokio::test]
async fn one_that_is_slow_or_panics_holds_up_nobody() {
    let mut bench = Bench::controller(9);
    bench.say("os::slow").await;
    let slow = bench.up().await.link.0;
    // One is in hand at most, and as many wait as may: the rest is dropped.
    tokio::task::yield_now().await;
    for _ in 0..PEER_RECORDS + 5 {
        bench.say("os::slow").await;
    }
    bench.say("os::bad").await;
    let bad = bench.up().await.link.0;
    assert_eq!(bench.next().await, format!("down {bad} handling a Record panicked"));
    bench.say("os::a").await;
    assert_eq!(bench.next().await, "up os::a topic/os::a");
    assert!(bench.next().await.starts_with("os::a by "));
    bench.gate.add_permits(2 * PEER_RECORDS);
    for _ in 0..PEER_RECORDS + 1 {
        assert_eq!(bench.next().await, format!("os::slow by {slow} topic/os::slow"));
    }
    bench.say("os::a").await;
    assert!(bench.next().await.starts_with("os::a by "));
    // It ends when what it has in hand is done.
    bench.gate.forget_permits(2 * PEER_RECORDS);
    bench.say("os::slow").await;
    tokio::task::yield_now().await;
    bench.peers.down(bench.broker.link, DownReason::Dead);
    assert!(bench.next().await.starts_with("down "));
    bench.gate.add_permits(1);
    assert!(bench.next().await.starts_with("os::slow by "));
    assert_eq!(bench.next().await, format!("down {slow} no answer to pings"));
}

/// The broker has acknowledged it: who publishes and leaves at once is heard. Whom we close is not.
#[tokio::test]
async fn what_was_heard_of_one_that_left_is_worked_off() {
    let mut bench = Bench::controller(9);
    for counts in [true, false] {
        for _ in 0..3 {
            bench.say("os::slow").await;
        }
        let up = bench.up().await;
        let slow = up.link.0;
        tokio::task::yield_now().await;
        let told = if counts {
            bench.peers.left(&id("os::slow"), &DownReason::Dead);
            format!("down {slow} no answer to pings")
        } else {
            up.sender.close(1000, "enough");
            format!("down {slow} closed: 1000 enough")
        };
        // Its name is free at once, for another link.
        while bench.peers.count() > 0 {
            tokio::task::yield_now().await;
        }
        bench.gate.add_permits(3);
        for _ in 0..if counts { 3 } else { 1 } {
            assert_eq!(bench.next().await, format!("os::slow by {slow} topic/os::slow"));
        }
        assert_eq!(bench.next().await, told);
    }
}

#[tokio::test]
async fn a_stranger_sends_little_until_it_is_authorised() {
    let mut bench = Bench::controller(9);
    let large = |n| RecordType::NoSession { payload: vec![b'x'; n].into() };
    bench.deliver("os::a", large(70_000)).await;
    let first = bench.up().await.link.0;
    bench.deliver("os::a", leave()).await;
    assert_eq!(bench.next().await, format!("os::a by {first} topic/os::a"), "its good-bye alone");
    assert_eq!(bench.next().await, format!("down {first} closed by the peer: 1000 it said good-bye"));

    bench.deliver("os::b", large(60_000)).await;
    let second = bench.up().await;
    let told = format!("os::b by {} topic/os::b", second.link.0);
    assert_eq!(bench.next().await, told);
    second.sender.authorise();
    bench.deliver("os::b", large(70_000)).await;
    assert_eq!(bench.next().await, told);
}

#[tokio::test]
async fn a_crowd_pushes_out_the_one_that_is_silent_for_longest() {
    let mut bench = Bench::controller(2);
    let mut links = Vec::new();
    for from in ["os::a", "os::b"] {
        bench.say(from).await;
        links.push(bench.up().await.link.0);
        bench.next().await;
    }
    bench.say("os::a").await;
    bench.next().await;
    bench.say("os::c").await;
    assert_eq!(bench.next().await, format!("down {} no answer to pings", links[1]));
    assert_eq!(bench.next().await, "up os::c topic/os::c");
    assert_eq!(bench.peers.count(), 2);
}

#[tokio::test]
async fn what_proves_something_else_is_another_link() {
    let mut bench = Bench::controller(9);
    let certificate = PeerAuth::Certificate(Arc::new(PeerCertificate::default()));
    for peer in [PeerAuth::Unproven, certificate] {
        bench.deliver_as("os::a", connect(), peer.clone()).await;
        assert_eq!(bench.up().await.peer, peer);
        bench.next().await;
    }
    assert_eq!(bench.peers.count(), 2);
}

#[tokio::test]
async fn an_agent_knows_its_controllers() {
    let mut bench = Bench::new(Peers::known);
    let know = |ids: &[(&str, &str)]| ids.iter().map(|(from, to)| (id(from), Arc::from(*to))).collect();
    bench.peers.set_known(&know(&[("self::one", "t/1"), ("self::two", "t/2")]));
    assert_eq!(bench.peers.count(), 0);
    bench.reach();
    assert_eq!(bench.next().await, "up self::one t/1");
    assert_eq!(bench.next().await, "up self::two t/2");
    let one = bench.ups.recv().await.unwrap();
    let two = bench.ups.recv().await.unwrap();
    bench.say("self::stranger").await;
    bench.say("self::two").await;
    assert_eq!(bench.next().await, format!("self::two by {} topic/self::two", two.link.0));
    bench.peers.set_known(&know(&[("self::two", "t/2"), ("self::one", "t/3"), ("self::four", "t/4")]));
    assert_eq!(bench.next().await, format!("down {} closed: 1000 it is not wanted any more", one.link.0));
    assert_eq!(bench.next().await, "up self::four t/4");
    assert_eq!(bench.next().await, "up self::one t/3");
    // No Record is lost to one that another connection has: it is known again with the next one.
    bench.peers.down(bench.broker.link, DownReason::Dead);
    assert_eq!(bench.peers.count(), 0);
}

/// A link may end while its user hears of its beginning: it is told of the end afterwards.
#[tokio::test]
async fn nobody_hears_of_an_end_before_the_beginning() {
    let bench = Bench::controller(9);
    let shared = Shared::through(bench.broker.clone(), "t".into(), PEER_FRESH, None, |_, _| {});
    let peer = Arc::new(peer::Peer::new(id("os::a"), PeerAuth::Unproven, shared, 0));
    assert_eq!(peer.end(DownReason::Dead, false), None);
    let mut bench = bench;
    bench.peers.0.begun(&peer);
    assert_eq!(bench.next().await, format!("down {} no answer to pings", peer.link().0));
    assert_eq!(peer.end(DownReason::Dead, false), None);
}

#[tokio::test]
async fn one_that_is_watched_is_there_until_it_is_told_otherwise() {
    for (watched, there) in [(true, true), (false, false)] {
        let mut bench = Bench::new(|recorder| match watched {
            true => Peers::watched(recorder, 9, |_, _| {}),
            false => Peers::anybody(recorder, 9),
        });
        bench.reach();
        bench.say("os::a").await;
        let up = bench.up().await;
        bench.next().await;
        up.sender.0.age();
        assert_eq!(up.sender.answers_ping(Duration::ZERO).await, there);
        let reason = DownReason::Dead;
        bench.peers.left(&id("os::a"), &reason);
        assert!(!up.sender.answers_ping(Duration::ZERO).await);
    }
}

/// Who was silent for long is asked where it is before it counts as gone; what others say in its name is no answer.
#[tokio::test(start_paused = true)]
async fn who_is_silent_is_asked_where_it_is() {
    let by = |bench: &Bench, topic: &str| {
        let kind = RecordType::NoSession { payload: Bytes::from_static(b"x") };
        let record = Record::new(&id("os::a"), &id(US), Version::CURRENT, kind).encode();
        let (link, peer) = (bench.broker.link, PeerAuth::Unproven);
        Inbound { link, peer, return_path: path(link, topic), record }
    };
    // (from where something comes after the question, whether it counts as alive)
    for (from, alive) in [(None, false), (Some("t/own"), true), (Some("t/forged"), false)] {
        let mut bench = Bench::controller(9);
        bench.peers.inbound(by(&bench, "t/own")).await;
        let own = bench.up().await;
        bench.next().await;
        own.sender.0.age();
        let peers = bench.peers.clone();
        let said = from.map(|from| by(&bench, from));
        let speaking = tokio::spawn(async move {
            tokio::time::advance(Duration::from_secs(2)).await;
            if let Some(said) = said {
                peers.inbound(said).await;
            }
        });
        let asked = tokio::time::Instant::now();
        let answers = own.sender.answers(Duration::from_secs(3), || Bytes::from_static(b"there?")).await;
        assert_eq!((answers, asked.elapsed().as_secs()), (alive, if alive { 2 } else { 3 }), "{from:?}");
        speaking.await.expect("no panic");
        let Out::Record { to: Some(to), record } = bench.broker.next() else { panic!("nobody was asked") };
        assert_eq!((&*to, &record[..]), ("t/own", &b"there?"[..]));
    }
    // Somebody who was heard just now is not asked, and who is gone is not there.
    let mut bench = Bench::controller(9);
    bench.peers.inbound(by(&bench, "t/own")).await;
    let own = bench.up().await;
    bench.next().await;
    assert!(own.sender.answers(Duration::ZERO, || unreachable!("it was heard")).await);
    bench.peers.left(&id("os::a"), &DownReason::Dead);
    own.sender.0.age();
    assert!(!own.sender.answers(Duration::from_secs(3), || Bytes::from_static(b"there?")).await);
}

/// Silence of one that is let in is no reason to go, while there are strangers.
#[tokio::test]
async fn strangers_make_room_first() {
    let mut bench = Bench::controller(3);
    let mut ups = Vec::new();
    for name in ["os::a", "os::b", "os::c"] {
        bench.say(name).await;
        ups.push(bench.up().await);
        bench.next().await;
    }
    ups[0].sender.authorise();
    // (who comes, whose link ends)
    let mut last = Vec::new();
    for (name, gone) in [("os::d", Some(1)), ("os::e", Some(2)), ("os::f", None)] {
        bench.say(name).await;
        let mut news = [bench.next().await, bench.next().await, bench.next().await];
        news.sort();
        let down = news.iter().find(|one| one.starts_with("down ")).expect("one had to go");
        if let Some(gone) = gone {
            assert!(down.starts_with(&format!("down {} ", ups[gone].link.0)), "{name}: {down}");
        }
        last.push(bench.ups.recv().await.expect("it came"));
    }
    // Where all are let in, the one that is silent for longest.
    last.iter().for_each(|up| up.sender.authorise());
    bench.say("os::g").await;
    let news = [bench.next().await, bench.next().await, bench.next().await];
    assert!(news.iter().any(|one| one.starts_with(&format!("down {} ", ups[0].link.0))), "{news:?}");
    assert_eq!(bench.peers.count(), 3);
}

/// Who only says so, at another address: the link that stands is not theirs to end.
#[tokio::test]
async fn a_name_at_another_address_gets_a_link_of_its_own() {
    let by = |bench: &Bench, topic: &str, auth: PeerAuth, kind: RecordType| {
        let record = Record::new(&id("os::a"), &id(US), Version::CURRENT, kind).encode();
        Inbound { link: bench.broker.link, peer: auth, return_path: path(bench.broker.link, topic), record }
    };
    let say = || RecordType::NoSession { payload: Bytes::from_static(b"x") };
    let mut bench = Bench::controller(9);
    bench.peers.inbound(by(&bench, "t/own", PeerAuth::Unproven, connect())).await;
    let own = bench.up().await;
    assert_eq!(bench.next().await, format!("os::a by {} t/own", own.link.0));
    bench.peers.inbound(by(&bench, "t/forged", PeerAuth::Unproven, connect())).await;
    assert_eq!(bench.next().await, "up os::a t/forged");
    let forged = bench.ups.recv().await.expect("just said");
    assert_eq!(bench.next().await, format!("os::a by {} t/forged", forged.link.0));
    assert!(own.sender.send(Bytes::from_static(b"x")).is_ok(), "the first one stands");
    // Each goes its way; and what was refused is another's no longer.
    bench.peers.inbound(by(&bench, "t/own", PeerAuth::Unproven, say())).await;
    assert_eq!(bench.next().await, format!("os::a by {} t/own", own.link.0));
    forged.sender.close(1008, "refused");
    assert!(bench.next().await.starts_with(&format!("down {}", forged.link.0)));
    bench.peers.inbound(by(&bench, "t/forged", PeerAuth::Unproven, say())).await;
    assert_eq!(bench.next().await, format!("os::a by {} t/forged", own.link.0));
    // What would end its link comes from where it is, or not at all: a good-bye, and what can't be read.
    bench.peers.inbound(by(&bench, "t/forged", PeerAuth::Unproven, leave())).await;
    let mut broken = by(&bench, "t/forged", PeerAuth::Unproven, say());
    broken.record = [&broken.record[..], b"\xff"].concat().into();
    bench.peers.inbound(broken).await;
    bench.peers.inbound(by(&bench, "t/own", PeerAuth::Unproven, say())).await;
    assert_eq!(bench.next().await, format!("os::a by {} t/own", own.link.0));
    // One that is silent for long may have moved.
    own.sender.0.age();
    bench.peers.inbound(by(&bench, "t/moved", PeerAuth::Unproven, say())).await;
    assert_eq!(bench.next().await, "up os::a t/moved");
    bench.next().await;
    // A few of a name, and no more.
    for n in 0..20 {
        bench.peers.inbound(by(&bench, &format!("t/{n}"), PeerAuth::Unproven, connect())).await;
    }
    assert_eq!(bench.peers.count(), 8);
    // What is proved ends what proves the same.
    let mut bench = Bench::controller(9);
    let login = PeerAuth::Login(usp_proto::link::Login::new("a", [7; 32]));
    bench.peers.inbound(by(&bench, "t/1", login.clone(), connect())).await;
    let first = bench.up().await;
    bench.next().await;
    bench.peers.inbound(by(&bench, "t/2", login, connect())).await;
    assert_eq!(bench.next().await, format!("down {} closed by the peer: 1000 connected again", first.link.0));
}

#[tokio::test]
async fn what_is_no_record_leads_nowhere() {
    let mut bench = Bench::controller(9);
    let (link, peer) = (bench.broker.link, PeerAuth::Unproven);
    let record = Bytes::from_static(b"\xffgarbage");
    let return_path = path(link, "t");
    assert_eq!(bench.peers.inbound(Inbound { link, peer, return_path, record }).await, Verdict::Accepted);
    bench.say("os::a").await;
    assert_eq!(bench.next().await, "up os::a topic/os::a");
}

/// A task that its runtime drops at once tells of its end under no lock that is held already.
#[test]
fn a_runtime_that_stops_holds_nobody_up() {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let _within = handle.enter();
        let bench = Bench::controller(9);
        let mut saying = std::pin::pin!(bench.say("os::a"));
        let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(saying.as_mut().poll(&mut nobody).is_ready());
        done.send(()).expect("the test waits");
    });
    is_done.recv_timeout(Duration::from_secs(20)).expect("nobody waits for a lock of their own");
}
