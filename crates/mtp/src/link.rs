//! The seam of this crate: what a transport tells those who use it, and how they talk back to one link.

#[cfg(feature = "uds")]
mod driver;
mod guard;
mod sender;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;

use usp_proto::EndpointId;
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};

#[cfg(feature = "uds")]
pub(crate) use driver::{Got, Protocol, drive};
pub(crate) use guard::DownGuard;
#[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
pub(crate) use sender::LetIn;
pub use sender::{LinkSender, SendError};
pub(crate) use sender::{Out, Shared};

/// Which side opened the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// We did.
    Dialled,
    /// The peer did.
    Accepted,
}

/// What we are on this link: one process may be both, and one device's agent and controller may share
/// an id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Role {
    /// An agent that talks to a controller.
    Agent,
    /// A controller that talks to an agent.
    Controller,
}

/// A link that stands.
#[derive(Clone, Debug)]
pub struct LinkUp {
    /// Its id.
    pub link: LinkId,
    /// The other end of the socket; `None` when it is a process of this host (a UNIX domain socket).
    pub peer_addr: Option<SocketAddr>,
    /// Who the peer says it is. Only `peer` proves anything.
    pub eid: Option<EndpointId>,
    /// What the transport proved.
    pub peer: PeerAuth,
    /// Where answers go. On a connection to a broker there is no one peer, and this leads back to us:
    /// `Peers` makes a link of its own for each Endpoint behind it.
    pub return_path: ReturnPath,
    /// How we are reached by it, which Connect records tell.
    pub contact: Contact,
    /// Who opened it.
    pub side: Side,
    /// What we are on it.
    pub role: Role,
    /// How to talk back.
    pub sender: LinkSender,
}

impl LinkUp {
    /// The other end of the socket, for people.
    pub fn peer_name(&self) -> String {
        self.peer_addr.map_or_else(|| "this host".to_owned(), |addr| addr.to_string())
    }
}

/// What the user of a link thinks of a Record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Go on.
    Accepted,
    /// It could not be decoded: a WebSocket is closed with 1003 (R-WS.16), a UNIX domain socket with an Error
    /// (R-UDS.23).
    Undecodable,
}

/// Who uses the links. For one link the calls come in order: `up`, any number of `inbound` one after
/// another, `down`.
pub trait LinkHandler: Send + Sync + 'static {
    /// A link stands. Must not block.
    fn up(&self, link: LinkUp);

    /// A Record arrived. Until the future is done nothing more is read from this link: that is the
    /// back-pressure on its peer. What was queued to the peer still leaves meanwhile. The future is never
    /// dropped half-way, not even when the link breaks. Its size is paid by every idle link; box it when it is large.
    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send;

    /// A link is gone, for whatever reason, a panic in `inbound` included. Must not block.
    fn down(&self, link: LinkId, reason: DownReason);
}

/// Why a link is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DownReason {
    /// The peer closed it; a STOMP server with an ERROR.
    ClosedByPeer {
        /// RFC 6455 close code, 1005 when it gave none; or the reason code of an MQTT DISCONNECT.
        code: u16,
        /// Its words.
        reason: String,
    },
    /// We closed it.
    ClosedByUs {
        /// RFC 6455 close code, whatever the transport.
        code: u16,
        /// Our words.
        reason: Cow<'static, str>,
    },
    /// The connection broke without a close.
    Lost(std::io::ErrorKind),
    /// The peer broke the transport's protocol (WebSocket: closed with 1002; UNIX domain socket: with an Error).
    Protocol(String),
    /// The peer sent a message over the limit in force (WebSocket: closed with 1009; UNIX domain socket: with an Error).
    TooLong {
        /// The limit, bytes.
        limit: usize,
    },
    /// The peer did not answer pings any more.
    Dead,
    /// Handling a Record panicked.
    Panicked,
    /// The task that ran it was dropped.
    Aborted,
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DownReason::ClosedByPeer { code, reason } => write!(f, "closed by the peer: {code} {reason}"),
            DownReason::ClosedByUs { code, reason } => write!(f, "closed: {code} {reason}"),
            DownReason::Lost(kind) => write!(f, "connection lost: {kind}"),
            DownReason::Protocol(what) => write!(f, "protocol violation: {what}"),
            DownReason::TooLong { limit } => write!(f, "message longer than {limit} bytes"),
            DownReason::Dead => f.write_str("no answer to pings"),
            DownReason::Panicked => f.write_str("handling a Record panicked"),
            DownReason::Aborted => f.write_str("aborted"),
        }
    }
}

