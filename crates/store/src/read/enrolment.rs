//! What is read about peers that ask to be let in.

use dm::UtcTime;
use fleet::device::{Credential, Identity};
use fleet::enrolment::{Admission, DialTarget, PendingDevice, RefusedAttempt};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::limits as bounds;
use rusqlite::{Connection, params};

use crate::error::Res;
use crate::query::{all, one, unsigned};
use crate::rows;

/// By key only: one name, and what proves the device behind it.
pub(super) fn admission(
    connection: &Connection,
    tenant: TenantId,
    identity: &Identity,
) -> Res<Option<Admission>> {
    let sql = "SELECT device FROM identities WHERE tenant = ? AND kind = ? AND value = ?";
    let key = params![tenant.to_bytes(), identity.kind.as_str(), identity.value];
    let device = one(connection, sql, key, |row| row.get(0).map(DeviceId::from_bytes))?;
    if let Some(device) = device {
        let sql = "SELECT value FROM credentials WHERE tenant = ? AND device = ? AND revoked = 0 ORDER BY at DESC LIMIT ?";
        let key = params![tenant.to_bytes(), device.to_bytes(), bounds::IDENTITIES];
        let pinned = all(connection, sql, key, |row| row.get(0).map(Fingerprint))?;
        let sql = "SELECT 1 FROM credentials WHERE tenant = ? AND device = ? AND revoked = 1 LIMIT 1";
        let key = params![tenant.to_bytes(), device.to_bytes()];
        let retired = pinned.is_empty() && one(connection, sql, key, |_| Ok(()))?.is_some();
        return Ok(Some(Admission::Device { device, pinned, retired }));
    }
    let sql = "SELECT 1 FROM rejected WHERE tenant = ? AND endpoint = ?";
    let rejected = one(connection, sql, params![tenant.to_bytes(), identity.value], |_| Ok(()))?;
    Ok(rejected.map(|()| Admission::Rejected))
}

pub(super) fn credential(
    connection: &Connection,
    tenant: TenantId,
    fingerprint: Fingerprint,
) -> Res<Option<Credential>> {
    let columns = rows::CREDENTIAL;
    let sql = format!(
        "SELECT {columns} FROM credentials WHERE tenant = ? AND kind IN ('certificate', 'password') AND value = ?"
    );
    let known = one(connection, &sql, params![tenant.to_bytes(), fingerprint.0], rows::credential)?;
    if known.is_some() {
        return Ok(known);
    }
    // Its device may be gone; that it was revoked still holds.
    let sql = "SELECT 'certificate', fingerprint, device, 'issued', revoked, 1 FROM certificates \
               WHERE tenant = ? AND fingerprint = ? AND revoked != 0";
    one(connection, sql, params![tenant.to_bytes(), fingerprint.0], rows::credential)
}

pub(super) fn pending(connection: &Connection, tenant: TenantId) -> Res<Vec<PendingDevice>> {
    let sql = "SELECT endpoint, transport, peer, proven, fingerprint, first_seen, last_seen, attempts, changed FROM pending \
               WHERE tenant = ? ORDER BY last_seen DESC LIMIT ?";
    all(connection, sql, params![tenant.to_bytes(), bounds::PENDING], |row| {
        Ok(PendingDevice {
            endpoint: row.get(0)?,
            transport: row.get(1)?,
            peer: row.get(2)?,
            proven: row.get(3)?,
            fingerprint: row.get::<_, Option<[u8; 32]>>(4)?.map(Fingerprint),
            first_seen: UtcTime(row.get(5)?),
            last_seen: UtcTime(row.get(6)?),
            attempts: unsigned(row.get(7)?),
            changed: row.get(8)?,
        })
    })
}

pub(super) fn refused(connection: &Connection, tenant: TenantId) -> Res<Vec<RefusedAttempt>> {
    let sql = "SELECT at, peer, endpoint, reason FROM refused WHERE tenant = ? ORDER BY n DESC LIMIT ?";
    all(connection, sql, params![tenant.to_bytes(), bounds::REFUSED], |row| {
        Ok(RefusedAttempt {
            at: UtcTime(row.get(0)?),
            peer: row.get(1)?,
            endpoint: row.get(2)?,
            reason: row.get(3)?,
        })
    })
}

pub(super) fn dials(connection: &Connection, tenant: TenantId) -> Res<Vec<DialTarget>> {
    let sql = "SELECT device, endpoint, url, since FROM dials WHERE tenant = ? ORDER BY endpoint LIMIT ?";
    all(connection, sql, params![tenant.to_bytes(), bounds::DIALS], |row| {
        Ok(DialTarget {
            device: DeviceId::from_bytes(row.get(0)?),
            endpoint: row.get(1)?,
            url: row.get(2)?,
            since: UtcTime(row.get(3)?),
        })
    })
}
