//! The world's clock, its wire, and the order of events.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use dm::tree::Transaction;
use dm::{Mono, Now};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use usp_endpoint::agent::io as agent_io;
use usp_endpoint::controller::io as controller_io;
use usp_endpoint::session::io::Mode;
use usp_proto::exchange::{Direction, Entry};
use usp_proto::link::LinkId;

use super::Flaws;
use super::agent::Agent;
use super::controller::Controller;
use super::expect::Expect;
use super::transition::Transition;

/// How many transitions a world has, and how long it may take to settle.
const TRANSITIONS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(12 * 3600);
const MAX_EVENTS: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Agent,
    Controller,
}

/// What happens at some time. A number is the life of the side in which it was asked for: what a side
/// waited for when it stopped does not come any more.
#[derive(Debug)]
pub(super) enum Event {
    Transition(Transition),
    Start(Side),
    Dial,
    Accept(LinkId),
    Open(LinkId),
    Arrive(Side, LinkId, Bytes),
    Gone(Side, LinkId),
    Refreshed(u32, agent_io::Ticket),
    Committed(u32, agent_io::Ticket, Vec<Transaction>),
    CommandEnded(u32, agent_io::Ticket, String),
    Kept(u32, controller_io::Ticket, Box<controller_io::Notification>),
    NotKept(u32, controller_io::Ticket),
    OnboardAgain(u32),
}

/// The connection that stands.
pub(super) struct Wire {
    pub(super) id: LinkId,
    delay: Duration,
    /// When the last Record of each direction arrives: a stream keeps its order.
    to_agent: Mono,
    to_controller: Mono,
    /// What the agent sent lately.
    recent: Vec<Bytes>,
}

pub(super) struct World {
    pub(super) now: Mono,
    pub(super) random: ChaCha12Rng,
    queue: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    pub(super) wire: Option<Wire>,
    links: u64,
    pub(super) agent: Agent,
    pub(super) controller: Controller,
    pub(super) expect: Expect,
    pub(super) flaws: Flaws,
    /// How both sides want end-to-end sessions.
    pub(super) modes: [Mode; 2],
    /// Whether those are under TLS, or signed.
    pub(super) tls: bool,
    /// Nothing bad happens any more.
    pub(super) calm: bool,
    pub(super) log: Vec<String>,
    /// What the controller heard and sent.
    pub(super) exchange: Vec<Entry>,
}

impl World {
    /// A world in which nothing happens from outside.
    pub(super) fn undisturbed(seed: u64, flaws: Flaws) -> World {
        let mut world = World {
            now: Mono(0),
            random: ChaCha12Rng::seed_from_u64(seed),
            queue: BTreeMap::new(),
            sequence: 0,
            wire: None,
            links: 0,
            agent: Agent::new(),
            controller: Controller::default(),
            expect: Expect::new(),
            flaws,
            modes: [Mode::Forbid; 2],
            tls: false,
            calm: false,
            log: Vec::new(),
            exchange: Vec::new(),
        };
        world.after(0, 1000, Event::Start(Side::Controller));
        world.after(0, 1000, Event::Start(Side::Agent));
        world
    }

    pub(super) fn new(seed: u64, flaws: Flaws) -> World {
        let mut world = World::undisturbed(seed, flaws);
        let mut at = Mono(0);
        for _ in 0..TRANSITIONS {
            let transition = Transition::draw(&mut world.random);
            // Bursts and lulls.
            let gap = if world.chance(50) { world.between(0, 300) } else { world.between(0, 15_000) };
            at = at + Duration::from_millis(gap);
            world.at(at, Event::Transition(transition));
        }
        world
    }

