//! The task of one UDP socket: moves datagrams between socket and [`Machine`], and Records between the machine and
//! the link's users. [`Peers`](crate::Peers) makes a link of its own for each Endpoint.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};

#[cfg(feature = "coap-dtls")]
use super::below::Caller;
use super::below::{Below, Proven};
use super::limits::{MAX_DATAGRAM, MAX_READY};
use super::machine::{Config, Event, Failure, Machine, Standing, canonical};
use super::uri::{CoapUri, leads_to};
use crate::limits::CLOSE_GRACE;
use crate::link::{DownGuard, DownReason, LinkHandler, LinkSender, LinkUp, Out, Role, Shared, Side};

/// What is asked about addresses, and told about them. Nothing here may block.
pub trait Gate: Send + Sync {
    /// Asked for each datagram of an address of which nothing is known: whether it is read. Under DTLS for each handshake that
    /// somebody begins who has proven that he is at this address; what comes before that is answered, and forgotten.
    fn knock(&self, from: SocketAddr) -> bool {
        let _ = from;
        true
    }

    /// Asked for each datagram of an address that has never answered: whether it is read. For one of which nothing is
    /// known at all before [`Gate::knock`].
    fn allows(&self, from: SocketAddr) -> bool {
        let _ = from;
        true
    }

    /// Somebody sent what a USP Endpoint does not send.
    fn refused(&self, from: SocketAddr, why: &'static str) {
        let _ = (from, why);
    }

    /// Something came that nobody reads, and that anybody may have sent in another's name.
    fn stray(&self, from: SocketAddr, what: &'static str) {
        let _ = (from, what);
    }

    /// A Record did not get there (R-COAP.9, R-COAP.10).
    fn failed(&self, uri: &str, why: Failure) {
        let _ = (uri, why);
    }

    /// Somebody could not prove by DTLS that he may come.
    #[cfg(feature = "coap-dtls")]
    fn unproven(&self, from: SocketAddr, why: &str) {
        let _ = (from, why);
    }

    /// An association of DTLS stands, and what it proves; the URIs that lead there end with `#` and this word.
    #[cfg(feature = "coap-dtls")]
    fn up(&self, at: SocketAddr, peer: &PeerAuth, word: &str) {
        let _ = (at, peer, word);
    }

    /// It has ended, or did not come about.
    #[cfg(feature = "coap-dtls")]
    fn gone(&self, at: SocketAddr, why: &str) {
        let _ = (at, why);
    }
}

const TOO_LONG: &str = "a datagram that is too long";

/// What is known before the socket is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What we are on it.
    pub role: Role,
    /// The segments of the path of our resource.
    pub path: Vec<String>,
    /// What peers are told to answer to; the socket's address, as seen from here, where it is absent.
    pub public: Option<CoapUri>,
}

/// A socket that is open, and does nothing until it is [run](Socket::run).
pub struct Socket {
    io: UdpSocket,
    local: SocketAddr,
    settings: Settings,
    machine: Machine,
    below: Below,
    shared: Arc<Shared>,
    started: Instant,
}

