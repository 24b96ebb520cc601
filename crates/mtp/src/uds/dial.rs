//! The connecting side (R-UDS.4). When to connect again is [`Reconnect`](super::Reconnect)'s business and
//! the caller's.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::net::UnixStream;
use usp_proto::EndpointId;
use usp_proto::link::{Contact, LinkId, PeerAuth, ReturnPath};

use super::machine::{Event, Machine};
use super::session::{Failed, Session, Shaking, peer_auth};
use crate::error::Error;
use crate::limits::MAX_PASSWORD;
use crate::link::{DownReason, LinkHandler, LinkSender, LinkUp, Role, Shared, Side, drive};

/// Everything needed to connect, again and again.
#[derive(Clone)]
pub struct Dialer {
    /// The socket's file.
    pub path: PathBuf,
    /// Our id.
    pub own_id: EndpointId,
    /// Who should answer, if that is known.
    pub expected: Option<EndpointId>,
    /// The password that goes beside our Handshake (USP 1.5), at most
    /// [`MAX_PASSWORD`] bytes; a secret.
    pub password: Option<Bytes>,
    /// What we are to the one who answers.
    pub role: Role,
}

impl Dialer {
    /// Connects to a path, without a password, whoever answers; the other fields may be set afterwards.
    pub fn new(path: impl Into<PathBuf>, own_id: EndpointId, role: Role) -> Dialer {
        Dialer { path: path.into(), own_id, expected: None, password: None, role }
    }

    /// Connects and shakes hands. The link does nothing until it is [run](Dialled::run).
    ///
    /// # Errors
    /// When nobody listens there, or somebody else, or the handshake fails or takes 30 seconds (R-UDS.18).
    pub async fn connect(&self) -> Result<Dialled, Error> {
        if self.password.as_ref().is_some_and(|password| password.len() > MAX_PASSWORD) {
            return Err(Error::Handshake("the password is too long"));
        }
        let io = UnixStream::connect(&self.path).await?;
        let peer = peer_auth(&io)?;
        let machine = Machine::dialled(self.own_id.clone(), self.password.as_deref());
        let mut shaking = Shaking { io, machine };
        match self.shake(&mut shaking).await {
            Ok(endpoint) => Ok(Dialled { shaking, shared: Shared::new(), endpoint, peer, role: self.role }),
            Err(error) => {
                // The caller need not wait for the peer to hear of it.
                tokio::spawn(shaking.part());
                Err(error)
            }
        }
    }

    async fn shake(&self, shaking: &mut Shaking) -> Result<EndpointId, Error> {
        let endpoint = match shaking.peer().await {
            Ok(Event::Peer { endpoint, .. }) => endpoint,
            Ok(_) => unreachable!("a machine names its peer first"),
            Err(Failed::Io(error)) => return Err(error.into()),
            Err(Failed::End(end)) => return Err(end.into()),
        };
        match &self.expected {
            Some(expected) if *expected != endpoint => {
                shaking.machine.refuse("another endpoint was expected here");
                Err(Error::WrongEndpoint { expected: expected.clone(), found: endpoint })
            }
            _ => Ok(endpoint),
        }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer")
            .field("path", &self.path)
            .field("own_id", &self.own_id)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// A connection after its handshake.
pub struct Dialled {
    shaking: Shaking,
    shared: Arc<Shared>,
    endpoint: EndpointId,
    peer: PeerAuth,
    role: Role,
}

impl Dialled {
    /// The id of the link.
    pub fn link(&self) -> LinkId {
        self.shared.link
    }

    /// Who answered.
    pub fn endpoint(&self) -> &EndpointId {
        &self.endpoint
    }

    /// Whose process it is.
    pub fn peer(&self) -> &PeerAuth {
        &self.peer
    }

    /// How to talk to it; the handler gets the same one in `up`.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.shared.clone())
    }

    /// Runs the link until it is gone. Dropping the future drops the connection.
    pub async fn run<H: LinkHandler>(self, handler: &H) -> DownReason {
        let up = link_up(&self.shared, self.endpoint, self.peer, Side::Dialled, self.role);
        let session = Session { link: up.link, machine: self.shaking.machine };
        drive(self.shaking.io, session, self.shared, up, handler).await
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("link", &self.shared.link).finish_non_exhaustive()
    }
}

/// What the handler is told of a link that stands.
pub(super) fn link_up(
    shared: &Arc<Shared>,
    endpoint: EndpointId,
    peer: PeerAuth,
    side: Side,
    role: Role,
) -> LinkUp {
    LinkUp {
        link: shared.link,
        peer_addr: None,
        eid: Some(endpoint),
        peer,
        return_path: ReturnPath::Uds(shared.link),
        contact: Contact::Connection,
        side,
        role,
        sender: LinkSender(shared.clone()),
    }
}
