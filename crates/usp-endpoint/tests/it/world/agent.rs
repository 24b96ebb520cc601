//! The agent's host: its tree is on stable storage, everything else goes with a restart.

use std::sync::Arc;

use bytes::Bytes;
use dm::Value;
use dm::tree::{Happening, Transaction, Tree};
use usp_endpoint::agent::io::{Boot, Input, Output, Ticket};
use usp_endpoint::agent::{AgentConfig, AgentMachine};
use usp_endpoint::session::Crypto;
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::{EndpointId, Version, describe_record};

use super::expect::{News, subscribed};
use super::model::{AGENT, CONTROLLER, change, factory, place};
use super::run::{Event, Side, World};
use crate::session::peer::{Named, credential};

pub(super) struct Agent {
    pub(super) machine: Option<AgentMachine>,
    pub(super) tree: Tree,
    pub(super) link: Option<LinkId>,
    /// Counts starts.
    life: u32,
    /// Whether this life's Boot! was told: what changes before is no news.
    told_boot: bool,
    counter: u64,
    /// The level has changed, and the subscription that arms the device has not done so yet.
    to_be_armed: bool,
}

impl Agent {
    pub(super) fn new() -> Agent {
        let (tree, told_boot, to_be_armed) = (factory(), false, false);
        Agent { machine: None, tree, link: None, life: 0, told_boot, counter: 0, to_be_armed }
    }

    /// What a subscription has to set yet.
    pub(super) fn unarmed(&self) -> Option<String> {
        self.to_be_armed.then(|| "the level has changed, and the device was not armed".to_owned())
    }

    fn is_armed(&self) -> bool {
        self.tree.value_of(&place(&self.tree, "Device.Test."), "Armed") == Some(&Value::Bool(true))
    }

    fn level(&self) -> String {
        self.tree.text_of(&place(&self.tree, "Device.Test."), "Level")
    }

    /// Whether onboarding is still to be done.
    pub(super) fn not_onboarded(&self) -> Option<String> {
        let row = place(&self.tree, "Device.LocalAgent.Controller.1.");
        let complete = self.tree.value_of(&row, "OnBoardingComplete") == Some(&Value::Bool(true));
        let all = ["cusp-boot", "cusp-values", "cusp-commands"];
        let missing = all.iter().find(|id| !subscribed(&self.tree, id));
        match missing {
            Some(id) => Some(format!("the subscription {id} does not stand")),
            None => (!complete).then(|| "onboarding is not complete".to_owned()),
        }
    }
}

impl World {
    pub(super) fn start_agent(&mut self) {
        let endpoint = EndpointId::receive(AGENT).expect("an endpoint id of the world");
        let config = AgentConfig {
            endpoint,
            versions: Version::SUPPORTED.to_vec(),
            oui: "00256D".to_owned(),
            product_class: "World".to_owned(),
            serial_number: "1".to_owned(),
            crypto: Some(self.crypto(AGENT)),
        };
        let mode = format!("{:?}", self.modes[0]);
        let row = "Device.LocalAgent.Controller.1.E2ESession.";
        let sessions = [
            ("SessionMode", &*mode),
            ("PayloadSecurity", if self.tls { "TLS" } else { "Plaintext" }),
            ("MaxUSPRecordSize", "600"),
        ];
        let sessions = sessions.map(|(name, value)| change(&self.agent.tree, row, name, value));
        self.agent.tree.apply(&sessions);
        let seed = self.seed();
        self.agent.machine = Some(AgentMachine::new(config, seed));
        self.agent.life += 1;
        self.agent.told_boot = false;
        let key = format!("start-{}", self.agent.life);
        self.note(format_args!("agent: {key}"));
        if subscribed(&self.agent.tree, "cusp-boot") {
            self.expect.tell(News::Boot(key.clone()));
        }
        self.agent_input(Input::Started(Boot {
            cause: "LocalReboot".to_owned(),
            command_key: key,
            reason: String::new(),
            firmware_updated: false,
        }));
        self.after(0, 500, Event::Dial);
    }

    /// Keys for sessions.
    pub(super) fn crypto(&self, of: &'static str) -> Arc<dyn Crypto> {
        if self.tls { credential(of) } else { Arc::new(Named(of)) }
    }

    pub(super) fn stop_agent(&mut self) {
        if self.agent.machine.take().is_none() {
            return;
        }
        self.agent.link = None;
        self.agent.to_be_armed = false;
        self.expect.forget();
        self.hang_up(Side::Agent);
        self.after(500, 5000, Event::Start(Side::Agent));
    }

    pub(super) fn opened(&mut self, link: LinkId) {
        self.agent.link = Some(link);
        let controller = EndpointId::receive(CONTROLLER).expect("an endpoint id of the world");
        let return_path = ReturnPath::WebSocket(link);
        self.agent_input(Input::LinkUp {
            controller,
            return_path,
            contact: Contact::Connection,
            peer: PeerAuth::Unproven,
        });
    }

