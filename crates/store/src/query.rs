//! Small helpers over prepared statements, and ids as SQL values.

use fleet::port::StoreError;
use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::error::Res;

/// Runs a statement; how many rows it changed.
pub(crate) fn run(connection: &Connection, sql: &str, params: impl Params) -> Res<usize> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// Runs a statement that must change a row.
pub(crate) fn must(connection: &Connection, what: &'static str, sql: &str, params: impl Params) -> Res<()> {
    if run(connection, sql, params)? == 0 { Err(StoreError::NotFound(what).into()) } else { Ok(()) }
}

/// One row, if there is one.
pub(crate) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Res<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(params, map).optional()?)
}

/// All rows.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Res<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, map)?.collect::<rusqlite::Result<Vec<T>>>()?;
    Ok(rows)
}

/// A signed column for a number that is never negative; SQLite has no unsigned ones.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`signed`].
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A page size as SQL wants it, with one row more, which tells whether there is a next page.
pub(crate) fn limit_and_one(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, fleet::limits::PAGE)).unwrap_or(1) + 1
}
