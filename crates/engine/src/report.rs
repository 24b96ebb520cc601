//! Taking in what a provider reports: rows find their numbers, values their parameters, and what was
//! not reported goes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use dm::Value;
use dm::model::{Object, ObjectId};
use dm::path::SchemaPath;
use dm::tree::{Change, ChangeSet, Happening, Place, Tree};
use usp_endpoint::agent::io::ReadPart;

use crate::journal::Entry;
use crate::keys::{Keys, rows_above};
use crate::kind::Kind;
use crate::pointers::to_numbers;
use crate::provider::{Report, Row, RowKey};
use crate::wants::Wants;

/// What a report is complete for.
pub(crate) struct Scope<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) provider: u16,
    /// With all below that is the provider's.
    pub(crate) wants: &'a Wants,
}

/// What a report did.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) changes: ChangeSet,
    /// Keys to remember.
    pub(crate) entries: Vec<Entry>,
}

/// Aliases that controllers gave to rows of providers, present or not.
pub(crate) type Aliases = BTreeMap<Place, Value>;

/// Brings the tree in line with a report.
pub(crate) fn take(
    scope: &Scope<'_>,
    tree: &mut Tree,
    keys: &mut Keys,
    aliases: &Aliases,
    report: &Report,
) -> Taken {
    let mut reader =
        Reader { scope, tree, keys, seen: BTreeMap::new(), given: Vec::new(), entries: Vec::new() };
    for row in &report.rows {
        reader.place(row);
    }
    let Reader { seen, given, mut entries, .. } = reader;
    for (table, number) in given {
        tree.reserve_number(&table, number.get());
    }
    let mut writer = Writer { scope, tree, keys, aliases, seen: &seen, changes: Vec::new() };
    writer.values();
    writer.missing();
    let list = writer.changes;
    let mut changes = tree.apply(&list);
    scope.kind.settle_counts(tree, &mut changes);
    entries.extend(after(scope.kind, tree, keys, &changes));
    Taken { changes, entries }
}

/// Makes what appeared and vanished known to the numbering.
fn after(kind: &Kind, tree: &mut Tree, keys: &mut Keys, changes: &ChangeSet) -> Vec<Entry> {
    let mut shrunk = BTreeSet::new();
    for change in changes {
        match change {
            Happening::Created(row) => {
                for &child in &kind.model().object(row.object).children {
                    let table = row.child(child);
                    let last = keys.last(&table);
                    if last > 0 {
                        tree.reserve_number(&table, last);
                    }
                }
            }
            Happening::Deleted(row) if kind.is_volatile(row.object) => {
                keys.unbind(row);
                keys.forget_below(kind.model(), row);
            }
            Happening::Deleted(row) => shrunk.extend(row.table().map(|(table, _)| table)),
            Happening::Changed { .. } => {}
        }
    }
    let evict = |table: Place| {
        let rows = tree.rows(&table);
        keys.evict(kind.model(), &table, |number| rows.binary_search(&number).is_ok())
    };
    shrunk.into_iter().flat_map(evict).collect()
}

