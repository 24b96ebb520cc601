//! The dialling side: an agent that connects to its controller (R-WS.5), or a controller that connects to
//! an agent that listens (R-WS.6). When to dial again is [`Retry`](crate::Retry)'s business and the
//! caller's.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::timeout;
use tungstenite::protocol;
use usp_proto::EndpointId;
use usp_proto::link::{LinkId, PeerAuth};

use super::conn::{self, Facts};
use super::enrol::{HeadRead, read_body, read_head, write_all};
use super::handshake::{parse_enrol_answer, parse_response, upgrade_request};
use super::keepalive::KeepAlive;
use super::url::WsUrl;
use super::wire::Wire;
use crate::dial::Target;
use crate::error::Error;
use crate::limits::HANDSHAKE_TIMEOUT;
use crate::link::{DownReason, LinkHandler, LinkSender, Role, Shared, Side};
use crate::stream::Stream;

/// Everything needed to connect, again and again.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// Where to.
    pub url: WsUrl,
    /// Our id.
    pub eid: EndpointId,
    /// Who should answer, if that is known.
    pub expected: Option<EndpointId>,
    /// Needed for `wss`.
    pub tls: Option<pki::ClientTls>,
    /// The local address to connect from.
    pub bind: Option<IpAddr>,
    /// What we are to the one who answers.
    pub role: Role,
    /// Also offer the deprecated extension, for servers that know nothing else.
    pub offer_extension: bool,
    /// Who pings the link.
    pub keep_alive: Option<KeepAlive>,
}

impl Dialer {
    /// A dialler for a plain URL; the other fields may be set afterwards.
    pub fn new(url: WsUrl, eid: EndpointId, role: Role) -> Dialer {
        let (expected, tls, bind, keep_alive) = (None, None, None, None);
        Dialer { url, eid, expected, tls, bind, role, offer_extension: false, keep_alive }
    }

    /// Connects and upgrades. The link does nothing until it is [run](Dialled::run).
    ///
    /// # Errors
    /// When nobody is there, or somebody else, or the handshake fails.
    pub async fn connect(&self) -> Result<Dialled, Error> {
        let shaking = Box::pin(self.shake());
        let (wire, facts) = timeout(HANDSHAKE_TIMEOUT, shaking).await.map_err(|_| Error::TimedOut)??;
        let shared = Shared::new();
        if let Some(keep_alive) = &self.keep_alive {
            keep_alive.watch(&shared);
        }
        Ok(Dialled { wire, shared, facts })
    }

    /// Presents an enrolment token and a signing request (PEM) to the server behind the URL, and gives
    /// the certificate chain (PEM) that came back. The token goes through TLS only, or stays on this host.
    ///
    /// # Errors
    /// Those of [`Dialer::connect`]; [`Error::Refused`] when the server does not issue a certificate.
    pub async fn enrol(&self, token: &str, request_pem: &str) -> Result<String, Error> {
        if token.bytes().any(|b| !b.is_ascii_graphic()) {
            return Err(Error::Handshake("the token has blanks or control characters"));
        }
        let authorization = format!("Authorization: Bearer {token}\r\n");
        let asking = self.ask_certificate("enrol", &authorization, request_pem);
        timeout(HANDSHAKE_TIMEOUT, asking).await.map_err(|_| Error::TimedOut)?
    }

    /// Presents a signing request (PEM) to the server behind the URL, on the proof of the certificate that
    /// `tls` shows, and gives the chain (PEM) of the next certificate.
    ///
    /// # Errors
    /// Those of [`Dialer::connect`]; [`Error::Refused`] when the server does not issue a certificate.
    pub async fn renew(&self, request_pem: &str) -> Result<String, Error> {
        let asking = self.ask_certificate("enrol/renew", "", request_pem);
        timeout(HANDSHAKE_TIMEOUT, asking).await.map_err(|_| Error::TimedOut)?
    }

