//! The agent machine: one per device, for all its controllers.
//!
//! It answers requests from the tree that the host lends it, turns writes into commits, runs commands
//! through the host, and tells controllers what happened. It never waits: what needs the host comes back
//! with a ticket.

mod access;
mod arguments;
pub mod audit;
mod boot;
mod challenges;
mod commands;
pub mod consent;
mod controllers;
mod events;
pub mod io;
mod life;
mod matching;
mod notify;
mod places;
mod reads;
mod records;
mod references;
pub mod registration;
mod request_rows;
mod requests;
mod roles;
mod rules;
pub mod schedule;
mod sessions;
mod subscriptions;
mod thresholds;
mod timers;
mod trigger;
pub mod trust;
mod unheard;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use dm::tree::{Change, ChangeSet, Happening, Place, Tree};
use dm::{Mono, Now, Operation};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use usp_proto::link::{Contact, LinkId, PeerAuth, ReturnPath};
use usp_proto::session::Crypto;
use usp_proto::{EndpointId, Version};

pub use roles::{check_permission, is_target};

use crate::msg_id::MsgIds;
use audit::Auditing;
use challenges::Challenges;
use commands::{Group, Running};
use consent::Consents;
use controllers::Controller;
use io::{Boot, Input, Output, Ticket};
use notify::Queue;
use places::Touched;
use requests::{Key, Pending, WaitingWrite};
use sessions::Sessions;
use subscriptions::Subscription;
use thresholds::Threshold;
use timers::{Timer, Timers};
use trigger::Trigger;
use trust::Trust;
use unheard::Unheard;

/// What does not change while the agent runs.
#[derive(Clone)]
pub struct AgentConfig {
    /// The agent's own Endpoint.
    pub endpoint: EndpointId,
    /// What it speaks, oldest first.
    pub versions: Vec<Version>,
    /// `DeviceInfo.ManufacturerOUI`, told in OnBoardRequest.
    pub oui: String,
    /// `DeviceInfo.ProductClass`, told in OnBoardRequest.
    pub product_class: String,
    /// `DeviceInfo.SerialNumber`, told in OnBoardRequest.
    pub serial_number: String,
    /// Keys for end-to-end sessions; without them there are sessions only where the transport protects Records,
    /// and no TLS in them.
    pub crypto: Option<Arc<dyn Crypto>>,
}

impl fmt::Debug for AgentConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentConfig").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The agent's side of all its controllers.
pub struct AgentMachine {
    config: AgentConfig,
    random: ChaCha12Rng,
    msg_ids: MsgIds,
    next_ticket: u64,
    outputs: VecDeque<Output>,
    timers: Timers,
    links: BTreeMap<LinkId, Link>,
    controllers: Vec<Controller>,
    /// Enabled rows of the Controller table with the BannedRole.
    banned: BTreeSet<EndpointId>,
    challenges: Challenges,
    subscriptions: Vec<Subscription>,
    thresholds: Vec<Threshold>,
    /// When each subscription, by row number, was first seen.
    first_seen: BTreeMap<u32, Mono>,
    /// Boxed, because a map has room for eleven at least.
    queues: BTreeMap<EndpointId, Box<Queue>>,
    in_progress: BTreeSet<Key>,
    pending: BTreeMap<Ticket, Pending>,
    unheard: BTreeMap<Ticket, Vec<Unheard>>,
    writing: bool,
    waiting_writes: VecDeque<WaitingWrite>,
    running: BTreeMap<Ticket, Running>,
    groups: BTreeMap<Ticket, Group>,
    /// Taken when Boot! is told; what the tree learns before that is its first filling, not news.
    boot: Option<Boot>,
    watched: Vec<Place>,
    /// Sets of subscriptions that were triggered, to be started.
    triggered: Vec<(Trigger, Operation)>,
    /// How many triggered Sets led to what is going on right now.
    depth: u32,
    /// After [`Input::Shutdown`].
    shut: bool,
    sessions: Sessions,
    /// The time of the input that is worked on.
    now: Mono,
    recognised: Option<LinkId>,
    /// `None`: transports alone judge certificates.
    trust: Option<Box<Trust>>,
    auditing: Auditing,
    consents: Consents,
    /// Whether Messages need protection: [`AgentMachine::with_protection`].
    protects: bool,
}

