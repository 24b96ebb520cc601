//! The answering side of mDNS (RFC 6762) on one interface: it makes sure that its names are free, announces
//! them, answers for them, and says good-bye. Packets and time go in, packets come out.
//!
//! An endpoint can't take another name when somebody has its own: it falls silent, and tries again later. Known
//! answers that come in a second packet are not waited for; the answer is then one too many.

mod own;

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use simple_dns::{Packet, PacketFlag, QCLASS, QTYPE, Question};

pub use own::Advert;
use own::{Kind, Own};

use super::limits::MAX_UNICAST_ANSWERS;
use super::packet;

/// The port of mDNS: who asks from another one is a simple resolver (RFC 6762 section 6.7).
const PORT: u16 = 5353;
/// How often a name is asked for before it is taken, and how long between (section 8.1).
const PROBES: u8 = 3;
const PROBE_WAIT: Duration = Duration::from_millis(250);
/// How often a name is announced, and how long between (section 8.3).
const ANNOUNCEMENTS: u8 = 2;
const ANNOUNCE_WAIT: Duration = Duration::from_secs(1);
/// What loses a race for a name waits this long (section 8.2).
const DEFER: Duration = Duration::from_secs(1);
/// How long we are silent when somebody has our name.
const SILENCE: Duration = Duration::from_secs(60);
/// No record is sent to all more often than this (section 6).
const REPEAT: Duration = Duration::from_secs(1);
/// Answers that others may give too wait this long: milliseconds, from and how many more (section 6).
const SHARED_WAIT_MS: (u64, u64) = (20, 100);
/// How long simple resolvers may keep an answer: seconds (section 6.7).
const LEGACY_TTL: u32 = 10;

/// Where a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// Everybody on the link.
    All,
    /// Who asked.
    One(SocketAddr),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Asks whether its names are free.
    Probing { sent: u8, at: Duration },
    /// Answers; says so a few times unasked.
    Announcing { sent: u8, at: Duration },
    /// Answers.
    Established,
    /// Somebody else has its name.
    Silent { until: Duration },
}

/// Answers to all that wait to be sent.
#[derive(Debug)]
struct Waiting {
    due: Duration,
    answers: BTreeSet<usize>,
}

/// Answers for the services of one endpoint on one interface.
#[derive(Debug)]
pub struct Responder {
    own: Own,
    /// When each record was last sent to all.
    sent: Vec<Option<Duration>>,
    state: State,
    waiting: Option<Waiting>,
    unicast: VecDeque<(SocketAddr, Vec<u8>)>,
    chance: ChaCha8Rng,
}

impl Responder {
    /// Answers for these services with these addresses. `None` if the endpoint's id does not fit into a name, or an
    /// attribute into its record.
    pub fn new(
        endpoint: &usp_proto::EndpointId,
        adverts: &[Advert],
        addresses: &[IpAddr],
        now: Duration,
        seed: [u8; 32],
    ) -> Option<Responder> {
        let own = Own::new(endpoint, adverts, addresses)?;
        let mut chance = ChaCha8Rng::from_seed(seed);
        // Not all devices of a house at once, when the power comes back.
        let at = now + Duration::from_millis(chance.next_u64() % 250);
        let sent = vec![None; own.records.len()];
        let state = State::Probing { sent: 0, at };
        Some(Responder { own, sent, state, waiting: None, unicast: VecDeque::new(), chance })
    }

    /// Whether the names are ours, and questions are answered.
    pub fn answers(&self) -> bool {
        matches!(self.state, State::Announcing { .. } | State::Established)
    }

