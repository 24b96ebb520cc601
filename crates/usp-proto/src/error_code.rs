//! The error codes of USP: name, number, meaning, and where each may stand. One table.
//!
//! Codes stay plain `u32`s: an unknown one from a peer is still an answer, and is shown as it came.

/// A set of places where a code may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Places(u16);

impl Places {
    /// Get, GetResp.
    pub const GET: Places = Places(1);
    /// GetInstances, GetInstancesResp.
    pub const GET_INSTANCES: Places = Places(1 << 1);
    /// GetSupportedDM, GetSupportedDMResp.
    pub const GET_SUPPORTED_DM: Places = Places(1 << 2);
    /// GetSupportedProtocol.
    pub const GET_SUPPORTED_PROTOCOL: Places = Places(1 << 3);
    /// Set, SetResp.
    pub const SET: Places = Places(1 << 4);
    /// Add, AddResp.
    pub const ADD: Places = Places(1 << 5);
    /// Delete, DeleteResp.
    pub const DELETE: Places = Places(1 << 6);
    /// Operate, OperateResp.
    pub const OPERATE: Places = Places(1 << 7);
    /// The failure of a command in a notification that it is complete.
    pub const OPERATION_COMPLETE: Places = Places(1 << 8);
    /// Notify.
    pub const NOTIFY: Places = Places(1 << 9);
    /// Register, RegisterResp.
    pub const REGISTER: Places = Places(1 << 10);
    /// Deregister, DeregisterResp.
    pub const DEREGISTER: Places = Places(1 << 11);
    /// An Error that answers a bad Record.
    pub const RECORD: Places = Places(1 << 12);
    /// The reason of a DisconnectRecord.
    pub const DISCONNECT: Places = Places(1 << 13);

    /// Every message.
    const MESSAGES: Places = Places((1 << 12) - 1 - (1 << 8));
    /// Every message, and a command that failed later.
    const MESSAGES_AND_COMPLETE: Places = Places((1 << 12) - 1);

    const fn and(self, other: Places) -> Places {
        Places(self.0 | other.0)
    }

