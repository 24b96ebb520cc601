//! Links: what a connection is to us, from its first byte to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleet::device::Identity;
use fleet::ids::TenantId;
use fleet::port::{Store, Write};
use mtp::{DownReason, LinkHandler, LinkUp, ReturnPath, Verdict};
use tokio::sync::Mutex as AsyncMutex;
use usp_endpoint::link::{Inbound, LinkId};
use usp_endpoint::{EndpointId, Record};

use super::admission::Opening;
use super::session::Session;
use super::{Usp, lock};
use crate::limits::{CONNECT_BYTES, REFUSALS_UNSTORED};

/// A connection.
pub(super) struct LinkEntry<S: Store> {
    pub(super) up: LinkUp,
    pub(super) phase: AsyncMutex<Phase<S>>,
}

/// A place among the connections that wait for a person; given back when it is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What became of it.
pub(super) enum Phase<S: Store> {
    /// Nobody has decided yet.
    New,
    /// It waits for a person; its Records are ignored, all but the fact that it said who it is.
    Pending {
        _place: Place,
        /// Its Connect Record, which is answered as soon as it is let in.
        connect: Option<Inbound>,
    },
    /// It is a device's session.
    Live(Arc<Session<S>>),
    /// It was turned away and is closing.
    Over,
}

impl<S: Store> LinkEntry<S> {
    /// Whether it shares a connection with others, so that its address says nothing about it.
    pub(super) fn is_behind_broker(&self) -> bool {
        self.up.return_path.address().is_some()
    }

    /// The address that answers for it, if it is of nobody else.
    pub(super) fn own_address(&self) -> Option<SocketAddr> {
        let is_its_own = matches!(self.up.return_path, ReturnPath::Coap { .. }) || !self.is_behind_broker();
        self.up.peer_addr.filter(|_| is_its_own)
    }

    /// A device that waits has connected: of all that it sends before it is let in, only that is kept.
    async fn remember(&self, record: Inbound) {
        let connects = || {
            record.record.len() <= CONNECT_BYTES
                && Record::decode(record.record.clone()).is_ok_and(|record| record.record_type.is_connect())
        };
        if let Phase::Pending { connect, .. } = &mut *self.phase.lock().await
            && connects()
        {
            *connect = Some(record);
        }
    }
}

impl<S: Store> LinkHandler for Usp<S> {
    fn up(&self, up: LinkUp) {
        let link = up.link;
        self.0.metrics.links_opened.inc();
        let entry = Arc::new(LinkEntry { up, phase: AsyncMutex::new(Phase::New) });
        lock(&self.0.links).insert(link, Arc::clone(&entry));
        let usp = self.clone();
        // A controller may have something to send before the device says anything.
        tokio::spawn(async move {
            usp.open(&entry).await;
        });
    }

    fn inbound(&self, record: Inbound) -> impl Future<Output = Verdict> + Send {
        let usp = self.clone();
        Box::pin(async move {
            let Some(entry) = lock(&usp.0.links).get(&record.link).cloned() else { return Verdict::Accepted };
            let Some(session) = usp.open(&entry).await else {
                entry.remember(record).await;
                return Verdict::Accepted;
            };
            usp.0.metrics.records_in.inc();
            // The link is closed under it.
            usp.guarded(&session, session.inbound(&usp, record)).await.unwrap_or(Verdict::Accepted)
        })
    }

    fn down(&self, link: LinkId, reason: DownReason) {
        self.0.metrics.links_closed.inc();
        let Some(entry) = lock(&self.0.links).remove(&link) else { return };
        let usp = self.clone();
        tokio::spawn(async move {
            // After the decision about it, which may enter it under its name.
            let mut phase = entry.phase.lock().await;
            usp.release(&entry);
            if let Phase::Live(session) = std::mem::replace(&mut *phase, Phase::Over) {
                usp.guarded(&session, session.link_down(&usp, &reason.to_string())).await;
            }
        });
    }
}

