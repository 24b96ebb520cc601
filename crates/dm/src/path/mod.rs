//! Path names (TR-369 section 5, TR-106 path syntax).
//!
//! Three kinds, made only by parsing: [`Path`], what a requester writes about an Instantiated Data
//! Model (wildcards, search expressions, reference following); [`ObjectPath`], one concrete object
//! with instance numbers, what an agent answers; [`SchemaPath`], the Supported Data Model's `{i}` form.

use std::num::NonZeroU32;
use std::sync::Arc;

/// One name of a path, `[A-Za-z_][A-Za-z0-9_-]*`, without `()` or `!`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Name(Arc<str>);

/// A requester's path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Literal {
    /// In quotes, with `%22` and `%25` already decoded.
    Quoted(Arc<str>),
    /// Bare: a number, boolean, time or hexadecimal text.
    Bare(Arc<str>),
}

/// One concrete object, table or row: names and instance numbers.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectPath {
    elements: Vec<Element>,
}

/// One element of an [`ObjectPath`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Element {
    /// An object's name.
    Name(Name),
    /// A row's number.
    Row(NonZeroU32),
}

/// A path of the Supported Data Model: `Device.WiFi.SSID.{i}.Enable`, `Device.Reboot()`, `Device.Boot!`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SchemaPath(Arc<str>);
