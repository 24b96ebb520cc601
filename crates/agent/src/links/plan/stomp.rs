//! STOMP servers: rows of `STOMP.Connection.`, and controllers behind them.

use std::collections::BTreeMap;
use std::fmt;

use dm::Value;
use dm::tree::{Place, Tree};
use mtp::stomp::{Schedule, ServerAddress, is_destination};

use super::{Broker, By, below, number, referred};

/// A server, and how to present ourselves to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Stomp {
    /// Where.
    pub address: ServerAddress,
    /// The virtual host (R-STOMP.5); empty for none.
    pub host: String,
    /// Empty for none.
    pub username: String,
    /// A secret.
    pub password: String,
    /// Milliseconds between heart-beats that we offer and that we want, 0 for none; `None` where they are disabled
    /// (R-STOMP.8, R-STOMP.9, R-STOMP.10).
    pub heart_beat: Option<(u32, u32)>,
    /// The destination that answers come to, unless the server gives another one (R-STOMP.15).
    pub destination: Option<String>,
    /// When to try again (R-STOMP.7).
    pub schedule: Schedule,
}

impl fmt::Debug for Stomp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stomp")
            .field("address", &self.address)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

pub(super) fn read(tree: &Tree, own: &Place, connection: &Place) -> Result<Stomp, &'static str> {
    let text = |name: &str| tree.text_of(connection, name);
    let number = |name: &str| number(tree, connection, name);
    let host = Some(text("Host")).filter(|host| !host.is_empty()).ok_or("no server's address")?;
    let secure = tree.value_of(connection, "EnableEncryption") != Some(&Value::Bool(false));
    let port = number("Port").and_then(|port| u16::try_from(port).ok());
    let beats = tree.value_of(connection, "EnableHeartbeats") == Some(&Value::Bool(true));
    let usual = Schedule::default();
    let stomp = Stomp {
        address: ServerAddress { host, port: port.unwrap_or(61613), secure },
        host: text("VirtualHost"),
        username: text("Username"),
        password: tree.value_of(connection, "Password").map(|it| it.expose().into()).unwrap_or_default(),
        heart_beat: beats.then(|| {
            let every = |name| number(name).unwrap_or_default();
            (every("OutgoingHeartbeat"), every("IncomingHeartbeat"))
        }),
        destination: Some(tree.text_of(own, "Destination")).filter(|own| !own.is_empty()),
        schedule: Schedule {
            initial_s: number("ServerRetryInitialInterval").unwrap_or(usual.initial_s),
            multiplier: number("ServerRetryIntervalMultiplier").unwrap_or(usual.multiplier),
            maximum_s: number("ServerRetryMaxInterval").unwrap_or(usual.maximum_s),
        },
    };
    let has_line_end = |text: &str| text.contains(['\n', '\r', '\0']);
    if [&stomp.host, &stomp.username, &stomp.password].into_iter().any(|text| has_line_end(text)) {
        return Err("a text with a line end can't be sent");
    }
    if stomp.destination.as_deref().is_some_and(|own| !is_destination(own)) {
        return Err("the destination is none");
    }
    Ok(stomp)
}

/// By the server that a controller's MTP refers to.
pub(super) fn behind(tree: &Tree, mtp: &Place, brokers: &BTreeMap<String, Broker>) -> Option<By> {
    let stomp = below(tree, mtp, "STOMP")?;
    let broker = referred(tree, &stomp, "Reference")?.text(tree.model());
    let destination = Some(tree.text_of(&stomp, "Destination")).filter(|it| is_destination(it))?;
    brokers.contains_key(&broker).then(|| By::Broker { broker, address: destination.into() })
}
