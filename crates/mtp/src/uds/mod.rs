//! USP over UNIX domain sockets (TR-369 section 4.6): frames, handshake and errors, on both sides of a
//! connection and for both roles.
//!
//! It joins processes of one host: a device's agent as the broker, and the USP Services beside it;
//! or an agent and a controller.
//!
//! What a link proves of its peer is the user id of the peer's process, which the kernel vouches for, and
//! nothing about its Endpoint ID: [`Admission`] decides which user, or which password, may be whom.

pub mod dial;
pub mod frame;
pub mod listen;
pub mod machine;
mod reconnect;
mod session;

use std::fmt;

use bytes::Bytes;
use usp_proto::EndpointId;

pub use dial::{Dialer, Dialled};
pub use listen::{ListenConfig, Listener};
pub use reconnect::Reconnect;

/// Where a broker listens for the agents of USP Services.
pub const BROKER_CONTROLLER_PATH: &str = "/var/run/usp/broker_controller_path";

/// A process that asks for a link, before it has one.
pub struct Candidate {
    /// Who it says it is.
    pub endpoint: EndpointId,
    /// The user id of its process.
    pub uid: u32,
    /// The password that it presented (USP 1.5); a secret.
    pub password: Option<Bytes>,
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("endpoint", &self.endpoint)
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

/// Who may have a link.
pub trait Admission: Send + Sync + 'static {
    /// Accepts a candidate, or gives the reason that it is told.
    fn admit(&self, candidate: &Candidate) -> impl Future<Output = Result<(), String>> + Send;
}

/// Lets every process in that the rights of the socket's file let connect.
#[derive(Clone, Copy, Default, Debug)]
pub struct AdmitLocal;

impl Admission for AdmitLocal {
    fn admit(&self, _: &Candidate) -> impl Future<Output = Result<(), String>> + Send {
        std::future::ready(Ok(()))
    }
}
