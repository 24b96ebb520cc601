//! Jobs at their end: what a session's report makes of a job in the store, and what the store's answer makes of its
//! place in the lane. Says nothing of how a device is talked to.

use api::gateway::Schema;
use dm::UtcTime;
use dm::operation::{ObjectValues, Operation, Outcome};
use fleet::device::FactsUpdate;
use fleet::ids::Epoch;
use fleet::job::{Ending, Job, JobError, JobEvent, JobState, event_of, forget_secrets};
use fleet::port::{FinishJob, StoreError, Write, Written};
use fleet::twin::Delta;

/// How what was asked of a device ended, in the words of no protocol.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum End {
    /// The device answered.
    Answered(Outcome),
    /// It has not left.
    NotSent,
    /// It has left, and may have been carried out: it was not answered in time.
    InDoubt,
    /// It was not answered in time, and has no effect worth a doubt.
    TimedOut,
    /// The device answered with this, which is no answer.
    Bad(String),
}

/// What a session reports of a job.
pub(crate) struct Report<'a> {
    pub(crate) job: &'a Job,
    /// The session.
    pub(crate) epoch: Epoch,
    /// When.
    pub(crate) at: UtcTime,
}

impl Report<'_> {
    /// What is to be stored of an end. What is secret in an answer is masked by the device's schema; where that can't be
    /// read, the answer is not kept.
    pub(crate) fn of(&self, end: End, schema: Result<Schema, StoreError>) -> Write {
        match end {
            End::Answered(outcome) => self.answered(outcome, schema),
            End::NotSent => self.unsent(),
            // What it did is unknown. It is shown, and never sent again by itself, so that a device that stays silent is
            // not asked for ever.
            End::InDoubt => self.step(JobEvent::Expire, None),
            End::TimedOut => {
                let event = JobEvent::Finish(Ending::Failed);
                self.because(event, "the device did not answer in time".to_owned())
            }
            // Whatever a write did, that does not tell.
            End::Bad(what) => {
                let is_write = self.job.operation.is_write();
                let event = if is_write { JobEvent::Expire } else { JobEvent::Finish(Ending::Failed) };
                self.because(event, format!("the device answered with {what}"))
            }
        }
    }

    /// What is to be stored of a write that has not left.
    pub(crate) fn unsent(&self) -> Write {
        self.step(JobEvent::Unsend, None)
    }

    fn answered(&self, mut outcome: Outcome, schema: Result<Schema, StoreError>) -> Write {
        let operation = &self.job.operation;
        let key = match operation {
            Operation::Operate(operate) => operate.command_key.as_str(),
            _ => "",
        };
        match schema {
            // From here on nobody sees what is secret in it.
            Ok(schema) => forget_secrets(&mut operation.clone(), Some(&mut outcome), schema.as_ref()),
            Err(error) => return self.not_kept(event_of(&outcome, key), &error),
        }
        let event = event_of(&outcome, key);
        if matches!(event, JobEvent::Accept(_)) {
            return self.step(event, Some(outcome));
        }
        let delta = Delta::of_outcome(operation, &outcome, self.at);
        let (delta, facts) = ((!delta.is_empty()).then_some(delta), facts_of(&outcome));
        Write::FinishJob(Box::new(FinishJob { outcome: Some(outcome), delta, facts, ..self.finish(event) }))
    }

    /// How a job goes on whose answer can't be kept, because nobody knows what is secret in it.
    fn not_kept(&self, event: JobEvent, error: &StoreError) -> Write {
        if matches!(event, JobEvent::Accept(_)) {
            return self.step(event, None);
        }
        self.because(event, format!("the answer was not kept: {error}"))
    }

    fn because(&self, event: JobEvent, message: String) -> Write {
        let error = Some(JobError { code: None, message });
        Write::FinishJob(Box::new(FinishJob { error, ..self.finish(event) }))
    }

    fn step(&self, event: JobEvent, outcome: Option<Outcome>) -> Write {
        let (tenant, job, epoch) = (self.job.tenant, self.job.id, Some(self.epoch));
        Write::StepJob { tenant, job, epoch, event, outcome: outcome.map(Box::new), at: self.at }
    }

    fn finish(&self, event: JobEvent) -> FinishJob {
        FinishJob {
            tenant: self.job.tenant,
            job: self.job.id,
            epoch: Some(self.epoch),
            event,
            outcome: None,
            error: None,
            delta: None,
            facts: FactsUpdate::default(),
            at: self.at,
        }
    }
}

const DEVICE_INFO: &str = "Device.DeviceInfo.";

/// What values of `Device.DeviceInfo.` in an answer say about the device.
pub(crate) fn facts_of(outcome: &Outcome) -> FactsUpdate {
    let Outcome::Get(results) = outcome else { return FactsUpdate::default() };
    let objects = results.iter().filter_map(|result| result.result.as_ref().ok()).flatten();
    // The names of others are not written out: a device may give one object a long path and many parameters.
    let params: Vec<(String, &str)> =
        objects.filter(|object| DEVICE_INFO.starts_with(&object.path)).flat_map(full_names).collect();
    FactsUpdate::from_params(params.iter().map(|(path, value)| (path.as_str(), *value)))
}

