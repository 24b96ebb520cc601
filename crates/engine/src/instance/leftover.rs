//! The way back from changes that wait for a controller, kept in the journal with them: a process that dies meanwhile
//! takes them back at its next start.
//!
//! Only what stood in the tree is kept, because what a provider prepared dies with the process.

use dm::model::Model;
use dm::path::ObjectPath;
use dm::tree::{Change, Place};

use super::transact::transact;
use super::{Inner, Instance};
use crate::edits;
use crate::error::EngineError;
use crate::journal::{Entry, Journal, UNDO, entries_of_text, entries_to_text};
use crate::provider::Committed;
use crate::stored;

/// Keeps the way back under a name of its own; they are in the order in which they were made.
pub(super) fn kept(model: &Model, number: u32, undo: &[Change]) -> (String, Entry) {
    let name = format!("{UNDO}{number:010}");
    let removed = undo.iter().filter_map(|change| match change {
        Change::Remove { row } => Some(row),
        _ => None,
    });
    let removed: Vec<&Place> = removed.collect();
    // Nobody sets anything in a row that goes.
    let is_vain = |change: &&Change| match change {
        Change::Set { place, .. } => removed.iter().any(|row| place.is_within(model, row)),
        _ => false,
    };
    let needed = undo.iter().filter(|change| !is_vain(change));
    let entries: Vec<Entry> = needed.flat_map(|change| entries(model, change)).collect();
    (name.clone(), Entry::Meta { key: name, value: Some(entries_to_text(&entries)) })
}

/// Forgets it.
pub(super) fn forgotten(name: &str) -> Entry {
    Entry::Meta { key: name.to_owned(), value: None }
}

impl Instance {
    /// Takes back what nobody had confirmed when the last process ended, the last change first. What can't be taken
    /// back stays, and is told.
    pub(super) async fn undo_left_over(&self) -> Result<(), EngineError> {
        for (name, text) in self.journal.metas(UNDO).into_iter().rev() {
            tracing::warn!("a change that no controller confirmed before the agent ended is taken back");
            let (changes, batches) = match self.enter() {
                Some(inner) => {
                    let changes = changes(inner.kind.model(), &entries_of_text(&text));
                    let batches = edits::batches(&inner.kind, &inner.keys, &changes);
                    (changes, batches)
                }
                None => return Ok(()),
            };
            match transact(&self.providers, batches).await {
                Ok(done) => {
                    let Some(mut inner) = self.enter() else { return Ok(()) };
                    let committed = done.committed.into_iter();
                    let committed: Vec<Committed> =
                        committed.map(|done| Committed { needs_confirm: false, ..done }).collect();
                    self.settle(&mut inner, &changes, &committed, Journal::append_own)?;
                }
                Err(fault) => tracing::error!(%fault, "it could not be taken back"),
            }
            self.journal.append_own(&[forgotten(&name)])?;
        }
        Ok(())
    }

    /// Changes stand, or are taken back: the way back from them is not needed any more.
    pub(super) fn forget_undo(&self, inner: &mut Inner, names: &[String]) {
        let entries: Vec<Entry> = names.iter().map(|name| forgotten(name)).collect();
        if let Err(error) = self.journal.append_own(&entries) {
            self.cannot_remember(inner, &error);
        }
    }
}

fn entries(model: &Model, change: &Change) -> Vec<Entry> {
    match change {
        Change::Set { place, param, value } => vec![stored::set(model, place, *param, value.as_ref())],
        Change::Create { row, values } => {
            let values = values.iter().map(|(param, value)| stored::set(model, row, *param, Some(value)));
            std::iter::once(Entry::CreateRow { path: row.text(model) }).chain(values).collect()
        }
        Change::Remove { row } => vec![Entry::RemoveRow { path: row.text(model) }],
    }
}

/// What this model has of them.
fn changes(model: &Model, entries: &[Entry]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let find = |path: &str| Place::of(model, &ObjectPath::parse(path).ok()?);
    for entry in entries {
        match entry {
            Entry::CreateRow { path } => {
                changes.extend(find(path).map(|row| Change::Create { row, values: Vec::new() }));
            }
            Entry::RemoveRow { path } => changes.extend(find(path).map(|row| Change::Remove { row })),
            Entry::SetParam { path, param, value: Some(value) } => {
                let Some(place) = find(path) else { continue };
                let Some((param, value)) = stored::value_of(model, place.object, param, value) else {
                    continue;
                };
                match changes.last_mut() {
                    Some(Change::Create { row, values }) if *row == place => values.push((param, value)),
                    _ => changes.push(Change::Set { place, param, value: Some(value) }),
                }
            }
            _ => {}
        }
    }
    changes
}
