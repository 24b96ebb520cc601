//! Faults of an agent that runs commands wrongly.

use usp_proto::get_instances::CurrInstance;
use usp_proto::notify::{self, Notification};
use usp_proto::operate::{OperateResp, OperationResp, OperationResult};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, fail, on};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-OPR.0-request-row", |_, msg| {
        on!(Response::GetInstancesResp, msg, resp => {
            resp.req_path_results.iter_mut().for_each(|result| result.curr_insts.clear());
        })
    }),
    Fault::say("R-OPR.0-request-row-names-its-key", |_, msg| {
        on!(Response::GetResp, msg, resp => {
            let found = resp.req_path_results.iter_mut().flat_map(|result| &mut result.resolved_path_results);
            found.for_each(|object| drop(object.result_params.insert("CommandKey".to_owned(), String::new())));
        })
    }),
    Fault::say("R-OPR.0-request-row-is-removed", |asked, msg| match asked {
        Some(Request::GetInstances(_)) => on!(Response::GetInstancesResp, msg, resp => {
            let left = (1..10).map(|number| CurrInstance {
                instantiated_obj_path: format!("Device.LocalAgent.Request.{number}."),
                ..CurrInstance::default()
            });
            resp.req_path_results[0].curr_insts = left.collect();
        }),
        _ => true,
    }),
    Fault::say("R-OPR.0-completion-is-told", |_, msg| complete(msg, |complete| complete.command_key.clear())),
    Fault::say("R-OPR.1-failure-in-the-result", |_, msg| match &msg.body {
        Body::Response(Response::OperateResp(resp)) if has_failed(resp) => fail(msg, 7027),
        _ => true,
    }),
    Fault::say("R-OPR.3-running-ones-go-on", |_, msg| {
        complete(msg, |complete| {
            let failure = notify::CommandFailure { err_code: 7023, err_msg: String::new() };
            complete.operation_resp = Some(notify::OperationResp::CmdFailure(failure));
        })
    }),
    Fault::say("R-OPR.3-cancelled", |_, msg| {
        complete(msg, |complete| {
            if let Some(notify::OperationResp::CmdFailure(failure)) = &mut complete.operation_resp {
                failure.err_code = 7022;
            }
        })
    }),
    Fault::hear(
        "R-OPR.4-no-answer-wanted",
        |msg| on!(Request::Operate, msg, operate => operate.send_resp = true),
    ),
    Fault::hear(
        "R-OPR.4-runs-all-the-same",
        |msg| !matches!(&msg.body, Body::Request(Request::Operate(operate)) if !operate.send_resp),
    ),
    Fault::say("R-OPR.5-missing-argument", |_, msg| {
        on!(Response::OperateResp, msg, resp => for result in &mut resp.operation_results {
            if let Some(OperationResp::CmdFailure(failure)) = &mut result.operation_resp {
                failure.err_code = 7004;
            }
        })
    }),
    Fault::hear("R-OPR.5-missing-argument-stops", |msg| {
        on!(Request::Operate, msg, operate => {
            operate.input_args.entry("DelaySeconds".to_owned()).or_insert_with(|| "60".to_owned());
        })
    }),
    Fault::say("R-OPR.0-request-row-names-its-command", |_, msg| reads(msg, "Command", "ScheduleTimer()")),
    Fault::say("R-OPR.0-request-row-names-its-originator", |_, msg| {
        reads(msg, "Originator", "Device.LocalAgent.Controller.1")
    }),
    Fault::say("R-OPR.0-request-row-has-a-status", |_, msg| reads(msg, "Status", "Success")),
    Fault::say("R-MSG.3-operate-names-the-command", |_, msg| {
        on!(Response::OperateResp, msg, resp => {
            resp.operation_results.iter_mut().for_each(|result| result.executed_command.clear());
        })
    }),
    Fault::say("R-OPR.1-bad-argument-in-the-result", |_, msg| match &msg.body {
        Body::Response(Response::OperateResp(resp)) if has_failed(resp) => fail(msg, 7004),
        _ => true,
    }),
    Fault::hear(
        "R-OPR.0-cancelled-row-is-removed",
        |msg| on!(Request::Operate, msg, operate => if operate.command.ends_with("Cancel()") { operate.command = "Device.Nothing()".to_owned() }),
    ),
    Fault::say("R-MSG.3-operate-reports-numbers", |asked, msg| match asked {
        Some(Request::Operate(operate)) => on!(Response::OperateResp, msg, resp => {
            resp.operation_results.iter_mut().for_each(|result| result.executed_command.clone_from(&operate.command));
        }),
        _ => true,
    }),
    Fault::say("R-OPR.2-one-row-each", |_, msg| {
        on!(Response::OperateResp, msg, resp => for result in &mut resp.operation_results {
            result.operation_resp = Some(OperationResp::ReqObjPath("Device.LocalAgent.Request.1.".to_owned()));
        })
    }),
    Fault::say("R-OPR.6-unknown-argument", |asked, msg| match asked {
        Some(Request::Operate(operate)) if operate.input_args.len() > 1 => {
            on!(Response::OperateResp, msg, resp => {
                resp.operation_results = vec![OperationResult::failed(operate.command.clone(), 7027, "")];
            })
        }
        _ => true,
    }),
];

/// Reads a parameter wrongly.
fn reads(msg: &mut Msg, param: &str, value: &str) -> bool {
    on!(Response::GetResp, msg, resp => {
        let found = resp.req_path_results.iter_mut().flat_map(|result| &mut result.resolved_path_results);
        found.filter_map(|object| object.result_params.get_mut(param)).for_each(|seen| value.clone_into(seen));
    })
}

fn has_failed(resp: &OperateResp) -> bool {
    resp.operation_results
        .iter()
        .any(|result| matches!(result.operation_resp, Some(OperationResp::CmdFailure(_))))
}

fn complete(msg: &mut Msg, change: impl Fn(&mut notify::OperationComplete)) -> bool {
    on!(Request::Notify, msg, notify => if let Some(Notification::OperComplete(complete)) = &mut notify.notification {
        change(complete);
    })
}
