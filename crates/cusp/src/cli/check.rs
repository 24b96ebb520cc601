//! Conformance checks.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::paths;

/// `cusp check`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["listen", "connect", "broker", "list"]))]
pub(crate) struct CheckArgs {
    /// Where the agent connects to, such as ws://127.0.0.1:8183/usp, wss://192.0.2.1:8183/usp or unix:/run/check.sock
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where the agent listens, such as ws://192.0.2.7:8184/usp or unix:/run/agent.sock; or a broker of others, mqtt://192.0.2.3:1883
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) connect: Option<String>,
    /// Be a broker that the agent connects to, such as mqtt://127.0.0.1:1883, mqtts://, stomp:// or stomps://
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) broker: Option<String>,
    /// The topic or destination where we are found behind a broker; otherwise usp/controllers/ and our id, in STOMP behind
    /// /queue/
    #[arg(long, value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// The agent's topic behind a broker of others, if it does not speak first
    #[arg(long, value_name = "TOPIC")]
    pub(crate) agent_topic: Option<String>,
    /// User name at a broker of others; the password is taken from CUSP_CHECK_PASSWORD
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Folder of our own CA, made there if there is none: the agent has to trust its ca.pem (for wss://)
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: Option<PathBuf>,
    /// Folder of the CA whose certificate signs our Records in end-to-end sessions, made there if there is none; --tls
    /// brings one along
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// A name by which the agent dials us, beside the address that we listen at (for wss://)
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// List the checks and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// Who we are: a controller that the agent serves
    #[arg(long, value_name = "ENDPOINT", default_value = "proto::cusp-check")]
    pub(crate) id: String,
    /// Who the agent is; otherwise its Connect record says it
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) agent: Option<String>,
    /// What to use of the agent's model, and what to leave out: TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// How long the agent may take to connect, and to come back after it went away
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = paths::duration)]
    pub(crate) wait: Duration,
    /// Also write JUnit's XML to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write a page with the exchanged messages to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Ids, or their beginnings: R-GET, R-GET.1a
    #[arg(value_name = "ID")]
    pub(crate) filters: Vec<String>,
}