    /// When [`Responder::poll`] has something to do next; `None` without a packet or a question never.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if !self.unicast.is_empty() {
            return Some(Duration::ZERO);
        }
        let state = match self.state {
            State::Probing { at, .. } | State::Announcing { at, .. } => Some(at),
            State::Silent { until } => Some(until),
            State::Established => None,
        };
        let waiting = self.waiting.as_ref().map(|waiting| waiting.due);
        state.into_iter().chain(waiting).min()
    }

    /// The next packet that is due.
    pub fn poll(&mut self, now: Duration) -> Option<(To, Vec<u8>)> {
        if let Some((to, bytes)) = self.unicast.pop_front() {
            return Some((To::One(to), bytes));
        }
        match self.state {
            State::Probing { sent, at } if at <= now => return Some((To::All, self.probe(sent, now)?)),
            State::Announcing { sent, at } if at <= now => {
                let sent = sent + 1;
                self.state = match sent < ANNOUNCEMENTS {
                    true => State::Announcing { sent, at: now + ANNOUNCE_WAIT },
                    false => State::Established,
                };
                let announced = self.own.announced();
                return self.multicast(&announced, now);
            }
            State::Silent { until } if until <= now => self.state = State::Probing { sent: 0, at: now },
            _ => {}
        }
        let waiting = self.waiting.take_if(|waiting| waiting.due <= now)?;
        self.multicast(&waiting.answers, now)
    }

    /// Takes a packet. `own` says that it came from this host: then it takes no name away.
    pub fn handle(&mut self, now: Duration, from: SocketAddr, own: bool, bytes: &[u8]) {
        let Some(readable) = packet::readable(bytes) else { return };
        let Some(packet) = packet::parse(&readable) else { return };
        if packet.has_flags(PacketFlag::RESPONSE) {
            // What another port says is no mDNS (section 6).
            if !own && from.port() == PORT {
                self.hear(now, &packet);
            }
            return;
        }
        if let State::Probing { .. } = self.state
            && !own
            && self.own.loses(&packet.name_servers)
        {
            self.state = State::Probing { sent: 0, at: now + DEFER };
        }
        if self.answers() {
            self.answer(now, from, &packet);
        }
    }

    /// The last packet: nobody need remember us. Nothing, if nobody knows us.
    pub fn good_bye(&mut self) -> Option<Vec<u8>> {
        let answered = self.answers();
        self.state = State::Silent { until: Duration::MAX };
        let mut packet = Packet::new_reply(0);
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        packet.answers = self.own.announced().iter().map(|at| self.own.records[*at].record.clone()).collect();
        packet.answers.iter_mut().for_each(|record| record.ttl = 0);
        answered.then(|| packet.build_bytes_vec_compressed().ok())?
    }

    fn probe(&mut self, sent: u8, now: Duration) -> Option<Vec<u8>> {
        if sent == PROBES {
            self.state = State::Announcing { sent: 0, at: now };
            return self.poll(now).map(|(_, bytes)| bytes);
        }
        self.state = State::Probing { sent: sent + 1, at: now + PROBE_WAIT };
        let mut packet = Packet::new_query(0);
        for name in self.own.unique_names() {
            packet.questions.push(Question::new(
                name,
                QTYPE::ANY,
                QCLASS::CLASS(simple_dns::CLASS::IN),
                true,
            ));
        }
        let unique = self.own.records.iter().filter(|own| own.kind == Kind::Unique);
        packet.name_servers = unique.map(|own| own.record.clone().with_cache_flush(false)).collect();
        packet.build_bytes_vec_compressed().ok()
    }

    /// Somebody else's records: one of ours with another value takes the name away.
    fn hear(&mut self, now: Duration, packet: &Packet<'_>) {
        let theirs = packet.answers.iter().chain(&packet.additional_records);
        if !theirs.into_iter().any(|record| self.own.conflicts(record)) {
            return;
        }
        self.waiting = None;
        self.state = match self.state {
            // They were first.
            State::Probing { .. } | State::Silent { .. } => State::Silent { until: now + SILENCE },
            // Both have it: whoever is left after both have asked again.
            State::Announcing { .. } | State::Established => State::Probing { sent: 0, at: now },
        };
    }

    fn answer(&mut self, now: Duration, from: SocketAddr, packet: &Packet<'_>) {
        let legacy = from.port() != PORT;
        let (mut to_all, mut to_one) = (BTreeSet::new(), BTreeSet::new());
        for question in packet.questions.iter().take(super::limits::MAX_QUESTIONS) {
            let answers = self.own.answers(question);
            let unknown = answers.into_iter().filter(|at| !self.own.is_known(*at, &packet.answers));
            if legacy || question.unicast_response { to_one.extend(unknown) } else { to_all.extend(unknown) }
        }
        if !to_one.is_empty() && self.unicast.len() < MAX_UNICAST_ANSWERS {
            let bytes = if legacy { self.legacy(packet, &to_one) } else { self.packet(&to_one) };
            self.unicast.extend(bytes.map(|bytes| (from, bytes)));
        }
        to_all.retain(|at| self.sent[*at].is_none_or(|sent| now >= sent + REPEAT));
        if to_all.is_empty() {
            return;
        }
        let shared = to_all.iter().any(|at| self.own.records[*at].kind == Kind::Shared);
        let (least, more) = SHARED_WAIT_MS;
        let wait = if shared { least + self.chance.next_u64() % (more + 1) } else { 0 };
        let due = now + Duration::from_millis(wait);
        let waiting = self.waiting.get_or_insert(Waiting { due, answers: BTreeSet::new() });
        waiting.due = waiting.due.min(due);
        waiting.answers.extend(to_all);
    }

    fn multicast(&mut self, answers: &BTreeSet<usize>, now: Duration) -> Option<(To, Vec<u8>)> {
        for at in answers {
            self.sent[*at] = Some(now);
        }
        Some((To::All, self.packet(answers)?))
    }

    fn packet(&self, answers: &BTreeSet<usize>) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(0);
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        let record = |at: &usize| self.own.records[*at].record.clone();
        packet.answers = answers.iter().map(record).collect();
        packet.additional_records = self.own.additional(answers).iter().map(record).collect();
        packet.build_bytes_vec_compressed().ok()
    }

    /// For resolvers that know only DNS: with their number and question, and without the bit that is no part of it.
    fn legacy(&self, asked: &Packet<'_>, answers: &BTreeSet<usize>) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(asked.id());
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        let plain = |at: &usize| {
            let mut record = self.own.records[*at].record.clone().with_cache_flush(false);
            record.ttl = record.ttl.min(LEGACY_TTL);
            record
        };
        packet.questions = asked.questions.iter().take(super::limits::MAX_QUESTIONS).cloned().collect();
        packet.answers = answers.iter().map(plain).collect();
        packet.additional_records = self.own.additional(answers).iter().map(plain).collect();
        packet.build_bytes_vec_compressed().ok()
    }
}
