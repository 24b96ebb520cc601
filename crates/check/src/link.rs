//! The seam between a bench and a transport: bytes of Records out, arrivals in.

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::websocket::{Frame, Head, Socket};

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
    /// An older connection beside that which counts is gone, and why.
    Replaced(String),
}

/// The way to the agent, over whatever connection stands.
pub trait Wire: Send + Sync + 'static {
    /// Sends the bytes of one Record, which may be wrong on purpose.
    ///
    /// # Errors
    /// When no connection stands, with the reason.
    fn send(&self, record: Bytes) -> Result<(), String>;
}

/// Both ways.
pub struct Link {
    /// To the agent.
    pub wire: Box<dyn Wire>,
    /// From the agent.
    pub arrivals: mpsc::Receiver<Arrival>,
    /// What checks of WebSocket's own rules need; none over another transport.
    pub socket: Option<Socket>,
}
