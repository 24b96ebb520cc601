//! Devices that are expected: put on the list, taken off it, and taken off it by being let in.

use dm::UtcTime;
use fleet::Reach;
use fleet::access::EnrolmentToken;
use fleet::audit::AuditEntry;
use fleet::device::Identity;
use fleet::enrolment::{ExpectedDevice, ExpectedKind};
use fleet::ids::TenantId;
use fleet::limits as bounds;
use fleet::port::{PutExpected, StoreError, Written};
use rusqlite::params;

use super::{Tx, access, device};
use crate::error::Res;
use crate::query::{one, run};
use crate::reach;
use crate::read::expected as reading;

/// All of them or none. Who is on the list already is there as the new row says.
pub(super) fn put(tx: &mut Tx<'_>, put: PutExpected) -> Res<Written> {
    let PutExpected { tenant, devices, tokens, at, audit } = put;
    for device in &devices {
        check_free(tx, tenant, device)?;
        let sql = "INSERT INTO expected (tenant, kind, value, name, tag, at) VALUES (?, ?, ?, ?, ?, ?) \
                   ON CONFLICT (tenant, kind, value) DO UPDATE SET name = excluded.name, tag = excluded.tag, \
                   at = excluded.at";
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
    let sql = "SELECT 1 FROM enrolments WHERE hash = ?";
    let known = one(tx.connection, sql, params![token.hash.0], |_| Ok(()))?;
    if known.is_some() {
        return Err(StoreError::Conflict("two devices have the same token, or it is known already").into());
    }
    access::put_enrolment(tx, tenant, token)
}

/// Nobody expects what another tenant has or expects.
fn check_free(tx: &Tx<'_>, tenant: TenantId, device: &ExpectedDevice) -> Res<()> {
    let sql = "SELECT tenant FROM expected WHERE kind = ? AND value = ?";
    let owner = one(tx.connection, sql, params![device.kind.as_str(), device.value], |row| {
        row.get(0).map(TenantId::from_bytes)
    })?;
    if owner.is_some_and(|owner| owner != tenant) {
        return Err(StoreError::Taken.into());
    }
    match device.kind {
        ExpectedKind::Endpoint => {
            device::by_identity(tx, tenant, &Identity::usp(device.value.as_str())).map(drop)
        }
        ExpectedKind::Serial => Ok(()),
    }
}

pub(super) fn remove(
    tx: &mut Tx<'_>,
    reach: Reach,
    value: &str,
    at: UtcTime,
    audit: &AuditEntry,
) -> Res<Written> {
    let sql = "DELETE FROM expected WHERE tenant = ? AND value = ?";
    let mut found = false;
    for tenant in reach::tenants(tx.connection, reach)? {
        if run(tx.connection, sql, params![tenant.to_bytes(), value])? > 0 {
            tx.audit(tenant, at, audit.clone())?;
            found = true;
        }
    }
    if found { Ok(Written::Done) } else { Err(StoreError::NotFound("expected device").into()) }
}

/// What a tenant expects of this endpoint. Whom another tenant expects by its endpoint id is nobody else's; a serial
/// number alone may be that of several devices.
pub(super) fn of(tx: &Tx<'_>, tenant: TenantId, endpoint: &str) -> Res<Option<ExpectedDevice>> {
    match reading::one_of(tx.connection, endpoint)? {
        Some((owner, device)) if owner != tenant && device.kind == ExpectedKind::Endpoint => {
            Err(StoreError::Taken.into())
        }
        found => Ok(found.filter(|(owner, _)| *owner == tenant).map(|(_, device)| device)),
    }
}

/// Who is let in is not expected any more.
pub(super) fn take(tx: &Tx<'_>, tenant: TenantId, endpoint: &str) -> Res<Option<ExpectedDevice>> {
    let found = of(tx, tenant, endpoint)?;
    for (kind, value) in ExpectedKind::of_endpoint(endpoint) {
        let sql = "DELETE FROM expected WHERE tenant = ? AND kind = ? AND value = ?";
        run(tx.connection, sql, params![tenant.to_bytes(), kind.as_str(), value])?;
    }
    Ok(found)
}
