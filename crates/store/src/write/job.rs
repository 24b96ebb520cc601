//! Jobs: every change of state goes through the domain's transition table.

use dm::UtcTime;
use dm::operation::Outcome;
use fleet::audit::AuditEntry;
use fleet::event::{EventBody, EventKind};
use fleet::ids::{DeviceId, Epoch, JobId, TenantId};
use fleet::job::{Job, JobError, JobEvent, JobState, OpKind, transition};
use fleet::port::{CreateJob, FinishJob, StoreError, Written};
use fleet::{dto, limits as bounds};
use rusqlite::params;

use super::{Tx, device, session, twin};
use crate::codec::{pack, unpack};
use crate::error::Res;
use crate::limits;
use crate::query::{all, must, one, run};
use crate::rows::{JOB, JobRow, job_row, priority_place, state_of};

pub(super) fn create(tx: &mut Tx<'_>, create: CreateJob) -> Res<Written> {
    let fingerprint = create.fingerprint();
    let CreateJob { job, masked, idempotency_key, audit } = create;
    if let Some(existing) = by_idempotency_key(tx, &job, idempotency_key.as_deref(), fingerprint.0)? {
        return Ok(Written::Job { job: Box::new(existing), existing: true });
    }
    session::epoch_of(tx, job.tenant, job.device)?;
    let waiting = "SELECT count(*) FROM jobs WHERE tenant = ? AND device = ? AND state = 'queued'";
    let waiting: Option<usize> =
        one(tx.connection, waiting, params![job.tenant.to_bytes(), job.device.to_bytes()], |row| row.get(0))?;
    if waiting.unwrap_or(0) >= bounds::LANE_QUEUE {
        return Err(StoreError::Conflict("too many operations wait for this device").into());
    }
    insert(tx, &job, masked.as_ref(), idempotency_key.as_deref(), fingerprint.0)?;
    tx.event(job.tenant, Some(job.device), job.created, job_event(&job))?;
    tx.audit(job.tenant, job.created, audit)?;
    Ok(Written::Job { job: Box::new(job), existing: false })
}

fn by_idempotency_key(tx: &Tx<'_>, job: &Job, key: Option<&str>, fingerprint: [u8; 32]) -> Res<Option<Job>> {
    let Some(key) = key else { return Ok(None) };
    let sql = "SELECT id, fingerprint FROM jobs WHERE tenant = ? AND actor = ? AND idempotency_key = ?";
    let found = one(tx.connection, sql, params![job.tenant.to_bytes(), job.actor.as_str(), key], |row| {
        Ok((JobId::from_bytes(row.get(0)?), row.get::<_, [u8; 32]>(1)?))
    })?;
    match found {
        None => Ok(None),
        Some((_, other)) if other != fingerprint => {
            Err(StoreError::Conflict("this idempotency key was used for another operation").into())
        }
        Some((id, _)) => load(tx, job.tenant, id).map(Some),
    }
}

fn insert(
    tx: &Tx<'_>,
    job: &Job,
    masked: Option<&dm::Operation>,
    key: Option<&str>,
    fingerprint: [u8; 32],
) -> Res<()> {
    let plain = pack(&dto::encode_operation(&job.operation));
    let request = if masked.is_some() { tx.seal.seal(&job.id.to_bytes(), &plain) } else { plain };
    let command_key = match &job.operation {
        dm::Operation::Operate(operate) => Some(operate.command_key.as_str()),
        _ => None,
    };
    let sql = "INSERT INTO jobs (tenant, id, device, kind, state, priority, actor, created, updated, due, deadline, \
               request, sealed, masked, command_key, idempotency_key, fingerprint) \
               VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values = params![
        job.tenant.to_bytes(),
        job.id.to_bytes(),
        job.device.to_bytes(),
        OpKind::of(&job.operation).as_str(),
        priority_place(job.priority),
        job.actor.as_str(),
        job.created.0,
        job.updated.0,
        job.deadline.map_or(0, |deadline| deadline.0),
        job.deadline.map(|deadline| deadline.0),
        request,
        masked.is_some(),
        masked.map(|masked| pack(&dto::encode_operation(masked))),
        command_key,
        key,
        fingerprint
    ];
    run(tx.connection, sql, values)?;
    Ok(())
}

