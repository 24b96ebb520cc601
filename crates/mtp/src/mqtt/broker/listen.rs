//! The listening side of the broker: its own accept loop with limits on connections and strangers, TLS and CONNECT
//! under one time-out, admission. After that each connection is one task.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use usp_proto::EndpointId;
use usp_proto::link::PeerAuth;

use super::conn::{self, Opened};
use super::limits::{CONNECT_TIMEOUT, DEFAULT_MAX_CONNECTIONS, MAX_STRANGERS, SWEEP};
use super::machine::{Client, ConnId};
use super::rights::{ConnectFacts, Gate, Incident, Offence};
use super::shared::{Broker, Hub};
use super::strangers::{Place, Strangers};
use super::wire::{Connect, Decoder, Fault, Incoming, code, refusal};
use crate::limits::{ACCEPT_PAUSE, CLOSE_GRACE};
use crate::link::{Cause, Refusal};
use crate::mqtt::Version;
#[cfg(feature = "ws")]
use crate::mqtt::websocket;
use crate::places::Places;
use crate::stream::Stream;

/// How a listener behaves.
#[derive(Clone, Debug)]
pub struct ListenConfig {
    /// Who finds none free is turned away; several listeners may share them.
    pub places: Places,
    /// From the accepted socket to CONNECT and its admission.
    pub connect_timeout: Duration,
    /// The path at which clients ask for a WebSocket, beginning with `/`; None where they speak MQTT at once.
    #[cfg(feature = "ws")]
    pub websocket: Option<String>,
}

impl Default for ListenConfig {
    fn default() -> ListenConfig {
        ListenConfig {
            places: Places::new(DEFAULT_MAX_CONNECTIONS),
            connect_timeout: CONNECT_TIMEOUT,
            #[cfg(feature = "ws")]
            websocket: None,
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
    /// Binds; port 0 picks one. Without TLS nothing is confidential, and passwords least of all.
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

    /// Accepts until `stop` is done; then every client of the broker is told that it shuts down, and this returns when
    /// those of this listener are gone or the time for that is over.
    pub async fn run<G: Gate>(self, broker: Broker<G>, stop: impl Future<Output = ()>) {
        let (standing, mut ended) = mpsc::channel(1);
        let host = Arc::new(Host {
            hub: broker.0,
            tls: self.tls,
            config: self.config,
            shaking: Arc::new(Semaphore::new(MAX_STRANGERS)),
            strangers: Arc::default(),
        });
        tokio::select! {
            () = stop => {}
            () = accept_all(&self.tcp, &host, standing) => {}
            () = sweep(&host.hub) => {}
        }
        drop(self.tcp);
        host.hub.act_now(|machine, now| machine.shut_down(now));
        let _ = timeout(2 * CLOSE_GRACE, ended.recv()).await;
    }
}

/// One timer for all connections and sessions.
async fn sweep<G: Gate>(hub: &Hub<G>) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        hub.act_now(|machine, now| machine.handle_timeout(now));
    }
}

async fn accept_all<G: Gate>(tcp: &TcpListener, host: &Arc<Host<G>>, standing: Standing) {
    loop {
        // Beyond the limit on strangers, those who knock wait in the kernel's queue.
        let Ok(shaking) = host.shaking.clone().acquire_owned().await else { return };
        let (socket, peer_addr) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: trying again at once would only burn the processor.
                tracing::warn!(%error, "accepting a connection failed");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !host.hub.gate.knock(peer_addr) {
            continue;
        }
        let Some(stranger) = host.strangers.enter(peer_addr.ip()) else {
            host.turn_away(peer_addr, Refusal::new(429, "too many connections of this address"));
            continue;
        };
        let Some((place, unknown)) = host.config.places.take() else {
            host.turn_away(peer_addr, Refusal::new(503, "too many connections"));
            continue;
        };
        let slot = (place, standing.clone());
        tokio::spawn(serve(host.clone(), socket, peer_addr, (shaking, unknown, stranger), slot));
    }
}

/// What all connections of a listener share.
struct Host<G> {
    hub: Arc<Hub<G>>,
    tls: Option<pki::ServerTls>,
    config: ListenConfig,
    shaking: Arc<Semaphore>,
    strangers: Arc<Strangers>,
}

/// Nothing is ever sent: the channel ends with the last of those who hold one.
type Standing = mpsc::Sender<Infallible>;

/// A connection from its first byte to its last. Not an `async fn`, and boxed up to CONNACK, so that the task of an
/// idle connection is not as large as its beginning was.
fn serve<G: Gate>(
    host: Arc<Host<G>>,
    socket: TcpStream,
    peer_addr: SocketAddr,
    stranger: (OwnedSemaphorePermit, OwnedSemaphorePermit, Place),
    slot: (OwnedSemaphorePermit, Standing),
) -> impl Future<Output = ()> {
    let opening = Box::pin(async move {
        let opened = timeout(host.config.connect_timeout, host.open(socket, peer_addr)).await;
        drop(stranger);
        opened.unwrap_or_else(|_| {
            host.turn_away(peer_addr, Refusal::new(408, "CONNECT took too long"));
            None
        })
    });
    async move {
        if let Some(opened) = opening.await {
            conn::run(opened).await;
        }
        drop(slot);
    }
}

