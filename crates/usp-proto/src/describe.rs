//! One line about a Record for traces and logs: who to whom, what kind, which paths.
//!
//! Nothing here knows which values are secrets, so that no value is ever shown: neither of a parameter
//! nor of an argument nor within a search expression.

use bytes::Bytes;

use crate::limits::{MAX_DESCRIBED_CHARS, MAX_DESCRIBED_PATHS};
use crate::notify::Notification;
use crate::record::SessionContext;
use crate::{Body, Msg, Record, RecordType, Request, Response};

/// Describes an encoded Record; what can't be decoded is described by its fault.
pub fn describe_record(record: &[u8]) -> String {
    match Record::decode(Bytes::copy_from_slice(record)) {
        Ok(record) => describe_decoded(&record),
        Err(error) => shown(&error.to_string()),
    }
}

/// Describes a Record.
pub(crate) fn describe_decoded(record: &Record) -> String {
    let Record { version, from_id, to_id, record_type, .. } = record;
    let (from, to) = (shown(from_id.as_str()), shown(to_id.as_str()));
    format!("{version} {from} -> {to} {}", describe_type(record_type))
}

fn describe_type(record_type: &RecordType) -> String {
    let name = record_type.name();
    match record_type {
        RecordType::NoSession { payload } => match Msg::decode(payload) {
            Ok(msg) => describe_msg(&msg),
            Err(error) => shown(&error.to_string()),
        },
        RecordType::Session(SessionContext {
            session_id, sequence_id, expected_id, retransmit_id, ..
        }) => {
            format!("{name} {session_id} #{sequence_id} expects #{expected_id} resend #{retransmit_id}")
        }
        RecordType::MqttConnect { version, subscribed_topic } => {
            format!("{name} {} {}", version.as_str_name(), shown(subscribed_topic))
        }
        RecordType::StompConnect { subscribed_destination } => {
            format!("{name} {}", shown(subscribed_destination))
        }
        RecordType::Disconnect { reason, reason_code } => format!("{name} {reason_code} {}", shown(reason)),
        RecordType::WebSocketConnect | RecordType::UdsConnect => name.to_owned(),
    }
}

/// Describes a Msg: its kind, its id, its main paths.
pub fn describe_msg(msg: &Msg) -> String {
    let id = shown(&msg.msg_id);
    match &msg.body {
        Body::Request(request) => format!("{} {id}{}", request.name(), request_paths(request)),
        Body::Response(response) => format!("{} {id}{}", response.name(), response_paths(response)),
        // The text of an Error comes from the peer and may quote a value.
        Body::Error(error) => {
            let params = paths(error.param_errs.iter().map(|param| param.param_path.as_str()));
            format!("Error {id} {}{params}", error.err_code)
        }
    }
}

fn request_paths(request: &Request) -> String {
    match request {
        Request::Get(get) => paths(get.param_paths.iter().map(String::as_str)),
        Request::GetSupportedDm(get) => paths(get.obj_paths.iter().map(String::as_str)),
        Request::GetInstances(get) => paths(get.obj_paths.iter().map(String::as_str)),
        Request::Set(set) => paths(set.update_objs.iter().map(|object| object.obj_path.as_str())),
        Request::Add(add) => paths(add.create_objs.iter().map(|object| object.obj_path.as_str())),
        Request::Delete(delete) => paths(delete.obj_paths.iter().map(String::as_str)),
        Request::Operate(operate) => paths([operate.command.as_str()].into_iter()),
        Request::Notify(notify) => {
            let subscription = shown(&notify.subscription_id);
            notify.notification.as_ref().map(|what| notification(what, &subscription)).unwrap_or_default()
        }
        Request::GetSupportedProtocol(get) => {
            format!(" {}", shown(&get.controller_supported_protocol_versions))
        }
        Request::Register(register) => paths(register.reg_paths.iter().map(|path| path.path.as_str())),
        Request::Deregister(deregister) => paths(deregister.paths.iter().map(String::as_str)),
    }
}