pub(super) fn sent(tx: &mut Tx<'_>, tenant: TenantId, id: JobId, epoch: Epoch, at: UtcTime) -> Res<Written> {
    let job = load(tx, tenant, id)?;
    session::check_epoch(tx, tenant, job.device, epoch)?;
    change(tx, job, JobEvent::Send, at).map(answer)
}

pub(super) fn step(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: JobId,
    event: JobEvent,
    outcome: Option<&Outcome>,
    at: UtcTime,
) -> Res<Written> {
    let mut job = load(tx, tenant, id)?;
    if let Some(outcome) = outcome {
        put_outcome(tx, &mut job, outcome)?;
    }
    change(tx, job, event, at).map(answer)
}

pub(super) fn cancel(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: JobId,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let job = load(tx, tenant, id)?;
    tx.audit(tenant, at, audit)?;
    change(tx, job, JobEvent::Cancel, at).map(answer)
}

pub(super) fn finish(tx: &mut Tx<'_>, finish: FinishJob) -> Res<Written> {
    let FinishJob { tenant, job, event, outcome, error, delta, facts, at } = finish;
    let mut job = load(tx, tenant, job)?;
    if let Some(outcome) = &outcome {
        put_outcome(tx, &mut job, outcome)?;
    }
    if let Some(error) = error {
        put_error(tx, &mut job, error)?;
    }
    if let Some(delta) = &delta {
        twin::add(tx, tenant, job.device, delta)?;
    }
    device::put_facts(tx, tenant, job.device, &facts)?;
    let sql = "UPDATE devices SET last_seen = ? WHERE tenant = ? AND id = ? AND last_seen < ?1";
    run(tx.connection, sql, params![at.0, tenant.to_bytes(), job.device.to_bytes()])?;
    change(tx, job, event, at).map(answer)
}

pub(super) fn expire(tx: &mut Tx<'_>, at: UtcTime) -> Res<Written> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE due != 0 AND due <= ? LIMIT {}", limits::EXPIRE_ROWS);
    let due: Vec<JobRow> = all(tx.connection, &sql, [at.0], job_row)?;
    let mut changed = Vec::new();
    for row in due {
        let mut job = row.decode(tx.seal)?;
        let message = match job.state {
            JobState::Queued => "the device was not reached in time",
            JobState::Accepted(_) => "the device did not say in time how the command ended",
            _ => "the device did not answer in time",
        };
        put_error(tx, &mut job, JobError { code: None, message: message.to_owned() })?;
        changed.push((job.tenant, job.device, job.id));
        change(tx, job, JobEvent::Expire, at)?;
    }
    Ok(Written::Jobs(changed))
}

/// The jobs that were under way in a session that is over.
pub(super) fn lose_sent(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId, at: UtcTime) -> Res<u64> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND device = ? AND state = 'sent'");
    let sent: Vec<JobRow> = all(tx.connection, &sql, params![tenant.to_bytes(), device.to_bytes()], job_row)?;
    let mut count = 0;
    for row in sent {
        let job = row.decode(tx.seal)?;
        change(tx, job, JobEvent::Lose, at)?;
        count += 1;
    }
    Ok(count)
}

