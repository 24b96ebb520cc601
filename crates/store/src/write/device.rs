//! Devices: facts, names, certificates, models, and the end of them.

use dm::UtcTime;
use fleet::audit::AuditEntry;
use fleet::device::{Credential, CredentialKind, FactsUpdate, Identity};
use fleet::event::{EventBody, EventKind};
use fleet::ids::{DeviceId, Seq, TenantId};
use fleet::limits as bounds;
use fleet::port::{DeviceFields, Patch, PutModel, StoreError, Written};
use rusqlite::params;

use super::{Tx, expected, search, twin};
use crate::codec::pack;
use crate::error::Res;
use crate::query::{must, one, run, signed};
use crate::read::enrolment::by_name;
use crate::rows;

/// Why what proves a device is not recorded.
const fn others(kind: CredentialKind) -> StoreError {
    StoreError::Conflict(match kind {
        CredentialKind::CertificateFingerprint => "the certificate is another device's",
        CredentialKind::Password => "the login is another device's",
    })
}

/// The tenant's device of that name. A name is one tenant's: another's can't be had.
pub(super) fn by_identity(tx: &Tx<'_>, tenant: TenantId, identity: &Identity) -> Res<Option<DeviceId>> {
    match by_name(tx.connection, identity)? {
        Some((owner, _)) if owner != tenant => Err(StoreError::Taken.into()),
        found => Ok(found.map(|(_, device)| device)),
    }
}

pub(super) fn put_identity(
    tx: &Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    identity: &Identity,
    at: UtcTime,
) -> Res<()> {
    exists(tx, tenant, device)?;
    match by_identity(tx, tenant, identity)? {
        Some(owner) if owner == device => return Ok(()),
        Some(_) => return Err(StoreError::Conflict("another device goes by this name").into()),
        None => _ = expected::of(tx, tenant, &identity.value)?,
    }
    let sql = "SELECT count(*) FROM identities WHERE tenant = ? AND device = ?";
    let count: Option<usize> =
        one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |row| row.get(0))?;
    if count.unwrap_or(0) >= bounds::IDENTITIES {
        return Err(StoreError::Conflict("the device has too many names").into());
    }
    let sql = "INSERT INTO identities (tenant, kind, value, device, at) VALUES (?, ?, ?, ?, ?)";
    let values = params![tenant.to_bytes(), identity.kind.as_str(), identity.value, device.to_bytes(), at.0];
    run(tx.connection, sql, values)?;
    search::refresh(tx, tenant, device)
}

pub(super) fn put_credential(tx: &Tx<'_>, tenant: TenantId, credential: &Credential) -> Res<()> {
    exists(tx, tenant, credential.issued_for)?;
    let sql = "SELECT tenant FROM credentials WHERE kind = ? AND value = ?";
    let key = params![credential.kind.as_str(), credential.value.0];
    let owner = one(tx.connection, sql, key, |row| row.get(0).map(TenantId::from_bytes))?;
    if owner.is_some_and(|owner| owner != tenant) {
        return Err(others(credential.kind).into());
    }
    let sql = "INSERT INTO credentials (tenant, kind, value, device, origin, at, revoked) VALUES (?, ?, ?, ?, ?, ?, ?) \
               ON CONFLICT (tenant, kind, value) DO UPDATE SET revoked = max(revoked, excluded.revoked) \
               WHERE device = excluded.device";
    let values = params![
        tenant.to_bytes(),
        credential.kind.as_str(),
        credential.value.0,
        credential.issued_for.to_bytes(),
        rows::origin_word(credential.origin),
        credential.at.0,
        credential.revoked
    ];
    if run(tx.connection, sql, values)? == 0 {
        return Err(others(credential.kind).into());
    }
    Ok(())
}

pub(super) fn put_model(tx: &mut Tx<'_>, put: &PutModel) -> Res<Written> {
    let PutModel { tenant, device, model, at } = put;
    let sql = "INSERT OR IGNORE INTO models (tenant, hash, document, size, at) VALUES (?, ?, ?, ?, ?)";
    let size = model.encoded().len();
    run(tx.connection, sql, params![tenant.to_bytes(), model.hash.0, pack(model.encoded()), size, at.0])?;
    let sql = "UPDATE devices SET model_hash = ? WHERE tenant = ? AND id = ?";
    must(tx.connection, "device", sql, params![model.hash.0, tenant.to_bytes(), device.to_bytes()])?;
    Ok(Written::Done)
}

/// The model has been asked for since this event; a later one has doubted it again.
pub(super) fn confirm_model(
    tx: &Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    answers: Option<Seq>,
) -> Res<()> {
    let Some(answers) = answers else { return Ok(()) };
    let sql = "UPDATE devices SET model_doubt = NULL WHERE tenant = ? AND id = ? AND model_doubt <= ?";
    run(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes(), signed(answers.0)])?;
    Ok(())
}