impl<G: Gate> Host<G> {
    /// Everything up to CONNACK; None when there will be no connection.
    async fn open(&self, socket: TcpStream, peer_addr: SocketAddr) -> Option<Opened<G>> {
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
                let refusal = Refusal::new(403, format!("TLS: {error}"));
                self.turn_away(peer_addr, refusal.because(Cause::Tls));
                return None;
            }
        };
        #[cfg(feature = "ws")]
        if let Some(path) = &self.config.websocket {
            io = match websocket::answer(io, path).await {
                Ok(Ok(socket)) => socket,
                Ok(Err(_)) | Err(_) => {
                    self.turn_away(peer_addr, Refusal::new(400, "it asks for no WebSocket of MQTT"));
                    return None;
                }
            };
        }
        let mut decoder = Decoder::new();
        let (version, no) = match read_connect(&mut io, &mut decoder).await? {
            Ok((connect, rest)) => match self.admit(&connect, peer_addr, &peer).await {
                Ok((id, endpoint)) => {
                    return Some(Opened { io, id, endpoint, decoder, rest, hub: self.hub.clone() });
                }
                Err(no) => (connect.version, no),
            },
            // MQTT-3.1.2-2: who speaks another protocol is told so in the older form.
            Err(fault) => (Version::V3_1_1, No::ours(fault.code, Refusal::new(400, fault.what))),
        };
        self.report(peer_addr, no.what);
        if let Some(connack) = refusal(version, no.code) {
            let _ = io.write_all(&connack).await;
        }
        conn::part(&mut io).await;
        None
    }

    async fn secure(&self, socket: TcpStream) -> io::Result<(Stream, PeerAuth)> {
        let Some(tls) = &self.tls else { return Ok((Stream::Plain(socket), PeerAuth::Unproven)) };
        let stream = TlsAcceptor::from(tls.config().clone()).accept(socket).await?;
        let peer = tls.peer(stream.get_ref().1.peer_certificates());
        Ok((Stream::Accepted(Box::new(stream)), peer))
    }

    async fn admit(
        &self,
        connect: &Connect,
        peer_addr: SocketAddr,
        peer: &PeerAuth,
    ) -> Result<(ConnId, Option<EndpointId>), No> {
        if connect.extended_authentication {
            let refusal = Refusal::new(400, "extended authentication is not spoken here");
            return Err(No::ours(code::AUTHENTICATION_METHOD, refusal));
        }
        let facts = ConnectFacts {
            peer_addr,
            secure: self.tls.is_some(),
            version: connect.version,
            client_id: connect.client_id.clone(),
            user_name: connect.user_name.clone(),
            password: connect.password.clone(),
            endpoint_id: named(connect)?,
        };
        let certificate = match peer {
            PeerAuth::Certificate(certificate) => Some(certificate.clone()),
            _ => None,
        };
        let rights = self.hub.gate.admit(&facts, certificate).await.map_err(|denied| {
            let code = denied.code();
            No { code, what: Offence::Refused(code) }
        })?;
        let endpoint = rights.endpoint.clone();
        let client = Client { rights, peer_addr: Some(peer_addr) };
        let id = self.hub.act_now(|machine, now| machine.connect(now, connect, client));
        let id = id.map_err(|code| No::ours(code, Refusal::new(503, "too many sessions")))?;
        Ok((id, endpoint))
    }

    fn turn_away(&self, peer_addr: SocketAddr, refusal: Refusal) {
        self.report(peer_addr, Offence::TurnedAway(refusal));
    }

    fn report(&self, peer_addr: SocketAddr, what: Offence) {
        tracing::info!(%peer_addr, ?what, "refused");
        self.hub.gate.incident(&Incident { peer_addr: Some(peer_addr), identity: None, what });
    }
}

/// Why there is no connection: with which reason code it is told to the client, and what the host hears.
struct No {
    code: u8,
    what: Offence,
}

impl No {
    /// The gate was not asked.
    fn ours(code: u8, refusal: Refusal) -> No {
        No { code, what: Offence::TurnedAway(refusal) }
    }
}

/// R-MQTT.13 in 5.0; else R-MQTT.8, by which the client id is the endpoint id unless another is configured.
fn named(connect: &Connect) -> Result<Option<EndpointId>, No> {
    match &connect.endpoint_id {
        Some(id) => EndpointId::receive(id).map(Some).map_err(|error| {
            No::ours(code::NOT_AUTHORIZED, Refusal::new(400, format!("usp-endpoint-id: {error}")))
        }),
        None => Ok(EndpointId::receive(&connect.client_id).ok()),
    }
}

/// CONNECT, and what came behind it; None when the connection is lost before.
async fn read_connect(
    io: &mut Stream,
    decoder: &mut Decoder,
) -> Option<Result<(Box<Connect>, Vec<u8>), Fault>> {
    let mut buffer = [0; 1024];
    loop {
        let read = io.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        let mut data = &buffer[..read];
        match decoder.read(&mut data) {
            Ok(None) => {}
            Ok(Some(Incoming::Connect(connect))) => return Some(Ok((connect, data.to_vec()))),
            Ok(Some(_)) => return Some(Err(Fault { code: code::PROTOCOL, what: "not CONNECT" })),
            Err(fault) => return Some(Err(fault)),
        }
    }
}
