//! The broker without sockets: clients, their sessions and subscriptions, and what is under way between them. Packets
//! and time go in; packets to write, [`Effect`]s and the next deadline come out.
//!
//! A client is known here once it is admitted; CONNECT of strangers, and who may be let in, are not its business.
//! Sessions and retained messages lie in memory: they are bounded in number, bytes and time, and end with the process.

mod connect;
mod publish;
mod subscribe;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use usp_proto::EndpointId;
use usp_proto::link::PeerAuth;

pub use connect::Client;

use super::limits::{MAX_CONTROL, MAX_IN_FLIGHT, MAX_REFUSALS};
use super::queue::{Entry, Next, Queue};
use super::retained::Retained;
use super::rights::{Incident, Offence, Rights};
use super::tree::Tree;
use super::wire::{self, Fault, Incoming, Qos, Will, code};
use crate::mqtt::{Filter, Topic, Version};
use waiting::Waiting;

/// A connection of a client that is admitted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnId(u64);

/// Somebody in this process who is attached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttachedId(u64);

/// What the machine wants of its host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// There is something to write, or the connection is to be closed.
    Wake(ConnId),
    /// A Record for somebody in this process.
    Deliver(AttachedId, Arrived),
    /// Something was not allowed.
    Tell(Incident),
}

/// A Record from a client.
#[derive(Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Where it was published to; of a 3.1.1 name what stands before `/reply-to=`.
    pub topic: Topic,
    /// Where its sender wants the answer.
    pub reply_to: Topic,
    /// The Record, encoded.
    pub record: Bytes,
    /// The Endpoint that it is from; None if the broker was not told to see to it.
    pub endpoint: Option<EndpointId>,
    /// What is proved of its sender.
    pub proof: PeerAuth,
    /// The other end of the socket by which it came; None of a will, which comes when that is gone.
    pub peer_addr: Option<SocketAddr>,
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Arrived");
        debug.field("topic", &self.topic).field("reply_to", &self.reply_to);
        debug.field("bytes", &self.record.len()).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Bytes to write: a packet, whose payload stands apart because several clients may get it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chunk {
    /// What comes first.
    pub head: Bytes,
    /// What follows; empty for all but PUBLISH.
    pub payload: Bytes,
}

struct Conn {
    session: u64,
    version: Version,
    peer_addr: Option<SocketAddr>,
    identity: Arc<str>,
    /// The longest silence.
    patience: Duration,
    heard: Duration,
    /// When its silence is looked at.
    silence_at: Duration,
    /// It is not read for now, and so can't be heard.
    held_up: bool,
    /// Bytes of a packet that the client takes.
    max_packet: usize,
    /// QoS 1 and 2 messages that the client takes unacknowledged.
    window: usize,
    /// Everything but PUBLISH, in order; before any PUBLISH.
    control: VecDeque<Bytes>,
    closing: bool,
    refusals: u8,
    will: Option<Box<Will>>,
}

struct Session {
    rights: Arc<Rights>,
    client_id: Arc<str>,
    version: Version,
    conn: Option<ConnId>,
    expiry: Duration,
    filters: Vec<Filter>,
    queue: Queue,
    /// QoS 2 messages of the client that it has not released.
    unreleased: BTreeSet<u16>,
    /// To be published unless the client comes back.
    will: Option<Box<Will>>,
    will_at: Option<Duration>,
    /// When it ends, while it has no connection.
    expiry_at: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    Silence(ConnId),
    Wait(ConnId),
    Expiry(u64),
    Will(u64),
}

/// All clients of a broker. Times are those of one monotonic clock.
pub struct Machine {
    chance: ChaCha8Rng,
    last: u64,
    conns: BTreeMap<ConnId, Box<Conn>>,
    sessions: BTreeMap<u64, Box<Session>>,
    /// Identity and client id.
    names: BTreeMap<(Arc<str>, Arc<str>), u64>,
    attached: BTreeMap<AttachedId, Vec<Filter>>,
    tree: Tree,
    retained: Retained,
    timers: BTreeSet<(Duration, Timer)>,
    waiting: Waiting,
    effects: Vec<Effect>,
    /// Bytes that all sessions hold.
    held: usize,
}

