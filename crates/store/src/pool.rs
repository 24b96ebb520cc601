//! The connections that read, and how a connection is set up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fleet::port::{Seal, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::dictionary::Dictionary;
use crate::error::{Fail, Res};
use crate::{Error, limits};

/// A connection that reads, and what belongs to it.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) dictionary: Dictionary,
    pub(crate) seal: Arc<dyn Seal>,
}

/// A few readers; who finds none waits.
pub(crate) struct Pool {
    idle: Arc<Mutex<Vec<Reader>>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(crate) fn open(file: &Path, vfs: Option<&str>, seal: &Arc<dyn Seal>) -> Result<Self, Error> {
        let readers = (0..limits::READERS)
            .map(|_| {
                let connection = connect(file, vfs)?;
                connection.pragma_update(None, "query_only", true)?;
                Ok(Reader { connection, dictionary: Dictionary::default(), seal: Arc::clone(seal) })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let permits = Arc::new(Semaphore::new(readers.len()));
        Ok(Pool { idle: Arc::new(Mutex::new(readers)), permits })
    }

    /// Runs a query that reads a few rows by their keys, at one moment, right here if a reader is free: what it needs is
    /// mostly in memory, and to hand it to another thread costs several times what it takes.
    pub(crate) async fn glance<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Reader) -> Res<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Ok(_permit) = self.permits.try_acquire() else { return self.read(query).await };
        let mut lent = Lent::take(Arc::clone(&self.idle)).ok_or(StoreError::Closed)?;
        let result = catch_unwind(AssertUnwindSafe(|| at_one_moment(lent.reader(), query)));
        result.map_err(|_| cut_short())?.map_err(StoreError::from)
    }

    /// Runs a query on a thread that may block. However many statements it has, it sees the store at one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Reader) -> Res<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.lend(|reader| at_one_moment(reader, query)).await
    }

    /// Lends a reader, outside of any transaction, to what runs on a thread that may block.
    pub(crate) async fn lend<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Reader) -> Res<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let idle = Arc::clone(&self.idle);
        let task = tokio::task::spawn_blocking(move || {
            let mut lent = Lent::take(idle).ok_or(StoreError::Closed)?;
            let result = work(lent.reader()).map_err(StoreError::from);
            drop(lent);
            drop(permit);
            result
        });
        task.await.map_err(|_| cut_short())?
    }
}

/// One snapshot for all statements: what is written between two of them is of the next query. It ends when the reader
/// goes back.
fn at_one_moment<T>(reader: &mut Reader, query: impl FnOnce(&mut Reader) -> Res<T>) -> Res<T> {
    reader.connection.prepare_cached("BEGIN")?.execute([])?;
    query(reader)
}

fn cut_short() -> StoreError {
    StoreError::Failed("a query was cut short".to_owned())
}

/// A reader that finds its way back, out of its snapshot, even if its query panics.
struct Lent {
    reader: Option<Reader>,
    idle: Arc<Mutex<Vec<Reader>>>,
}

impl Lent {
    fn take(idle: Arc<Mutex<Vec<Reader>>>) -> Option<Self> {
        let reader = idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Lent { reader: Some(reader), idle })
    }

    fn reader(&mut self) -> &mut Reader {
        self.reader.as_mut().expect("it is taken out only when this is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            if !reader.connection.is_autocommit() {
                // Nothing was written: how it ends makes no difference.
                let _ = reader.connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
            }
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        }
    }
}

/// Opens a connection with the settings that every one has.
pub(crate) fn connect(file: &Path, vfs: Option<&str>) -> Result<Connection, Error> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs)?,
        None => Connection::open_with_flags(file, flags)?,
    };
    connection.set_prepared_statement_cache_capacity(limits::STATEMENTS);
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "wal_autocheckpoint", limits::WAL_PAGES)?;
    // A plan depends on the statement alone. Otherwise many a statement is compiled again each time that it is
    // used: one that finds a row by its key takes longer to compile than to run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    add_functions(&connection)?;
    Ok(connection)
}

