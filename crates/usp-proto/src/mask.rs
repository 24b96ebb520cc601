//! Records as they may be shown: still Records that decode, with a mask in the place of each secret.
//!
//! Which values are secrets, the caller says. What can't be looked into (a Record or Msg that does not
//! decode, a piece of an end-to-end session) may hold some, and is not shown at all. Nor are the texts of
//! errors, which like to quote the value that they refuse; their codes are.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::add::CreatedObjectResult;
use crate::delete::DeletedObjectResult;
use crate::describe::describe_decoded;
use crate::generated::usp_msg::notify::operation_complete::OperationResp as CompleteResp;
use crate::generated::usp_msg::operate_resp::operation_result::OperationResp;
use crate::generated::usp_msg::{add_resp, delete_resp, deregister_resp, register_resp, set_resp};
use crate::notify::Notification;
use crate::set::UpdatedObjectResult;
use crate::{Body, Msg, Record, RecordType, Request, Response};

/// What stands in the place of a secret.
pub const MASK: &str = "••••";

/// Whether the value called `name` at `path` is a secret: a parameter relative to an object (a path with row
/// numbers or searches, and a dot at its end), or an argument of a command (`()`) or event (`!`).
pub type IsSecret<'a> = &'a dyn Fn(&str, &str) -> bool;

/// A Record that may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Masked {
    /// The Record; empty if it can't be looked into.
    pub record: Bytes,
    /// Whether it is another than the one that went over the wire.
    pub masked: bool,
    /// The type of its Message or of itself, such as `GetResp` or `WebSocketConnect`.
    pub kind: &'static str,
    /// The id of its Message.
    pub msg_id: Option<String>,
    /// What [`crate::describe_record`] says of it.
    pub note: String,
}

/// Masks an encoded Record.
pub fn mask_record(record: &Bytes, secret: IsSecret<'_>) -> Masked {
    let hidden = |kind, note| Masked { record: Bytes::new(), masked: true, kind, msg_id: None, note };
    let note = crate::describe_record(record);
    let Ok(mut decoded) = Record::decode(record.clone()) else { return hidden("Record", note) };
    let kind = decoded.record_type.name();
    match &mut decoded.record_type {
        RecordType::NoSession { payload } => {
            let Ok(mut msg) = Msg::decode(payload) else { return hidden(kind, note) };
            let masked = mask_msg(&mut msg, secret);
            let (kind, msg_id) = (kind_of(&msg), Some(msg.msg_id.clone()));
            if !masked {
                return Masked { record: record.clone(), masked, kind, msg_id, note };
            }
            *payload = msg.encode();
            Masked { note: describe_decoded(&decoded), record: decoded.encode(), masked, kind, msg_id }
        }
        RecordType::Session(session) => {
            let masked = session.payload.iter().any(|piece| !piece.is_empty());
            session.payload.clear();
            Masked { record: decoded.encode(), masked, kind, msg_id: None, note }
        }
        _ => Masked { record: record.clone(), masked: false, kind, msg_id: None, note },
    }
}

fn kind_of(msg: &Msg) -> &'static str {
    match &msg.body {
        Body::Request(request) => request.name(),
        Body::Response(response) => response.name(),
        Body::Error(_) => "Error",
    }
}

/// Masks the values of a Msg; whether there was anything to mask. An empty value is no secret: that is how
/// an agent hides one.
pub fn mask_msg(msg: &mut Msg, secret: IsSecret<'_>) -> bool {
    let mut masker = Masker { secret, masked: false };
    match &mut msg.body {
        Body::Request(request) => masker.request(request),
        Body::Response(response) => masker.response(response),
        Body::Error(error) => {
            masker.text(&mut error.err_msg);
            for error in &mut error.param_errs {
                masker.path(&mut error.param_path);
                masker.text(&mut error.err_msg);
            }
        }
    }
    masker.masked
}

struct Masker<'a> {
    secret: IsSecret<'a>,
    masked: bool,
}

