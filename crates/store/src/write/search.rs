//! The text that the search box looks in: one row per device, and its trigrams.

use fleet::ids::{DeviceId, TenantId};
use rusqlite::params;

use super::Tx;
use crate::error::Res;
use crate::query::{all, one, run};

/// Brings the text of a device up to date; does nothing if it is.
pub(super) fn refresh(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    let Some(text) = text_of(tx, tenant, device)? else { return forget(tx, tenant, device) };
    let key = (tenant.to_bytes(), device.to_bytes());
    match indexed(tx, tenant, device)? {
        Some((_, old)) if old == text => return Ok(()),
        Some((n, old)) => {
            unindex(tx, n, &old)?;
            run(tx.connection, "UPDATE search SET text = ? WHERE n = ?", params![text, n])?;
        }
        None => {
            let sql = "INSERT INTO search (tenant, device, text) VALUES (?, ?, ?)";
            run(tx.connection, sql, params![key.0, key.1, text])?;
        }
    }
    let sql =
        "INSERT INTO search_index (rowid, text) SELECT n, text FROM search WHERE tenant = ? AND device = ?";
    run(tx.connection, sql, params![key.0, key.1])?;
    Ok(())
}

/// The device is gone.
pub(super) fn forget(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    if let Some((n, old)) = indexed(tx, tenant, device)? {
        unindex(tx, n, &old)?;
        run(tx.connection, "DELETE FROM search WHERE n = ?", [n])?;
    }
    Ok(())
}

fn indexed(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<Option<(i64, String)>> {
    let sql = "SELECT n, text FROM search WHERE tenant = ? AND device = ?";
    one(tx.connection, sql, params![tenant.to_bytes(), device.to_bytes()], |row| row.try_into())
}

/// The index has no copy of the text: it has to be told what it forgets.
fn unindex(tx: &Tx<'_>, n: i64, old: &str) -> Res<()> {
    let sql = "INSERT INTO search_index (search_index, rowid, text) VALUES ('delete', ?, ?)";
    run(tx.connection, sql, params![n, old])?;
    Ok(())
}

/// One line for each thing that people know a device by; `None` if there is no such device.
fn text_of(tx: &Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<Option<String>> {
    let key = params![tenant.to_bytes(), device.to_bytes()];
    let sql = "SELECT name, serial, model, address FROM devices WHERE tenant = ? AND id = ?";
    let row: Option<(String, String, String, String)> = one(tx.connection, sql, key, |row| row.try_into())?;
    let Some((name, serial, model, address)) = row else { return Ok(None) };
    let sql = "SELECT value FROM identities WHERE tenant = ? AND device = ? ORDER BY at, value";
    let names: Vec<String> = all(tx.connection, sql, key, |row| row.get(0))?;
    // The port changes with every connection, and nobody looks for it.
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
    let mut text = [name.as_str(), &serial, &model, host].join("\n");
    for name in names {
        text.push('\n');
        text.push_str(&name);
    }
    Ok(Some(text))
}
