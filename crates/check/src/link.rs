//! The seam between a bench and a transport: bytes of Records out, arrivals in.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::limits;
use crate::mqtt::{self, Broker, Incoming};
use crate::stomp::{self, Server};
use crate::uds::{self, Value};
use crate::websocket::{Frame, Head, Manners, Shown, Socket};

/// What comes from the agent's side.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A connection stands; those before it are gone.
    Up,
    /// A Record, still encoded.
    Record(Bytes),
    /// The connection is gone, and why.
    Down(String),
    /// None could be made yet, and why.
    Away(String),
    /// The certificate that the agent showed, DER; none if it showed none.
    Certificate(Option<Vec<u8>>),
    /// The agent's half of a handshake of WebSocket: its request, or its answer.
    Head(Head),
    /// A frame of WebSocket; the Record that it completes comes behind it.
    Frame(Frame),
    /// A packet of MQTT; the Record that it carries comes behind it.
    Mqtt(Incoming),
    /// A frame of STOMP; the Record that it carries comes behind it.
    Stomp(stomp::Frame),
    /// A heart-beat of STOMP.
    Beat,
    /// The values of a frame on a UNIX domain socket; the Records in it come behind it.
    Unix(Vec<Value>),
    /// What the agent sent is no frame or packet of the transport, and why.
    Broken(String),
    /// An older connection beside that which counts is gone, and why.
    Replaced(String),
}

/// The way to the agent, over whatever connection stands.
pub trait Wire: Send + Sync + 'static {
    /// Sends the bytes of one Record, which may be wrong on purpose.
    ///
    /// # Errors
    /// When it can't be sent.
    fn send(&self, record: Bytes) -> Result<(), Unsent>;
}

/// Why something could not be sent.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsent {
    /// No connection stands. Of one that went just now [`Arrival::Down`] is still to come.
    #[error("the agent is not connected")]
    Gone,
    /// A connection stands, and yet.
    #[error("{0}")]
    Refused(String),
}

impl From<Unsent> for String {
    fn from(unsent: Unsent) -> String {
        unsent.to_string()
    }
}

impl<T> From<TrySendError<T>> for Unsent {
    fn from(error: TrySendError<T>) -> Unsent {
        match error {
            TrySendError::Full(_) => Unsent::Refused("the agent does not read what it is sent".to_owned()),
            TrySendError::Closed(_) => Unsent::Gone,
        }
    }
}

/// What checks of a transport's own rules need of it.
#[derive(Clone)]
pub enum Way {
    /// Nothing but Records can be sent.
    Records,
    /// A WebSocket.
    WebSocket(Socket),
    /// A broker of our own.
    Mqtt(Broker),
    /// A STOMP server of our own.
    Stomp(Server),
    /// A UNIX domain socket.
    Unix(uds::Socket),
}

/// Both ways.
pub struct Link {
    /// To the agent.
    pub wire: Box<dyn Wire>,
    /// From the agent.
    pub arrivals: mpsc::Receiver<Arrival>,
    /// The transport.
    pub way: Way,
}

impl Way {
    /// Ends the connection without a word.
    ///
    /// # Errors
    /// When none stands, or this transport can't.
    pub(crate) fn cut(&self) -> Result<(), String> {
        match self {
            Way::Records => Err("this transport has no connection that could be ended".to_owned()),
            Way::WebSocket(socket) => socket.cut(),
            Way::Mqtt(broker) => broker.cut(),
            Way::Stomp(server) => server.cut(),
            Way::Unix(socket) => socket.cut(),
        }
    }

    /// How long an agent may take to come back after its connection broke.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Way::Stomp(_) => limits::STOMP_RECONNECT,
            _ => limits::RECONNECT,
        }
    }

    /// Shows this certificate from now on, as a broker.
    pub(crate) fn show(&self, shown: Shown) {
        match self {
            Way::Mqtt(broker) => broker.show(shown),
            Way::Stomp(server) => server.show(shown),
            Way::Records | Way::WebSocket(_) | Way::Unix(_) => {}
        }
    }

    /// Whether it is a broker of ours, over TLS.
    pub(crate) fn is_secure_broker(&self) -> bool {
        match self {
            Way::Mqtt(broker) => broker.is_secure(),
            Way::Stomp(server) => server.is_secure(),
            Way::Records | Way::WebSocket(_) | Way::Unix(_) => false,
        }
    }

    /// Goes back to good manners.
    pub(crate) fn be_right(&self) {
        match self {
            Way::Records => {}
            Way::WebSocket(socket) => socket.set_manners(Manners::default()),
            Way::Mqtt(broker) => {
                broker.set_manners(mqtt::Manners::default());
                broker.show(Shown::Right);
            }
            Way::Stomp(server) => {
                server.set_manners(stomp::Manners::default());
                server.show(Shown::Right);
            }
            Way::Unix(socket) => socket.set_manners(uds::Manners::Right),
        }
    }
}