pub(super) fn onboarded(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    problems: Vec<(String, String)>,
    at: UtcTime,
) -> Res<Written> {
    let sql = "UPDATE devices SET onboarded = 1 WHERE tenant = ? AND id = ?";
    must(tx.connection, "device", sql, params![tenant.to_bytes(), device.to_bytes()])?;
    let body = EventBody::new(EventKind::Onboarded);
    let body = problems.into_iter().fold(body, |body, (what, why)| body.with(what, why));
    tx.event(tenant, Some(device), at, body.bounded())?;
    Ok(Written::Done)
}

pub(super) fn put_fields(tx: &mut Tx<'_>, fields: &DeviceFields) -> Res<Written> {
    let DeviceFields { tenant, device, facts, delta, at } = fields;
    exists(tx, *tenant, *device)?;
    seen(tx, *tenant, *device, *at)?;
    put_facts(tx, *tenant, *device, facts)?;
    if let Some(delta) = delta {
        twin::add(tx, *tenant, *device, delta)?;
    }
    Ok(Written::Done)
}

/// A device was heard of; an earlier time than the last one changes nothing.
pub(super) fn seen(tx: &Tx<'_>, tenant: TenantId, device: DeviceId, at: UtcTime) -> Res<()> {
    let sql = "UPDATE devices SET last_seen = ? WHERE tenant = ? AND id = ? AND last_seen < ?1";
    run(tx.connection, sql, params![at.0, tenant.to_bytes(), device.to_bytes()])?;
    Ok(())
}

pub(super) fn put_facts(tx: &Tx<'_>, tenant: TenantId, device: DeviceId, facts: &FactsUpdate) -> Res<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let sql = "UPDATE devices SET manufacturer = ifnull(?, manufacturer), model = ifnull(?, model), \
               serial = ifnull(?, serial), software = ifnull(?, software), hardware = ifnull(?, hardware), \
               oui = ifnull(?, oui), product_class = ifnull(?, product_class) WHERE tenant = ? AND id = ?";
    let values = params![
        facts.manufacturer,
        facts.model,
        facts.serial,
        facts.software,
        facts.hardware,
        facts.oui,
        facts.product_class,
        tenant.to_bytes(),
        device.to_bytes()
    ];
    must(tx.connection, "device", sql, values)?;
    search::refresh(tx, tenant, device)
}

pub(super) fn patch(tx: &mut Tx<'_>, patch: Patch) -> Res<Written> {
    let Patch { tenant, device, name, tags, at, audit } = patch;
    exists(tx, tenant, device)?;
    let key = (tenant.to_bytes(), device.to_bytes());
    if let Some(name) = name {
        let sql = "UPDATE devices SET name = ? WHERE tenant = ? AND id = ?";
        run(tx.connection, sql, params![name, key.0, key.1])?;
        search::refresh(tx, tenant, device)?;
    }
    if let Some(tags) = tags {
        run(tx.connection, "DELETE FROM tags WHERE tenant = ? AND device = ?", params![key.0, key.1])?;
        for tag in tags {
            let sql = "INSERT INTO tags (tenant, tag, device) VALUES (?, ?, ?)";
            run(tx.connection, sql, params![key.0, tag, key.1])?;
        }
    }
    tx.audit(tenant, at, audit)?;
    let device = rows::device(tx.connection, tenant, device)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}

/// Everything that is keyed by a device.
const TABLES: [&str; 10] = [
    "tags",
    "identities",
    "credentials",
    "dials",
    "sessions",
    "twins",
    "twin_deltas",
    "events",
    "notifications",
    "jobs",
];

pub(super) fn forget(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let key = params![tenant.to_bytes(), device.to_bytes()];
    must(tx.connection, "device", "DELETE FROM devices WHERE tenant = ? AND id = ?", key)?;
    stop_waiting(tx, tenant, device)?;
    for table in TABLES {
        run(tx.connection, &format!("DELETE FROM {table} WHERE tenant = ? AND device = ?"), key)?;
    }
    search::forget(tx, tenant, device)?;
    tx.audit(tenant, at, audit)?;
    Ok(Written::Done)
}

/// A device that goes by its names no more does not wait under them on its tenant's list, and nobody is turned away from
/// there under them.
pub(super) fn stop_waiting(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    for table in ["pending", "rejected"] {
        let sql = format!(
            "DELETE FROM {table} WHERE tenant = ?1 AND endpoint IN \
             (SELECT value FROM identities WHERE tenant = ?1 AND device = ?2)"
        );
        run(tx.connection, &sql, params![tenant.to_bytes(), device.to_bytes()])?;
    }
    Ok(())
}

fn exists(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    let sql = "SELECT 1 FROM devices WHERE tenant = ? AND id = ?";
    let found = one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |_| Ok(()))?;
    found.ok_or_else(|| StoreError::NotFound("device").into())
}
