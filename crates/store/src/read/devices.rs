//! Devices, their sessions and models.

use dm::UtcTime;
use fleet::Reach;
use fleet::device::{Device, SessionRow};
use fleet::ids::{DeviceId, Epoch, ModelHash, TenantId};
use fleet::limits as bounds;
use fleet::model::StoredModel;
use fleet::port::{DeviceQuery, DeviceSort, Found, Page};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params, params_from_iter};

use super::cursor;
use crate::codec::unpack;
use crate::error::Res;
use crate::filter::{Sql, TRIGRAM};
use crate::query::{all, limit_and_one, one, unsigned};
use crate::reach;
use crate::rows::{DEVICE, devices, time_or_never};

/// The shortest beginning of an id that is looked for.
const SHORTEST_PREFIX: usize = 8;

pub(super) fn find(connection: &Connection, reach: Reach, text: &str) -> Res<Found> {
    let among = reach::tenants(connection, reach)?;
    if let Ok(id) = text.parse::<DeviceId>() {
        let found = reach::first(&among, |tenant| crate::rows::device(connection, tenant, id))?;
        return Ok(found.map_or(Found::None, |one| Found::One(Box::new(one))));
    }
    let most = bounds::CANDIDATES;
    let by_id = |one: &Device, two: &Device| one.id.cmp(&two.id);
    let limit = i64::try_from(most).unwrap_or(1);
    if let Some((low, high)) = id_range(text) {
        let sql =
            format!("SELECT {DEVICE} FROM devices WHERE tenant = ? AND id BETWEEN ? AND ? LIMIT {most}");
        let read =
            |tenant: TenantId| devices(connection, tenant, &sql, params![tenant.to_bytes(), low, high]);
        let found = reach::merged(&among, limit, read, by_id)?;
        if !found.is_empty() {
            return Ok(found_of(found));
        }
    }
    let by_identity = "id IN (SELECT device FROM identities WHERE tenant = ?1 AND value = ?2)";
    for condition in [by_identity, "serial = ?2", "name = ?2"] {
        let sql = format!("SELECT {DEVICE} FROM devices WHERE tenant = ?1 AND {condition} LIMIT {most}");
        let read = |tenant: TenantId| devices(connection, tenant, &sql, params![tenant.to_bytes(), text]);
        let found = reach::merged(&among, limit, read, by_id)?;
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

pub(super) fn list(connection: &Connection, reach: Reach, query: &DeviceQuery) -> Res<Page<Device>> {
    let tag = list_tag(query);
    let limit = limit_and_one(query.page.limit);
    let among = reach::tenants(connection, reach)?;
    let rows = match among.as_slice() {
        [tenant] => {
            let sql = list_statement(DEVICE, *tenant, query)?;
            devices(connection, *tenant, &sql.text, params_from_iter(&sql.values))?
        }
        several => list_of_several(connection, several, query)?,
    };
    Ok(cursor::page(rows, limit, |last| cursor::make(&tag, (key_of(query.sort, last), last.id.to_bytes()))))
}

/// First which ones, from the index of each tenant; then those alone.
fn list_of_several(connection: &Connection, among: &[TenantId], query: &DeviceQuery) -> Res<Vec<Device>> {
    type Place = (Key, [u8; 16], TenantId);
    let columns = format!("{}, id", sort_column(query.sort));
    let read = |tenant: TenantId| {
        let sql = list_statement(&columns, tenant, query)?;
        all(connection, &sql.text, params_from_iter(&sql.values), |row| {
            let key = match row.get_ref(0)? {
                ValueRef::Integer(number) => Key::Number(number),
                other => Key::Text(other.as_str()?.to_owned()),
            };
            Ok((key, row.get(1)?, tenant))
        })
    };
    let order = |one: &Place, two: &Place| {
        let order = (&one.0, one.1).cmp(&(&two.0, two.1));
        if query.descending { order.reverse() } else { order }
    };
    let places = reach::merged(among, limit_and_one(query.page.limit), read, order)?.into_iter();
    let found = places.filter_map(|(_, id, tenant)| {
        crate::rows::device(connection, tenant, DeviceId::from_bytes(id)).transpose()
    });
    found.collect()
}

/// Which list a cursor is of.
fn list_tag(query: &DeviceQuery) -> String {
    format!("devices {} {}", sort_column(query.sort), query.descending)
}

fn list_statement(columns: &str, tenant: TenantId, query: &DeviceQuery) -> Res<Sql> {
    let column = sort_column(query.sort);
    let limit = limit_and_one(query.page.limit);
    let text = query.text.as_deref().filter(|text| !text.is_empty());
    // Of those that the search index found, each is looked up; walking the fleet in its order would be
    // no search.
    let by_key = text.is_some_and(|text| text.chars().count() >= TRIGRAM);
    let index = if by_key { "INDEXED BY sqlite_autoindex_devices_1" } else { "" };
    let mut sql = Sql::new(format!("SELECT {columns} FROM devices {index} WHERE tenant = "));
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
#[derive(PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
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

pub(super) fn counts(connection: &Connection, reach: Reach) -> Res<(u64, u64)> {
    let among = reach::tenants(connection, reach)?;
    let count = |condition: &str| {
        let sql = format!("SELECT count(*) FROM devices WHERE tenant = ? {condition}");
        among.iter().try_fold(0, |sum, tenant| -> Res<u64> {
            let own = one(connection, &sql, params![tenant.to_bytes()], |row| row.get(0).map(unsigned))?;
            Ok(sum + own.unwrap_or(0))
        })
    };
    Ok((count("")?, count("AND online = 1")?))
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

pub(super) fn model(connection: &Connection, reach: Reach, hash: ModelHash) -> Res<Option<StoredModel>> {
    let sql = "SELECT document FROM models WHERE tenant = ? AND hash = ?";
    let read = |tenant: TenantId| one(connection, sql, params![tenant.to_bytes(), hash.0], |row| row.get(0));
    let document: Option<Vec<u8>> = reach::first(&reach::tenants(connection, reach)?, read)?;
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

    use super::{DEVICE, list_statement};
    use crate::migrate::migrate;

    /// As SQLite tells it: what the search box asks is looked up, whatever the list is sorted by.
    #[test]
    fn a_search_does_not_walk_the_fleet() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection).expect("a fresh store");
        for sort in [DeviceSort::Name, DeviceSort::LastSeen] {
            let text = Some("d-1".to_owned());
            let query = DeviceQuery { text, sort, page: PageRequest::first(50), ..DeviceQuery::default() };
            let sql = list_statement(DEVICE, TenantId::DEFAULT, &query).expect("a statement");
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
