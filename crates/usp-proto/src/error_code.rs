//! The error codes of USP: name, number and meaning. One table.
//!
//! Codes stay plain `u32`s: an unknown one from a peer is still an answer, and is shown as it came.

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorCode {
    /// The number on the wire.
    pub code: u32,
    /// Its name in the standard.
    pub name: &'static str,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

const fn row(code: u32, name: &'static str, meaning: &'static str) -> ErrorCode {
    ErrorCode { code, name, meaning }
}

/// Every code with a name, by number.
pub const TABLE: &[ErrorCode] = &[
    row(7000, "Message failed", "the message failed, see the text"),
    row(7001, "Message not supported", "the kind of message is not understood"),
    row(7002, "Request denied", "it can't or won't be processed"),
    row(7003, "Internal error", "hardware or software failed"),
    row(7004, "Invalid arguments", "values in the message are bad"),
    row(7005, "Resources exceeded", "memory, processor or another limit"),
    row(7006, "Permission denied", "not authorised"),
    row(7007, "Invalid configuration", "it would leave the device invalid"),
    row(7008, "Invalid path syntax", "the path can't be parsed"),
    row(7009, "Parameter action failed", "a parameter could not be updated"),
    row(7010, "Unsupported parameter", "the parameter does not exist"),
    row(7011, "Invalid type", "the text is not of the type"),
    row(7012, "Invalid value", "outside of the allowed values"),
    row(7013, "Non-writeable parameter", "the parameter is read-only"),
    row(7014, "Value conflict", "it conflicts with other parameters"),
    row(7015, "Operation error", "the object could not be created, updated or deleted"),
    row(7016, "Object does not exist", "no such instance"),
    row(7017, "Object could not be created", "the creation failed"),
    row(7018, "Object is not a table", "no table"),
    row(7019, "Non-creatable object", "instances can't be created"),
    row(7020, "Object could not be updated", "the update failed"),
    row(7021, "Required parameter failed", "see the errors of the parameters"),
    row(7022, "Command failure", "the command failed"),
    row(7023, "Command canceled", "the command was cancelled"),
    row(7024, "Delete failure", "the deletion failed"),
    row(7025, "Duplicate key", "the unique key is taken"),
    row(7026, "Invalid path", "the path is not in the supported data model"),
    row(7027, "Invalid command arguments", "arguments are missing or bad"),
    row(7028, "Register failure", "the registration failed"),
    row(7029, "Already in use", "another agent has registered it"),
    row(7030, "Deregister failure", "the withdrawal failed"),
    row(7031, "Path already registered", "another agent owns it"),
    row(7100, "Record could not be parsed", "the Record is not decodable"),
    row(7101, "Secure session required", "the payload has to be protected by TLS"),
    row(7102, "Secure session not supported", "no TLS within payloads"),
    row(7103, "SAR not supported", "no segmentation and reassembly"),
    row(7104, "Invalid Record value", "a field of the Record is invalid"),
    row(7105, "Session Context terminated", "the session has ended"),
    row(7106, "Session Context not allowed", "no sessions with this endpoint"),
];

/// A stretch of the numbers of errors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Range {
    /// 7000-7031: a message.
    Message,
    /// 7100-7106: a Record.
    Record,
    /// 7200-7299: defined by the data model for a command or an event.
    DataModel,
    /// 7800-7999: defined by a vendor.
    Vendor,
    /// Anything else.
    Unassigned,
}

/// The row of a code, if it has a name.
pub fn lookup(code: u32) -> Option<&'static ErrorCode> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}

/// The name of a code, or of its range.
pub fn name(code: u32) -> &'static str {
    match (lookup(code), range(code)) {
        (Some(row), _) => row.name,
        (None, Range::DataModel) => "Defined by the data model",
        (None, Range::Vendor) => "Defined by the vendor",
        (None, _) => "Unassigned",
    }
}

/// The range of a code.
pub fn range(code: u32) -> Range {
    match code {
        7000..=7031 => Range::Message,
        7100..=7106 => Range::Record,
        7200..=7299 => Range::DataModel,
        7800..=7999 => Range::Vendor,
        _ => Range::Unassigned,
    }
}

/// The codes that this crate itself decides on.
pub mod code {
    /// The message failed, for no nearer reason.
    pub const MESSAGE_FAILED: u32 = 7000;
    /// The kind of message is not understood.
    pub const MESSAGE_NOT_SUPPORTED: u32 = 7001;
    /// Values in the message are bad.
    pub const INVALID_ARGUMENTS: u32 = 7004;
    /// Memory, processor or another limit.
    pub const RESOURCES_EXCEEDED: u32 = 7005;
    /// A path can't be registered.
    pub const REGISTER_FAILURE: u32 = 7028;
    /// A path that was to be registered is another Endpoint's.
    pub const ALREADY_IN_USE: u32 = 7029;
    /// A path can't be withdrawn.
    pub const DEREGISTER_FAILURE: u32 = 7030;
    /// A path that was to be withdrawn is another Endpoint's.
    pub const REGISTERED_BY_ANOTHER: u32 = 7031;
    /// The Record is not decodable.
    pub const RECORD_NOT_PARSED: u32 = 7100;
    /// A field of the Record is invalid.
    pub const RECORD_VALUE_INVALID: u32 = 7104;
    /// The session, if there was one, has ended: the sender leaves.
    pub const SESSION_CONTEXT_TERMINATED: u32 = 7105;
    /// No sessions with this endpoint.
    pub const SESSION_CONTEXT_NOT_ALLOWED: u32 = 7106;
}
