//! Devices that ask to be let in, and what becomes of them.

use dm::UtcTime;
use fleet::Reach;
use fleet::audit::AuditEntry;
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::enrolment::{PendingDevice, RefusedAttempt, Shown};
use fleet::event::{EventBody, EventKind};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::limits as bounds;
use fleet::port::{Admit, Approve, PutDial, StoreError, Written};
use rusqlite::params;

use super::{Tx, device, enrol, expected};
use crate::error::Res;
use crate::query::{must, one, run, signed};
use crate::{reach, rows};

pub(super) fn seen(tx: &mut Tx<'_>, tenant: TenantId, pending: &PendingDevice) -> Res<Written> {
    let known = "SELECT 1 FROM pending WHERE tenant = ? AND endpoint = ?";
    let known =
        one(tx.connection, known, params![tenant.to_bytes(), pending.endpoint], |_| Ok(()))?.is_some();
    let sql = "INSERT INTO pending (tenant, endpoint, transport, peer, proven, fingerprint, first_seen, last_seen, \
               attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, endpoint) DO UPDATE SET \
               transport = excluded.transport, peer = excluded.peer, proven = excluded.proven, \
               changed = changed OR fingerprint IS NOT excluded.fingerprint, \
               fingerprint = excluded.fingerprint, last_seen = excluded.last_seen, \
               attempts = attempts + excluded.attempts";
    run(
        tx.connection,
        sql,
        params![
            tenant.to_bytes(),
            pending.endpoint,
            pending.transport,
            pending.peer,
            pending.proven,
            pending.fingerprint.map(|one| one.0),
            pending.first_seen.0,
            pending.last_seen.0,
            signed(pending.attempts)
        ],
    )?;
    if !known {
        let sql = "DELETE FROM pending WHERE tenant = ?1 AND endpoint IN (SELECT endpoint FROM pending \
                   WHERE tenant = ?1 ORDER BY last_seen DESC LIMIT -1 OFFSET ?2)";
        run(tx.connection, sql, params![tenant.to_bytes(), bounds::PENDING])?;
        let body = EventBody::new(EventKind::Pending).at_path(&pending.endpoint).with("peer", &pending.peer);
        tx.event(tenant, None, pending.last_seen, body)?;
    }
    Ok(Written::Done)
}

pub(super) fn approve(tx: &mut Tx<'_>, approve: Approve) -> Res<Written> {
    let Approve { reach, into, endpoint, shown, name, device, at, mut audit } = approve;
    let sql = "SELECT fingerprint, changed FROM pending WHERE tenant = ? AND endpoint = ?";
    let connection = tx.connection;
    let row = reach::first(&reach::homes(connection, reach)?, |home| {
        one(connection, sql, params![home.to_bytes(), endpoint], |row| {
            Ok((home, row.get::<_, Option<[u8; 32]>>(0)?, row.get::<_, bool>(1)?))
        })
    })?;
    let (home, fingerprint, changed) = row.ok_or(StoreError::NotFound("pending device"))?;
    let tenant = if home == TenantId::PLATFORM { into.unwrap_or(TenantId::DEFAULT) } else { home };
    if into.is_some_and(|into| into != tenant) {
        return Err(StoreError::Taken.into());
    }
    let present = Shown::of(fingerprint.map(Fingerprint));
    if shown.map_or(changed, |shown| shown != present) {
        let why = "this endpoint has come with another certificate; read the list of pending devices \
                   again, and approve the fingerprint that it shows";
        return Err(StoreError::Conflict(why).into());
    }
    audit.detail = present.to_string();
    admit(
        tx,
        Admit {
            tenant,
            device,
            identity: Identity::usp(endpoint),
            credential: fingerprint.map(|one| (Fingerprint(one), CredentialOrigin::Pinned)),
            name,
            at,
            audit,
        },
    )
}

pub(super) fn reject(
    tx: &mut Tx<'_>,
    reach: Reach,
    endpoint: &str,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let gone = "DELETE FROM pending WHERE tenant = ? AND endpoint = ?";
    let connection = tx.connection;
    let home = reach::first(&reach::homes(connection, reach)?, |home| {
        Ok((run(connection, gone, params![home.to_bytes(), endpoint])? > 0).then_some(home))
    })?;
    let tenant = home.ok_or(StoreError::NotFound("pending device"))?;
    let sql = "INSERT OR REPLACE INTO rejected (tenant, endpoint, at) VALUES (?, ?, ?)";
    run(tx.connection, sql, params![tenant.to_bytes(), endpoint, at.0])?;
    tx.event(tenant, None, at, EventBody::new(EventKind::Rejected).at_path(endpoint))?;
    tx.audit(tenant, at, audit)?;
    Ok(Written::Done)
}

