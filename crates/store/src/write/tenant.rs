//! Tenants: made, and given devices of others.

use fleet::audit::AuditEntry;
use fleet::event::{EventBody, EventKind};
use fleet::ids::{DeviceId, TenantId};
use fleet::limits as bounds;
use fleet::port::{MoveDevice, StoreError, Written};
use fleet::tenant::Tenant;
use rusqlite::params;

use super::{Tx, session};
use crate::error::Res;
use crate::query::{must, one, run};
use crate::rows;

pub(super) fn put(tx: &mut Tx<'_>, tenant: &Tenant, audit: AuditEntry) -> Res<Written> {
    let name = tenant.name.as_str();
    let known = one(tx.connection, "SELECT 1 FROM tenants WHERE name = ?", [name], |_| Ok(()))?;
    if known.is_some() {
        return Err(StoreError::Conflict("there is a tenant of that name").into());
    }
    let count: Option<usize> = one(tx.connection, "SELECT count(*) FROM tenants", [], |row| row.get(0))?;
    if count.unwrap_or(0) >= bounds::TENANTS {
        return Err(StoreError::Conflict("there are too many tenants").into());
    }
    let sql = "INSERT INTO tenants (id, name, created) VALUES (?, ?, ?)";
    run(tx.connection, sql, params![tenant.id.to_bytes(), name, tenant.created.0])?;
    tx.audit(TenantId::PLATFORM, tenant.created, audit)?;
    Ok(Written::Done)
}

/// What goes with a device. Events, operations and connections stay where they happened.
const TABLES: [&str; 8] =
    ["identities", "credentials", "certificates", "dials", "twins", "twin_deltas", "notifications", "search"];

pub(super) fn hand_over(tx: &mut Tx<'_>, going: MoveDevice) -> Res<Written> {
    let MoveDevice { from, to, device, at, audit } = going;
    let key = params![to.to_bytes(), from.to_bytes(), device.to_bytes()];
    let before = rows::device(tx.connection, from, device)?.ok_or(StoreError::NotFound("device"))?;
    let known = one(tx.connection, "SELECT 1 FROM tenants WHERE id = ?", [to.to_bytes()], |_| Ok(()))?;
    known.ok_or(StoreError::NotFound("tenant"))?;
    if from == to {
        return Ok(Written::Device(Box::new(before)));
    }
    check_idle(tx, from, device)?;
    session::end_open(tx, from, device, at)?;
    if before.online {
        let body = EventBody::new(EventKind::Offline).with("reason", "it went to another tenant");
        tx.event(from, Some(device), at, body)?;
    }
    let own = params![from.to_bytes(), device.to_bytes()];
    run(tx.connection, "DELETE FROM tags WHERE tenant = ? AND device = ?", own)?;
    super::device::stop_waiting(tx, from, device)?;
    let model = "INSERT OR IGNORE INTO models (tenant, hash, document, size, at) \
                 SELECT ?1, hash, document, size, at FROM models WHERE tenant = ?2 \
                 AND hash = (SELECT model_hash FROM devices WHERE tenant = ?2 AND id = ?3)";
    run(tx.connection, model, key)?;
    for table in TABLES {
        run(tx.connection, &format!("UPDATE {table} SET tenant = ? WHERE tenant = ? AND device = ?"), key)?;
    }
    let sql = "UPDATE devices SET tenant = ?, online = 0 WHERE tenant = ? AND id = ?";
    must(tx.connection, "device", sql, key)?;
    let body = EventBody::new(EventKind::Approved);
    let body = before.endpoints().next().map_or(body.clone(), |endpoint| body.at_path(endpoint));
    tx.event(to, Some(device), at, body)?;
    for tenant in [from, to] {
        tx.audit(tenant, at, audit.clone())?;
    }
    let device = rows::device(tx.connection, to, device)?.ok_or(StoreError::NotFound("device"))?;
    Ok(Written::Device(Box::new(device)))
}

/// What is under way was asked for by the old tenant, and would be answered to nobody.
fn check_idle(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    let sql = "SELECT 1 FROM jobs WHERE tenant = ? AND device = ? AND state IN ('queued', 'sent', 'accepted') LIMIT 1";
    match one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |_| Ok(()))? {
        Some(()) => Err(StoreError::Conflict(
            "operations of this device are under way: wait for them, or cancel those that wait",
        )
        .into()),
        None => Ok(()),
    }
}
