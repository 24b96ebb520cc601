//! Jobs: every change of state goes through the domain's transition table.

use dm::UtcTime;
use dm::operation::Outcome;
use fleet::audit::AuditEntry;
use fleet::ids::{DeviceId, Epoch, JobId, TenantId};
use fleet::job::{Job, JobError, JobEvent, JobState, OpKind, is_heard_late};
use fleet::port::{CreateJob, FinishJob, StoreError, Written};
use fleet::{dto, limits as bounds};
use rusqlite::params;

use super::{Tx, device, session, twin};
use crate::codec::pack;
use crate::error::{Fail, Res};
use crate::limits;
use crate::query::{all, one, run};
use crate::rows::{JOB, JobRow, job_row, priority_place};

mod step;

use step::{Held, Step};

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
    step::tell(tx, &job, job.created)?;
    tx.audit(job.tenant, job.created, audit)?;
    Ok(answer(job))
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
        Some((id, _)) => Held::load(tx, job.tenant, id).map(|held| Some(held.job)),
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
    let held = Held::load(tx, tenant, id)?;
    session::check_epoch(tx, tenant, held.job.device, epoch)?;
    held.take(tx, JobEvent::Send.into(), at).map(answer)
}

pub(super) fn step(
    tx: &mut Tx<'_>,
    (tenant, id): (TenantId, JobId),
    epoch: Option<Epoch>,
    event: JobEvent,
    outcome: Option<Outcome>,
    at: UtcTime,
) -> Res<Written> {
    let held = Held::load(tx, tenant, id)?;
    check_reporter(tx, &held.job, epoch, &event)?;
    held.take(tx, Step { event, outcome, error: None }, at).map(answer)
}

/// A session that has been followed by another reports of a job only what no other session can.
fn check_reporter(tx: &Tx<'_>, job: &Job, epoch: Option<Epoch>, event: &JobEvent) -> Res<()> {
    match epoch {
        Some(epoch) if !is_heard_late(&job.state, event, OpKind::of(&job.operation)) => {
            session::check_epoch(tx, job.tenant, job.device, epoch)
        }
        _ => Ok(()),
    }
}

pub(super) fn cancel(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: JobId,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let held = Held::load(tx, tenant, id)?;
    tx.audit(tenant, at, audit)?;
    held.take(tx, JobEvent::Cancel.into(), at).map(answer)
}

pub(super) fn finish(tx: &mut Tx<'_>, finish: FinishJob) -> Res<Written> {
    let held = Held::load(tx, finish.tenant, finish.job)?;
    check_reporter(tx, &held.job, finish.epoch, &finish.event)?;
    finish_held(tx, held, finish).map(answer)
}

/// A notification says how a command ended: that ends what runs, and resolves a doubt. What waits or is over stays
/// as it is.
pub(super) fn complete(tx: &mut Tx<'_>, finish: FinishJob) -> Res<()> {
    let held = match Held::load(tx, finish.tenant, finish.job) {
        Err(Fail::Answer(StoreError::NotFound(_))) => return Ok(()),
        held => held?,
    };
    if matches!(held.job.state, JobState::Sent | JobState::Accepted(_) | JobState::InDoubt) {
        finish_held(tx, held, finish)?;
    }
    Ok(())
}

fn finish_held(tx: &mut Tx<'_>, held: Held, finish: FinishJob) -> Res<Job> {
    let FinishJob { tenant, job: _, epoch: _, event, outcome, error, delta, facts, at } = finish;
    let job = held.take(tx, Step { event, outcome, error }, at)?;
    if let Some(delta) = &delta {
        twin::add(tx, tenant, job.device, delta)?;
    }
    device::put_facts(tx, tenant, job.device, &facts)?;
    device::seen(tx, tenant, job.device, at)?;
    Ok(job)
}

pub(super) fn expire(tx: &mut Tx<'_>, at: UtcTime) -> Res<Written> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE due != 0 AND due <= ? LIMIT {}", limits::EXPIRE_ROWS);
    let due: Vec<JobRow> = all(tx.connection, &sql, [at.0], job_row)?;
    let mut changed = Vec::new();
    for row in due {
        let held = match Held::or_over(tx, row, at)? {
            Ok(held) => held,
            Err(job) => {
                changed.push((job.tenant, job.device, job.id));
                continue;
            }
        };
        let message = match held.job.state {
            JobState::Queued => "the device was not reached in time",
            JobState::Accepted(_) => "the device did not say in time how the command ended",
            _ => "the device did not answer in time",
        };
        let error = Some(JobError { code: None, message: message.to_owned() });
        changed.push((held.job.tenant, held.job.device, held.job.id));
        held.take(tx, Step { event: JobEvent::Expire, outcome: None, error }, at)?;
    }
    Ok(Written::Jobs(changed))
}

/// The jobs that were under way in a session that is over.
pub(super) fn lose_sent(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId, at: UtcTime) -> Res<u64> {
    let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND device = ? AND state = 'sent'");
    let sent: Vec<JobRow> = all(tx.connection, &sql, params![tenant.to_bytes(), device.to_bytes()], job_row)?;
    let mut count = 0;
    for row in sent {
        if let Ok(held) = Held::or_over(tx, row, at)? {
            held.take(tx, JobEvent::Lose.into(), at)?;
        }
        count += 1;
    }
    Ok(count)
}

/// Those under way whose request can't be unsealed are over: they would hold up their lanes, and the lists that they are
/// in.
pub(super) fn check_sealed(tx: &mut Tx<'_>, at: UtcTime) -> Res<()> {
    // Each by an index of few rows: most jobs are over.
    let under_way = "SELECT tenant, id FROM jobs WHERE state = 'queued' AND sealed = 1 \
                     UNION ALL SELECT tenant, id FROM jobs WHERE state = 'sent' AND sealed = 1 \
                     UNION ALL SELECT tenant, id FROM jobs WHERE due != 0 AND state = 'accepted' AND sealed = 1";
    let keys: Vec<([u8; 16], [u8; 16])> = all(tx.connection, under_way, [], |row| row.try_into())?;
    let sql = format!("SELECT {JOB} FROM jobs WHERE tenant = ? AND id = ?");
    for (tenant, id) in keys {
        if let Some(row) = one(tx.connection, &sql, params![tenant, id], job_row)? {
            let _ = Held::or_over(tx, row, at)?;
        }
    }
    Ok(())
}

fn answer(job: Job) -> Written {
    Written::Job { job: Box::new(job), existing: false }
}
