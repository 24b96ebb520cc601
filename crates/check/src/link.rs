//! The seam between a bench and a transport: bytes of Records out, arrivals in.

use bytes::Bytes;
use tokio::sync::mpsc;

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
}
