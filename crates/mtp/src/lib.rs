//! USP message transfer protocols on tokio: WebSocket and UNIX domain sockets, both sides; MQTT, the client's side and
//! a broker; STOMP, the client's side; CoAP, which is both sides at once.
//!
//! A transport moves Records between two Endpoints and says what it proved about the peer. It reads no
//! Record, keeps no session, and decides nothing about policy: those who do stand behind
//! [`LinkHandler`] and [`Admission`].

#[cfg(feature = "coap")]
pub mod coap;
mod dial;
#[cfg(feature = "discovery")]
pub mod discovery;
pub mod error;
pub mod limits;
pub mod link;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
pub mod peers;
mod places;
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
    Admission, AdmitAll, Candidate, Cause, DownReason, EnrolRequest, LinkHandler, LinkSender, LinkUp,
    Refusal, RenewRequest, Role, SendError, Side, Verdict,
};
#[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
pub use peers::{Peers, Present};
pub use places::Places;
pub use retry::{Retry, Schedule};
pub use usp_proto::EndpointId;
pub use usp_proto::link::{Contact, Inbound, LinkId, Login, Outbound, PeerAuth, PeerCertificate, ReturnPath};
pub use usp_proto::record::MqttVersion;
