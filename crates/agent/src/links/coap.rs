//! The UDP socket for CoAP: it is asked for by the first enabled row of `LocalAgent.MTP.` with this protocol, and
//! controllers with such a row of their own are reached by it, each by a link of its own: over DTLS once it stands,
//! with what its certificate proves.

#[cfg(feature = "coap-dtls")]
mod dtls;
#[cfg(not(feature = "coap-dtls"))]
#[path = "coap/plain.rs"]
mod dtls;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
#[cfg(feature = "coap-dtls")]
use mtp::PeerAuth;
use mtp::coap::{CoapUri, Failure, Gate, Settings, Socket};
use mtp::{
    DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkUp, Peers, Retry, Role, Schedule, Verdict,
};
use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Context;
use super::handler::{Behind, Connection};
use crate::state::random;
use dtls::Secured;

/// The socket that stands, if one does.
#[derive(Default)]
pub(super) struct Door(watch::Sender<Option<Arc<Standing>>>);

impl Door {
    /// Reaches a controller; gives its link. `None` while there is no socket.
    ///
    /// # Errors
    /// When nobody knows where its host is, or DTLS does not come about.
    pub(super) async fn reach(
        &self,
        controller: &EndpointId,
        uri: &CoapUri,
    ) -> Result<Option<(Arc<Standing>, LinkId)>> {
        let Some(standing) = self.0.borrow().clone() else { return Ok(None) };
        let address = match uri.address() {
            Some(address) => address,
            None => lookup_host((uri.host.as_str(), uri.port)).await?.next().context("it has no address")?,
        };
        let secured = standing.secured.reach(controller, uri, address, &standing.peers).await?;
        let uri = CoapUri::at(uri.secure, address, &uri.path).to_string();
        let link = standing.reach(controller, format!("{uri}{secured}").into());
        Ok(link.map(|link| (standing, link)))
    }

    /// Closes the one that stands, after what is queued has left.
    pub(super) async fn end(&self) {
        let standing = self.0.borrow().clone();
        if let Some(standing) = standing {
            standing.connection.end();
            let _ = self.0.subscribe().wait_for(Option::is_none).await;
        }
    }
}

/// A socket that stands, and those to be reached by it.
pub(super) struct Standing {
    connection: Arc<Connection>,
    peers: Peers<Behind>,
    known: Mutex<BTreeMap<EndpointId, Arc<str>>>,
    links: watch::Sender<BTreeMap<EndpointId, LinkId>>,
    secured: Secured,
}

impl Standing {
    fn reach(&self, controller: &EndpointId, uri: Arc<str>) -> Option<LinkId> {
        let mut known = self.known();
        known.insert(controller.clone(), uri);
        self.peers.set_known(&known);
        self.links.borrow().get(controller).copied()
    }

    /// Reaches a controller by it no more.
    pub(super) fn leave(&self, controller: &EndpointId) {
        let mut known = self.known();
        if known.remove(controller).is_some() {
            self.peers.set_known(&known);
        }
        self.secured.leave(controller);
    }

