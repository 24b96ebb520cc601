//! What one message taught about a device's values, and its encoding.

use std::collections::BTreeSet;
use std::sync::Arc;

use dm::UtcTime;
use dm::operation::{CommandResult, Operation, Outcome};

use super::bytes::{Reader, put_number, put_signed, put_text, torn};
use super::{Source, TwinPath};
use crate::{Error, limits};

const VERSION: u8 = 1;

/// Changes that were learnt at one time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delta {
    /// When.
    pub at: UtcTime,
    /// How.
    pub source: Source,
    /// What, in order.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A parameter has this value; or, for a path that ends in a dot, a row exists.
    Put {
        /// Full path.
        path: TwinPath,
        /// Lexical value; empty for a row.
        value: Arc<str>,
    },
    /// A parameter is gone; or, for a path that ends in a dot, a row or object with all below it.
    Remove {
        /// Full path.
        path: TwinPath,
    },
    /// A table has these rows and no others.
    KeepRows {
        /// The table's path, ending in a dot.
        table: TwinPath,
        /// Its rows, in ascending order.
        rows: Vec<u32>,
    },
}

impl Delta {
    /// Nothing yet.
    pub fn new(at: UtcTime, source: Source) -> Self {
        Delta { at, source, changes: Vec::new() }
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// A parameter's value, or the existence of a row. What is no path is left out; of a value that is too long it is
    /// known only that it is no longer what it was.
    pub fn put(&mut self, path: &str, value: &str) {
        let Some(path) = TwinPath::parse(path) else { return };
        self.push(match value.len() {
            0..=limits::TWIN_VALUE => Change::Put { path, value: value.into() },
            _ => Change::Remove { path },
        });
    }

    /// The end of a parameter, or of a row or object and all below it.
    pub fn remove(&mut self, path: &str) {
        if let Some(path) = TwinPath::parse(path) {
            self.push(Change::Remove { path });
        }
    }

    fn push(&mut self, change: Change) {
        if self.changes.len() < limits::DELTA_CHANGES {
            self.changes.push(change);
        }
    }

    /// What an outcome teaches. A whole object that was read replaces what was known below it; a table
    /// whose rows were listed has no others.
    pub fn of_outcome(operation: &Operation, outcome: &Outcome, at: UtcTime) -> Self {
        let source = if operation.is_write() { Source::Written } else { Source::Read };
        let mut delta = Delta::new(at, source);
        match outcome {
            Outcome::Get(results) => {
                let whole = matches!(operation, Operation::Get(get) if get.max_depth == 0);
                for one in results {
                    let Ok(objects) = &one.result else { continue };
                    if whole && is_concrete_object(&one.path) {
                        delta.remove(&one.path);
                    }
                    for object in objects {
                        delta.put_object(&object.path, &object.params);
                    }
                }
            }
            Outcome::GetInstances(results) => {
                // Once for each table: to keep its rows, all that is known below it is gone through.
                let mut tables = BTreeSet::new();
                for one in results {
                    let Ok(instances) = &one.result else { continue };
                    if is_concrete_object(&one.path) && tables.insert(one.path.as_str()) {
                        delta.keep_rows(&one.path, instances.iter().map(|row| row.path.as_str()));
                    }
                    for row in instances {
                        delta.put(&row.path, "");
                        delta.put_object(&row.path, &row.unique_keys);
                    }
                }
            }
            Outcome::Set(results) => {
                for row in results.iter().filter_map(|one| one.result.as_ref().ok()).flatten() {
                    delta.put_object(&row.path, &row.params);
                }
            }
            Outcome::Add(results) => {
                for row in results.iter().filter_map(|one| one.result.as_ref().ok()) {
                    delta.put(&row.path, "");
                    delta.put_object(&row.path, &row.unique_keys);
                }
            }
            Outcome::Delete(results) => {
                for path in
                    results.iter().filter_map(|one| one.result.as_ref().ok()).flat_map(|one| &one.affected)
                {
                    delta.remove(path);
                }
            }
            Outcome::Operate(results) => {
                for one in results {
                    if let Ok(CommandResult::Started(request)) = &one.result {
                        delta.put(&as_object(request), "");
                    }
                }
            }
            Outcome::GetSchema(_) | Outcome::Failed(_) => {}
        }
        delta
    }

    /// The parameters of one object. What is below a path that is too long is left out like that itself.
    pub fn put_object(&mut self, object: &str, params: &[(String, String)]) {
        if object.len() > limits::TWIN_PATH {
            return;
        }
        for (name, value) in params {
            self.put(&[object, name].concat(), value);
        }
    }

    fn keep_rows<'a>(&mut self, table: &str, rows: impl Iterator<Item = &'a str>) {
        let Some(table) = TwinPath::parse(table) else { return };
        let mut rows: Vec<u32> =
            rows.filter_map(|row| TwinPath::unchecked(row).row_below(table.as_str())).collect();
        rows.sort_unstable();
        rows.dedup();
        self.push(Change::KeepRows { table, rows });
    }

    /// As it is stored until it is folded.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.source.code()];
        put_signed(&mut out, self.at.0);
        put_number(&mut out, self.changes.len() as u64);
        for change in &self.changes {
            match change {
                Change::Put { path, value } => {
                    out.push(0);
                    put_text(&mut out, path.as_str());
                    put_text(&mut out, value);
                }
                Change::Remove { path } => {
                    out.push(1);
                    put_text(&mut out, path.as_str());
                }
                Change::KeepRows { table, rows } => {
                    out.push(2);
                    put_text(&mut out, table.as_str());
                    put_number(&mut out, rows.len() as u64);
                    rows.iter().for_each(|row| put_number(&mut out, u64::from(*row)));
                }
            }
        }
        out
    }

    /// From what [`Self::encode`] gave.
    ///
    /// # Errors
    /// [`Error::BadRow`] for damage or a later version.
    pub fn decode(encoded: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader(encoded);
        if reader.byte()? != VERSION {
            return Err(torn("a delta's version is not known here"));
        }
        let source = Source::from_code(reader.byte()?)?;
        let at = UtcTime(reader.signed()?);
        let mut delta = Delta::new(at, source);
        for _ in 0..reader.count()? {
            let tag = reader.byte()?;
            let path =
                TwinPath::parse(reader.text()?).ok_or_else(|| torn("a delta holds what is no path"))?;
            delta.changes.push(match tag {
                0 => Change::Put { path, value: reader.text()?.into() },
                1 => Change::Remove { path },
                2 => {
                    let rows = (0..reader.count()?).map(|_| reader.row()).collect::<Result<_, _>>()?;
                    Change::KeepRows { table: path, rows }
                }
                _ => return Err(torn("a delta holds an unknown change")),
            });
        }
        if reader.0.is_empty() { Ok(delta) } else { Err(torn("something follows a delta's end")) }
    }
}

/// Whether a requested path names exactly one object or table: no wildcard, search or reference.
fn is_concrete_object(path: &str) -> bool {
    path.ends_with('.') && !path.contains(['*', '[', '+', '#'])
}

fn as_object(path: &str) -> String {
    let mut path = path.to_owned();
    if !path.ends_with('.') {
        path.push('.');
    }
    path
}
