//! Copies of a store, while it is in use, and stores made from copies.

use std::fs::File;
use std::path::{Path, PathBuf};

use fleet::port::StoreError;

use crate::lock::Lock;
use crate::pool::Pool;
use crate::{Error, FILE, migrate, pool, private};

/// Writes what the store holds at one moment into a file that must not exist.
pub(crate) async fn backup(pool: &Pool, to: PathBuf) -> Result<(), Error> {
    if to.exists() {
        return Err(Error::Exists(to));
    }
    // An empty file is taken for none.
    private::file(&to)?;
    let target = to.clone();
    let copied = pool.lend(move |reader| {
        let name = target.to_str().ok_or_else(|| StoreError::Failed("the path is not UTF-8".to_owned()))?;
        // The reader refuses to write anywhere, which includes its copy.
        reader.connection.pragma_update(None, "query_only", false)?;
        let result = reader.connection.execute("VACUUM INTO ?", [name]);
        reader.connection.pragma_update(None, "query_only", true)?;
        result?;
        Ok(())
    });
    if let Err(why) = copied.await {
        let _ = std::fs::remove_file(&to);
        return Err(why.into());
    }
    sync(&to)
}

/// Puts a copy into place as the store of `folder`, which must have none.
///
/// # Errors
/// [`Error::Exists`], [`Error::InUse`], [`Error::Damaged`] or [`Error::TooNew`] for the copy, or what the
/// file system says.
pub fn restore(copy: &Path, folder: &Path) -> Result<(), Error> {
    private::folder(folder)?;
    let _lock = Lock::take(folder)?;
    let file = folder.join(FILE);
    if file.exists() {
        return Err(Error::Exists(file));
    }
    let staged = folder.join("cusp.db.restoring");
    let io = |why| Error::Io { path: staged.clone(), why };
    private::file(&staged)?;
    let mut source = File::open(copy).map_err(|why| Error::Io { path: copy.to_owned(), why })?;
    let mut target = std::fs::OpenOptions::new().write(true).truncate(true).open(&staged).map_err(io)?;
    std::io::copy(&mut source, &mut target).map_err(io)?;
    let checked = check(&staged);
    for rest in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.join(format!("cusp.db.restoring{rest}")));
    }
    if let Err(why) = checked {
        let _ = std::fs::remove_file(&staged);
        return Err(why);
    }
    sync(&staged)?;
    std::fs::rename(&staged, &file).map_err(io)?;
    sync(folder)
}

/// Every page is read; a copy may have lain on any medium.
fn check(staged: &Path) -> Result<(), Error> {
    let mut connection = pool::connect(staged, None)?;
    migrate::check(&connection, true)?;
    migrate::migrate(&mut connection)?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    connection.close().map_err(|(_, why)| why.into())
}

fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|why| Error::Io { path: path.to_owned(), why })
}
