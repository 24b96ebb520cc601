//! Set, Add and Delete: planned against the tree, committed by the host, one at a time.

use dm::tree::{ChangeSet, Tree};
use dm::{Fault, Now, Operation};
use usp_proto::ErrorBody;
use usp_proto::error_code::code;

use super::AgentMachine;
use super::access::NewRows;
use super::io::{Output, Ticket};
use super::requests::{Origin, Pending, WaitingWrite};
use crate::limits::MAX_WAITING_WRITES;

impl AgentMachine {
    /// A plan holds only against the tree that it was made with: while one is being committed, the next
    /// waits.
    pub(super) fn write_request(&mut self, now: Now, tree: &mut Tree, origin: Origin, operation: Operation) {
        if self.writing {
            if self.waiting_writes.len() >= MAX_WAITING_WRITES {
                let error = ErrorBody::new(code::RESOURCES_EXCEEDED, "too many writes at once");
                return self.finish(&origin, Err(error));
            }
            return self.waiting_writes.push_back(WaitingWrite { origin, operation });
        }
        self.plan(now, tree, origin, &operation);
    }

    fn plan(&mut self, now: Now, tree: &mut Tree, origin: Origin, operation: &Operation) {
        let Some(controller) = self.controller(&origin.controller) else {
            let error = ErrorBody::new(dm::Code::PERMISSION_DENIED.0, "this controller is not served");
            return self.finish(&origin, Err(error));
        };
        let access = controller.access();
        let rows = NewRows::of(controller, now);
        let Some(plan) = tree.plan(operation, &rows.requester(&access)) else { return };
        if plan.transactions.is_empty() {
            return self.finish_with(&origin, plan.finish(&[]));
        }
        let ticket = self.ticket();
        let (controller, transactions) = (origin.controller.clone(), plan.transactions.clone());
        self.pending.insert(ticket, Pending::Commit(origin, plan));
        self.writing = true;
        self.outputs.push_back(Output::Commit { ticket, controller, transactions });
    }

    /// The answer comes first: what was changed may end the connection that it goes by.
    pub(super) fn committed(
        &mut self,
        now: Now,
        tree: &mut Tree,
        ticket: Ticket,
        ends: &[Result<(), Fault>],
        changes: &ChangeSet,
    ) {
        match self.pending.remove(&ticket) {
            Some(Pending::Commit(origin, plan)) => {
                self.writing = false;
                self.finish_with(&origin, plan.finish(ends));
            }
            Some(other) => {
                self.pending.insert(ticket, other);
            }
            None => {}
        }
        // A controller that writes has seen the device: what it does is news.
        self.tell_boot(tree);
        self.changed(now, tree, changes);
        while !self.writing
            && let Some(WaitingWrite { origin, operation }) = self.waiting_writes.pop_front()
        {
            self.plan(now, tree, origin, &operation);
        }
    }
}
