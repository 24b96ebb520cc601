//! Agents behind brokers: a task for each broker, which keeps a connection to it. Each agent behind it has a link of
//! its own ([`Peers`]), which is like any other link: the same handler, the same decision about who it is.
//!
//! What such a link proves is nothing, unless the broker is trusted to know its clients. Whoever can publish to our
//! topic or destination can take any name, so that what fails costs little: see [`Strangers`](super::strangers::Strangers).

mod mqtt;
mod stomp;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fleet::port::Store;
use mtp::mqtt::Filter;
use mtp::stomp::Pattern;
use mtp::ws::close_code;
use mtp::{
    DownReason, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Peers, Retry, ReturnPath, Schedule, Verdict,
};
use tokio::sync::watch;
use usp_endpoint::EndpointId;
use usp_endpoint::controller::are_you_there;

pub(crate) use mqtt::Mqtt;
pub(crate) use stomp::Stomp;

use super::presence::{Presence, question_id};
use super::{Usp, lock};
use crate::clock::chance;
use crate::limits::BROKER_PEERS;
use crate::metrics::BrokerMeter;

/// A connection that has lasted so long was a success: the next wait is short again.
const SETTLED: Duration = Duration::from_secs(30);
/// Each wait is half as long again as the one before; from 5 seconds on the longest is under 5 minutes.
const MULTIPLIER: u32 = 1500;

/// A broker to connect to.
pub(crate) struct Broker {
    /// Its URL, for people.
    pub(crate) name: String,
    /// How to connect.
    pub(crate) server: Server,
    /// The file with the password; read for each connection.
    pub(crate) password_file: Option<PathBuf>,
    /// The shortest wait between two attempts, seconds.
    pub(crate) retry_seconds: u32,
    /// Where agents are answered.
    pub(crate) agents: Agents,
    /// Who is there.
    pub(crate) presence: Presence,
}

/// A broker, by what is spoken with it.
pub(crate) enum Server {
    Mqtt(Mqtt),
    Stomp(Stomp),
}

/// Where agents are answered.
#[derive(Clone)]
pub(crate) enum Agents {
    /// At these topics.
    Topics(Vec<Filter>),
    /// At these destinations.
    Destinations(Vec<Pattern>),
}

/// A connection that stands.
enum Session {
    Mqtt(Box<mtp::mqtt::Session>),
    Stomp(Box<mtp::stomp::Session>),
}

impl Session {
    fn sender(&self) -> LinkSender {
        match self {
            Session::Mqtt(session) => session.sender(),
            Session::Stomp(session) => session.sender(),
        }
    }

    /// What reaches us.
    fn own(&self) -> &str {
        match self {
            Session::Mqtt(session) => session.reply_to().as_str(),
            Session::Stomp(session) => session.own_destination(),
        }
    }

    /// The way to the broker.
    fn path(&self) -> ReturnPath {
        let (link, own) = (self.sender().link(), self.own().into());
        match self {
            Session::Mqtt(_) => ReturnPath::Mqtt { link, topic: own },
            Session::Stomp(_) => ReturnPath::Stomp { link, destination: own },
        }
    }

    async fn run<H: LinkHandler>(self, handler: &H) -> DownReason {
        match self {
            Session::Mqtt(session) => session.run(handler).await,
            Session::Stomp(session) => session.run(handler).await,
        }
    }
}

