//! What a connection to a STOMP server is configured with: the protocol's part of `Device.STOMP.Connection.{i}.`
//! and our destination.

use std::fmt;

use usp_proto::EndpointId;

use super::machine::is_destination;

/// What a client brings along.
#[derive(Clone)]
pub struct Config {
    /// Our id (R-STOMP.4).
    pub endpoint: EndpointId,
    /// The virtual host, if one is configured (R-STOMP.5).
    pub host: Option<String>,
    /// User name and password, unless a client certificate speaks for us (R-STOMP.3); the second is a
    /// secret.
    pub login: Option<(String, String)>,
    /// How often we promise to send something, and want to hear something, in milliseconds; 0 is never.
    /// `None` when heart-beats are disabled (R-STOMP.8, R-STOMP.9, R-STOMP.10). Without them nobody notices a
    /// server that is gone without a word before something is sent.
    pub heart_beat: Option<(u32, u32)>,
    /// Our own destination, used unless the server assigns one (R-STOMP.14, R-STOMP.15).
    pub destination: Option<String>,
    /// Whether a queue is made that we send to and that is not there. RabbitMQ asks for one with each SEND to `/queue/…`,
    /// and closes the connection where somebody has made it otherwise: who answers many that may lie says no,
    /// and what is for a queue that is gone is dropped.
    pub makes_queues: bool,
}

impl Config {
    /// The defaults of the data model: no credentials, no virtual host, no heart-beats, and no destination but
    /// the one that the server assigns. Queues are made.
    pub fn new(endpoint: EndpointId) -> Config {
        Config { endpoint, host: None, login: None, heart_beat: None, destination: None, makes_queues: true }
    }

    /// Whether every text may stand in a header: those of the first frame are not escaped, so they can't
    /// have line ends, and no text can have a NUL. Destinations have at most
    /// [`MAX_DESTINATION`](crate::limits::MAX_DESTINATION) bytes.
    pub fn is_sound(&self) -> bool {
        let (login, passcode) = self.login.as_ref().map_or(("", ""), |(login, code)| (login, code));
        let host = self.host.as_deref().unwrap_or_default();
        let destination = self.destination.as_deref().unwrap_or_default();
        // An empty one is none.
        let usable = destination.is_empty() || is_destination(destination);
        [login, passcode, host].iter().all(|text| !text.contains(['\n', '\r', '\0'])) && usable
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint)
            .field("host", &self.host)
            .field("heart_beat", &self.heart_beat)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}