/// Creates the device, or finds the one that goes by that name, and records its certificate.
pub(super) fn admit(tx: &mut Tx<'_>, admit: Admit) -> Res<Written> {
    let Admit { tenant, device: fresh, identity, credential, name, at, audit } = admit;
    let known = device::by_identity(tx, tenant, &identity)?;
    let expected = expected::take(tx, tenant, &identity.value)?;
    let id = match known {
        Some(id) => id,
        None => {
            let name = name.as_deref().or(expected.as_ref().and_then(|row| row.name.as_deref()));
            create(tx, tenant, fresh, name.unwrap_or(&identity.value), at)?;
            device::put_identity(tx, tenant, fresh, &identity, at)?;
            fresh
        }
    };
    if let Some(group) = expected.as_ref().and_then(|row| row.group.as_ref()) {
        enrol::put_tag(tx, tenant, id, group)?;
    }
    if let Some((value, origin)) = credential {
        let kind = CredentialKind::CertificateFingerprint;
        device::put_credential(
            tx,
            tenant,
            &Credential { kind, value, issued_for: id, origin, at, revoked: false },
        )?;
    }
    for sql in [
        "DELETE FROM pending WHERE tenant IN (?, ?) AND endpoint = ?",
        "DELETE FROM rejected WHERE tenant IN (?, ?) AND endpoint = ?",
    ] {
        let key = params![tenant.to_bytes(), TenantId::PLATFORM.to_bytes(), identity.value];
        run(tx.connection, sql, key)?;
    }
    tx.event(tenant, Some(id), at, EventBody::new(EventKind::Approved).at_path(&identity.value))?;
    tx.audit(tenant, at, audit)?;
    let device = rows::device(tx.connection, tenant, id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}

/// Lets the device in, or finds the one that goes by that name, and records where it listens.
pub(super) fn put_dial(tx: &mut Tx<'_>, dial: PutDial) -> Res<Written> {
    let PutDial { tenant, device, endpoint, url, at, audit } = dial;
    let identity = Identity::usp(endpoint.clone());
    let id = match device::by_identity(tx, tenant, &identity)? {
        Some(id) => {
            tx.audit(tenant, at, audit)?;
            id
        }
        None => {
            admit(tx, Admit { tenant, device, identity, credential: None, name: None, at, audit })?;
            device
        }
    };
    let sql = "INSERT INTO dials (tenant, endpoint, device, url, since) VALUES (?, ?, ?, ?, ?) \
               ON CONFLICT (tenant, endpoint) DO UPDATE SET device = excluded.device, url = excluded.url, \
               since = excluded.since";
    run(tx.connection, sql, params![tenant.to_bytes(), endpoint, id.to_bytes(), url, at.0])?;
    // Of all tenants: one server dials them.
    let count: Option<usize> = one(tx.connection, "SELECT count(*) FROM dials", [], |row| row.get(0))?;
    if count.unwrap_or(0) > bounds::DIALS {
        return Err(StoreError::Conflict("too many devices are dialled").into());
    }
    let device = rows::device(tx.connection, tenant, id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}

pub(super) fn remove_dial(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let sql = "DELETE FROM dials WHERE tenant = ? AND device = ?";
    must(tx.connection, "dialled device", sql, params![tenant.to_bytes(), device.to_bytes()])?;
    tx.audit(tenant, at, audit)?;
    Ok(Written::Done)
}

fn create(tx: &Tx<'_>, tenant: TenantId, id: DeviceId, name: &str, at: UtcTime) -> Res<()> {
    let name: String = name.chars().take(bounds::DEVICE_NAME).collect();
    let sql = "INSERT INTO devices (tenant, id, name, first_seen) VALUES (?, ?, ?, ?)";
    run(tx.connection, sql, params![tenant.to_bytes(), id.to_bytes(), name, at.0])?;
    Ok(())
}

pub(super) fn refused(tx: &mut Tx<'_>, tenant: TenantId, attempt: &RefusedAttempt) -> Res<Written> {
    let sql = "INSERT INTO refused (tenant, at, peer, endpoint, reason) VALUES (?, ?, ?, ?, ?)";
    let values = params![tenant.to_bytes(), attempt.at.0, attempt.peer, attempt.endpoint, attempt.reason];
    run(tx.connection, sql, values)?;
    let sql = "DELETE FROM refused WHERE tenant = ?1 AND n <= (SELECT n FROM refused WHERE tenant = ?1 \
               ORDER BY n DESC LIMIT 1 OFFSET ?2)";
    run(tx.connection, sql, params![tenant.to_bytes(), bounds::REFUSED])?;
    let mut body =
        EventBody::new(EventKind::Refused).with("peer", &attempt.peer).with("reason", &attempt.reason);
    body.path.clone_from(&attempt.endpoint);
    tx.event(tenant, None, attempt.at, body)?;
    Ok(Written::Done)
}
