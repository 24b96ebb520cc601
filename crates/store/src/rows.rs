//! Rows as domain values. Columns are named once, in the constant beside the function that reads them.

use std::collections::BTreeSet;

use dm::UtcTime;
use fleet::audit::{AuditRow, Chain};
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Device, Facts, Identity, IdentityKind};
use fleet::dto;
use fleet::event::{Event, EventBody, EventKind};
use fleet::ids::{DeviceId, Digest, Epoch, Fingerprint, JobId, ModelHash, Seq, TenantId};
use fleet::job::{Actor, Job, JobError, JobState, OpKind, Priority, StateName};
use fleet::lane::JobRef;
use fleet::port::{Seal, StoreError};
use rusqlite::{Connection, Row, params};

use crate::codec::unpack;
use crate::error::Res;
use crate::query::{all, unsigned};

pub(crate) const DEVICE: &str = "id, name, manufacturer, model, serial, software, hardware, oui, product_class, \
     online, proven, address, last_seen, first_seen, onboarded, model_hash, model_doubt, epoch, \
     (SELECT url FROM dials WHERE dials.tenant = devices.tenant AND dials.device = devices.id LIMIT 1)";

/// A device without its identities and tags.
fn device_row(tenant: TenantId, row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: DeviceId::from_bytes(row.get(0)?),
        tenant,
        name: row.get(1)?,
        tags: BTreeSet::new(),
        identities: Vec::new(),
        facts: Facts {
            manufacturer: row.get(2)?,
            model: row.get(3)?,
            serial: row.get(4)?,
            software: row.get(5)?,
            hardware: row.get(6)?,
            oui: row.get(7)?,
            product_class: row.get(8)?,
        },
        online: row.get(9)?,
        proven: row.get(10)?,
        address: row.get(11)?,
        last_seen: time_or_never(row.get(12)?),
        first_seen: UtcTime(row.get(13)?),
        onboarded: row.get(14)?,
        model: row.get::<_, Option<[u8; 32]>>(15)?.map(ModelHash),
        model_doubt: row.get::<_, Option<i64>>(16)?.map(|seq| Seq(unsigned(seq))),
        epoch: Epoch(unsigned(row.get(17)?)),
        dial: row.get(18)?,
    })
}

/// Devices that a statement selects by [`DEVICE`], whole.
pub(crate) fn devices(
    connection: &Connection,
    tenant: TenantId,
    sql: &str,
    params: impl rusqlite::Params,
) -> Res<Vec<Device>> {
    let mut devices = all(connection, sql, params, |row| device_row(tenant, row))?;
    for device in &mut devices {
        let key = params![tenant.to_bytes(), device.id.to_bytes()];
        let identities =
            "SELECT kind, value FROM identities WHERE tenant = ? AND device = ? ORDER BY at, value";
        for (kind, value) in
            all(connection, identities, key, |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        {
            device.identities.push(Identity { kind: IdentityKind::parse(&kind)?, value });
        }
        let tags = "SELECT tag FROM tags WHERE tenant = ? AND device = ?";
        device.tags = all(connection, tags, key, |row| row.get(0))?.into_iter().collect();
    }
    Ok(devices)
}

/// One device, whole.
pub(crate) fn device(connection: &Connection, tenant: TenantId, id: DeviceId) -> Res<Option<Device>> {
    let sql = format!("SELECT {DEVICE} FROM devices WHERE tenant = ? AND id = ?");
    Ok(devices(connection, tenant, &sql, params![tenant.to_bytes(), id.to_bytes()])?.pop())
}

pub(crate) const CREDENTIAL: &str = "kind, value, device, origin, at, revoked";

/// A credential.
pub(crate) fn credential(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential {
        kind: kind(&row.get::<_, String>(0)?),
        value: Fingerprint(row.get(1)?),
        issued_for: DeviceId::from_bytes(row.get(2)?),
        origin: if row.get::<_, String>(3)? == "issued" {
            CredentialOrigin::Issued
        } else {
            CredentialOrigin::Pinned
        },
        at: UtcTime(row.get(4)?),
        revoked: row.get(5)?,
    })
}

/// A word that nobody knows is read as that of what proves least by itself: of a certificate the key must be shown.
pub(crate) fn kind(word: &str) -> CredentialKind {
    CredentialKind::parse(word).unwrap_or(CredentialKind::CertificateFingerprint)
}

/// The word of an origin in rows.
pub(crate) fn origin_word(origin: CredentialOrigin) -> &'static str {
    match origin {
        CredentialOrigin::Issued => "issued",
        CredentialOrigin::Pinned => "pinned",
    }
}

pub(crate) const JOB: &str = "tenant, id, device, state, accepted, priority, actor, created, updated, deadline, \
     request, sealed, outcome, error_code, error";

/// A job's columns, before they are decoded.
pub(crate) struct JobRow {
    tenant: TenantId,
    id: JobId,
    device: DeviceId,
    state: String,
    accepted: Option<Vec<u8>>,
    priority: u8,
    actor: String,
    created: i64,
    updated: i64,
    deadline: Option<i64>,
    request: Vec<u8>,
    sealed: bool,
    outcome: Option<Vec<u8>>,
    error_code: Option<u32>,
    error: Option<String>,
}

/// Reads the columns of [`JOB`].
pub(crate) fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        tenant: TenantId::from_bytes(row.get(0)?),
        id: JobId::from_bytes(row.get(1)?),
        device: DeviceId::from_bytes(row.get(2)?),
        state: row.get(3)?,
        accepted: row.get(4)?,
        priority: row.get(5)?,
        actor: row.get(6)?,
        created: row.get(7)?,
        updated: row.get(8)?,
        deadline: row.get(9)?,
        request: row.get(10)?,
        sealed: row.get(11)?,
        outcome: row.get(12)?,
        error_code: row.get(13)?,
        error: row.get(14)?,
    })
}

