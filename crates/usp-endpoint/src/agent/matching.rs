//! Whether a reference of a subscription speaks of a place.

use std::num::NonZeroU32;

use dm::model::Model;
use dm::path::{Name, Path, Segment, Selector};
use dm::tree::{Place, Requester, Tree};

/// A place as paths spell it: names and row numbers from the root down.
pub(super) struct Trail<'a> {
    pieces: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Name(&'a Name),
    Row(NonZeroU32),
}

/// How a reference lies to a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// It names the place itself.
    Here,
    /// It names the table that the place is a row of.
    Table,
    /// It names something further above.
    Above,
}

impl<'a> Trail<'a> {
    pub(super) fn of(model: &'a Model, place: &Place) -> Trail<'a> {
        let mut rows = place.rows().iter();
        let mut pieces = vec![Piece::Name(&model.object(Place::root().object).name)];
        for step in model.lineage(place.object) {
            let object = model.object(step.object);
            pieces.push(Piece::Name(&object.name));
            if object.is_multi {
                pieces.extend(rows.next().map(|number| Piece::Row(*number)));
            }
        }
        Trail { pieces }
    }

    /// How the object of a path lies to this place; `None` if it is another. Search expressions and
    /// references are asked of the tree as it is now, so that a row that is gone matches none, and for `who`, so
    /// that a match tells nothing that a read would not.
    pub(super) fn fits(&self, tree: &Tree, place: &Place, path: &Path, who: &Requester<'_>) -> Option<Fit> {
        let mut search = false;
        for (at, segment) in path.segments.iter().enumerate() {
            match (segment, self.pieces.get(at)) {
                (Segment::Object(name), Some(Piece::Name(other))) if name == *other => {}
                (Segment::Rows(Selector::All), Some(Piece::Row(_))) => {}
                (Segment::Rows(Selector::Number(number)), Some(Piece::Row(other))) if number == other => {}
                (Segment::Rows(Selector::Matching(_)), Some(Piece::Row(_))) => search = true,
                (Segment::Follow(_), _) => return followed(tree, place, path, who),
                _ => return None,
            }
        }
        if search {
            return followed(tree, place, path, who);
        }
        match (self.pieces.len() - path.segments.len(), self.pieces.last()) {
            (0, _) => Some(Fit::Here),
            (1, Some(Piece::Row(_))) => Some(Fit::Table),
            _ => Some(Fit::Above),
        }
    }
}

fn followed(tree: &Tree, place: &Place, path: &Path, who: &Requester<'_>) -> Option<Fit> {
    let found = tree.resolve(path, who).ok()?;
    let model = tree.model();
    let table = place.is_row(model).then(|| place.table()).flatten().map(|(table, _)| table);
    found.places.iter().find_map(|hit| match hit {
        hit if hit == place => Some(Fit::Here),
        hit if Some(hit) == table.as_ref() => Some(Fit::Table),
        hit if place.is_within(model, hit) => Some(Fit::Above),
        _ => None,
    })
}
