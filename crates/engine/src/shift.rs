//! What is kept by place of one model, as the next model has it.

use std::collections::BTreeMap;

use dm::model::{Model, ObjectId};
use dm::tree::{Change, Place};

/// The way from one supported model to the next.
pub(crate) struct Shift<'a> {
    old: &'a Model,
    new: &'a Model,
    /// By object of the old one.
    objects: Vec<Option<ObjectId>>,
}

impl<'a> Shift<'a> {
    pub(crate) fn new(old: &'a Model, new: &'a Model) -> Shift<'a> {
        let objects = old.objects().map(|(_, object)| new.find(&object.path)).collect();
        Shift { old, new, objects }
    }

    pub(crate) fn object(&self, object: ObjectId) -> Option<ObjectId> {
        self.objects[object.0 as usize]
    }

    pub(crate) fn place(&self, place: &Place) -> Option<Place> {
        Some(Place::new(self.object(place.object)?, place.rows().to_vec()))
    }

    pub(crate) fn places<T: Clone>(&self, map: &BTreeMap<Place, T>) -> BTreeMap<Place, T> {
        map.iter().filter_map(|(place, value)| Some((self.place(place)?, value.clone()))).collect()
    }

    pub(crate) fn change(&self, change: &Change) -> Option<Change> {
        Some(match change {
            Change::Set { place, param, value } => {
                let param = self.param(place.object, *param)?;
                Change::Set { place: self.place(place)?, param, value: value.clone() }
            }
            Change::Create { row, values } => {
                let known = values
                    .iter()
                    .filter_map(|(param, value)| Some((self.param(row.object, *param)?, value.clone())));
                Change::Create { row: self.place(row)?, values: known.collect() }
            }
            Change::Remove { row } => Change::Remove { row: self.place(row)? },
        })
    }

    fn param(&self, object: ObjectId, param: u16) -> Option<u16> {
        let name = &self.old.object(object).params[usize::from(param)].name;
        self.new.param_index(self.object(object)?, name.as_str())
    }

    /// The topmost rows of a tree of the old model that the new one has no place for.
    pub(crate) fn vanished(&self, tree: &dm::tree::Tree) -> Vec<Change> {
        let mut gone: Vec<Place> = Vec::new();
        tree.for_each(|place, _| {
            let is_gone = place.is_row(self.old) && self.object(place.object).is_none();
            // Parents come first.
            if is_gone && !gone.iter().rev().any(|above| place.is_within(self.old, above)) {
                gone.push(place.clone());
            }
        });
        gone.into_iter().map(|row| Change::Remove { row }).collect()
    }
}