/// Keeps a connection to a broker, until it is told to stop.
pub(crate) async fn run<S: Store>(usp: Usp<S>, broker: &mut Broker, mut stop: watch::Receiver<bool>) {
    let meter = usp.0.metrics.broker(&broker.name);
    let us = usp.0.options.endpoint.clone();
    let behind = Behind { usp, meter: meter.clone() };
    let asker = us.clone();
    let question = move |endpoint: &EndpointId| are_you_there(&asker, endpoint, &question_id());
    let peers = Peers::doubting(behind, BROKER_PEERS, broker.presence.silence(), question);
    let sieve = Sieve { peers, us, agents: broker.agents.clone(), own: Mutex::default() };
    let schedule = Schedule { minimum_wait_s: broker.retry_seconds, multiplier: MULTIPLIER };
    let mut retry = Retry::new(schedule, chance());
    let mut told_why = None;
    broker.presence.forget(|to| broker.agents.has(to));
    while !*stop.borrow() {
        let began = Instant::now();
        match broker.once(&sieve, &meter, &mut stop).await {
            Ok(Some(reason)) => {
                tracing::warn!(broker = broker.name, %reason, "the connection to a broker is gone");
                told_why = None;
                if began.elapsed() >= SETTLED {
                    retry.reset();
                }
            }
            Ok(None) => return,
            // Said once, not at each attempt.
            Err(why) if told_why.as_ref() == Some(&why) => {}
            Err(why) => {
                tracing::warn!(broker = broker.name, reason = why, "no connection to a broker");
                told_why = Some(why);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(retry.next_wait()) => {}
            () = told(&mut stop) => {}
        }
    }
}

/// Until the word is given, or can't be given any more.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Broker {
    /// One attempt, and the connection that comes of it; `None` when it is told to stop before that.
    async fn once<S: Store>(
        &mut self,
        sieve: &Sieve<S>,
        meter: &BrokerMeter,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<DownReason>, String> {
        let password = match &self.password_file {
            Some(file) => {
                let text = tokio::fs::read_to_string(file).await;
                let text = text.map_err(|why| format!("{}: {why}", file.display()))?;
                Some(text.lines().next().unwrap_or_default().to_owned())
            }
            None => None,
        };
        let connecting = async {
            match &mut self.server {
                Server::Mqtt(server) => server.connect(password).await.map(|it| Session::Mqtt(Box::new(it))),
                Server::Stomp(server) => {
                    server.connect(password).await.map(|it| Session::Stomp(Box::new(it)))
                }
            }
        };
        let session = tokio::select! {
            session = connecting => session.map_err(|error| error.to_string())?,
            () = told(stop) => return Ok(None),
        };
        tracing::info!(broker = self.name, own = session.own(), "connected to a broker");
        session.own().clone_into(&mut lock(&sieve.own));
        meter.connected.set(1);
        let (sender, path) = (session.sender(), session.path());
        let mut running = pin!(session.run(sieve));
        let reason = tokio::select! {
            reason = &mut running => reason,
            () = self.presence.watch(&sieve.peers, &sieve.us, &sender, &path) => running.await,
            () = told(stop) => {
                self.presence.remember(&sieve.peers).await;
                sender.close(close_code::GOING_AWAY, "the server stops");
                running.await
            }
        };
        meter.connected.set(0);
        Ok(Some(reason))
    }
}

/// Lets pass what can be answered. Whoever is behind the broker says where the answer goes, and a broker may close our
/// connection, which is that of all of them, when we send to what is not ours to send to. A STOMP server always does.
struct Sieve<S: Store> {
    peers: Peers<Behind<S>>,
    us: EndpointId,
    agents: Agents,
    /// What reaches us by the connection that stands, or stood last.
    own: Mutex<String>,
}

impl<S: Store> Sieve<S> {
    fn is_answerable(&self, path: &ReturnPath) -> bool {
        path.address().is_some_and(|to| self.agents.has(&to) && *to != **lock(&self.own))
    }
}

impl Agents {
    /// Whether one of them may be there.
    fn has(&self, to: &str) -> bool {
        match self {
            // What begins with $ is the broker's own.
            Agents::Topics(filters) => {
                !to.starts_with('$') && filters.iter().any(|filter| filter.matches(to))
            }
            Agents::Destinations(patterns) => patterns.iter().any(|pattern| pattern.matches(to)),
        }
    }
}

impl<S: Store> LinkHandler for Sieve<S> {
    fn up(&self, link: LinkUp) {
        self.peers.up(link);
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        if self.is_answerable(&record.return_path) {
            return self.peers.inbound(record).await;
        }
        tracing::debug!(path = ?record.return_path, "a Record was dropped: it can't be answered there");
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.peers.down(link, reason);
    }
}

/// Hears what comes from behind a broker.
pub(super) struct Behind<S: Store> {
    pub(super) usp: Usp<S>,
    pub(super) meter: BrokerMeter,
}

impl<S: Store> LinkHandler for Behind<S> {
    fn up(&self, link: LinkUp) {
        self.usp.up(link);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.meter.records_in.inc();
        self.usp.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.usp.down(link, reason);
    }
}