/// `cusp_matches(pattern, text)`: the regular expressions of filters; `cusp_version(version, text)`: -1, 0 or
/// 1 as the text is before, equal to or after the version, NULL if it is none.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("cusp_matches", 2, flags, |call| {
        let regex =
            call.get_or_create_aux(0, |pattern| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
                Ok(fleet::filter::Regex::new(pattern.as_str()?)?)
            })?;
        let text =
            call.get_raw(1).as_str().map_err(|why| rusqlite::Error::UserFunctionError(Box::new(why)))?;
        Ok(regex.is_match(text))
    })?;
    connection.create_scalar_function("cusp_version", 2, flags, |call| {
        let version =
            call.get_or_create_aux(0, |text| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
                Ok(fleet::filter::Version::new(text.as_str()?).ok_or("not a version")?)
            })?;
        let text =
            call.get_raw(1).as_str().map_err(|why| rusqlite::Error::UserFunctionError(Box::new(why)))?;
        Ok(version.compare(text).map(|order| order as i8))
    })
}

impl From<Fail> for Error {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Sql(why) => Error::Sqlite(why),
            Fail::Answer(answer) => Error::Store(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use fleet::port::Unsealed;
    use rusqlite::StatementStatus;
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_glance_that_panics_or_finds_no_reader_costs_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store");
        connect(&file, None).unwrap();
        let seal: Arc<dyn Seal> = Arc::new(Unsealed);
        let pool = Arc::new(Pool::open(&file, None, &seal).unwrap());
        for _ in 0..=limits::READERS {
            let cut = pool.glance(|_| -> Res<()> { panic!("a broken query") }).await;
            assert_eq!(cut, Err(cut_short()));
        }
        // All readers are busy: it waits for one of them.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let mut busy = JoinSet::new();
        for _ in 0..limits::READERS {
            let (pool, wait) = (Arc::clone(&pool), Arc::clone(&wait));
            busy.spawn(async move { pool.read(move |_| Ok(wait.lock().unwrap().recv().is_err())).await });
        }
        tokio::task::yield_now().await;
        assert_eq!(pool.permits.available_permits(), 0);
        let seven = |reader: &mut Reader| {
            Ok(reader.connection.query_row("SELECT 7", [], |row| row.get::<_, u8>(0))?)
        };
        let (found, ()) = tokio::join!(pool.glance(seven), async move { drop(go) });
        assert!(busy.join_all().await.into_iter().all(|ended| ended == Ok(true)));
        assert_eq!(found, Ok(7));
    }

    /// A list of several tenants is read by several statements.
    #[tokio::test]
    async fn a_query_sees_the_store_at_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store");
        let writer = connect(&file, None).unwrap();
        writer.execute_batch("CREATE TABLE rows (n INTEGER); INSERT INTO rows VALUES (1), (2), (3)").unwrap();
        let writer = Arc::new(Mutex::new(writer));
        let pool = Pool::open(&file, None, &(Arc::new(Unsealed) as Arc<dyn Seal>)).unwrap();
        let count = |reader: &Reader| {
            reader.connection.query_row("SELECT count(*) FROM rows", [], |row| row.get::<_, u8>(0))
        };
        let twice = |gone: u8| {
            let writer = Arc::clone(&writer);
            move |reader: &mut Reader| {
                let before = count(reader)?;
                writer.lock().unwrap().execute("DELETE FROM rows WHERE n = ?", [gone])?;
                Ok((before, count(reader)?))
            }
        };
        assert_eq!(pool.read(twice(1)).await, Ok((3, 3)));
        assert_eq!(pool.glance(twice(2)).await, Ok((2, 2)));
        assert_eq!(pool.glance(move |reader| Ok(count(reader)?)).await, Ok(1));
    }

    #[test]
    fn statements_are_compiled_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(&folder.path().join("store"), None).unwrap();
        crate::migrate::migrate(&mut connection).unwrap();
        for sql in [
            "SELECT id FROM jobs WHERE tenant = ? AND device = ? AND command_key = ? \
             AND state IN ('sent', 'accepted', 'in_doubt') ORDER BY id DESC LIMIT 1",
            "SELECT seq FROM audit WHERE tenant = ?1 AND chain = ?2 \
             UNION ALL SELECT seq FROM audit_anchors WHERE chain = ?2 AND tenant = ?3 ORDER BY seq DESC LIMIT 1",
        ] {
            for key in ["a", "b", "c"] {
                // It forgets what was bound when it goes back to those that are kept.
                let mut statement = connection.prepare_cached(sql).unwrap();
                assert!(statement.query((key, key, key)).unwrap().next().unwrap().is_none());
            }
            let statement = connection.prepare_cached(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
