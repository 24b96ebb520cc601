//! What the store writes is its owner's alone: it holds what devices said, and hashes of secrets.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::Error;

/// Makes a folder for its owner, unless it is there.
pub(crate) fn folder(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|why| Error::Io { path: path.to_owned(), why })
}

/// Makes an empty file for its owner, unless it is there. SQLite takes it for a new store, and gives its
/// log the same mode.
pub(crate) fn file(path: &Path) -> Result<(), Error> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    opened.map(drop).map_err(|why| Error::Io { path: path.to_owned(), why })
}
