//! CoAP of one UDP socket, sans IO: datagrams and times in; datagrams, Records and failures out. It is server and
//! client at once, as USP wants it: a Record is the body of a POST, and its answer another POST the other way.
//!
//! Anybody may write any address on a datagram. So what is sent to an address that has never answered is short: an
//! acknowledgement, the list of the one resource, and the question whether anybody is there (an empty message).
//! Only when that is answered are Records sent there, and are those believed that are to be answered there.
//!
//! Times are those since the socket was opened.

mod exchange;
mod peer;
mod request;
mod sending;
mod serving;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::limits::{MAX_PROVEN, MAX_STRANGERS, PROOF_LIFETIME};
use super::message::{Code, Kind, Message, NoMessage};
use super::uri;
use crate::link::Role;
use peer::Peer;

/// What the machine is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// The segments of the path of our own resource (R-COAP.1).
    pub path: Vec<String>,
    /// What we are.
    pub role: Role,
}

/// What is to be done, or has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A datagram leaves.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// What.
        datagram: Bytes,
    },
    /// A Record did not get there (R-COAP.9, R-COAP.10).
    Failed {
        /// Where it was to go.
        uri: Arc<str>,
        /// Why.
        why: Failure,
    },
    /// A peer did what a USP Endpoint does not do.
    Refused {
        /// Who.
        from: SocketAddr,
        /// What.
        why: &'static str,
    },
}

/// Why a Record did not get there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody acknowledged it, or the answer did not come.
    #[error("no answer in time")]
    TimedOut,
    /// The peer does not understand it.
    #[error("answered by a reset")]
    Reset,
    /// The peer's answer is a failure, 4.xx or 5.xx.
    #[error("refused with {0}")]
    Refused(Code),
    /// Too much waits already, for this address or for all.
    #[error("too much waits to be sent")]
    Full,
    /// It is no URI of a resource that we can send to.
    #[error("no coap URI with an address")]
    NoWay,
    /// Too many acknowledgements came of what was not asked: somebody would pass for whoever is there.
    #[error("somebody guesses at the proof of its address")]
    Guessed,
    /// Whom it was for is not there any more (DTLS).
    #[error("the association with it has ended")]
    Gone,
}

/// A Record that has arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The address that it came from.
    pub from: SocketAddr,
    /// Where its answer goes: at that address, which is proven.
    pub reply_to: Arc<str>,
    /// The Record.
    pub record: Bytes,
}

/// What is known of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// Something came from there, or is to go there.
    Known,
    /// Somebody there has answered.
    Proven,
}

/// The rules of one socket.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    /// Whether DTLS is below: URIs are those of `coaps` then.
    secure: bool,
    /// What `/.well-known/core` says.
    core: Bytes,
    random: ChaCha12Rng,
    peers: BTreeMap<SocketAddr, Peer>,
    /// Those that nothing proves, the oldest first; some of these are not there any more.
    strangers: VecDeque<SocketAddr>,
    proven: usize,
    timers: BTreeSet<(Duration, SocketAddr)>,
    events: VecDeque<Event>,
    ready: VecDeque<Arrived>,
    held: usize,
    queued_bytes: usize,
    /// Bytes of Records of which blocks are missing; and those of them of whom nothing is proven.
    assembled: usize,
    assembled_unproven: usize,
}

impl Machine {
    /// Starts. Machines must not share a seed: message ids and tokens are not to be guessed.
    pub fn new(config: Config, seed: [u8; 32]) -> Machine {
        let mut path = String::new();
        // A String takes everything.
        let _ = uri::path(&mut path, &config.path);
        let interface = match config.role {
            Role::Controller => "bbf.usp.c",
            Role::Agent => "bbf.usp.a",
        };
        let path = if path.is_empty() { "/" } else { &path };
        // R-COAP.1
        let core = format!("<{path}>;rt=\"bbf.usp.endpoint\";if=\"{interface}\";ct=42");
        Machine {
            config,
            secure: false,
            core: core.into(),
            random: ChaCha12Rng::from_seed(seed),
            peers: BTreeMap::new(),
            strangers: VecDeque::new(),
            proven: 0,
            timers: BTreeSet::new(),
            events: VecDeque::new(),
            ready: VecDeque::new(),
            held: 0,
            queued_bytes: 0,
            assembled: 0,
            assembled_unproven: 0,
        }
    }

    /// The same behind DTLS, which tells who is there ([`Machine::vouch`]).
    #[cfg(feature = "coap-dtls")]
    #[must_use]
    pub fn behind_dtls(self) -> Machine {
        Machine { secure: true, ..self }
    }

    /// Somebody is there, as sure as if it had answered: DTLS says so.
    #[cfg(feature = "coap-dtls")]
    pub fn vouch(&mut self, now: Duration, address: SocketAddr) {
        self.peer(address);
        self.answers(now, address);
        self.settle(now, address);
    }

    /// Who was there is there no more: nothing that was said, or was to be, is of use to whoever comes next. Gives the
    /// Records that had come from there, and that nobody has taken yet.
    #[cfg(feature = "coap-dtls")]
    pub fn lost(&mut self, address: SocketAddr) -> Vec<Arrived> {
        self.give_up(address, Failure::Gone);
        self.forget(address);
        let (of_it, others): (VecDeque<Arrived>, VecDeque<Arrived>) =
            self.ready.drain(..).partition(|arrived| arrived.from == address);
        self.ready = others;
        // Nor of those that wait for an answer from elsewhere: whoever comes next did not say them.
        for peer in self.peers.values_mut() {
            let before = peer.held.len();
            peer.held.retain(|arrived| arrived.from != address);
            self.held -= before - peer.held.len();
        }
        Vec::from(of_it)
    }

