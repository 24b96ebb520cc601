//! Imported data models.

use dm::UtcTime;
use fleet::audit::AuditEntry;
use fleet::datamodel::PutDataModel;
use fleet::ids::{ModelHash, TenantId};
use fleet::limits as bounds;
use fleet::port::{StoreError, Written};
use rusqlite::params;

use super::Tx;
use crate::codec::pack;
use crate::error::Res;
use crate::query::{must, one, run, signed};

pub(super) fn put(tx: &mut Tx<'_>, put: PutDataModel) -> Res<Written> {
    let PutDataModel { tenant, model, text, audit } = put;
    let sql = "INSERT INTO data_models (tenant, id, name, version, protocol, uri, definitions, at, actor, text) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO UPDATE SET \
               at = excluded.at, actor = excluded.actor";
    let values = params![
        tenant.to_bytes(),
        model.id.0,
        model.name,
        model.version,
        model.protocol,
        model.uri,
        signed(model.definitions),
        model.at.0,
        model.actor.as_str(),
        pack(text.as_bytes())
    ];
    run(tx.connection, sql, values)?;
    let count = "SELECT count(*) FROM data_models WHERE tenant = ?";
    let count: Option<usize> = one(tx.connection, count, params![tenant.to_bytes()], |row| row.get(0))?;
    if count.unwrap_or(0) > bounds::DATA_MODELS {
        return Err(StoreError::Conflict("there are too many data models; remove one first").into());
    }
    tx.audit(tenant, model.at, audit)?;
    Ok(Written::Done)
}

pub(super) fn remove(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ModelHash,
    at: UtcTime,
    audit: AuditEntry,
) -> Res<Written> {
    let sql = "DELETE FROM data_models WHERE tenant = ? AND id = ?";
    must(tx.connection, "data model", sql, params![tenant.to_bytes(), id.0])?;
    tx.audit(tenant, at, audit)?;
    Ok(Written::Done)
}
