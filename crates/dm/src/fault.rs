//! What went wrong with one path, parameter, object or command, in the terms of TR-369 section 7.
//!
//! The numbers are shared vocabulary of the data model (TR-369 table "Error codes"); the table with
//! the messages they apply to is in `usp-proto`.

use std::fmt;

/// An error code of the USP family: 7000-7037, 71xx, 72xx, 7800-7999.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code = Code($number);)*
        }
        impl fmt::Debug for Code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => write!(f, concat!(stringify!($number), " ", stringify!($name))),)*
                    other => write!(f, "{other}"),
                }
            }
        }
    };
}

codes! {
    /// Generic failure of a whole message.
    MESSAGE_FAILED = 7000;
    /// The message is not understood.
    MESSAGE_NOT_SUPPORTED = 7001;
    /// The target cannot or will not do it.
    REQUEST_DENIED = 7002;
    /// A fault of hardware or software.
    INTERNAL_ERROR = 7003;
    /// A bad value in the message itself.
    INVALID_ARGUMENTS = 7004;
    /// Memory, processing or concurrency is exhausted.
    RESOURCES_EXCEEDED = 7005;
    /// Not authorised.
    PERMISSION_DENIED = 7006;
    /// It would leave the target unusable.
    INVALID_CONFIGURATION = 7007;
    /// The path does not parse.
    INVALID_PATH_SYNTAX = 7008;
    /// A parameter could not be updated, reason in the text.
    PARAMETER_ACTION_FAILED = 7009;
    /// The object has no such parameter.
    UNSUPPORTED_PARAMETER = 7010;
    /// The text is not of the parameter's type.
    INVALID_TYPE = 7011;
    /// The value is outside what is allowed.
    INVALID_VALUE = 7012;
    /// The parameter is read-only.
    NON_WRITEABLE_PARAMETER = 7013;
    /// The value conflicts with another parameter's.
    VALUE_CONFLICT = 7014;
    /// Generic failure of Add, Set or Delete.
    OPERATION_ERROR = 7015;
    /// The instance does not exist.
    OBJECT_DOES_NOT_EXIST = 7016;
    /// The instance could not be created.
    OBJECT_COULD_NOT_BE_CREATED = 7017;
    /// The object is not a table.
    OBJECT_IS_NOT_A_TABLE = 7018;
    /// Controllers may not create rows of this table.
    NON_CREATABLE_OBJECT = 7019;
    /// The object could not be updated.
    OBJECT_COULD_NOT_BE_UPDATED = 7020;
    /// A parameter marked as required failed.
    REQUIRED_PARAMETER_FAILED = 7021;
    /// The command failed.
    COMMAND_FAILURE = 7022;
    /// The command was cancelled.
    COMMAND_CANCELED = 7023;
    /// The instance could not be deleted.
    DELETE_FAILURE = 7024;
    /// Another row has the same unique key.
    DUPLICATE_KEY = 7025;
    /// The path is not in the supported data model.
    INVALID_PATH = 7026;
    /// Missing or bad command arguments.
    INVALID_COMMAND_ARGUMENTS = 7027;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A code and one sentence for a person. The sentence never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code} {message}")]
pub struct Fault {
    /// The number that goes on the wire.
    pub code: Code,
    /// Free text, in English.
    pub message: String,
}

impl Fault {
    /// A fault with its sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Fault { code, message: message.into() }
    }
}
