//! Agents behind brokers: a task for each broker, which keeps a connection to it. Each agent behind it has a link of
//! its own ([`Peers`]), which is like any other link: the same handler, the same decision about who it is.
//!
//! What such a link proves is nothing, unless the broker is trusted to know its clients. Whoever can publish to our
//! topic can take any name, so that what fails costs little: see [`Strangers`](super::strangers::Strangers).

use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use fleet::port::Store;
use mtp::mqtt::{Client, Filter, Topic};
use mtp::ws::close_code;
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, Peers, Retry, ReturnPath, Schedule, Verdict};
use tokio::sync::watch;

use super::Usp;
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
    pub(crate) client: Client,
    /// The file with the password; read for each connection.
    pub(crate) password_file: Option<PathBuf>,
    /// The shortest wait between two attempts, seconds.
    pub(crate) retry_seconds: u32,
    /// The topics at which agents are answered; any if there are none.
    pub(crate) agents: Vec<Filter>,
    /// Our own topic.
    pub(crate) topic: Topic,
    /// Where the client id is kept that the broker gave us.
    pub(crate) client_id_file: PathBuf,
}

/// Keeps a connection to a broker, until it is told to stop.
pub(crate) async fn run<S: Store>(usp: Usp<S>, mut broker: Broker, mut stop: watch::Receiver<bool>) {
    let meter = usp.0.metrics.broker(&broker.name);
    let peers = Peers::anybody(Behind { usp, meter: meter.clone() }, BROKER_PEERS);
    let sieve = Sieve { peers, agents: broker.agents.clone(), own: broker.topic.clone() };
    let schedule = Schedule { minimum_wait_s: broker.retry_seconds, multiplier: MULTIPLIER };
    let mut retry = Retry::new(schedule, chance());
    let mut told_why = None;
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
        if let Some(file) = &self.password_file {
            let text = tokio::fs::read_to_string(file).await;
            let text = text.map_err(|why| format!("{}: {why}", file.display()))?;
            self.client.settings.password = Some(text.lines().next().unwrap_or_default().to_owned());
        }
        let session = tokio::select! {
            session = self.client.connect() => session.map_err(|error| error.to_string())?,
            () = told(stop) => return Ok(None),
        };
        if let Some(id) = session.assigned_client_id() {
            self.keep_client_id(id.to_owned());
        }
        tracing::info!(broker = self.name, topic = %session.reply_to(), "connected to a broker");
        meter.connected.set(1);
        let sender = session.sender();
        let mut running = pin!(session.run(sieve));
        let reason = tokio::select! {
            reason = &mut running => reason,
            () = told(stop) => {
                sender.close(close_code::GOING_AWAY, "the server stops");
                running.await
            }
        };
        meter.connected.set(0);
        Ok(Some(reason))
    }

    /// R-MQTT.9, R-MQTT.11: the id that the broker gave us is ours from now on, in later runs too.
    fn keep_client_id(&mut self, id: String) {
        if let Err(error) = pki::file::write_atomic(&self.client_id_file, id.as_bytes(), 0o600) {
            tracing::warn!(%error, broker = self.name, "the client id of a broker was not kept");
        }
        self.client.settings.client_id = Some(id);
    }
}

/// Lets pass what can be answered. Whoever is behind the broker says where the answer goes, and a broker may close our
/// connection, which is that of all of them, when we publish to what is not ours to publish to.
struct Sieve<S: Store> {
    peers: Peers<Behind<S>>,
    /// Where agents are answered; anywhere if there are none.
    agents: Vec<Filter>,
    own: Topic,
}

impl<S: Store> Sieve<S> {
    fn is_answerable(&self, path: &ReturnPath) -> bool {
        let Some(to) = path.address() else { return false };
        // What begins with $ is the broker's own.
        let is_allowed = self.agents.is_empty() || self.agents.iter().any(|filter| filter.matches(&to));
        is_allowed && !to.starts_with('$') && *to != *self.own.as_str()
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
