//! Who may connect, and what they may do then. The broker decides nothing about it: a [`Gate`] does, and what it
//! grants is enforced here.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use usp_proto::EndpointId;
use usp_proto::link::{PeerAuth, PeerCertificate};

use super::wire::code;
use crate::link::Refusal;
use crate::mqtt::{Filter, Topic, Version};

/// What is known about somebody who sent CONNECT.
#[derive(Clone)]
pub struct ConnectFacts {
    /// The other end of the socket.
    pub peer_addr: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// The version that is spoken.
    pub version: Version,
    /// The client id; may be empty.
    pub client_id: String,
    /// User name (R-MQTT.7).
    pub user_name: Option<String>,
    /// Password; a secret.
    pub password: Option<Vec<u8>>,
    /// Who the client says it is: the user property `usp-endpoint-id` (R-MQTT.13), or else a client id that is
    /// an endpoint id (R-MQTT.8). Only the certificate or the password proves anything.
    pub endpoint_id: Option<EndpointId>,
}

impl ConnectFacts {
    /// R-SEC.4b: who a client is by a certificate of its own, for a gate of a Trusted Broker: the Endpoint that it says
    /// it is, or the only one that its certificate names. Names with wildcards, which many may share, are not enough.
    ///
    /// # Errors
    /// When there is no certificate, no known CA has signed it, or it names somebody else.
    pub fn certified(
        &self,
        certificate: Option<Arc<PeerCertificate>>,
    ) -> Result<(EndpointId, PeerAuth), Denied> {
        let certificate =
            certificate.filter(|certificate| certificate.trusted).ok_or(Denied::NotAuthorized)?;
        let named = match (&self.endpoint_id, &certificate.endpoint_ids[..]) {
            (Some(claimed), names) => names.iter().find(|name| *name == claimed),
            (None, [only]) if !only.as_str().contains('*') => Some(only),
            (None, _) => None,
        };
        let endpoint = named.cloned().ok_or(Denied::NotAuthorized)?;
        Ok((endpoint, PeerAuth::Certificate(certificate)))
    }
}

impl fmt::Debug for ConnectFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectFacts")
            .field("peer_addr", &self.peer_addr)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("endpoint_id", &self.endpoint_id)
            .finish_non_exhaustive()
    }
}

/// What an admitted client is, and may do (R-MQTT.42).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights {
    /// Who it is, in the words of whoever admits: an endpoint id, an account. Client ids are kept apart by it: the
    /// same one of another identity is another session, which neither sees nor ends this one.
    pub identity: Arc<str>,
    /// The Endpoint that every message of this client must be a Record of (R-SEC.4c). None for a client whose
    /// messages are not looked into.
    pub endpoint: Option<EndpointId>,
    /// What is proved of it, told with each Record to those who are attached.
    pub proof: PeerAuth,
    /// What it may subscribe to: a filter that one of these covers. Where to be answered is bound by the same.
    pub subscribe: Vec<Filter>,
    /// What it may publish to; a 3.1.1 topic name without its `/reply-to=`.
    pub publish: Vec<Filter>,
    /// Told to it as what to subscribe to (R-MQTT.44; 5.0 only).
    pub offered: Vec<Filter>,
    /// Told to it, if it asks, as its "reply to" topic (R-MQTT.21; 5.0 only).
    pub response_information: Option<Topic>,
    /// Whether the broker keeps what it wants retained.
    pub retain: bool,
    /// Whether it may only wait: its packets are short, its session ends with its connection, and that does not last
    /// for ever, until [`Broker::let_in`](super::Broker::let_in) says otherwise.
    pub waits: bool,
}

impl Rights {
    /// R-MQTT.42: of an Endpoint that is heard at `own` and below, and speaks to `peers` and nobody else. The
    /// filters of R-MQTT.45, which only match topics with its id as one level, are among what it may
    /// subscribe to. No other Endpoint's topic may lie below `own`.
    pub fn of_endpoint(endpoint: EndpointId, proof: PeerAuth, own: &Topic, peers: &[Topic]) -> Rights {
        let id = endpoint.as_str();
        let tries = [format!("+/{id}/#"), format!("+/+/{id}/#")];
        let mut subscribe = vec![Filter::below(own)];
        // An id with a `/` or a wildcard in it is no level; it gets its own topic only.
        if !id.contains(['/', '+', '#']) {
            subscribe.extend(tries.iter().filter_map(|filter| filter.parse().ok()));
        }
        Rights {
            identity: id.into(),
            proof,
            subscribe,
            publish: peers.iter().map(Filter::from).collect(),
            offered: vec![Filter::below(own)],
            response_information: Some(own.clone()),
            retain: false,
            waits: false,
            endpoint: Some(endpoint),
        }
    }

