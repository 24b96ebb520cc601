//! Devices, their jobs, what happens to them: `login`, `devices`, `device`, `jobs`, `job`, `watch`, `trace`.

use clap::{Args, Subcommand};

use super::local::ROLES;

/// `cusp login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// The server, such as https://cusp.example:8080
    pub(crate) address: String,
    /// Sign in as this user and make a token; the password is asked for, or read from standard input.
    /// Without it, a token is asked for
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// What the token that is made may do
    #[arg(long, requires = "user", value_parser = ROLES)]
    pub(crate) role: Option<String>,
}

/// `cusp devices`.
#[derive(Args, Default, Debug)]
pub(crate) struct DevicesArgs {
    /// A filter expression, such as 'online && "pilot" in tags'
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// A part of name, endpoint id, serial, model or address
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) query: Option<String>,
    /// name, model, manufacturer, serial, software, last_seen or first_seen; backwards with - before it
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,
    /// Only of this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// At most so many; otherwise all
    #[arg(long)]
    pub(crate) limit: Option<usize>,
}

/// `cusp device`.
#[derive(Args, Debug)]
pub(crate) struct DeviceArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DeviceCommand>,
    /// An id, the beginning of one, an endpoint id, a serial or a name
    #[arg(required = true)]
    pub(crate) id: Option<String>,
}

/// `cusp device …`.
#[derive(Subcommand, Debug)]
pub(crate) enum DeviceCommand {
    /// Add a device that listens: the server connects to it, now and whenever the connection is gone
    Add {
        /// Its endpoint id
        endpoint: String,
        /// Where it listens, such as ws://192.0.2.7:8184/usp
        #[arg(long, value_name = "URL")]
        connect: String,
        /// Whose it will be; your own tenant, or the default one, otherwise
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
    },
    /// Stop connecting to a device that listens; it stays a device
    Undial {
        /// Which
        id: String,
    },
    /// Remove a device and all that is known of it
    Rm {
        /// Which
        id: String,
    },
    /// Give a device another name
    Rename {
        /// Which
        id: String,
        /// The name
        name: String,
    },
    /// Give a device to another tenant: its tags end, and its past stays with the old one
    Move {
        /// Which
        id: String,
        /// The tenant
        tenant: String,
    },
    /// Give a device other tags, all of them
    Tag {
        /// Which
        id: String,
        /// The tags
        tags: Vec<String>,
    },
}

/// `cusp jobs`.
#[derive(Args, Debug)]
pub(crate) struct JobsArgs {
    /// Of one device
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// In one state, such as queued or failed
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
}

/// `cusp job`.
#[derive(Args, Debug)]
pub(crate) struct JobArgs {
    /// Its id
    pub(crate) id: String,
    /// Cancel it
    #[arg(long)]
    pub(crate) cancel: bool,
}

/// `cusp watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Only this device
    pub(crate) id: Option<String>,
    /// Only devices that match this filter expression
    #[arg(long, value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// Only these kinds, separated by commas
    #[arg(long, value_name = "KINDS")]
    pub(crate) kind: Option<String>,
    /// From this position of the log on; from now otherwise
    #[arg(long, value_name = "SEQ")]
    pub(crate) after: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
}

/// `cusp trace`.
#[derive(Args, Debug)]
pub(crate) struct TraceArgs {
    /// The device
    pub(crate) id: String,
    /// Begin to keep its messages
    #[arg(long, conflicts_with = "off")]
    pub(crate) on: bool,
    /// Stop, and forget them
    #[arg(long)]
    pub(crate) off: bool,
}
