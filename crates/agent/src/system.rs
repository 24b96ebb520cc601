//! Reading the files by which Linux tells about itself. Everything goes through a root path, so that a
//! test can put a tree of files in the place of `/`. Nothing here interprets what it reads.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::{MAX_DIR_ENTRIES, MAX_FILE_BYTES};

/// Where `/proc`, `/sys`, `/etc`, `/run` and `/var` begin.
#[derive(Clone, Debug)]
pub struct SystemRoot {
    root: Arc<Path>,
    /// Files that are longer than may be: said once of each.
    too_long: Arc<Mutex<BTreeSet<String>>>,
}

impl SystemRoot {
    /// The running system.
    pub fn host() -> SystemRoot {
        SystemRoot::at(Path::new("/"))
    }

    /// A tree of files that stands in for a system.
    pub fn at(root: &Path) -> SystemRoot {
        SystemRoot { root: Arc::from(root), too_long: Arc::default() }
    }

    /// The place of a path that is written from `/` on.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file's bytes; `None` if it can't be read, or is longer than [`MAX_FILE_BYTES`]: a part of it would pass for
    /// the whole.
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = fs::File::open(self.path(path)).ok()?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).ok()?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            self.tell_too_long(path);
            return None;
        }
        Some(bytes)
    }

    fn tell_too_long(&self, path: &str) {
        let mut told = self.too_long.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MAX_DIR_ENTRIES && told.insert(path.to_owned()) {
            tracing::warn!(
                path,
                limit = MAX_FILE_BYTES,
                "a file is too long to be read: what it says is not shown"
            );
        }
    }

    /// A file's text, with bytes that are no UTF-8 replaced.
    pub fn text(&self, path: &str) -> Option<String> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's first line without blanks around it (device tree strings end in a zero byte); `None` when
    /// it is empty.
    pub fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let line = text.lines().next()?.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// A file that holds one number.
    pub fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.line(path)?.parse().ok()
    }

    /// The names in a directory, sorted; empty if it can't be read.
    pub fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let names =
            entries.take(MAX_DIR_ENTRIES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Whether there is something.
    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }
}