impl JobRow {
    /// Whether it takes a while to decode.
    pub(crate) fn is_long(&self) -> bool {
        self.request.len() + self.outcome.as_ref().map_or(0, Vec::len) > crate::limits::LONG_ROW
    }

    /// Whose and which it is.
    pub(crate) fn key(&self) -> (TenantId, JobId) {
        (self.tenant, self.id)
    }

    /// Whether the device may know of it.
    pub(crate) fn has_left(&self) -> bool {
        self.state != JobState::Queued.as_str()
    }

    /// Whether its request holds secrets.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    pub(crate) fn decode(self, seal: &dyn Seal) -> Res<Job> {
        self.decode_sized(seal).map(|(job, _)| job)
    }

    /// The job, and how many bytes its request and its outcome have.
    pub(crate) fn decode_sized(self, seal: &dyn Seal) -> Res<(Job, usize)> {
        let request = if self.sealed {
            let opened = seal.open(&self.id.to_bytes(), &self.request);
            opened.ok_or_else(|| StoreError::Failed("a sealed request cannot be opened".to_owned()))?
        } else {
            self.request
        };
        let request = unpack(&request)?;
        let outcome = self.outcome.as_deref().map(unpack).transpose()?;
        let size = request.len() + outcome.as_ref().map_or(0, Vec::len);
        let job = Job {
            id: self.id,
            tenant: self.tenant,
            device: self.device,
            operation: dto::decode_operation(&request)?,
            state: state_of(&self.state, self.accepted.as_deref())?,
            priority: priority_of(self.priority),
            actor: Actor::from_row(self.actor),
            created: UtcTime(self.created),
            updated: UtcTime(self.updated),
            deadline: self.deadline.map(UtcTime),
            outcome: outcome.map(|outcome| dto::decode_outcome(&outcome)).transpose()?,
            error: self.error.map(|message| JobError { code: self.error_code.map(dm::Code), message }),
        };
        Ok((job, size))
    }
}

/// A state from its two columns.
pub(crate) fn state_of(word: &str, accepted: Option<&[u8]>) -> Res<JobState> {
    Ok(match StateName::parse(word)? {
        StateName::Queued => JobState::Queued,
        StateName::Sent => JobState::Sent,
        StateName::Accepted => JobState::Accepted(dto::decode_accepted(accepted.unwrap_or_default())?),
        StateName::Done => JobState::Done,
        StateName::Partial => JobState::Partial,
        StateName::Failed => JobState::Failed,
        StateName::Expired => JobState::Expired,
        StateName::Cancelled => JobState::Cancelled,
        StateName::InDoubt => JobState::InDoubt,
    })
}

pub(crate) const JOB_REF: &str = "id, priority, kind, created, deadline";

/// A lane's view of a job, from [`JOB_REF`].
pub(crate) fn job_ref(row: &Row<'_>) -> rusqlite::Result<(JobId, u8, String, i64, Option<i64>)> {
    Ok((JobId::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
}

/// Decodes what [`job_ref`] read.
pub(crate) fn to_job_ref(row: (JobId, u8, String, i64, Option<i64>)) -> Res<JobRef> {
    let (id, priority, kind, created, deadline) = row;
    Ok(JobRef {
        id,
        priority: priority_of(priority),
        kind: OpKind::parse(&kind)?,
        created: UtcTime(created),
        deadline: deadline.map(UtcTime),
    })
}

/// A priority's place, for a column that is sorted by.
pub(crate) fn priority_place(priority: Priority) -> u8 {
    Priority::ALL
        .iter()
        .position(|one| *one == priority)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

fn priority_of(place: u8) -> Priority {
    Priority::ALL.get(usize::from(place)).copied().unwrap_or(Priority::Background)
}

pub(crate) const EVENT: &str = "seq, tenant, device, at, kind, path, params, duplicate, job";

type EventColumns =
    (i64, [u8; 16], Option<[u8; 16]>, i64, String, Option<String>, Vec<u8>, bool, Option<[u8; 16]>);

/// Events that a statement selects by [`EVENT`].
pub(crate) fn events(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Res<Vec<Event>> {
    let rows: Vec<EventColumns> = all(connection, sql, params, |row| row.try_into())?;
    rows.into_iter().map(event).collect()
}

fn event((seq, tenant, device, at, kind, path, params, duplicate, job): EventColumns) -> Res<Event> {
    Ok(Event {
        seq: Seq(unsigned(seq)),
        tenant: TenantId::from_bytes(tenant),
        device: device.map(DeviceId::from_bytes),
        at: UtcTime(at),
        body: EventBody {
            kind: EventKind::parse(&kind)?,
            path,
            params: dto::decode_params(&unpack(&params)?)?,
            duplicate,
            job: job.map(JobId::from_bytes),
        },
    })
}

pub(crate) const AUDIT: &str = "seq, at, actor, action, target, detail, prev_hash, hash";

/// A row of the audit log.
pub(crate) fn audit(tenant: TenantId, chain: Chain, row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        tenant,
        chain,
        seq: Seq(unsigned(row.get(0)?)),
        at: UtcTime(row.get(1)?),
        actor: Actor::from_row(row.get::<_, String>(2)?),
        action: row.get(3)?,
        target: row.get(4)?,
        detail: row.get(5)?,
        prev_hash: Digest(row.get(6)?),
        hash: Digest(row.get(7)?),
    })
}

/// 0 stands for never.
pub(crate) fn time_or_never(micros: i64) -> Option<UtcTime> {
    (micros != 0).then_some(UtcTime(micros))
}
