//! The event log.

use fleet::Reach;
use fleet::event::Event;
use fleet::ids::{DeviceId, Seq, TenantId};
use fleet::limits as bounds;
use fleet::port::{Page, PageRequest};
use rusqlite::{Connection, params};

use super::cursor;
use crate::error::Res;
use crate::query::{limit_and_one, one, signed, unsigned};
use crate::reach;
use crate::rows::{EVENT, events};

pub(super) fn list(
    connection: &Connection,
    reach: Reach,
    device: Option<DeviceId>,
    page: &PageRequest,
) -> Res<Page<Event>> {
    let limit = limit_and_one(page.limit);
    let before = match &page.cursor {
        Some(cursor) => cursor::read("events", cursor)?,
        None => i64::MAX,
    };
    let rows = match (device, reach) {
        (Some(device), _) => {
            let sql = format!(
                "SELECT {EVENT} FROM events WHERE tenant = ? AND device = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
            );
            let read = |tenant: TenantId| {
                events(connection, &sql, params![tenant.to_bytes(), device.to_bytes(), before, limit])
            };
            let newest = |one: &Event, two: &Event| two.seq.cmp(&one.seq);
            reach::merged(&reach::tenants(connection, reach)?, limit, read, newest)?
        }
        (None, Reach::Tenant(tenant)) => {
            let sql =
                format!("SELECT {EVENT} FROM events WHERE tenant = ? AND seq < ? ORDER BY seq DESC LIMIT ?");
            events(connection, &sql, params![tenant.to_bytes(), before, limit])?
        }
        // The whole log, in its own order.
        (None, Reach::Platform) => {
            let sql = format!("SELECT {EVENT} FROM events WHERE seq < ? ORDER BY seq DESC LIMIT ?");
            events(connection, &sql, params![before, limit])?
        }
    };
    Ok(cursor::page(rows, limit, |last| cursor::make("events", signed(last.seq.0))))
}

pub(super) fn after(connection: &Connection, reach: Reach, after: Seq, limit: usize) -> Res<Vec<Event>> {
    let limit = limit.clamp(1, bounds::PAGE);
    let after = signed(after.0);
    match reach {
        Reach::Tenant(tenant) => {
            let sql = format!("SELECT {EVENT} FROM events WHERE tenant = ? AND seq > ? ORDER BY seq LIMIT ?");
            events(connection, &sql, params![tenant.to_bytes(), after, limit])
        }
        Reach::Platform => {
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
