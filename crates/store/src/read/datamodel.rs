//! Imported data models.

use dm::UtcTime;
use fleet::datamodel::DataModel;
use fleet::ids::{ModelHash, TenantId};
use fleet::job::Actor;
use fleet::port::StoreError;
use rusqlite::{Connection, params};

use crate::codec::unpack;
use crate::error::Res;
use crate::query::{all, one, unsigned};

pub(super) fn list(connection: &Connection, tenant: TenantId) -> Res<Vec<DataModel>> {
    let sql = "SELECT id, name, version, protocol, uri, definitions, at, actor FROM data_models \
               WHERE tenant = ? ORDER BY at DESC, id";
    all(connection, sql, params![tenant.to_bytes()], |row| {
        Ok(DataModel {
            id: ModelHash(row.get(0)?),
            name: row.get(1)?,
            version: row.get(2)?,
            protocol: row.get(3)?,
            uri: row.get(4)?,
            definitions: unsigned(row.get(5)?),
            at: UtcTime(row.get(6)?),
            actor: Actor::from_row(row.get::<_, String>(7)?),
        })
    })
}

pub(super) fn text(connection: &Connection, tenant: TenantId, id: ModelHash) -> Res<Option<String>> {
    let sql = "SELECT text FROM data_models WHERE tenant = ? AND id = ?";
    let blob = one(connection, sql, params![tenant.to_bytes(), id.0], |row| row.get::<_, Vec<u8>>(0))?;
    let Some(blob) = blob else { return Ok(None) };
    let text = String::from_utf8(unpack(&blob)?);
    Ok(Some(text.map_err(|_| StoreError::Failed("a data model is no text".to_owned()))?))
}
