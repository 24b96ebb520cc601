//! The last known tree of a device: every parameter with when and how it was learnt.
//!
//! The twin is what deltas leave behind when they are folded in the order of their arrival. It knows no
//! types and no access rights, which are the model's. The store keeps it as one document
//! ([`document`]) and compresses that.

use std::collections::BTreeMap;
use std::sync::Arc;

use dm::UtcTime;

use crate::{Error, limits};

mod bytes;
mod delta;
pub mod document;
mod path;

pub use delta::{Change, Delta};
pub use path::TwinPath;

/// How a value was learnt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Source {
    /// The device was asked.
    #[default]
    Read,
    /// The device told by itself.
    Notified,
    /// It is what a write left there.
    Written,
}

impl Source {
    /// The word in DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Source::Read => "read",
            Source::Notified => "notified",
            Source::Written => "written",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Source::Read => 0,
            Source::Notified => 1,
            Source::Written => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, Error> {
        match code {
            0 => Ok(Source::Read),
            1 => Ok(Source::Notified),
            2 => Ok(Source::Written),
            other => Err(Error::row("twin", format!("source {other}"))),
        }
    }
}

/// One parameter, or the existence of one row (a path that ends in a dot; its value is empty).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The lexical value.
    pub value: Arc<str>,
    /// When it was learnt.
    pub at: UtcTime,
    /// How.
    pub source: Source,
}

/// The last known tree.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Twin {
    entries: BTreeMap<TwinPath, Entry>,
    bytes: usize,
    truncated: bool,
}

impl Twin {
    /// Folds one delta in. Of a delta's changes, later ones win.
    pub fn apply(&mut self, delta: &Delta) {
        for change in &delta.changes {
            match change {
                Change::Put { path, value } => self.put(path, value, delta.at, delta.source),
                Change::Remove { path } => self.remove(path),
                Change::KeepRows { table, rows } => self.keep_rows(table, rows),
            }
        }
        // A delta that is full has perhaps left something out.
        self.truncated |= delta.changes.len() >= limits::DELTA_CHANGES;
    }

    /// What is known at and below `prefix` (`""` for everything; a path ending in a dot for an object; a
    /// parameter path for that parameter), in the order of paths with rows by number. `depth` counts the
    /// elements below the prefix; 0 for all.
    pub fn read<'a>(
        &'a self,
        prefix: &'a str,
        depth: usize,
    ) -> impl Iterator<Item = (&'a TwinPath, &'a Entry)> + 'a {
        let start = TwinPath::unchecked(prefix);
        self.entries
            .range(start..)
            .take_while(move |(path, _)| path.is_within(prefix))
            .filter(move |(path, _)| depth == 0 || path.elements_below(prefix) <= depth)
    }

    /// One parameter.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(&TwinPath::unchecked(path))
    }

    /// How many parameters and rows it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something was left out for want of room ([`limits::TWIN_ENTRIES`], [`limits::TWIN_BYTES`],
    /// [`limits::DELTA_CHANGES`]) since it was empty.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn put(&mut self, path: &TwinPath, value: &Arc<str>, at: UtcTime, source: Source) {
        let old = self.entries.get(path).map(|old| path.as_str().len() + old.value.len());
        let size = path.as_str().len() + value.len();
        let bytes = self.bytes - old.unwrap_or(0) + size;
        let full = old.is_none() && self.entries.len() >= limits::TWIN_ENTRIES;
        if full || bytes > limits::TWIN_BYTES || value.len() > limits::TWIN_VALUE {
            self.truncated = true;
            // What it was before is not what it is.
            return self.forget(path);
        }
        self.bytes = bytes;
        self.entries.insert(path.clone(), Entry { value: Arc::clone(value), at, source });
    }

    fn remove(&mut self, prefix: &TwinPath) {
        let gone: Vec<TwinPath> = self.read(prefix.as_str(), 0).map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.forget(&path);
        }
        // Nothing is left that something could be missing from.
        self.truncated &= !self.entries.is_empty();
    }

    fn keep_rows(&mut self, table: &TwinPath, rows: &[u32]) {
        let gone: Vec<TwinPath> = self
            .read(table.as_str(), 0)
            .filter(|(path, _)| {
                path.row_below(table.as_str()).is_some_and(|row| rows.binary_search(&row).is_err())
            })
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.forget(&path);
        }
    }

    fn forget(&mut self, path: &TwinPath) {
        if let Some(old) = self.entries.remove(path) {
            self.bytes -= path.as_str().len() + old.value.len();
        }
    }
}
