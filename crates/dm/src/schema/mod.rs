//! The schema catalogue: the facts of the Broadband Forum's models as a table.
//!
//! Rows exist in three forms: owned ([`Rows`]), as sorted text for review ([`text`]), and as a blob
//! that is used in place ([`Catalogue`]). It holds facts only, no prose; it knows nothing of what one
//! device supports, which is [`crate::model`].

mod catalogue;
mod encode;
mod facets;
#[cfg(feature = "import")]
mod import;
mod imported;
mod layout;
mod merge;
mod pattern;
mod row;
pub mod text;

pub use catalogue::{Catalogue, ItemRef, ObjectRef};
pub use encode::encode;
pub use facets::{EnumRef, EnumValue, Facets, ListFacet, Range, Reference, ReferenceKind, Size, Status};
#[cfg(feature = "import")]
pub use import::{ImportError, ImportLimits, import};
pub use imported::ImportedModel;
pub use merge::merge;
pub use pattern::matches as matches_pattern;
pub use row::{
    ActiveNotify, ArgFacts, CommandFacts, DefaultKind, DefaultValue, Direction, EventFacts, Facts, KeyFacts,
    ObjectFacts, ObjectRows, ParamFacts, Protocol, Row, Rows, Since, Version,
};

/// TR-181 2.19.1, USP and CWMP.
#[cfg(feature = "catalogue")]
pub fn tr_181() -> Catalogue<'static> {
    let blob = include_bytes!("../../schema/tr-181.bin");
    Catalogue::open(blob).expect("codegen --check and a test prove the committed blob")
}

/// Why rows can't be read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaError {
    /// A line of the text form is wrong.
    #[error("line {line}: {reason}")]
    Text {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The blob is not one of ours, or cut.
    #[error("not a catalogue: {0}")]
    Blob(&'static str),
    /// The rows don't fit the blob's 16-bit ids.
    #[error("too many {0} for a catalogue")]
    TooMany(&'static str),
    /// The text is a table, but not that of one imported model.
    #[error("not an imported model: {0}")]
    Model(&'static str),
}
