//! What becomes of links, whatever their transport: they are the instance's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{CloseReason, Instance, Outlet, OutletClosed};
use mtp::ws::close_code;
use mtp::{
    DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Outbound, PeerAuth, Verdict,
};
use tokio::sync::watch;

/// Why a connection is closed that the tables don't ask for any more.
const NOT_WANTED: &str = "this connection is not wanted any more";
/// Why one is closed whose successor follows at once: because somebody asked for it, or because it may have to prove
/// that the way still stands.
const RENEWED: &str = "made anew";

/// A connection that is made again and again: the one that stands now, and whether the instance wants it made
/// anew at once.
#[derive(Debug, Default)]
pub(super) struct Connection {
    sender: Mutex<Option<LinkSender>>,
    renews: AtomicBool,
}

impl Connection {
    /// One stands, or none any more.
    pub(super) fn set(&self, sender: Option<LinkSender>) {
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }

    /// Closes the one that stands, after what is queued has left.
    pub(super) fn end(&self) {
        self.close(NOT_WANTED);
    }

    /// The same, and makes the next one at once.
    pub(super) fn renew(&self) {
        self.renews.store(true, Ordering::Relaxed);
        self.close(RENEWED);
    }

    /// Whether the one that ended is to be made anew at once; told once.
    pub(super) fn take_renewal(&self) -> bool {
        self.renews.swap(false, Ordering::Relaxed)
    }

    fn close(&self, reason: &'static str) {
        if let Some(sender) = &*self.sender.lock().unwrap_or_else(PoisonError::into_inner) {
            sender.close(close_code::NORMAL, reason);
        }
    }
}

/// Links of an instance.
#[derive(Debug)]
pub(super) struct Links {
    instance: Arc<Instance>,
    /// Who was dialled.
    controller: Option<EndpointId>,
    connection: Arc<Connection>,
    /// Whether the connection is one to a broker, with a link for each controller behind it.
    brokered: bool,
}

impl Links {
    /// With a controller that is dialled, by `connection`; with none, with those who dial in.
    pub(super) fn new(
        instance: Arc<Instance>,
        controller: Option<EndpointId>,
        connection: Arc<Connection>,
    ) -> Links {
        Links { instance, controller, connection, brokered: false }
    }
}

impl LinkHandler for Links {
    fn up(&self, link: LinkUp) {
        // Who dials in is believed only what its certificate says.
        let certified = match &link.peer {
            PeerAuth::Certificate(peer) => peer.endpoint_ids.first().cloned(),
            PeerAuth::Unproven
            | PeerAuth::Near
            | PeerAuth::Local { .. }
            | PeerAuth::Login(_)
            | PeerAuth::Broker(_) => None,
        };
        let connected = self.brokered.then(|| link.eid.clone()).flatten();
        let named = self.controller.clone().or(connected).or(certified).or_else(|| link.eid.clone());
        let Some(controller) = named else {
            link.sender.close(close_code::PROTOCOL, "no endpoint id");
            return;
        };
        // A broker on this host says nothing of who is behind it.
        let peer = if self.brokered { link.peer } else { within_host(link.peer, link.peer_addr) };
        link.sender.authorise();
        let (connection, brokered) = (self.connection.clone(), self.brokered);
        let outlet = Arc::new(Link { sender: link.sender, connection, brokered });
        self.instance.link_up(controller, link.return_path, link.contact, peer, outlet);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        // The machine itself asks for the close of a link whose Record can't be decoded.
        let taken = Box::pin(self.instance.record(record));
        async move {
            taken.await;
            Verdict::Accepted
        }
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.instance.link_down(link);
    }
}

/// Links with controllers that share one connection, each of which is told when it stands and when it is gone.
pub(super) struct Behind {
    links: Links,
    up: watch::Sender<BTreeMap<EndpointId, LinkId>>,
    /// For the log: by what a controller is reached.
    by: &'static str,
}

impl Behind {
    /// Through `connection`; `up` holds the links that stand.
    pub(super) fn new(
        instance: Arc<Instance>,
        connection: Arc<Connection>,
        up: watch::Sender<BTreeMap<EndpointId, LinkId>>,
        by: &'static str,
    ) -> Behind {
        Behind { links: Links { instance, controller: None, connection, brokered: true }, up, by }
    }
}

impl LinkHandler for Behind {
    fn up(&self, link: LinkUp) {
        if let Some(controller) = link.eid.clone() {
            tracing::info!(%controller, by = self.by, "reached");
            self.up.send_modify(|up| _ = up.insert(controller, link.link));
        }
        self.links.up(link);
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        self.links.inbound(record)
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.up.send_modify(|up| up.retain(|_, own| *own != link));
        self.links.down(link, reason);
    }
}

/// What is known of a peer of which nothing is proved, but that it is at the loopback interface.
fn within_host(peer: PeerAuth, address: Option<SocketAddr>) -> PeerAuth {
    let is_near = address.is_some_and(|address| address.ip().to_canonical().is_loopback());
    if is_near && peer == PeerAuth::Unproven { PeerAuth::Near } else { peer }
}

struct Link {
    sender: LinkSender,
    connection: Arc<Connection>,
    brokered: bool,
}

impl Outlet for Link {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        self.sender.send_to(&outbound.return_path, outbound.record).map_err(|error| {
            tracing::warn!(%error, "a Record was not sent");
            OutletClosed
        })
    }

    fn close(&self, reason: CloseReason) {
        match reason {
            // Who sent it through a broker is not proved: its controller is not to suffer from it.
            CloseReason::BadRecord if self.brokered => {}
            CloseReason::BadRecord => {
                self.sender.close(close_code::UNACCEPTABLE, "the Record can't be decoded");
            }
            CloseReason::ControllerGone => {
                self.sender.close(close_code::NORMAL, "the controller is not served");
            }
            CloseReason::Replaced => {
                self.sender.close(close_code::NORMAL, "another connection takes its place");
            }
            CloseReason::Untrusted => {
                self.sender.close(close_code::POLICY, "the certificate is not trusted");
            }
            CloseReason::GoingAway => self.sender.close(close_code::GOING_AWAY, "the agent shuts down"),
        }
    }

    fn renew(&self) {
        if self.brokered {
            self.connection.renew();
        } else {
            self.connection.renews.store(true, Ordering::Relaxed);
            self.sender.close(close_code::NORMAL, RENEWED);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mtp::{PeerAuth, PeerCertificate};

    use super::within_host;

    #[test]
    fn only_what_does_not_leave_the_host_is_near() {
        let certificate = PeerAuth::Certificate(Arc::new(PeerCertificate::default()));
        for (peer, address, expected) in [
            (PeerAuth::Unproven, Some("127.0.0.1:1"), PeerAuth::Near),
            (PeerAuth::Unproven, Some("127.8.9.1:1"), PeerAuth::Near),
            (PeerAuth::Unproven, Some("[::1]:1"), PeerAuth::Near),
            (PeerAuth::Unproven, Some("[::ffff:127.0.0.1]:1"), PeerAuth::Near),
            (PeerAuth::Unproven, Some("192.0.2.1:1"), PeerAuth::Unproven),
            (PeerAuth::Unproven, Some("[fe80::1]:1"), PeerAuth::Unproven),
            (PeerAuth::Unproven, None, PeerAuth::Unproven),
            (PeerAuth::Local { uid: 7 }, None, PeerAuth::Local { uid: 7 }),
            (certificate.clone(), Some("127.0.0.1:1"), certificate),
        ] {
            let address = address.map(|text| text.parse().expect("an address"));
            assert_eq!(within_host(peer, address), expected, "{address:?}");
        }
    }
}
