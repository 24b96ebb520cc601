//! The lock that keeps two processes from opening one store. The system frees it when the process ends,
//! however it ends.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::{Error, private};

/// Held while the store is open.
pub(crate) struct Lock {
    folder: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of a folder, without waiting.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("cusp.lock");
        let io = |why| Error::Io { path: path.clone(), why };
        private::file(&path)?;
        let file = File::options().write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { folder: folder.to_owned(), _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(folder.to_owned())),
            Err(TryLockError::Error(why)) => Err(io(why)),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
