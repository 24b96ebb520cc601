//! The listening side: its own accept loop with a limit on connections, the TLS and WebSocket handshakes
//! under one time-out, admission, enrolment. After the upgrade each connection is one task.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tungstenite::protocol;
use usp_proto::EndpointId;
use usp_proto::link::PeerAuth;

use super::close_code;
use super::conn::{self, Facts};
use super::enrol::{HeadRead, enrol_answer, read_body, read_head, write_all};
use super::handshake::{EnrolHead, Request, Upgrade, parse_request, refusal_response, upgrade_response};
use super::keepalive::KeepAlive;
use super::wire::Wire;
use crate::limits::{
    ACCEPT_PAUSE, CLOSE_GRACE, DEFAULT_MAX_CONNECTIONS, HANDSHAKE_TIMEOUT, MAX_HANDSHAKES, MAX_LINGER,
};
use crate::link::{
    Admission, Candidate, Cause, EnrolRequest, LinkHandler, Refusal, RenewRequest, Role, Shared, Side,
};
use crate::places::{Place, Places};
use crate::stream::Stream;

/// How a listener behaves.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    /// The path that names our Endpoint, starting with `/`.
    pub path: String,
    /// Our id, told to clients that offer the extension.
    pub own_id: EndpointId,
    /// What we are to those who connect.
    pub role: Role,
    /// Who finds none free is turned away; several listeners may share them.
    pub places: Places,
    /// How often each link is pinged.
    pub keep_alive: Duration,
    /// From the accepted socket to the finished upgrade: TLS, request, admission and answer.
    pub handshake_timeout: Duration,
}

impl ListenConfig {
    /// A listener of `own_id` at `path` with the default limits, and a ping per minute.
    pub fn new(path: impl Into<String>, own_id: EndpointId, role: Role) -> ListenConfig {
        ListenConfig {
            path: path.into(),
            own_id,
            role,
            places: Places::new(DEFAULT_MAX_CONNECTIONS),
            keep_alive: Duration::from_secs(60),
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }
}

/// A bound socket that does not accept yet.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<pki::ServerTls>,
    config: ListenConfig,
}

impl Listener {
    /// Binds; port 0 picks one.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(
        addr: SocketAddr,
        tls: Option<pki::ServerTls>,
        config: ListenConfig,
    ) -> io::Result<Listener> {
        Ok(Listener { tcp: TcpListener::bind(addr).await?, tls, config })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system doesn't say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Accepts until `stop` is done; then every link is closed with 1001, and this returns when they are
    /// gone or the time for that is over.
    pub async fn run<H, A>(self, handler: Arc<H>, admission: Arc<A>, stop: impl Future<Output = ()>)
    where
        H: LinkHandler,
        A: Admission,
    {
        let (standing, mut ended) = mpsc::channel(1);
        let host = Arc::new(Host {
            keep_alive: KeepAlive::start(self.config.keep_alive),
            tls: self.tls,
            config: self.config,
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            handler,
            admission,
        });
        tokio::select! {
            () = stop => {}
            () = accept_all(&self.tcp, &host, standing) => {}
        }
        drop(self.tcp);
        host.keep_alive.close_all(close_code::GOING_AWAY, "the server stops");
        let _ = timeout(2 * CLOSE_GRACE, ended.recv()).await;
    }
}

async fn accept_all<H: LinkHandler, A: Admission>(
    tcp: &TcpListener,
    host: &Arc<Host<H, A>>,
    standing: Standing,
) {
    loop {
        // Beyond the limit on handshakes, those who knock wait in the kernel's queue.
        let Ok(shaking) = host.handshakes.clone().acquire_owned().await else { return };
        let (socket, peer_addr) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: trying again at once would only burn the processor.
                tracing::warn!(%error, "accepting a connection failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(refusal) = host.admission.knock(peer_addr) {
            host.turn_away(&socket, peer_addr, &refusal);
            continue;
        }
        match host.config.places.take() {
            Some((place, stranger)) => {
                let slot = (place, standing.clone());
                tokio::spawn(serve(host.clone(), socket, peer_addr, (shaking, stranger), slot));
            }
            None => host.turn_away(&socket, peer_addr, &Refusal::new(503, "too many connections")),
        }
    }
}

