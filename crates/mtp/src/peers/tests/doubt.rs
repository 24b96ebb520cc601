//! Good-byes behind a broker of others: anybody may have said them.

use tokio::time::{Instant, sleep};

use super::*;

const FAR_LATER: Duration = Duration::from_secs(600);

/// A controller, and a device that it has let in.
async fn with_device() -> (Bench, LinkUp) {
    let question = |endpoint: &EndpointId| Bytes::from(format!("{endpoint}?"));
    let mut bench = Bench::new(|recorder| Peers::doubting(recorder, 9, FAR_LATER, question));
    bench.reach();
    bench.deliver("os::a", connect()).await;
    let own = bench.up().await;
    bench.next().await;
    own.sender.authorise();
    (bench, own)
}

impl Bench {
    /// What is no Record but for its sender.
    async fn garble(&self, from: &str) {
        let record = [&Record::new(&id(from), &id(US), Version::CURRENT, connect()).encode()[..], b"\xff"];
        let (link, return_path) = (self.broker.link, path(self.broker.link, &format!("topic/{from}")));
        let record = record.concat().into();
        self.peers.inbound(Inbound { link, peer: PeerAuth::Unproven, return_path, record }).await;
    }

    /// What was sent since the last time, and to whom.
    fn sent(&self) -> Vec<String> {
        let next = || match self.broker.next() {
            Out::Record { to: Some(to), record } => {
                Some(format!("{} to {to}", String::from_utf8_lossy(&record)))
            }
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }
}

const QUESTION: &str = "os::a? to topic/os::a";

#[tokio::test(start_paused = true)]
async fn who_does_not_answer_has_left() {
    for (garbled, words) in [(false, "it said good-bye"), (true, "it said what is no Record, and no more")] {
        let (mut bench, own) = with_device().await;
        let began = Instant::now();
        match garbled {
            true => bench.garble("os::a").await,
            false => bench.deliver("os::a", leave()).await,
        }
        // The same again is no answer; nor is what somebody says elsewhere.
        bench.deliver("os::a", leave()).await;
        let said = Record::new(&id("os::a"), &id(US), Version::CURRENT, leave()).encode();
        let (link, peer) = (bench.broker.link, PeerAuth::Unproven);
        bench.peers.inbound(Inbound { link, peer, return_path: path(link, "t/other"), record: said }).await;
        assert_eq!((bench.peers.count(), own.sender.is_closed()), (1, false));
        assert_eq!(bench.next().await, format!("down {} closed by the peer: 1000 {words}", own.link.0));
        assert_eq!((began.elapsed().as_secs(), bench.peers.count()), (6, 0));
        assert_eq!(bench.sent(), [QUESTION; 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_answers_is_there_and_is_asked_now_and_then() {
    let (mut bench, own) = with_device().await;
    for _ in 0..100 {
        bench.deliver("os::a", leave()).await;
    }
    tokio::task::yield_now().await;
    assert_eq!(bench.sent(), [QUESTION]);
    let heard = format!("os::a by {} topic/os::a", own.link.0);
    bench.say("os::a").await;
    assert_eq!(bench.next().await, heard);
    // Left alone for a while; then again, because it may have left since.
    sleep(Duration::from_secs(2)).await;
    bench.garble("os::a").await;
    assert_eq!(bench.sent(), [""; 0]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.sent(), [QUESTION]);
    bench.say("os::a").await;
    assert_eq!(bench.next().await, heard);
    sleep(FAR_LATER).await;
    assert_eq!((bench.sent(), bench.peers.count()), (Vec::new(), 1));
    bench.say("os::a").await;
    assert_eq!(bench.next().await, heard);
    // The next one is its own.
    bench.deliver("os::a", leave()).await;
    assert_eq!(bench.next().await, format!("down {} closed by the peer: 1000 it said good-bye", own.link.0));
}

/// R-MTP.8: an agent that ends no more than a session says so, and connects again.
#[tokio::test(start_paused = true)]
async fn who_connects_again_has_a_new_link() {
    let (mut bench, own) = with_device().await;
    bench.deliver("os::a", leave()).await;
    bench.deliver("os::a", connect()).await;
    assert_eq!(bench.next().await, format!("down {} closed by the peer: 1000 connected again", own.link.0));
    assert_eq!(bench.next().await, "up os::a topic/os::a");
    bench.next().await;
    sleep(FAR_LATER).await;
    assert_eq!(bench.peers.count(), 1);
    bench.say("os::a").await;
    assert!(bench.next().await.starts_with("os::a by "));
}

/// Who waits is sent nothing, and what is proved is believed.
#[tokio::test(start_paused = true)]
async fn strangers_and_those_that_prove_something_leave_at_once() {
    let (mut bench, _) = with_device().await;
    let certificate = PeerAuth::Certificate(Arc::new(PeerCertificate::default()));
    for (name, proof, let_in) in [("os::b", PeerAuth::Unproven, false), ("os::c", certificate, true)] {
        let began = Instant::now();
        bench.deliver_as(name, connect(), proof.clone()).await;
        let up = bench.up().await;
        bench.next().await;
        if let_in {
            up.sender.authorise();
        }
        bench.deliver_as(name, leave(), proof).await;
        assert_eq!(bench.next().await, format!("{name} by {} topic/{name}", up.link.0));
        assert_eq!(
            bench.next().await,
            format!("down {} closed by the peer: 1000 it said good-bye", up.link.0)
        );
        assert_eq!((began.elapsed().as_secs(), bench.sent()), (0, Vec::new()), "{name}");
    }
}
