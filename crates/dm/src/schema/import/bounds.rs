//! What an import may take, and why one is refused.

use std::cell::Cell;

use crate::limits::{
    MAX_IMPORT_ATTRIBUTES, MAX_IMPORT_BYTES, MAX_IMPORT_DEFINITIONS, MAX_IMPORT_DEPTH, MAX_IMPORT_FACTS,
    MAX_IMPORT_NODES, MAX_IMPORT_TAG_BYTES,
};

/// Bounds of one import; the default is the crate's `MAX_IMPORT_*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImportLimits {
    /// Length of the file, in bytes.
    pub bytes: usize,
    /// Elements, texts and comments.
    pub nodes: u32,
    /// Nesting of elements.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Length of one tag with all its attributes, in bytes.
    pub tag_bytes: usize,
    /// Objects, parameters, commands, events and arguments together.
    pub definitions: usize,
    /// What the definitions make of data types and paths, in bytes; a data type counts wherever it is used.
    pub facts: usize,
}

impl Default for ImportLimits {
    fn default() -> Self {
        ImportLimits {
            bytes: MAX_IMPORT_BYTES,
            nodes: MAX_IMPORT_NODES,
            depth: MAX_IMPORT_DEPTH,
            attributes: MAX_IMPORT_ATTRIBUTES,
            tag_bytes: MAX_IMPORT_TAG_BYTES,
            definitions: MAX_IMPORT_DEFINITIONS,
            facts: MAX_IMPORT_FACTS,
        }
    }
}

/// Why a file is not imported.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ImportError {
    /// It goes beyond one of the [`ImportLimits`].
    #[error("the file has more than {limit} {what}")]
    TooBig {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// It is not UTF-8.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// It is not well-formed XML, or has a document type.
    #[error("{0}")]
    Xml(String),
    /// It is XML, but no data model.
    #[error("not a data-model file: {0}")]
    NotAModel(&'static str),
    /// The model of this name builds on another file.
    #[error("{0} builds on another file; take the full form")]
    Incomplete(String),
    /// One definition is wrong.
    #[error("{at}: {reason}")]
    Definition {
        /// The path of the object, or of what is in it, as far as it is known.
        at: String,
        /// What is wrong.
        reason: String,
    },
}

impl ImportError {
    /// The same with the path of what is around a definition.
    pub(super) fn at(self, around: &str) -> ImportError {
        match self {
            ImportError::Definition { at, reason } => {
                ImportError::Definition { at: format!("{around}{at}"), reason }
            }
            other => other,
        }
    }
}

/// What is left to spend of a limit.
pub(super) struct Budget {
    what: &'static str,
    limit: usize,
    left: Cell<usize>,
}

impl Budget {
    pub(super) fn new(what: &'static str, limit: usize) -> Budget {
        Budget { what, limit, left: Cell::new(limit) }
    }

    pub(super) fn spend(&self, amount: usize) -> Result<(), ImportError> {
        let left = self.left.get().checked_sub(amount);
        self.left.set(left.ok_or(ImportError::TooBig { what: self.what, limit: self.limit })?);
        Ok(())
    }
}
