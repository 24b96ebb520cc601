//! Which row number stands for which key of a provider.
//!
//! Numbers are given once: a key keeps its number while the row is gone, within a limit, and over
//! restarts where the journal remembers it. Shared among instances until they differ.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use dm::model::Model;
use dm::path::{ObjectPath, SchemaPath};
use dm::tree::Place;

use crate::journal::{Entry, Live};
use crate::limits::MAX_REMEMBERED_KEYS;
use crate::provider::RowKey;
use crate::shift::Shift;

/// The keys of one device, by table (with the numbers of the rows above it).
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    tables: Arc<BTreeMap<Place, Arc<TableKeys>>>,
}

#[derive(Clone, Debug, Default)]
struct TableKeys {
    numbers: BTreeMap<RowKey, NonZeroU32>,
    keys: BTreeMap<NonZeroU32, RowKey>,
    /// The highest number ever given, as far as this map knows.
    last: u32,
}

impl Keys {
    /// What a journal remembers, as far as the model still has the tables.
    pub(crate) fn restore(model: &Model, live: &Live) -> Keys {
        let mut keys = Keys::default();
        let place = |text: &str| Place::of(model, &ObjectPath::parse(text).ok()?);
        for (text, &last) in &live.last {
            if let Some(table) = place(text) {
                keys.table(&table).last = last;
            }
        }
        for (text, known) in &live.keys {
            let Some(table) = place(text) else { continue };
            for (key, number) in known {
                if let Some(number) = NonZeroU32::new(*number) {
                    keys.bind(&table, &RowKey(key.as_str().into()), number);
                }
            }
        }
        keys
    }

    pub(crate) fn number(&self, table: &Place, key: &RowKey) -> Option<NonZeroU32> {
        self.tables.get(table)?.numbers.get(key).copied()
    }

    pub(crate) fn key(&self, row: &Place) -> Option<&RowKey> {
        let (table, number) = row.table()?;
        self.tables.get(&table)?.keys.get(&number)
    }

    /// The highest number that a table is known to have given.
    pub(crate) fn last(&self, table: &Place) -> u32 {
        self.tables.get(table).map_or(0, |known| known.last)
    }

    /// The same under the next model.
    pub(crate) fn shifted(&self, shift: &Shift<'_>) -> Keys {
        Keys { tables: Arc::new(shift.places(&self.tables)) }
    }

    /// A key per table on the way to a place.
    pub(crate) fn chain(&self, model: &Model, place: &Place) -> Vec<Option<RowKey>> {
        rows_above(model, place).iter().map(|row| self.key(row).cloned()).collect()
    }

    /// The row of these keys, whether or not it exists now.
    pub(crate) fn place(&self, model: &Model, object: &SchemaPath, keys: &[RowKey]) -> Option<Place> {
        let mut place = Place::root();
        let mut keys = keys.iter();
        for step in model.lineage(model.find(object)?) {
            place = place.child(step.object);
            if model.object(step.object).is_multi {
                place = place.row(self.number(&place, keys.next()?)?);
            }
        }
        Some(place)
    }

    /// Ties a key to a number, and neither to anything else.
    pub(crate) fn bind(&mut self, table: &Place, key: &RowKey, number: NonZeroU32) {
        let known = self.table(table);
        if let Some(old) = known.keys.insert(number, key.clone()) {
            known.numbers.remove(&old);
        }
        if let Some(old) = known.numbers.insert(key.clone(), number)
            && old != number
        {
            known.keys.remove(&old);
        }
        known.last = known.last.max(number.get());
    }

    /// Forgets a row's key.
    pub(crate) fn unbind(&mut self, row: &Place) {
        let Some((table, number)) = row.table() else { return };
        if self.key(row).is_some() {
            let known = self.table(&table);
            if let Some(key) = known.keys.remove(&number) {
                known.numbers.remove(&key);
            }
        }
    }

    /// Forgets all tables below a row, which is gone for good.
    pub(crate) fn forget_below(&mut self, model: &Model, row: &Place) {
        let below = |table: &Place| table.object != row.object && table.is_within(model, row);
        if self.tables.keys().any(below) {
            Arc::make_mut(&mut self.tables).retain(|table, _| !below(table));
        }
    }

    /// Forgets the oldest keys without a row when there are too many, and says which.
    pub(crate) fn evict(
        &mut self,
        model: &Model,
        table: &Place,
        is_there: impl Fn(NonZeroU32) -> bool,
    ) -> Vec<Entry> {
        let Some(known) = self.tables.get(table) else { return Vec::new() };
        if known.keys.len() <= MAX_REMEMBERED_KEYS {
            return Vec::new();
        }
        let gone: Vec<NonZeroU32> = known.keys.keys().copied().filter(|number| !is_there(*number)).collect();
        let excess = gone.len().saturating_sub(MAX_REMEMBERED_KEYS);
        let text = table.text(model);
        let mut entries = Vec::with_capacity(excess);
        for number in gone.into_iter().take(excess) {
            let row = table.row(number);
            if let Some(key) = self.key(&row) {
                entries.push(Entry::RowKey { table: text.clone(), key: key.0.to_string(), number: 0 });
            }
            self.unbind(&row);
        }
        entries
    }

    fn table(&mut self, table: &Place) -> &mut TableKeys {
        Arc::make_mut(Arc::make_mut(&mut self.tables).entry(table.clone()).or_default())
    }
}

/// The rows that a place is in, itself included if it is one, top down.
pub(crate) fn rows_above(model: &Model, place: &Place) -> Vec<Place> {
    let tables = model.lineage(place.object).filter(|step| model.object(step.object).is_multi);
    let levels = tables.zip(1..=place.rows().len());
    levels.map(|(step, depth)| Place::new(step.object, place.rows()[..depth].to_vec())).collect()
}
