//! The controller machine: one stands for one agent.
//!
//! It matches answers to requests by message id alone (R-MSG.9), carries one deadline per request, has
//! notifications stored before they are acknowledged, and onboards the agent. It queues nothing for
//! later: an operation that is submitted is either under way or ends. What waits longer is the host's.

pub mod io;
mod notify;
mod onboarding;
mod records;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dm::{Mono, Now};
use usp_proto::link::{LinkId, Outbound, PeerAuth, ReturnPath};
use usp_proto::{EndpointId, Msg, Version};

use crate::limits;
use crate::msg_id::MsgIds;
use io::{Failure, Input, Output, Ticket};
use notify::Unstored;
use onboarding::Onboarding;
use requests::Request;

/// What all machines of a controller share.
#[derive(Clone, Debug)]
pub struct ControllerConfig {
    /// The controller's own Endpoint.
    pub endpoint: EndpointId,
    /// What it speaks, oldest first.
    pub versions: Vec<Version>,
}

/// The controller's side of one agent.
pub struct ControllerMachine {
    config: Arc<ControllerConfig>,
    agent: EndpointId,
    msg_ids: MsgIds,
    link: Option<Link>,
    requests: BTreeMap<String, Request>,
    unstored: BTreeMap<Ticket, Unstored>,
    onboarding: Option<Box<Onboarding>>,
    next_ticket: u64,
    outputs: VecDeque<Output>,
}

/// The connection with the agent.
struct Link {
    return_path: ReturnPath,
    peer: PeerAuth,
    /// R-MTP.8: nothing is sent before the agent's Connect record; agents before 1.2 send none, so the
    /// first Record of any kind, or the end of a grace period, opens the channel too.
    open: bool,
    grace_ends: Mono,
    /// When something last came in or went out.
    traffic: Mono,
    nudged: bool,
}

impl ControllerMachine {
    /// A machine for one agent. The seed gives the prefix of its message ids.
    pub fn new(config: Arc<ControllerConfig>, agent: EndpointId, seed: [u8; 32]) -> Self {
        ControllerMachine {
            config,
            agent,
            msg_ids: MsgIds::new(seed),
            link: None,
            requests: BTreeMap::new(),
            unstored: BTreeMap::new(),
            onboarding: None,
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
            Input::LinkUp { return_path, peer } => self.link_up(now, return_path, peer),
            Input::LinkDown(link) => self.link_down(link),
            Input::Record(inbound) => self.record(now, inbound),
            Input::Submit { ticket, operation, deadline } => self.submit(now, ticket, operation, deadline),
            Input::Stored(ticket) => self.stored(now, ticket),
            Input::NotStored(ticket) => {
                self.unstored.remove(&ticket);
            }
            Input::Onboard(plan) => self.onboard(now, plan),
            Input::Timeout => self.timeout(now),
        }
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is wanted: the nearest deadline, nudge or end of grace.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let deadline = self.requests.values().map(|request| request.deadline).min();
        let link = self.link.as_ref().and_then(|link| match (link.open, self.awaiting_answer()) {
            (false, _) => Some(link.grace_ends),
            (true, true) if !link.nudged => Some(link.traffic + limits::NUDGE_AFTER),
            _ => None,
        });
        [deadline, link].into_iter().flatten().min()
    }

    fn link_up(&mut self, now: Mono, return_path: ReturnPath, peer: PeerAuth) {
        if self.link.take().is_some() {
            self.lose_link();
        }
        let grace_ends = now + limits::CONNECT_GRACE;
        self.link = Some(Link { return_path, peer, open: false, grace_ends, traffic: now, nudged: false });
    }

    fn link_down(&mut self, link: LinkId) {
        if self.link() == Some(link) {
            self.link = None;
            self.lose_link();
        }
    }

    fn timeout(&mut self, now: Mono) {
        if let Some(link) = &mut self.link {
            if !link.open && link.grace_ends <= now {
                self.open_link(now);
            } else if link.open && !link.nudged && link.traffic + limits::NUDGE_AFTER <= now {
                link.nudged = true;
                let id = link.return_path.link();
                if self.awaiting_answer() {
                    self.outputs.push_back(Output::Nudge(id));
                }
            }
        }
        self.expire(now);
    }

    /// The channel may be used from now on: what was submitted before goes out.
    fn open_link(&mut self, now: Mono) {
        if let Some(link) = &mut self.link
            && !link.open
        {
            link.open = true;
            self.send_waiting(now);
        }
    }

    /// Sends a message on the link in use.
    fn send(&mut self, now: Mono, msg: &Msg) {
        if let Some(link) = &mut self.link {
            link.traffic = now;
            link.nudged = false;
            let return_path = link.return_path.clone();
            self.send_to(return_path, msg);
        }
    }

    fn send_to(&mut self, return_path: ReturnPath, msg: &Msg) {
        let record = usp_proto::record::encode_message(&self.config.endpoint, &self.agent, Version::CURRENT, msg);
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