/// A peer that asks for a link, before it has one.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The other end of the socket.
    pub peer_addr: SocketAddr,
    /// Who it says it is.
    pub eid: Option<EndpointId>,
    /// What the transport proved.
    pub peer: PeerAuth,
}

/// A device that asks for a certificate.
#[derive(Clone)]
pub struct EnrolRequest {
    /// The other end of the socket.
    pub peer_addr: SocketAddr,
    /// What the transport proved.
    pub peer: PeerAuth,
    /// The one-time token that it presented; a secret.
    pub token: String,
    /// Its certificate signing request, PEM, as received.
    pub request_pem: String,
}

impl fmt::Debug for EnrolRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolRequest").field("peer_addr", &self.peer_addr).finish_non_exhaustive()
    }
}

/// A device that asks for its next certificate.
#[derive(Clone, Debug)]
pub struct RenewRequest {
    /// The other end of the socket.
    pub peer_addr: SocketAddr,
    /// What the transport proved: the certificate that is to be followed by another.
    pub peer: PeerAuth,
    /// Its certificate signing request, PEM, as received.
    pub request_pem: String,
}

/// Why somebody gets no link, in HTTP's terms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// One line, shown to the peer and logged.
    pub reason: Cow<'static, str>,
    /// What kind of thing went wrong, for those who count.
    pub cause: Cause,
}

impl Refusal {
    /// A refusal with a status of the 4xx or 5xx class, from which the cause follows.
    pub fn new(status: u16, reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status, reason: reason.into(), cause: Cause::of(status) }
    }

    /// The same with a cause that the status does not tell.
    #[must_use]
    pub fn because(self, cause: Cause) -> Refusal {
        Refusal { cause, ..self }
    }
}

/// The kinds of refusals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// What the peer sent is not what a client of this transport sends.
    Request,
    /// The TLS handshake failed: no common version, a certificate that does not count.
    Tls,
    /// The peer took too long.
    TimeOut,
    /// Its address connects, or fails, too often.
    Rate,
    /// There is no room for another connection, or the host can't decide now.
    Capacity,
    /// Who it says it is may not have a link: unknown, rejected, or not proven as it should be.
    Identity,
    /// It may not have a certificate: a wrong token, a wrong request.
    Enrolment,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 7] = [
        Cause::Request,
        Cause::Tls,
        Cause::TimeOut,
        Cause::Rate,
        Cause::Capacity,
        Cause::Identity,
        Cause::Enrolment,
    ];

    /// One word, for labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::Request => "request",
            Cause::Tls => "tls",
            Cause::TimeOut => "timeout",
            Cause::Rate => "rate",
            Cause::Capacity => "capacity",
            Cause::Identity => "identity",
            Cause::Enrolment => "enrolment",
        }
    }

    /// What an HTTP status alone tells.
    const fn of(status: u16) -> Cause {
        match status {
            403 | 409 => Cause::Identity,
            408 => Cause::TimeOut,
            429 => Cause::Rate,
            500..=504 => Cause::Capacity,
            _ => Cause::Request,
        }
    }
}

/// Who may have a link. Asked before the upgrade is answered.
pub trait Admission: Send + Sync + 'static {
    /// Asked for each connection before anything is read from it: whether its address may have another. Must
    /// not block. One that is refused is closed, and told why if that takes no waiting.
    fn knock(&self, peer_addr: SocketAddr) -> Result<(), Refusal> {
        let _ = peer_addr;
        Ok(())
    }

    /// Accepts or refuses a candidate.
    fn admit(&self, candidate: &Candidate) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Answers an enrolment request with a certificate chain in PEM. Not offered unless implemented.
    fn enrol(&self, request: EnrolRequest) -> impl Future<Output = Result<String, Refusal>> + Send {
        drop(request);
        std::future::ready(Err(Refusal::new(404, "no enrolment here")))
    }

    /// Answers a renewal with a certificate chain in PEM. Not offered unless implemented.
    fn renew(&self, request: RenewRequest) -> impl Future<Output = Result<String, Refusal>> + Send {
        drop(request);
        std::future::ready(Err(Refusal::new(404, "no renewal here")))
    }

    /// Told about every refusal, those of the transport itself (bad requests, bad certificates)
    /// included. Must not block.
    fn refused(&self, peer_addr: SocketAddr, eid: Option<&EndpointId>, refusal: &Refusal) {
        let _ = (peer_addr, eid, refusal);
    }
}

/// Lets everybody in: for a listener whose sessions decide themselves.
#[derive(Clone, Copy, Default, Debug)]
pub struct AdmitAll;

impl Admission for AdmitAll {
    fn admit(&self, _: &Candidate) -> impl Future<Output = Result<(), Refusal>> + Send {
        std::future::ready(Ok(()))
    }
}
