//! The clock, the way between the two sides, and what must hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dm::Mono;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use usp_endpoint::Record;
use usp_endpoint::session::Session;
use usp_endpoint::session::io::{Failure, Input, Output, Policy, Ticket};
use usp_proto::RecordType;
use usp_proto::record::{PayloadSarState, SessionContext};
use usp_proto::session::Crypto;

use super::super::peer::{Named, credential, id};
use super::Flaws;

const TRANSITIONS: u64 = 60;
const MAX_EVENTS: usize = 60_000;
const NAMES: [&str; 2] = ["self::us", "os::peer"];
/// More than the longest wait of the schedule.
const SETTLED: Duration = Duration::from_secs(3 * 3600);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Payload {
    Plain,
    Signed,
    Tls,
}

#[derive(Clone, Debug)]
enum Event {
    Send(usize),
    Arrive(usize, Bytes),
    Restart(usize),
    Reset(usize),
    Calm,
    /// The last Message of a side: nothing may be in its way.
    Last(usize),
}

struct Side {
    session: Session,
    /// Messages of this life whose fate is open, by their numbers.
    open: BTreeMap<u64, Bytes>,
    /// What arrived in this life.
    got: Vec<u64>,
    /// What of it had not arrived in an earlier life, in order.
    fresh: Vec<u64>,
    last: Option<u64>,
}

