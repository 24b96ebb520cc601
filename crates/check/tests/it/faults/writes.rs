//! Faults of an agent that writes wrongly.

use usp_proto::add::{self, AddResp};
use usp_proto::delete::{self, DeleteResp, DeletedObjectResult};
use usp_proto::set::{OperStatus, Set, SetResp, UpdatedObjectResult};
use usp_proto::{Body, Msg, Request, Response};

use super::{Fault, fail, on, respond};

pub(super) static FAULTS: &[Fault] = &[
    Fault::hear("R-SET.0-other-object-is-updated", |msg| set(msg, |set| set.update_objs.truncate(1))),
    Fault::say("R-SET.0-failure-is-told", |_, msg| {
        on!(Response::SetResp, msg, resp => resp.updated_obj_results.iter_mut().for_each(|result| {
            *result = UpdatedObjectResult::success(result.requested_path.clone(), Vec::new());
        }))
    }),
    Fault::hear("R-SET.1-error", |msg| set(msg, |set| set.allow_partial = true)),
    Fault::hear("R-SET.1-nothing-is-updated", |msg| set(msg, |set| set.allow_partial = true)),
    Fault::hear("R-SET.2-required-fails-its-object", |msg| {
        set(msg, |set| {
            let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| setting.required = false);
        })
    }),
    Fault::say("R-SET.2-not-required-fails-alone", |_, msg| {
        on!(Response::SetResp, msg, resp => updated(resp, |success| {
            success.updated_inst_results.iter_mut().for_each(|instance| instance.param_errs.clear());
        }))
    }),
    Fault::say("R-SET.2a-failed-instances", |asked, msg| match asked {
        Some(Request::Set(set)) if set.update_objs[0].obj_path.contains("[TimeToLive") => {
            let result =
                UpdatedObjectResult::failure(set.update_objs[0].obj_path.clone(), 7020, "", Vec::new());
            respond(msg, Response::SetResp(SetResp { updated_obj_results: vec![result] }))
        }
        _ => true,
    }),
    Fault::hear("R-SET.2a-all-or-none", |msg| {
        set(msg, |set| {
            let objects = set.update_objs.iter_mut();
            objects.for_each(|object| object.param_settings.retain(|setting| setting.param != "Recipient"));
        })
    }),
    Fault::say(
        "R-ADD.0-named-table",
        |_, msg| on!(Response::GetInstancesResp, msg, resp => resp.req_path_results.iter_mut().for_each(|result| result.curr_insts.clear())),
    ),
    Fault::say("R-ADD.5-named-table", |_, msg| {
        on!(Response::AddResp, msg, resp => for result in &mut resp.created_obj_results {
            if let Some(add::OperStatus::OperSuccess(made)) = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut()) {
                made.unique_keys.clear();
            }
        })
    }),
    Fault::hear("R-SET.0-named-table", |msg| {
        on!(Request::Set, msg, set => for setting in set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings) {
            "not that".clone_into(&mut setting.value);
        })
    }),
    Fault::hear("R-DEL.0-named-table", |msg| on!(Request::Delete, msg, delete => delete.obj_paths.clear())),
    Fault::say("R-KEY.2-key-stays-unique", |_, msg| {
        // Another row has the same key.
        on!(Response::GetInstancesResp, msg, resp => for result in &mut resp.req_path_results {
            let other = result.curr_insts.first().cloned();
            result.curr_insts.extend(other);
        })
    }),
    Fault::say("R-KEY.1-key-stays", |asked, msg| match asked {
        Some(Request::Get(_)) => on!(Response::GetResp, msg, resp => {
            let found = resp.req_path_results.iter_mut().flat_map(|result| &mut result.resolved_path_results);
            found.for_each(|object| drop(object.result_params.insert("ID".to_owned(), "changed".to_owned())));
        }),
        _ => true,
    }),
    Fault::hear("R-ENC.6-boolean-one", |msg| value(msg, "1", "false")),
    Fault::hear("R-ENC.6-boolean-zero", |msg| value(msg, "0", "true")),
    Fault::hear("R-ENC.6-no-boolean", |msg| value(msg, "perhaps", "true")),
    Fault::hear("R-ENC.6-no-number", |msg| value(msg, "soon", "1")),
    Fault::hear("R-ENC.6-no-negative", |msg| value(msg, "-1", "4294967295")),
    Fault::hear(
        "R-ADD.0-other-object-is-created",
        |msg| on!(Request::Add, msg, add => add.allow_partial = false),
    ),
    Fault::hear("R-ADD.1-error", partly),
    Fault::hear("R-ADD.1-nothing-is-created", partly),
    Fault::hear("R-ADD.2a-search-creates-nothing", partly),
    Fault::hear("R-ADD.3-required-prevents", |msg| {
        on!(Request::Add, msg, add => {
            let settings = add.create_objs.iter_mut().flat_map(|object| &mut object.param_settings);
            settings.for_each(|setting| setting.required = false);
        })
    }),
    Fault::say(
        "R-ADD.4-failed-parameters-are-told",
        |_, msg| on!(Response::AddResp, msg, resp => created(resp, |success| drop(success.param_errs.pop()))),
    ),
    Fault::say(
        "R-ADD.5-key-is-assigned",
        |_, msg| on!(Response::AddResp, msg, resp => created(resp, |success| drop(success.unique_keys.remove("Alias")))),
    ),
    Fault::say(
        "R-ADD.5-keys-are-returned",
        |_, msg| on!(Response::AddResp, msg, resp => created(resp, |success| success.unique_keys.clear())),
    ),
    Fault::hear(
        "R-DEL.0-other-object-is-deleted",
        |msg| on!(Request::Delete, msg, delete => delete.allow_partial = false),
    ),
    Fault::hear(
        "R-DEL.1-missing-instance",
        |msg| on!(Request::Delete, msg, delete => delete.allow_partial = true),
    ),
    Fault::hear(
        "R-DEL.1-nothing-is-deleted",
        |msg| on!(Request::Delete, msg, delete => delete.allow_partial = true),
    ),
    Fault::hear("R-DEL.1-no-instance-path", |msg| {
        // Deletes the object of the parameter.
        on!(Request::Delete, msg, delete => delete.obj_paths.iter_mut().for_each(|path| {
            path.truncate(path.rfind('.').map_or(0, |at| at + 1));
        }))
    }),
    Fault::say("R-DEL.2a-instance-is-gone", |_, msg| {
        on!(Response::DeleteResp, msg, resp => resp.deleted_obj_results.iter_mut().for_each(|result| {
            if result.status().is_ok_and(|success| success.affected_paths.is_empty()) {
                *result = DeletedObjectResult::failure(result.requested_path.clone(), 7016, "");
            }
        }))
    }),
    Fault::say("R-DEL.2a-search-without-hits", |asked, msg| match asked {
        Some(Request::Delete(delete)) if delete.obj_paths[0].contains('[') => fail(msg, 7016),
        _ => true,
    }),
];

