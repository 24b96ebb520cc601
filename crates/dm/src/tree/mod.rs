//! Instance trees: what exists now, under one [`Model`].
//!
//! A tree is a persistent structure. Cloning it is one reference count and gives a snapshot; writing
//! copies only the nodes on the way to the change, so that ten thousand trees of a kind share their
//! base. Trees know no provider, no journal and no notification: they answer reads, turn writes into
//! a [`Plan`], and say what an applied change changed.

mod access;
mod add;
mod apply;
mod assign;
mod carry;
mod delete;
mod get;
mod holders;
mod instances;
mod judge;
mod operate;
mod place;
mod plan;
mod references;
mod resolve;
mod set;
mod staging;
mod unique;

use std::num::NonZeroU32;
use std::sync::Arc;

pub use access::{Authority, Bit, FullAccess, NoInitial, Requester, RowDefaults};
pub use apply::{Change, ChangeSet, Happening};
pub use operate::CommandCall;
pub use place::Place;
pub use plan::{Effort, Plan, Transaction};
pub use resolve::{Found, ResolveError};
pub use staging::Staging;

use crate::model::{Model, ObjectId, Param, UniqueKey};
use crate::path::ObjectPath;
use crate::value::Value;

/// The instances and values of one device at one moment.
#[derive(Clone, Debug)]
pub struct Tree {
    model: Arc<Model>,
    root: Arc<Node>,
}

/// One object instance. Slots are parallel to the model's lists for the object.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// By parameter index. `None`: the system cannot tell, the parameter does not exist here.
    pub(crate) values: Box<[Option<Value>]>,
    /// By child index.
    pub(crate) children: Box<[Child]>,
}

/// What stands in a child slot.
#[derive(Clone, Debug)]
pub(crate) enum Child {
    /// A single-instance object.
    Single(Arc<Node>),
    /// A table.
    Table(Arc<Table>),
}

/// The rows of one table instance, by ascending number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<(NonZeroU32, Arc<Node>)>,
    /// The highest number ever given, so that numbers are not reused (TR-369 R-ARC.8).
    pub(crate) last: u32,
}

