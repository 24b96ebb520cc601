//! The protocol machine inside an instance, as the host sees it.
//!
//! A machine is lent the tree for the length of a call. It neither waits nor calls back: what it wants
//! done it leaves in its outputs.

use dm::tree::Tree;
use dm::{Mono, Now};
use usp_endpoint::agent::AgentMachine;
use usp_endpoint::agent::io::{Input, Output};
use usp_endpoint::link::LinkId;

/// A protocol's machine.
pub trait Machine: Send {
    /// Takes an input.
    fn handle(&mut self, now: Now, tree: &mut Tree, input: Input);
    /// The next thing to do, until there is none.
    fn poll_output(&mut self) -> Option<Output>;
    /// When it wants [`Input::Timeout`].
    fn poll_timeout(&self) -> Option<Mono>;
    /// The link on which the last input showed a controller that is served: by the certificate of a new
    /// connection, or by a Record that was believed.
    fn recognised(&self) -> Option<LinkId>;
}

impl Machine for AgentMachine {
    fn handle(&mut self, now: Now, tree: &mut Tree, input: Input) {
        AgentMachine::handle(self, now, tree, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        AgentMachine::poll_output(self)
    }

    fn poll_timeout(&self) -> Option<Mono> {
        AgentMachine::poll_timeout(self)
    }

    fn recognised(&self) -> Option<LinkId> {
        AgentMachine::recognised(self)
    }
}
