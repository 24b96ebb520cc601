//! Set, Add and Delete as plans: judged whole against a staged copy, committed transaction by
//! transaction, and only then reported.
//!
//! With `allow_partial` each object is a transaction of its own, without it the message is one. Unique
//! keys and references are judged after the whole message is staged (TR-369 section 7.4), so a late
//! clash takes one setting or object out and stages the rest again.

use crate::fault::{Code, Fault};
use crate::operation::{
    CreatedInstance, Deleted, MessageFailure, Operation, Outcome, ParamFault, Requested, UpdateFailure,
    UpdatedInstance,
};
use crate::tree::{Change, Place, Requester, Tree};

/// What a write would do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// To be committed in order. Empty when nothing changes.
    pub transactions: Vec<Transaction>,
    outcome: Outcome,
    allow_partial: bool,
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
        for (transaction, end) in self.transactions.iter().zip(ends) {
            let Err(fault) = end else { continue };
            if !self.allow_partial {
                return Outcome::Failed(MessageFailure { fault: fault.clone(), params: Vec::new() });
            }
            transaction.fail(&mut self.outcome, fault);
        }
        self.outcome
    }

    /// The answer if every transaction succeeds.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    pub(super) fn failed(fault: Fault, params: Vec<ParamFault>) -> Plan {
        let outcome = Outcome::Failed(MessageFailure { fault, params });
        Plan { transactions: Vec::new(), outcome, allow_partial: false }
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
        Plan { transactions, outcome, allow_partial }
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
    deleted.affected.retain(|path| path != item && !path.starts_with(item));
    deleted.unaffected.push((item.to_owned(), fault.clone()));
    if item == result.path {
        result.result = Err(fault.clone());
    }
}

/// The staged changes of one unit and where its result stands.
pub(super) struct UnitPlan {
    pub(super) result: usize,
    pub(super) item: Option<String>,
    pub(super) changes: Vec<Change>,
}

/// One parameter that a unit wrote, for the judgement after staging.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Touch {
    pub(super) unit: usize,
    pub(super) place: Place,
    pub(super) param: u16,
    pub(super) name: String,
    pub(super) required: bool,
}

/// What earlier rounds of staging ruled out.
#[derive(Default)]
pub(super) struct Overruled {
    /// Settings that were not required and clash: reported as parameter errors.
    pub(super) settings: Vec<(Touch, Fault)>,
    /// Units that clash in something required.
    pub(super) units: Vec<(Touch, Fault)>,
}

impl Overruled {
    pub(super) fn setting(&self, unit: usize, place: &Place, name: &str) -> Option<&Fault> {
        self.settings
            .iter()
            .find(|(touch, _)| touch.unit == unit && touch.place == *place && touch.name == name)
            .map(|(_, fault)| fault)
    }

    pub(super) fn unit(&self, unit: usize) -> Option<&(Touch, Fault)> {
        self.units.iter().find(|(touch, _)| touch.unit == unit)
    }

    /// Takes in the outcome of a judgement; true if another round is needed.
    pub(super) fn learn(&mut self, verdict: Option<(Touch, Fault)>) -> bool {
        match verdict {
            None => false,
            Some((touch, fault)) if touch.required => {
                self.units.push((touch, fault));
                true
            }
            Some(clash) => {
                self.settings.push(clash);
                true
            }
        }
    }
}

impl Tree {
    /// Plans a Set, Add or Delete for a requester. Reads have no plan: `None`.
    pub fn plan(&self, operation: &Operation, who: &Requester<'_>) -> Option<Plan> {
        match operation {
            Operation::Set(set) => Some(self.plan_set(set, who)),
            Operation::Add(add) => Some(self.plan_add(add, who)),
            Operation::Delete(delete) => Some(self.plan_delete(delete, who)),
            _ => None,
        }
    }

    /// The latest touched parameter that clashes with a unique key or dangles as a strong reference.
    pub(super) fn judge(&self, touches: &[Touch]) -> Option<(Touch, Fault)> {
        touches.iter().rev().find_map(|touch| {
            let fault = self.key_clash(touch).or_else(|| self.dangling(touch))?;
            Some((touch.clone(), fault))
        })
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

pub(super) fn required_failed(count: usize) -> Fault {
    Fault::new(Code::REQUIRED_PARAMETER_FAILED, format!("{count} required parameter(s) failed"))
}

/// The results that [`Outcome::Set`] and [`Outcome::Add`] hold.
pub(super) type SetResult = Requested<Vec<UpdatedInstance>, UpdateFailure>;
pub(super) type AddResult = Requested<CreatedInstance>;
