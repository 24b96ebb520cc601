//! One entry of `Permission.{i}.Targets`: what a permission is about.
//!
//! An object path (`Device.IP.`) stands for the object and everything below it, and so does the path of a row or of
//! many rows: by number, by `*`, or by a search expression, which is asked of the tree as it is at that moment. A
//! parameter, command or event path stands for that element alone. The dot behind an object may be left
//! out, as in references. A target that the model does not have stands for nothing.

use std::num::NonZeroU32;

use dm::model::{Model, ObjectId};
use dm::path::{Path, Segment, Selector, Target as Named};
use dm::tree::{Place, Tree};

/// A target in a supported model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    /// The object that it names, or that the named element stands in.
    pub(super) object: ObjectId,
    /// Which rows, for each table on the way; one short for a table with all its rows.
    rows: Box<[Selector]>,
    /// The parameter, command (`Reset()`) or event (`Boot!`) that it names.
    pub(super) leaf: Option<String>,
}

/// Reads a target.
///
/// # Errors
/// Why it is none.
pub(super) fn parse(text: &str) -> Result<Path, String> {
    let path = Path::parse(text).or_else(|error| match text.ends_with(['.', ')', '!']) {
        true => Err(error),
        false => Path::parse(&format!("{text}.")),
    });
    let path = path.map_err(|error| error.to_string())?;
    match path.segments.iter().any(|segment| matches!(segment, Segment::Follow(_))) {
        true => Err("a target follows no reference".to_owned()),
        false => Ok(path),
    }
}

impl Target {
    /// The place of a target in a model.
    pub(super) fn locate(model: &Model, text: &str) -> Option<Target> {
        let path = parse(text).ok()?;
        let mut object = Place::root().object;
        let mut rows = Vec::new();
        let mut in_table = false;
        for (at, segment) in path.segments.iter().enumerate() {
            match segment {
                Segment::Object(name) if at == 0 => {
                    if *name != model.object(object).name {
                        return None;
                    }
                }
                Segment::Object(name) if !in_table => {
                    object = model.find_child(object, name.as_str())?;
                    in_table = model.object(object).is_multi;
                }
                Segment::Rows(selector) if in_table => {
                    rows.push(selector.clone());
                    in_table = false;
                }
                _ => return None,
            }
        }
        let known = model.object(object);
        let leaf = match &path.target {
            Named::Object => None,
            _ if in_table => return None,
            Named::Param(name) => match known.param_index(name.as_str()) {
                Some(_) => Some(name.as_str().to_owned()),
                None => {
                    object = model.find_child(object, name.as_str())?;
                    None
                }
            },
            Named::Command(name) => known.command_index(name.as_str()).map(|_| Some(format!("{name}()")))?,
            Named::Event(name) => known.event_index(name.as_str()).map(|_| Some(format!("{name}!")))?,
        };
        Some(Target { object, rows: rows.into(), leaf })
    }

    /// Whether it holds for all rows on the way, whatever is in them.
    pub(super) fn is_any_row(&self) -> bool {
        self.rows.iter().all(|selector| *selector == Selector::All)
    }

    /// Whether it speaks of the place itself where that is a table, and not only of the table's rows.
    pub(super) fn reaches_table(&self, model: &Model, object: ObjectId) -> bool {
        !model.object(object).is_multi || self.rows.len() < model.depth(object)
    }

    /// Whether it stands for a place at or below its object, and a leaf of that place. `None`: nobody can tell,
    /// because a row is gone that an expression asks about, or does not suit the expression.
    pub(super) fn covers(&self, tree: &Tree, place: &Place, leaf: &str) -> Option<bool> {
        if self.leaf.as_ref().is_some_and(|own| own != leaf) || place.rows().len() < self.rows.len() {
            return Some(false);
        }
        let mut covers = Some(true);
        for (at, (selector, number)) in self.rows.iter().zip(place.rows()).enumerate() {
            let fits = match selector {
                Selector::All => Some(true),
                Selector::Number(wanted) => Some(wanted == number),
                Selector::Matching(expr) => {
                    row_at(tree.model(), place, at).and_then(|row| tree.matches(&row, expr))
                }
            };
            match fits {
                Some(true) => {}
                Some(false) => return Some(false),
                None => covers = None,
            }
        }
        covers
    }
}

/// The row of the table that is the `at`th on the way to a place.
fn row_at(model: &Model, place: &Place, at: usize) -> Option<Place> {
    let mut tables = model.lineage(place.object).filter(|step| model.object(step.object).is_multi);
    let rows: &[NonZeroU32] = place.rows().get(..=at)?;
    Some(Place::new(tables.nth(at)?.object, rows.to_vec()))
}
