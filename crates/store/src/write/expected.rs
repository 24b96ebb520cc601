//! Devices that are expected: put on the list, taken off it, and taken off it by being let in.

use dm::UtcTime;
use fleet::access::EnrolmentToken;
use fleet::audit::AuditEntry;
use fleet::enrolment::{ExpectedDevice, ExpectedKind};
use fleet::ids::TenantId;
use fleet::limits as bounds;
use fleet::port::{PutExpected, StoreError, Written};
use rusqlite::params;

use super::{Tx, access};
use crate::error::Res;
use crate::query::{must, one, run};
use crate::read::expected as reading;

/// All of them or none. Who is on the list already is there as the new row says.
pub(super) fn put(tx: &mut Tx<'_>, put: PutExpected) -> Res<Written> {
    let PutExpected { tenant, devices, tokens, at, audit } = put;
    for device in &devices {
        let sql =
            "INSERT OR REPLACE INTO expected (tenant, kind, value, name, tag, at) VALUES (?, ?, ?, ?, ?, ?)";
        let ExpectedDevice { kind, value, name, group, .. } = device;
        run(tx.connection, sql, params![tenant.to_bytes(), kind.as_str(), value, name, group, at.0])?;
    }
    let count = "SELECT count(*) FROM expected WHERE tenant = ?";
    let count: Option<usize> = one(tx.connection, count, params![tenant.to_bytes()], |row| row.get(0))?;
    if count.unwrap_or(0) > bounds::EXPECTED {
        return Err(StoreError::Conflict("too many devices are expected").into());
    }
    for token in &tokens {
        token_of(tx, tenant, token)?;
    }
    tx.audit(tenant, at, audit)?;
    Ok(Written::Count(devices.len() as u64))
}

fn token_of(tx: &mut Tx<'_>, tenant: TenantId, token: &EnrolmentToken) -> Res<()> {
    let sql = "SELECT 1 FROM enrolments WHERE tenant = ? AND hash = ?";
    let known = one(tx.connection, sql, params![tenant.to_bytes(), token.hash.0], |_| Ok(()))?;
    if known.is_some() {
        return Err(StoreError::Conflict("two devices have the same token, or it is known already").into());
    }
    access::put_enrolment(tx, tenant, token)
}

pub(super) fn remove(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    value: &str,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let sql = "DELETE FROM expected WHERE tenant = ? AND value = ?";
    must(tx.connection, "expected device", sql, params![tenant.to_bytes(), value])?;
    tx.audit(tenant, at, audit)?;
    Ok(Written::Done)
}

/// Who is let in is not expected any more.
pub(super) fn take(tx: &Tx<'_>, tenant: TenantId, endpoint: &str) -> Res<Option<ExpectedDevice>> {
    let found = reading::one_of(tx.connection, tenant, endpoint)?;
    for (kind, value) in ExpectedKind::of_endpoint(endpoint) {
        let sql = "DELETE FROM expected WHERE tenant = ? AND kind = ? AND value = ?";
        run(tx.connection, sql, params![tenant.to_bytes(), kind.as_str(), value])?;
    }
    Ok(found)
}