    pub(super) fn agent_loses(&mut self, link: LinkId) {
        if self.agent.link == Some(link) {
            self.agent.link = None;
            self.agent_input(Input::LinkDown(link));
            self.after(100, 3000, Event::Dial);
        }
    }

    pub(super) fn agent_hears(&mut self, link: LinkId, record: Bytes) {
        if self.agent.link == Some(link) {
            let return_path = ReturnPath::WebSocket(link);
            let inbound = Inbound { link, peer: PeerAuth::Unproven, return_path, record };
            self.agent_input(Input::Record(inbound));
        }
    }

    /// The device's own doing.
    pub(super) fn change_value(&mut self) {
        self.agent.counter += 1;
        let value = self.agent.counter.to_string();
        let mut changes = vec![change(&self.agent.tree, "Device.Test.", "Counter", &value)];
        if !self.agent.to_be_armed {
            changes.push(change(&self.agent.tree, "Device.Test.", "Armed", "false"));
        }
        let changes = self.agent.tree.apply(&changes);
        if self.agent.machine.is_none() {
            return;
        }
        if self.agent.told_boot && subscribed(&self.agent.tree, "cusp-values") {
            self.expect.tell(News::Counter(value));
        }
        self.agent_input(Input::Changed(changes));
    }

    pub(super) fn refreshed(&mut self, life: u32, ticket: Ticket) {
        if life == self.agent.life {
            // The first refresh of a life is the one for Boot!.
            self.agent.told_boot = true;
            self.agent_input(Input::Refreshed(ticket));
        }
    }

    pub(super) fn committed(&mut self, life: u32, ticket: Ticket, transactions: &[Transaction]) {
        if life != self.agent.life || self.agent.machine.is_none() {
            return;
        }
        let mut changes = Vec::new();
        let level = self.agent.level();
        for transaction in transactions {
            let happened = self.agent.tree.apply(&transaction.changes);
            let added: Vec<String> = happened.iter().filter_map(|one| self.added_row(one)).collect();
            added.iter().for_each(|name| self.expect.carried_out(name));
            changes.extend(happened);
        }
        self.agent.to_be_armed |= self.agent.level() != level;
        self.agent.to_be_armed &= !self.agent.is_armed();
        let ends = vec![Ok(()); transactions.len()];
        // A controller that writes has seen the device: what it does is news.
        self.agent.told_boot = true;
        self.agent_input(Input::Committed { ticket, ends, changes });
    }

    /// The name of a new row of `Device.Test.Row.`.
    fn added_row(&self, happening: &Happening) -> Option<String> {
        let Happening::Created(row) = happening else { return None };
        let is_test = row.text(self.agent.tree.model()).starts_with("Device.Test.Row.");
        is_test.then(|| self.agent.tree.text_of(row, "Name"))
    }

    pub(super) fn command_ended(&mut self, life: u32, ticket: Ticket, key: String) {
        if life != self.agent.life || self.agent.machine.is_none() {
            return;
        }
        if subscribed(&self.agent.tree, "cusp-commands") {
            self.expect.tell(News::Complete(key));
        }
        self.agent_input(Input::CommandEnded { ticket, result: Ok(Vec::new()) });
    }

    pub(super) fn agent_input(&mut self, input: Input) {
        let now = self.clock();
        let Some(machine) = &mut self.agent.machine else { return };
        machine.handle(now, &mut self.agent.tree, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
        let life = self.agent.life;
        for output in outputs {
            match output {
                Output::Send(outbound) => {
                    self.note(format_args!("agent: {}", describe_record(&outbound.record)));
                    self.transmit(Side::Controller, outbound.return_path.link(), outbound.record);
                }
                Output::Refresh { ticket, .. } => self.after(0, 50, Event::Refreshed(life, ticket)),
                Output::Commit { ticket, transactions, .. } => {
                    self.after(1, 20, Event::Committed(life, ticket, transactions));
                }
                Output::Run { ticket, command_key, .. } => {
                    self.expect.carried_out(&command_key);
                    self.after(50, 10_000, Event::CommandEnded(life, ticket, command_key));
                }
                Output::Close { reason, .. } => {
                    self.expect.violate(format!("the agent closes the connection: {reason:?}"));
                }
                Output::Audit(_) => {}
                // Sessions come and go, and what crosses their beginning is ignored.
                Output::Noticed(what) if what.contains("session") => self.note(format_args!("agent: {what}")),
                Output::Noticed(what) => self.expect.violate(what),
                Output::Wrote(_) | Output::Cancel(_) | Output::Watch(_) => {}
            }
        }
    }
}
