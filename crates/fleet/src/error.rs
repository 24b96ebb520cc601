//! The one error type of this crate. What a database can answer is [`crate::port::StoreError`], which
//! it contains.

use dm::operation::ParamFault;

use crate::port::StoreError;

/// What a caller of this crate can be told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The text is not an id.
    #[error("not an id: {0:?}")]
    BadId(String),
    /// Bytes of a stored row or bus message can't be read: damage, or a later version.
    #[error("a stored {what} cannot be read: {why}")]
    BadRow {
        /// Which kind of row.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// An event that the state machine of a job does not expect.
    #[error("a job that is {state} cannot be {event}")]
    UnexpectedJobEvent {
        /// The state it is in.
        state: &'static str,
        /// What was to happen.
        event: &'static str,
    },
    /// A filter that doesn't parse, or is too big.
    #[error("filter, at character {at}: {why}")]
    BadFilter {
        /// Offset in characters, from 0.
        at: usize,
        /// Why, in one sentence.
        why: String,
    },
    /// A filter names a parameter that has no index; it is never answered by a scan.
    #[error("not-indexed: {path} is not indexed, so it cannot be used in a filter")]
    NotIndexed {
        /// The path as written.
        path: String,
    },
    /// A lane, list or document is full.
    #[error("{what} is full ({limit})")]
    Full {
        /// What.
        what: &'static str,
        /// Its limit.
        limit: usize,
    },
    /// Something the caller named does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The caller may not do that.
    #[error("not permitted: this needs the permission {0}")]
    Forbidden(&'static str),
    /// A field of a request is outside what is allowed.
    #[error("{field}: {why}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// Why, in one sentence.
        why: String,
    },
    /// An operation breaks the device's model or the catalogue; nothing was stored.
    #[error("{} setting(s) break the device's model", .0.len())]
    Schema(Vec<ParamFault>),
    /// The store said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// A row that can't be read.
    #[expect(clippy::needless_pass_by_value, reason = "reasons are errors and texts made for this call")]
    pub(crate) fn row(what: &'static str, why: impl ToString) -> Self {
        Error::BadRow { what, why: why.to_string() }
    }
}
