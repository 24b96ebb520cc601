//! The strong references of a tree, found by the rows that they lead into: what deleting rows has to look at
//! (TR-369 R-ARC.12).
//!
//! Every reference is read once for a Delete, however many rows go; what a removal costs is in proportion to
//! what leads into its rows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Model;
use crate::tree::{Change, Effort, Place, Tree};
use crate::value::{self, Value};

/// The strong references of a tree, for as long as one Delete is planned.
pub(super) struct Holders {
    all: Vec<Holder>,
    /// For each row, the items that lead to it or to what stands below it: which holder, which item.
    leading: BTreeMap<Place, Vec<(usize, usize)>>,
}

/// A parameter that holds strong references.
struct Holder {
    place: Place,
    param: u16,
    secret: bool,
    /// Whether it stands in a row that it identifies: that goes with what it leads to.
    binds: bool,
    /// `None`: what it led to is gone.
    items: Vec<Option<String>>,
}

/// What removing a row takes: the changes, and what leads back where they are not made after all.
pub(super) struct Removal {
    pub(super) changes: Vec<Change>,
    /// Items that led to what goes: which holder, which item, its text.
    taken: Vec<(usize, usize, String)>,
    /// What was known to lead into rows that go.
    leading: Vec<(Place, Vec<(usize, usize)>)>,
}

impl Holders {
    pub(super) fn of(tree: &Tree, effort: &mut Effort) -> Holders {
        let mut holders = Holders { all: Vec::new(), leading: BTreeMap::new() };
        let model = tree.model();
        tree.for_each(|place, values| {
            for (index, (param, value)) in (0..).zip(model.object(place.object).params.iter().zip(values)) {
                let Some(value @ (Value::Text(text) | Value::Secret(text))) = value else { continue };
                let strong = param.facets.reference.as_ref().is_some_and(|reference| reference.strong);
                if strong && !text.is_empty() {
                    holders.add(tree, place, index, value, effort);
                }
            }
        });
        holders
    }

    fn add(&mut self, tree: &Tree, place: &Place, param: u16, value: &Value, effort: &mut Effort) {
        let model = tree.model();
        let keys = &model.object(place.object).unique_keys;
        let binds =
            place.is_row(model) && keys.iter().any(|key| !key.functional && key.params.contains(&param));
        let items: Vec<_> = value::split_list(&value.expose()).map(|item| Some(item.into_owned())).collect();
        effort.references += items.len();
        for (at, item) in items.iter().flatten().enumerate() {
            let Some(referent) = tree.referent(item) else { continue };
            for row in rows_around(model, &referent) {
                self.leading.entry(row).or_default().push((self.all.len(), at));
            }
        }
        self.all.push(Holder { place: place.clone(), param, secret: value.is_secret(), binds, items });
    }

    /// The changes that remove a row: strong references to it, or below it, are emptied or lose the item; a
    /// row whose own key is such a reference goes with it (a subscription with its recipient). `tree` is the
    /// one that this was made of, less what earlier removals took away.
    pub(super) fn removal(&mut self, tree: &Tree, row: &Place, effort: &mut Effort) -> Removal {
        let (mut taken, mut leading) = (Vec::new(), Vec::new());
        let mut order = Vec::new();
        let mut gone = BTreeSet::new();
        let mut loosened = BTreeSet::new();
        let mut follow = vec![row.clone()];
        while let Some(row) = follow.pop() {
            if !gone.insert(row.clone()) {
                continue;
            }
            let items = self.leading.remove(&row).unwrap_or_default();
            for &(at, item) in &items {
                effort.references += 1;
                let holder = &mut self.all[at];
                let Some(text) = holder.items[item].take() else { continue };
                taken.push((at, item, text));
                if !tree.exists(&holder.place) {
                    continue;
                }
                loosened.insert(at);
                if holder.binds && !holder.place.is_within(tree.model(), &row) {
                    follow.push(holder.place.clone());
                }
            }
            if !items.is_empty() {
                leading.push((row.clone(), items));
            }
            order.push(row);
        }
        let stays =
            |holder: &&Holder| rows_around(tree.model(), &holder.place).all(|row| !gone.contains(&row));
        let stay = loosened.into_iter().map(|at| &self.all[at]).filter(stays);
        let mut changes: Vec<Change> = stay.map(|holder| holder.rewrite(effort)).collect();
        changes.extend(order.into_iter().rev().map(|row| Change::Remove { row }));
        Removal { changes, taken, leading }
    }

    /// The changes of the latest removal were not made: what leads to its rows still does.
    pub(super) fn put_back(&mut self, removal: Removal) {
        for (at, item, text) in removal.taken {
            self.all[at].items[item] = Some(text);
        }
        self.leading.extend(removal.leading);
    }
}

impl Holder {
    /// The value without what is gone.
    fn rewrite(&self, effort: &mut Effort) -> Change {
        let kept = self.items.iter().flatten();
        effort.staged += 1 + kept.clone().count();
        let value = Value::text(value::join_list(kept));
        let value = if self.secret { value.into_secret() } else { value };
        Change::Set { place: self.place.clone(), param: self.param, value: Some(value) }
    }
}

/// The rows that a place is or stands in, top down.
fn rows_around(model: &Model, place: &Place) -> impl Iterator<Item = Place> {
    let tables = model.lineage(place.object).map(|step| step.object).filter(|id| model.object(*id).is_multi);
    tables.zip(1..=place.rows().len()).map(|(id, depth)| Place::new(id, place.rows()[..depth].to_vec()))
}
