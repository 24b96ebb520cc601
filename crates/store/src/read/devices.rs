//! Devices, their sessions and models.

use dm::UtcTime;
use fleet::device::{Device, SessionRow};
use fleet::ids::{DeviceId, Epoch, ModelHash, TenantId};
use fleet::limits as bounds;
use fleet::model::StoredModel;
use fleet::port::{DeviceQuery, DeviceSort, Found, Page};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::cursor;
use crate::codec::unpack;
use crate::error::Res;
use crate::filter::{Sql, TRIGRAM};
use crate::query::{all, limit_and_one, one, unsigned};
use crate::rows::{DEVICE, devices, time_or_never};

/// The shortest beginning of an id that is looked for.
const SHORTEST_PREFIX: usize = 8;

pub(super) fn find(connection: &Connection, tenant: TenantId, text: &str) -> Res<Found> {
    if let Ok(id) = text.parse::<DeviceId>() {
        return Ok(
            crate::rows::device(connection, tenant, id)?.map_or(Found::None, |one| Found::One(Box::new(one)))
        );
    }
    let most = bounds::CANDIDATES;
    if let Some((low, high)) = id_range(text) {
        let sql =
            format!("SELECT {DEVICE} FROM devices WHERE tenant = ? AND id BETWEEN ? AND ? LIMIT {most}");
        let found = devices(connection, tenant, &sql, params![tenant.to_bytes(), low, high])?;
        if !found.is_empty() {
            return Ok(found_of(found));
        }
    }
    let by_identity = "id IN (SELECT device FROM identities WHERE tenant = ?1 AND value = ?2)";
    for condition in [by_identity, "serial = ?2", "name = ?2"] {
        let sql = format!("SELECT {DEVICE} FROM devices WHERE tenant = ?1 AND {condition} LIMIT {most}");
        let found = devices(connection, tenant, &sql, params![tenant.to_bytes(), text])?;
        if !found.is_empty() && !text.is_empty() {
            return Ok(found_of(found));
        }
    }
    Ok(Found::None)
}

fn found_of(mut found: Vec<Device>) -> Found {
    match found.len() {
        1 => found.pop().map_or(Found::None, |one| Found::One(Box::new(one))),
        _ => Found::Ambiguous(found),
    }
}

/// The first and last id that begin so.
fn id_range(text: &str) -> Option<([u8; 16], [u8; 16])> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_prefix =
        text.len() >= SHORTEST_PREFIX && digits.len() <= 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let bytes = |fill: &str| {
        let whole = [digits.as_str(), &fill.repeat(32usize.saturating_sub(digits.len()))].concat();
        u128::from_str_radix(&whole, 16).map(u128::to_be_bytes).ok()
    };
    if is_prefix { Some((bytes("0")?, bytes("f")?)) } else { None }
}

pub(super) fn list(connection: &Connection, tenant: TenantId, query: &DeviceQuery) -> Res<Page<Device>> {
    let tag = list_tag(query);
    let limit = limit_and_one(query.page.limit);
    let sql = list_statement(tenant, query)?;
    let rows = devices(connection, tenant, &sql.text, params_from_iter(&sql.values))?;
    Ok(cursor::page(rows, limit, |last| cursor::make(&tag, (key_of(query.sort, last), last.id.to_bytes()))))
}

/// Which list a cursor is of.
fn list_tag(query: &DeviceQuery) -> String {
    format!("devices {} {}", sort_column(query.sort), query.descending)
}

fn list_statement(tenant: TenantId, query: &DeviceQuery) -> Res<Sql> {
    let column = sort_column(query.sort);
    let limit = limit_and_one(query.page.limit);
    let text = query.text.as_deref().filter(|text| !text.is_empty());
    // Of those that the search index found, each is looked up; walking the fleet in its order would be
    // no search.
    let by_key = text.is_some_and(|text| text.chars().count() >= TRIGRAM);
    let index = if by_key { "INDEXED BY sqlite_autoindex_devices_1" } else { "" };
    let mut sql = Sql::new(format!("SELECT {DEVICE} FROM devices {index} WHERE tenant = "));
    sql.bind(Value::Blob(tenant.to_bytes().to_vec()));
    if let Some(filter) = &query.filter {
        sql.push(" AND ");
        sql.filter(tenant, query.now, filter.expr());
    }
    if let Some(text) = text {
        sql.push(" AND ");
        sql.anywhere(tenant, text);
    }
    if let Some(cursor) = &query.page.cursor {
        let (key, id): (Key, [u8; 16]) = cursor::read(&list_tag(query), cursor)?;
        sql.push(&format!(" AND ({column}, id) {} (", if query.descending { "<" } else { ">" }));
        sql.bind(match key {
            Key::Text(text) => Value::Text(text),
            Key::Number(number) => Value::Integer(number),
        });
        sql.push(", ");
        sql.bind(Value::Blob(id.to_vec()));
        sql.push(")");
    }
    let order = if query.descending { "DESC" } else { "ASC" };
    sql.push(&format!(" ORDER BY {column} {order}, id {order} LIMIT {limit}"));
    Ok(sql)
}