fn notification(what: &Notification, subscription: &str) -> String {
    let path = match what {
        Notification::Event(event) => format!("{}{}", masked(&event.obj_path), masked(&event.event_name)),
        Notification::ValueChange(change) => masked(&change.param_path),
        Notification::ObjCreation(creation) => masked(&creation.obj_path),
        Notification::ObjDeletion(deletion) => masked(&deletion.obj_path),
        Notification::OperComplete(done) => {
            let code = done.status().err().map(|failure| format!(" {}", failure.err_code));
            format!("{}{}{}", masked(&done.obj_path), masked(&done.command_name), code.unwrap_or_default())
        }
        Notification::OnBoardReq(request) => {
            format!("{}-{}-{}", request.oui, request.product_class, request.serial_number)
        }
    };
    format!(" [{subscription}] {} {}", what.name(), shown(&path))
}

fn response_paths(response: &Response) -> String {
    match response {
        Response::GetResp(answer) => {
            outcomes(answer.req_path_results.iter().map(|r| (r.requested_path.as_str(), r.err_code)))
        }
        Response::GetSupportedDmResp(answer) => {
            outcomes(answer.req_obj_results.iter().map(|r| (r.req_obj_path.as_str(), r.err_code)))
        }
        Response::GetInstancesResp(answer) => {
            outcomes(answer.req_path_results.iter().map(|r| (r.requested_path.as_str(), r.err_code)))
        }
        Response::SetResp(answer) => outcomes(answer.updated_obj_results.iter().map(|result| {
            (result.requested_path.as_str(), result.status().err().map_or(0, |failure| failure.err_code))
        })),
        Response::AddResp(answer) => {
            outcomes(answer.created_obj_results.iter().map(|result| match result.status() {
                Ok(success) => (success.instantiated_path.as_str(), 0),
                Err(failure) => (result.requested_path.as_str(), failure.err_code),
            }))
        }
        Response::DeleteResp(answer) => outcomes(answer.deleted_obj_results.iter().map(|result| {
            (result.requested_path.as_str(), result.status().err().map_or(0, |failure| failure.err_code))
        })),
        Response::OperateResp(answer) => outcomes(answer.operation_results.iter().map(|result| {
            let code = match result.status() {
                crate::operate::CommandStatus::Failed(failure) => failure.err_code,
                _ => 0,
            };
            (result.executed_command.as_str(), code)
        })),
        Response::NotifyResp(answer) => format!(" [{}]", shown(&answer.subscription_id)),
        Response::GetSupportedProtocolResp(answer) => {
            format!(" {}", shown(&answer.agent_supported_protocol_versions))
        }
        Response::RegisterResp(answer) => outcomes(answer.registered_path_results.iter().map(|result| {
            (result.requested_path.as_str(), result.status().err().map_or(0, |(code, _)| code))
        })),
        Response::DeregisterResp(answer) => outcomes(answer.deregistered_path_results.iter().map(|result| {
            (result.requested_path.as_str(), result.status().err().map_or(0, |(code, _)| code))
        })),
    }
}

fn paths<'a>(paths: impl ExactSizeIterator<Item = &'a str>) -> String {
    outcomes(paths.map(|path| (path, 0)))
}

/// The first paths, with the code of what failed, and how many there are besides.
fn outcomes<'a>(mut outcomes: impl ExactSizeIterator<Item = (&'a str, u32)>) -> String {
    let mut text = String::new();
    for (path, code) in outcomes.by_ref().take(MAX_DESCRIBED_PATHS) {
        text.push(' ');
        text.push_str(&shown(&masked(path)));
        if code != 0 {
            text.push_str(&format!("={code}"));
        }
    }
    match outcomes.len() {
        0 => text,
        more => format!("{text} +{more}"),
    }
}

/// Hides what stands within the brackets of a search expression. Brackets within a quoted value do not
/// count; an expression without an end hides the rest of the path.
fn masked(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let (mut inside, mut quoted) = (false, false);
    for c in path.chars() {
        match c {
            '"' if inside => quoted = !quoted,
            '[' if !inside => {
                inside = true;
                text.push_str("[..");
            }
            ']' if inside && !quoted => {
                inside = false;
                text.push(']');
            }
            _ if inside => {}
            _ => text.push(c),
        }
    }
    text
}

/// A text of a peer, made fit for one line: bounded, control characters escaped.
fn shown(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().take(MAX_DESCRIBED_CHARS) {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    if text.chars().nth(MAX_DESCRIBED_CHARS).is_some() {
        line.push_str("..");
    }
    line
}
