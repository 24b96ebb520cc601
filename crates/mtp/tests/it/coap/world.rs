//! Two machines and a network between them, with a clock of its own: datagrams are lost, doubled and overtake each
//! other by the dice of a seed.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use mtp::Role;
use mtp::coap::Failure;
use mtp::coap::machine::{Arrived, Config, Event, Machine};
use mtp::coap::message::{Code, Kind, Message};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use usp_proto::{EndpointId, Record, RecordType, Version};

pub(crate) const AGENT: &str = "192.0.2.1:5683";
pub(crate) const CONTROLLER: &str = "192.0.2.2:5683";
pub(crate) const AT_AGENT: &str = "coap://192.0.2.1/usp";
pub(crate) const AT_CONTROLLER: &str = "coap://192.0.2.2/usp";
/// The same as an option's value.
pub(crate) const REPLY_TO: &str = "reply-to=coap://192.0.2.1/usp";

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn machine(role: Role, seed: u8) -> Machine {
    Machine::new(Config { path: vec!["usp".to_owned()], role }, [seed; 32])
}

/// A Record of about this many bytes, which differ from place to place.
pub(crate) fn record(bytes: usize) -> Bytes {
    let payload: Vec<u8> = (0..bytes).map(|at| (at / 7 % 251) as u8).collect();
    let id = |text: &str| EndpointId::receive(text).expect("an id");
    let kind = RecordType::NoSession { payload: payload.into() };
    Record::new(&id("os::00256D-0001"), &id("proto::controller"), Version::CURRENT, kind).encode()
}

/// What a network does to datagrams, each in percent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    pub(crate) lost: u32,
    pub(crate) doubled: u32,
    /// Late by up to a second, so that others overtake it.
    pub(crate) late: u32,
}

/// Two ends and what is between them.
pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) agent: Machine,
    pub(crate) controller: Machine,
    weather: Weather,
    dice: ChaCha8Rng,
    /// By when they arrive, and when they left.
    flying: BTreeMap<(Duration, u64), (SocketAddr, SocketAddr, Bytes)>,
    count: u64,
    pub(crate) failed: Vec<(String, Failure)>,
    pub(crate) refused: Vec<&'static str>,
    /// What arrived at either end.
    pub(crate) arrived: Vec<(&'static str, Arrived)>,
    /// Every datagram, by its sender.
    pub(crate) said: Vec<(Duration, SocketAddr, Bytes)>,
}

impl World {
    pub(crate) fn new(weather: Weather, seed: u64) -> World {
        World {
            now: Duration::ZERO,
            agent: machine(Role::Agent, 1),
            controller: machine(Role::Controller, 2),
            weather,
            dice: ChaCha8Rng::seed_from_u64(seed),
            flying: BTreeMap::new(),
            count: 0,
            failed: Vec::new(),
            refused: Vec::new(),
            arrived: Vec::new(),
            said: Vec::new(),
        }
    }

    pub(crate) fn tell_controller(&mut self, record: Bytes) {
        self.agent.send(self.now, &AT_CONTROLLER.into(), &AT_AGENT.into(), record);
    }

    pub(crate) fn tell_agent(&mut self, record: Bytes) {
        self.controller.send(self.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record);
    }