impl Machine {
    /// Without clients. The seed is for the client ids that it assigns.
    pub fn new(seed: [u8; 32]) -> Machine {
        Machine {
            chance: ChaCha8Rng::from_seed(seed),
            last: 0,
            conns: BTreeMap::new(),
            sessions: BTreeMap::new(),
            names: BTreeMap::new(),
            attached: BTreeMap::new(),
            tree: Tree::default(),
            retained: Retained::default(),
            timers: BTreeSet::new(),
            waiting: Waiting::default(),
            effects: Vec::new(),
            held: 0,
        }
    }

    /// A packet of an admitted client.
    pub fn receive(&mut self, now: Duration, id: ConnId, packet: Incoming) {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.closing) else { return };
        conn.heard = now;
        match packet {
            Incoming::Connect(_) => self.fault(now, id, Fault::new(code::PROTOCOL, "a second CONNECT")),
            Incoming::Publish(publish) => self.published(now, id, publish),
            Incoming::Acknowledged(packet) => self.settle(now, id, |queue| queue.acknowledged(packet)),
            Incoming::Received { id: packet, failed } => self.received(now, id, packet, failed),
            Incoming::Completed(packet) => self.settle(now, id, |queue| queue.completed(packet)),
            Incoming::Release(packet) => self.release(id, packet),
            Incoming::Subscribe { id: packet, wants } => self.subscribe(now, id, packet, &wants),
            Incoming::Unsubscribe { id: packet, filters } => self.unsubscribe(id, packet, &filters),
            Incoming::Ping => self.control(id, wire::ping_response()),
            Incoming::Disconnect { code, session_expiry_s } => self.leave(now, id, code, session_expiry_s),
        }
    }

    /// What the client sent is no packet.
    pub fn fault(&mut self, now: Duration, id: ConnId, fault: Fault) {
        self.tell(id, Offence::Fault(fault.code));
        self.hang_up(now, id, fault.code);
    }

    /// What to write next; None when there is nothing, for now or for ever.
    pub fn poll_transmit(&mut self, now: Duration, id: ConnId) -> Option<Chunk> {
        let conn = self.conns.get_mut(&id)?;
        if let Some(head) = conn.control.pop_front() {
            if conn.control.is_empty() {
                conn.control = VecDeque::new();
            }
            return Some(Chunk { head, payload: Bytes::new() });
        }
        let session = self.sessions.get_mut(&conn.session).filter(|_| !conn.closing)?;
        let before = session.queue.bytes();
        let chunk = loop {
            let Some(next) = session.queue.next(now, conn.window) else { break None };
            match next {
                Next::Release(packet) => {
                    let head = wire::acknowledgement(conn.version, 0x62, packet, code::SUCCESS);
                    break Some(Chunk { head, payload: Bytes::new() });
                }
                Next::Publish { entry, id, repeated } => match conn.write(now, &entry, id, repeated) {
                    Some(chunk) => break Some(chunk),
                    // MQTT-3.1.2-25: what the client can't take is treated as delivered.
                    None => id.into_iter().for_each(|id| session.queue.abandon(id)),
                },
            }
        };
        self.held = self.held + session.queue.bytes() - before;
        chunk
    }

    /// Whether the connection is to be closed, once everything is written.
    pub fn is_closing(&self, id: ConnId) -> bool {
        self.conns.get(&id).is_none_or(|conn| conn.closing)
    }

    /// Whether so much waits for the client that nothing more should be read of it.
    pub fn is_congested(&self, id: ConnId) -> bool {
        self.conns.get(&id).is_some_and(|conn| conn.control.len() >= MAX_CONTROL)
    }

    /// The socket is gone: the will is due, and the connection forgotten.
    pub fn lost(&mut self, now: Duration, id: ConnId) {
        self.detach_conn(now, id, true);
        self.end_wait(id);
        if let Some(conn) = self.conns.remove(&id) {
            self.timers.remove(&(conn.silence_at, Timer::Silence(id)));
        }
    }

    /// The client is not read for a while, or read again: its silence meanwhile is not its own.
    pub fn hold_up(&mut self, now: Duration, id: ConnId, held_up: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.held_up = held_up;
            conn.heard = now;
        }
    }

    /// Ends all connections: the process stops.
    pub fn shut_down(&mut self, now: Duration) {
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for id in all {
            self.hang_up(now, id, code::SHUTTING_DOWN);
        }
    }

    /// Connections, those that are being closed included.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// What is wanted of the host since it last asked.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// When to call [`Machine::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Silence(id) => self.silent(now, id),
                Timer::Wait(id) => self.hang_up(now, id, code::CONNECT_TIME),
                Timer::Expiry(session) => self.end_session(now, session),
                Timer::Will(session) => self.will_due(now, session),
            }
        }
    }

    /// One and a half times the keep-alive time (MQTT-3.1.2-24); looked at again if it was heard since.
    fn silent(&mut self, now: Duration, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let heard = if conn.held_up { now } else { conn.heard };
        let due = heard + conn.patience;
        if due > now {
            conn.silence_at = due;
            self.timers.insert((due, Timer::Silence(id)));
        } else {
            self.hang_up(now, id, code::KEEP_ALIVE);
        }
    }

    /// An acknowledgement of what we sent.
    fn settle(&mut self, now: Duration, id: ConnId, known: impl FnOnce(&mut Queue) -> bool) {
        let Some(session) = self.session_of(id) else { return };
        let before = session.queue.bytes();
        let known = known(&mut session.queue);
        let after = session.queue.bytes();
        self.held = self.held + after - before;
        if known {
            self.effects.push(Effect::Wake(id));
        } else {
            self.fault(now, id, Fault::new(code::PROTOCOL, "an acknowledgement of nothing"));
        }
    }

    fn received(&mut self, now: Duration, id: ConnId, packet: u16, failed: bool) {
        self.settle(now, id, |queue| queue.received(packet, failed));
        if !failed && let Some(version) = self.version_of(id) {
            self.control(id, wire::acknowledgement(version, 0x62, packet, code::SUCCESS));
        }
    }

    /// PUBREL: the client's QoS 2 message is done with.
    fn release(&mut self, id: ConnId, packet: u16) {
        let Some(session) = self.session_of(id) else { return };
        let reason = if session.unreleased.remove(&packet) { code::SUCCESS } else { code::NO_PACKET_ID };
        let version = session.version;
        self.control(id, wire::acknowledgement(version, 0x70, packet, reason));
    }

    /// Queues a packet that is no PUBLISH. Who can't take it can't be served (MQTT-3.1.2-24).
    fn control(&mut self, id: ConnId, packet: Bytes) {
        if let Some(conn) = self.conns.get_mut(&id).filter(|conn| !conn.closing) {
            if packet.len() > conn.max_packet {
                conn.closing = true;
            } else {
                conn.control.push_back(packet);
            }
            self.effects.push(Effect::Wake(id));
        }
    }

    /// Something was not allowed; who goes on trying is closed. False when it was.
    fn refuse(&mut self, now: Duration, id: ConnId, offence: Offence) -> bool {
        self.tell(id, offence);
        let Some(conn) = self.conns.get_mut(&id) else { return false };
        conn.refusals += 1;
        if conn.refusals >= MAX_REFUSALS {
            self.hang_up(now, id, code::NOT_AUTHORIZED);
            return false;
        }
        true
    }

    fn tell(&mut self, id: ConnId, what: Offence) {
        if let Some(conn) = self.conns.get(&id) {
            let (peer_addr, identity) = (conn.peer_addr, Some(conn.identity.clone()));
            self.effects.push(Effect::Tell(Incident { peer_addr, identity, what }));
        }
    }

    fn session_of(&mut self, id: ConnId) -> Option<&mut Session> {
        let conn = self.conns.get(&id).filter(|conn| !conn.closing)?;
        self.sessions.get_mut(&conn.session).map(Box::as_mut)
    }

    fn version_of(&self, id: ConnId) -> Option<Version> {
        self.conns.get(&id).map(|conn| conn.version)
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Conn {
    /// None when it is larger than the client takes.
    fn write(&self, now: Duration, entry: &Entry, id: Option<u16>, repeated: bool) -> Option<Chunk> {
        let message = &entry.held.message;
        let joined = entry.held.joined.as_ref().filter(|_| self.version == Version::V3_1_1);
        let flags = wire::Flags { qos: entry.qos, repeated, retain: entry.retain };
        let topic = joined.unwrap_or(&message.topic);
        let head = wire::publish(self.version, message, topic, id, flags, entry.held.expiry_s(now));
        let payload = message.payload.clone();
        (head.len() + payload.len() <= self.max_packet).then_some(Chunk { head, payload })
    }

    fn new_window(receive_maximum: u16) -> usize {
        usize::from(receive_maximum).min(MAX_IN_FLIGHT)
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("conns", &self.conns.len())
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

/// The lower of what a publisher gave and a subscriber was granted.
fn delivered(published: Qos, granted: Qos) -> Qos {
    published.min(granted)
}
