//! Notify: tells a controller what happened.

pub use crate::generated::usp_msg::notify::operation_complete::{CommandFailure, OperationResp, OutputArgs};
pub use crate::generated::usp_msg::notify::{
    Event, Notification, ObjectCreation, ObjectDeletion, OnBoardRequest, OperationComplete, ValueChange,
};
pub use crate::generated::usp_msg::{Notify, NotifyResp};

use crate::{Malformed, Version};

impl Notify {
    /// A notification for one subscription; the id of an OnBoardRequest is empty.
    pub fn new(subscription_id: impl Into<String>, send_resp: bool, notification: Notification) -> Notify {
        Notify { subscription_id: subscription_id.into(), send_resp, notification: Some(notification) }
    }

    /// The answer to it (R-NOT.10): the same id, which is empty for an OnBoardRequest.
    pub fn response(&self) -> NotifyResp {
        NotifyResp { subscription_id: self.subscription_id.clone() }
    }
}

impl Notification {
    /// The name of its kind.
    pub fn name(&self) -> &'static str {
        match self {
            Notification::Event(_) => "Event",
            Notification::ValueChange(_) => "ValueChange",
            Notification::ObjCreation(_) => "ObjectCreation",
            Notification::ObjDeletion(_) => "ObjectDeletion",
            Notification::OperComplete(_) => "OperationComplete",
            Notification::OnBoardReq(_) => "OnBoardRequest",
        }
    }
}

impl OperationComplete {
    /// The outputs, or why it failed. Nothing said is a success without outputs, as in OperateResp: a
    /// notification that is refused would be sent again for ever.
    pub fn status(&self) -> Result<Option<&OutputArgs>, &CommandFailure> {
        match &self.operation_resp {
            Some(OperationResp::ReqOutputArgs(outputs)) => Ok(Some(outputs)),
            Some(OperationResp::CmdFailure(failure)) => Err(failure),
            None => Ok(None),
        }
    }
}

impl OnBoardRequest {
    /// What the agent speaks.
    pub fn versions(&self) -> Vec<Version> {
        Version::parse_list(&self.agent_supported_protocol_versions)
    }
}

/// R-ENC.3, R-ENC.5: a notification says what happened.
pub(crate) fn check(notify: &Notify) -> Result<(), Malformed> {
    if notify.notification.is_some() { Ok(()) } else { Err(Malformed::EmptyOneof("notification")) }
}