fn set(msg: &mut Msg, change: impl Fn(&mut Set)) -> bool {
    on!(Request::Set, msg, set => change(set))
}

/// Takes a value for another one.
fn value(msg: &mut Msg, from: &str, to: &str) -> bool {
    set(msg, |set| {
        let settings = set.update_objs.iter_mut().flat_map(|object| &mut object.param_settings);
        for setting in settings.filter(|setting| setting.value == from) {
            to.clone_into(&mut setting.value);
        }
    })
}

fn partly(msg: &mut Msg) -> bool {
    on!(Request::Add, msg, add => add.allow_partial = true)
}

pub(super) fn updated(resp: &mut SetResp, change: impl Fn(&mut usp_proto::set::OperationSuccess)) {
    for result in &mut resp.updated_obj_results {
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(OperStatus::OperSuccess(success)) = status {
            change(success);
        }
    }
}

pub(super) fn created(resp: &mut AddResp, change: impl Fn(&mut add::OperationSuccess)) {
    for result in &mut resp.created_obj_results {
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(add::OperStatus::OperSuccess(success)) = status {
            change(success);
        }
    }
}

pub(super) fn deleted(resp: &mut DeleteResp, change: impl Fn(&str, &mut delete::OperationSuccess)) {
    for result in &mut resp.deleted_obj_results {
        let status = result.oper_status.as_mut().and_then(|status| status.oper_status.as_mut());
        if let Some(delete::OperStatus::OperSuccess(success)) = status {
            change(&result.requested_path, success);
        }
    }
}
