//! What a USP Broker is to the USP Services of its device: the controller of each of them, and the keeper of
//! the list of whose which part of the data model is (TR-369 section 4.6 and appendix VI).
//!
//! It matches answers to requests by message id, carries a deadline for each, decides about Register and
//! Deregister, and passes notifications on. What the parts hold, who may see it and how requests of the
//! controllers outside are split among services is the host's.

pub mod io;
mod records;
mod registry;
mod requests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use dm::model::Model;
use dm::path::SchemaPath;
use dm::{Mono, Now};
use usp_proto::link::{LinkId, Outbound, ReturnPath};
use usp_proto::{EndpointId, Msg, Version};

use crate::limits::MAX_SERVICES;
use crate::msg_id::MsgIds;
use io::{Failure, Input, Output};
use registry::Registry;
use requests::Asked;

/// Which parts of the data model each service may register; whoever is not named may register none (TR-181
/// `USPServices.Trust.`).
pub type Trust = BTreeMap<EndpointId, Vec<SchemaPath>>;

/// The Broker's side of all services.
pub struct Broker {
    endpoint: EndpointId,
    msg_ids: MsgIds,
    registry: Registry,
    /// `None`: everybody may register what is free.
    trust: Option<Trust>,
    services: BTreeMap<LinkId, Service>,
    outputs: VecDeque<Output>,
}

/// A connected service.
struct Service {
    endpoint: EndpointId,
    return_path: ReturnPath,
    /// Oldest first.
    asked: Vec<Asked>,
    /// Requests in a row that ended without an answer.
    unanswered: u32,
}

impl Broker {
    /// A Broker with the id and the model of the agent that it belongs to. No other start may share the
    /// seed.
    pub fn new(endpoint: EndpointId, own: Arc<Model>, seed: [u8; 32]) -> Broker {
        Broker {
            endpoint,
            msg_ids: MsgIds::new(seed),
            registry: Registry::new(own),
            trust: None,
            services: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Lets each service register what it is trusted with, and nothing else.
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Broker {
        self.trust = Some(trust);
        self
    }

    /// Takes an input. Outputs wait in [`Broker::poll_output`].
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::LinkUp { endpoint, return_path } => self.link_up(endpoint, return_path),
            Input::LinkDown(link) => self.link_down(link),
            Input::Record(inbound) => self.record(inbound),
            Input::Submit { ticket, link, operation, deadline } => {
                self.submit(now.mono, ticket, link, operation, deadline);
            }
            Input::Timeout => self.expire(now.mono),
        }
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is wanted: the nearest deadline of a request.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.services.values().flat_map(|service| &service.asked).map(|asked| asked.deadline).min()
    }

    fn link_up(&mut self, endpoint: EndpointId, return_path: ReturnPath) {
        let link = return_path.link();
        let refusal = if endpoint == self.endpoint {
            Some("this id is the Broker's")
        } else if self.services.values().any(|service| service.endpoint == endpoint) {
            // Not the other way round: whoever can connect could push a service aside.
            Some("a service with this id is connected")
        } else if self.services.len() >= MAX_SERVICES {
            Some("too many services")
        } else {
            None
        };
        if let Some(reason) = refusal {
            return self.close(link, reason);
        }
        let service = Service { endpoint, return_path, asked: Vec::new(), unanswered: 0 };
        self.services.insert(link, service);
    }

    /// What a service leaves behind is nobody's.
    fn link_down(&mut self, link: LinkId) {
        let Some(service) = self.services.remove(&link) else { return };
        self.forget(link);
        for asked in service.asked {
            self.outputs.push_back(Output::Answered { ticket: asked.ticket, answer: Err(Failure::Gone) });
        }
    }

    fn forget(&mut self, link: LinkId) {
        let paths = self.registry.forget(link);
        if !paths.is_empty() {
            self.outputs.push_back(Output::Deregistered { link, paths });
        }
    }

    fn send(&mut self, link: LinkId, msg: &Msg) {
        let Some(service) = self.services.get(&link) else { return };
        let (me, to) = (&self.endpoint, &service.endpoint);
        let record = usp_proto::record::encode_message(me, to, Version::CURRENT, msg);
        let return_path = service.return_path.clone();
        self.outputs.push_back(Output::Send(Outbound { return_path, record }));
    }

    fn close(&mut self, link: LinkId, reason: impl Into<String>) {
        self.outputs.push_back(Output::Close { link, reason: reason.into() });
    }

    fn notice(&mut self, what: String) {
        self.outputs.push_back(Output::Noticed(what));
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("services", &self.services.len()).finish_non_exhaustive()
    }
}
