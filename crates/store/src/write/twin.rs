//! The twin: deltas are appended, and folded into the document when enough have gathered.

use std::sync::Arc;

use fleet::ids::{DeviceId, TenantId};
use fleet::limits as bounds;
use fleet::twin::{Delta, Twin, document};
use rusqlite::{Connection, params};

use super::Tx;
use crate::codec::{pack, unpack};
use crate::dictionary::Dictionary;
use crate::error::{Fail, Res};
use crate::limits;
use crate::query::{all, one, run};

/// Appends what was learnt; folds if there is much of it.
pub(crate) fn add(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId, delta: &Delta) -> Res<()> {
    if delta.is_empty() {
        return Ok(());
    }
    let key = (tenant.to_bytes(), device.to_bytes());
    let encoded = delta.encode();
    let is_big = encoded.len() >= limits::DELTA_BYTES;
    let sql = "INSERT INTO twin_deltas (tenant, device, delta) VALUES (?, ?, ?)";
    run(tx.connection, sql, params![key.0, key.1, pack(&encoded)])?;
    let sql = "SELECT count(*) FROM twin_deltas WHERE tenant = ? AND device = ?";
    let waiting: Option<usize> = one(tx.connection, sql, params![key.0, key.1], |row| row.get(0))?;
    if is_big || waiting.unwrap_or(0) >= bounds::DELTAS_PENDING {
        fold(tx, tenant, device)?;
    }
    Ok(())
}

/// Folds what waits into the document.
fn fold(tx: &mut Tx<'_>, tenant: TenantId, device: DeviceId) -> Res<()> {
    let twin = load(tx.connection, tx.dictionary, tenant, device)?;
    let connection = tx.connection;
    let document = document::encode(&twin, |path| tx.dictionary.id(connection, path))?;
    let key = params![tenant.to_bytes(), device.to_bytes()];
    let sql = "INSERT INTO twins (tenant, device, document) VALUES (?, ?, ?) \
               ON CONFLICT (tenant, device) DO UPDATE SET document = excluded.document";
    run(connection, sql, params![tenant.to_bytes(), device.to_bytes(), pack(&document)])?;
    run(connection, "DELETE FROM twin_deltas WHERE tenant = ? AND device = ?", key)?;
    Ok(())
}

/// The twin as it is now: the document, and what waits, folded in its order.
pub(crate) fn load(
    connection: &Connection,
    dictionary: &mut Dictionary,
    tenant: TenantId,
    device: DeviceId,
) -> Res<Twin> {
    let key = params![tenant.to_bytes(), device.to_bytes()];
    let sql = "SELECT document FROM twins WHERE tenant = ? AND device = ?";
    let document: Option<Vec<u8>> = one(connection, sql, key, |row| row.get(0))?;
    let mut twin = match document {
        Some(document) => decode(connection, dictionary, &unpack(&document)?)?,
        None => Twin::default(),
    };
    let sql = "SELECT delta FROM twin_deltas WHERE tenant = ? AND device = ? ORDER BY n";
    let deltas: Vec<Vec<u8>> = all(connection, sql, key, |row| row.get(0))?;
    for delta in deltas {
        twin.apply(&Delta::decode(&unpack(&delta)?)?);
    }
    Ok(twin)
}

/// The dictionary is asked while the document is read; what it fails with comes out here.
fn decode(connection: &Connection, dictionary: &mut Dictionary, document: &[u8]) -> Res<Twin> {
    let mut failed: Option<Fail> = None;
    let twin = document::decode(document, |id| match dictionary.path(connection, id) {
        Ok(path) => path,
        Err(why) => {
            failed = Some(why);
            None::<Arc<str>>
        }
    });
    match failed {
        Some(why) => Err(why),
        None => Ok(twin?),
    }
}
