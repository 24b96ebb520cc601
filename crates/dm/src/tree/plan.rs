//! Set, Add and Delete as plans: judged whole against a staged copy, committed transaction by
//! transaction, and only then reported.
//!
//! With `allow_partial` each object is a transaction of its own, without it the message is one. Unique
//! keys and references are judged after the whole message is staged (TR-369 section 7.4), so late
//! clashes take settings or objects out, and the rest is staged again. How that is judged is
//! [`super::judge`]'s.

use std::collections::BTreeSet;

use crate::fault::{Code, Fault};
use crate::limits;
use crate::operation::{
    CreatedInstance, Deleted, MessageFailure, Operation, Outcome, ParamFault, Requested, UpdateFailure,
    UpdatedInstance,
};
use crate::tree::{Change, Requester, Tree};

/// What a write would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// To be committed in order. Empty when nothing changes.
    pub transactions: Vec<Transaction>,
    outcome: Outcome,
    allow_partial: bool,
    effort: Effort,
}

/// What planning took, for judging whether it stays in proportion to the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effort {
    /// How often the message was staged and judged.
    pub rounds: u32,
    /// Settings staged, in all rounds together. Delete: values of references that are written anew, and the
    /// items that stay in them.
    pub staged: usize,
    /// Rows whose unique keys were read, in all rounds together. Delete: rows that its paths lead to.
    pub rows: usize,
    /// Delete: items of strong references that were read, in the whole tree and for each removal.
    pub references: usize,
}

/// Changes that stand or fall together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transaction {
    /// The changes, in order.
    pub changes: Vec<Change>,
    result: usize,
    /// Delete: the instance within the result.
    item: Option<String>,
}

impl Plan {
    /// The answer, once it is known how each transaction ended (parallel to `transactions`).
    pub fn finish(mut self, ends: &[Result<(), Fault>]) -> Outcome {
        let mut stayed = BTreeSet::new();
        for (transaction, end) in self.transactions.iter().zip(ends) {
            let Err(fault) = end else { continue };
            if !self.allow_partial {
                return Outcome::Failed(MessageFailure { fault: fault.clone(), params: Vec::new() });
            }
            transaction.fail(&mut self.outcome, fault);
            stayed.extend(transaction.item.as_deref().map(|item| (transaction.result, item)));
        }
        if let Outcome::Delete(results) = &mut self.outcome {
            forget_stayed(results, &stayed);
        }
        self.outcome
    }

    /// The answer if every transaction succeeds.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What making it took.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    pub(super) fn after(self, effort: Effort) -> Plan {
        Plan { effort, ..self }
    }

    /// The whole message is too much (7005).
    pub(super) fn exceeded(what: &str, limit: usize) -> Plan {
        Plan::failed(exceeded(what, limit), Vec::new())
    }

    pub(super) fn failed(fault: Fault, params: Vec<ParamFault>) -> Plan {
        let outcome = Outcome::Failed(MessageFailure { fault, params });
        Plan { transactions: Vec::new(), outcome, allow_partial: false, effort: Effort::default() }
    }

    pub(super) fn new(units: Vec<UnitPlan>, outcome: Outcome, allow_partial: bool) -> Plan {
        let mut transactions: Vec<Transaction> = units
            .into_iter()
            .filter(|unit| !unit.changes.is_empty())
            .map(|unit| Transaction { changes: unit.changes, result: unit.result, item: unit.item })
            .collect();
        if !allow_partial && transactions.len() > 1 {
            let changes = transactions.into_iter().flat_map(|t| t.changes).collect();
            transactions = vec![Transaction { changes, result: 0, item: None }];
        }
        Plan { transactions, outcome, allow_partial, effort: Effort::default() }
    }
}

impl Transaction {
    fn fail(&self, outcome: &mut Outcome, fault: &Fault) {
        match outcome {
            Outcome::Set(results) => {
                let failure = UpdateFailure { fault: fault.clone(), instances: Vec::new() };
                results[self.result].result = Err(failure);
            }
            Outcome::Add(results) => results[self.result].result = Err(fault.clone()),
            Outcome::Delete(results) => fail_delete(&mut results[self.result], self.item.as_deref(), fault),
            _ => {}
        }
    }
}

/// R-DEL.3: one error per instance that stayed; a single concrete path fails as an object.
fn fail_delete(result: &mut Requested<Deleted>, item: Option<&str>, fault: &Fault) {
    let (Ok(deleted), Some(item)) = (&mut result.result, item) else { return };
    deleted.unaffected.push((item.to_owned(), fault.clone()));
    if item == result.path {
        result.result = Err(fault.clone());
    }
}

/// Takes the rows that stayed, and those below them, out of what is reported as gone: all in one pass.
fn forget_stayed(results: &mut [Requested<Deleted>], stayed: &BTreeSet<(usize, &str)>) {
    if stayed.is_empty() {
        return;
    }
    for (index, result) in results.iter_mut().enumerate() {
        if let Ok(deleted) = &mut result.result {
            let stays =
                |path: &str| path.match_indices('.').any(|(dot, _)| stayed.contains(&(index, &path[..=dot])));
            deleted.affected.retain(|path| !stays(path));
        }
    }
}

/// The staged changes of one unit and where its result stands.
pub(super) struct UnitPlan {
    pub(super) result: usize,
    pub(super) item: Option<String>,
    pub(super) changes: Vec<Change>,
}

impl Tree {
    /// Plans a Set, Add or Delete for a requester. Reads have no plan: `None`.
    ///
    /// A message with more than [`MAX_REQUEST_OBJECTS`](limits::MAX_REQUEST_OBJECTS) entries fails with 7005.
    pub fn plan(&self, operation: &Operation, who: &Requester<'_>) -> Option<Plan> {
        let entries = match operation {
            Operation::Set(set) => set.objects.len(),
            Operation::Add(add) => add.objects.len(),
            Operation::Delete(delete) => delete.paths.len(),
            _ => return None,
        };
        if entries > limits::MAX_REQUEST_OBJECTS {
            return Some(Plan::exceeded("objects", limits::MAX_REQUEST_OBJECTS));
        }
        match operation {
            Operation::Set(set) => Some(self.plan_set(set, who)),
            Operation::Add(add) => Some(self.plan_add(add, who)),
            Operation::Delete(delete) => Some(self.plan_delete(delete, who)),
            _ => None,
        }
    }
}

/// The error of a whole message whose object failed: the object's own, with its parameters listed by
/// full path.
pub(super) fn message_failure(failure: &UpdateFailure, requested: &str) -> Plan {
    let mut params: Vec<ParamFault> = failure
        .instances
        .iter()
        .flat_map(|instance| {
            instance.errors.iter().map(move |error| ParamFault {
                param: format!("{}{}", instance.path, error.param),
                fault: error.fault.clone(),
            })
        })
        .collect();
    if params.is_empty() {
        params.push(ParamFault { param: requested.to_owned(), fault: failure.fault.clone() });
    }
    Plan::failed(failure.fault.clone(), params)
}

/// A limit of one request that it goes beyond.
pub(super) fn exceeded(what: &str, limit: usize) -> Fault {
    Fault::new(Code::RESOURCES_EXCEEDED, format!("the request has more than {limit} {what}"))
}

pub(super) fn required_failed(count: usize) -> Fault {
    Fault::new(Code::REQUIRED_PARAMETER_FAILED, format!("{count} required parameter(s) failed"))
}

/// The results that [`Outcome::Set`] and [`Outcome::Add`] hold.
pub(super) type SetResult = Requested<Vec<UpdatedInstance>, UpdateFailure>;
pub(super) type AddResult = Requested<CreatedInstance>;
