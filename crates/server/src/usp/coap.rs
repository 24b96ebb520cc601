//! Agents that are reached by CoAP: one UDP socket, and a link of its own for each agent ([`Peers`]), which is like any
//! other link: the same handler, the same decision about who it is.
//!
//! Such a link proves nothing but that somebody is at its address. Each datagram of an address that has not shown that
//! much passes doors, and what is wrong is charged there. They are CoAP's own: anybody can write another's address on a
//! datagram, and must not lock it out of listeners that have connections.

use std::net::SocketAddr;
use std::pin::pin;

use anyhow::Context;
use fleet::port::Store;
use mtp::coap::{CoapUri, Failure, Gate, Settings, Socket, uri};
use mtp::ws::close_code;
use mtp::{DownReason, Inbound, LinkHandler, LinkId, LinkUp, Peers, Role, Verdict};
use tokio::sync::watch;

use super::Usp;
use crate::clock::chance;
use crate::config::{Coap, Limits};
use crate::doors::Doors;
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
        let door = Door { usp, peers: peers.clone(), doors: Doors::new(&Limits::default()) };
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
    doors: Doors,
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
        if self.allows(from) {
            self.doors.charge(from.ip(), self.usp.0.clock.now().mono);
            self.usp.note_refusal(from.to_string(), None, why.to_owned());
        } else {
            self.usp.0.metrics.refused.inc();
        }
    }

    fn failed(&self, uri: &str, why: Failure) {
        tracing::info!(uri, %why, "an agent was not reached by CoAP");
        if matches!(why, Failure::TimedOut | Failure::Reset) {
            self.peers.unreachable(uri, &DownReason::Dead);
        }
    }
}
