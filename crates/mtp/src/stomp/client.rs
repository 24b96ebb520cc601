//! A connection to a STOMP server on a socket: connects, and runs the [`Machine`] for as long as it lasts. When to
//! connect again is [`Retry`](super::Retry)'s business and the caller's (R-STOMP.7, R-STOMP.16, R-STOMP.25).

use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::time::timeout;
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};

use super::config::Config;
use super::conn::{Conn, Over};
use super::machine::{End, Event, Machine};
use crate::dial::Target;
use crate::error::Error;
use crate::limits::HANDSHAKE_TIMEOUT;
use crate::link::{DownGuard, DownReason, LinkHandler, LinkSender, LinkUp, Role, Side};
use crate::peers::word_of;

/// Where a STOMP server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerAddress {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port; 61613 is usual, with TLS 61614.
    pub port: u16,
    /// Whether TLS is used.
    pub secure: bool,
}

/// Everything needed to connect to a STOMP server, again and again.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where to.
    pub server: ServerAddress,
    /// How to present ourselves.
    pub config: Config,
    /// Needed where the address says that TLS is used. Its verifier looks at the server's certificate.
    pub tls: Option<pki::ClientTls>,
    /// The local address to connect from.
    pub bind: Option<IpAddr>,
    /// What we are to those behind the server.
    pub role: Role,
    /// Whether the server's word counts on who sent a Record (R-SEC.9): it lets in nobody without a certificate of
    /// their own, and nobody under another's name (R-SEC.4b, R-SEC.4c). Only with TLS.
    pub trusted: bool,
}

impl Client {
    /// A client without TLS; the other fields may be set afterwards.
    pub fn new(server: ServerAddress, config: Config, role: Role) -> Client {
        Client { server, config, tls: None, bind: None, role, trusted: false }
    }

    /// Connects, and subscribes: what comes back can send and receive. It does nothing until it is
    /// [run](Session::run). The connection, the answer to the first frame and the confirmation of the
    /// subscription may take [`HANDSHAKE_TIMEOUT`] each.
    ///
    /// # Errors
    /// When nobody is there, the server refuses us or our subscription, or we have no destination.
    pub async fn connect(&self) -> Result<Session, Error> {
        if !self.config.is_sound() {
            return Err(Error::Stomp(End::Unsound));
        }
        let target = Target {
            host: &self.server.host,
            port: self.server.port,
            secure: self.server.secure,
            tls: self.tls.as_ref(),
            bind: self.bind,
        };
        let dialling = Box::pin(target.open());
        let (io, peer_addr, peer) =
            timeout(HANDSHAKE_TIMEOUT, dialling).await.map_err(|_| Error::TimedOut)??;
        let mut conn = Conn::new(io, Machine::new(self.config.clone()));
        let proof = if self.trusted { word_of(&peer) } else { PeerAuth::Unproven };
        loop {
            match poll_fn(|cx| conn.poll(cx)).await {
                Ok(Event::Up(own)) => {
                    return Ok(Session { conn, own, peer_addr, peer, proof, role: self.role });
                }
                Ok(_) => {}
                Err(over) => return Err(refused(&mut conn, over).await),
            }
        }
    }
}

/// What is still to be said is, before the connection is closed.
async fn refused(conn: &mut Conn, over: Over) -> Error {
    let error = match &over {
        Over::Ended(end) => Error::Stomp(end.clone()),
        Over::Lost(kind) => Error::Io((*kind).into()),
        Over::CloseWish => Error::Stomp(End::Closed),
    };
    conn.end(over).await;
    error
}

/// A connection that is subscribed.
pub struct Session {
    conn: Conn,
    own: Arc<str>,
    peer_addr: SocketAddr,
    peer: PeerAuth,
    proof: PeerAuth,
    role: Role,
}

impl Session {
    /// The id of the link.
    pub fn link(&self) -> LinkId {
        self.conn.shared.link
    }

    /// The destination that reaches us: the `subscribed_destination` of our Connect records.
    pub fn own_destination(&self) -> &str {
        &self.own
    }

    /// The same if the server chose it: `DestinationFromServer`.
    pub fn assigned_destination(&self) -> Option<&str> {
        self.conn.machine.assigned().map(|own| &**own)
    }

    /// What the server's certificate proved: who it is, and nothing about those behind it.
    pub fn server(&self) -> &PeerAuth {
        &self.peer
    }

    /// How to talk through it; the handler gets the same one in `up`.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.conn.shared.clone())
    }

    /// Runs the link until it is gone. Dropping the future drops the connection. While the handler holds a
    /// Record nothing is read, our heart-beats go on, and those of the server are not missed.
    ///
    /// At the end Records that were on their way to us are lost: the server counts them as delivered when it sends
    /// them, since nothing may be acknowledged (R-STOMP.17, R-STOMP.27).
    ///
    /// Of each Record nothing is proved ([`PeerAuth::Unproven`]): the server passes on what it was given; unless it is
    /// one that is [trusted](Client::trusted). Nor is it proved that the answer may go where the Record says: a server
    /// that is sent something for a destination that it does not know may close the connection of all, so a host looks at
    /// the return path before it uses it.
    pub async fn run<H: LinkHandler>(self, handler: &H) -> DownReason {
        let mut conn = self.conn;
        let link = conn.shared.link;
        let mut guard = DownGuard { handler, shared: conn.shared.clone(), reason: None };
        handler.up(LinkUp {
            link,
            peer_addr: Some(self.peer_addr),
            eid: None,
            peer: self.peer,
            contact: Contact::Stomp { destination: self.own.clone() },
            return_path: ReturnPath::Stomp { link, destination: self.own },
            side: Side::Dialled,
            role: self.role,
            sender: LinkSender(conn.shared.clone()),
        });
        let over = loop {
            let (destination, record) = match poll_fn(|cx| conn.poll(cx)).await {
                Ok(Event::Record { reply_to, record }) => (reply_to, record),
                Ok(_) => continue,
                Err(over) => break over,
            };
            let return_path = ReturnPath::Stomp { link, destination };
            let inbound = Inbound { link, peer: self.proof.clone(), return_path, record };
            // What can't be decoded is dropped; the others behind the server are not to suffer from it.
            if let Err(over) = conn.deliver(inbound, handler).await {
                break over;
            }
        };
        let reason = Box::pin(conn.end(over)).await;
        guard.reason = Some(reason.clone());
        reason
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("link", &self.link()).finish_non_exhaustive()
    }
}
