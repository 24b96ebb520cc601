//! One step of a job: its new state, with what came of it, in one change of its row. Columns that stay as they are
//! are not named: each index over a named one would be written again.

use dm::UtcTime;
use dm::operation::{Get, Operation, Outcome};
use fleet::event::{EventBody, EventKind};
use fleet::ids::{JobId, TenantId};
use fleet::job::{Job, JobError, JobEvent, JobState, OpKind, transition};
use fleet::port::StoreError;
use fleet::{dto, limits as bounds};
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};

use crate::codec::{pack, unpack};
use crate::error::{Fail, Res};
use crate::query::{must, one, run};
use crate::rows::{JOB, JobRow, job_row};
use crate::write::Tx;

/// A job, and what else its row says.
pub(super) struct Held {
    pub(super) job: Job,
    /// Its request holds secrets, and a masked one stands beside it.
    sealed: bool,
}

/// What happens to a job.
pub(super) struct Step {
    pub(super) event: JobEvent,
    /// What it brought; what was there stays without it.
    pub(super) outcome: Option<Outcome>,
    /// Why it brought nothing; what was there stays without it.
    pub(super) error: Option<JobError>,
}

impl From<JobEvent> for Step {
    fn from(event: JobEvent) -> Self {
        Step { event, outcome: None, error: None }
    }
}

impl Held {
    pub(super) fn load(tx: &Tx<'_>, tenant: TenantId, id: JobId) -> Res<Held> {
        let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND id = ?");
        let row = one(tx.connection, &sql, params![tenant.to_bytes(), id.to_bytes()], job_row)?;
        Held::of(tx, row.ok_or(StoreError::NotFound("job"))?)
    }

    pub(super) fn of(tx: &Tx<'_>, row: JobRow) -> Res<Held> {
        let sealed = row.is_sealed();
        Ok(Held { job: row.decode(tx.seal)?, sealed })
    }

    /// The same, for those who go through many: one that can't be read (the key that sealed it is another now, say) is
    /// over, and holds up none of the others. What takes its request's place is the masked one.
    pub(super) fn or_over(tx: &mut Tx<'_>, row: JobRow, at: UtcTime) -> Res<Result<Held, Job>> {
        let ((tenant, id), has_left) = (row.key(), row.has_left());
        let error = match Held::of(tx, row) {
            Ok(held) => return Ok(Ok(held)),
            Err(Fail::Sql(error)) => return Err(Fail::Sql(error)),
            Err(Fail::Answer(error)) => error,
        };
        tracing::error!(%error, job = %id, "an operation that is under way can't be read, and is over");
        let nothing = pack(&dto::encode_operation(&Operation::Get(Get::default())));
        let state = if has_left { JobState::InDoubt } else { JobState::Failed };
        let sql = "UPDATE jobs SET state = ?, due = 0, updated = ?, accepted = NULL, outcome = NULL, error = ?, \
                   request = coalesce(masked, ?), sealed = 0, masked = NULL WHERE tenant = ? AND id = ?";
        let why = format!("it can't be read any more: {error}");
        let key = (tenant.to_bytes(), id.to_bytes());
        run(tx.connection, sql, params![state.as_str(), at.0, why, nothing, key.0, key.1])?;
        let Held { job, .. } = Held::load(tx, tenant, id)?;
        tell(tx, &job, at)?;
        Ok(Err(job))
    }

    /// Takes the job one step on.
    pub(super) fn take(self, tx: &mut Tx<'_>, step: Step, at: UtcTime) -> Res<Job> {
        let Held { mut job, sealed } = self;
        let (due_before, key_before) = (due(&job), command_key(&job).map(str::to_owned));
        job.state = transition(&job.state, step.event, OpKind::of(&job.operation))?;
        job.updated = at;
        let accepted = match &job.state {
            JobState::Accepted(accepted) => Value::Blob(dto::encode_accepted(accepted)),
            _ => Value::Null,
        };
        let state = Value::Text(job.state.as_str().to_owned());
        let mut columns = vec![("state", state), ("accepted", accepted), ("updated", Value::Integer(at.0))];
        if due(&job) != due_before {
            columns.push(("due", Value::Integer(due(&job))));
        }
        // Once it is over it stays known by its last one.
        if let Some(key) = accepted_key(&job).filter(|key| key_before.as_deref() != Some(*key)) {
            columns.push(("command_key", Value::Text(key.to_owned())));
        }
        put_outcome(&mut job, step.outcome, step.error, &mut columns);
        if job.state.is_finished() && sealed {
            forget(tx, &mut job, &mut columns)?;
        }
        put(tx, &job, columns)?;
        if job.state != JobState::Sent {
            tell(tx, &job, at)?;
        }
        Ok(job)
    }
}