    /// Runs until all is settled; what was violated.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let mut end = None;
        for _ in 0..MAX_EVENTS {
            if let Some(violation) = self.expect.violation.take() {
                return Err(violation);
            }
            let stormy = self.queue.values().any(|event| matches!(event, Event::Transition(_)));
            if !stormy && !self.calm {
                self.calm = true;
                end = Some(self.now + PATIENCE);
                self.note("calm");
            }
            let unsettled = self.unsettled();
            if self.calm && unsettled.is_none() && self.queue.is_empty() {
                self.expect.judge(&self.agent.tree);
                return self.expect.violation.take().map_or(Ok(()), Err);
            }
            if end.is_some_and(|end| self.now >= end) {
                return Err(unsettled.unwrap_or_else(|| "the world does not come to rest".to_owned()));
            }
            self.step()?;
        }
        Err("events without end".to_owned())
    }

    /// What is not as it should be in the end.
    fn unsettled(&self) -> Option<String> {
        let missing = self.expect.missing().or_else(|| self.controller.unfinished());
        missing.or_else(|| self.agent.not_onboarded()).or_else(|| self.agent.unarmed())
    }

    /// The next event, or the next wish of a machine to be woken.
    fn step(&mut self) -> Result<(), String> {
        let event = self.queue.keys().next().map(|(at, _)| *at);
        let agent = self.agent.machine.as_ref().and_then(|machine| machine.poll_timeout());
        let controller = self.controller.machine.as_ref().and_then(|machine| machine.poll_timeout());
        let Some(next) = [event, agent, controller].into_iter().flatten().min() else {
            return Err(self.unsettled().unwrap_or_else(|| "nothing happens any more".to_owned()));
        };
        self.now = self.now.max(next);
        if event == Some(next) {
            let (_, event) = self.queue.pop_first().expect("just seen");
            self.happen(event);
        } else if agent == Some(next) {
            self.agent_input(agent_io::Input::Timeout);
        } else {
            self.controller_input(controller_io::Input::Timeout);
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Transition(transition) => self.transition(transition),
            Event::Start(Side::Agent) => self.start_agent(),
            Event::Start(Side::Controller) => self.start_controller(),
            Event::Dial => self.dial(),
            Event::Accept(link) => self.accepted(link),
            Event::Open(link) => self.opened(link),
            Event::Arrive(Side::Agent, link, record) => self.agent_hears(link, record),
            Event::Arrive(Side::Controller, link, record) => self.controller_hears(link, record),
            Event::Gone(Side::Agent, link) => self.agent_loses(link),
            Event::Gone(Side::Controller, link) => self.controller_loses(link),
            Event::Refreshed(life, ticket) => self.refreshed(life, ticket),
            Event::Committed(life, ticket, transactions) => self.committed(life, ticket, &transactions),
            Event::CommandEnded(life, ticket, key) => self.command_ended(life, ticket, key),
            Event::Kept(life, ticket, notification) => self.kept(life, ticket, &notification),
            Event::NotKept(life, ticket) => self.not_kept(life, ticket),
            Event::OnboardAgain(life) => self.onboard_again(life),
        }
    }

    fn transition(&mut self, transition: Transition) {
        self.note(format_args!("{transition:?}"));
        match transition {
            Transition::Cut { late } => self.cut(late),
            Transition::RestartAgent => self.stop_agent(),
            Transition::RestartController => self.stop_controller(),
            Transition::Replay => self.replay(),
            Transition::ChangeValue => self.change_value(),
            Transition::Job(kind) => self.new_job(kind),
        }
    }

    /// The agent dials; it tries again later if the controller is away.
    fn dial(&mut self) {
        if self.agent.machine.is_none() || self.agent.link.is_some() || self.wire.is_some() {
            return;
        }
        if self.controller.machine.is_none() {
            return self.after(200, 3000, Event::Dial);
        }
        self.links += 1;
        let id = LinkId(self.links);
        let delay = Duration::from_millis(self.between(1, 300));
        let accepted = self.now + delay;
        let opened = accepted + delay;
        self.wire = Some(Wire { id, delay, to_agent: opened, to_controller: opened, recent: Vec::new() });
        self.at(accepted, Event::Accept(id));
        self.at(opened, Event::Open(id));
    }

    /// Puts a Record on the wire; on a dead one it vanishes.
    pub(super) fn transmit(&mut self, to: Side, link: LinkId, record: Bytes) {
        let jitter = Duration::from_micros(self.between(0, 20_000));
        let Some(wire) = self.wire.as_mut().filter(|wire| wire.id == link) else { return };
        let last = match to {
            Side::Agent => &mut wire.to_agent,
            Side::Controller => &mut wire.to_controller,
        };
        let at = (self.now + wire.delay + jitter).max(*last);
        *last = at;
        if to == Side::Controller {
            wire.recent.push(record.clone());
        }
        self.at(at, Event::Arrive(to, link, record));
    }

    /// A Record that the agent sent on this connection arrives again.
    fn replay(&mut self) {
        let Some(wire) = &self.wire else { return };
        let (id, count) = (wire.id, wire.recent.len());
        if count > 0 {
            let at = self.between(0, count as u64 - 1) as usize;
            let record = self.wire.as_ref().expect("just seen").recent[at].clone();
            self.transmit(Side::Controller, id, record);
        }
    }

    /// The connection breaks, and each side notices in its own time.
    fn cut(&mut self, late: bool) {
        let Some(wire) = self.wire.take() else { return };
        self.queue.retain(|_, event| match event {
            Event::Arrive(Side::Controller, link, _) => late || *link != wire.id,
            Event::Arrive(Side::Agent, link, _) | Event::Open(link) | Event::Accept(link) => *link != wire.id,
            _ => true,
        });
        let (agent, controller) = (self.between(0, 3000), self.between(0, 5000));
        self.at(self.now + Duration::from_millis(agent), Event::Gone(Side::Agent, wire.id));
        let noticed = self.now + Duration::from_millis(controller);
        self.at(noticed.max(wire.to_controller), Event::Gone(Side::Controller, wire.id));
        if self.agent.link.is_none() {
            // It was about to open.
            self.after(100, 3000, Event::Dial);
        }
    }

    /// One side is gone: the other notices.
    pub(super) fn hang_up(&mut self, by: Side) {
        let Some(wire) = self.wire.take() else { return };
        self.queue.retain(|_, event| match event {
            Event::Arrive(_, link, _) | Event::Open(link) | Event::Accept(link) => *link != wire.id,
            _ => true,
        });
        match by {
            Side::Agent => self.after(0, 5000, Event::Gone(Side::Controller, wire.id)),
            Side::Controller if self.agent.link == Some(wire.id) => {
                self.after(0, 5000, Event::Gone(Side::Agent, wire.id));
            }
            Side::Controller => self.after(100, 3000, Event::Dial),
        }
    }

    pub(super) fn at(&mut self, at: Mono, event: Event) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), event);
    }

    /// After some time between these milliseconds.
    pub(super) fn after(&mut self, from: u64, to: u64, event: Event) {
        let wait = Duration::from_millis(self.between(from, to));
        self.at(self.now + wait, event);
    }

    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.random.next_u64() % (to - from + 1)
    }

    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.random.next_u64() % 100 < percent
    }

    /// A seed for a machine.
    pub(super) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.random.fill_bytes(&mut seed);
        seed
    }

    pub(super) fn clock(&self) -> Now {
        Now { mono: self.now, utc: None }
    }

    /// Keeps a Record as the controller saw it.
    pub(super) fn record(&mut self, direction: Direction, record: &Bytes) {
        self.exchange.push(Entry::described(direction, self.now.0, record.clone()));
    }

    pub(super) fn note(&mut self, what: impl std::fmt::Display) {
        self.log.push(format!("{:>12.6} {what}", self.now.0 as f64 / 1e6));
    }
}
