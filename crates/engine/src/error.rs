//! What can go wrong in the engine, beside the faults of single requests.

use dm::Fault;

use crate::journal::JournalError;

/// Why an instance cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A path in the configuration that the model does not have.
    #[error("{0} is not in the supported data model")]
    UnknownPath(String),
    /// A factory default that its parameter does not allow.
    #[error("the factory default of {path} is not allowed: {fault}")]
    BadDefault {
        /// Full path of the parameter.
        path: String,
        /// Why.
        fault: Fault,
    },
    /// The instance has panicked.
    #[error("the instance has stopped")]
    Stopped,
}
