//! A Record that was refused, with what a decision about an answer needs (R-MTP.5).

use crate::error_code::code;
use crate::msg::{Body, ErrorBody};
use crate::{EndpointId, Malformed, Msg};

/// Why a Record was refused, and what could be read of it nevertheless.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Record refused: {reason}")]
pub struct RecordError {
    /// What is wrong.
    #[source]
    pub reason: Malformed,
    /// The sender, if its id could be read.
    pub from_id: Option<EndpointId>,
    /// The receiver, if its id could be read.
    pub to_id: Option<EndpointId>,
    /// The `msg_id` of the payload, if it is a Request and stands in a Record without a session.
    pub request_msg_id: Option<String>,
}

impl RecordError {
    /// The code of an answer: 7100 for what is no Record at all, 7104 for a bad value in one.
    pub fn code(&self) -> u32 {
        match self.reason {
            Malformed::Undecodable(_) => code::RECORD_NOT_PARSED,
            _ => code::RECORD_VALUE_INVALID,
        }
    }

    /// Whom to answer and with what, if the standard wants an answer of the endpoint `me`. The transport
    /// has to know a way back besides.
    pub fn answer(&self, me: &EndpointId) -> Option<(&EndpointId, Msg)> {
        // R-MTP.5: never to a Response or an Error, which would go on for ever.
        let msg_id = self.request_msg_id.as_ref()?;
        let from = self.from_id.as_ref()?;
        if self.to_id.as_ref() != Some(me) || from == me {
            return None;
        }
        let error = ErrorBody::new(self.code(), self.reason.to_string());
        Some((from, Msg { msg_id: msg_id.clone(), body: Body::Error(error) }))
    }
}
