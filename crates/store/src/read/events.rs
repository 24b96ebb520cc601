//! The event log.

use fleet::event::Event;
use fleet::ids::{DeviceId, Seq, TenantId};
use fleet::limits as bounds;
use fleet::port::{Page, PageRequest};
use rusqlite::{Connection, params};

use super::cursor;
use crate::error::Res;
use crate::query::{limit_and_one, one, signed, unsigned};
use crate::rows::{EVENT, events};

pub(super) fn list(
    connection: &Connection,
    tenant: TenantId,
    device: Option<DeviceId>,
    page: &PageRequest,
) -> Res<Page<Event>> {
    let limit = limit_and_one(page.limit);
    let before = match &page.cursor {
        Some(cursor) => cursor::read("events", cursor)?,
        None => i64::MAX,
    };
    let rows = match device {
        Some(device) => {
            let sql = format!(
                "SELECT {EVENT} FROM events WHERE tenant = ? AND device = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            );
            events(connection, &sql, params![tenant.to_bytes(), device.to_bytes(), before, limit])?
        }
        None => {
            let sql =
                format!("SELECT {EVENT} FROM events WHERE tenant = ? AND seq < ? ORDER BY seq DESC LIMIT ?");
            events(connection, &sql, params![tenant.to_bytes(), before, limit])?
        }
    };
    Ok(cursor::page(rows, limit, |last| cursor::make("events", signed(last.seq.0))))
}

pub(super) fn after(
    connection: &Connection,
    tenant: Option<TenantId>,
    after: Seq,
    limit: usize,
) -> Res<Vec<Event>> {
    let limit = limit.clamp(1, bounds::PAGE);
    let after = signed(after.0);
    match tenant {
        Some(tenant) => {
            let sql = format!("SELECT {EVENT} FROM events WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?");
            events(connection, &sql, params![tenant.to_bytes(), after, limit])
        }
        None => {
            let sql = format!("SELECT {EVENT} FROM events WHERE seq > ? ORDER BY seq LIMIT ?");
            events(connection, &sql, params![after, limit])
        }
    }
}

/// The last position that was given out, even if its row has been pruned.
pub(crate) fn last(connection: &Connection) -> Res<Seq> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";
    Ok(Seq(one(connection, sql, [], |row| row.get(0).map(unsigned))?.unwrap_or(0)))
}
