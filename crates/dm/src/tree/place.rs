//! A place in a tree: the model's object and the row numbers on the way to it.
//!
//! It is what paths become inside one snapshot: small, ordered and cheap. It means nothing without
//! the model that it was made with; what outlives a model is an [`ObjectPath`] or a text.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use crate::model::{Model, ObjectId};
use crate::path::{Element, ObjectPath};

/// An object, a row, or (one number short of a row) a table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The object of the model.
    pub object: ObjectId,
    rows: Vec<NonZeroU32>,
}

impl Place {
    /// `Device.`
    pub fn root() -> Place {
        Place { object: ObjectId(0), rows: Vec::new() }
    }

    /// The object with these row numbers, top down.
    pub fn new(object: ObjectId, rows: Vec<NonZeroU32>) -> Place {
        Place { object, rows }
    }

    /// A concrete path as a place of this model, whether or not its rows exist.
    pub fn of(model: &Model, path: &ObjectPath) -> Option<Place> {
        let mut elements = path.elements().iter();
        let Some(Element::Name(first)) = elements.next() else { return None };
        if first.as_str() != model.object(ObjectId(0)).name.as_str() {
            return None;
        }
        let mut place = Place::root();
        for element in elements {
            match element {
                Element::Name(name) if !place.is_table(model) => {
                    place = place.child(model.find_child(place.object, name.as_str())?);
                }
                Element::Row(number) if place.is_table(model) => place.rows.push(*number),
                _ => return None,
            }
        }
        Some(place)
    }

    /// The row numbers, top down.
    pub fn rows(&self) -> &[NonZeroU32] {
        &self.rows
    }

    /// A child object (or table) of this one.
    #[must_use]
    pub fn child(&self, object: ObjectId) -> Place {
        Place { object, rows: self.rows.clone() }
    }

    /// A row of this table.
    #[must_use]
    pub fn row(&self, number: NonZeroU32) -> Place {
        let mut rows = Vec::with_capacity(self.rows.len() + 1);
        rows.extend_from_slice(&self.rows);
        rows.push(number);
        Place { object: self.object, rows }
    }

    /// Whether it names a table and not one of its rows.
    pub fn is_table(&self, model: &Model) -> bool {
        model.depth(self.object) > self.rows.len()
    }

    /// Whether it names a row of a table (and not an object below a row).
    pub fn is_row(&self, model: &Model) -> bool {
        model.object(self.object).is_multi && !self.is_table(model)
    }

    /// The table that this row stands in, and its number.
    pub fn table(&self) -> Option<(Place, NonZeroU32)> {
        let (number, rows) = self.rows.split_last()?;
        Some((Place { object: self.object, rows: rows.to_vec() }, *number))
    }

    /// Whether `self` is `other` or stands below it.
    pub fn is_within(&self, model: &Model, other: &Place) -> bool {
        self.rows.starts_with(&other.rows)
            && (self.object == other.object
                || model.lineage(self.object).any(|step| step.object == other.object))
            || other.object == ObjectId(0)
    }

    /// The path with instance numbers, ending in a dot.
    pub fn text(&self, model: &Model) -> String {
        let schema = model.object(self.object).path.as_str();
        let mut text = String::with_capacity(schema.len() + 4 * self.rows.len());
        let mut parts = schema.split("{i}.");
        text.push_str(parts.next().unwrap_or_default());
        for (number, part) in self.rows.iter().zip(parts) {
            let _ = write!(text, "{number}.");
            text.push_str(part);
        }
        text
    }

    /// The full path of one of its parameters, commands or events.
    pub fn leaf_text(&self, model: &Model, leaf: &str) -> String {
        let mut text = self.text(model);
        text.push_str(leaf);
        text
    }
}
