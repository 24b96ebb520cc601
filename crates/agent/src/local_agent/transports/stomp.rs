//! `STOMP.Connection.`, and what rows of `LocalAgent.` have of STOMP: profiles STOMPConn:1, STOMPHeartbeat:1,
//! STOMPAgent:1 and STOMPController:1 (R-STOMP.0, R-STOMP.1).
//!
//! Absent: when a connection's status last changed.

use dm::model::{ModelBuilder, ModelError, Params};
use dm::operation::ObjectAccess;

use super::{AGENT, Defaults, MTP, flag, whose};
use crate::config::{BrokerUrl, Config, StompConfig};
use crate::providers::support::catalogue;

pub(super) const STOMP: &str = "Device.STOMP.";
const CONNECTION: &str = "Device.STOMP.Connection.{i}.";

const CONNECTION_PARAMS: [&str; 15] = [
    "Alias",
    "Enable",
    "Status",
    "Host",
    "Port",
    "VirtualHost",
    "Username",
    "Password",
    "EnableEncryption",
    "EnableHeartbeats",
    "OutgoingHeartbeat",
    "IncomingHeartbeat",
    "ServerRetryInitialInterval",
    "ServerRetryIntervalMultiplier",
    "ServerRetryMaxInterval",
];

/// Adds the supported part.
pub(super) fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let rows = catalogue();
    let own = ["Reference", "Destination", "DestinationFromServer"];
    model
        .add_from(&rows, &format!("{MTP}STOMP."), Params::Only(&own))?
        .add_from(&rows, &whose("STOMP."), Params::Only(&["Reference", "Destination"]))?
        .add_from(&rows, STOMP, Params::Only(&["ConnectionNumberOfEntries"]))?
        .add_from(&rows, CONNECTION, Params::Only(&CONNECTION_PARAMS))?
        .object_access(CONNECTION, ObjectAccess::AddDelete)?;
    Ok(())
}

/// One for each connection to a server.
pub(super) fn connections(config: &Config) -> Vec<&StompConfig> {
    let mut distinct: Vec<&StompConfig> = Vec::new();
    for stomp in config.controllers.iter().filter_map(|controller| controller.stomp.as_ref()) {
        if !distinct.iter().any(|known| known.shares_connection(stomp)) {
            distinct.push(stomp);
        }
    }
    distinct
}

/// The rows of a connection: in `LocalAgent.MTP.` and in `STOMP.Connection.`, by these numbers.
pub(super) fn connection(
    rows: &mut Defaults,
    (mtp, connection): (usize, usize),
    config: &StompConfig,
    endpoint: &str,
) {
    let Ok(url) = BrokerUrl::stomp(&config.server) else { return };
    let mtp = format!("{AGENT}MTP.{mtp}.");
    rows.set(&mtp, "Enable", "true");
    rows.set(&mtp, "Protocol", "STOMP");
    rows.set(&mtp, "Status", "Down");
    let own = format!("{mtp}STOMP.");
    rows.set(&own, "Reference", &reference(connection));
    rows.set(&own, "Destination", &config.own_destination(endpoint));
    rows.set(&own, "DestinationFromServer", "");
    let path = format!("{}.", reference(connection));
    let beats = config.outgoing_heartbeat > 0 || config.incoming_heartbeat > 0;
    for (param, value) in [
        ("Enable", "true"),
        ("Status", "Disabled"),
        ("Host", &url.host),
        ("Port", &url.port.to_string()),
        ("VirtualHost", config.host.as_deref().unwrap_or_default()),
        ("Username", config.username.as_deref().unwrap_or_default()),
        ("EnableEncryption", flag(url.secure)),
        ("EnableHeartbeats", flag(beats)),
        ("OutgoingHeartbeat", &config.outgoing_heartbeat.to_string()),
        ("IncomingHeartbeat", &config.incoming_heartbeat.to_string()),
    ] {
        rows.set(&path, param, value);
    }
    rows.secret(&path, "Password", config.password.as_deref().unwrap_or_default());
}

/// What a controller's MTP says.
pub(super) fn behind(rows: &mut Defaults, mtp: &str, connection: usize, config: &StompConfig) {
    let path = format!("{mtp}STOMP.");
    rows.set(&path, "Reference", &reference(connection));
    rows.set(&path, "Destination", &config.destination);
}

fn reference(connection: usize) -> String {
    format!("{STOMP}Connection.{connection}")
}
