//! Add.

use dm::operation::{Add, CreatedInstance, Requested};
use usp_proto::add::{
    self as wire, AddResp, CreateObject, CreateParamSetting, CreatedObjectResult, OperStatus, ParameterError,
};

use super::{fault, settings::settings, to_map, to_pairs};

settings!(CreateObject, CreateParamSetting, ParameterError);

pub(super) fn operation(add: wire::Add) -> Add {
    Add { allow_partial: add.allow_partial, objects: objects(add.create_objs) }
}

pub(super) fn request(add: Add) -> wire::Add {
    wire::Add { allow_partial: add.allow_partial, create_objs: wire_objects(add.objects) }
}

pub(super) fn response(results: Vec<Requested<CreatedInstance>>) -> AddResp {
    let result = |requested: Requested<CreatedInstance>| match requested.result {
        Ok(created) => CreatedObjectResult::success(
            requested.path,
            created.path,
            errors(created.errors),
            to_map(created.unique_keys),
        ),
        Err(fault) => CreatedObjectResult::failure(requested.path, fault.code.0, fault.message),
    };
    AddResp { created_obj_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: AddResp) -> Vec<Requested<CreatedInstance>> {
    let result = |result: CreatedObjectResult| Requested {
        path: result.requested_path,
        result: match result.oper_status.and_then(|status| status.oper_status) {
            Some(OperStatus::OperSuccess(success)) => Ok(CreatedInstance {
                path: success.instantiated_path,
                unique_keys: to_pairs(success.unique_keys),
                errors: faults(success.param_errs),
            }),
            Some(OperStatus::OperFailure(failure)) => Err(fault(failure.err_code, failure.err_msg)),
            None => Err(fault(usp_proto::error_code::code::MESSAGE_FAILED, String::new())),
        },
    };
    resp.created_obj_results.into_iter().map(result).collect()
}