/// What all connections of a listener share.
struct Host<H, A> {
    config: ListenConfig,
    tls: Option<pki::ServerTls>,
    keep_alive: KeepAlive,
    handshakes: Arc<Semaphore>,
    handler: Arc<H>,
    admission: Arc<A>,
}

/// Nothing is ever sent: the channel ends with the last of those who hold one.
type Standing = mpsc::Sender<Infallible>;

/// A connection from its first byte to its last.
async fn serve<H: LinkHandler, A: Admission>(
    host: Arc<Host<H, A>>,
    socket: TcpStream,
    peer_addr: SocketAddr,
    shaking: (OwnedSemaphorePermit, Place),
    slot: (Place, Standing),
) {
    // Boxed, so that the task of an idle link is not as large as its handshake was.
    let shaken = Box::pin(timeout(host.config.handshake_timeout, host.shake(socket, peer_addr))).await;
    drop(shaking);
    match shaken {
        Ok(Some((wire, facts))) => {
            let shared = Shared::new();
            host.keep_alive.watch(&shared);
            conn::run(wire, shared, facts, &*host.handler).await;
        }
        Ok(None) => {}
        Err(_) => host.report(peer_addr, None, &Refusal::new(408, "the handshake took too long")),
    }
    drop(slot);
}

impl<H: LinkHandler, A: Admission> Host<H, A> {
    /// Everything up to the upgrade; `None` when there will be no link.
    async fn shake(&self, socket: TcpStream, peer_addr: SocketAddr) -> Option<(Wire<Stream>, Facts)> {
        // Without it small Records wait for acknowledgements of earlier ones.
        let _ = socket.set_nodelay(true);
        // Who connects and says nothing was refused nothing: a probe that looks whether somebody listens.
        if self.tls.is_some() && !matches!(socket.peek(&mut [0]).await, Ok(1..)) {
            tracing::debug!(%peer_addr, "closed before it said anything");
            return None;
        }
        let (mut io, peer) = match self.secure(socket).await {
            Ok(secured) => secured,
            Err(error) => {
                self.report(peer_addr, None, &Refusal::new(403, format!("TLS: {error}")).because(Cause::Tls));
                return None;
            }
        };
        match self.converse(&mut io, peer_addr, peer).await {
            Ok(Some((facts, rest))) => Some((Wire::new(io, protocol::Role::Server, rest), facts)),
            Ok(None) => None,
            Err(Break::Lost) => None,
            Err(Break::Refused(eid, refusal)) => {
                self.report(peer_addr, eid.as_ref(), &refusal);
                answer(&mut io, &refusal_response(&refusal)).await;
                None
            }
        }
    }

    async fn secure(&self, socket: TcpStream) -> io::Result<(Stream, PeerAuth)> {
        let Some(tls) = &self.tls else { return Ok((Stream::Plain(socket), PeerAuth::Unproven)) };
        let stream = TlsAcceptor::from(tls.config().clone()).accept(socket).await?;
        // R-WS.22: what the client proved with its certificate.
        let peer = tls.peer(stream.get_ref().1.peer_certificates());
        Ok((Stream::Accepted(Box::new(stream)), peer))
    }

