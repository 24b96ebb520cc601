//! Why bytes are no envelope.

/// What ends the reading of an envelope, a stanza or a notification. Everything else is tolerated, and noted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// Longer than the caller allows.
    #[error("{bytes} bytes are more than the {limit} that are allowed")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Nothing but white space: an empty message, which has a meaning of its own in a session.
    #[error("the body is empty")]
    Blank,
    /// XML that can't be read on.
    #[error("not well-formed at byte {at}: {why}")]
    Malformed {
        /// Where, counted in the text after its conversion to UTF-8.
        at: u64,
        /// What the parser says.
        why: String,
    },
    /// A document type, which would let a peer define entities.
    #[error("document types are refused")]
    DocType,
    /// A bound of [`limits`](crate::limits) was reached.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// Another document.
    #[error("not what was expected, but <{root}>")]
    Root {
        /// The local name of its root.
        root: String,
    },
    /// An envelope without a body, or a body without a method.
    #[error("the envelope holds no method")]
    NoMethod,
}
