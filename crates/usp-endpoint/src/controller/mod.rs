//! The controller machine: one stands for one agent.
//!
//! It matches answers to requests by message id alone (R-MSG.9), carries one deadline per request, has
//! notifications stored before they are acknowledged, and onboards the agent. It queues nothing for
//! later: an operation that is submitted is either under way or ends. What waits longer is the host's.

pub mod io;
mod notify;
mod nudge;
mod onboarding;
mod presence;
mod records;
mod requests;
mod sessions;

pub use presence::are_you_there;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use dm::{Mono, Now};
use usp_proto::link::{Contact, LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::record::MqttVersion;
use usp_proto::session::Crypto;
use usp_proto::{EndpointId, Msg, Version};

use crate::limits;
use crate::msg_id::MsgIds;
use crate::session::io::Policy;
use io::{Failure, Input, Output, Ticket};
use notify::Unstored;
use nudge::Nudges;
use onboarding::{Confirm, Onboarding};
use requests::Request;
use sessions::{Held, Reply};

/// What all machines of a controller share.
#[derive(Clone)]
pub struct ControllerConfig {
    /// The controller's own Endpoint.
    pub endpoint: EndpointId,
    /// What it speaks, oldest first.
    pub versions: Vec<Version>,
    /// How end-to-end sessions with its agents are.
    pub sessions: Policy,
    /// Keys for them; without them there are sessions only where the transport protects Records, and no TLS in
    /// them.
    pub crypto: Option<Arc<dyn Crypto>>,
}

impl ControllerConfig {
    /// One that speaks every version that we know, and has no keys for sessions.
    pub fn new(endpoint: EndpointId) -> ControllerConfig {
        let versions = Version::SUPPORTED.to_vec();
        ControllerConfig { endpoint, versions, sessions: Policy::default(), crypto: None }
    }
}

impl fmt::Debug for ControllerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControllerConfig").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The controller's side of one agent.
pub struct ControllerMachine {
    config: Arc<ControllerConfig>,
    agent: EndpointId,
    msg_ids: MsgIds,
    link: Option<Link>,
    /// Oldest first.
    requests: Vec<Request>,
    unstored: Vec<Unstored>,
    onboarding: Option<Box<Onboarding>>,
    session: Option<Box<Held>>,
    next_ticket: u64,
    outputs: VecDeque<Output>,
}

/// The connection with the agent.
struct Link {
    return_path: ReturnPath,
    /// The version of MQTT that we speak, if that is how the agent reaches us.
    version: Option<MqttVersion>,
    peer: PeerAuth,
    /// The agent speaks another version of MQTT (R-MQTT.26a): until it says otherwise there is silence.
    mismatched: bool,
    /// R-MTP.8: nothing is sent before the agent's Connect record; agents before 1.2 send none, so the
    /// first Record of any kind, or the end of a grace period, opens the channel too.
    open: bool,
    /// `None` after a Disconnect record: an agent that knows those sends a Connect record too.
    grace_ends: Option<Mono>,
    nudges: Nudges,
    /// The agent took somebody else for us; said once.
    misaddressed: bool,
    /// Until it is known that our subscriptions stand.
    confirm: Option<Box<Confirm>>,
}

impl ControllerMachine {
    /// A machine for one agent. The seed gives the prefix of its message ids.
    pub fn new(config: Arc<ControllerConfig>, agent: EndpointId, seed: [u8; 32]) -> Self {
        ControllerMachine {
            config,
            agent,
            msg_ids: MsgIds::new(seed),
            link: None,
            requests: Vec::new(),
            unstored: Vec::new(),
            onboarding: None,
            session: None,
            next_ticket: limits::OWN_TICKETS,
            outputs: VecDeque::new(),
        }
    }

    /// The agent that it stands for.
    pub fn agent(&self) -> &EndpointId {
        &self.agent
    }

    /// The connection that it uses, if there is one.
    pub fn link(&self) -> Option<LinkId> {
        self.link.as_ref().map(|link| link.return_path.link())
    }

    /// How many requests are unanswered.
    pub fn outstanding(&self) -> usize {
        self.requests.len()
    }

    /// Whether nothing would be lost by forgetting it.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty() && self.unstored.is_empty() && self.onboarding.is_none()
    }

    /// Takes an input. Outputs wait in [`ControllerMachine::poll_output`].
    pub fn handle(&mut self, now: Now, input: Input) {
        let now = now.mono;
        match input {
            Input::LinkUp { return_path, contact, peer } => self.link_up(now, return_path, &contact, peer),
            Input::LinkDown(link) => self.link_down(link),
            Input::Record(inbound) => self.record(now, inbound),
            Input::Submit { ticket, operation, deadline } => self.submit(now, ticket, operation, deadline),
            Input::Stored(ticket) => self.stored(now, ticket),
            Input::NotStored(ticket) => self.unstored.retain(|unstored| unstored.ticket != ticket),
            Input::Onboard(plan) => self.onboard(now, plan),
            Input::Confirm { at, id_prefix } => self.confirm(at, id_prefix),
            Input::Reconcile(plan) => self.reconcile(now, plan),
            Input::Timeout => self.timeout(now),
        }
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            self.free();
        }
        output
    }

    /// Of a million machines nearly all are idle: what they do not use is given back.
    fn free(&mut self) {
        self.outputs = VecDeque::new();
        if self.requests.is_empty() {
            self.requests = Vec::new();
        }
        if self.unstored.is_empty() {
            self.unstored = Vec::new();
        }
    }

    /// When [`Input::Timeout`] is wanted: the nearest deadline, nudge or end of grace.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let deadline = self.requests.iter().map(|request| request.deadline).min();
        let link =
            self.link.as_ref().and_then(|link| if link.open { self.nudge_at() } else { link.grace_ends });
        [deadline, link, self.confirm_at(), self.session_timeout()].into_iter().flatten().min()
    }

    /// When the agent is nudged.
    fn nudge_at(&self) -> Option<Mono> {
        let link = self.link.as_ref().filter(|link| link.open)?;
        link.nudges.at(self.awaiting_answer())
    }

    fn link_up(&mut self, now: Mono, return_path: ReturnPath, contact: &Contact, peer: PeerAuth) {
        // R-ARC.2: an agent of our own id may well be there (R-ARC.0), but not for us to talk to.
        if self.agent == self.config.endpoint {
            let (link, reason) = (return_path.link(), "a connection with our own endpoint id".to_owned());
            return self.outputs.push_back(Output::Close { link, reason });
        }
        if self.link.take().is_some() {
            self.purge_session();
            self.lose_link();
        }
        let grace_ends = Some(now + limits::CONNECT_GRACE);
        let version = match contact {
            Contact::Mqtt { version, .. } => Some(*version),
            Contact::Connection | Contact::Stomp { .. } => None,
        };
        self.link = Some(Link {
            return_path,
            version,
            peer,
            open: false,
            mismatched: false,
            grace_ends,
            nudges: Nudges::new(now),
            misaddressed: false,
            confirm: None,
        });
    }

    fn link_down(&mut self, link: LinkId) {
        if self.link() == Some(link) {
            self.link = None;
            self.purge_session();
            self.lose_link();
        }
    }

    fn timeout(&mut self, now: Mono) {
        if self.link.as_ref().is_some_and(|link| !link.open && link.grace_ends.is_some_and(|end| end <= now))
        {
            self.open_link(now);
        }
        self.session_if_due(now);
        self.expire(now);
        self.confirm_if_due(now);
        let owed = self.awaiting_answer();
        if self.nudge_at().is_some_and(|at| at <= now)
            && let Some(link) = &mut self.link
        {
            link.nudges.left(now, owed);
            self.outputs.push_back(Output::Nudge(link.return_path.link()));
        }
    }

    /// The channel may be used from now on: what was submitted before goes out.
    fn open_link(&mut self, now: Mono) {
        if let Some(link) = &mut self.link
            && !link.open
        {
            link.open = true;
            self.open_session(now);
            self.send_waiting(now);
            self.resume_onboarding(now);
        }
    }

    /// The agent said that it leaves: nothing is sent before it announces itself again (R-MTP.8).
    fn shut_link(&mut self) {
        if let Some(link) = &mut self.link {
            link.open = false;
            link.grace_ends = None;
        }
        self.purge_session();
        self.lose_link();
    }

    /// Sends a message on the link in use, in the session if there is one.
    fn send(&mut self, now: Mono, msg: &Msg) {
        if self.has_session() {
            self.send_in_session(now, msg);
        } else if let Some(link) = &self.link {
            let return_path = link.return_path.clone();
            self.send_to(return_path, msg);
        }
    }

    /// Answers a message the way that it came.
    fn reply(&mut self, now: Mono, reply: Reply, msg: &Msg) {
        match reply.in_session {
            true => self.send_in_session(now, msg),
            false => self.send_to(reply.path, msg),
        }
    }

    fn send_to(&mut self, return_path: ReturnPath, msg: &Msg) {
        let record =
            usp_proto::record::encode_message(&self.config.endpoint, &self.agent, Version::CURRENT, msg);
        self.outputs.push_back(Output::Send(Outbound { return_path, record }));
    }

    fn own_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }

    fn fail(&mut self, ticket: Ticket, failure: Failure) {
        self.outputs.push_back(Output::Failed { ticket, failure });
    }
}
