//! `[controller.stomp]`: a controller behind a STOMP server.

use std::fmt;

use anyhow::{Context, Result, bail};
use mtp::stomp::is_destination;
use serde::Deserialize;

use super::BrokerUrl;

/// How a controller is reached through a STOMP server. Controllers that differ in nothing but their destination
/// share a connection.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StompConfig {
    /// `stomp://…`, or `stomps://…` with TLS.
    pub server: String,
    /// The controller's destination, where notifications go.
    pub destination: String,
    /// The destination that answers come to, unless the server gives another one; made of the agent's endpoint
    /// id where it is absent.
    pub own_destination: Option<String>,
    /// The virtual host, where the server has several.
    pub host: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password; a secret.
    pub password: Option<String>,
    /// Milliseconds between the heart-beats that the agent offers to send; 0 for none.
    #[serde(default = "half_a_minute")]
    pub outgoing_heartbeat: u32,
    /// Milliseconds between the heart-beats that it wants to hear; 0 for none. Without them a server that is gone
    /// without a word is not missed.
    #[serde(default = "half_a_minute")]
    pub incoming_heartbeat: u32,
}

fn half_a_minute() -> u32 {
    30_000
}

/// Bytes of the texts that the data model knows: host, user name and password.
const MAX_TEXT: usize = 256;

impl StompConfig {
    /// Whether both use the same connection to the server.
    pub fn shares_connection(&self, other: &StompConfig) -> bool {
        StompConfig { destination: String::new(), ..self.clone() }
            == StompConfig { destination: String::new(), ..other.clone() }
    }

    /// The destination that answers come to.
    pub fn own_destination(&self, endpoint: &str) -> String {
        self.own_destination.clone().unwrap_or_else(|| format!("/queue/usp.agents.{endpoint}"))
    }

    pub(super) fn check(&self) -> Result<()> {
        BrokerUrl::stomp(&self.server).with_context(|| format!("stomp.server: {:?}", self.server))?;
        for destination in [Some(&self.destination), self.own_destination.as_ref()].into_iter().flatten() {
            if !is_destination(destination) {
                bail!("stomp: {destination:?} is no destination");
            }
        }
        let texts = [("host", &self.host), ("username", &self.username), ("password", &self.password)];
        for (key, text) in texts {
            let text = text.as_deref().unwrap_or_default();
            // They travel as they are, so that a line end would begin another header.
            if text.len() > MAX_TEXT || text.contains(['\n', '\r', '\0']) {
                bail!("stomp.{key}: at most {MAX_TEXT} bytes in one line");
            }
        }
        Ok(())
    }
}

impl fmt::Debug for StompConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StompConfig")
            .field("server", &self.server)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