impl Socket {
    /// Opens a socket. The seed is for message ids and tokens, which are not to be guessed.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(at: SocketAddr, settings: Settings, seed: [u8; 32]) -> io::Result<Socket> {
        let io = UdpSocket::bind(at).await?;
        let local = io.local_addr()?;
        let machine = Machine::new(Config { path: settings.path.clone(), role: settings.role }, seed);
        let (shared, started) = (Shared::brokered(), Instant::now());
        Ok(Socket { io, local, settings, machine, below: Below::default(), shared, started })
    }

    /// Speaks DTLS, and nothing else. The seed is for cookies, which are not to be guessed.
    ///
    /// # Errors
    /// When our certificate can't be used for it.
    #[cfg(feature = "coap-dtls")]
    pub fn secured(
        self,
        trust: Arc<dyn super::dtls::Trust>,
        seed: &[u8; 32],
    ) -> Result<Socket, crate::Error> {
        let below = Below::dtls(super::dtls::Layer::new(trust, self.started.into_std(), seed)?);
        Ok(Socket { machine: self.machine.behind_dtls(), below, ..self })
    }

    /// Calls somebody, who is to be there before there is a Record for him.
    #[cfg(feature = "coap-dtls")]
    pub fn caller(&self) -> Caller {
        self.below.caller()
    }

    /// Where it is.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The id of the link.
    pub fn link(&self) -> LinkId {
        self.shared.link
    }

    /// How to send by it, and to close it.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.shared.clone())
    }

    /// Runs until it is closed or the socket fails. Of each Record nothing is proved but that somebody is at the
    /// address where it is to be answered.
    pub async fn run<H: LinkHandler, G: Gate>(mut self, handler: &H, gate: &G) -> DownReason {
        let link = self.shared.link;
        let mut guard = DownGuard { handler, shared: self.shared.clone(), reason: None };
        handler.up(LinkUp {
            link,
            peer_addr: Some(self.local),
            eid: None,
            peer: PeerAuth::Unproven,
            return_path: ReturnPath::Coap { link, uri: self.own_uri(self.local.ip()).to_string().into() },
            contact: Contact::Connection,
            side: Side::Accepted,
            role: self.settings.role,
            sender: self.sender(),
        });
        let (records, mut arrived) = mpsc::channel::<Proven>(MAX_READY);
        let delivering = async {
            while let Some(Proven { peer, uri, record }) = arrived.recv().await {
                let return_path = ReturnPath::Coap { link, uri };
                handler.inbound(Inbound { link, peer, return_path, record }).await;
            }
        };
        let driving = async move {
            let reason = self.drive(&records, gate).await;
            // What has arrived is still handed over.
            drop(records);
            reason
        };
        let (reason, ()) = tokio::join!(driving, delivering);
        guard.reason = Some(reason.clone());
        reason
    }

    async fn drive(&mut self, records: &mpsc::Sender<Proven>, gate: &impl Gate) -> DownReason {
        let mut room = vec![0; MAX_DATAGRAM + 1];
        let mut closing = None;
        loop {
            self.carry_out(gate).await;
            if closing.is_some_and(|until| self.machine.is_drained() || until <= Instant::now()) {
                self.below.close(self.now());
                self.carry_out(gate).await;
                let (code, reason) = self.shared.close_wish();
                return DownReason::ClosedByUs { code, reason };
            }
            let due = self.machine.timeout().into_iter().chain(self.below.timeout()).min();
            let due = due.map(|at| self.started + at).into_iter().chain(closing).min();
            tokio::select! {
                wish = poll_fn(|cx| poll_wish(&self.shared, closing.is_some(), cx)) => match wish {
                    Wish::Send(uri, record) => self.send(&uri, record),
                    Wish::Close => closing = Some(Instant::now() + CLOSE_GRACE),
                },
                permit = records.reserve(), if self.machine.has_record() || self.below.has_record() => {
                    match (permit, self.below.poll_record(&mut self.machine)) {
                        (Ok(permit), Some(Ok(proven))) => permit.send(proven),
                        (_, Some(Err((from, why)))) => gate.refused(from, why),
                        _ => {}
                    }
                }
                ask = self.below.asked() => self.below.grant(self.now(), ask),
                got = self.io.recv_from(&mut room) => match got {
                    Ok((length, from)) if length <= MAX_DATAGRAM => {
                        if self.is_let_in(from, &room[..length], gate) {
                            self.receive(from, &room[..length]);
                        }
                    }
                    Ok((_, from)) if self.below.is_secure() => gate.stray(from, TOO_LONG),
                    Ok((_, from)) => gate.refused(from, TOO_LONG),
                    // Of something that was sent before.
                    Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => {}
                    Err(error) => return DownReason::Lost(error.kind()),
                },
                () = sleep_until(due.unwrap_or(self.started)), if due.is_some() => {
                    self.below.expired(self.now());
                    self.machine.expired(self.now());
                }
            }
        }
    }

    fn is_let_in(&self, from: SocketAddr, datagram: &[u8], gate: &impl Gate) -> bool {
        let now = self.now();
        let known = self.below.standing(now, from, datagram);
        match known.unwrap_or_else(|| self.machine.standing(now, from)) {
            Standing::Proven => true,
            Standing::Known => gate.allows(from),
            Standing::Unknown => gate.allows(from) && gate.knock(from),
        }
    }

    fn receive(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now = self.now();
        if !self.below.receive(now, canonical(from), datagram) {
            self.machine.receive(now, from, &Bytes::copy_from_slice(datagram));
        }
    }

    /// Does what the machines want.
    async fn carry_out(&mut self, gate: &impl Gate) {
        let now = self.now();
        loop {
            if let Some(out) = self.below.poll(now, &mut self.machine, gate) {
                self.transmit(out.0, &out.1).await;
                continue;
            }
            let Some(event) = self.machine.poll() else { return };
            match event {
                Event::Transmit { to, datagram } => {
                    if let Some(datagram) = self.below.send(now, to, datagram) {
                        self.transmit(to, &datagram).await;
                    }
                }
                Event::Failed { uri, why } => {
                    tracing::debug!(%uri, %why, "a Record was not delivered");
                    self.below.failed(now, &uri, why);
                    gate.failed(&uri, why);
                }
                Event::Refused { from, why } => gate.refused(from, why),
            }
        }
    }

    async fn transmit(&self, to: SocketAddr, datagram: &[u8]) {
        // What does not leave is lost, as it may be anywhere else; it is sent again.
        if let Err(error) = self.io.send_to(datagram, self.seen(to)).await {
            tracing::debug!(%to, %error, "a datagram was not sent");
        }
    }

    fn send(&mut self, uri: &Arc<str>, record: Bytes) {
        if !self.below.is_meant(uri) {
            return self.machine.refuse(uri, Failure::Gone);
        }
        let to = leads_to(uri);
        let own = self.own_uri(to.map_or(self.local.ip(), |to| to.ip())).to_string();
        self.machine.send(self.now(), uri, &own.into(), record);
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// How somebody at this address reaches us (R-COAP.2).
    fn own_uri(&self, peer: IpAddr) -> CoapUri {
        if let Some(public) = &self.settings.public {
            return public.clone();
        }
        let own = self.local.ip();
        let ip = if own.is_unspecified() { source_for(peer).unwrap_or(own) } else { own };
        CoapUri::at(self.below.is_secure(), SocketAddr::new(ip, self.local.port()), &self.settings.path)
    }

    /// An address as this socket writes it.
    fn seen(&self, to: SocketAddr) -> SocketAddr {
        match (self.local.ip(), to.ip()) {
            (IpAddr::V6(_), IpAddr::V4(v4)) => SocketAddr::new(v4.to_ipv6_mapped().into(), to.port()),
            _ => to,
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("local", &self.local).finish_non_exhaustive()
    }
}

/// What the holders of the link want.
enum Wish {
    Send(Arc<str>, Bytes),
    Close,
}

/// What is queued comes before the wish to close.
fn poll_wish(shared: &Shared, is_closing: bool, cx: &mut Context<'_>) -> Poll<Wish> {
    let attention = shared.attend(cx.waker());
    loop {
        match shared.next() {
            Out::Record { to: Some(uri), record } => return Poll::Ready(Wish::Send(uri, record)),
            Out::Record { to: None, .. } => {}
            // There is no connection that could be dead.
            Out::Ping => shared.heard(),
            Out::Nothing if attention.close && !is_closing => return Poll::Ready(Wish::Close),
            Out::Nothing => return Poll::Pending,
        }
    }
}

/// The address of this host that the way to a peer begins at. Nothing is sent to find out.
fn source_for(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    // Discard; any port would do.
    socket.connect((peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