    /// Whether nothing that the filter matches is out of bounds.
    pub fn may_subscribe(&self, filter: &Filter) -> bool {
        self.subscribe.iter().any(|wide| covers(wide, filter))
    }

    /// Whether the topic may be published to; that a broker's own topics begin with `$` is looked after elsewhere.
    pub fn may_publish(&self, topic: &str) -> bool {
        self.publish.iter().any(|filter| filter.matches(topic))
    }
}

/// Whether every topic that `narrow` matches is matched by `wide` as well.
pub fn covers(wide: &Filter, narrow: &Filter) -> bool {
    if narrow.as_str().starts_with('$') && wide.as_str().starts_with(['+', '#']) {
        return false;
    }
    let mut wanted = narrow.as_str().split('/');
    for allowed in wide.as_str().split('/') {
        match (allowed, wanted.next()) {
            // `a/#` matches `a` as well.
            ("#", _) => return true,
            ("+", Some(level)) if level != "#" => {}
            (allowed, Some(level)) if allowed == level => {}
            _ => return false,
        }
    }
    wanted.next().is_none()
}

/// Why somebody is not admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// The user name or the password is wrong.
    Credentials,
    /// It is known who it is, and it may not connect; or it is not known at all.
    NotAuthorized,
    /// Not now.
    Unavailable,
}

impl Denied {
    pub(super) fn code(self) -> u8 {
        match self {
            Denied::Credentials => code::CREDENTIALS,
            Denied::NotAuthorized => code::NOT_AUTHORIZED,
            Denied::Unavailable => code::UNAVAILABLE,
        }
    }
}

/// Something that the broker did not allow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incident {
    /// The other end of the socket.
    pub peer_addr: Option<SocketAddr>,
    /// Who it is, once admitted.
    pub identity: Option<Arc<str>>,
    /// What happened.
    pub what: Offence,
}

/// What a client tried in vain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Offence {
    /// The gate refused CONNECT, and it was answered with this reason code.
    Refused(u8),
    /// The gate was not asked: there was no room, no TLS, or no CONNECT that could be read.
    TurnedAway(Refusal),
    /// It broke the protocol, or went over a limit: the reason code.
    Fault(u8),
    /// A Record of somebody else, or none at all (R-SEC.4c).
    ForgedSender {
        /// Whom it names.
        claimed: Option<EndpointId>,
    },
    /// A topic that it may not publish to.
    ForbiddenTopic(Topic),
    /// A "reply to" topic that is not its own.
    ForbiddenReplyTo(Topic),
    /// A filter that it may not subscribe to.
    ForbiddenFilter(String),
    /// What it should have received had no room and is lost.
    Overflow,
}

/// Who may connect.
pub trait Gate: Send + Sync + 'static {
    /// Whether a connection from this address is looked at, before its first byte. Must not block.
    fn knock(&self, peer_addr: SocketAddr) -> bool {
        let _ = peer_addr;
        true
    }

    /// Asked once per connection (R-MQTT.42, R-MQTT.43). The certificate is one that TLS has checked.
    fn admit(
        &self,
        facts: &ConnectFacts,
        certificate: Option<Arc<PeerCertificate>>,
    ) -> impl Future<Output = Result<Rights, Denied>> + Send;

    /// An Endpoint has one more connection. Must not block.
    fn joined(&self, endpoint: &EndpointId) {
        let _ = endpoint;
    }

    /// An Endpoint has one connection less; it may be back already. Must not block.
    fn left(&self, endpoint: &EndpointId) {
        let _ = endpoint;
    }

    /// Told of everything that was not allowed. Must not block; what comes often must be bounded by whoever
    /// keeps it.
    fn incident(&self, incident: &Incident) {
        let _ = incident;
    }
}
