//! Changes to a tree, and what they changed.
//!
//! A plan's changes and a provider's refresh take the same way: [`Tree::apply`]. What it returns is
//! what really happened, the raw material of notifications.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::tree::{Child, Node, Place, Table, Tree};
use crate::value::Value;

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A parameter's value (`None`: the system can no longer tell).
    Set {
        /// The object.
        place: Place,
        /// Index into its parameters.
        param: u16,
        /// The value from now on.
        value: Option<Value>,
    },
    /// A row appears, with the model's defaults and then these values.
    Create {
        /// The row, with its number.
        row: Place,
        /// Values by parameter index.
        values: Vec<(u16, Value)>,
    },
    /// A row vanishes, with all below it.
    Remove {
        /// The row.
        row: Place,
    },
}

/// What an applied change did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// A value is another one now.
    Changed {
        /// The object.
        place: Place,
        /// Index into its parameters.
        param: u16,
        /// Before, if there was one.
        old: Option<Value>,
        /// After, if there is one.
        new: Option<Value>,
    },
    /// A row exists now.
    Created(Place),
    /// A row (and each row below it, listed first) exists no longer.
    Deleted(Place),
}

/// What a sequence of changes did, in order.
pub type ChangeSet = Vec<Happening>;

impl Tree {
    /// Applies changes in order. A change of what does not exist is no change: a provider may report a
    /// row that a controller has just deleted.
    pub fn apply<'c>(&mut self, changes: impl IntoIterator<Item = &'c Change>) -> ChangeSet {
        let mut happenings = ChangeSet::new();
        for change in changes {
            match change {
                Change::Set { place, param, value } => self.set_value(place, *param, value, &mut happenings),
                Change::Create { row, values } => self.create(row, values, &mut happenings),
                Change::Remove { row } => self.remove(row, &mut happenings),
            }
        }
        happenings
    }

    fn set_value(&mut self, place: &Place, param: u16, value: &Option<Value>, out: &mut ChangeSet) {
        let index = usize::from(param);
        let same = match self.at(place) {
            Some(super::Spot::Node(node)) => node.values.get(index).is_none_or(|old| old == value),
            _ => true,
        };
        if same {
            return;
        }
        if let Some(node) = self.node_mut(place) {
            let old = std::mem::replace(&mut node.values[index], value.clone());
            out.push(Happening::Changed { place: place.clone(), param, old, new: value.clone() });
        }
    }

    fn create(&mut self, row: &Place, values: &[(u16, Value)], out: &mut ChangeSet) {
        let Some((_, number)) = row.table() else { return };
        let mut node = Node::fresh(&self.model, row.object);
        for (param, value) in values {
            if let Some(slot) = node.values.get_mut(usize::from(*param)) {
                *slot = Some(value.clone());
            }
        }
        let Some(table) = self.table_mut(row) else { return };
        if let Err(index) = table.rows.binary_search_by_key(&number, |(n, _)| *n) {
            table.rows.insert(index, (number, Arc::new(node)));
            table.last = table.last.max(number.get());
            out.push(Happening::Created(row.clone()));
        }
    }

    fn remove(&mut self, row: &Place, out: &mut ChangeSet) {
        let Some((_, number)) = row.table() else { return };
        let mut gone = Vec::new();
        self.rows_below(row, &mut gone);
        let Some(table) = self.table_mut(row) else { return };
        if let Ok(index) = table.rows.binary_search_by_key(&number, |(n, _)| *n) {
            table.rows.remove(index);
            out.extend(gone.into_iter().map(Happening::Deleted));
            out.push(Happening::Deleted(row.clone()));
        }
    }

    /// Rows below a place, deepest first.
    fn rows_below(&self, place: &Place, out: &mut Vec<Place>) {
        let Some(super::Spot::Node(node)) = self.at(place) else { return };
        for (&id, child) in self.model.object(place.object).children.iter().zip(node.children.iter()) {
            let below = place.child(id);
            match child {
                Child::Single(_) => self.rows_below(&below, out),
                Child::Table(table) => {
                    for (number, _) in &table.rows {
                        let row = below.row(*number);
                        self.rows_below(&row, out);
                        out.push(row);
                    }
                }
            }
        }
    }

    /// Raises the number that the table of `row` starts from, so that a number once given stays given
    /// across restarts.
    pub fn reserve_number(&mut self, table: &Place, last: u32) {
        let Some(probe) = NonZeroU32::new(1).map(|one| table.row(one)) else { return };
        if let Some(table) = self.table_mut(&probe) {
            table.last = table.last.max(last);
        }
    }

    fn node_mut(&mut self, place: &Place) -> Option<&mut Node> {
        let mut rows = place.rows().iter();
        let mut node = Arc::make_mut(&mut self.root);
        for step in self.model.lineage(place.object) {
            node = match &mut node.children[usize::from(step.slot)] {
                Child::Single(child) => Arc::make_mut(child),
                Child::Table(table) => row_mut(Arc::make_mut(table), *rows.next()?)?,
            };
        }
        Some(node)
    }

    /// The table that a row stands in, or would.
    fn table_mut(&mut self, row: &Place) -> Option<&mut Table> {
        let (&number, above) = row.rows().split_last()?;
        let _ = number;
        let mut rows = above.iter();
        let mut node = Arc::make_mut(&mut self.root);
        for step in self.model.lineage(row.object) {
            match &mut node.children[usize::from(step.slot)] {
                Child::Single(child) => node = Arc::make_mut(child),
                Child::Table(table) => match rows.next() {
                    Some(number) => node = row_mut(Arc::make_mut(table), *number)?,
                    None if step.object == row.object => return Some(Arc::make_mut(table)),
                    None => return None,
                },
            }
        }
        None
    }
}

fn row_mut(table: &mut Table, number: NonZeroU32) -> Option<&mut Node> {
    let index = table.rows.binary_search_by_key(&number, |(n, _)| *n).ok()?;
    Some(Arc::make_mut(&mut table.rows[index].1))
}