    /// Whether all of the other set is in this one.
    pub const fn contains(self, other: Places) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorCode {
    /// The number on the wire.
    pub code: u32,
    /// Its name in the standard.
    pub name: &'static str,
    /// What it says, in a few words.
    pub meaning: &'static str,
    /// Where it may stand.
    pub places: Places,
}

const fn row(code: u32, name: &'static str, places: Places, meaning: &'static str) -> ErrorCode {
    ErrorCode { code, name, meaning, places }
}

const READS: Places = Places::GET.and(Places::GET_INSTANCES).and(Places::GET_SUPPORTED_DM);
const WRITES: Places = Places::ADD.and(Places::SET).and(Places::DELETE);
const VALUES: Places = Places::ADD.and(Places::SET);
const COMMANDS: Places = Places::OPERATE.and(Places::OPERATION_COMPLETE);
const REGISTRATIONS: Places = Places::REGISTER.and(Places::DEREGISTER);
const PATHS: Places = READS.and(WRITES).and(Places::OPERATE);

/// Every code with a name, by number. A code stands where the table of the standard names the message, or
/// the message lists the code; what the table gives to "any" message is narrowed to those that list it.
pub const TABLE: &[ErrorCode] = &[
    row(7000, "Message failed", Places::MESSAGES, "the message failed, see the text"),
    row(7001, "Message not supported", Places::MESSAGES, "the kind of message is not understood"),
    row(7002, "Request denied", Places::MESSAGES_AND_COMPLETE, "it can't or won't be processed"),
    row(7003, "Internal error", Places::MESSAGES_AND_COMPLETE, "hardware or software failed"),
    row(7004, "Invalid arguments", Places::MESSAGES_AND_COMPLETE, "values in the message are bad"),
    row(7005, "Resources exceeded", Places::MESSAGES_AND_COMPLETE, "memory, processor or another limit"),
    row(7006, "Permission denied", Places::MESSAGES_AND_COMPLETE, "not authorised"),
    row(
        7007,
        "Invalid configuration",
        WRITES.and(COMMANDS).and(REGISTRATIONS),
        "it would leave the device invalid",
    ),
    row(7008, "Invalid path syntax", PATHS.and(COMMANDS).and(REGISTRATIONS), "the path can't be parsed"),
    row(7009, "Parameter action failed", VALUES, "a parameter could not be updated"),
    row(7010, "Unsupported parameter", VALUES.and(Places::GET), "the parameter does not exist"),
    row(7011, "Invalid type", VALUES, "the text is not of the type"),
    row(7012, "Invalid value", VALUES, "outside of the allowed values"),
    row(7013, "Non-writeable parameter", VALUES, "the parameter is read-only"),
    row(7014, "Value conflict", VALUES, "it conflicts with other parameters"),
    row(7015, "Operation error", WRITES, "the object could not be created, updated or deleted"),
    row(7016, "Object does not exist", PATHS.and(COMMANDS).and(REGISTRATIONS), "no such instance"),
    row(7017, "Object could not be created", Places::ADD, "the creation failed"),
    row(
        7018,
        "Object is not a table",
        Places::ADD.and(Places::GET_INSTANCES).and(Places::DELETE),
        "no table",
    ),
    row(7019, "Non-creatable object", Places::ADD, "instances can't be created"),
    row(7020, "Object could not be updated", Places::SET, "the update failed"),
    row(7021, "Required parameter failed", VALUES, "see the errors of the parameters"),
    row(7022, "Command failure", COMMANDS, "the command failed"),
    row(7023, "Command canceled", Places::OPERATION_COMPLETE, "the command was cancelled"),
    row(7024, "Delete failure", Places::DELETE, "the deletion failed"),
    row(7025, "Duplicate key", VALUES, "the unique key is taken"),
    row(7026, "Invalid path", PATHS, "the path is not in the supported data model"),
    row(7027, "Invalid command arguments", Places::OPERATE, "arguments are missing or bad"),
    row(7028, "Register failure", Places::REGISTER, "the registration failed"),
    row(7029, "Already in use", Places::REGISTER, "another agent has registered it"),
    row(7030, "Deregister failure", Places::DEREGISTER, "the withdrawal failed"),
    row(7031, "Path already registered", Places::DEREGISTER, "another agent owns it"),
    row(7100, "Record could not be parsed", RECORD_LEVEL, "the Record is not decodable"),
    row(7101, "Secure session required", RECORD_LEVEL, "the payload has to be protected by TLS"),
    row(7102, "Secure session not supported", RECORD_LEVEL, "no TLS within payloads"),
    row(7103, "SAR not supported", RECORD_LEVEL, "no segmentation and reassembly"),
    row(7104, "Invalid Record value", RECORD_LEVEL, "a field of the Record is invalid"),
    row(7105, "Session Context terminated", Places::DISCONNECT, "the session has ended"),
    row(7106, "Session Context not allowed", Places::DISCONNECT, "no sessions with this endpoint"),
];

/// A DisconnectRecord may give any code of a Record as its reason (R-MTP.9).
const RECORD_LEVEL: Places = Places::RECORD.and(Places::DISCONNECT);

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

/// Whether the standard lets a code stand in a place. For tolerant readers it is a remark, not a verdict.
pub fn applies(code: u32, place: Places) -> bool {
    match range(code) {
        Range::Message | Range::Record => lookup(code).is_some_and(|row| row.places.contains(place)),
        Range::DataModel => COMMANDS.contains(place),
        // GetSupportedProtocol has no list of its own and is treated like the others.
        Range::Vendor => Places::MESSAGES_AND_COMPLETE.contains(place),
        Range::Unassigned => false,
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