/// A connection.
struct Link {
    controller: EndpointId,
    return_path: ReturnPath,
    contact: Contact,
    peer: PeerAuth,
    /// Whether a Connect record went out on it.
    greeted: bool,
    /// The controller speaks another version of MQTT (R-MQTT.26a): until it says otherwise there is silence.
    mismatched: bool,
}

impl AgentMachine {
    /// A machine that waits for [`Input::Started`]. No other start may share the seed.
    pub fn new(config: AgentConfig, seed: [u8; 32]) -> AgentMachine {
        AgentMachine {
            sessions: Sessions::new(config.crypto.clone()),
            config,
            random: ChaCha12Rng::from_seed(seed.map(|byte| !byte)),
            msg_ids: MsgIds::new(seed),
            next_ticket: 0,
            outputs: VecDeque::new(),
            timers: Timers::default(),
            links: BTreeMap::new(),
            controllers: Vec::new(),
            banned: BTreeSet::new(),
            challenges: Challenges::default(),
            subscriptions: Vec::new(),
            thresholds: Vec::new(),
            first_seen: BTreeMap::new(),
            queues: BTreeMap::new(),
            in_progress: BTreeSet::new(),
            pending: BTreeMap::new(),
            unheard: BTreeMap::new(),
            writing: false,
            waiting_writes: VecDeque::new(),
            running: BTreeMap::new(),
            groups: BTreeMap::new(),
            boot: None,
            watched: Vec::new(),
            triggered: Vec::new(),
            depth: 0,
            shut: false,
            now: Mono(0),
            recognised: None,
            trust: None,
            auditing: Auditing::default(),
            consents: Consents::default(),
            protects: false,
        }
    }

