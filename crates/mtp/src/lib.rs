//! USP message transfer protocols on tokio: WebSocket and UNIX domain sockets, both sides; MQTT, the client's side.
//!
//! A transport moves Records between two Endpoints and says what it proved about the peer. It reads no
//! Record, keeps no session, and decides nothing about policy: those who do stand behind
//! [`LinkHandler`] and [`Admission`].

mod dial;
#[cfg(feature = "discovery")]
pub mod discovery;
pub mod error;
pub mod limits;
pub mod link;
#[cfg(feature = "mqtt")]
pub mod mqtt;
pub mod retry;
#[cfg(feature = "stomp")]
pub mod stomp;
mod stream;
#[cfg(feature = "uds")]
pub mod uds;
#[cfg(feature = "ws")]
pub mod ws;

pub use error::Error;
pub use link::{
    Admission, AdmitAll, Candidate, DownReason, EnrolRequest, LinkHandler, LinkSender, LinkUp, Refusal, Role,
    SendError, Side, Verdict,
};
pub use retry::{Retry, Schedule};
pub use usp_proto::EndpointId;
pub use usp_proto::link::{Inbound, LinkId, Outbound, PeerAuth, PeerCertificate, ReturnPath};