impl Masker<'_> {
    fn request(&mut self, request: &mut Request) {
        match request {
            Request::Get(get) => self.paths(&mut get.param_paths),
            Request::GetInstances(get) => self.paths(&mut get.obj_paths),
            Request::GetSupportedDm(_) | Request::GetSupportedProtocol(_) => {}
            Request::Set(set) => {
                for object in &mut set.update_objs {
                    for one in &mut object.param_settings {
                        self.value(&object.obj_path, &one.param, &mut one.value);
                    }
                    self.path(&mut object.obj_path);
                }
            }
            Request::Add(add) => {
                for object in &mut add.create_objs {
                    for one in &mut object.param_settings {
                        self.value(&object.obj_path, &one.param, &mut one.value);
                    }
                    self.path(&mut object.obj_path);
                }
            }
            Request::Delete(delete) => self.paths(&mut delete.obj_paths),
            Request::Operate(operate) => {
                self.values(&operate.command, &mut operate.input_args);
                self.path(&mut operate.command);
            }
            Request::Notify(notify) => {
                if let Some(notification) = &mut notify.notification {
                    self.notification(notification);
                }
            }
            Request::Register(register) => {
                register.reg_paths.iter_mut().for_each(|one| self.path(&mut one.path));
            }
            Request::Deregister(deregister) => self.paths(&mut deregister.paths),
        }
    }

    fn notification(&mut self, notification: &mut Notification) {
        match notification {
            Notification::ValueChange(change) => {
                let at = change.param_path.rfind('.').map_or(0, |dot| dot + 1);
                let (object, name) = change.param_path.split_at(at);
                self.value(object, name, &mut change.param_value);
            }
            Notification::Event(event) => {
                let path = [event.obj_path.as_str(), &event.event_name].concat();
                self.values(&path, &mut event.params);
            }
            Notification::ObjCreation(made) => self.values(&made.obj_path, &mut made.unique_keys),
            Notification::OperComplete(complete) => {
                let path = [complete.obj_path.as_str(), &complete.command_name].concat();
                match &mut complete.operation_resp {
                    Some(CompleteResp::ReqOutputArgs(out)) => self.values(&path, &mut out.output_args),
                    Some(CompleteResp::CmdFailure(failure)) => self.text(&mut failure.err_msg),
                    None => {}
                }
            }
            Notification::ObjDeletion(_) | Notification::OnBoardReq(_) => {}
        }
    }

    fn response(&mut self, response: &mut Response) {
        match response {
            Response::GetResp(answer) => {
                for result in &mut answer.req_path_results {
                    self.path(&mut result.requested_path);
                    self.text(&mut result.err_msg);
                    for object in &mut result.resolved_path_results {
                        self.values(&object.resolved_path, &mut object.result_params);
                    }
                }
            }
            Response::GetInstancesResp(answer) => {
                for result in &mut answer.req_path_results {
                    self.path(&mut result.requested_path);
                    self.text(&mut result.err_msg);
                    for row in &mut result.curr_insts {
                        self.values(&row.instantiated_obj_path, &mut row.unique_keys);
                    }
                }
            }
            Response::SetResp(answer) => {
                answer.updated_obj_results.iter_mut().for_each(|one| self.updated(one));
            }
            Response::AddResp(answer) => {
                answer.created_obj_results.iter_mut().for_each(|one| self.created(one));
            }
            Response::DeleteResp(answer) => {
                answer.deleted_obj_results.iter_mut().for_each(|one| self.deleted(one));
            }
            Response::OperateResp(answer) => {
                for result in &mut answer.operation_results {
                    match &mut result.operation_resp {
                        Some(OperationResp::ReqOutputArgs(out)) => {
                            self.values(&result.executed_command, &mut out.output_args);
                        }
                        Some(OperationResp::CmdFailure(failure)) => self.text(&mut failure.err_msg),
                        _ => {}
                    }
                }
            }
            Response::GetSupportedDmResp(answer) => {
                answer.req_obj_results.iter_mut().for_each(|one| self.text(&mut one.err_msg));
            }
            Response::RegisterResp(answer) => {
                answer.registered_path_results.iter_mut().for_each(|one| self.registered(one));
            }
            Response::DeregisterResp(answer) => {
                answer.deregistered_path_results.iter_mut().for_each(|one| self.deregistered(one));
            }
            Response::NotifyResp(_) | Response::GetSupportedProtocolResp(_) => {}
        }
    }

    fn updated(&mut self, result: &mut UpdatedObjectResult) {
        use set_resp::updated_object_result::operation_status::OperStatus;
        self.path(&mut result.requested_path);
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        match status {
            Some(OperStatus::OperSuccess(success)) => {
                for row in &mut success.updated_inst_results {
                    self.values(&row.affected_path, &mut row.updated_params);
                    row.param_errs.iter_mut().for_each(|error| self.text(&mut error.err_msg));
                }
            }
            Some(OperStatus::OperFailure(failure)) => {
                self.text(&mut failure.err_msg);
                let errors = failure.updated_inst_failures.iter_mut().flat_map(|row| &mut row.param_errs);
                errors.for_each(|error| self.text(&mut error.err_msg));
            }
            None => {}
        }
    }

    fn created(&mut self, result: &mut CreatedObjectResult) {
        use add_resp::created_object_result::operation_status::OperStatus;
        self.path(&mut result.requested_path);
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        match status {
            Some(OperStatus::OperSuccess(success)) => {
                self.values(&success.instantiated_path, &mut success.unique_keys);
                success.param_errs.iter_mut().for_each(|error| self.text(&mut error.err_msg));
            }
            Some(OperStatus::OperFailure(failure)) => self.text(&mut failure.err_msg),
            None => {}
        }
    }

    fn deleted(&mut self, result: &mut DeletedObjectResult) {
        use delete_resp::deleted_object_result::operation_status::OperStatus;
        self.path(&mut result.requested_path);
        match result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut()) {
            Some(OperStatus::OperSuccess(success)) => {
                success.unaffected_path_errs.iter_mut().for_each(|error| self.text(&mut error.err_msg));
            }
            Some(OperStatus::OperFailure(failure)) => self.text(&mut failure.err_msg),
            None => {}
        }
    }

    fn registered(&mut self, result: &mut register_resp::RegisteredPathResult) {
        use register_resp::registered_path_result::operation_status::OperStatus;
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(OperStatus::OperFailure(failure)) = status {
            self.text(&mut failure.err_msg);
        }
    }

    fn deregistered(&mut self, result: &mut deregister_resp::DeregisteredPathResult) {
        use deregister_resp::deregistered_path_result::operation_status::OperStatus;
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(OperStatus::OperFailure(failure)) = status {
            self.text(&mut failure.err_msg);
        }
    }

    /// What an error says beside its code.
    fn text(&mut self, text: &mut String) {
        if !text.is_empty() {
            MASK.clone_into(text);
            self.masked = true;
        }
    }

    fn values(&mut self, path: &str, values: &mut BTreeMap<String, String>) {
        for (name, value) in values {
            self.value(path, name, value);
        }
    }

    fn value(&mut self, path: &str, name: &str, value: &mut String) {
        if !value.is_empty() && (self.secret)(path, name) {
            MASK.clone_into(value);
            self.masked = true;
        }
    }

    fn paths(&mut self, paths: &mut [String]) {
        paths.iter_mut().for_each(|path| self.path(path));
    }

    /// Masks the values that search expressions compare secrets with. An expression that is not understood
    /// is not shown.
    fn path(&mut self, path: &mut String) {
        if !path.contains('[') {
            return;
        }
        let mut shown = String::with_capacity(path.len());
        let mut rest = path.as_str();
        while let Some((before, inside)) = rest.split_once('[') {
            shown.push_str(before);
            let object = path[..path.len() - inside.len() - 1].to_owned() + "*.";
            shown.push('[');
            match self.expression(&object, inside, &mut shown) {
                Some(after) => rest = after,
                None => {
                    shown.push_str(MASK);
                    self.masked = true;
                    rest = "]";
                    break;
                }
            }
        }
        shown.push_str(rest);
        *path = shown;
    }

    /// Copies comparisons up to the bracket that ends them, and gives what stands from there on.
    fn expression<'t>(&mut self, object: &str, mut text: &'t str, shown: &mut String) -> Option<&'t str> {
        loop {
            let end = text.find(['=', '!', '<', '>', '~'])?;
            let name = text[..end].trim();
            let value = end + text[end..].find(|c| !"=!<>~".contains(c))?;
            shown.push_str(&text[..value]);
            text = &text[value..];
            let quoted = text.starts_with('"');
            let length = if quoted { 2 + text[1..].find('"')? } else { text.find(['&', ']'])? };
            if length > if quoted { 2 } else { 0 } && (self.secret)(object, name) {
                shown.push_str(&format!("\"{MASK}\""));
                self.masked = true;
            } else {
                shown.push_str(&text[..length]);
            }
            text = &text[length..];
            match text.strip_prefix("&&") {
                Some(more) => {
                    shown.push_str("&&");
                    text = more;
                }
                None if text.starts_with(']') => return Some(text),
                None => return None,
            }
        }
    }
}