    /// Takes an input. Outputs wait in [`AgentMachine::poll_output`].
    pub fn handle(&mut self, now: Now, tree: &mut Tree, input: Input) {
        self.recognised = None;
        if self.shut {
            return;
        }
        self.now = now.mono;
        match input {
            Input::Started(boot) => self.started(now, tree, boot),
            Input::LinkUp { controller, return_path, contact, peer } => {
                let peer = self.certificate_shown(now, tree, &controller, &return_path, peer);
                self.link_up(Link {
                    controller,
                    return_path,
                    contact,
                    peer,
                    greeted: false,
                    mismatched: false,
                });
            }
            Input::LinkDown(link) => {
                self.certificate_gone(link);
                self.links.remove(&link);
            }
            Input::Record(inbound) => self.record(now, tree, inbound),
            Input::Refreshed(ticket) => self.refreshed(now, tree, ticket),
            Input::Unheard { ticket, subtrees, fault } => self.unheard(ticket, subtrees, fault),
            Input::Committed { ticket, ends, changes } => {
                self.committed(now, tree, ticket, &ends, &changes);
            }
            Input::Changed(changes) => self.changed(now, tree, &changes),
            Input::CommandEnded { ticket, result } => self.command_ended(now, tree, ticket, result),
            Input::Event(event) => self.event(tree, &event),
            Input::Consent(names) => self.local_consent(now, &names),
            Input::ModelChanged => self.model_changed(now, tree),
            Input::TrustChanged => self.judge_again(now, tree),
            Input::Timeout => self.timeout(now, tree),
            Input::Shutdown => return self.shut_down(),
        }
        self.read_sessions(now, tree);
        self.run_triggers(tree);
        self.send_notifications(now);
        self.close_distrusted();
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            self.free();
        }
        output
    }

    /// The link on which the last input showed a controller that is served: by the certificate of a new
    /// connection, or by a Record that was believed.
    pub fn recognised(&self) -> Option<LinkId> {
        self.recognised
    }

    /// When [`Input::Timeout`] is wanted.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let next = self.timers.next().into_iter().chain(self.sessions.next_timeout()).min();
        next.filter(|_| !self.shut)
    }

    /// Gives back what only work needs: an idle agent is one of ten thousand.
    fn free(&mut self) {
        self.outputs = VecDeque::new();
        self.timers.free();
        self.sessions.free();
        if self.in_progress.is_empty() {
            self.in_progress = BTreeSet::new();
        }
        if self.pending.is_empty() {
            self.pending = BTreeMap::new();
        }
        if self.running.is_empty() {
            self.running = BTreeMap::new();
        }
        if self.groups.is_empty() {
            self.groups = BTreeMap::new();
        }
    }

    fn link_up(&mut self, mut link: Link) {
        self.replace(&link);
        // R-MTP.6: before anything else, to each controller that is served.
        link.greeted = self.controller(&link.controller).is_some();
        if link.greeted {
            self.send_connect(&link.controller, link.return_path.clone(), &link.contact);
            if records::proves(&link.peer, &link.controller) {
                self.recognised = Some(link.return_path.link());
            }
            self.session_link_up(&link.controller, &link.peer, &link.return_path);
        }
        self.links.insert(link.return_path.link(), link);
    }

    fn timeout(&mut self, now: Now, tree: &mut Tree) {
        self.session_timeouts();
        while let Some(timer) = self.timers.due(now.mono) {
            match timer {
                Timer::Retry(controller, msg_id) => self.retry(now, &controller, &msg_id),
                Timer::Periodic(controller) => self.periodic(now, tree, &controller),
                Timer::OnBoard(controller) => self.onboard(&controller),
                Timer::Expiry(row) => self.expire(now, tree, row),
                Timer::FirstUse(link) => self.first_use_over(link),
                Timer::Scheduled(row) => self.timer_due(now, tree, row),
            }
        }
    }

    /// The machine's own changes of the tree.
    fn write(&mut self, now: Now, tree: &mut Tree, changes: &[Change]) {
        let happened = tree.apply(changes);
        if !happened.is_empty() {
            self.outputs.push_back(Output::Wrote(happened.clone()));
            self.audit_changes(tree, self.auditing.acting.clone().as_ref(), &happened);
            self.changed(now, tree, &happened);
        }
    }

    /// What follows from a change: notifications by the subscriptions as they were, then whatever the
    /// machine keeps of its own tables, then the end of connections that nobody is served on any more.
    fn changed(&mut self, now: Now, tree: &mut Tree, changes: &ChangeSet) {
        if self.boot.is_none() {
            self.notify_changes(tree, changes);
            self.check_thresholds(now, tree, changes);
        }
        let trust = touches(tree, changes, &[places::TRUST, places::CERTIFICATE]);
        if trust || touches(tree, changes, &[places::CONTROLLER, places::SUBSCRIPTION, places::THRESHOLD]) {
            // The last news of a controller that goes is that it goes.
            self.send_notifications(now);
            let served = self.served();
            if trust {
                // What was compiled from the tables does not hold any more.
                self.controllers.clear();
            }
            self.reload(now, tree);
            self.close_orphans(&served);
            self.greet(&served);
            self.judge_again(now, tree);
        }
    }

    /// Reads the tables that steer the machine.
    fn reload(&mut self, now: Now, tree: &mut Tree) {
        let loaded = controllers::load(tree, &self.controllers);
        (self.controllers, self.banned) = (loaded.served, loaded.banned);
        // R-ARC.2
        self.controllers.retain(|controller| controller.endpoint != self.config.endpoint);
        self.load_subscriptions(now, tree);
        self.thresholds = thresholds::load(tree);
        self.settle_queues();
        self.settle_controllers(now);
        self.settle_sessions();
        self.watch(tree);
        self.show_sessions(now, tree);
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// Asks the host for fresh values and goes on when they are there; at once if none are needed.
    fn refresh(&mut self, tree: &mut Tree, touched: Touched, then: Pending) {
        let Touched { places, parts } = touched.tidy(tree.model());
        let ticket = self.ticket();
        self.pending.insert(ticket, then);
        self.outputs.push_back(Output::Refresh { ticket, places, parts });
    }
}

/// Whether anything changed in or below one of these tables and objects.
fn touches(tree: &Tree, changes: &ChangeSet, names: &[&[&str]]) -> bool {
    let model = tree.model();
    let own: Vec<Place> = names.iter().filter_map(|names| places::table(tree, names)).collect();
    changes.iter().any(|happening| {
        let (Happening::Changed { place, .. } | Happening::Created(place) | Happening::Deleted(place)) =
            happening;
        own.iter().any(|table| place.is_within(model, table))
    })
}