/// Takes a job one step on.
fn change(tx: &mut Tx<'_>, mut job: Job, event: JobEvent, at: UtcTime) -> Res<Job> {
    job.state = transition(&job.state, event, OpKind::of(&job.operation))?;
    job.updated = at;
    let due = match &job.state {
        JobState::Queued | JobState::Sent => job.deadline.map_or(0, |deadline| deadline.0),
        JobState::Accepted(_) => at.0.saturating_add(bounds::ACCEPTED_MICROS),
        _ => 0,
    };
    let accepted = match &job.state {
        JobState::Accepted(accepted) => Some(dto::encode_accepted(accepted)),
        _ => None,
    };
    let command_key = match &job.state {
        JobState::Accepted(accepted) => Some(accepted.command_key.as_str()),
        _ => None,
    };
    let sql = "UPDATE jobs SET state = ?, accepted = ?, updated = ?, due = ?, \
               command_key = ifnull(?, command_key) WHERE tenant = ? AND id = ?";
    let key = (job.tenant.to_bytes(), job.id.to_bytes());
    let values = params![job.state.as_str(), accepted, at.0, due, command_key, key.0, key.1];
    must(tx.connection, "job", sql, values)?;
    if job.state.is_finished() {
        forget(tx, &mut job)?;
    }
    if job.state != JobState::Sent {
        tx.event(job.tenant, Some(job.device), at, job_event(&job))?;
    }
    Ok(job)
}

/// The masked request takes the place of the one that was to be sent.
fn forget(tx: &Tx<'_>, job: &mut Job) -> Res<()> {
    let key = params![job.tenant.to_bytes(), job.id.to_bytes()];
    let sql = "SELECT masked FROM jobs WHERE tenant = ? AND id = ?";
    let masked: Option<Option<Vec<u8>>> = one(tx.connection, sql, key, |row| row.get(0))?;
    if let Some(masked) = masked.flatten() {
        job.operation = dto::decode_operation(&unpack(&masked)?)?;
        let sql = "UPDATE jobs SET request = masked, sealed = 0, masked = NULL WHERE tenant = ? AND id = ?";
        run(tx.connection, sql, params![job.tenant.to_bytes(), job.id.to_bytes()])?;
    }
    Ok(())
}

fn put_outcome(tx: &Tx<'_>, job: &mut Job, outcome: &Outcome) -> Res<()> {
    let encoded = dto::encode_outcome(outcome);
    if encoded.len() > bounds::OUTCOME_BYTES {
        let message = "the answer was too big to be kept".to_owned();
        return put_error(tx, job, JobError { code: None, message });
    }
    let sql = "UPDATE jobs SET outcome = ? WHERE tenant = ? AND id = ?";
    run(tx.connection, sql, params![pack(&encoded), job.tenant.to_bytes(), job.id.to_bytes()])?;
    job.outcome = Some(outcome.clone());
    Ok(())
}

fn put_error(tx: &Tx<'_>, job: &mut Job, error: JobError) -> Res<()> {
    let sql = "UPDATE jobs SET error_code = ?, error = ? WHERE tenant = ? AND id = ?";
    let code = error.code.map(|code| code.0);
    run(tx.connection, sql, params![code, error.message, job.tenant.to_bytes(), job.id.to_bytes()])?;
    job.error = Some(error);
    Ok(())
}

fn load(tx: &Tx<'_>, tenant: TenantId, id: JobId) -> Res<Job> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND id = ?");
    let row = one(tx.connection, &sql, params![tenant.to_bytes(), id.to_bytes()], job_row)?;
    row.ok_or(StoreError::NotFound("job"))?.decode(tx.seal)
}

/// The state of a job, without decoding it.
pub(super) fn state(tx: &Tx<'_>, tenant: TenantId, id: JobId) -> Res<Option<JobState>> {
    let sql = "SELECT state, accepted FROM jobs WHERE tenant = ? AND id = ?";
    let row: Option<(String, Option<Vec<u8>>)> =
        one(tx.connection, sql, params![tenant.to_bytes(), id.to_bytes()], |row| row.try_into())?;
    row.map(|(word, accepted)| state_of(&word, accepted.as_deref())).transpose()
}

fn job_event(job: &Job) -> EventBody {
    EventBody::new(EventKind::Job)
        .of_job(job.id)
        .with("kind", OpKind::of(&job.operation).as_str())
        .with("state", job.state.as_str())
        .with("actor", job.actor.as_str())
}

fn answer(job: Job) -> Written {
    Written::Job { job: Box::new(job), existing: false }
}