    async fn ask_certificate(
        &self,
        route: &str,
        authorization: &str,
        request_pem: &str,
    ) -> Result<String, Error> {
        let (mut io, peer_addr, _) = self.open().await?;
        if !self.url.secure && !peer_addr.ip().to_canonical().is_loopback() {
            return Err(Error::NoTls);
        }
        let request = format!(
            "POST {path}/{route} HTTP/1.1\r\nHost: {host}\r\n{authorization}\
             Content-Type: application/pkcs10\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{request_pem}",
            path = self.url.path.trim_end_matches('/'),
            host = self.url.authority(),
            length = request_pem.len(),
        );
        write_all(&mut io, &request).await?;
        let (head, rest) = whole_head(&mut io).await?;
        let length = parse_enrol_answer(&head)?;
        Ok(read_body(&mut io, rest, length).await?)
    }

    async fn shake(&self) -> Result<(Wire<Stream>, Facts), Error> {
        let (mut io, peer_addr, peer) = self.open().await?;
        self.check_certificate(&peer)?;
        let key = random_key()?;
        write_all(&mut io, &upgrade_request(&self.url, &self.eid, &key, self.offer_extension)).await?;
        let (head, rest) = whole_head(&mut io).await?;
        let answer = parse_response(&head, &key)?;
        if let (Some(expected), Some(found)) = (&self.expected, &answer.eid)
            && expected != found
        {
            return Err(Error::WrongEndpoint { expected: expected.clone(), found: found.clone() });
        }
        let eid = answer.eid.or_else(|| self.expected.clone());
        let facts = Facts { peer_addr, eid, peer, side: Side::Dialled, role: self.role };
        Ok((Wire::new(io, protocol::Role::Client, rest), facts))
    }

    /// R-SEC.0a: a certificate that names endpoints must name the one that we dialled. A DNS name counts
    /// as an id only for ids of the `fqdn` scheme, so a certificate that has nothing else says nothing here.
    fn check_certificate(&self, peer: &PeerAuth) -> Result<(), Error> {
        let (Some(expected), PeerAuth::Certificate(cert)) = (&self.expected, peer) else { return Ok(()) };
        let named = |id: &&EndpointId| !id.as_str().starts_with("fqdn:");
        match cert.endpoint_ids.iter().find(named) {
            Some(found) if !cert.endpoint_ids.iter().any(|id| id.certifies(expected)) => {
                Err(Error::WrongEndpoint { expected: expected.clone(), found: found.clone() })
            }
            _ => Ok(()),
        }
    }

    async fn open(&self) -> Result<(Stream, SocketAddr, PeerAuth), Error> {
        let (host, port, secure) = (self.url.host.as_str(), self.url.port, self.url.secure);
        Target { host, port, secure, tls: self.tls.as_ref(), bind: self.bind }.open().await
    }
}

/// A connection after its upgrade.
pub struct Dialled {
    wire: Wire<Stream>,
    shared: Arc<Shared>,
    facts: Facts,
}

impl Dialled {
    /// The id of the link.
    pub fn link(&self) -> LinkId {
        self.shared.link
    }

    /// What the server's certificate proved.
    pub fn peer(&self) -> &PeerAuth {
        &self.facts.peer
    }

    /// Who answered, as far as it is known.
    pub fn eid(&self) -> Option<&EndpointId> {
        self.facts.eid.as_ref()
    }

    /// How to talk to it; the handler gets the same one in `up`.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.shared.clone())
    }

    /// Runs the link until it is gone. Dropping the future drops the connection.
    pub fn run<H: LinkHandler>(self, handler: &H) -> impl Future<Output = DownReason> {
        conn::run(self.wire, self.shared, self.facts, handler)
    }
}

impl fmt::Debug for Dialled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialled").field("link", &self.shared.link).finish_non_exhaustive()
    }
}

async fn whole_head(io: &mut Stream) -> Result<(Vec<u8>, Vec<u8>), Error> {
    match read_head(io).await? {
        HeadRead::Whole(head, rest) => Ok((head, rest)),
        HeadRead::NotHttp => Err(Error::Handshake("the answer is not HTTP")),
        HeadRead::TooLong => Err(Error::Handshake("the answer's head is too long")),
    }
}

fn random_key() -> Result<String, Error> {
    let mut key = [0; 16];
    SystemRandom::new().fill(&mut key).map_err(|_| std::io::Error::other("the system gave no randomness"))?;
    Ok(STANDARD.encode(key))
}
