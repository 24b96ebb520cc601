//! Set, Add and Delete: planned against the tree, committed by the host, one at a time.

use dm::operation::MessageFailure;
use dm::tree::{ChangeSet, Tree};
use dm::{Code, Fault, Now, Operation, Outcome};

use super::AgentMachine;
use super::access::NewRows;
use super::io::{Output, Ticket};
use super::requests::{Asker, Pending, WaitingWrite};
use crate::limits::MAX_WAITING_WRITES;

impl AgentMachine {
    /// A plan holds only against the tree that it was made with: while one is being committed, the next
    /// waits.
    pub(super) fn write_request(&mut self, now: Now, tree: &mut Tree, asker: Asker, operation: Operation) {
        if self.writing {
            if self.waiting_writes.len() >= MAX_WAITING_WRITES {
                return self.write_failed(now, &asker, Code::RESOURCES_EXCEEDED, "too many writes at once");
            }
            return self.waiting_writes.push_back(WaitingWrite { asker, operation });
        }
        self.plan(now, tree, asker, &operation);
    }

    fn plan(&mut self, now: Now, tree: &mut Tree, asker: Asker, operation: &Operation) {
        let Some(controller) = self.controller(asker.controller()) else {
            return self.write_failed(now, &asker, Code::PERMISSION_DENIED, "this controller is not served");
        };
        let rows = NewRows::of(controller, now);
        let Some(plan) = tree.plan(operation, &rows.requester(controller.access())) else { return };
        if plan.transactions.is_empty() {
            return self.write_ended(now, &asker, plan.finish(&[]));
        }
        if let Err(fault) = self.check_write(now, tree, &asker, operation, &plan.transactions) {
            return self.write_failed(now, &asker, fault.code, &fault.message);
        }
        let ticket = self.ticket();
        let (controller, mut transactions) = (asker.controller().clone(), plan.transactions.clone());
        for change in transactions.iter_mut().flat_map(|transaction| &mut transaction.changes) {
            self.conceal(tree, change);
        }
        self.pending.insert(ticket, Pending::Commit(asker, plan));
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
            Some(Pending::Commit(asker, plan)) => {
                self.writing = false;
                self.audit_changes(tree, Some(asker.controller()), changes);
                let mut outcome = plan.finish(ends);
                if let Some(controller) = self.controller(asker.controller()) {
                    let rows = NewRows::of(controller, now);
                    tree.tell_remote_keys(&mut outcome, &rows.requester(controller.access()));
                }
                self.write_ended(now, &asker, outcome);
                if let Asker::Trigger(trigger) = asker {
                    self.depth = trigger.depth + 1;
                }
            }
            Some(other) => {
                self.pending.insert(ticket, other);
            }
            None => {}
        }
        // A controller that writes has seen the device: what it does is news.
        self.tell_boot(tree);
        self.changed(now, tree, changes);
        self.depth = 0;
        while !self.writing
            && let Some(WaitingWrite { asker, operation }) = self.waiting_writes.pop_front()
        {
            self.plan(now, tree, asker, &operation);
        }
    }

    fn write_ended(&mut self, now: Now, asker: &Asker, outcome: Outcome) {
        self.audit_refusals(now, asker.controller(), &outcome);
        match asker {
            Asker::Request(origin) => self.finish_with(origin, outcome),
            Asker::Trigger(trigger) => self.trigger_ended(trigger, &outcome),
        }
    }

    fn write_failed(&mut self, now: Now, asker: &Asker, code: Code, why: &str) {
        let failure = MessageFailure { fault: Fault::new(code, why), params: Vec::new() };
        self.write_ended(now, asker, Outcome::Failed(failure));
    }
}
