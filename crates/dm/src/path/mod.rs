//! Path names (TR-369 section 5, TR-106 path syntax).
//!
//! Three kinds, made only by parsing: [`Path`], what a requester writes about an Instantiated Data
//! Model (wildcards, search expressions, reference following); [`ObjectPath`], one concrete object
//! with instance numbers, what an agent answers; [`SchemaPath`], the Supported Data Model's `{i}` form.
//! [`ReferenceValue`] is what stands in a parameter that points at an object.
//!
//! Nothing here knows which objects exist: a path that parses may still name nothing (7026, 7016).
//! Printing a parsed path and parsing the text again gives the same path.

mod cursor;
mod display;
mod error;
mod expr;
mod name;
mod object;
mod parse;
mod reference;
mod schema;

use std::num::NonZeroU32;
use std::sync::Arc;

pub use error::{PathError, PathErrorKind};
pub use name::Name;
pub use object::{Element, ObjectPath};
pub use reference::{ReferenceValue, RelativePath};
pub use schema::{SchemaKind, SchemaPath, SchemaSegment};

/// A requester's path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Path {
    /// From `Device` on; never empty; begins with [`Segment::Object`].
    pub segments: Vec<Segment>,
    /// What the path names under the last segment.
    pub target: Target,
}

/// What a path names.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Target {
    /// The object, table or row itself (the text ends in a dot).
    Object,
    /// A parameter.
    Param(Name),
    /// A command, written with `()`.
    Command(Name),
    /// An event, written with `!`.
    Event(Name),
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Segment {
    /// An object by name.
    Object(Name),
    /// Rows of the table before it.
    Rows(Selector),
    /// The object that a reference parameter points at (`Interface+`, `LowerLayers#2+`).
    Follow(Follow),
}

/// Which rows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Selector {
    /// The row of this number.
    Number(NonZeroU32),
    /// All rows (`*`).
    All,
    /// The rows that match (`[…]`), by unique key or search expression.
    Matching(Expr),
}

/// Following a reference parameter.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Follow {
    /// The parameter that holds the reference or list of references.
    pub param: Name,
    /// Which item of a list.
    pub item: Item,
}

/// Which item of a list of references.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Item {
    /// `+`: the first; prints without a number.
    First,
    /// `#n+`.
    Number(NonZeroU32),
    /// `#*+`.
    All,
}

/// Comparisons that must all hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expr {
    /// One or more.
    pub all: Vec<Comparison>,
}

/// One comparison of a search expression.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Comparison {
    /// Single-instance children and references between the row and the parameter.
    pub steps: Vec<Step>,
    /// The parameter compared.
    pub param: Name,
    /// How.
    pub operator: Operator,
    /// With what.
    pub literal: Literal,
}

/// One step inside an expression's relative path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// A single-instance child object.
    Child(Name),
    /// A followed reference.
    Follow(Follow),
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `~=`: the list holds this element.
    Contains,
    /// `<`
    Less,
    /// `>`
    Greater,
    /// `<=`
    LessOrEqual,
    /// `>=`
    GreaterOrEqual,
}

/// The constant of a comparison.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// In quotes, with `%22` and `%25` already decoded.
    Quoted(Arc<str>),
    /// Bare: a number, boolean, time or hexadecimal text.
    Bare(Arc<str>),
}

impl Item {
    /// The index of the one item meant, from 0; `None` for all of them. `+` and `#1+` mean the same.
    pub fn index(self) -> Option<usize> {
        match self {
            Item::First => Some(0),
            Item::Number(number) => usize::try_from(number.get() - 1).ok(),
            Item::All => None,
        }
    }
}

impl Path {
    /// Whether it may match any number of objects: it holds a wildcard, an expression, or follows all
    /// items of a list of references. A search that matches nothing is a success, a concrete path that
    /// names nothing is not.
    pub fn is_search(&self) -> bool {
        self.segments.iter().any(|segment| match segment {
            Segment::Rows(Selector::All | Selector::Matching(_)) => true,
            Segment::Follow(follow) => follow.item == Item::All,
            Segment::Object(_) | Segment::Rows(Selector::Number(_)) => false,
        })
    }

    /// The same place in the Supported Data Model, every row as `{i}`. `None` if the path follows a
    /// reference, because only the value of the reference tells where that leads.
    pub fn to_schema(&self) -> Option<SchemaPath> {
        let mut text = String::new();
        for segment in &self.segments {
            match segment {
                Segment::Object(name) => text.push_str(name.as_str()),
                Segment::Rows(_) => text.push_str("{i}"),
                Segment::Follow(_) => return None,
            }
            text.push('.');
        }
        match &self.target {
            Target::Object => {}
            Target::Param(name) => text.push_str(name.as_str()),
            Target::Command(name) => text.extend([name.as_str(), "()"]),
            Target::Event(name) => text.extend([name.as_str(), "!"]),
        }
        Some(SchemaPath::of_valid_text(&text))
    }

    /// The object that the segments name, whatever the target, if they are names and numbers alone.
    pub fn concrete_object(&self) -> Option<ObjectPath> {
        let elements = self.segments.iter().map(|segment| match segment {
            Segment::Object(name) => Some(Element::Name(name.clone())),
            Segment::Rows(Selector::Number(number)) => Some(Element::Row(*number)),
            Segment::Rows(_) | Segment::Follow(_) => None,
        });
        Some(ObjectPath::of_valid_elements(elements.collect::<Option<Vec<Element>>>()?))
    }
}

impl From<&ObjectPath> for Path {
    fn from(object: &ObjectPath) -> Path {
        let segments = object.elements().iter().map(|element| match element {
            Element::Name(name) => Segment::Object(name.clone()),
            Element::Row(number) => Segment::Rows(Selector::Number(*number)),
        });
        Path { segments: segments.collect(), target: Target::Object }
    }
}
