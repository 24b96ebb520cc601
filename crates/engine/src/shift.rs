//! What is kept by place of one model, as the next model has it.
//!
//! A part that another provider answers for from now on is another part by the same name: what the former one had in
//! it, rows, keys and values, goes with that.

use std::collections::{BTreeMap, BTreeSet};

use dm::model::{Model, ObjectId};
use dm::tree::{Change, Place, Tree};
use usp_endpoint::agent::io::ReadPart;

use crate::kind::Kind;

/// The way from one supported model to the next.
pub(crate) struct Shift<'a> {
    old: &'a Model,
    new: &'a Model,
    next: &'a Kind,
    /// By object of the old one: what has its name.
    objects: Vec<Option<ObjectId>>,
    /// By object of the old one: whether another provider has it, or none.
    moved: Vec<bool>,
}

impl<'a> Shift<'a> {
    pub(crate) fn new(old: &'a Kind, next: &'a Kind) -> Shift<'a> {
        let (former, new) = (old.model(), next.model());
        let objects: Vec<Option<ObjectId>> =
            former.objects().map(|(_, object)| new.find(&object.path)).collect();
        let moves = |(id, object): (ObjectId, &Option<ObjectId>)| {
            old.owner(id).is_some() && object.is_some_and(|object| next.owner(object) != old.owner(id))
        };
        let ids = former.objects().map(|(id, _)| id);
        let moved = ids.zip(&objects).map(moves).collect();
        Shift { old: former, new, next, objects, moved }
    }

    /// Whether any part has gone over to another provider.
    pub(crate) fn moves(&self) -> bool {
        self.moved.contains(&true)
    }

    pub(crate) fn object(&self, object: ObjectId) -> Option<ObjectId> {
        self.objects[object.0 as usize]
    }

    pub(crate) fn place(&self, place: &Place) -> Option<Place> {
        Some(Place::new(self.object(place.object)?, place.rows().to_vec()))
    }

    /// The same for what a provider said of a place: nothing, if that is another's now.
    fn kept(&self, place: &Place) -> Option<Place> {
        self.place(place).filter(|_| !self.is_moved(place))
    }

    fn is_moved(&self, place: &Place) -> bool {
        self.moved[place.object.0 as usize]
    }

    pub(crate) fn places<T: Clone>(&self, map: &BTreeMap<Place, T>) -> BTreeMap<Place, T> {
        map.iter().filter_map(|(place, value)| Some((self.kept(place)?, value.clone()))).collect()
    }

    pub(crate) fn change(&self, change: &Change) -> Option<Change> {
        Some(match change {
            Change::Set { place, param, value } => {
                let param = self.param(place.object, *param)?;
                Change::Set { place: self.kept(place)?, param, value: value.clone() }
            }
            Change::Create { row, values } => {
                let known = values
                    .iter()
                    .filter_map(|(param, value)| Some((self.param(row.object, *param)?, value.clone())));
                Change::Create { row: self.kept(row)?, values: known.collect() }
            }
            Change::Remove { row } => Change::Remove { row: self.kept(row)? },
        })
    }

    pub(crate) fn part(&self, part: &ReadPart) -> Option<ReadPart> {
        let param = match part.param {
            Some(param) => Some(self.param(part.place.object, param)?),
            None => None,
        };
        Some(ReadPart { place: self.place(&part.place)?, param })
    }

    fn param(&self, object: ObjectId, param: u16) -> Option<u16> {
        let name = &self.old.object(object).params[usize::from(param)].name;
        self.new.param_index(self.object(object)?, name.as_str())
    }

    /// The topmost rows of a tree of the old model that the new one has no place for, or has of another provider.
    pub(crate) fn vanished(&self, tree: &Tree) -> Vec<Change> {
        let mut gone: Vec<Place> = Vec::new();
        tree.for_each(|place, _| {
            let is_gone =
                place.is_row(self.old) && (self.object(place.object).is_none() || self.is_moved(place));
            // Parents come first.
            if is_gone && !gone.iter().rev().any(|above| place.is_within(self.old, above)) {
                gone.push(place.clone());
            }
        });
        gone.into_iter().map(|row| Change::Remove { row }).collect()
    }

    /// A tree of the old model as the new one has it: of what is another provider's now nothing is known yet.
    pub(crate) fn tree(&self, tree: &Tree) -> Tree {
        let mut carried = tree.carried_to(self.next.model());
        let moved: BTreeSet<ObjectId> = self
            .objects
            .iter()
            .zip(&self.moved)
            .filter(|(_, moved)| **moved)
            .filter_map(|(object, _)| *object)
            .collect();
        let mut unknown = Vec::new();
        carried.for_each(|place, values| {
            if !moved.contains(&place.object) {
                return;
            }
            let known = (0..).zip(values).filter(|(_, value)| value.is_some());
            let theirs = known.filter(|(param, _)| !self.next.is_own(place.object, *param));
            unknown.extend(theirs.map(|(param, _)| Change::Set { place: place.clone(), param, value: None }));
        });
        carried.apply(&unknown);
        carried
    }
}
