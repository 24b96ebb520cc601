//! Endpoints behind a broker, or those that share one UDP socket. Each has a link of its own, with its own id, order,
//! beginning and end, so that nobody above has to know that they share one connection.
//!
//! What a Record says of its sender is believed as much as what the transport proved with it
//! ([`Inbound::peer`](crate::Inbound)): a Record with another proof belongs to another link. A slow or silent
//! one among them holds up nobody else: each is worked off by a task of its own, while something waits.

mod doubt;
mod order;
mod peer;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use usp_proto::link::{Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::{EndpointId, Malformed, Record};

use crate::limits::{BROKER_RECORDS, PEER_FRESH, PEERS_OF_NAME};
use crate::link::{DownReason, LetIn, LinkHandler, LinkUp, Shared, Verdict};
use order::Order;
use peer::Peer;

/// A [`LinkHandler`] for connections to one broker, one after the other, that passes each Endpoint behind it to
/// another handler as a link of its own. Clones share it.
pub struct Peers<H: LinkHandler>(Arc<Inner<H>>);

impl<H: LinkHandler> Clone for Peers<H> {
    fn clone(&self) -> Self {
        Peers(Arc::clone(&self.0))
    }
}

/// Told of each Endpoint whose user let it in, and of what was proved of it.
type Watch = Arc<dyn Fn(&EndpointId, &PeerAuth) + Send + Sync>;

/// What an Endpoint is sent to learn whether it is there.
type Question = Arc<dyn Fn(&EndpointId) -> Bytes + Send + Sync>;

/// An Endpoint behind a broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Present {
    /// Which.
    pub endpoint: EndpointId,
    /// Where it is answered.
    pub address: Arc<str>,
    /// How long ago its last Record was.
    pub silent: Duration,
    /// Whether its user has let it in.
    pub let_in: bool,
}

struct Inner<H> {
    handler: H,
    /// How many strangers are let in at a time; `None`: nobody but those that are known.
    strangers: Option<usize>,
    /// How long one that was heard counts as alive.
    fresh: Duration,
    watch: Option<Watch>,
    /// Where anybody may say anything in the name of another.
    question: Option<Question>,
    /// Records of all of them that are being worked off or wait: the back-pressure on the broker.
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    broker: Option<LinkUp>,
    /// Who has a link as soon as the broker is reached, and the address of each.
    known: BTreeMap<EndpointId, Arc<str>>,
    /// What the transport itself proved of some of them.
    proofs: BTreeMap<EndpointId, PeerAuth>,
    /// By what they call themselves; several where several prove different things.
    peers: BTreeMap<EndpointId, Vec<Arc<Peer>>>,
    links: BTreeMap<LinkId, Arc<Peer>>,
    order: Order,
    /// Counts Records, to know who was silent for longest.
    tick: u64,
}

impl<H: LinkHandler> Peers<H> {
    /// For whoever sends a Record: a controller knows its agents by what they say. At most `limit` at a time;
    /// one more takes the place of the one that was silent for longest, of those first that nobody has let in.
    pub fn anybody(handler: H, limit: usize) -> Peers<H> {
        Peers::with(handler, Some(limit))
    }

    /// The same behind a broker of others, where whoever may publish can say anything in any name. Who was silent for so
    /// long is asked before another that proves nothing takes its place
    /// ([`LinkSender::answers`](crate::LinkSender::answers)); that is [`PEER_FRESH`](crate::limits::PEER_FRESH) at most.
    /// And what would end a link that somebody has let in (a good-bye, or what is no Record), and proves nothing, ends
    /// it only if the Endpoint does not answer this question where it is.
    pub fn doubting(
        handler: H,
        limit: usize,
        silence: Duration,
        question: impl Fn(&EndpointId) -> Bytes + Send + Sync + 'static,
    ) -> Peers<H> {
        let mut inner = Inner::new(handler, Some(limit));
        inner.fresh = silence.min(PEER_FRESH);
        inner.question = Some(Arc::new(question));
        Peers(Arc::new(inner))
    }

    /// The same as [`Peers::anybody`] behind a broker of which somebody tells by [`Peers::left`] when an Endpoint is gone: until then it
    /// is there, however silent. They are told of each that is let in ([`LinkSender::authorise`]), with what the
    /// transport proved of it; `let_in` must not block.
    ///
    /// [`LinkSender::authorise`]: crate::LinkSender::authorise
    pub fn watched(
        handler: H,
        limit: usize,
        let_in: impl Fn(&EndpointId, &PeerAuth) + Send + Sync + 'static,
    ) -> Peers<H> {
        let mut inner = Inner::new(handler, Some(limit));
        inner.watch = Some(Arc::new(let_in));
        Peers(Arc::new(inner))
    }