    /// Reads the request and answers it; `Ok(None)` when that was all.
    async fn converse(
        &self,
        io: &mut Stream,
        peer_addr: SocketAddr,
        peer: PeerAuth,
    ) -> Result<Option<(Facts, Vec<u8>)>, Break> {
        let (head, rest) = match read_head(io).await? {
            HeadRead::Whole(head, rest) => (head, rest),
            HeadRead::NotHttp => return Err(Refusal::new(400, "not an HTTP request").into()),
            HeadRead::TooLong => return Err(Refusal::new(431, "the request's head is too long").into()),
        };
        match parse_request(&head, &self.config.path)? {
            Request::Upgrade(upgrade) => {
                let facts = self.upgrade(io, peer_addr, peer, upgrade).await?;
                Ok(Some((facts, rest)))
            }
            Request::Enrol(enrol) => {
                self.enrol(io, peer_addr, peer, enrol, rest).await?;
                Ok(None)
            }
            Request::Renew(length) => {
                let request_pem = signing_request(io, rest, length).await?;
                let request = RenewRequest { peer_addr, peer, request_pem };
                let chain_pem = self.admission.renew(request).await?;
                answer(io, &enrol_answer(&chain_pem)).await;
                Ok(None)
            }
        }
    }

    async fn upgrade(
        &self,
        io: &mut Stream,
        peer_addr: SocketAddr,
        peer: PeerAuth,
        upgrade: Upgrade,
    ) -> Result<Facts, Break> {
        let candidate = Candidate { peer_addr, eid: upgrade.eid, peer };
        if let Err(refusal) = self.admission.admit(&candidate).await {
            return Err(Break::Refused(candidate.eid, refusal));
        }
        let own_id = upgrade.extension.then_some(&self.config.own_id);
        write_all(io, &upgrade_response(&upgrade.key, own_id)).await?;
        let Candidate { eid, peer, .. } = candidate;
        Ok(Facts { peer_addr, eid, peer, side: Side::Accepted, role: self.config.role })
    }

    async fn enrol(
        &self,
        io: &mut Stream,
        peer_addr: SocketAddr,
        peer: PeerAuth,
        head: EnrolHead,
        rest: Vec<u8>,
    ) -> Result<(), Break> {
        // A token that crosses a network in clear is everybody's.
        if self.tls.is_none() && !is_loopback(peer_addr.ip()) {
            return Err(Refusal::new(403, "enrolment needs TLS").because(Cause::Enrolment).into());
        }
        let request_pem = signing_request(io, rest, head.length).await?;
        let request = EnrolRequest { peer_addr, peer, token: head.token, request_pem };
        let chain_pem = self.admission.enrol(request).await?;
        answer(io, &enrol_answer(&chain_pem)).await;
        Ok(())
    }

    fn report(&self, peer_addr: SocketAddr, eid: Option<&EndpointId>, refusal: &Refusal) {
        tracing::info!(%peer_addr, eid = eid.map(EndpointId::as_str), status = refusal.status, reason = %refusal.reason, "refused");
        self.admission.refused(peer_addr, eid, refusal);
    }

    /// One connection too many: told so if it can be told without waiting.
    fn turn_away(&self, socket: &TcpStream, peer_addr: SocketAddr, refusal: &Refusal) {
        if self.tls.is_none() {
            let _ = socket.try_write(refusal_response(refusal).as_bytes());
        }
        self.report(peer_addr, None, refusal);
    }
}

/// Why a conversation ended without a link.
enum Break {
    Lost,
    Refused(Option<EndpointId>, Refusal),
}

impl From<Refusal> for Break {
    fn from(refusal: Refusal) -> Break {
        Break::Refused(None, refusal)
    }
}

impl From<io::Error> for Break {
    fn from(_: io::Error) -> Break {
        Break::Lost
    }
}

/// A last answer: written, our direction closed, and what still comes dropped, so that the peer reads the
/// answer and no reset.
async fn answer(io: &mut Stream, text: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    if write_all(io, text).await.is_ok() && io.shutdown().await.is_ok() {
        let mut left = io.take(MAX_LINGER as u64);
        let _ = tokio::io::copy(&mut left, &mut tokio::io::sink()).await;
    }
}

async fn signing_request(io: &mut Stream, rest: Vec<u8>, length: usize) -> Result<String, Break> {
    match read_body(io, rest, length).await {
        Ok(body) => Ok(body),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => {
            Err(Refusal::new(400, "the request is not PEM").because(Cause::Enrolment).into())
        }
        Err(_) => Err(Break::Lost),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}
