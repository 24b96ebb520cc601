//! What is read about peers that ask to be let in.

use dm::UtcTime;
use fleet::Reach;
use fleet::device::{Credential, Identity};
use fleet::enrolment::{Admission, DialTarget, PendingDevice, RefusedAttempt};
use fleet::ids::{DeviceId, Fingerprint, TenantId};
use fleet::limits as bounds;
use rusqlite::{Connection, Row, params};

use crate::error::Res;
use crate::query::{all, one, unsigned};
use crate::{reach, rows};

/// Rows of several short lists together.
const MOST: i64 = bounds::PAGE as i64;

/// By key only: one name, and what proves the device behind it.
pub(super) fn admission(connection: &Connection, identity: &Identity) -> Res<Option<(TenantId, Admission)>> {
    if let Some((tenant, device)) = by_name(connection, identity)? {
        let sql = "SELECT value FROM credentials WHERE tenant = ? AND device = ? AND revoked = 0 ORDER BY at DESC LIMIT ?";
        let key = params![tenant.to_bytes(), device.to_bytes(), bounds::IDENTITIES];
        let pinned = all(connection, sql, key, |row| row.get(0).map(Fingerprint))?;
        let sql = "SELECT 1 FROM credentials WHERE tenant = ? AND device = ? AND revoked = 1 LIMIT 1";
        let key = params![tenant.to_bytes(), device.to_bytes()];
        let retired = pinned.is_empty() && one(connection, sql, key, |_| Ok(()))?.is_some();
        let rejected = pinned.is_empty() && is_rejected(connection, tenant, &identity.value)?;
        return Ok(Some((tenant, Admission::Device { device, pinned, retired, rejected })));
    }
    // Whom nobody knows, the platform has turned away.
    let rejected = is_rejected(connection, TenantId::PLATFORM, &identity.value)?;
    Ok(rejected.then_some((TenantId::PLATFORM, Admission::Rejected)))
}

/// Whether it was turned away from the list of this tenant, or of the platform.
fn is_rejected(connection: &Connection, tenant: TenantId, endpoint: &str) -> Res<bool> {
    let sql = "SELECT 1 FROM rejected WHERE tenant = ? AND endpoint = ?";
    Ok(one(connection, sql, params![tenant.to_bytes(), endpoint], |_| Ok(()))?.is_some())
}

/// The device that goes by a name, and whose it is.
pub(crate) fn by_name(connection: &Connection, identity: &Identity) -> Res<Option<(TenantId, DeviceId)>> {
    let sql = "SELECT tenant, device FROM identities WHERE kind = ? AND value = ?";
    one(connection, sql, params![identity.kind.as_str(), identity.value], |row| {
        Ok((TenantId::from_bytes(row.get(0)?), DeviceId::from_bytes(row.get(1)?)))
    })
}

pub(super) fn credential(
    connection: &Connection,
    fingerprint: Fingerprint,
) -> Res<Option<(TenantId, Credential)>> {
    let columns = rows::CREDENTIAL;
    let owned = |row: &Row<'_>| Ok((TenantId::from_bytes(row.get(6)?), rows::credential(row)?));
    let sql = format!(
        "SELECT {columns}, tenant FROM credentials WHERE kind IN ('certificate', 'password') AND value = ?"
    );
    let known = one(connection, &sql, params![fingerprint.0], owned)?;
    if known.is_some() {
        return Ok(known);
    }
    // Its device may be gone; that it was revoked still holds.
    let sql = "SELECT 'certificate', fingerprint, device, 'issued', revoked, 1, tenant FROM certificates \
               WHERE fingerprint = ? AND revoked != 0";
    one(connection, sql, params![fingerprint.0], owned)
}

pub(super) fn pending(connection: &Connection, reach: Reach) -> Res<Vec<(TenantId, PendingDevice)>> {
    let last = |(_, one): &(TenantId, PendingDevice), (_, two): &(TenantId, PendingDevice)| {
        two.last_seen.0.cmp(&one.last_seen.0)
    };
    let read = |tenant| pending_of(connection, tenant);
    reach::merged(&reach::homes(connection, reach)?, MOST, read, last)
}

fn pending_of(connection: &Connection, tenant: TenantId) -> Res<Vec<(TenantId, PendingDevice)>> {
    let sql = "SELECT endpoint, transport, peer, proven, fingerprint, first_seen, last_seen, attempts, changed FROM pending \
               WHERE tenant = ? ORDER BY last_seen DESC LIMIT ?";
    all(connection, sql, params![tenant.to_bytes(), bounds::PENDING], |row| {
        let pending = PendingDevice {
            endpoint: row.get(0)?,
            transport: row.get(1)?,
            peer: row.get(2)?,
            proven: row.get(3)?,
            fingerprint: row.get::<_, Option<[u8; 32]>>(4)?.map(Fingerprint),
            first_seen: UtcTime(row.get(5)?),
            last_seen: UtcTime(row.get(6)?),
            attempts: unsigned(row.get(7)?),
            changed: row.get(8)?,
        };
        Ok((tenant, pending))
    })
}

pub(super) fn refused(connection: &Connection, reach: Reach) -> Res<Vec<RefusedAttempt>> {
    let sql = "SELECT at, peer, endpoint, reason, n FROM refused WHERE tenant = ? ORDER BY n DESC LIMIT ?";
    let read = |tenant: TenantId| {
        all(connection, sql, params![tenant.to_bytes(), bounds::REFUSED], |row| {
            let attempt = RefusedAttempt {
                at: UtcTime(row.get(0)?),
                peer: row.get(1)?,
                endpoint: row.get(2)?,
                reason: row.get(3)?,
            };
            Ok((row.get(4)?, attempt))
        })
    };
    let newest = |(one, _): &(i64, RefusedAttempt), (two, _): &(i64, RefusedAttempt)| two.cmp(one);
    let rows = reach::merged(&reach::homes(connection, reach)?, MOST, read, newest)?;
    Ok(rows.into_iter().map(|(_, attempt)| attempt).collect())
}

pub(super) fn dials(connection: &Connection, reach: Reach) -> Res<Vec<DialTarget>> {
    let sql = "SELECT device, endpoint, url, since FROM dials WHERE tenant = ? ORDER BY endpoint LIMIT ?";
    let read = |tenant: TenantId| {
        all(connection, sql, params![tenant.to_bytes(), bounds::DIALS], |row| {
            Ok(DialTarget {
                device: DeviceId::from_bytes(row.get(0)?),
                endpoint: row.get(1)?,
                url: row.get(2)?,
                since: UtcTime(row.get(3)?),
            })
        })
    };
    let by_endpoint = |one: &DialTarget, two: &DialTarget| one.endpoint.cmp(&two.endpoint);
    reach::merged(&reach::tenants(connection, reach)?, i64::MAX, read, by_endpoint)
}