    /// For those that [`Peers::set_known`] names, and nobody else: an agent knows its controllers. Their links say
    /// who the broker is, if its certificate was checked by its address ([`PeerAuth::Broker`]); whether its word
    /// counts is the handler's to judge.
    pub fn known(handler: H) -> Peers<H> {
        Peers::with(handler, None)
    }

    fn with(handler: H, strangers: Option<usize>) -> Peers<H> {
        Peers(Arc::new(Inner::new(handler, strangers)))
    }

    /// What the transport itself proves of somebody that is known, or is about to be (DTLS): a link that begins from here
    /// on has this proof, and takes no Record that another certificate has brought.
    pub fn set_proof(&self, endpoint: &EndpointId, proof: Option<PeerAuth>) {
        let proofs = &mut self.0.lock().proofs;
        match proof {
            Some(proof) => drop(proofs.insert(endpoint.clone(), proof)),
            None => drop(proofs.remove(endpoint)),
        }
    }

    /// Who has a link as soon as, and as long as, the broker is reached: each by its topic or destination. The
    /// links of those that are not named any more, or with another address, end.
    pub fn set_known(&self, known: &BTreeMap<EndpointId, Arc<str>>) {
        let before = std::mem::replace(&mut self.0.lock().known, BTreeMap::clone(known));
        for endpoint in before.iter().filter(|(id, to)| known.get(*id) != Some(*to)).map(|(id, _)| id) {
            let gone = self.0.lock().peers.get(endpoint).cloned().unwrap_or_default();
            for peer in gone {
                let (code, reason) = (1000, "it is not wanted any more".into());
                self.0.end(&peer, DownReason::ClosedByUs { code, reason });
            }
        }
        for (endpoint, address) in known.iter().filter(|(id, to)| before.get(*id) != Some(*to)) {
            let word = self.0.word(endpoint);
            let _ = self.0.begin(endpoint, &word, address.clone(), None);
        }
    }

    /// Whatever is known of an Endpoint, it is not there any more: its links end, each when what was heard of it
    /// before is worked off. The broker has acknowledged that, so that nobody sends it again.
    pub fn left(&self, endpoint: &EndpointId, reason: &DownReason) {
        let gone = self.0.lock().peers.get(endpoint).cloned().unwrap_or_default();
        for peer in gone {
            self.0.over(&peer, reason.clone(), true);
        }
    }

    /// As [`LinkHandler::inbound`], of a broker that knows where its clients are: a link that begins with this
    /// Record has this address.
    pub async fn arrived(&self, record: Inbound, from: Option<SocketAddr>) {
        let Some(said) = read(&record) else {
            tracing::debug!(link = record.link.0, "what a broker delivered is no Record");
            return;
        };
        let Some(peer) = self.0.peer_of(&said, &record, from) else { return };
        let Ok(permit) = Arc::clone(&self.0.room).acquire_owned().await else { return };
        let leaves = said.leaves;
        if !self.0.enter(&peer, record, leaves, permit) {
            tracing::debug!(from = %peer.endpoint, "too much of it waits: a Record was dropped");
        }
    }

    /// Who is there now.
    pub fn present(&self) -> Vec<Present> {
        self.0.lock().peers.values().flatten().map(|peer| peer.present()).collect()
    }

    /// Nobody can be reached by this address any more: the links that lead there end.
    pub fn unreachable(&self, address: &str, reason: &DownReason) {
        self.unreachable_where(|other| other == address, reason);
    }

    /// The same of all such addresses.
    pub fn unreachable_where(&self, is_gone: impl Fn(&str) -> bool, reason: &DownReason) {
        let leads_there = |peer: &&Arc<Peer>| peer.address().is_some_and(|address| is_gone(&address));
        let gone: Vec<_> = self.0.lock().peers.values().flatten().filter(leads_there).cloned().collect();
        for peer in gone {
            self.0.end(&peer, reason.clone());
        }
    }

    /// How many there are now.
    pub fn count(&self) -> usize {
        self.0.lock().links.len()
    }
}

impl<H: LinkHandler> fmt::Debug for Peers<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// What a Record says beside its content.
struct Said {
    from: EndpointId,
    /// It begins a connection.
    connects: bool,
    /// It ends one.
    leaves: bool,
    /// Nothing but its sender can be read: whoever uses the link would end it.
    is_broken: bool,
}

