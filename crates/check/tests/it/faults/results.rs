//! Faults of an agent that writes the wrong things, or tells results wrongly.

use usp_proto::add::{AddResp, CreatedObjectResult};
use usp_proto::delete::{DeleteResp, DeletedObjectResult};
use usp_proto::set::{OperStatus, SetResp, UpdatedObjectResult};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, on, respond, writes};

pub(super) static FAULTS: &[Fault] = &[
    Fault::say("R-ADD.1-error-names-parameters", |_, msg| names_none(msg)),
    Fault::say("R-ADD.3-keys-are-required", |asked, msg| match asked {
        Some(Request::Add(add)) if add.allow_partial => {
            respond(msg, created("Device.LocalAgent.Subscription.", 99))
        }
        _ => true,
    }),
    Fault::hear("R-ADD.1-all-are-created", |msg| on!(Request::Add, msg, add => add.create_objs.truncate(1))),
    Fault::say("R-ADD.1-table-is-read-only", |asked, msg| match asked {
        Some(Request::Add(_)) => respond(msg, created("Device.LocalAgent.Request.", 9)),
        _ => true,
    }),
    Fault::say(
        "R-ADD.0-failure-is-told",
        |_, msg| on!(Response::AddResp, msg, resp => resp.created_obj_results.retain(|result| result.status().is_ok())),
    ),
    Fault::say("R-ADD.2a-search-creates", |_, msg| {
        on!(Response::AddResp, msg, resp => writes::created(resp, |success| {
            success.instantiated_path = success.instantiated_path.replace("BootParameter.", "BootParameter.9");
        }))
    }),
    Fault::say("R-ADD.0-results-repeat-paths", |_, msg| {
        on!(Response::AddResp, msg, resp => {
            resp.created_obj_results.iter_mut().for_each(|result| result.requested_path.clear());
        })
    }),
    Fault::say("R-SET.1-error-names-parameters", |_, msg| names_none(msg)),
    Fault::say("R-SET.2-failed-parameter-is-named", |_, msg| {
        on!(Response::SetResp, msg, resp => resp.updated_obj_results.iter_mut().for_each(|result| {
            *result = UpdatedObjectResult::failure(result.requested_path.clone(), 7021, "", Vec::new());
        }))
    }),
    Fault::hear("R-SET.1-all-are-updated", |msg| on!(Request::Set, msg, set => set.update_objs.truncate(1))),
    Fault::say("R-SET.0-updated-parameters", |_, msg| values(msg, |_| "0".to_owned())),
    Fault::say("R-SET.0-same-value-is-told", |_, msg| {
        on!(Response::SetResp, msg, resp => writes::updated(resp, |success| {
            success.updated_inst_results.iter_mut().for_each(|instance| instance.updated_params.clear());
        }))
    }),
    Fault::hear("R-SET.1-read-only", |msg| on!(Request::Set, msg, set => set.allow_partial = true)),
    Fault::say("R-SET.0-missing-instance", |asked, msg| match asked {
        Some(Request::Set(_)) => on!(Response::SetResp, msg, resp => {
            let resp: &mut SetResp = resp;
            let path = resp.updated_obj_results[0].requested_path.clone();
            resp.updated_obj_results[0] = UpdatedObjectResult::success(path, Vec::new());
        }),
        _ => true,
    }),
    Fault::hear("R-ENC.6-no-such-word", |msg| {
        on!(Request::Add, msg, add => {
            let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| setting.value = setting.value.replace("Perhaps", "Event"));
        })
    }),
    Fault::say("R-DEL.1-table", deletes_nothing),
    Fault::say("R-DEL.1-single-object", deletes_nothing),
    Fault::hear(
        "R-DEL.1-all-are-deleted",
        |msg| on!(Request::Delete, msg, delete => if !delete.allow_partial { delete.obj_paths.truncate(1) }),
    ),
    Fault::say("R-DEL.0-failure-is-told", |_, msg| {
        on!(Response::DeleteResp, msg, resp => resp.deleted_obj_results.iter_mut().for_each(|result| {
            *result = DeletedObjectResult::success(result.requested_path.clone(), Vec::new(), Vec::new());
        }))
    }),
    Fault::say(
        "R-DEL.0-affected-paths",
        |_, msg| on!(Response::DeleteResp, msg, resp => writes::deleted(resp, |_, success| success.affected_paths.clear())),
    ),
];

fn names_none(msg: &mut Msg) -> bool {
    if let Body::Error(error) = &mut msg.body {
        error.param_errs.clear();
    }
    true
}

fn created(table: &str, number: u32) -> Response {
    let row = format!("{table}{number}.");
    let result = CreatedObjectResult::success(table, row, Vec::new(), [].into());
    Response::AddResp(AddResp { created_obj_results: vec![result] })
}

fn values(msg: &mut Msg, change: impl Fn(&str) -> String) -> bool {
    on!(Response::SetResp, msg, resp => for result in &mut resp.updated_obj_results {
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(OperStatus::OperSuccess(success)) = status {
            let instances = success.updated_inst_results.iter_mut();
            instances.flat_map(|instance| instance.updated_params.values_mut()).for_each(|value| *value = change(value));
        }
    })
}

fn deletes_nothing(asked: Option<&Request>, msg: &mut Msg) -> bool {
    match asked {
        Some(Request::Delete(delete)) => {
            let done = |path: &String| DeletedObjectResult::success(path.clone(), Vec::new(), Vec::new());
            let deleted_obj_results = delete.obj_paths.iter().map(done).collect();
            respond(msg, Response::DeleteResp(DeleteResp { deleted_obj_results }))
        }
        _ => true,
    }
}