    /// Until this time, or until nothing happens any more.
    pub(crate) fn run_until(&mut self, end: Duration) {
        loop {
            self.collect();
            let timers = [self.agent.timeout(), self.controller.timeout()];
            let landing = self.flying.first_key_value().map(|((at, _), _)| *at);
            let next = timers.into_iter().flatten().chain(landing).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = self.now.max(end);
                return;
            };
            self.now = self.now.max(next);
            if landing == Some(next)
                && let Some((_, (from, to, bytes))) = self.flying.pop_first()
            {
                let end = if to == addr(AGENT) { &mut self.agent } else { &mut self.controller };
                end.receive(self.now, from, &bytes);
            } else {
                self.agent.expired(self.now);
                self.controller.expired(self.now);
            }
        }
    }

    fn collect(&mut self) {
        for (name, from) in [("agent", addr(AGENT)), ("controller", addr(CONTROLLER))] {
            loop {
                let end = if name == "agent" { &mut self.agent } else { &mut self.controller };
                if let Some(record) = end.poll_record() {
                    self.arrived.push((name, record));
                }
                match end.poll() {
                    Some(Event::Transmit { to, datagram }) => self.fly(from, to, &datagram),
                    Some(Event::Failed { uri, why }) => self.failed.push((uri.to_string(), why)),
                    Some(Event::Refused { why, .. }) => self.refused.push(why),
                    None if end.has_record() => {}
                    None => break,
                }
            }
        }
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: &Bytes) {
        self.said.push((self.now, from, bytes.clone()));
        let times = 1 + u64::from(self.chance(self.weather.doubled));
        for _ in 0..times {
            if self.chance(self.weather.lost) {
                continue;
            }
            let late = if self.chance(self.weather.late) { self.dice.next_u32() % 1000 } else { 0 };
            let at = self.now + Duration::from_millis(10 + u64::from(late));
            self.count += 1;
            self.flying.insert((at, self.count), (from, to, bytes.clone()));
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.dice.next_u32() % 100 < percent
    }

    /// The Records that arrived at an end, in their order.
    pub(crate) fn records_at(&self, name: &str) -> Vec<Bytes> {
        self.arrived.iter().filter(|(at, _)| *at == name).map(|(_, one)| one.record.clone()).collect()
    }
}

/// A machine that hand-made messages are put into.
pub(crate) struct Bench {
    pub(crate) machine: Machine,
    pub(crate) now: Duration,
    next: u16,
}

impl Bench {
    /// A controller.
    pub(crate) fn new() -> Bench {
        Bench { machine: machine(Role::Controller, 3), now: Duration::ZERO, next: 1 }
    }

    /// Who asks is there: what is sent there is believed.
    pub(crate) fn proven() -> Bench {
        let mut bench = Bench::new();
        bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(1));
        let ping = bench.said().remove(0);
        bench.hear(Message::new(Kind::Reset, Code::EMPTY, ping.id));
        let post = bench.said().remove(0);
        let mut done = Message::new(Kind::Acknowledgement, Code::CHANGED, post.id);
        done.token = post.token;
        bench.hear(done);
        assert_eq!(bench.said(), []);
        bench
    }

    /// A datagram of the agent's address.
    pub(crate) fn hear(&mut self, message: impl Borrow<Message>) {
        self.hear_from(AGENT, message);
    }

    pub(crate) fn hear_from(&mut self, from: &str, message: impl Borrow<Message>) {
        self.machine.receive(self.now, addr(from), &message.borrow().encode());
    }

    /// What is said now; failures and refusals are dropped.
    pub(crate) fn said(&mut self) -> Vec<Message> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Transmit { datagram, .. } => Some(Message::decode(&datagram).expect("a message")),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.machine.poll()).collect()
    }

    /// A confirmable message with the next id and a token.
    pub(crate) fn request(&mut self, code: Code) -> Message {
        self.next += 1;
        let mut message = Message::new(Kind::Confirmable, code, self.next);
        message.token = Bytes::from_static(b"tok");
        message
    }

    /// The only answer to a request.
    pub(crate) fn ask(&mut self, message: Message) -> Message {
        self.hear(message);
        let mut said = self.said();
        said.retain(|one| one.code != Code::EMPTY);
        assert_eq!(said.len(), 1, "{said:?}");
        said.remove(0)
    }

    pub(crate) fn arrived(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.machine.poll_record()).map(|one| one.record).collect()
    }

    /// Time passes, timers included.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.timeout().filter(|at| *at <= end) {
            self.now = at;
            self.machine.expired(at);
        }
        self.now = end;
    }
}