impl Said {
    /// Whether the link ends with it.
    fn ends(&self) -> bool {
        self.leaves || self.is_broken
    }
}

/// `None` for what is no Record, or has no sender: nobody could be answered.
fn read(inbound: &Inbound) -> Option<Said> {
    match Record::decode(inbound.record.clone()) {
        Ok(record) => Some(Said {
            connects: record.record_type.is_connect(),
            leaves: record.record_type.is_disconnect(),
            is_broken: false,
            from: record.from_id,
        }),
        Err(error) => {
            let is_broken = matches!(error.reason, Malformed::Undecodable(_));
            error.from_id.map(|from| Said { from, connects: false, leaves: false, is_broken })
        }
    }
}

impl<H: LinkHandler> LinkHandler for Peers<H> {
    fn up(&self, link: LinkUp) {
        let known = {
            let mut state = self.0.lock();
            state.broker = Some(link);
            state.known.clone()
        };
        for (endpoint, address) in known {
            let word = self.0.word(&endpoint);
            let _ = self.0.begin(&endpoint, &word, address, None);
        }
    }

    async fn inbound(&self, record: Inbound) -> Verdict {
        self.arrived(record, None).await;
        // The others behind the broker are not to suffer from one that can't be decoded.
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, reason: DownReason) {
        let all = {
            let mut state = self.0.lock();
            state.broker = None;
            (state.links, state.order) = Default::default();
            std::mem::take(&mut state.peers)
        };
        for peer in all.into_values().flatten() {
            self.0.end(&peer, reason.clone());
        }
    }
}