struct Reader<'a> {
    scope: &'a Scope<'a>,
    tree: &'a Tree,
    keys: &'a mut Keys,
    seen: BTreeMap<Place, Vec<Option<Value>>>,
    /// Numbers that are taken from now on.
    given: Vec<(Place, NonZeroU32)>,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    /// Finds the row's place, giving it a number if it is new.
    fn place(&mut self, row: &Row) {
        let kind = self.scope.kind;
        let model = kind.model();
        let Some(id) = model.find(&row.object) else { return };
        if kind.owner(id) != Some(self.scope.provider) || row.keys.len() != model.depth(id) {
            tracing::debug!(object = %row.object, "a provider reports what is not its own");
            return;
        }
        let Some(place) = self.resolve(id, &row.keys) else { return };
        let object = model.object(id);
        let mut values = vec![None; object.params.len()];
        for (name, value) in &row.values {
            if let Some(index) = object.param_index(name.as_str()) {
                let param = &object.params[usize::from(index)];
                let value = match value {
                    Value::Text(text) if param.facets.reference.is_some() && text.contains('{') => {
                        Value::text(to_numbers(model, text, |object, keys| self.refer(object, keys)))
                    }
                    other => other.clone(),
                };
                values[usize::from(index)] =
                    Some(if param.is_secret() { value.into_secret() } else { value });
            }
        }
        let known = self.seen.entry(place).or_insert_with(|| vec![None; object.params.len()]);
        for (known, value) in known.iter_mut().zip(values).filter(|(_, value)| value.is_some()) {
            *known = value;
        }
    }

    /// Rows above must be there already; the last table gives a new number where the key has none.
    fn resolve(&mut self, id: ObjectId, keys: &[RowKey]) -> Option<Place> {
        let model = self.scope.kind.model();
        let mut place = Place::root();
        let mut keys = keys.iter();
        for step in model.lineage(id) {
            place = place.child(step.object);
            if !model.object(step.object).is_multi {
                continue;
            }
            let key = keys.next()?;
            if self.scope.kind.owner(step.object).is_none() {
                place = place.row(key.0.parse().ok()?);
                if !self.tree.exists(&place) {
                    return None;
                }
                continue;
            }
            let number = match self.keys.number(&place, key) {
                Some(number) => number,
                None if step.object == id => self.number(&place, key)?,
                None => return None,
            };
            let row = place.row(number);
            if step.object != id && !self.tree.exists(&row) && !self.seen.contains_key(&row) {
                return None;
            }
            place = row;
        }
        Some(place)
    }

    /// The row that a value points at. One that was not reported yet gets its number now, and appears
    /// under it.
    fn refer(&mut self, object: &SchemaPath, keys: &[RowKey]) -> Option<Place> {
        let kind = self.scope.kind;
        let mut place = Place::root();
        let mut keys = keys.iter();
        for step in kind.model().lineage(kind.model().find(object)?) {
            place = place.child(step.object);
            if kind.model().object(step.object).is_multi {
                let key = keys.next()?;
                kind.owner(step.object)?;
                let number = self.keys.number(&place, key).or_else(|| self.number(&place, key))?;
                place = place.row(number);
            }
        }
        Some(place)
    }

    /// The number that the key itself says, where its provider counts rows and no other row has it.
    fn counted(&self, table: &Place, key: &RowKey) -> Option<NonZeroU32> {
        let number = key.0.parse().ok().filter(|_| self.scope.kind.counts_rows(self.scope.provider))?;
        let row = table.row(number);
        (self.keys.key(&row).is_none() && !self.tree.exists(&row)).then_some(number)
    }

    fn number(&mut self, table: &Place, key: &RowKey) -> Option<NonZeroU32> {
        let number = match self.counted(table, key) {
            Some(number) => number,
            None => {
                let last = self.keys.last(table).max(self.tree.last_number(table));
                NonZeroU32::new(last.checked_add(1)?)?
            }
        };
        self.keys.bind(table, key, number);
        self.given.push((table.clone(), number));
        let kind = self.scope.kind;
        if !kind.is_volatile(table.object) {
            let table = table.text(kind.model());
            self.entries.push(Entry::RowKey { table, key: key.0.to_string(), number: number.get() });
        }
        Some(number)
    }
}

struct Writer<'a> {
    scope: &'a Scope<'a>,
    tree: &'a Tree,
    keys: &'a Keys,
    aliases: &'a Aliases,
    seen: &'a BTreeMap<Place, Vec<Option<Value>>>,
    changes: Vec<Change>,
}

