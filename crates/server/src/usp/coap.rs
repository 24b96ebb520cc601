//! Agents that are reached by CoAP: one UDP socket, and a link of its own for each agent ([`Peers`]), which is like any
//! other link: the same handler, the same decision about who it is.
//!
//! Without DTLS such a link proves nothing but that somebody is at its address; with it, what its certificate does. Each
//! datagram of an address that has not shown that much passes doors, and what is wrong is charged there. They are CoAP's own:
//! anybody can write another's address on a datagram, and must not lock it out of listeners that have connections. Under
//! DTLS nothing is charged before a cookie has proven the address, so that he does not lock it out there either.

#[cfg(feature = "coap-dtls")]
mod dtls;

use std::net::SocketAddr;
use std::pin::pin;

use anyhow::Context;
use fleet::port::Store;
use mtp::coap::{Failure, Gate, Settings, Socket, uri};
use mtp::ws::close_code;
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, PeerAuth, Peers, Role, Verdict};
use pki::ServerTls;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use super::Usp;
use crate::clock::chance;
use crate::config::{Coap, Limits};
use crate::doors::Doors;
use crate::limits::COAP_PEERS;

/// A socket that is open.
pub(crate) struct CoapListener {
    socket: Socket,
    /// Whose certificates count, where it speaks DTLS.
    tls: Option<ServerTls>,
}

impl CoapListener {
    /// Binds all that the configuration asks for.
    pub(crate) async fn open_all(config: &Coap, tls: Option<ServerTls>) -> anyhow::Result<Vec<CoapListener>> {
        let mut opened = Vec::new();
        if let Some(listen) = config.listen {
            opened.push(CoapListener::open(listen, config).await?);
        }
        if let (Some(listen), Some(tls)) = (config.secure_listen, tls) {
            opened.extend(open_secure(listen, config, tls).await?);
        }
        Ok(opened)
    }

    async fn open(listen: SocketAddr, config: &Coap) -> anyhow::Result<CoapListener> {
        let socket = bind(listen, config, config.public_url.as_deref()).await;
        let socket = socket.with_context(|| format!("usp.coap.listen = \"{listen}\""))?;
        tracing::warn!(
            usp_coap = %socket.local_addr(),
            "listening for CoAP, which USP has given up in 1.3: nothing is encrypted, and nothing proves who a \
             device is; use another transport where the device can"
        );
        Ok(CoapListener { socket, tls: None })
    }

    /// Whether it speaks DTLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    /// Serves until the word is given.
    pub(crate) async fn run<S: Store>(self, usp: Usp<S>, mut stop: watch::Receiver<bool>) {
        let behind = Behind { usp: usp.clone(), tls: self.tls };
        let peers = Peers::anybody(behind, COAP_PEERS);
        #[cfg(feature = "coap-dtls")]
        tokio::spawn(dtls::follow(usp.0.retrusted.subscribe(), self.socket.caller()));
        let door = Door { usp, peers: peers.clone(), doors: Doors::new(&Limits::default()) };
        let sender = self.socket.sender();
        let mut running = pin!(self.socket.run(&peers, &door));
        let reason = tokio::select! {
            reason = &mut running => reason,
            () = async { drop(stop.wait_for(|stop| *stop).await) } => {
                sender.close(close_code::GOING_AWAY, "the server stops");
                running.await
            }
        };
        if !matches!(reason, DownReason::ClosedByUs { .. }) {
            tracing::error!(%reason, "CoAP is not served any more");
        }
    }
}

async fn bind(listen: SocketAddr, config: &Coap, public_url: Option<&str>) -> anyhow::Result<Socket> {
    let settings = Settings {
        role: Role::Controller,
        path: uri::segments(config.path())?,
        public: public_url.map(str::parse).transpose()?,
    };
    Ok(Socket::bind(listen, settings, chance()).await?)
}

/// A program without DTLS has no such key in its configuration that it would take.
#[cfg(not(feature = "coap-dtls"))]
#[expect(clippy::unused_async, reason = "the same as of a program with DTLS")]
async fn open_secure(_: SocketAddr, _: &Coap, _: ServerTls) -> anyhow::Result<Option<CoapListener>> {
    Ok(None)
}

