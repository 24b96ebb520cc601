//! A handler that tells a test what happened, and a listener around it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mtp::ws::{Dialer, ListenConfig, Listener};
use mtp::{
    Admission, AdmitAll, Candidate, DownReason, EnrolRequest, Inbound, LinkHandler, LinkId, LinkUp, Refusal,
    Role, Verdict,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use usp_proto::EndpointId;

pub(crate) const AGENT: &str = "os::00256D-0001";
pub(crate) const CONTROLLER: &str = "self::controller-1";
/// No test waits for this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("a test's endpoint id is valid")
}

#[derive(Debug)]
pub(crate) enum Event {
    Up(LinkUp),
    Record(Inbound),
    Held,
    Down(DownReason),
}

/// Reports everything. A Record `garbage` counts as undecodable, `panic` panics, `hold` takes until
/// somebody adds a permit to the gate, all others are fine.
pub(crate) struct Recorder {
    events: mpsc::UnboundedSender<Event>,
    /// Whether every peer is authorised as soon as it is up.
    pub(crate) authorise: bool,
    /// What `hold` waits for.
    pub(crate) gate: Arc<Semaphore>,
}

pub(crate) struct Events(mpsc::UnboundedReceiver<Event>);

impl Recorder {
    pub(crate) fn new() -> (Arc<Recorder>, Events) {
        let (events, receiver) = mpsc::unbounded_channel();
        (Arc::new(Recorder { events, authorise: false, gate: Arc::new(Semaphore::new(0)) }), Events(receiver))
    }
}

impl LinkHandler for Recorder {
    fn up(&self, link: LinkUp) {
        if self.authorise {
            link.sender.authorise();
        }
        let _ = self.events.send(Event::Up(link));
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        assert_ne!(&record.record[..], b"panic", "this Record is meant to panic");
        let verdict = if &record.record[..] == b"garbage" { Verdict::Undecodable } else { Verdict::Accepted };
        let hold = &record.record[..] == b"hold";
        let _ = self.events.send(Event::Record(record));
        if hold {
            self.gate.acquire().await.expect("the gate stays").forget();
            let _ = self.events.send(Event::Held);
        }
        verdict
    }

    fn down(&self, _: LinkId, reason: DownReason) {
        let _ = self.events.send(Event::Down(reason));
    }
}

impl Events {
    pub(crate) async fn next(&mut self) -> Event {
        let next = tokio::time::timeout(PATIENCE, self.0.recv()).await;
        next.expect("an event in time").expect("the handler lives")
    }

    /// Whether nothing has happened since.
    pub(crate) fn nothing_yet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }

    /// Whether nothing happens for so long.
    pub(crate) async fn quiet_for(&mut self, long: Duration) -> bool {
        tokio::time::timeout(long, self.0.recv()).await.is_err()
    }

    pub(crate) async fn up(&mut self) -> LinkUp {
        match self.next().await {
            Event::Up(up) => up,
            other => panic!("expected a link, got {other:?}"),
        }
    }

    pub(crate) async fn record(&mut self) -> Vec<u8> {
        match self.next().await {
            Event::Record(inbound) => inbound.record.to_vec(),
            other => panic!("expected a Record, got {other:?}"),
        }
    }

    pub(crate) async fn down(&mut self) -> DownReason {
        self.down_within(PATIENCE).await
    }

    pub(crate) async fn down_within(&mut self, patience: Duration) -> DownReason {
        let next = tokio::time::timeout(patience, self.0.recv()).await;
        match next.expect("an event in time").expect("the handler lives") {
            Event::Down(reason) => reason,
            other => panic!("expected the end of the link, got {other:?}"),
        }
    }
}

/// A running listener; dropping it stops it.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) events: Events,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start(tls: Option<pki::ServerTls>) -> Server {
        Server::with(tls, config(), Arc::new(AdmitAll)).await
    }

    pub(crate) async fn with<A: Admission>(
        tls: Option<pki::ServerTls>,
        config: ListenConfig,
        admission: Arc<A>,
    ) -> Server {
        let (handler, events) = Recorder::new();
        Server::with_handler(tls, config, admission, handler, events).await
    }

    pub(crate) async fn with_handler<A: Admission>(
        tls: Option<pki::ServerTls>,
        config: ListenConfig,
        admission: Arc<A>,
        handler: Arc<Recorder>,
        events: Events,
    ) -> Server {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls, config).await.expect("loopback");
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(listener.run(handler, admission, async move {
            let _ = stopped.await;
        }));
        Server { addr, events, stop: Some(stop), running: Some(running) }
    }

    /// A dialler for this server.
    pub(crate) fn dialer(&self, secure: bool) -> Dialer {
        let scheme = if secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{}/usp", self.addr).parse().unwrap();
        Dialer::new(url, id(AGENT), Role::Agent)
    }

    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(running) = self.running.take() {
            running.await.expect("the listener ends in peace");
        }
    }
}

pub(crate) fn config() -> ListenConfig {
    ListenConfig::new("/usp", id(CONTROLLER), Role::Controller)
}

/// Connects and runs the link in a task of its own.
pub(crate) async fn dial(dialer: &Dialer) -> (Events, LinkUp) {
    let (handler, mut events) = Recorder::new();
    let link = dialer.connect().await.expect("the server lets us in");
    tokio::spawn(async move { link.run(&*handler).await });
    let up = events.up().await;
    (events, up)
}

/// Refuses everybody with 403; issues a fixed chain for one token.
pub(crate) struct Strict;

impl Admission for Strict {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        match &candidate.eid {
            Some(eid) if eid.as_str() == AGENT => Ok(()),
            _ => Err(Refusal::new(403, "unknown endpoint")),
        }
    }

    async fn enrol(&self, request: EnrolRequest) -> Result<String, Refusal> {
        if request.token != "cet_right" {
            return Err(Refusal::new(401, "wrong token"));
        }
        Ok(format!("chain for {}", request.request_pem))
    }
}
