//! End-to-end sessions with controllers, by `Device.LocalAgent.Controller.{i}.E2ESession.`: who has one, which
//! Messages travel in it, and what the table shows of it.
//!
//! A session belongs to a controller, not to a connection: it goes on by the next one. A Record is believed as
//! R-E2E.30 says: its transport protects it, or a signature does. An agent without a key for signatures has
//! sessions only where the transport protects them, and only plain ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dm::operation::CommandResult;
use dm::tree::{Change, Place, Tree};
use dm::{Code, Fault, Mono, Now, Value};
use rand_chacha::rand_core::RngCore;
use usp_proto::link::{LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::session::Crypto;
use usp_proto::{EndpointId, Record, RecordType};

use super::controllers::uint;
use super::io::Output;
use super::requests::Origin;
use super::{AgentMachine, places};
use crate::retry::Schedule;
use crate::session::io::{Input, Mode, Output as Said, Policy, Status, Ticket};
use crate::session::{Session, protected_by_mtp};

/// The sessions of an agent.
#[derive(Default)]
pub(super) struct Sessions {
    crypto: Option<Arc<dyn Crypto>>,
    held: BTreeMap<EndpointId, Box<Held>>,
    /// Messages that came by sessions and are not looked at yet.
    came: VecDeque<(EndpointId, ReturnPath, Bytes)>,
}

struct Held {
    session: Session,
    /// Where its Records go: by what the controller spoke last, or by its latest connection.
    path: ReturnPath,
    /// What the table shows.
    shown: (Status, u32),
    /// What signed its Records last, PEM.
    certificate: Option<Bytes>,
    /// Whether the tables were not asked about it yet.
    is_unjudged: bool,
}

impl Sessions {
    pub(super) fn new(crypto: Option<Arc<dyn Crypto>>) -> Sessions {
        Sessions { crypto, ..Sessions::default() }
    }

    /// The nearest timer of them all.
    pub(super) fn next_timeout(&self) -> Option<Mono> {
        self.held.values().filter_map(|held| held.session.poll_timeout()).min()
    }

    pub(super) fn free(&mut self) {
        self.came = VecDeque::new();
    }
}

/// `E2ESession.` of a row of the Controller table; `None` where the model has none. Nothing in it says what the
/// transport does for Records.
pub(super) fn policy(tree: &Tree, controller: &Place) -> Option<Box<Policy>> {
    let object = below(tree, controller)?;
    let small =
        |name, default| uint(tree, &object, name).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
    let usual = Schedule::default();
    Some(Box::new(Policy {
        mode: match tree.text_of(&object, "SessionMode").as_str() {
            "Require" => Mode::Require,
            "Forbid" => Mode::Forbid,
            _ => Mode::Allow,
        },
        tls: tree.text_of(&object, "PayloadSecurity") != "Plaintext",
        max_record_bytes: usize::try_from(small("MaxUSPRecordSize", 0)).unwrap_or(usize::MAX),
        max_retransmit_tries: match tree.value_of(&object, "MaxRetransmitTries") {
            Some(Value::Int(tries)) => u32::try_from(*tries).ok(),
            _ => Some(0),
        },
        expiration: Some(small("SessionExpiration", 0))
            .filter(|seconds| *seconds > 0)
            .map(|seconds| Duration::from_secs(seconds.into())),
        retry: Schedule {
            minimum_wait_s: small("SessionRetryMinimumWaitInterval", usual.minimum_wait_s),
            multiplier: small("SessionRetryIntervalMultiplier", usual.multiplier),
        },
        ..Policy::default()
    }))
}

fn below(tree: &Tree, controller: &Place) -> Option<Place> {
    places::below(tree.model(), controller, &["E2ESession"])
}

impl AgentMachine {
    /// What a session with this controller follows over a way of which this is proved; `None` where there can be
    /// none: it is not served or allows none, or there is no key for what the session would need.
    fn session_policy(&self, controller: &EndpointId, peer: &PeerAuth) -> Option<Policy> {
        let mut policy = Policy::clone(self.controller(controller)?.sessions.as_deref()?);
        policy.sign = !protected_by_mtp(peer, controller, None);
        if self.is_open(peer) && policy.mode != Mode::Forbid {
            // R-SEC.23: what nothing else protects is protected from end to end.
            (policy.mode, policy.tls) = (Mode::Require, true);
        }
        let needs_key = policy.sign || policy.tls;
        (policy.mode != Mode::Forbid && (!needs_key || self.sessions.crypto.is_some())).then_some(policy)
    }

    /// Whether Messages outside of sessions mean nothing with this controller: its policy, or the only ways to it
    /// say so.
    pub(super) fn requires_session(&self, controller: &EndpointId) -> bool {
        let policy = self.controller(controller).and_then(|controller| controller.sessions.as_deref());
        let mut ways = self.links.values().filter(|link| link.controller == *controller).peekable();
        let is_open = ways.peek().is_some() && ways.all(|link| self.is_open(&link.peer));
        is_open || policy.is_some_and(|policy| policy.mode == Mode::Require)
    }

    /// Whether a session that stands lives by a certificate. One of a session that is over is forgotten.
    pub(super) fn lives_by_session(&mut self, controller: &EndpointId) -> bool {
        let Some(held) = self.sessions.held.get_mut(controller) else { return false };
        if held.session.status() == Status::Down {
            held.certificate = None;
        }
        held.certificate.is_some()
    }

    /// R-E2E.4: a Record of a session, from a controller that may speak.
    pub(super) fn session_record(&mut self, record: Record, peer: &PeerAuth, path: ReturnPath) {
        let from = record.from_id.clone();
        let Some(policy) = self.session_policy(&from, peer) else {
            // R-E2E.6a
            return self.refuse_session(&from, &path);
        };
        let protected = !policy.sign;
        if !self.sessions.held.contains_key(&from) {
            // Nothing shows yet that it is genuine: what the session says of itself goes where the controller is known
            // to be.
            let known = self.links.get(&path.link()).map_or(&path, |link| &link.return_path).clone();
            self.hold(&from, policy.clone(), known);
        }
        self.with_session_by(&from, Input::Record { record, protected }, Some((policy, path)));
    }

    /// A connection stands: what a session sends goes by it, and where Messages need a session, there is one.
    pub(super) fn session_link_up(&mut self, controller: &EndpointId, peer: &PeerAuth, path: &ReturnPath) {
        let Some(policy) = self.session_policy(controller, peer) else { return };
        let required = policy.mode == Mode::Require;
        if required || self.sessions.held.contains_key(controller) {
            self.hold(controller, policy, path.clone());
        }
        if required {
            self.with_session(controller, Input::Open);
        }
    }

    /// There is a session's machine, which follows this policy and speaks by this way.
    fn hold(&mut self, controller: &EndpointId, policy: Policy, path: ReturnPath) {
        if let Some(held) = self.sessions.held.get_mut(controller) {
            held.session.set_policy(policy);
            held.path = path;
            return;
        }
        let mut seed = [0; 32];
        self.random.fill_bytes(&mut seed);
        let (me, crypto) = (self.config.endpoint.clone(), self.sessions.crypto.clone());
        let session = Session::new(me, controller.clone(), policy, crypto, seed);
        let shown = (Status::Down, 0);
        let held = Held { session, path, shown, certificate: None, is_unjudged: false };
        self.sessions.held.insert(controller.clone(), Box::new(held));
    }

    /// Whether what is told to a controller travels in a session: one stands, or nothing else is allowed.
    pub(super) fn has_session(&self, to: &EndpointId) -> bool {
        let stands = self.sessions.held.get(to).is_some_and(|held| held.session.status() != Status::Down);
        stands || self.requires_session(to)
    }

    /// Sends a Message in the session with a controller; false if there is no such thing. What is lost with a
    /// session is asked for again, or told again, by those who need it.
    pub(super) fn send_in_session(&mut self, to: &EndpointId, message: Bytes) -> bool {
        let holds = self.sessions.held.contains_key(to);
        self.with_session(to, Input::Send { ticket: Ticket(0), message });
        holds || self.requires_session(to)
    }

    /// The controller speaks as if there were no session.
    pub(super) fn remind_of_session(&mut self, controller: &EndpointId) {
        self.with_session(controller, Input::Open);
    }

    /// R-MTP.7: the controller left.
    pub(super) fn purge_session(&mut self, controller: &EndpointId) {
        self.with_session(controller, Input::Purge);
    }

    /// `E2ESession.Reset()`
    pub(super) fn reset_session(&mut self, tree: &Tree, object: &Place) -> Result<CommandResult, Fault> {
        let meant = self.controllers.iter().find(|known| below(tree, &known.row).as_ref() == Some(object));
        let endpoint = meant.map(|controller| controller.endpoint.clone());
        let Some(endpoint) = endpoint.filter(|endpoint| self.sessions.held.contains_key(endpoint)) else {
            return Err(Fault::new(Code::COMMAND_FAILURE, "there is no session with this controller"));
        };
        self.with_session(&endpoint, Input::Reset);
        Ok(CommandResult::Output(Vec::new()))
    }

    /// The tables changed: sessions that are not allowed any more end at once, the others follow the new policy.
    pub(super) fn settle_sessions(&mut self) {
        let held: Vec<EndpointId> = self.sessions.held.keys().cloned().collect();
        for controller in held {
            let peer = self.peer_of(&controller);
            match self.session_policy(&controller, &peer) {
                Some(policy) => {
                    if let Some(held) = self.sessions.held.get_mut(&controller) {
                        held.session.set_policy(policy);
                    }
                }
                None => {
                    // R-E2E.6b
                    self.with_session(&controller, Input::End);
                    self.sessions.held.remove(&controller);
                }
            }
        }
        // Where Messages need a session from now on, there is one.
        let waiting = self.links.values().filter(|link| !self.sessions.held.contains_key(&link.controller));
        let links =
            waiting.map(|link| (link.controller.clone(), link.peer.clone(), link.return_path.clone()));
        for (controller, peer, path) in links.collect::<Vec<_>>() {
            self.session_link_up(&controller, &peer, &path);
        }
    }

    /// What is proved of a controller on the way that its session takes.
    fn peer_of(&self, controller: &EndpointId) -> PeerAuth {
        let link: Option<LinkId> = self.sessions.held.get(controller).map(|held| held.path.link());
        link.and_then(|link| self.links.get(&link)).map(|link| link.peer.clone()).unwrap_or_default()
    }

    pub(super) fn session_timeouts(&mut self) {
        let now = self.now;
        let due = |held: &Held| held.session.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<EndpointId> =
            self.sessions.held.iter().filter(|(_, held)| due(held)).map(|(id, _)| id.clone()).collect();
        for controller in due {
            self.with_session(&controller, Input::Timeout);
        }
    }

    /// Enters a session, and passes on what it says. Messages wait for [`AgentMachine::read_sessions`].
    fn with_session(&mut self, controller: &EndpointId, input: Input) {
        self.with_session_by(controller, input, None);
    }

    /// The same with a Record that came by another way: the session takes that way once it has found it genuine. A
    /// broker passes on whatever anybody says.
    fn with_session_by(&mut self, controller: &EndpointId, input: Input, by: Option<(Policy, ReturnPath)>) {
        let now = self.now;
        let Some(held) = self.sessions.held.get_mut(controller) else { return };
        held.session.handle(now, input);
        if let Some(pem) = held.session.take_certificate()
            && held.certificate.as_ref() != Some(&pem)
        {
            // A copy: the Record that it came in is let go.
            held.certificate = Some(Bytes::copy_from_slice(&pem));
            held.is_unjudged = true;
        }
        if let Some((policy, path)) = by.filter(|_| held.session.take_heard()) {
            held.session.set_policy(policy);
            self.recognised = Some(path.link());
            held.path = path;
        }
        let mut disconnects = Vec::new();
        while let Some(said) = held.session.poll_output() {
            match said {
                Said::Send(record) => {
                    self.outputs.push_back(Output::Send(Outbound { return_path: held.path.clone(), record }));
                }
                Said::Deliver(message) => {
                    self.sessions.came.push_back((controller.clone(), held.path.clone(), message));
                }
                Said::Disconnect { code, reason } => disconnects.push((held.path.clone(), code, reason)),
                Said::Noticed(what) => {
                    self.outputs.push_back(Output::Noticed(format!("session with {controller}: {what}")));
                }
                Said::Confirmed(_) | Said::Failed(..) => {}
            }
        }
        for (path, code, reason) in disconnects {
            self.end_session(controller, &path, code, reason);
        }
    }

    /// R-SEC.24: asks the tables about the certificates that sessions live by, those that are new or all of them. A
    /// session that they do not let live ends, with what came by it.
    pub(super) fn judge_sessions(&mut self, now: Now, tree: &mut Tree, all: bool) {
        let asked = self.sessions.held.iter_mut().filter(|(_, held)| held.is_unjudged || all);
        let asked = asked.filter_map(|(controller, held)| {
            held.is_unjudged = false;
            Some((controller.clone(), held.certificate.clone()?))
        });
        for (controller, certificate) in asked.collect::<Vec<_>>() {
            if !self.session_certificate_shown(now, tree, &controller, &certificate) {
                self.with_session(&controller, Input::Refuse);
                if let Some(held) = self.sessions.held.get_mut(&controller) {
                    held.certificate = None;
                    self.recognised = self.recognised.filter(|link| *link != held.path.link());
                }
                self.sessions.came.retain(|(from, ..)| *from != controller);
            }
        }
    }

    /// Looks at the Messages that came, and shows how the sessions are.
    pub(super) fn read_sessions(&mut self, now: Now, tree: &mut Tree) {
        self.judge_sessions(now, tree, false);
        while let Some((controller, return_path, message)) = self.sessions.came.pop_front() {
            let origin = Origin { controller, msg_id: String::new(), return_path, in_session: true };
            self.message(now, tree, origin, &message);
        }
        let news = self.sessions.held.values_mut().filter_map(|held| {
            let is = (held.session.status(), held.session.retry_count());
            (std::mem::replace(&mut held.shown, is) != is).then_some(())
        });
        if news.count() > 0 {
            self.show_sessions(now, tree);
        }
    }

    /// `E2ESession.Status` and `CurrentRetryCount` of every controller, as they are.
    pub(super) fn show_sessions(&mut self, now: Now, tree: &mut Tree) {
        let mut changes = Vec::new();
        for controller in self.controllers.iter().filter(|controller| controller.sessions.is_some()) {
            let held = self.sessions.held.get(&controller.endpoint);
            let is =
                held.map_or((Status::Down, 0), |held| (held.session.status(), held.session.retry_count()));
            changes
                .extend(below(tree, &controller.row).into_iter().flat_map(|object| shown(tree, &object, is)));
        }
        if !changes.is_empty() {
            self.write(now, tree, &changes);
        }
    }
}

/// What of `E2ESession.Status` and `CurrentRetryCount` is another value now, where the model has them.
fn shown(tree: &Tree, object: &Place, (status, retries): (Status, u32)) -> Vec<Change> {
    let status = match status {
        Status::Down => "Down",
        Status::Negotiating => "Negotiating",
        Status::Up => "Up",
    };
    let values = [("Status", Value::text(status)), ("CurrentRetryCount", Value::Uint(retries.into()))];
    let set = |(name, value)| {
        let param = tree.model().param_index(object.object, name)?;
        if tree.value_of(object, name) == Some(&value) {
            return None;
        }
        Some(Change::Set { place: object.clone(), param, value: Some(value) })
    };
    values.into_iter().filter_map(set).collect()
}

/// The Message of a Record that travels by itself.
pub(super) fn payload(record: &Bytes) -> Option<Bytes> {
    match Record::decode(record.clone()).ok()?.record_type {
        RecordType::NoSession { payload } => Some(payload),
        _ => None,
    }
}