#[cfg(feature = "coap-dtls")]
async fn open_secure(
    listen: SocketAddr,
    config: &Coap,
    tls: ServerTls,
) -> anyhow::Result<Option<CoapListener>> {
    let socket = bind(listen, config, config.secure_public_url.as_deref()).await;
    let socket = socket.with_context(|| format!("usp.coap.secure_listen = \"{listen}\""))?;
    let socket = dtls::secured(socket, tls.clone()).context("usp.coap.tls")?;
    tracing::warn!(
        usp_coap_secure = %socket.local_addr(),
        "listening for CoAP over DTLS, which USP has given up in 1.3; use another transport where the device can"
    );
    Ok(Some(CoapListener { socket, tls: Some(tls) }))
}

/// Hears what comes by the socket. What Records say of their sender is all that is known of it, but for its address, and
/// what its certificate proves.
struct Behind<S: Store> {
    usp: Usp<S>,
    /// Whose certificates count.
    tls: Option<ServerTls>,
}

impl<S: Store> Behind<S> {
    /// A link may begin with a Record that has waited while the association of its sender was ended, and long after that was
    /// made: what he has shown then may have come to count no more.
    fn still_counts(&self, peer: &PeerAuth) -> bool {
        let (Some(tls), PeerAuth::Certificate(shown)) = (&self.tls, peer) else { return true };
        let chain: Vec<_> = shown.chain.iter().map(|der| CertificateDer::from_slice(der)).collect();
        tls.judge(&chain).is_ok()
    }
}

impl<S: Store> LinkHandler for Behind<S> {
    fn up(&self, mut link: LinkUp) {
        link.peer_addr = link.return_path.address().and_then(|uri| uri::leads_to(&uri));
        let (sender, counts) = (link.sender.clone(), self.still_counts(&link.peer));
        self.usp.up(link);
        if !counts {
            sender.close(close_code::POLICY, "its certificate does not count any more");
            // Nor is it to be heard again by what still stands.
            self.usp.0.retrusted.send_replace(());
        }
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.usp.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.usp.down(link, reason);
    }
}

/// Lets datagrams in.
struct Door<S: Store> {
    usp: Usp<S>,
    peers: Peers<Behind<S>>,
    doors: Doors,
}

impl<S: Store> Door<S> {
    fn refuse(&self, from: SocketAddr, why: &str) {
        if self.allows(from) {
            self.doors.charge(from.ip(), self.usp.0.clock.now().mono);
            self.usp.note_refusal(from.to_string(), None, why.to_owned());
        } else {
            self.usp.0.metrics.refused.inc();
        }
    }
}

impl<S: Store> Gate for Door<S> {
    fn knock(&self, from: SocketAddr) -> bool {
        let may = self.doors.knock(from.ip(), self.usp.0.clock.now().mono);
        if !may {
            self.usp.0.metrics.refused.inc();
        }
        may
    }

    fn allows(&self, from: SocketAddr) -> bool {
        self.doors.allows(from.ip(), self.usp.0.clock.now().mono)
    }

    fn refused(&self, from: SocketAddr, why: &'static str) {
        self.refuse(from, why);
    }

    fn stray(&self, from: SocketAddr, what: &'static str) {
        // Whose address is on it may have nothing to do with it: it is named now and then, and not charged.
        if self.doors.tells(from.ip(), self.usp.0.clock.now().mono) {
            self.usp.note_refusal(from.to_string(), None, what.to_owned());
        } else {
            self.usp.0.metrics.refused.inc();
        }
    }

    fn failed(&self, uri: &str, why: Failure) {
        tracing::info!(uri, %why, "an agent was not reached by CoAP");
        if !matches!(why, Failure::Refused(_) | Failure::Full | Failure::NoWay) {
            self.peers.unreachable(uri, &DownReason::Dead);
        }
    }

    #[cfg(feature = "coap-dtls")]
    fn unproven(&self, from: SocketAddr, why: &str) {
        tracing::info!(%from, why, "no DTLS with this peer");
        self.refuse(from, why);
    }

    #[cfg(feature = "coap-dtls")]
    fn gone(&self, at: SocketAddr, why: &str) {
        tracing::debug!(%at, why, "an association has ended");
        self.peers.unreachable_where(|uri| uri::leads_to(uri) == Some(at), &DownReason::Dead);
    }
}
