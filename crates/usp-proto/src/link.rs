//! What crosses the seam between a transport and a machine: Records, where they came from, and what the
//! transport proved about the peer. Plain values: no socket stands behind any of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::EndpointId;
use crate::record::MqttVersion;

/// One connection of one transport in this process. Never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LinkId(pub u64);

/// Where an answer goes. Serialisable, because in a cluster the owner of a session may sit on another
/// node than the link.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ReturnPath {
    /// The WebSocket connection that the Record came on.
    WebSocket(LinkId),
    /// The UNIX domain socket that the Record came on.
    Uds(LinkId),
    /// A topic of an MQTT broker.
    Mqtt {
        /// The connection to the broker, which many Endpoints share.
        link: LinkId,
        /// The topic that reaches the one Endpoint: never empty, no wildcards.
        topic: Arc<str>,
    },
    /// A destination of a STOMP server.
    Stomp {
        /// The connection to the server, which many Endpoints share.
        link: LinkId,
        /// The destination that reaches the one Endpoint: never empty.
        destination: Arc<str>,
    },
    /// A resource of a CoAP server (R-COAP.2a).
    Coap {
        /// The UDP socket, which many Endpoints share.
        link: LinkId,
        /// The URI that reaches the one Endpoint: `coap://` or `coaps://`, with an address as its host.
        uri: Arc<str>,
    },
}

impl ReturnPath {
    /// The transport's name, as events and devices show it.
    pub fn transport(&self) -> &'static str {
        match self {
            ReturnPath::WebSocket(_) => "websocket",
            ReturnPath::Uds(_) => "uds",
            ReturnPath::Mqtt { .. } => "mqtt",
            ReturnPath::Stomp { .. } => "stomp",
            ReturnPath::Coap { .. } => "coap",
        }
    }

    /// The same, by another connection.
    #[must_use]
    pub fn by(&self, link: LinkId) -> ReturnPath {
        match self {
            ReturnPath::WebSocket(_) => ReturnPath::WebSocket(link),
            ReturnPath::Uds(_) => ReturnPath::Uds(link),
            ReturnPath::Mqtt { topic, .. } => ReturnPath::Mqtt { link, topic: topic.clone() },
            ReturnPath::Stomp { destination, .. } => {
                ReturnPath::Stomp { link, destination: destination.clone() }
            }
            ReturnPath::Coap { uri, .. } => ReturnPath::Coap { link, uri: uri.clone() },
        }
    }

    /// The same connection or socket, and another address at its broker, or on the network. Where the connection itself
    /// leads to the one peer there is none.
    #[must_use]
    pub fn to(&self, address: Arc<str>) -> ReturnPath {
        match self {
            ReturnPath::WebSocket(_) | ReturnPath::Uds(_) => self.clone(),
            ReturnPath::Mqtt { link, .. } => ReturnPath::Mqtt { link: *link, topic: address },
            ReturnPath::Stomp { link, .. } => ReturnPath::Stomp { link: *link, destination: address },
            ReturnPath::Coap { link, .. } => ReturnPath::Coap { link: *link, uri: address },
        }
    }

    /// The address at the broker, a topic or a destination; or on the network, a URI.
    pub fn address(&self) -> Option<Arc<str>> {
        match self {
            ReturnPath::WebSocket(_) | ReturnPath::Uds(_) => None,
            ReturnPath::Mqtt { topic, .. } => Some(topic.clone()),
            ReturnPath::Stomp { destination, .. } => Some(destination.clone()),
            ReturnPath::Coap { uri, .. } => Some(uri.clone()),
        }
    }

    /// The connection it leads to.
    pub fn link(&self) -> LinkId {
        match self {
            ReturnPath::WebSocket(link)
            | ReturnPath::Uds(link)
            | ReturnPath::Mqtt { link, .. }
            | ReturnPath::Stomp { link, .. }
            | ReturnPath::Coap { link, .. } => *link,
        }
    }
}

/// How the peer reaches us, where that is more than the connection: what our Connect Record names (R-MTP.6).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Contact {
    /// By the connection itself.
    #[default]
    Connection,
    /// By a topic of an MQTT broker.
    Mqtt {
        /// The version of MQTT that we speak.
        version: MqttVersion,
        /// The topic that we are subscribed to: never empty, no wildcards.
        topic: Arc<str>,
    },
    /// By a destination of a STOMP server.
    Stomp {
        /// The destination that we are subscribed to; never empty.
        destination: Arc<str>,
    },
}

/// What a transport proved about its peer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum PeerAuth {
    /// Nothing: a plain connection.
    #[default]
    Unproven,
    /// TLS with a certificate.
    Certificate(Arc<PeerCertificate>),
    /// A broker that is trusted to know its clients: each Record of it is from whom it says (R-SEC.4c), which the
    /// broker's own certificate vouches for.
    Broker(Arc<PeerCertificate>),
    /// A user name, by somebody who knows its password.
    Login(Arc<Login>),
    /// Nothing but that the connection does not leave this host (the loopback interface).
    Near,
    /// A process of this host, and whose: the kernel says so (`SO_PEERCRED`).
    Local {
        /// The user id of the process when it connected or began to listen.
        uid: u32,
    },
}

/// A user name whose password was shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Login {
    /// The user name.
    pub name: String,
    /// Stands for name and password, and tells neither: another password is another proof.
    pub proof: [u8; 32],
}

impl Login {
    /// A user name, and what stands for it with its password.
    pub fn new(name: &str, proof: [u8; 32]) -> Arc<Login> {
        Arc::new(Login { name: name.to_owned(), proof })
    }
}

/// The certificate that a peer proved possession of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeerCertificate {
    /// SHA-256 of the leaf's DER.
    pub fingerprint: [u8; 32],
    /// Endpoint ids in its subjectAltName (`urn:bbf:usp:id:…` URIs, or the DNS name of an `fqdn:` id).
    pub endpoint_ids: Vec<EndpointId>,
    /// Whether a trusted CA signed it; false for one that is only pinned or seen for the first time.
    pub trusted: bool,
    /// Whether the transport vouches for the peer beyond what its certificate names: we dialled it, and
    /// its certificate was checked against the host that we dialled (R-MTP.4), or it is pinned. False for a
    /// peer that dialled us and shows no more than the signature of a known CA.
    pub vouched: bool,
    /// The chain, leaf first, DER.
    pub chain: Vec<Vec<u8>>,
}

/// A Record that arrived.
#[derive(Clone)]
pub struct Inbound {
    /// Which connection.
    pub link: LinkId,
    /// What the transport proved.
    pub peer: PeerAuth,
    /// Where the answer goes.
    pub return_path: ReturnPath,
    /// The Record, still encoded.
    pub record: Bytes,
}

/// A Record to send.
#[derive(Clone)]
pub struct Outbound {
    /// Where it goes.
    pub return_path: ReturnPath,
    /// The Record, encoded.
    pub record: Bytes,
}