fn full_names(object: &ObjectValues) -> impl Iterator<Item = (String, &str)> {
    object.params.iter().map(move |(name, value)| (format!("{}{name}", object.path), value.as_str()))
}

/// What becomes of a job's place in its lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Another session has the lane, or is about to, and reads from the store what waits.
    NotOurs,
    /// It waits again.
    Again,
    /// It waits again, and nothing is sent until lanes resume: at once would be at the speed of the line.
    Later,
    /// It has left the lane, and is not over: the device goes on with it.
    Left,
    /// It is over.
    Over,
}

/// After the store's answer to a report of a job.
pub(crate) fn place_of(job: &Job, written: &Result<Written, StoreError>) -> Place {
    match written {
        Err(StoreError::StaleEpoch) => Place::NotOurs,
        Ok(Written::Job { job, .. }) if job.state == JobState::Queued => Place::Again,
        Ok(Written::Job { job, .. }) if !job.state.is_finished() => Place::Left,
        // The medium failed. A read is asked again; what a write did must not be done twice.
        Err(StoreError::Failed(_) | StoreError::Full | StoreError::Busy) if !job.operation.is_write() => {
            Place::Later
        }
        _ => Place::Over,
    }
}

#[cfg(test)]
mod tests {
    use dm::operation::{Get, Set};
    use fleet::ids::{DeviceId, JobId, TenantId};
    use fleet::job::{Accepted, Actor, Priority};

    use super::*;

    fn job(operation: Operation, state: JobState) -> Job {
        Job {
            id: JobId::from_bytes([1; 16]),
            tenant: TenantId::DEFAULT,
            device: DeviceId::from_bytes([2; 16]),
            operation,
            state,
            priority: Priority::Person,
            actor: Actor::system(),
            created: UtcTime(1),
            updated: UtcTime(1),
            deadline: None,
            outcome: None,
            error: None,
        }
    }

    #[test]
    fn a_job_keeps_its_place_leaves_it_or_is_over_as_the_store_says() {
        let (read, write) = (Operation::Get(Get::default()), Operation::Set(Set::default()));
        let stored = |state| Ok(Written::Job { job: Box::new(job(write.clone(), state)), existing: false });
        let failed = || Err(StoreError::Failed("injected".to_owned()));
        let cases = [
            (&write, stored(JobState::Done), Place::Over),
            (&write, stored(JobState::InDoubt), Place::Over),
            (&write, stored(JobState::Accepted(Accepted::default())), Place::Left),
            (&write, stored(JobState::Queued), Place::Again),
            (&read, Err(StoreError::Full), Place::Later),
            (&read, Err(StoreError::Busy), Place::Later),
            (&read, failed(), Place::Later),
            (&write, Err(StoreError::Full), Place::Over),
            (&write, failed(), Place::Over),
            (&read, Err(StoreError::StaleEpoch), Place::NotOurs),
            (&write, Err(StoreError::StaleEpoch), Place::NotOurs),
            (&read, Err(StoreError::NotFound("job")), Place::Over),
        ];
        for (operation, written, place) in cases {
            let asked = job(operation.clone(), JobState::Sent);
            assert_eq!(place_of(&asked, &written), place, "{written:?}");
        }
    }

    /// A read is over; of a write nobody knows what it did.
    #[test]
    fn an_answer_that_is_none_leaves_a_write_in_doubt() {
        let (read, write) = (Operation::Get(Get::default()), Operation::Set(Set::default()));
        for (operation, expected) in [(read, JobEvent::Finish(Ending::Failed)), (write, JobEvent::Expire)] {
            let job = job(operation, JobState::Sent);
            let report = Report { job: &job, epoch: Epoch(7), at: UtcTime(9) };
            let written = report.of(End::Bad("an Error".to_owned()), Err(StoreError::Full));
            let Write::FinishJob(finish) = written else { panic!("it is over") };
            assert_eq!(finish.event, expected);
            let error = finish.error.map(|error| error.message);
            assert_eq!(error.as_deref(), Some("the device answered with an Error"));
        }
    }

    #[test]
    fn an_answer_whose_secrets_nobody_knows_is_not_kept() {
        let job = job(Operation::Get(Get::default()), JobState::Queued);
        let report = Report { job: &job, epoch: Epoch(7), at: UtcTime(9) };
        let end = End::Answered(Outcome::Get(Vec::new()));
        let Write::FinishJob(finish) = report.of(end, Err(StoreError::Full)) else { panic!("it is over") };
        let error = finish.error.map(|error| error.message);
        assert_eq!(error.as_deref(), Some("the answer was not kept: the disk of the store is full"));
        assert_eq!((finish.outcome, finish.epoch), (None, Some(Epoch(7))));
    }
}
