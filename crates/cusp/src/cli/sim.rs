//! Simulated fleets.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::paths;

/// `cusp sim`.
#[derive(Subcommand, Debug)]
pub(crate) enum SimCommand {
    /// Agents that speak USP over WebSocket or MQTT; approved by themselves when CUSP_URL and CUSP_TOKEN are set
    Usp(SimUspArgs),
}

/// `cusp sim usp`.
#[derive(Args, Debug)]
pub(crate) struct SimUspArgs {
    /// How many agents
    #[arg(long)]
    pub(crate) count: usize,
    /// Where they connect to, such as ws://127.0.0.1:8183/usp, wss://…, or a broker: mqtt://127.0.0.1:1883, mqtts://…
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
    /// The controller's endpoint id: behind a broker nothing tells it
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) controller: Option<String>,
    /// A folder with a CA that gives each agent a certificate of its own; made when there is none. The server has to
    /// be told of its ca.pem: tls.client_ca of the listener
    #[arg(long, value_name = "DIR")]
    pub(crate) certificates: Option<PathBuf>,
    /// How long to run; until Ctrl-C otherwise
    #[arg(long = "for", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) duration: Option<Duration>,
    /// New connections per second; 0 for as many as the server takes
    #[arg(long, default_value_t = 200)]
    pub(crate) rate: u32,
    /// Number of the first agent: fleets of several processes need different ones
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) first: usize,
    /// A folder where each agent keeps a real journal; otherwise it forgets
    #[arg(long, value_name = "DIR")]
    pub(crate) journals: Option<PathBuf>,
    /// How often the counters of each agent move; 0s for never
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) move_every: Duration,
    /// How often each agent has something to notify; 0s for never
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = paths::duration)]
    pub(crate) notify_every: Duration,
    /// All agents lose power so long after the last was onboarded; the run ends when all are back and heard
    #[arg(long, value_name = "TIME", value_parser = paths::duration)]
    pub(crate) power_cut: Option<Duration>,
    /// When they connect again then
    #[arg(long, value_enum, default_value_t, requires = "power_cut", value_name = "WHEN")]
    pub(crate) comeback: Comeback,
}

/// When agents connect again after a power cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum Comeback {
    /// Each after a wait of its own of 5 to 10 seconds, as after a lost connection
    #[default]
    Schedule,
    /// As fast as the server takes them
    AtOnce,
}