    /// Ready when this link is gone.
    pub(super) async fn gone(&self, controller: &EndpointId, link: LinkId) {
        let mut links = self.links.subscribe();
        let _ = links.wait_for(|links| links.get(controller) != Some(&link)).await;
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<EndpointId, Arc<str>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the socket on all addresses of this host, and again whenever it is closed or that fails, until it is not
/// wanted any more. `tell` is given the value of `LocalAgent.MTP.{i}.Status`.
pub(super) async fn keep(
    context: Arc<Context>,
    (port, path, secure): (u16, Vec<String>, bool),
    mut stopped: watch::Receiver<bool>,
    tell: impl Fn(&'static str),
) {
    let seed = match random() {
        Ok(seed) => seed,
        Err(error) => return tracing::error!(%error, "no socket is opened"),
    };
    let mut retry = Retry::new(Schedule::default(), seed);
    loop {
        match open(&context, (port, &path, secure)).await {
            Ok((socket, secured)) => {
                retry.reset();
                tell("Up");
                run(&context, socket, secured, stopped.clone()).await;
                tell("Down");
            }
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "CoAP");
                tell("Error");
                tokio::select! {
                    () = sleep(retry.next_wait()) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            }
        }
        // Nothing is opened any more by a process that ends.
        if *stopped.borrow() || stopped.has_changed().is_err() {
            return;
        }
    }
}

async fn open(context: &Context, (port, path, secure): (u16, &[String], bool)) -> Result<(Socket, Secured)> {
    let settings = Settings { role: Role::Agent, path: path.to_vec(), public: None };
    let v6 = Socket::bind((Ipv6Addr::UNSPECIFIED, port).into(), settings.clone(), random()?).await;
    // A host without IPv6 has no socket for both.
    let socket = match v6 {
        Ok(socket) => socket,
        Err(_) => {
            let v4 = Socket::bind((Ipv4Addr::UNSPECIFIED, port).into(), settings, random()?).await;
            v4.with_context(|| format!("UDP port {port}"))?
        }
    };
    if secure {
        tracing::warn!(port, "listening for CoAP over DTLS, which USP has given up in 1.3");
        return Secured::open(socket, context.credentials.clone());
    }
    tracing::warn!(
        port,
        "listening for CoAP, which USP has given up in 1.3: nothing is encrypted, and nothing proves who a \
         controller is"
    );
    Ok((socket, Secured::default()))
}

async fn run(context: &Arc<Context>, socket: Socket, secured: Secured, mut stopped: watch::Receiver<bool>) {
    let connection = Arc::new(Connection::default());
    connection.set(Some(socket.sender()));
    let links = watch::Sender::default();
    let behind = Behind::new(context.instance.clone(), connection.clone(), links.clone(), "CoAP");
    let peers = Peers::known(behind);
    let standing = Arc::new(Standing { connection, peers, known: Mutex::default(), links, secured });
    let whole = Whole { context: context.clone(), standing: standing.clone() };
    let mut running = Box::pin(socket.run(&whole, &whole));
    let not_wanted = async {
        // What stands when the process ends is ended by itself, behind the last Record.
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let reason = tokio::select! {
        reason = &mut running => reason,
        () = not_wanted => {
            standing.connection.end();
            running.await
        }
    };
    tracing::info!(%reason, "the socket for CoAP is closed");
}

/// The socket as a whole: passes everything to the links of the controllers that are reached by it.
struct Whole {
    context: Arc<Context>,
    standing: Arc<Standing>,
}

impl LinkHandler for Whole {
    fn up(&self, link: LinkUp) {
        self.standing.peers.up(link);
        self.context.coap.0.send_replace(Some(self.standing.clone()));
        self.context.turned();
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.standing.peers.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.standing.peers.down(link, reason);
        self.standing.connection.set(None);
        self.context.coap.0.send_replace(None);
    }
}

impl Gate for Whole {
    fn stray(&self, from: SocketAddr, what: &'static str) {
        tracing::debug!(%from, what, "a datagram that nobody reads");
    }

    fn failed(&self, uri: &str, why: Failure) {
        tracing::warn!(uri, %why, "not reached by CoAP");
        self.standing.peers.unreachable(uri, &DownReason::Dead);
    }

    #[cfg(feature = "coap-dtls")]
    fn unproven(&self, from: SocketAddr, why: &str) {
        tracing::warn!(%from, why, "no DTLS with this peer");
    }

    #[cfg(feature = "coap-dtls")]
    fn up(&self, at: SocketAddr, peer: &PeerAuth, word: &str) {
        self.standing.secured.up(at, peer, word);
    }

    #[cfg(feature = "coap-dtls")]
    fn gone(&self, at: SocketAddr, why: &str) {
        self.standing.secured.gone(at, why);
        let leads_there = |uri: &str| mtp::coap::uri::leads_to(uri) == Some(at);
        self.standing.peers.unreachable_where(leads_there, &DownReason::Dead);
    }
}
