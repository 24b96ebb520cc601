//! What a journal's entries add up to.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use super::entry::{Entry, Lexical, UNDO};

/// All that is remembered. Paths end in a dot; a path sorts before what is below it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// Rows that exist and objects with values.
    pub objects: BTreeMap<String, Remembered>,
    /// The highest number that each table ever gave.
    pub last: BTreeMap<String, u32>,
    /// Row numbers by table and provider's key.
    pub keys: BTreeMap<String, BTreeMap<String, u32>>,
    /// Facts about the agent itself.
    pub meta: BTreeMap<String, String>,
}

/// What is remembered of one object.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remembered {
    /// A row that was created; false for single-instance objects and for rows that come from the system.
    pub created: bool,
    /// Values by bare name.
    pub params: BTreeMap<String, Lexical>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |key: &str, value| if key.starts_with(UNDO) { "…" } else { value };
        let meta: BTreeMap<&str, &str> =
            self.meta.iter().map(|(key, value)| (key.as_str(), shown(key, value))).collect();
        f.debug_struct("Live")
            .field("objects", &self.objects)
            .field("last", &self.last)
            .field("keys", &self.keys)
            .field("meta", &meta)
            .finish()
    }
}

impl Live {
    /// Takes an entry in.
    pub fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::SetParam { path, param, value: Some(value) } => {
                self.objects.entry(path.clone()).or_default().params.insert(param.clone(), value.clone());
            }
            Entry::SetParam { path, param, value: None } => {
                if let Some(object) = self.objects.get_mut(path) {
                    object.params.remove(param);
                    if !object.created && object.params.is_empty() {
                        self.objects.remove(path);
                    }
                }
            }
            Entry::CreateRow { path } => {
                self.objects.entry(path.clone()).or_default().created = true;
                if let Some((table, number)) = row(path) {
                    self.raise(table, number);
                }
            }
            Entry::RemoveRow { path } => self.remove(path),
            Entry::LastNumber { table, last } => self.raise(table, *last),
            Entry::RowKey { table, key, number: 0 } => self.forget_key(table, |known, _| known == key),
            Entry::RowKey { table, key, number } => {
                self.forget_key(table, |_, known| known == *number);
                self.keys.entry(table.clone()).or_default().insert(key.clone(), *number);
                self.raise(table, *number);
            }
            Entry::Meta { key, value: Some(value) } => {
                self.meta.insert(key.clone(), value.clone());
            }
            Entry::Meta { key, value: None } => {
                self.meta.remove(key);
            }
        }
    }

    /// Entries that add up to the same.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (table, &last) in &self.last {
            entries.push(Entry::LastNumber { table: table.clone(), last });
        }
        for (table, keys) in &self.keys {
            for (key, &number) in keys {
                entries.push(Entry::RowKey { table: table.clone(), key: key.clone(), number });
            }
        }
        for (path, object) in &self.objects {
            if object.created {
                entries.push(Entry::CreateRow { path: path.clone() });
            }
            for (param, value) in &object.params {
                let (path, param, value) = (path.clone(), param.clone(), Some(value.clone()));
                entries.push(Entry::SetParam { path, param, value });
            }
        }
        for (key, value) in &self.meta {
            entries.push(Entry::Meta { key: key.clone(), value: Some(value.clone()) });
        }
        entries
    }

    fn raise(&mut self, table: &str, number: u32) {
        match self.last.get_mut(table) {
            Some(last) => *last = number.max(*last),
            None => {
                self.last.insert(table.to_owned(), number);
            }
        }
    }

    fn forget_key(&mut self, table: &str, is_it: impl Fn(&str, u32) -> bool) {
        if let Some(keys) = self.keys.get_mut(table) {
            keys.retain(|key, number| !is_it(key, *number));
            if keys.is_empty() {
                self.keys.remove(table);
            }
        }
    }

    /// The table's highest number stays; what stood below the row is gone for good.
    fn remove(&mut self, path: &str) {
        remove_below(&mut self.objects, path);
        remove_below(&mut self.last, path);
        remove_below(&mut self.keys, path);
        if let Some((table, number)) = row(path) {
            self.forget_key(table, |_, known| known == number);
            self.raise(table, number);
        }
    }
}

/// `Device.X.3.` as `Device.X.` and 3.
fn row(path: &str) -> Option<(&str, u32)> {
    let own = path.strip_suffix('.')?;
    let (table, number) = own.rsplit_once('.')?;
    Some((&path[..=table.len()], number.parse().ok()?))
}

fn remove_below<T>(map: &mut BTreeMap<String, T>, path: &str) {
    let from = (Bound::Included(path), Bound::Unbounded);
    let gone: Vec<String> = map
        .range::<str, _>(from)
        .map(|(known, _)| known)
        .take_while(|known| known.starts_with(path))
        .cloned()
        .collect();
    for known in gone {
        map.remove(&known);
    }
}
