//! The one place where somebody's reach becomes tenants. Every query that reads for a caller asks it, and then reads
//! each tenant by itself, so that no statement can forget whose rows it is about.

use std::cmp::Ordering;

use fleet::Reach;
use fleet::ids::TenantId;
use rusqlite::Connection;

use crate::error::Res;
use crate::query::all;

/// The tenants whose devices are within reach.
pub(crate) fn tenants(connection: &Connection, reach: Reach) -> Res<Vec<TenantId>> {
    match reach {
        Reach::Tenant(tenant) => Ok(vec![tenant]),
        Reach::Platform => {
            all(connection, "SELECT id FROM tenants", [], |row| row.get(0).map(TenantId::from_bytes))
        }
    }
}

/// The same, and the platform itself where it is within reach: for what may belong to no tenant.
pub(crate) fn homes(connection: &Connection, reach: Reach) -> Res<Vec<TenantId>> {
    let mut homes = tenants(connection, reach)?;
    if reach == Reach::Platform {
        homes.push(TenantId::PLATFORM);
    }
    Ok(homes)
}

/// What the first of them has.
pub(crate) fn first<T>(
    among: &[TenantId],
    mut find: impl FnMut(TenantId) -> Res<Option<T>>,
) -> Res<Option<T>> {
    for tenant in among {
        if let Some(found) = find(*tenant)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The first `limit` rows of all of them, from the first rows of each.
pub(crate) fn merged<T>(
    among: &[TenantId],
    limit: i64,
    mut read: impl FnMut(TenantId) -> Res<Vec<T>>,
    order: impl Fn(&T, &T) -> Ordering,
) -> Res<Vec<T>> {
    let mut rows = Vec::new();
    for tenant in among {
        rows.extend(read(*tenant)?);
    }
    if among.len() > 1 {
        rows.sort_by(order);
        rows.truncate(usize::try_from(limit).unwrap_or(0));
    }
    Ok(rows)
}