/// Appends to the event log how far a job is.
pub(super) fn tell(tx: &mut Tx<'_>, job: &Job, at: UtcTime) -> Res<()> {
    let body = EventBody::new(EventKind::Job)
        .of_job(job.id)
        .with("kind", OpKind::of(&job.operation).as_str())
        .with("state", job.state.as_str())
        .with("actor", job.actor.as_str());
    tx.event(job.tenant, Some(job.device), at, body)?;
    Ok(())
}

/// When something has to happen to it by itself; 0 for never.
fn due(job: &Job) -> i64 {
    match &job.state {
        JobState::Queued | JobState::Sent => job.deadline.map_or(0, |deadline| deadline.0),
        JobState::Accepted(_) => job.updated.0.saturating_add(bounds::ACCEPTED_MICROS),
        _ => 0,
    }
}

/// What its completion is recognised by, as far as its state tells.
fn command_key(job: &Job) -> Option<&str> {
    match (&job.state, &job.operation) {
        (JobState::Accepted(_), _) => accepted_key(job),
        // It may have been accepted before, under another key.
        (JobState::InDoubt, _) => None,
        (_, dm::Operation::Operate(operate)) => Some(&operate.command_key),
        _ => None,
    }
}

fn accepted_key(job: &Job) -> Option<&str> {
    match &job.state {
        JobState::Accepted(accepted) => Some(&accepted.command_key),
        _ => None,
    }
}

fn put_outcome(
    job: &mut Job,
    outcome: Option<Outcome>,
    error: Option<JobError>,
    columns: &mut Vec<(&'static str, Value)>,
) {
    let mut error = error;
    if let Some(outcome) = outcome {
        let encoded = dto::encode_outcome(&outcome);
        if encoded.len() > bounds::OUTCOME_BYTES {
            let message = "the answer was too big to be kept".to_owned();
            error.get_or_insert(JobError { code: None, message });
        } else {
            columns.push(("outcome", Value::Blob(pack(&encoded))));
            job.outcome = Some(outcome);
        }
    }
    if let Some(error) = error {
        let code = error.code.map_or(Value::Null, |code| Value::Integer(i64::from(code.0)));
        columns.extend([("error_code", code), ("error", Value::Text(error.message.clone()))]);
        job.error = Some(error);
    }
}

/// The masked request takes the place of the one that was to be sent.
fn forget(tx: &Tx<'_>, job: &mut Job, columns: &mut Vec<(&'static str, Value)>) -> Res<()> {
    let sql = "SELECT masked FROM jobs WHERE tenant = ? AND id = ?";
    let key = params![job.tenant.to_bytes(), job.id.to_bytes()];
    let masked: Option<Option<Vec<u8>>> = one(tx.connection, sql, key, |row| row.get(0))?;
    let masked =
        masked.flatten().ok_or_else(|| StoreError::Failed("a masked request is missing".to_owned()))?;
    job.operation = dto::decode_operation(&unpack(&masked)?)?;
    columns.extend([
        ("request", Value::Blob(masked)),
        ("sealed", Value::Integer(0)),
        ("masked", Value::Null),
    ]);
    Ok(())
}

fn put(tx: &Tx<'_>, job: &Job, columns: Vec<(&'static str, Value)>) -> Res<()> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let sql = format!("UPDATE jobs SET {} = ? WHERE tenant = ? AND id = ?", names.join(" = ?, "));
    let key = [job.tenant.to_bytes(), job.id.to_bytes()].map(|id| Value::Blob(id.to_vec()));
    let values = columns.into_iter().map(|(_, value)| value).chain(key);
    must(tx.connection, "job", &sql, params_from_iter(values))
}
