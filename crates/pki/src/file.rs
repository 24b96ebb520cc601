//! Files that must never be half written: written beside, synced, renamed over, directory synced.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::limits::{MAX_FILE, MAX_LIST_FILE};

/// The mode of files with secrets in them.
pub const SECRET: u32 = 0o600;
/// The mode of files that anybody may read.
pub const PUBLIC: u32 = 0o644;

/// Replaces `path` by `bytes`: after a crash there is either the old content or the new one, whole.
///
/// # Errors
/// When the directory does not exist or can't be written.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let (dir, beside) = (parent(path), beside(path, ".new"));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        // A file that a crash left behind keeps the mode it was made with.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(Error::file(path))
}

/// Makes a folder that only its owner can look into, and those above it, unless it is there.
///
/// # Errors
/// When it can't be made, or something else stands there.
pub fn create_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file(path))
}

/// The same name with something behind it.
pub(crate) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    parent(path).join(name)
}

/// Moves a file over another of the same directory, for good.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    let rename = || {
        fs::rename(from, to)?;
        File::open(parent(to))?.sync_all()
    };
    rename().map_err(Error::file(to))
}

/// Reads a whole file of at most [`MAX_FILE`] bytes.
///
/// # Errors
/// When it can't be read or is larger.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_at_most(path, MAX_FILE)
}

/// Reads a whole file of at most [`MAX_LIST_FILE`] bytes: lists of a CA with many certificates.
///
/// # Errors
/// When it can't be read or is larger.
pub fn read_large(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_at_most(path, MAX_LIST_FILE)
}

fn read_at_most(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let read = || {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut file = File::open(path)?.take(limit + 1);
        file.read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "larger than such files are"));
        }
        Ok(bytes)
    };
    read().map_err(Error::file(path))
}

/// Like [`read`], and refuses a file that others than its owner can read.
///
/// # Errors
/// Those of [`read`], and [`Error::Permissions`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mode = fs::metadata(path).map_err(Error::file(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::Permissions(path.to_owned()));
    }
    read(path)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}
