//! A Msg that was refused, with what a decision about an answer needs.

use super::{ErrorBody, Msg};
use crate::Malformed;
use crate::error_code::code;

/// Why a Msg was refused, and what could be read of it nevertheless.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Msg refused: {reason}")]
pub struct MsgError {
    /// What is wrong.
    #[source]
    pub reason: Malformed,
    /// Its id, if there is exactly one and it is not empty.
    pub msg_id: Option<String>,
    /// Whether it is a Request, by its body or, without one, by the type in its header.
    pub is_request: bool,
}

impl MsgError {
    /// The code of an answer: 7001 for a kind that we don't know (R-MSG.1), 7005 for what is too large,
    /// 7004 for anything else (R-ENC.5).
    pub fn code(&self) -> u32 {
        match self.reason {
            Malformed::UnknownKind { .. } => code::MESSAGE_NOT_SUPPORTED,
            Malformed::TooLong { .. } | Malformed::TooManyElements { .. } => code::RESOURCES_EXCEEDED,
            _ => code::INVALID_ARGUMENTS,
        }
    }

    /// The Error to send back, if it was a Request that can be named. A Response or an Error is never
    /// answered: that could go on for ever.
    pub fn answer(&self) -> Option<Msg> {
        let msg_id = self.msg_id.as_ref().filter(|_| self.is_request)?;
        Some(Msg::error(msg_id.clone(), ErrorBody::new(self.code(), self.reason.to_string())))
    }
}