impl Writer<'_> {
    /// A place sorts by object first, so rows come before what is in them.
    fn values(&mut self) {
        let model = self.scope.kind.model();
        let mut whole = BTreeMap::new();
        for (place, values) in self.seen {
            if place.is_row(model) && !self.tree.exists(place) {
                self.create(place, values);
            } else {
                let wants = self.scope.wants;
                let is_whole =
                    *whole.entry(place.object).or_insert_with(|| wants.covers(model, place.object))
                        || wants.has_part(model, place);
                self.update(place, values, is_whole);
            }
        }
    }

    fn create(&mut self, row: &Place, values: &[Option<Value>]) {
        let object = self.scope.kind.model().object(row.object);
        let mut known: Vec<(u16, Value)> = Vec::with_capacity(values.len());
        for (index, value) in (0..).zip(values) {
            let own = self.scope.kind.is_own(row.object, index);
            let value = if own { self.own_value(object, index, row, value.as_ref()) } else { value.clone() };
            known.extend(value.map(|value| (index, value)));
        }
        self.changes.push(Change::Create { row: row.clone(), values: known });
    }

    /// A controller's alias, else the provider's, else `cpe-` and the number.
    fn own_value(&self, object: &Object, index: u16, row: &Place, given: Option<&Value>) -> Option<Value> {
        if object.params[usize::from(index)].name != "Alias" {
            return None;
        }
        let kept = self.aliases.get(row).or(given).cloned();
        let number = row.rows().last().map_or(0, |number| number.get());
        kept.or_else(|| Some(Value::text(format!("cpe-{number}"))))
    }

    /// `is_whole`: what is not among the values is not there.
    fn update(&mut self, place: &Place, values: &[Option<Value>], is_whole: bool) {
        for (param, value) in (0..).zip(values) {
            if !is_whole && value.is_none() {
                continue;
            }
            if self.tree.value(place, param) != value.as_ref() && !self.scope.kind.is_own(place.object, param)
            {
                self.changes.push(Change::Set { place: place.clone(), param, value: value.clone() });
            }
        }
    }

    /// What the tree has, the report is complete for, and was not reported.
    fn missing(&mut self) {
        let (kind, wants) = (self.scope.kind, self.scope.wants);
        for &want in &wants.objects {
            for place in places(kind, self.tree, want) {
                self.missing_at(&place);
            }
        }
        for ReadPart { place, param } in &wants.parts {
            match param {
                Some(param) => self.missing_param(place, *param),
                None if place.is_table(kind.model()) => {
                    for number in self.tree.rows(place) {
                        self.missing_at(&place.row(number));
                    }
                }
                None => self.missing_at(place),
            }
        }
    }

    fn missing_param(&mut self, place: &Place, param: u16) {
        let kind = self.scope.kind;
        let is_given = self.seen.get(place).is_some_and(|values| values[usize::from(param)].is_some());
        let is_theirs = kind.owner(place.object) == Some(self.scope.provider);
        if is_theirs && !is_given && self.is_known(place) {
            self.changes.push(Change::Set { place: place.clone(), param, value: None });
        }
    }

    /// A row that the system does not know yet lives by what its creator said.
    fn is_known(&self, place: &Place) -> bool {
        let kind = self.scope.kind;
        let is_bound = |row: &Place| kind.owner(row.object).is_none() || self.keys.key(row).is_some();
        rows_above(kind.model(), place).iter().all(is_bound)
    }

    fn missing_at(&mut self, place: &Place) {
        let kind = self.scope.kind;
        let model = kind.model();
        if !self.is_known(place) {
            return;
        }
        if kind.owner(place.object) == Some(self.scope.provider) && !self.seen.contains_key(place) {
            if place.is_row(model) {
                self.changes.push(Change::Remove { row: place.clone() });
                return;
            }
            let nothing = vec![None; model.object(place.object).params.len()];
            self.update(place, &nothing, true);
        }
        for &child in &model.object(place.object).children {
            let below = place.child(child);
            if model.object(child).is_multi {
                for number in self.tree.rows(&below) {
                    self.missing_at(&below.row(number));
                }
            } else {
                self.missing_at(&below);
            }
        }
    }
}

/// All instances of an object that the tree has.
fn places(kind: &Kind, tree: &Tree, object: ObjectId) -> Vec<Place> {
    let mut places = vec![Place::root()];
    for step in kind.model().lineage(object) {
        let below = places.into_iter().map(|place| place.child(step.object));
        places = if kind.model().object(step.object).is_multi {
            below.flat_map(|table| tree.rows(&table).into_iter().map(move |n| table.row(n))).collect()
        } else {
            below.collect()
        };
    }
    places
}
