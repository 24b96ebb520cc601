//! Simulated fleets.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::paths;

/// `cusp sim`.
#[derive(Subcommand, Debug)]
pub(crate) enum SimCommand {
    /// Agents that speak USP over WebSocket; approved by themselves when CUSP_URL and CUSP_TOKEN are set
    Usp(SimUspArgs),
}

/// `cusp sim usp`.
#[derive(Args, Debug)]
pub(crate) struct SimUspArgs {
    /// How many agents
    #[arg(long)]
    pub(crate) count: usize,
    /// Where they connect to, such as ws://127.0.0.1:8183/usp
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
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
}
