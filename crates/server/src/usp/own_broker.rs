//! The server's own MQTT broker: who may connect is decided as on every listener, and each agent speaks to us and to
//! nobody else. The controller is attached within the process.

mod desk;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use fleet::enrolment::Refusal::AlreadyConnected;
use fleet::enrolment::{Accept, Decision};
use fleet::port::Store;
use mtp::mqtt::broker::{Arrived, Broker, ConnectFacts, Denied, Gate, Incident, Listener, Offence, Rights};
use mtp::mqtt::{Filter, Topic};
use mtp::ws::close_code;
use mtp::{
    Admission, Candidate, Contact, DownReason, LinkHandler, LinkUp, Login, PeerAuth, PeerCertificate, Peers,
    Refusal, ReturnPath, Role, Side,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use usp_endpoint::EndpointId;

use desk::{Desk, Seen, Turn, Word};

use super::admission::WRONG_LOGIN;
use super::broker::Behind;
use super::strangers::Sender;
use super::{Usp, lock};
use crate::clock::chance;
use crate::limits::{BROKER_PEERS, SETTLE_PATIENCE, TWIN_TRIES, TWIN_WAIT};

/// A broker that listens already.
pub(crate) struct OwnBroker {
    /// For clients that speak MQTT at once.
    pub(crate) plain: Option<Listener>,
    /// For those that want a WebSocket.
    pub(crate) websocket: Option<Listener>,
    topic: Topic,
}

/// The topic that agents send to.
pub(crate) fn controller_topic(endpoint: &EndpointId) -> String {
    format!("usp/controllers/{endpoint}")
}

impl OwnBroker {
    /// Where clients ask for a WebSocket.
    pub(crate) const WEBSOCKET_PATH: &str = "/mqtt";

    /// Without a listener.
    pub(crate) fn new(endpoint: &EndpointId) -> anyhow::Result<OwnBroker> {
        Ok(OwnBroker { plain: None, websocket: None, topic: controller_topic(endpoint).parse()? })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.plain.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Where it listens for WebSockets.
    pub(crate) fn websocket(&self) -> Option<SocketAddr> {
        self.websocket.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until the word is given.
    pub(crate) async fn run<S: Store>(self, usp: Usp<S>, stop: watch::Receiver<bool>) {
        let meter = usp.0.metrics.broker("own");
        let (words, mut said) = mpsc::unbounded_channel();
        let behind = Behind { usp: usp.clone(), meter: meter.clone() };
        let seen = Seen { behind, links: Mutex::default(), words: words.clone() };
        let present = Mutex::default();
        let (topic_of_door, sites) = (self.topic.clone(), Mutex::default());
        let door = Arc::new(Door { usp, topic: topic_of_door, words, present, sites });
        let broker = Broker::new(Arc::clone(&door), chance());
        let hub = broker.clone();
        // At once: its next packet may be a long one, and whoever waits under its name with another proof is not to hear
        // what it is told.
        let peers = Peers::watched(seen, BROKER_PEERS, move |endpoint, proof| {
            let is_its = |rights: &Rights| rights.endpoint.as_ref() == Some(endpoint);
            hub.expel(|rights| is_its(rights) && rights.proof != *proof);
            hub.let_in(|rights| is_its(rights) && rights.proof == *proof);
        });
        let mut attached = broker.attach(vec![Filter::below(&self.topic)], self.topic.clone());
        let link = attached.link();
        let topic = self.topic.shared();
        peers.up(LinkUp {
            link,
            peer_addr: self.address().or_else(|| self.websocket()),
            eid: None,
            peer: PeerAuth::Unproven,
            return_path: ReturnPath::Mqtt { link, topic },
            // Its own versions of MQTT the broker speaks with each agent: none of them is another's.
            contact: Contact::Connection,
            side: Side::Accepted,
            role: Role::Controller,
            sender: attached.sender(),
        });
        meter.connected.set(1);
        let listeners = self.plain.into_iter().chain(self.websocket);
        // Each by itself: Records that keep coming here do not keep it from accepting.
        let mut serving = JoinSet::new();
        for listener in listeners {
            let (broker, mut stop) = (broker.clone(), stop.clone());
            let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
            serving.spawn(listener.run(broker, stopped));
        }
        let desk = Desk { door, broker, peers: peers.clone() };
        let mut turn = Turn::default();
        loop {
            tokio::select! {
                // What somebody has said comes before the word that they are gone.
                biased;
                Some(arrived) = attached.next() => {
                    let from = arrived.peer_addr;
                    desk.door.look(&arrived);
                    peers.arrived(attached.inbound(arrived), from).await;
                    for _ in 0..turn.heard(said.len()) {
                        if let Ok(word) = said.try_recv() {
                            desk.hear(word);
                        }
                    }
                }
                Some(word) = said.recv() => {
                    turn = Turn::default();
                    desk.hear(word);
                }
                () = all_ended(&mut serving) => break,
            }
        }
        meter.connected.set(0);
        let (code, reason) = (close_code::GOING_AWAY, "the server stops".into());
        peers.down(link, DownReason::ClosedByUs { code, reason });
    }
}

/// Waits for all; a panic of one goes on here, where it is seen.
async fn all_ended(serving: &mut JoinSet<()>) {
    while let Some(ended) = serving.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

/// Lets agents in.
struct Door<S: Store> {
    usp: Usp<S>,
    topic: Topic,
    words: mpsc::UnboundedSender<Word>,
    /// How many connections each Endpoint has that is connected.
    present: Mutex<BTreeMap<EndpointId, usize>>,
    /// From where the last Record of each Endpoint came that has proven who it is and is connected.
    sites: Mutex<BTreeMap<EndpointId, IpAddr>>,
}

impl<S: Store> Door<S> {
    /// Whether a Record came from another place than the one before it.
    fn look(&self, arrived: &Arrived) {
        let (PeerAuth::Certificate(certificate), Some(endpoint), Some(from)) =
            (&arrived.proof, &arrived.endpoint, arrived.peer_addr)
        else {
            return;
        };
        let (now, before) = {
            let mut sites = lock(&self.sites);
            match sites.get_mut(endpoint) {
                Some(site) => (from.ip(), std::mem::replace(site, from.ip())),
                None => {
                    sites.insert(endpoint.clone(), from.ip());
                    return;
                }
            }
        };
        if now != before {
            self.usp.watch_broker_clones(endpoint, certificate.fingerprint, before, now);
        }
    }

    /// Waits until the last connection of an Endpoint that is back is not taken for one that stands.
    async fn settle(&self, endpoint: &EndpointId) {
        let stands = lock(&self.present).contains_key(endpoint);
        let has_link = lock(&self.usp.0.by_endpoint).contains_key(endpoint);
        if stands || !has_link {
            return;
        }
        let (done, settled) = oneshot::channel();
        if self.words.send(Word::Settled(done)).is_ok() {
            // Otherwise the broker ends, or is busy: then the decision is taken by what is known.
            let _ = tokio::time::timeout(SETTLE_PATIENCE, settled).await;
        }
    }

    /// The decision about a client. One that lost its connection may be back before the broker has read that it is
    /// gone: who is refused for another of its name is asked for a little patience.
    async fn decide(&self, candidate: &Candidate) -> Result<Decision, Refusal> {
        let twin = AlreadyConnected.to_string();
        let mut tries = 0;
        loop {
            // What has proven itself takes the place of its last connection anyway.
            if let (Some(endpoint), PeerAuth::Unproven) = (&candidate.eid, &candidate.peer) {
                self.settle(endpoint).await;
            }
            let decided = self.usp.decide_at_door(candidate).await;
            tries += 1;
            let is_twin = matches!(&decided, Err(refusal) if refusal.reason == twin);
            if !is_twin || tries == TWIN_TRIES {
                return decided;
            }
            tokio::time::sleep(TWIN_WAIT).await;
        }
    }

    /// One that has proven who it is went for what its certificate or login does not give it.
    fn audit_trespass(&self, incident: &Incident, reason: &str) {
        let proven = incident.identity.as_deref().filter(|identity| !identity.contains(KIND));
        let owner = proven.and_then(|identity| EndpointId::receive(identity).ok());
        let (Some(owner), Some(from)) = (owner, incident.peer_addr) else { return };
        let action = match incident.what {
            Offence::ForgedSender { .. } => "session.impersonation",
            _ => "session.trespass",
        };
        self.usp.audit_bounded(from.ip(), action, &owner, format!("{reason}, from {}", from.ip()));
    }

    async fn judge(&self, candidate: &Candidate) -> Result<Rights, Refusal> {
        let decision = self.decide(candidate).await?;
        let eid = candidate.eid.clone().ok_or_else(|| Refusal::new(400, NO_ENDPOINT))?;
        if !is_level(&eid) {
            return Err(Refusal::new(400, NO_LEVEL));
        }
        let own: Topic = format!("usp/agents/{eid}").parse().map_err(|_| Refusal::new(400, NO_ENDPOINT))?;
        let peer = candidate.peer.clone();
        let proven = peer != PeerAuth::Unproven;
        let waits = matches!(decision, Decision::Pending | Decision::AskLive);
        // A certificate that nobody knows proves nothing yet: who shows one may only wait, and drives nobody out.
        if proven && matches!(decision, Decision::Accept(Accept { proven: true, .. })) {
            let _ = self.words.send(Word::Proven(eid.clone(), peer.clone()));
        }
        let mut rights = Rights::of_endpoint(eid, peer, &own, std::slice::from_ref(&self.topic));
        if waits || !proven {
            // Whoever only says who it is has no part in the session of one that has proven it, nor has who waits.
            let kind = if waits { "waiting" } else { "unproven" };
            rights.identity = format!("{}{KIND}{kind}", rights.identity).into();
        }
        rights.waits = waits;
        Ok(rights)
    }
}

/// Why an endpoint has no topic.
const NO_LEVEL: &str = "an endpoint id with /, + or # is no level of a topic";

/// Whether an endpoint id is one level of a topic: one with a `/` would lie within that of another.
fn is_level(endpoint: &EndpointId) -> bool {
    !endpoint.as_str().contains(['/', '+', '#'])
}

impl<S: Store> Usp<S> {
    /// Whether an endpoint id can be a user name here.
    pub(crate) fn can_log_in(&self, endpoint: &str) -> Result<(), fleet::Error> {
        let invalid = |why: &str| fleet::Error::Invalid { field: "endpoint", why: why.to_owned() };
        let id = EndpointId::receive(endpoint).map_err(|error| invalid(&error.to_string()))?;
        match () {
            // R-ARC.2.
            () if id == self.0.options.endpoint => Err(invalid("it is the controller's own")),
            () if !is_level(&id) => Err(invalid(NO_LEVEL)),
            () => Ok(()),
        }
    }
}

/// The user name and password of a CONNECT; a user name alone proves nothing.
fn login_of(facts: &ConnectFacts) -> Option<Arc<Login>> {
    let (name, password) = (facts.user_name.as_deref()?, facts.password.as_deref()?);
    Some(Login::new(name, fleet::login::proof(name, password).0))
}

/// Between an endpoint id and what its client has not proven. No id has such a character.
const KIND: char = '\u{1}';

/// Why a client is refused that does not say who it is.
const NO_ENDPOINT: &str = "it names no endpoint id: neither as usp-endpoint-id nor as client id";

impl<S: Store> Gate for Door<S> {
    fn knock(&self, peer_addr: SocketAddr) -> bool {
        let knocked = self.usp.knock(peer_addr);
        knocked.map_err(|refusal| self.usp.refused(peer_addr, None, &refusal)).is_ok()
    }

    async fn admit(
        &self,
        facts: &ConnectFacts,
        certificate: Option<Arc<PeerCertificate>>,
    ) -> Result<Rights, Denied> {
        let certified = || facts.certified(certificate.clone()).ok().map(|(eid, _)| eid);
        let login = login_of(facts);
        let named = || EndpointId::receive(&login.as_ref()?.name).ok();
        let eid = facts.endpoint_id.clone().or_else(certified).or_else(named);
        // A certificate that a CA vouches for is proof enough. Beside any other, and without one, a password counts.
        let peer = match (certificate, login) {
            (Some(certificate), _) if certificate.trusted => PeerAuth::Certificate(certificate),
            (_, Some(login)) => PeerAuth::Login(login),
            (Some(certificate), None) => PeerAuth::Certificate(certificate),
            (None, None) => PeerAuth::Unproven,
        };
        let candidate = Candidate { peer_addr: facts.peer_addr, eid, peer };
        let judged = Box::pin(self.judge(&candidate)).await;
        judged.map_err(|refusal| {
            let denied = match refusal.status {
                WRONG_LOGIN => Denied::Credentials,
                500.. => Denied::Unavailable,
                _ => Denied::NotAuthorized,
            };
            self.usp.refused(candidate.peer_addr, candidate.eid.as_ref(), &refusal);
            denied
        })
    }

    fn joined(&self, endpoint: &EndpointId) {
        *lock(&self.present).entry(endpoint.clone()).or_default() += 1;
    }

    fn left(&self, endpoint: &EndpointId) {
        {
            let mut present = lock(&self.present);
            let rest = present.get(endpoint).map_or(0, |count| count - 1);
            if rest > 0 {
                present.insert(endpoint.clone(), rest);
                return;
            }
            present.remove(endpoint);
        }
        let _ = self.words.send(Word::Left(endpoint.clone()));
    }

    fn incident(&self, incident: &Incident) {
        let usp = &self.usp;
        let reason = match &incident.what {
            Offence::ForgedSender { claimed: Some(claimed) } => {
                format!("it sent a Record in the name of {claimed}")
            }
            Offence::ForgedSender { claimed: None } => "it sent what is no Record".to_owned(),
            Offence::ForbiddenTopic(topic) | Offence::ForbiddenReplyTo(topic) => {
                format!("it may not use the topic {topic}")
            }
            Offence::ForbiddenFilter(filter) => format!("it may not subscribe to {filter}"),
            Offence::TurnedAway(refusal) => {
                if let Some(peer_addr) = incident.peer_addr {
                    usp.refused(peer_addr, None, refusal);
                }
                return;
            }
            // Told by the gate, or of no consequence for anybody else.
            Offence::Refused(_) | Offence::Fault(_) | Offence::Overflow => return,
        };
        self.audit_trespass(incident, &reason);
        if !usp.0.strangers.take(Sender::at(incident.peer_addr), usp.0.clock.now().mono) {
            usp.0.metrics.refused.inc();
            return;
        }
        let peer = incident.peer_addr.map_or_else(|| "the broker".to_owned(), |addr| addr.to_string());
        let identity = incident.identity.as_deref().map(str::to_owned);
        usp.note_refusal(peer, identity, reason);
    }
}
