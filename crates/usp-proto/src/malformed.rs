//! What can be wrong with bytes or text that this crate reads: the one error enum of the crate.
//!
//! [`crate::RecordError`] and [`crate::MsgError`] add to it what a decision about an answer needs.

/// Why something could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It isn't protobuf, or a field has the wrong wire type, or a string isn't UTF-8.
    #[error("not decodable as a {0}")]
    Undecodable(&'static str),
    /// It is longer than a limit.
    #[error("{what} longer than {limit} bytes")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// It holds more elements than a limit.
    #[error("more than {limit} elements in a {what}")]
    TooManyElements {
        /// What holds them.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A field that may occur once occurs again, or several alternatives of a oneof do.
    #[error("more than one {0}")]
    Repeated(&'static str),
    /// A required field is absent or empty.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A oneof has no alternative.
    #[error("{0} has no content")]
    EmptyOneof(&'static str),
    /// A oneof has an alternative that this version of the protocol does not know.
    #[error("unknown kind of {what}: field {number}")]
    UnknownKind {
        /// The oneof.
        what: &'static str,
        /// Number of the field.
        number: u32,
    },
    /// An enumeration has a value that this version of the protocol does not know.
    #[error("{field} has the unknown value {value}")]
    UnknownEnum {
        /// The field.
        field: &'static str,
        /// The value on the wire.
        value: i32,
    },
    /// Not an endpoint id, or not one that we would make.
    #[error("{field} is not an endpoint id: {why}")]
    EndpointId {
        /// Where it stood.
        field: &'static str,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// Not a "major.minor" version.
    #[error("not a protocol version")]
    Version,
    /// Not what discovery may find: a DHCP option, a location, a name or a record of a service.
    #[error("discovery: {0}")]
    Discovery(&'static str),
    /// Not a line of a recorded exchange.
    #[error("not a recorded exchange: {0}")]
    Exchange(&'static str),
}
