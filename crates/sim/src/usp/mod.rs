//! `cusp sim usp`: a fleet of USP agents over WebSocket or MQTT, with or without TLS.
//!
//! Every agent is an [`engine::Instance`] with an agent machine; all of them share one model and one base
//! tree and own only what differs, and their journals remember nothing. What is measured is what a device
//! would see: how long a connection takes, and how long a notification waits for its answer.

mod credentials;
mod device;
mod fleet;
mod glance;
mod model;
mod movement;
mod progress;
mod recovery;
mod shared;
mod tally;
mod way;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::latency::Percentiles;

pub use model::INTERFACES;
pub use progress::Notice;
pub use recovery::PowerCutReport;

/// Gets the endpoint ids of agents that have connected for the first time, to have them approved. Called
/// on a thread where it may block.
pub type Approve = Arc<dyn Fn(Vec<String>) + Send + Sync>;

/// Gets what there is to tell while the fleet runs. Must not block.
pub type Tell = Arc<dyn Fn(&Notice) + Send + Sync>;

/// All agents lose power at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PowerCut {
    /// How long after the last agent was onboarded.
    pub after: Duration,
    /// When they connect again.
    pub comeback: Comeback,
}

/// When agents connect again that have lost power.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Comeback {
    /// Each after a wait of its own, as after a lost connection: 5 to 10 seconds (R-WS.19).
    #[default]
    Schedule,
    /// As fast as the server takes them.
    AtOnce,
}

/// What to simulate.
#[derive(Clone)]
pub struct Options {
    /// How many agents.
    pub count: usize,
    /// URL of the controller (`ws://127.0.0.1:8183/usp`, `wss`), or of the broker that it is behind
    /// (`mqtt://127.0.0.1:1883`, `mqtts`).
    pub to: String,
    /// The controller's endpoint id. `None`: as the server names itself when the first agent connects; a broker
    /// does not.
    pub controller: Option<String>,
    /// Number of the first agent, from 1: fleets of several processes need different ones.
    pub first: usize,
    /// New connections per second; 0: as many as the server takes.
    pub rate: u32,
    /// How long to run, from the start. `None`: until the shutdown.
    pub duration: Option<Duration>,
    /// How often the counters of each agent move. `None`: never.
    pub move_every: Option<Duration>,
    /// How often each agent has something to notify: the status of an interface changes. `None`: never.
    pub notify_every: Option<Duration>,
    /// `PeriodicNotifInterval` of each agent, whole seconds.
    pub periodic: Duration,
    /// Time between the pings of a connection.
    pub keep_alive: Duration,
    /// Time between two [`Notice::Progress`].
    pub progress_every: Duration,
    /// A folder where each agent keeps a real journal, synced before it answers. `None`: agents remember
    /// nothing, and the next run is their first start again.
    pub journals: Option<PathBuf>,
    /// Ends the run when all agents are back and heard. `None`: none.
    pub power_cut: Option<PowerCut>,
    /// PEM of the CA that a server with TLS must have its certificate from. `None`: any is accepted, because
    /// nothing of a simulated device is worth protecting.
    pub ca_pem: Option<Vec<u8>>,
    /// With TLS: a folder with a CA that gives each agent a certificate; made when there is none. The server has to
    /// be told of its `ca.pem`. `None`: agents show no certificate.
    pub certificates: Option<PathBuf>,
    /// Has the agents approved.
    pub approve: Option<Approve>,
    /// Where progress goes.
    pub tell: Option<Tell>,
}

impl Options {
    /// A fleet with the usual rates: 200 connections per second, counters that move every 30 seconds, a
    /// notification of each agent per minute.
    pub fn new(count: usize, to: impl Into<String>) -> Options {
        Options {
            count,
            to: to.into(),
            controller: None,
            first: 1,
            rate: 200,
            duration: None,
            move_every: Some(Duration::from_secs(30)),
            notify_every: Some(Duration::from_secs(60)),
            periodic: Duration::from_secs(86_400),
            keep_alive: Duration::from_secs(60),
            progress_every: Duration::from_secs(2),
            journals: None,
            power_cut: None,
            ca_pem: None,
            certificates: None,
            approve: None,
            tell: None,
        }
    }
}

/// What came out: `--json` prints it.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Report {
    /// Agents that were started.
    pub agents: usize,
    /// Agents that were connected at the end.
    pub connected: usize,
    /// Agents that a controller has onboarded.
    pub onboarded: usize,
    /// Seconds that the run took.
    pub elapsed_s: f64,
    /// Connections that were made.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Connections that were lost or closed before the end.
    pub disconnects: u64,
    /// Connections per second, while the fleet was brought up.
    pub connects_per_s: f64,
    /// From the attempt to the finished upgrade, or to the subscription at a broker.
    pub connect_latency: Percentiles,
    /// Notifications that were sent, repeated ones included.
    pub notifications: u64,
    /// Answers to them.
    pub notifications_answered: u64,
    /// Notifications per second over the whole run.
    pub notifications_per_s: f64,
    /// From a notification to its answer.
    pub notification_latency: Percentiles,
    /// Requests of the controller.
    pub requests: u64,
    /// Records that were sent.
    pub records_sent: u64,
    /// Records that arrived.
    pub records_received: u64,
    /// Changes that the agents' journals took, if they have any.
    pub journal_appends: u64,
    /// Syncs of the disk that these took: fewer, where changes come in groups.
    pub journal_syncs: u64,
    /// What the process weighed at the end, with all agents.
    pub pss_bytes: Option<u64>,
    /// What the fleet added to the process, divided by the number of agents.
    pub bytes_per_agent: Option<u64>,
    /// How the fleet came back from a power cut, if there was one.
    pub power_cut: Option<PowerCutReport>,
}

/// The tree that every device starts with, for measurements without a connection.
pub fn base_tree() -> dm::tree::Tree {
    model::base()
}

/// Runs a fleet until its time is over or `shutdown` is ready.
///
/// # Errors
/// When the options make no sense, the process may not open so many files, or the server does not say who
/// it is. That a server refuses some agents is not an error: the report says it.
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> anyhow::Result<Report> {
    fleet::run(options, shutdown).await
}