/// A node or a table, found by [`Tree::at`].
#[derive(Clone, Copy)]
pub(crate) enum Spot<'a> {
    Node(&'a Arc<Node>),
    Table(&'a Arc<Table>),
}

impl Tree {
    /// A tree in which every single-instance object exists without values, and every table is empty.
    pub fn new(model: Arc<Model>) -> Tree {
        let root = Arc::new(Node::fresh(&model, ObjectId(0)));
        Tree { model, root }
    }

    /// The supported model that the tree follows.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Whether both are the very same snapshot.
    pub fn same(&self, other: &Tree) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
    }

    /// Whether the object, table or row exists.
    pub fn exists(&self, place: &Place) -> bool {
        self.at(place).is_some()
    }

    /// The value of the parameter at `param` (an index into the object's parameters).
    pub fn value(&self, place: &Place, param: u16) -> Option<&Value> {
        match self.at(place)? {
            Spot::Node(node) => node.values.get(usize::from(param))?.as_ref(),
            Spot::Table(_) => None,
        }
    }

    /// The value of the parameter of this name.
    pub fn value_of(&self, place: &Place, name: &str) -> Option<&Value> {
        self.value(place, self.model.param_index(place.object, name)?)
    }

    /// The lexical form of a parameter of this name, or an empty text if there is none.
    pub fn text_of(&self, place: &Place, name: &str) -> String {
        self.value_of(place, name).map(|value| value.expose().into_owned()).unwrap_or_default()
    }

    /// The numbers of the rows of a table, ascending.
    pub fn rows(&self, table: &Place) -> Vec<NonZeroU32> {
        match self.at(table) {
            Some(Spot::Table(table)) => table.rows.iter().map(|(number, _)| *number).collect(),
            _ => Vec::new(),
        }
    }

    /// How many rows a table has.
    pub fn row_count(&self, table: &Place) -> usize {
        match self.at(table) {
            Some(Spot::Table(table)) => table.rows.len(),
            _ => 0,
        }
    }

    /// The highest row number that the table ever gave.
    pub fn last_number(&self, table: &Place) -> u32 {
        match self.at(table) {
            Some(Spot::Table(table)) => table.last,
            _ => 0,
        }
    }

    /// The place of a concrete path, if the model has such an object and the tree such rows.
    pub fn locate(&self, path: &ObjectPath) -> Option<Place> {
        let place = Place::of(&self.model, path)?;
        self.exists(&place).then_some(place)
    }

    /// All places that hold parameters, parents before children, rows ascending.
    pub fn for_each(&self, mut visit: impl FnMut(&Place, &[Option<Value>])) {
        let mut pending = vec![(Place::root(), &self.root)];
        while let Some((place, node)) = pending.pop() {
            visit(&place, &node.values);
            let children = &self.model.object(place.object).children;
            for (&id, child) in children.iter().zip(node.children.iter()).rev() {
                match child {
                    Child::Single(node) => pending.push((place.child(id), node)),
                    Child::Table(table) => {
                        for (number, node) in table.rows.iter().rev() {
                            pending.push((place.child(id).row(*number), node));
                        }
                    }
                }
            }
        }
    }

    /// What makes a new row (or a single-instance object, which always exists) complete: the row, and
    /// what each parameter in it and in the single-instance objects below begins with
    /// ([`Param::initial`](crate::model::Param::initial)). Of a row that somebody else keeps nothing is known yet.
    pub fn with_defaults(&self, place: &Place) -> Vec<Change> {
        let object = self.model.object(place.object);
        if object.remote && place.is_row(&self.model) {
            return vec![Change::Create { row: place.clone(), values: Vec::new() }];
        }
        // Keys that nobody gives are made up afterwards: until then they are nothing.
        let is_open = |index: u16, param: &Param| {
            let identifies = |key: &UniqueKey| !key.functional && key.params.contains(&index);
            param.default.is_none() && object.unique_keys.iter().any(identifies)
        };
        let initial = |(index, param): (u16, &Param)| match is_open(index, param) {
            true => (index, Value::null(param.ty)),
            false => (index, param.initial()),
        };
        let values = (0..).zip(&object.params).map(initial);
        let mut changes = match place.is_row(&self.model) {
            true => vec![Change::Create { row: place.clone(), values: values.collect() }],
            false => values
                .map(|(param, value)| Change::Set { place: place.clone(), param, value: Some(value) })
                .collect(),
        };
        for &child in object.children.iter().filter(|child| !self.model.object(**child).is_multi) {
            changes.extend(self.with_defaults(&place.child(child)));
        }
        changes
    }

    pub(crate) fn root(&self) -> &Arc<Node> {
        &self.root
    }

    /// Walks down to a place. `None` when a row on the way is missing.
    pub(crate) fn at(&self, place: &Place) -> Option<Spot<'_>> {
        let mut rows = place.rows().iter();
        let mut spot = Spot::Node(&self.root);
        for step in self.model.lineage(place.object) {
            let Spot::Node(node) = spot else { return None };
            spot = match &node.children[usize::from(step.slot)] {
                Child::Single(node) => Spot::Node(node),
                Child::Table(table) => match rows.next() {
                    Some(number) => Spot::Node(table.row(*number)?),
                    None => Spot::Table(table),
                },
            };
        }
        rows.next().is_none().then_some(spot)
    }
}

impl Node {
    /// A node without values and, below it, single-instance objects and empty tables.
    pub(crate) fn fresh(model: &Model, id: ObjectId) -> Node {
        let object = model.object(id);
        Node {
            values: vec![None; object.params.len()].into_boxed_slice(),
            children: object
                .children
                .iter()
                .map(|&child| match model.object(child).is_multi {
                    true => Child::Table(Arc::default()),
                    false => Child::Single(Arc::new(Node::fresh(model, child))),
                })
                .collect(),
        }
    }
}

impl Table {
    pub(crate) fn row(&self, number: NonZeroU32) -> Option<&Arc<Node>> {
        let index = self.rows.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        Some(&self.rows[index].1)
    }
}
