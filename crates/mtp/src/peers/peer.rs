//! One Endpoint behind a broker, and the Records of it that wait.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use usp_proto::EndpointId;
use usp_proto::link::{Inbound, LinkId, PeerAuth};

use super::{Inner, Present};
use crate::limits::{MAX_MESSAGE_UNPROVEN, PEER_RECORDS};
use crate::link::{DownReason, LinkHandler, LinkSender, LinkUp, Shared};

/// A link with an Endpoint.
pub(super) struct Peer {
    pub(super) endpoint: EndpointId,
    pub(super) auth: PeerAuth,
    shared: Arc<Shared>,
    heard: AtomicU64,
    /// How often it was said in its name that it leaves, since that was last answered.
    pub(super) doubts: AtomicU32,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// A task works it off.
    working: bool,
    ended: Option<DownReason>,
}

struct Waiting {
    record: Inbound,
    /// It is the last one.
    leaves: bool,
    _room: OwnedSemaphorePermit,
}

impl Peer {
    pub(super) fn new(endpoint: EndpointId, auth: PeerAuth, shared: Arc<Shared>, tick: u64) -> Peer {
        // Until its user has heard of it, nothing is worked off, and nobody is told that it ended.
        let line = Mutex::new(Line { working: true, ..Line::default() });
        let (heard, doubts) = (AtomicU64::new(tick), AtomicU32::new(0));
        Peer { endpoint, auth, shared, heard, doubts, line }
    }

    pub(super) fn link(&self) -> LinkId {
        self.shared.link
    }

    pub(super) fn present(&self) -> Present {
        let (address, silent) = self.shared.through_whom().unwrap_or_default();
        Present { endpoint: self.endpoint.clone(), address, silent, let_in: self.shared.is_authorised() }
    }

    /// Where its Records go.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        self.shared.through_whom().map(|(address, _)| address)
    }

    /// How to talk to it.
    pub(super) fn sender(&self) -> LinkSender {
        LinkSender(self.shared.clone())
    }

    /// Whether it is answered there.
    pub(super) fn is_at(&self, address: &Arc<str>) -> bool {
        self.shared.through_whom().is_some_and(|(own, _)| own == *address)
    }

    /// Whether its user has let it in.
    pub(super) fn is_let_in(&self) -> bool {
        self.shared.is_authorised()
    }

    /// Whether it counts as alive.
    pub(super) fn is_fresh(&self) -> bool {
        self.shared.is_fresh()
    }

    pub(super) fn heard(&self, tick: u64) {
        self.heard.store(tick, Ordering::Relaxed);
        self.shared.heard();
    }

    pub(super) fn last_heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// What its user is told: the same as of the connection to the broker, but for who it is, and where, if that is
    /// known.
    pub(super) fn up(&self, broker: &LinkUp, address: Arc<str>, from: Option<SocketAddr>) -> LinkUp {
        LinkUp {
            peer_addr: from.or(broker.peer_addr),
            link: self.link(),
            eid: Some(self.endpoint.clone()),
            peer: self.auth.clone(),
            return_path: broker.return_path.by(self.link()).to(address),
            sender: self.sender(),
            ..broker.clone()
        }
    }

    /// Nothing more is taken or sent; what to tell its user now, unless that is for the task that works. What waits is
    /// still worked off where it `counts`.
    pub(super) fn end(&self, reason: DownReason, counts: bool) -> Option<DownReason> {
        self.shared.gone();
        let mut line = self.lock();
        if line.ended.is_some() {
            return None;
        }
        if !counts {
            line.waiting = VecDeque::new();
        }
        line.ended = Some(reason.clone());
        (!line.working).then_some(reason)
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that a link ended, when the task that worked on it is over, however that came.
struct Worker<H: LinkHandler> {
    inner: Arc<Inner<H>>,
    peer: Arc<Peer>,
}

impl<H: LinkHandler> Inner<H> {
    /// Lines a Record up; false when too many wait, or more bytes than somebody whom nobody has authorised may send.
    pub(super) fn enter(
        self: &Arc<Self>,
        peer: &Arc<Peer>,
        record: Inbound,
        leaves: bool,
        room: OwnedSemaphorePermit,
    ) -> bool {
        let link = peer.link();
        let record = Inbound { link, return_path: record.return_path.by(link), ..record };
        let mut line = peer.lock();
        if line.waiting.len() >= PEER_RECORDS || self.is_too_much(peer, &line, record.record.len()) {
            return false;
        }
        if line.ended.is_some() {
            return true;
        }
        line.waiting.push_back(Waiting { record, leaves, _room: room });
        let idle = !std::mem::replace(&mut line.working, true);
        drop(line);
        // Not under the lock: a runtime that shuts down drops the task at once, and with it the worker, which locks.
        if idle {
            let worker = Worker { inner: Arc::clone(self), peer: Arc::clone(peer) };
            tokio::spawn(worker.work());
        }
        true
    }

    /// Its user has heard of it: what came or happened meanwhile follows.
    pub(super) fn begun(self: &Arc<Self>, peer: &Arc<Peer>) {
        let worker = Worker { inner: Arc::clone(self), peer: Arc::clone(peer) };
        let waits = !peer.lock().waiting.is_empty();
        match waits {
            true => drop(tokio::spawn(worker.work())),
            // Nothing waits, so that this only ends the work, or tells of the end.
            false => drop(worker.next()),
        }
    }

    fn is_too_much(&self, peer: &Peer, line: &Line, more: usize) -> bool {
        let is_stranger = self.strangers.is_some() && !peer.shared.is_authorised();
        let waiting = || line.waiting.iter().map(|one| one.record.record.len()).sum::<usize>();
        is_stranger && waiting() + more > MAX_MESSAGE_UNPROVEN
    }
}

impl<H: LinkHandler> Worker<H> {
    async fn work(self) {
        while let Some(next) = self.next() {
            self.inner.handler.inbound(next.record).await;
            if next.leaves {
                let (code, reason) = (1000, "it said good-bye".to_owned());
                self.inner.end(&self.peer, DownReason::ClosedByPeer { code, reason });
            }
        }
    }

    /// The next Record; without one the work is over.
    fn next(&self) -> Option<Waiting> {
        let mut line = self.peer.lock();
        let next = line.waiting.pop_front();
        if next.is_none() && line.ended.is_none() {
            line.working = false;
            // An idle link has no use for the room.
            line.waiting = VecDeque::new();
        }
        next
    }
}

impl<H: LinkHandler> Drop for Worker<H> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.inner.end(&self.peer, DownReason::Panicked);
        }
        let ended = {
            let mut line = self.peer.lock();
            // `working` still stands where the link ended, or a panic came: nobody else tells.
            if std::mem::take(&mut line.working) { line.ended.clone() } else { None }
        };
        if let Some(reason) = ended {
            self.inner.handler.down(self.peer.link(), reason);
        }
    }
}
