//! Names and numbers of the kinds of messages. The numbers of the oneofs differ from these types.

use super::{MsgType, Request, Response};

impl Request {
    /// The type that its header carries.
    pub fn msg_type(&self) -> MsgType {
        match self {
            Request::Get(_) => MsgType::Get,
            Request::GetSupportedDm(_) => MsgType::GetSupportedDm,
            Request::GetInstances(_) => MsgType::GetInstances,
            Request::Set(_) => MsgType::Set,
            Request::Add(_) => MsgType::Add,
            Request::Delete(_) => MsgType::Delete,
            Request::Operate(_) => MsgType::Operate,
            Request::Notify(_) => MsgType::Notify,
            Request::GetSupportedProtocol(_) => MsgType::GetSupportedProto,
            Request::Register(_) => MsgType::Register,
            Request::Deregister(_) => MsgType::Deregister,
        }
    }

    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        name(self.msg_type())
    }
}

impl Response {
    /// The type that its header carries.
    pub fn msg_type(&self) -> MsgType {
        match self {
            Response::GetResp(_) => MsgType::GetResp,
            Response::GetSupportedDmResp(_) => MsgType::GetSupportedDmResp,
            Response::GetInstancesResp(_) => MsgType::GetInstancesResp,
            Response::SetResp(_) => MsgType::SetResp,
            Response::AddResp(_) => MsgType::AddResp,
            Response::DeleteResp(_) => MsgType::DeleteResp,
            Response::OperateResp(_) => MsgType::OperateResp,
            Response::NotifyResp(_) => MsgType::NotifyResp,
            Response::GetSupportedProtocolResp(_) => MsgType::GetSupportedProtoResp,
            Response::RegisterResp(_) => MsgType::RegisterResp,
            Response::DeregisterResp(_) => MsgType::DeregisterResp,
        }
    }

    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        name(self.msg_type())
    }
}

/// The name of a type in the standard.
pub(super) fn name(msg_type: MsgType) -> &'static str {
    match msg_type {
        MsgType::Error => "Error",
        MsgType::Get => "Get",
        MsgType::GetResp => "GetResp",
        MsgType::Notify => "Notify",
        MsgType::Set => "Set",
        MsgType::SetResp => "SetResp",
        MsgType::Operate => "Operate",
        MsgType::OperateResp => "OperateResp",
        MsgType::Add => "Add",
        MsgType::AddResp => "AddResp",
        MsgType::Delete => "Delete",
        MsgType::DeleteResp => "DeleteResp",
        MsgType::GetSupportedDm => "GetSupportedDM",
        MsgType::GetSupportedDmResp => "GetSupportedDMResp",
        MsgType::GetInstances => "GetInstances",
        MsgType::GetInstancesResp => "GetInstancesResp",
        MsgType::NotifyResp => "NotifyResp",
        MsgType::GetSupportedProto => "GetSupportedProtocol",
        MsgType::GetSupportedProtoResp => "GetSupportedProtocolResp",
        MsgType::Register => "Register",
        MsgType::RegisterResp => "RegisterResp",
        MsgType::Deregister => "Deregister",
        MsgType::DeregisterResp => "DeregisterResp",
    }
}

/// Whether a type in a header, which no body confirms, is that of a request.
pub(super) fn is_request(msg_type: u64) -> bool {
    matches!(
        i32::try_from(msg_type).map(MsgType::try_from),
        Ok(Ok(MsgType::Get
            | MsgType::GetSupportedDm
            | MsgType::GetInstances
            | MsgType::Set
            | MsgType::Add
            | MsgType::Delete
            | MsgType::Operate
            | MsgType::Notify
            | MsgType::GetSupportedProto
            | MsgType::Register
            | MsgType::Deregister))
    )
}
