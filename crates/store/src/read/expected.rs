//! What is read about devices that are expected.

use dm::UtcTime;
use fleet::Reach;
use fleet::enrolment::{ExpectedDevice, ExpectedKind};
use fleet::ids::TenantId;
use fleet::limits as bounds;
use fleet::port::{Page, PageRequest};
use rusqlite::{Connection, Row, params};

use super::cursor;
use crate::error::Res;
use crate::query::{all, one};
use crate::reach;

const LIST: &str = "expected";

/// By key only: the endpoint id itself, then the serial number in it. Whoever expects it.
pub(crate) fn one_of(connection: &Connection, endpoint: &str) -> Res<Option<(TenantId, ExpectedDevice)>> {
    for (kind, value) in ExpectedKind::of_endpoint(endpoint) {
        let sql = "SELECT kind, value, name, tag, at, tenant FROM expected WHERE kind = ? AND value = ?";
        let found = one(connection, sql, params![kind.as_str(), value], |found| {
            Ok((TenantId::from_bytes(found.get(5)?), row(found)?))
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub(super) fn list(
    connection: &Connection,
    reach: Reach,
    page: &PageRequest,
) -> Res<Page<(TenantId, ExpectedDevice)>> {
    let limit = i64::try_from(page.limit.min(bounds::PAGE)).unwrap_or(1) + 1;
    let (kind, value) = match &page.cursor {
        Some(cursor) => cursor::read::<(String, String)>(LIST, cursor)?,
        None => (String::new(), String::new()),
    };
    let sql = "SELECT kind, value, name, tag, at FROM expected WHERE tenant = ? AND (kind, value) > (?, ?) \
               ORDER BY kind, value LIMIT ?";
    let read = |tenant: TenantId| {
        let key = params![tenant.to_bytes(), kind, value, limit];
        all(connection, sql, key, |found| Ok((tenant, row(found)?)))
    };
    let by_value = |(_, one): &(TenantId, ExpectedDevice), (_, two): &(TenantId, ExpectedDevice)| {
        (one.kind.as_str(), &one.value).cmp(&(two.kind.as_str(), &two.value))
    };
    let rows = reach::merged(&reach::tenants(connection, reach)?, limit, read, by_value)?;
    Ok(cursor::page(rows, limit, |(_, last)| cursor::make(LIST, (last.kind.as_str(), &last.value))))
}

fn row(row: &Row<'_>) -> rusqlite::Result<ExpectedDevice> {
    let kind: String = row.get(0)?;
    Ok(ExpectedDevice {
        kind: if kind == "serial" { ExpectedKind::Serial } else { ExpectedKind::Endpoint },
        value: row.get(1)?,
        name: row.get(2)?,
        group: row.get(3)?,
        at: UtcTime(row.get(4)?),
    })
}
