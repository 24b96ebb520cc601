//! What is wanted of one provider: objects with all below them, and parts that are named to the end.

use dm::model::{Model, ObjectId};
use dm::tree::Place;
use usp_endpoint::agent::io::ReadPart;

use crate::keys::Keys;
use crate::kind::Kind;
use crate::limits::MAX_READ_PARTS;
use crate::provider::{RowKey, Wanted};
use crate::shift::Shift;

/// All of it.
#[derive(Default)]
pub(crate) struct Wants {
    /// All instances of these objects, with all below them.
    pub(crate) objects: Vec<ObjectId>,
    /// These alone.
    pub(crate) parts: Vec<ReadPart>,
}

impl Wants {
    pub(crate) fn of(objects: Vec<ObjectId>) -> Wants {
        Wants { objects, parts: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.parts.is_empty()
    }

    /// The objects that any of it is in.
    pub(crate) fn touched(&self) -> impl Iterator<Item = ObjectId> {
        self.objects.iter().copied().chain(self.parts.iter().map(|part| part.place.object))
    }

    /// Keeps what is in objects that are to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(ObjectId) -> bool) {
        self.objects.retain(|object| keep(*object));
        self.parts.retain(|part| keep(part.place.object));
    }

    /// Whether all of an object is wanted.
    pub(crate) fn covers(&self, model: &Model, wanted: ObjectId) -> bool {
        let has = |object: ObjectId| self.objects.contains(&object);
        has(ObjectId(0)) || model.lineage(wanted).any(|step| has(step.object))
    }

    /// Whether a place is, or is in, one of the parts.
    pub(crate) fn has_part(&self, model: &Model, place: &Place) -> bool {
        self.parts.iter().any(|part| part.param.is_none() && place.is_within(model, &part.place))
    }

    /// Takes others in. Of many parts the objects are asked for.
    pub(crate) fn merge(&mut self, others: Wants) {
        for object in others.objects {
            self.add(object);
        }
        for part in others.parts {
            if self.parts.contains(&part) {
                continue;
            }
            if self.parts.len() < MAX_READ_PARTS {
                self.parts.push(part);
            } else {
                self.add(part.place.object);
            }
        }
    }

    fn add(&mut self, object: ObjectId) {
        if !self.objects.contains(&object) {
            self.objects.push(object);
        }
    }

    /// The parts as their provider knows them. Of one whose rows it was not heard of, the object is wanted instead;
    /// and what is in such an object is not asked for by itself.
    pub(crate) fn exactly(&mut self, kind: &Kind, keys: &Keys) -> Vec<Wanted> {
        let parts = std::mem::take(&mut self.parts).into_iter();
        let known: Vec<(ReadPart, Option<Wanted>)> = parts
            .map(|part| {
                let wanted = wanted(kind, keys, &part);
                (part, wanted)
            })
            .collect();
        for (part, _) in known.iter().filter(|(_, wanted)| wanted.is_none()) {
            self.add(part.place.object);
        }
        let left = known.into_iter().filter(|(part, _)| !self.covers(kind.model(), part.place.object));
        let (parts, exactly): (Vec<_>, Vec<_>) = left.collect::<Vec<_>>().into_iter().unzip();
        self.parts = parts;
        exactly.into_iter().flatten().collect()
    }

    /// Goes over to the next model.
    pub(crate) fn shift(&mut self, shift: &Shift<'_>) {
        self.objects = self.objects.iter().filter_map(|object| shift.object(*object)).collect();
        self.parts = self.parts.iter().filter_map(|part| shift.part(part)).collect();
    }
}

fn wanted(kind: &Kind, keys: &Keys, part: &ReadPart) -> Option<Wanted> {
    let object = kind.model().object(part.place.object);
    let keys: Option<Vec<RowKey>> = kind.row_keys(keys, &part.place).into_iter().collect();
    let param = part.param.map(|param| object.params[usize::from(param)].name.clone());
    Some(Wanted { object: object.path.clone(), keys: keys?, param })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn of_many_parts_the_objects_are_wanted() {
        let part = |number: u32| {
            let number = NonZeroU32::new(number).expect("from 1");
            ReadPart { place: Place::new(ObjectId(3), vec![number]), param: Some(0) }
        };
        for (count, parts, objects) in [(64, 64, 0), (65, 64, 1), (1000, 64, 1)] {
            let mut wants = Wants::default();
            for number in 1..=count {
                wants.merge(Wants { parts: vec![part(number), part(number)], ..Wants::default() });
            }
            assert_eq!((wants.parts.len(), wants.objects.len()), (parts, objects), "{count}");
        }
    }
}
