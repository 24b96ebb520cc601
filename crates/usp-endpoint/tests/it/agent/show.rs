//! Messages in one line each, so that a table of expectations can be read.

use std::collections::BTreeMap;

use usp_proto::msg::{Body, Response};
use usp_proto::notify::{Notification, Notify};
use usp_proto::operate::CommandStatus;
use usp_proto::{ErrorBody, Request};

pub(crate) fn body(body: &Body) -> String {
    match body {
        Body::Request(Request::Notify(notify)) => self::notify(notify),
        Body::Request(request) => request.name().to_owned(),
        Body::Response(response) => self::response(response),
        Body::Error(error) => self::error(error),
    }
}

fn error(error: &ErrorBody) -> String {
    let params = error.param_errs.iter().map(|param| format!(" {} {}", param.param_path, param.err_code));
    format!("Error {}{}", error.err_code, params.collect::<String>())
}

fn response(response: &Response) -> String {
    let results: Vec<String> = match response {
        Response::GetResp(resp) => resp
            .req_path_results
            .iter()
            .map(|result| {
                let objects = result.resolved_path_results.iter();
                let objects =
                    objects.map(|object| format!("{}{}", object.resolved_path, map(&object.result_params)));
                verdict(&result.requested_path, result.err_code, objects)
            })
            .collect(),
        Response::GetInstancesResp(resp) => resp
            .req_path_results
            .iter()
            .map(|result| {
                let rows = result.curr_insts.iter();
                let rows = rows.map(|row| format!("{}{}", row.instantiated_obj_path, map(&row.unique_keys)));
                verdict(&result.requested_path, result.err_code, rows)
            })
            .collect(),
        Response::GetSupportedDmResp(resp) => resp
            .req_obj_results
            .iter()
            .map(|result| {
                let objects = result.supported_objs.iter().map(|object| {
                    let params: Vec<&str> =
                        object.supported_params.iter().map(|p| p.param_name.as_str()).collect();
                    let commands: Vec<&str> =
                        object.supported_commands.iter().map(|c| c.command_name.as_str()).collect();
                    format!("{}{{{}}}{{{}}}", object.supported_obj_path, params.join(","), commands.join(","))
                });
                verdict(&result.req_obj_path, result.err_code, objects)
            })
            .collect(),
        Response::SetResp(resp) => resp
            .updated_obj_results
            .iter()
            .map(|result| match result.status() {
                Ok(success) => {
                    let objects = success.updated_inst_results.iter().map(|object| {
                        let errors = object.param_errs.iter().map(|e| format!("!{} {}", e.param, e.err_code));
                        format!(
                            "{}{}{}",
                            object.affected_path,
                            map(&object.updated_params),
                            errors.collect::<String>()
                        )
                    });
                    verdict(&result.requested_path, 0, objects)
                }
                Err(failure) => {
                    let objects = failure.updated_inst_failures.iter().map(|object| {
                        let errors = object.param_errs.iter().map(|e| format!("!{} {}", e.param, e.err_code));
                        format!("{}{}", object.affected_path, errors.collect::<String>())
                    });
                    let objects: Vec<String> = objects.collect();
                    format!("{} => {} {}", result.requested_path, failure.err_code, objects.join(" "))
                }
            })
            .collect(),
        Response::AddResp(resp) => resp
            .created_obj_results
            .iter()
            .map(|result| match result.status() {
                Ok(created) => {
                    let errors = created.param_errs.iter().map(|e| format!("!{} {}", e.param, e.err_code));
                    let row = format!(
                        "{}{}{}",
                        created.instantiated_path,
                        map(&created.unique_keys),
                        errors.collect::<String>()
                    );
                    verdict(&result.requested_path, 0, std::iter::once(row))
                }
                Err(failure) => verdict(&result.requested_path, failure.err_code, std::iter::empty()),
            })
            .collect(),
        Response::DeleteResp(resp) => resp
            .deleted_obj_results
            .iter()
            .map(|result| match result.status() {
                Ok(deleted) => {
                    let stayed = deleted
                        .unaffected_path_errs
                        .iter()
                        .map(|e| format!("!{} {}", e.unaffected_path, e.err_code));
                    verdict(&result.requested_path, 0, deleted.affected_paths.iter().cloned().chain(stayed))
                }
                Err(failure) => verdict(&result.requested_path, failure.err_code, std::iter::empty()),
            })
            .collect(),
        Response::OperateResp(resp) => resp
            .operation_results
            .iter()
            .map(|result| {
                let status = match result.status() {
                    CommandStatus::Running(row) => row.to_owned(),
                    CommandStatus::Done(outputs) => outputs.map(map).unwrap_or_default(),
                    CommandStatus::Failed(failure) => failure.err_code.to_string(),
                };
                format!("{} => {status}", result.executed_command)
            })
            .collect(),
        Response::GetSupportedProtocolResp(resp) => vec![resp.agent_supported_protocol_versions.clone()],
        other => vec![other.name().to_owned()],
    };
    if results.is_empty() { format!("empty {}", response.name()) } else { results.join("; ") }
}

fn verdict(path: &str, code: u32, found: impl Iterator<Item = String>) -> String {
    let found: Vec<String> = found.collect();
    match code {
        0 => format!("{path} => {}", if found.is_empty() { "nothing".to_owned() } else { found.join(" ") }),
        code => format!("{path} => {code}"),
    }
}

pub(crate) fn map(map: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = map.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("[{}]", pairs.join(","))
}

pub(crate) fn notify(notify: &Notify) -> String {
    let what = match notify.notification.as_ref().expect("a notification says something") {
        Notification::Event(event) => format!("{}{}{}", event.obj_path, event.event_name, map(&event.params)),
        Notification::ValueChange(change) => format!("{}={}", change.param_path, change.param_value),
        Notification::ObjCreation(creation) => {
            format!("+{}{}", creation.obj_path, map(&creation.unique_keys))
        }
        Notification::ObjDeletion(deletion) => format!("-{}", deletion.obj_path),
        Notification::OperComplete(complete) => {
            let result = match complete.status() {
                Ok(outputs) => outputs.map(|outputs| map(&outputs.output_args)).unwrap_or_default(),
                Err(failure) => failure.err_code.to_string(),
            };
            format!("{}{} {} {result}", complete.obj_path, complete.command_name, complete.command_key)
        }
        Notification::OnBoardReq(request) => format!(
            "OnBoard {} {} {} {}",
            request.oui,
            request.product_class,
            request.serial_number,
            request.agent_supported_protocol_versions
        ),
    };
    format!("{}{} {what}", notify.subscription_id, if notify.send_resp { "?" } else { "" })
}