    /// A datagram arrived.
    pub fn receive(&mut self, now: Duration, from: SocketAddr, datagram: &Bytes) {
        let from = canonical(from);
        let message = match Message::decode(datagram) {
            Ok(message) => message,
            Err(NoMessage::Foreign) => return self.refused(from, "no CoAP"),
            Err(NoMessage::Malformed { kind, id, what }) => {
                if kind == Kind::Confirmable {
                    self.transmit(from, Message::new(Kind::Reset, Code::EMPTY, id).encode());
                }
                return self.refused(from, what);
            }
        };
        match message.kind {
            Kind::Acknowledgement | Kind::Reset => self.reply(now, from, &message),
            Kind::Confirmable if message.code == Code::EMPTY => {
                self.transmit(from, Message::new(Kind::Reset, Code::EMPTY, message.id).encode());
            }
            Kind::NonConfirmable if message.code == Code::EMPTY => {}
            Kind::Confirmable | Kind::NonConfirmable if message.code.is_request() => {
                self.request(now, from, &message);
            }
            Kind::Confirmable | Kind::NonConfirmable => self.late_reply(now, from, &message),
        }
    }

    /// What is known of an address.
    pub fn standing(&self, now: Duration, from: SocketAddr) -> Standing {
        match self.peers.get(&canonical(from)) {
            Some(peer) if peer.is_proven(now) => Standing::Proven,
            Some(_) => Standing::Known,
            None => Standing::Unknown,
        }
    }

    /// When [`Machine::expired`] is to be called.
    pub fn timeout(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Time has passed.
    pub fn expired(&mut self, now: Duration) {
        while let Some(&(at, address)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            let Some(peer) = self.peers.get_mut(&address) else { continue };
            peer.armed = None;
            peer.answered.forget(now);
            if peer.assembly.as_ref().is_some_and(|assembly| assembly.until <= now) {
                self.drop_assembly(address);
            }
            self.lapse(now, address);
            self.exchange_expired(now, address);
            self.settle(now, address);
        }
    }

    /// What is to be done, or has happened.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next Record. While they are not taken, no more are let in: peers send them again.
    pub fn poll_record(&mut self) -> Option<Arrived> {
        self.ready.pop_front()
    }

    /// Whether there is one.
    pub fn has_record(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether nothing is being sent, and nothing waits to be.
    pub fn is_drained(&self) -> bool {
        self.queued_bytes == 0 && self.peers.values().all(|peer| peer.queued() == 0)
    }

    fn transmit(&mut self, to: SocketAddr, datagram: Bytes) {
        self.events.push_back(Event::Transmit { to, datagram });
    }

    fn refused(&mut self, from: SocketAddr, why: &'static str) {
        self.events.push_back(Event::Refused { from, why });
    }

    fn is_proven(&self, now: Duration, address: SocketAddr) -> bool {
        self.peers.get(&address).is_some_and(|peer| peer.is_proven(now))
    }

    /// What is known of an address; from now on something is.
    fn peer(&mut self, address: SocketAddr) -> &mut Peer {
        if !self.peers.contains_key(&address) {
            self.estrange(address);
        }
        let random = &mut self.random;
        self.peers.entry(address).or_insert_with(|| Peer::new((random.next_u32() & 0xffff) as u16))
    }

    /// It counts among those that nothing proves; the oldest of them makes room.
    fn estrange(&mut self, address: SocketAddr) {
        if self.strangers.len() >= MAX_STRANGERS
            && let Some(oldest) = self.strangers.pop_front()
            && oldest != address
            && self.peers.get(&oldest).is_some_and(|peer| peer.proven.is_none())
        {
            self.forget(oldest);
        }
        self.strangers.push_back(address);
    }

    /// Somebody has answered there; false when there is no room for another who has.
    fn prove(&mut self, now: Duration, address: SocketAddr) -> bool {
        let room = self.proven < MAX_PROVEN;
        let Some(peer) = self.peers.get_mut(&address) else { return false };
        let is_new = peer.proven.is_none();
        if is_new && !room {
            return false;
        }
        peer.proven = Some(now + PROOF_LIFETIME);
        self.proven += usize::from(is_new);
        true
    }

    /// Its proof does not count any more, if its time is over.
    fn lapse(&mut self, now: Duration, address: SocketAddr) {
        if self.peers.get(&address).is_some_and(|peer| peer.proven.is_some_and(|until| until <= now)) {
            self.disprove(address);
        }
    }

    fn disprove(&mut self, address: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&address) else { return };
        if peer.proven.take().is_some() {
            self.proven -= 1;
            self.estrange(address);
        }
    }

    /// Nothing is remembered of it any more.
    fn forget(&mut self, address: SocketAddr) {
        self.drop_assembly(address);
        self.give_up(address, Failure::TimedOut);
        if let Some(peer) = self.peers.remove(&address) {
            self.proven -= usize::from(peer.proven.is_some());
            if let Some(at) = peer.armed {
                self.timers.remove(&(at, address));
            }
        }
    }

    /// Says what is to be said next, sees to it that the time is watched, and forgets what nothing is left of.
    fn settle(&mut self, now: Duration, address: SocketAddr) {
        self.say_next(now, address);
        let Some(peer) = self.peers.get_mut(&address) else { return };
        if peer.is_idle() {
            return self.forget(address);
        }
        let due = peer.due();
        if peer.armed != due {
            if let Some(old) = std::mem::replace(&mut peer.armed, due) {
                self.timers.remove(&(old, address));
            }
            if let Some(at) = due {
                self.timers.insert((at, address));
            }
        }
    }
}

/// Whether it is seen through a socket for IPv6 or not, an IPv4 address is one.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
