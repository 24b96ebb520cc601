//! What narrows a TR-106 data type: lists, sizes, ranges, patterns, enumerations, references.
//!
//! The same shape serves the catalogue's rows and the run-time model. It only describes; checking a
//! text against it is [`crate::model::Param::check`].

use crate::path::SchemaPath;

/// Everything a definition says about a value besides its base type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Facets {
    /// Name of the data type it was defined by (`MACAddress`, `StatsCounter64`, `Alias`).
    pub named: Option<String>,
    /// The value is a comma-separated list; all else then describes one item.
    pub list: Option<ListFacet>,
    /// Each item is itself a list, in square brackets.
    pub inner_list: Option<ListFacet>,
    /// Allowed lengths: characters of a string, octets of base64 and hexBinary. Empty: any.
    pub sizes: Vec<Size>,
    /// Allowed numbers. Empty: any of the type.
    pub ranges: Vec<Range>,
    /// XML Schema regular expressions, anchored; one must match. Empty: any.
    pub patterns: Vec<String>,
    /// The words allowed. Empty: any.
    pub enumeration: Vec<EnumValue>,
    /// Units of the number.
    pub units: Option<String>,
    /// The value is the path of an object or parameter.
    pub reference: Option<Reference>,
    /// The allowed values are the items of another parameter of the device.
    pub enum_ref: Option<EnumRef>,
}

impl Facets {
    /// Whether it is a statistics counter, by its data type.
    pub fn is_counter(&self) -> bool {
        self.named.as_deref().is_some_and(|named| named.starts_with("StatsCounter"))
    }
}

/// A list of values in one parameter.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ListFacet {
    /// Fewest items.
    pub min_items: u32,
    /// Most items.
    pub max_items: Option<u32>,
    /// Allowed lengths of the whole text, in characters.
    pub sizes: Vec<Size>,
}

/// An allowed length, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Size {
    /// Shortest.
    pub min: u32,
    /// Longest.
    pub max: Option<u32>,
}

impl Size {
    /// Whether a length lies within.
    pub fn holds(&self, len: usize) -> bool {
        len >= self.min as usize && self.max.is_none_or(|max| len <= max as usize)
    }
}

/// Allowed numbers, both ends included. Wide enough for `long` and `unsignedLong` alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Range {
    /// Smallest.
    pub min: Option<i128>,
    /// Largest.
    pub max: Option<i128>,
    /// Distance between allowed numbers, counted from `min` (from zero without one).
    pub step: Option<u64>,
}

impl Range {
    /// Whether a number lies within.
    pub fn holds(&self, number: i128) -> bool {
        self.min.is_none_or(|min| number >= min)
            && self.max.is_none_or(|max| number <= max)
            && self
                .step
                .filter(|step| *step != 0)
                .is_none_or(|step| number.wrapping_sub(self.min.unwrap_or(0)) % i128::from(step) == 0)
    }
}

/// One word of an enumeration.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct EnumValue {
    /// The word.
    pub value: String,
    /// It is only reported, never written.
    pub read_only: bool,
    /// A device need not support it.
    pub optional: bool,
    /// Where it stands in its life.
    pub status: Status,
}

/// Where a definition stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Status {
    /// In use.
    #[default]
    Current,
    /// Discouraged.
    Deprecated,
    /// No longer to be implemented.
    Obsoleted,
    /// Gone; kept so that old devices can still be understood.
    Deleted,
}

/// What a reference does when its target goes away, and what it may point at.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Reference {
    /// Strong: the target must exist, and the value is emptied when it is deleted (R-ARC.12).
    pub strong: bool,
    /// What kind of thing it points at.
    pub kind: ReferenceKind,
    /// Tables or objects that may be pointed at, in `{i}` form; empty: any.
    pub targets: Vec<SchemaPath>,
}

/// What kind of thing a reference points at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ReferenceKind {
    /// A row of a table.
    #[default]
    Row,
    /// A single object.
    Single,
    /// A parameter.
    Param,
    /// Anything.
    Any,
}

/// The values of another parameter are the words allowed here.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EnumRef {
    /// The parameter that lists them, in `{i}` form.
    pub param: SchemaPath,
    /// A word that is allowed besides.
    pub null: Option<String>,
}