pub(super) struct World {
    now: Mono,
    random: ChaCha12Rng,
    queue: BTreeMap<(Mono, u64), Event>,
    count: u64,
    sides: [Side; 2],
    payload: Payload,
    policy: Policy,
    /// All that was ever sent.
    messages: BTreeMap<u64, Bytes>,
    arrived: BTreeSet<u64>,
    given_up: BTreeSet<u64>,
    confirmed: BTreeSet<u64>,
    calm: bool,
    flaws: Flaws,
    pub(super) log: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, payload: Payload, flaws: Flaws) -> World {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let policy = Policy {
            tls: payload == Payload::Tls,
            sign: payload != Payload::Plain,
            max_record_bytes: [0, 512][(random.next_u32() % 2) as usize],
            max_retransmit_tries: [Some(0), Some(3), None][(random.next_u32() % 3) as usize],
            ..Policy::default()
        };
        let sides = [0, 1].map(|side| Side::new(side, payload, &policy, &mut random));
        let mut world = World {
            now: Mono(0),
            random,
            queue: BTreeMap::new(),
            count: 0,
            sides,
            payload,
            policy,
            messages: BTreeMap::new(),
            arrived: BTreeSet::new(),
            given_up: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            calm: false,
            flaws,
            log: Vec::new(),
        };
        world.plan();
        world
    }

    fn plan(&mut self) {
        let mut at = Duration::ZERO;
        for _ in 0..TRANSITIONS {
            let longest = if self.chance(60) { 200 } else { 20_000 };
            at += Duration::from_millis(self.below(longest));
            let side = self.below(2) as usize;
            let event = match self.below(100) {
                0..4 => Event::Restart(side),
                4..8 => Event::Reset(side),
                _ => Event::Send(side),
            };
            self.after(at, event);
        }
        self.after(at, Event::Calm);
        // The first ones may meet a side that has forgotten the session.
        for side in [0, 1] {
            self.after(at + SETTLED, Event::Send(side));
            self.after(at + 2 * SETTLED, Event::Last(side));
        }
    }

    /// Runs until nothing is left to do; what was violated.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..MAX_EVENTS {
            let event = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timer = [0, 1].map(|side| self.sides[side].session.poll_timeout());
            let Some(next) = timer.into_iter().chain([event]).flatten().min() else { return self.end() };
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, event) = self.queue.pop_first().expect("it was just looked at");
                self.event(event)?;
            } else {
                let side = if timer[0] == Some(next) { 0 } else { 1 };
                self.input(side, Input::Timeout)?;
            }
        }
        Err("it never comes to rest".to_owned())
    }

    fn event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Send(side) => self.send(side).map(drop),
            Event::Last(side) => {
                let number = self.send(side)?;
                self.sides[side].last = Some(number);
                Ok(())
            }
            Event::Arrive(side, record) => match Record::decode(record) {
                Ok(record) => {
                    let protected = self.payload == Payload::Plain;
                    self.input(side, Input::Record { record, protected })
                }
                Err(_) => Ok(()),
            },
            Event::Restart(side) => {
                self.log(&format!("{side} restarts"));
                self.cut(side);
                // Nobody is left to be told what becomes of these.
                self.given_up.extend(self.sides[side].open.keys());
                self.sides[side] = Side::new(side, self.payload, &self.policy, &mut self.random);
                Ok(())
            }
            Event::Reset(side) => self.input(side, Input::Reset),
            Event::Calm => {
                self.log("calm");
                self.calm = true;
                Ok(())
            }
        }
    }

    fn send(&mut self, side: usize) -> Result<u64, String> {
        let number = self.messages.len() as u64;
        let mut message = number.to_be_bytes().to_vec();
        let len = if self.chance(30) { self.below(4000) } else { self.below(40) };
        message.extend((0..len).map(|at| (at + number) as u8));
        let message = Bytes::from(message);
        self.messages.insert(number, message.clone());
        self.sides[side].open.insert(number, message.clone());
        self.log(&format!("{side} sends message {number}"));
        self.input(side, Input::Send { ticket: Ticket(number), message })?;
        Ok(number)
    }

    fn input(&mut self, side: usize, input: Input) -> Result<(), String> {
        self.sides[side].session.handle(self.now, input);
        while let Some(output) = self.sides[side].session.poll_output() {
            self.output(side, output)?;
        }
        Ok(())
    }

    fn output(&mut self, side: usize, output: Output) -> Result<(), String> {
        match output {
            Output::Send(record) => self.carry(side, &record),
            Output::Deliver(message) => return self.deliver(side, &message),
            Output::Confirmed(Ticket(number)) => {
                self.log(&format!("{side} has message {number} confirmed"));
                self.sides[side].open.remove(&number);
                self.confirmed.insert(number);
                if !self.arrived.contains(&number) {
                    return Err(format!("message {number} is confirmed and has not arrived"));
                }
            }
            Output::Failed(Ticket(number), failure) => {
                self.log(&format!("{side} gives up message {number}: {failure:?}"));
                let message = self.sides[side].open.remove(&number);
                self.given_up.insert(number);
                if self.flaws.repeats_what_is_in_doubt && failure == Failure::InDoubt && !self.calm {
                    let message = message.unwrap_or_default();
                    return self.input(side, Input::Send { ticket: Ticket(number), message });
                }
            }
            Output::Disconnect { code, .. } => return Err(format!("{side} disconnects: {code}")),
            Output::Noticed(what) => self.log(&format!("{side}: {what}")),
        }
        Ok(())
    }

    fn deliver(&mut self, side: usize, message: &Bytes) -> Result<(), String> {
        let number = message.first_chunk().map(|number| u64::from_be_bytes(*number)).unwrap_or(u64::MAX);
        self.log(&format!("{side} gets message {number}"));
        if self.messages.get(&number) != Some(message) {
            return Err(format!("what {side} got is not what was sent: {} bytes", message.len()));
        }
        if self.sides[side].got.contains(&number) {
            return Err(format!("message {number} arrived twice"));
        }
        self.sides[side].got.push(number);
        if self.arrived.insert(number) {
            self.sides[side].fresh.push(number);
        }
        self.check_order(side)
    }

    /// What is given up may still arrive late, and so may copies of what a side got before it restarted; all
    /// else keeps its order.
    fn check_order(&self, side: usize) -> Result<(), String> {
        let kept = self.sides[side].fresh.iter().filter(|number| !self.given_up.contains(number));
        match kept.is_sorted() {
            true => Ok(()),
            false => Err(format!("out of order at {side}: {:?}", self.sides[side].fresh)),
        }
    }

    fn end(&self) -> Result<(), String> {
        for side in &self.sides {
            if let Some(number) = side.open.keys().find(|number| !self.arrived.contains(number)) {
                return Err(format!("message {number} neither arrived nor was given up"));
            }
            let last = side.last.expect("each side has a last one");
            if !self.confirmed.contains(&last) {
                return Err(format!("message {last} was never confirmed, though nothing was in its way"));
            }
        }
        Ok(())
    }

    /// Takes a Record to the other side, or doesn't.
    fn carry(&mut self, from: usize, record: &Bytes) {
        let record = self.distort(record);
        let to = 1 - from;
        if self.calm {
            return self.after(Duration::from_millis(30), Event::Arrive(to, record));
        }
        if self.chance(12) {
            return;
        }
        let copies = if self.chance(10) { 2 } else { 1 };
        for _ in 0..copies {
            let longest = if self.chance(10) { 20_000 } else { 200 };
            let delay = Duration::from_millis(10 + self.below(longest));
            let record = if self.chance(3) { self.corrupt(&record) } else { record.clone() };
            self.after(delay, Event::Arrive(to, record));
        }
    }

    /// Without a signature nothing notices, a signature covers numbers, and TLS the rest.
    fn corrupt(&mut self, record: &Bytes) -> Bytes {
        match self.payload {
            Payload::Plain => Bytes::new(),
            Payload::Signed => {
                let (which, bit) = (self.below(4), 1 << self.below(8));
                rewrite(record, |context| match which {
                    0 => context.session_id ^= bit,
                    1 => context.sequence_id ^= bit,
                    2 => context.expected_id ^= bit,
                    _ => context.retransmit_id ^= bit,
                })
            }
            Payload::Tls => {
                let mut bytes = record.to_vec();
                let at = self.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.below(8);
                Bytes::from(bytes)
            }
        }
    }

    fn distort(&self, record: &Bytes) -> Bytes {
        let flaws = self.flaws;
        if !flaws.expects_the_first && !flaws.confirms_too_much && !flaws.ignores_segments {
            return record.clone();
        }
        rewrite(record, |context| {
            if flaws.expects_the_first {
                context.expected_id = 1;
            }
            if flaws.confirms_too_much && context.expected_id > 1 && !self.calm {
                context.expected_id += 1;
            }
            if flaws.ignores_segments {
                context.payload_sar_state = PayloadSarState::None;
                context.payloadrec_sar_state = PayloadSarState::None;
            }
        })
    }

    /// The connection of a side that dies ends with it: what was on the way to it is lost, and what it has sent
    /// arrives before the next connection stands. (A copy that outlives a process can pass for one of the next
    /// process's own: the session's module says so.)
    fn cut(&mut self, side: usize) {
        let (flying, rest) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|(_, event)| matches!(event, Event::Arrive(..)));
        self.queue = rest;
        let flying: BTreeMap<_, _> = flying;
        for event in flying.into_values().filter(|event| matches!(event, Event::Arrive(to, _) if *to != side))
        {
            self.after(Duration::ZERO, event);
        }
    }

    fn after(&mut self, wait: Duration, event: Event) {
        self.count += 1;
        self.queue.insert((self.now + wait, self.count), event);
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    fn log(&mut self, line: &str) {
        self.log.push(format!("{:>12} {line}", self.now.0));
    }
}

impl Side {
    fn new(side: usize, payload: Payload, policy: &Policy, random: &mut ChaCha12Rng) -> Side {
        let mut seed = [0; 32];
        random.fill_bytes(&mut seed);
        let crypto: Option<Arc<dyn Crypto>> = match payload {
            Payload::Plain => None,
            Payload::Signed => Some(Arc::new(Named(NAMES[side]))),
            Payload::Tls => Some(credential(NAMES[side])),
        };
        let session = Session::new(id(NAMES[side]), id(NAMES[1 - side]), policy.clone(), crypto, seed);
        Side { session, open: BTreeMap::new(), got: Vec::new(), fresh: Vec::new(), last: None }
    }
}

fn rewrite(record: &Bytes, change: impl FnOnce(&mut SessionContext)) -> Bytes {
    let mut record = Record::decode(record.clone()).expect("it was just encoded");
    if let RecordType::Session(context) = &mut record.record_type {
        change(context);
    }
    record.encode()
}
