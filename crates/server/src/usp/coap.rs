//! Agents that are reached by CoAP: one UDP socket, and a link of its own for each agent ([`Peers`]), which is like any
//! other link: the same handler, the same decision about who it is.
//!
//! Such a link proves nothing but that somebody is at its address. Each datagram of an address that has not shown that
//! much passes the doors, and what is wrong is charged there.

use std::net::SocketAddr;
use std::pin::pin;

use anyhow::Context;
use fleet::port::Store;
use mtp::coap::{CoapUri, Failure, Gate, Settings, Socket, uri};
use mtp::ws::close_code;
use mtp::{Admission, DownReason, Inbound, LinkHandler, LinkId, LinkUp, Peers, Refusal, Role, Verdict};
use tokio::sync::watch;

use super::Usp;
use crate::clock::chance;
use crate::config::Coap;
use crate::limits::COAP_PEERS;

/// A socket that is open.
pub(crate) struct CoapListener(Socket);

impl CoapListener {
    /// Binds.
    pub(crate) async fn open(listen: SocketAddr, config: &Coap) -> anyhow::Result<CoapListener> {
        let settings = Settings {
            role: Role::Controller,
            path: uri::segments(config.path())?,
            public: config.public_url.as_deref().map(str::parse).transpose()?,
        };
        let socket = Socket::bind(listen, settings, chance()).await;
        let socket = socket.with_context(|| format!("usp.coap.listen = \"{listen}\""))?;
        tracing::warn!(
            usp_coap = %socket.local_addr(),
            "listening for CoAP, which USP has given up in 1.3: nothing is encrypted, and nothing proves who a \
             device is; use another transport where the device can"
        );
        Ok(CoapListener(socket))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr()
    }

    /// Serves until the word is given.
    pub(crate) async fn run<S: Store>(self, usp: Usp<S>, mut stop: watch::Receiver<bool>) {
        let peers = Peers::anybody(Behind(usp.clone()), COAP_PEERS);
        let door = Door { usp, peers: peers.clone() };
        let sender = self.0.sender();
        let mut running = pin!(self.0.run(&peers, &door));
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

/// Hears what comes by the socket. What Records say of their sender is all that is known of it, but for its address.
struct Behind<S: Store>(Usp<S>);

impl<S: Store> LinkHandler for Behind<S> {
    fn up(&self, mut link: LinkUp) {
        let uri = link.return_path.address().and_then(|uri| uri.parse::<CoapUri>().ok());
        link.peer_addr = uri.and_then(|uri| uri.address());
        self.0.up(link);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.0.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.0.down(link, reason);
    }
}

/// Lets datagrams in.
struct Door<S: Store> {
    usp: Usp<S>,
    peers: Peers<Behind<S>>,
}

impl<S: Store> Gate for Door<S> {
    fn knock(&self, from: SocketAddr) -> bool {
        let knocked = self.usp.knock(from);
        knocked.map_err(|refusal| self.usp.refused(from, None, &refusal)).is_ok()
    }

    fn allows(&self, from: SocketAddr) -> bool {
        self.usp.0.doors.allows(from.ip(), self.usp.0.clock.now().mono)
    }

    fn refused(&self, from: SocketAddr, why: &'static str) {
        if self.allows(from) {
            self.usp.refused(from, None, &Refusal::new(400, why));
        } else {
            self.usp.0.metrics.refused.inc();
        }
    }

    fn failed(&self, uri: &str, why: Failure) {
        tracing::info!(uri, %why, "an agent is not reached by CoAP any more");
        self.peers.unreachable(uri, &DownReason::Dead);
    }
}
