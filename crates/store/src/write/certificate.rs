//! Certificates: registered when they are issued, and revoked.

use dm::UtcTime;
use fleet::audit::AuditEntry;
use fleet::certificate::{IssuedCertificate, RevocationReason};
use fleet::device::{Credential, CredentialKind, CredentialOrigin, Identity};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::job::Actor;
use fleet::port::{Renew, StoreError, Written};
use rusqlite::params;

use super::{Tx, device};
use crate::error::Res;
use crate::query::{all, one, run};
use crate::rows;

/// Remembers a certificate that the internal CA issued for this device.
pub(super) fn register(
    tx: &Tx<'_>,
    tenant: TenantId,
    device: DeviceId,
    issued: &IssuedCertificate,
) -> Res<()> {
    let sql =
        "INSERT INTO certificates (tenant, fingerprint, serial, device, expires) VALUES (?, ?, ?, ?, ?)";
    let values =
        params![tenant.to_bytes(), issued.fingerprint.0, issued.serial, device.to_bytes(), issued.expires.0];
    run(tx.connection, sql, values)?;
    Ok(())
}

/// The present certificate stays good beside the next one; any other of the internal CA goes.
pub(super) fn renew(tx: &mut Tx<'_>, renew: Renew) -> Res<Written> {
    let Renew { tenant, shown, endpoint, issued, at } = renew;
    let sql = "SELECT device FROM credentials WHERE tenant = ? AND value = ? AND revoked = 0";
    let id = one(tx.connection, sql, params![tenant.to_bytes(), shown.0], |row| row.get(0))?;
    let id = DeviceId::from_bytes(id.ok_or(StoreError::NotFound("certificate"))?);
    if device::by_identity(tx, tenant, &Identity::usp(endpoint))? != Some(id) {
        return Err(StoreError::Conflict("the endpoint id is another device's").into());
    }
    let sql = "SELECT value FROM credentials WHERE tenant = ? AND device = ? AND revoked = 0 \
               AND kind = 'certificate' AND origin = 'issued' AND value != ? ORDER BY at, value";
    let key = params![tenant.to_bytes(), id.to_bytes(), shown.0];
    let others: Vec<[u8; 32]> = all(tx.connection, sql, key, |row| row.get(0))?;
    for other in others {
        end(tx, tenant, Fingerprint(other), RevocationReason::Superseded, at)?;
        let what = Fingerprint(other).to_string();
        tx.audit(tenant, at, AuditEntry::new(Actor::system(), "credential.revoke", id, what))?;
    }
    let (kind, origin) = (CredentialKind::CertificateFingerprint, CredentialOrigin::Issued);
    let value = issued.fingerprint;
    let credential = Credential { kind, value, issued_for: id, origin, at, revoked: false };
    device::put_credential(tx, tenant, &credential)?;
    register(tx, tenant, id, &issued)?;
    let what = format!("{} on the proof of {shown}", issued.fingerprint);
    tx.audit(tenant, at, AuditEntry::new(Actor::system(), "credential.renew", id, what))?;
    whose(tx, tenant, id)
}

pub(super) fn revoke(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    fingerprint: Fingerprint,
    reason: RevocationReason,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let sql = "SELECT device FROM credentials WHERE tenant = ? AND value = ?";
    let id = one(tx.connection, sql, params![tenant.to_bytes(), fingerprint.0], |row| row.get(0))?;
    let id = DeviceId::from_bytes(id.ok_or(StoreError::NotFound("certificate"))?);
    if end(tx, tenant, fingerprint, reason, at)? {
        tx.audit(tenant, at, audit)?;
    }
    whose(tx, tenant, id)
}

/// A certificate counts no more. False when it did not any longer.
pub(super) fn end(
    tx: &Tx<'_>,
    tenant: TenantId,
    fingerprint: Fingerprint,
    reason: RevocationReason,
    at: UtcTime,
) -> Res<bool> {
    // Whoever it was issued for: it may have come to this tenant since.
    let sql = "UPDATE certificates SET revoked = ?, reason = ? WHERE fingerprint = ? AND revoked = 0";
    run(tx.connection, sql, params![at.0, reason.as_str(), fingerprint.0])?;
    let sql = "UPDATE credentials SET revoked = 1 WHERE tenant = ? AND value = ? AND revoked = 0";
    Ok(run(tx.connection, sql, params![tenant.to_bytes(), fingerprint.0])? != 0)
}

fn whose(tx: &Tx<'_>, tenant: TenantId, id: DeviceId) -> Res<Written> {
    let device = rows::device(tx.connection, tenant, id)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}