impl<H: LinkHandler> Inner<H> {
    fn new(handler: H, strangers: Option<usize>) -> Inner<H> {
        let room = Arc::new(Semaphore::new(BROKER_RECORDS));
        let state = Mutex::default();
        Inner { handler, strangers, fresh: PEER_FRESH, watch: None, question: None, room, state }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who vouches for those that are known: the broker, where it is proved which one it is.
    fn word(&self, endpoint: &EndpointId) -> PeerAuth {
        let state = self.lock();
        if let Some(proof) = state.proofs.get(endpoint) {
            return proof.clone();
        }
        state.broker.as_ref().map_or(PeerAuth::Unproven, |broker| word_of(&broker.peer))
    }

    /// The link that a Record came by; makes it, where that may be.
    fn peer_of(
        self: &Arc<Self>,
        said: &Said,
        record: &Inbound,
        from: Option<SocketAddr>,
    ) -> Option<Arc<Peer>> {
        let address = record.return_path.address()?;
        let begin = || self.begin(&said.from, &record.peer, address.clone(), from);
        let route = self.lock().route(said, record, &address, self.strangers.is_some());
        // What proves nothing, where that is to be asked about.
        let is_doubted = record.peer == PeerAuth::Unproven && self.question.is_some();
        match route {
            Route::By(peer) if is_doubted && said.ends() && peer.is_let_in() => {
                self.doubt(&peer, said.leaves);
                None
            }
            Route::By(peer) => Some(peer),
            Route::Again(old) => {
                let (code, reason) = (1000, "connected again".to_owned());
                self.end(&old, DownReason::ClosedByPeer { code, reason });
                begin()
            }
            Route::New if self.strangers.is_some() => begin(),
            Route::New | Route::Nowhere => {
                tracing::debug!(from = %said.from, "a Record behind the broker was dropped");
                None
            }
        }
    }

    /// A link with an Endpoint, by its address.
    fn begin(
        self: &Arc<Self>,
        endpoint: &EndpointId,
        auth: &PeerAuth,
        address: Arc<str>,
        from: Option<SocketAddr>,
    ) -> Option<Arc<Peer>> {
        let (up, peer, crowded_out) = {
            let mut state = self.lock();
            let broker = state.broker.clone()?;
            let is_full = self.strangers.is_some_and(|limit| state.links.len() >= limit);
            let crowded_out = if is_full { state.order.first() } else { None };
            let inner = Arc::downgrade(self);
            let to_broker = broker.sender.0.clone();
            let watch = self.watch.clone().map(|watch| -> LetIn {
                let (endpoint, auth) = (endpoint.clone(), auth.clone());
                Box::new(move || watch(&endpoint, &auth))
            });
            let shared =
                Shared::through(to_broker, address.clone(), self.fresh, watch, move |link, reason| {
                    if let Some(inner) = inner.upgrade() {
                        inner.close(link, reason);
                    }
                });
            let peer = Arc::new(Peer::new(endpoint.clone(), auth.clone(), shared, state.tick));
            state.peers.entry(endpoint.clone()).or_default().push(Arc::clone(&peer));
            state.links.insert(peer.link(), Arc::clone(&peer));
            state.tick += 1;
            let tick = state.tick;
            state.order.put(&peer, tick);
            (peer.up(&broker, address, from), peer, crowded_out)
        };
        if let Some(old) = crowded_out {
            self.end(&old, DownReason::Dead);
        }
        self.handler.up(up);
        self.begun(&peer);
        Some(peer)
    }

    /// Its user closed a link.
    fn close(self: &Arc<Self>, link: LinkId, reason: DownReason) {
        let peer = self.lock().links.get(&link).cloned();
        if let Some(peer) = peer {
            self.end(&peer, reason);
        }
    }

    /// Forgets a link, and what waits of it. Its user is told when what it has in hand is done.
    fn end(self: &Arc<Self>, peer: &Arc<Peer>, reason: DownReason) {
        self.over(peer, reason, false);
    }

    fn over(self: &Arc<Self>, peer: &Arc<Peer>, reason: DownReason, counts: bool) {
        self.lock().forget(peer);
        if let Some(reason) = peer.end(reason, counts) {
            self.handler.down(peer.link(), reason);
        }
    }
}

/// What a broker's word proves of those behind it: nothing, where it is not proved which broker it is.
pub(crate) fn word_of(broker: &PeerAuth) -> PeerAuth {
    match broker {
        PeerAuth::Certificate(certificate) if certificate.vouched => PeerAuth::Broker(certificate.clone()),
        _ => PeerAuth::Unproven,
    }
}

/// Whether a Record with this proof may be of somebody that is known: of his certificate, where he has shown one.
fn is_his(known: &PeerAuth, shown: &PeerAuth) -> bool {
    match (known, shown) {
        (PeerAuth::Certificate(known), PeerAuth::Certificate(shown)) => {
            known.fingerprint == shown.fingerprint
        }
        (PeerAuth::Certificate(_), _) => false,
        _ => true,
    }
}

/// Where a Record belongs.
enum Route {
    /// To this link.
    By(Arc<Peer>),
    /// To a new one, instead of this.
    Again(Arc<Peer>),
    /// To a new one, beside others of this name if there are any.
    New,
    /// To none.
    Nowhere,
}

impl State {
    /// R-MTP.8: on a new channel, Connect comes first. Who proves nothing and is at another address than the one who has
    /// the name does not end that link: whoever uses the links decides between the two.
    fn route(&mut self, said: &Said, record: &Inbound, address: &Arc<str>, strict: bool) -> Route {
        self.tick += 1;
        let of_name = self.peers.get(&said.from).map(Vec::as_slice).unwrap_or_default();
        let mut alike = of_name.iter().filter(|peer| match strict {
            true => peer.auth == record.peer,
            false => is_his(&peer.auth, &record.peer),
        });
        let here = alike.clone().find(|peer| peer.is_at(address));
        let Some(peer) = here.or_else(|| alike.next()) else {
            return if of_name.len() < PEERS_OF_NAME { Route::New } else { Route::Nowhere };
        };
        let is_other = strict && here.is_none() && record.peer == PeerAuth::Unproven;
        // It would end a link that may be another's.
        if is_other && said.ends() {
            return Route::Nowhere;
        }
        // There is no Connect record that tells where it is (CoAP).
        let is_elsewhere = said.connects || matches!(record.return_path, ReturnPath::Coap { .. });
        if is_other && (is_elsewhere || !peer.is_fresh()) {
            return if of_name.len() < PEERS_OF_NAME { Route::New } else { Route::Nowhere };
        }
        let peer = Arc::clone(peer);
        // Nor does that show that anybody is there.
        if !is_other && !said.ends() {
            self.order.put(&peer, self.tick);
        }
        if strict && said.connects { Route::Again(peer) } else { Route::By(peer) }
    }

    fn forget(&mut self, peer: &Arc<Peer>) {
        let Some(of_name) = self.peers.get_mut(&peer.endpoint) else { return };
        of_name.retain(|other| !Arc::ptr_eq(other, peer));
        self.links.remove(&peer.link());
        self.order.remove(peer);
        if of_name.is_empty() {
            self.peers.remove(&peer.endpoint);
        }
    }
}