impl<S: Store> Usp<S> {
    /// The session of a link; decides about the link if nobody has yet.
    pub(super) async fn open(&self, entry: &Arc<LinkEntry<S>>) -> Option<Arc<Session<S>>> {
        let mut phase = entry.phase.lock().await;
        match &*phase {
            Phase::Live(session) => return Some(Arc::clone(session)),
            Phase::Pending { .. } | Phase::Over => return None,
            Phase::New => {}
        }
        let (next, session) = match self.decide(entry).await {
            Opening::Session(session) => (Phase::Live(Arc::clone(&session)), Some(session)),
            Opening::Pending(place) => (Phase::Pending { _place: place, connect: None }, None),
            Opening::Refused(reason) => {
                entry.up.sender.close(mtp::ws::close_code::POLICY, reason);
                (Phase::Over, None)
            }
        };
        *phase = next;
        drop(phase);
        if let Some(session) = &session {
            self.guarded(session, session.begin(self)).await;
        }
        session
    }

    /// The link is not its endpoint's any more.
    fn release(&self, entry: &LinkEntry<S>) {
        let Some(eid) = &entry.up.eid else { return };
        let mut by_endpoint = lock(&self.0.by_endpoint);
        if by_endpoint.get(eid) == Some(&entry.up.link) {
            by_endpoint.remove(eid);
        }
    }

    /// A place among the connections that wait for a person, if there is one.
    pub(super) fn pending_place(&self, behind_broker: bool) -> Option<Place> {
        let count = if behind_broker { &self.0.pending_behind } else { &self.0.pending_links };
        let limit = self.0.options.pending;
        let more = |count| (count < limit).then_some(count + 1);
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(count)))
    }

    /// A person let an endpoint in: its connected link becomes a session at once.
    pub async fn approved(&self, endpoint: &str) {
        self.0.strangers.reconsider();
        let Ok(endpoint) = EndpointId::receive(endpoint) else { return };
        let link = lock(&self.0.by_endpoint).get(&endpoint).copied();
        let entry = link.and_then(|link| lock(&self.0.links).get(&link).cloned());
        if let Some(entry) = entry {
            let connect = {
                let mut phase = entry.phase.lock().await;
                match &mut *phase {
                    Phase::Pending { connect, .. } => {
                        let connect = connect.take();
                        *phase = Phase::New;
                        connect
                    }
                    Phase::New | Phase::Live(_) | Phase::Over => None,
                }
            };
            if let Some(session) = self.open(&entry).await
                && let Some(record) = connect
            {
                self.0.metrics.records_in.inc();
                self.guarded(&session, session.inbound(self, record)).await;
            }
        }
    }

    /// A person turned an endpoint away, or removed its device: its links are closed.
    pub fn turn_away(&self, endpoint: &str) {
        let Ok(endpoint) = EndpointId::receive(endpoint) else { return };
        let link = lock(&self.0.by_endpoint).get(&endpoint).copied();
        let entry = link.and_then(|link| lock(&self.0.links).get(&link).cloned());
        if let Some(entry) = entry {
            entry.up.sender.close(mtp::ws::close_code::POLICY, "removed by the operator");
        }
    }

    /// On whose list somebody stands who goes by this name: that of the tenant whose device does, else the
    /// platform's.
    pub(super) async fn owner_of(&self, endpoint: Option<&str>) -> TenantId {
        let Some(endpoint) = endpoint else { return TenantId::PLATFORM };
        match self.0.store.admission(&Identity::usp(endpoint)).await {
            Ok(Some((tenant, _))) => tenant,
            Ok(None) | Err(_) => TenantId::PLATFORM,
        }
    }

    /// The refusals list: what transports and admission turned away.
    pub(super) fn note_refusal(&self, peer: String, endpoint: Option<String>, reason: String) {
        self.0.metrics.refused.inc();
        let attempt = fleet::enrolment::RefusedAttempt { at: self.0.clock.utc(), peer, endpoint, reason };
        let usp = self.clone();
        if usp.0.unstored_refusals.fetch_add(1, Ordering::Relaxed) >= REFUSALS_UNSTORED {
            usp.0.unstored_refusals.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        tokio::spawn(async move {
            let tenant = usp.owner_of(attempt.endpoint.as_deref()).await;
            if let Err(error) = usp.submit(Write::Refused { tenant, attempt }).await {
                tracing::debug!(%error, "a refusal was not kept");
            }
            usp.0.unstored_refusals.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
