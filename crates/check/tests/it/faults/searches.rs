//! Faults of an agent that searches wrongly.

use usp_proto::operate::OperationResult;
use usp_proto::set::{SetResp, UpdatedObjectResult};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, on, respond};

pub(super) static FAULTS: &[Fault] = &[
    Fault::hear("R-ARC.9-greater", |msg| reads(msg, "TimeToLive>", "TimeToLive>=")),
    Fault::hear("R-ARC.9-less", |msg| reads(msg, "TimeToLive<", "TimeToLive<=")),
    Fault::hear("R-ARC.9-greater-or-equal", |msg| reads(msg, "TimeToLive>=", "TimeToLive>")),
    Fault::hear("R-ARC.9-less-or-equal", |msg| reads(msg, "TimeToLive<=", "TimeToLive<")),
    Fault::hear("R-ARC.7-numbers-as-numbers", |msg| reads(msg, "TimeToLive>9", "TimeToLive>90000")),
    Fault::hear("R-ARC.7-leading-zeros", |msg| reads(msg, "==086401", "==\"086401\"")),
    Fault::hear("R-ARC.9-list-has-item", |msg| reads(msg, "~=", "==\"x\"&&ReferenceList~=")),
    Fault::hear("R-ARC.9-part-is-no-item", |msg| reads(msg, "&&ReferenceList~=\"Device.LocalAgent\"", "")),
    Fault::hear("R-ARC.7-quote-in-constant", |msg| reads(msg, "%22", "%2522")),
    Fault::hear("R-ARC.7-percent-in-constant", |msg| reads(msg, "%25", "%2525")),
    Fault::hear("R-ARC.7-case-counts", |msg| reads(msg, "-A\"]", "-a\"]")),
    Fault::say("R-ARC.7-empty-expression", |_, msg| {
        on!(Response::GetResp, msg, resp => resp.req_path_results.iter_mut().for_each(|result| {
            result.err_code = if result.err_code == 7008 { 0 } else { result.err_code };
        }))
    }),
    Fault::hear("R-ARC.9-search-through-reference", |msg| reads(msg, "cusp-check-nobody", "cusp-check")),
    Fault::say("R-ARC.7-reference-is-followed", |asked, msg| match asked {
        Some(Request::Get(get)) if get.param_paths[0].contains('+') => {
            on!(Response::GetResp, msg, resp => resp.req_path_results[0].resolved_path_results.clear())
        }
        _ => true,
    }),
    Fault::say("R-ARC.10-wildcards-inside", |asked, msg| match asked {
        Some(Request::Get(get)) if get.param_paths[0].matches('*').count() == 2 => {
            on!(Response::GetResp, msg, resp => resp.req_path_results[0].resolved_path_results.clear())
        }
        _ => true,
    }),
    Fault::say("R-MSG.4a-set-without-hits", |asked, msg| match asked {
        Some(Request::Set(set)) => {
            let path = set.update_objs[0].obj_path.clone();
            let updated_obj_results = vec![UpdatedObjectResult::failure(path, 7016, "", Vec::new())];
            respond(msg, Response::SetResp(SetResp { updated_obj_results }))
        }
        _ => true,
    }),
    Fault::say("R-MSG.4a-operate-without-hits", |asked, msg| match asked {
        Some(Request::Operate(operate)) => on!(Response::OperateResp, msg, resp => {
            resp.operation_results = vec![OperationResult::failed(operate.command.clone(), 7016, "")];
        }),
        _ => true,
    }),
    Fault::say("R-ARC.8-number-stays", |_, msg| {
        on!(Response::GetInstancesResp, msg, resp => resp.req_path_results.iter_mut().for_each(|result| {
            for row in &mut result.curr_insts {
                // The others move up.
                "Device.LocalAgent.Subscription.1.".clone_into(&mut row.instantiated_obj_path);
            }
        }))
    }),
];

/// Takes one text for another in the paths that are listed.
fn reads(msg: &mut Msg, from: &str, to: &str) -> bool {
    on!(Request::GetInstances, msg, get => {
        get.obj_paths.iter_mut().for_each(|path| *path = path.replace(from, to));
    })
}
