//! Why a store can't be opened, and how failures inside it become answers of the port.

use std::path::PathBuf;

use fleet::port::StoreError;
use rusqlite::ErrorCode;

/// Why a store can't be opened, copied or restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A later version of this program has written it.
    #[error("the store has form {found}, and this program knows forms up to {known}")]
    TooNew {
        /// The form of the store.
        found: u32,
        /// The latest form that is known here.
        known: u32,
    },
    /// It is not what was written.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// There is a store already where one is to be restored.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The file system said no.
    #[error("{}: {why}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// SQLite said no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A write to the open store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a write or query failed inside.
#[derive(Debug)]
pub(crate) enum Fail {
    Sql(rusqlite::Error),
    Answer(StoreError),
}

pub(crate) type Res<T> = Result<T, Fail>;

impl From<rusqlite::Error> for Fail {
    fn from(why: rusqlite::Error) -> Self {
        Fail::Sql(why)
    }
}

impl From<StoreError> for Fail {
    fn from(answer: StoreError) -> Self {
        Fail::Answer(answer)
    }
}

impl From<fleet::Error> for Fail {
    fn from(why: fleet::Error) -> Self {
        Fail::Answer(match why {
            fleet::Error::UnexpectedJobEvent { .. } => StoreError::Unexpected(why.to_string()),
            fleet::Error::Store(answer) => answer,
            other => StoreError::Failed(other.to_string()),
        })
    }
}

impl From<Fail> for StoreError {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Answer(answer) => answer,
            Fail::Sql(why) if why.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                tracing::error!("the disk of the store is full: nothing is accepted until there is room");
                StoreError::Full
            }
            Fail::Sql(why) => {
                tracing::error!(error = %why, "the store failed");
                StoreError::Failed(why.to_string())
            }
        }
    }
}
