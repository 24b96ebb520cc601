//! What an outcome, and the completion of a command, make of their job.

use dm::operation::{CommandResult, MessageFailure, Outcome, Requested};

use super::{Accepted, Ending, JobEvent};

/// What an outcome makes of its job. Requested paths that matched nothing count as done.
pub fn event_of(outcome: &Outcome, command_key: &str) -> JobEvent {
    if let Outcome::Operate(results) = outcome {
        let requests: Vec<String> = results
            .iter()
            .filter_map(|one| match &one.result {
                Ok(CommandResult::Started(request)) => Some(request.clone()),
                _ => None,
            })
            .collect();
        if !requests.is_empty() {
            return JobEvent::Accept(Accepted { requests, command_key: command_key.to_owned() });
        }
    }
    JobEvent::Finish(ending_of(outcome))
}

/// What a completed command makes of its job: the outcome with the result in the place of the request row
/// that it ran under, and the event. A command that ran on several objects goes on until all are complete.
///
/// `outcome` is what the job holds so far; `None` if the completion has overtaken the answer. A completion
/// whose request row the job does not know is taken for the first that is still under way.
pub fn complete(
    outcome: Option<&Outcome>,
    command_key: &str,
    request: &str,
    completed: Requested<CommandResult>,
) -> (Outcome, JobEvent) {
    let mut results = match outcome {
        Some(Outcome::Operate(results)) => results.clone(),
        _ => Vec::new(),
    };
    let request = request.trim_end_matches('.');
    let runs_as = |one: &Requested<CommandResult>| match &one.result {
        Ok(CommandResult::Started(row)) => Some(row.trim_end_matches('.') == request),
        _ => None,
    };
    let exact = results.iter().position(|one| runs_as(one) == Some(true));
    let place = exact.or_else(|| results.iter().position(|one| runs_as(one).is_some()));
    match place.and_then(|at| results.get_mut(at)) {
        Some(slot) => slot.result = completed.result,
        None => results.push(completed),
    }
    let outcome = Outcome::Operate(results);
    let event = event_of(&outcome, command_key);
    (outcome, event)
}

/// How much of what was asked for an outcome says was done. Every level counts: whole message, object,
/// parameter.
pub fn ending_of(outcome: &Outcome) -> Ending {
    let mut tally = Tally::default();
    match outcome {
        Outcome::Get(results) => results.iter().for_each(|one| tally.count(one.result.is_ok(), true)),
        Outcome::GetInstances(results) => {
            results.iter().for_each(|one| tally.count(one.result.is_ok(), true));
        }
        Outcome::GetSchema(results) => results.iter().for_each(|one| tally.count(one.result.is_ok(), true)),
        Outcome::Operate(results) => results.iter().for_each(|one| tally.count(one.result.is_ok(), true)),
        Outcome::Set(results) => results.iter().for_each(|one| match &one.result {
            Ok(rows) => tally.count(true, rows.iter().all(|row| row.errors.is_empty())),
            Err(_) => tally.count(false, false),
        }),
        Outcome::Add(results) => results.iter().for_each(|one| match &one.result {
            Ok(row) => tally.count(true, row.errors.is_empty()),
            Err(_) => tally.count(false, false),
        }),
        Outcome::Delete(results) => results.iter().for_each(|one| match &one.result {
            Ok(deleted) => {
                tally.count(
                    !deleted.affected.is_empty() || deleted.unaffected.is_empty(),
                    deleted.unaffected.is_empty(),
                );
            }
            Err(_) => tally.count(false, false),
        }),
        Outcome::Failed(MessageFailure { .. }) => return Ending::Failed,
    }
    tally.ending()
}

#[derive(Default)]
struct Tally {
    good: usize,
    bad: usize,
    flawed: usize,
}

impl Tally {
    fn count(&mut self, good: bool, whole: bool) {
        match (good, whole) {
            (true, true) => self.good += 1,
            (true, false) => self.flawed += 1,
            (false, _) => self.bad += 1,
        }
    }

    fn ending(&self) -> Ending {
        match (self.good + self.flawed, self.bad + self.flawed) {
            (_, 0) => Ending::Done,
            (0, _) => Ending::Failed,
            _ => Ending::Partial,
        }
    }
}
