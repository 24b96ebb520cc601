//! SQLite behind the storage port of `fleet`: one writer with group commit, a few readers, WAL.
//!
//! A write is acknowledged when its transaction is on stable storage (`synchronous=FULL`); many writes
//! share one commit, and one that fails leaves nothing behind in it. One process has a store open at a time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use fleet::ids::Seq;
use fleet::port::{Seal, StoreError, Unsealed, Write, Written};
use tokio::sync::watch;

mod backup;
mod codec;
mod dictionary;
mod error;
mod filter;
pub mod limits;
mod lock;
mod migrate;
mod pool;
mod private;
mod query;
mod reach;
mod read;
mod rows;
mod write;
mod writer;

pub use backup::restore;
pub use error::Error;

use lock::Lock;
use pool::Pool;
use writer::Writer;

/// The file of the store in its folder.
pub const FILE: &str = "cusp.db";

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Hides secrets of requests that wait.
    pub seal: Arc<dyn Seal>,
    /// Checks every page at opening, not only the structure of the file. Slow for big stores.
    pub full_check: bool,
    /// The name of the SQLite VFS that the files are on; the default one otherwise.
    pub vfs: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { seal: Arc::new(Unsealed), full_check: false, vfs: None }
    }
}

/// An open store. Clones share it; it is closed, after everything that was submitted has been written,
/// when the last clone is dropped.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped in this order: no reads, then the writer drains and ends, then others may open it.
    pool: Pool,
    writer: Writer,
    lock: Lock,
}

impl SqliteStore {
    /// Opens the store in `folder`, and makes or migrates it as needed.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it, [`Error::TooNew`], [`Error::Damaged`], or what the file
    /// system or SQLite says.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, Error> {
        private::folder(folder)?;
        let lock = Lock::take(folder)?;
        let file = folder.join(FILE);
        // A file system of its own brings its own files.
        if options.vfs.is_none() {
            private::file(&file)?;
        }
        let vfs = options.vfs.as_deref();
        let mut connection = pool::connect(&file, vfs)?;
        migrate::check(&connection, options.full_check)?;
        migrate::migrate(&mut connection)?;
        // What a write that fails takes back is no file: it is only read while the transaction stands.
        connection.pragma_update(None, "temp_store", "memory")?;
        let pool = Pool::open(&file, vfs, &options.seal)?;
        let writer = Writer::start(connection, Arc::clone(&options.seal))?;
        Ok(SqliteStore { inner: Arc::new(Inner { pool, writer, lock }) })
    }

    /// How far the event log reaches: changes with every commit that appends to it, once it is durable.
    pub fn positions(&self) -> watch::Receiver<Seq> {
        self.inner.writer.positions()
    }

    /// Whether writes reach the medium, as the last commit tells. After one that failed, each write tries it anew, also
    /// one that changes nothing.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.inner.writer.ready()
    }

    /// How many commits there were, and how many writes they carried.
    pub fn commits(&self) -> (u64, u64) {
        self.inner.writer.counts()
    }

    /// Copies the store, as it is at one moment, into a file that does not exist yet, while it is in use.
    ///
    /// # Errors
    /// [`Error::Exists`], or what the file system or SQLite says.
    pub async fn backup(&self, to: &Path) -> Result<(), Error> {
        backup::backup(&self.inner.pool, to.to_owned()).await
    }

    async fn write(&self, write: Write) -> Result<Written, StoreError> {
        self.inner.writer.submit(write).await
    }

    fn pool(&self) -> &Pool {
        &self.inner.pool
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("folder", &self.inner.lock.folder()).finish_non_exhaustive()
    }
}
