//! Brings a store to the present form, one numbered step after the other, each in a transaction.

use rusqlite::{Connection, TransactionBehavior};

use crate::Error;

/// The steps; the form of a store is the number of the last one it has taken. A step that was released is
/// never edited.
const STEPS: [&str; 8] = [
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
    include_str!("migrations/0008.sql"),
];

/// Takes the steps that are missing.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(Error::TooNew { found, known });
    }
    for (number, step) in (1..).zip(STEPS).skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
        tracing::info!(form = number, "store migrated");
    }
    Ok(())
}

/// Checks what the file holds: its structure, or every page and index.
pub(crate) fn check(connection: &Connection, full: bool) -> Result<(), Error> {
    let pragma = if full { "PRAGMA integrity_check(5)" } else { "PRAGMA quick_check(5)" };
    let mut statement = connection.prepare(pragma)?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    if lines == ["ok"] { Ok(()) } else { Err(Error::Damaged(lines.join("; "))) }
}