/// What a list is sorted by, of its last row.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Number(i64),
}

fn sort_column(sort: DeviceSort) -> &'static str {
    match sort {
        DeviceSort::Name => "name",
        DeviceSort::Model => "model",
        DeviceSort::Manufacturer => "manufacturer",
        DeviceSort::Serial => "serial",
        DeviceSort::Software => "software",
        DeviceSort::LastSeen => "last_seen",
        DeviceSort::FirstSeen => "first_seen",
    }
}

fn key_of(sort: DeviceSort, device: &Device) -> Key {
    match sort {
        DeviceSort::Name => Key::Text(device.name.clone()),
        DeviceSort::Model => Key::Text(device.facts.model.clone()),
        DeviceSort::Manufacturer => Key::Text(device.facts.manufacturer.clone()),
        DeviceSort::Serial => Key::Text(device.facts.serial.clone()),
        DeviceSort::Software => Key::Text(device.facts.software.clone()),
        DeviceSort::LastSeen => Key::Number(device.last_seen.map_or(0, |at| at.0)),
        DeviceSort::FirstSeen => Key::Number(device.first_seen.0),
    }
}

pub(super) fn counts(connection: &Connection, tenant: TenantId) -> Res<(u64, u64)> {
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM devices WHERE tenant = ? {condition}");
        one(connection, &sql, params![tenant.to_bytes()], |row| row.get(0).map(unsigned))
    };
    Ok((count("")?.unwrap_or(0), count("AND online = 1")?.unwrap_or(0)))
}

pub(super) fn sessions(
    connection: &Connection,
    tenant: TenantId,
    device: DeviceId,
    limit: usize,
) -> Res<Vec<SessionRow>> {
    let sql = "SELECT epoch, transport, peer, proven, since, until FROM sessions \
               WHERE tenant = ? AND device = ? ORDER BY epoch DESC LIMIT ?";
    let limit = limit.clamp(1, bounds::PAGE);
    all(connection, sql, params![tenant.to_bytes(), device.to_bytes(), limit], |row| {
        Ok(SessionRow {
            epoch: Epoch(unsigned(row.get(0)?)),
            transport: row.get(1)?,
            peer: row.get(2)?,
            proven: row.get(3)?,
            since: UtcTime(row.get(4)?),
            until: time_or_never(row.get(5)?),
        })
    })
}

pub(super) fn model(connection: &Connection, tenant: TenantId, hash: ModelHash) -> Res<Option<StoredModel>> {
    let sql = "SELECT document FROM models WHERE tenant = ? AND hash = ?";
    let document: Option<Vec<u8>> =
        one(connection, sql, params![tenant.to_bytes(), hash.0], |row| row.get(0))?;
    match document {
        Some(document) => Ok(Some(StoredModel::decode(unpack(&document)?)?)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use fleet::ids::TenantId;
    use fleet::port::{DeviceQuery, DeviceSort, PageRequest};
    use rusqlite::{Connection, params_from_iter};

    use super::list_statement;
    use crate::migrate::migrate;

    /// As SQLite tells it: what the search box asks is looked up, whatever the list is sorted by.
    #[test]
    fn a_search_does_not_walk_the_fleet() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection).expect("a fresh store");
        for sort in [DeviceSort::Name, DeviceSort::LastSeen] {
            let text = Some("d-1".to_owned());
            let query = DeviceQuery { text, sort, page: PageRequest::first(50), ..DeviceQuery::default() };
            let sql = list_statement(TenantId::DEFAULT, &query).expect("a statement");
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.text)).expect("a plan");
            let steps = plan.query_map(params_from_iter(&sql.values), |row| row.get::<_, String>(3));
            let steps: Vec<String> = steps.expect("steps").collect::<Result<_, _>>().expect("texts");
            for expected in [
                "SEARCH devices USING INDEX sqlite_autoindex_devices_1 (tenant=? AND id=?)",
                "SCAN search_index VIRTUAL TABLE INDEX 0:M1",
                "SEARCH search USING INTEGER PRIMARY KEY (rowid=?)",
            ] {
                assert!(steps.iter().any(|step| step == expected), "{expected}: {steps:#?}");
            }
        }
    }
}
