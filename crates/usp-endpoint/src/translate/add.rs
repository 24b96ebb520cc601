//! Add.

use dm::operation::{Add, CreatedInstance, ObjectSettings, ParamFault, ParamSetting, Requested};
use usp_proto::add::{
    self as wire, AddResp, CreateObject, CreateParamSetting, CreatedObjectResult, OperStatus, ParameterError,
};

use super::{fault, to_map, to_pairs};

pub(super) fn operation(add: wire::Add) -> Add {
    let setting = |setting: CreateParamSetting| ParamSetting {
        param: setting.param,
        value: setting.value,
        required: setting.required,
    };
    let object = |object: CreateObject| ObjectSettings {
        path: object.obj_path,
        params: object.param_settings.into_iter().map(setting).collect(),
    };
    Add { allow_partial: add.allow_partial, objects: add.create_objs.into_iter().map(object).collect() }
}

pub(super) fn request(add: Add) -> wire::Add {
    let setting = |setting: ParamSetting| CreateParamSetting {
        param: setting.param,
        value: setting.value,
        required: setting.required,
    };
    let object = |object: ObjectSettings| CreateObject {
        obj_path: object.path,
        param_settings: object.params.into_iter().map(setting).collect(),
    };
    wire::Add { allow_partial: add.allow_partial, create_objs: add.objects.into_iter().map(object).collect() }
}

pub(super) fn response(results: Vec<Requested<CreatedInstance>>) -> AddResp {
    let error = |error: ParamFault| ParameterError {
        param: error.param,
        err_code: error.fault.code.0,
        err_msg: error.fault.message,
    };
    let result = |requested: Requested<CreatedInstance>| match requested.result {
        Ok(created) => CreatedObjectResult::success(
            requested.path,
            created.path,
            created.errors.into_iter().map(error).collect(),
            to_map(created.unique_keys),
        ),
        Err(fault) => CreatedObjectResult::failure(requested.path, fault.code.0, fault.message),
    };
    AddResp { created_obj_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: AddResp) -> Vec<Requested<CreatedInstance>> {
    let error = |error: ParameterError| ParamFault {
        param: error.param,
        fault: fault(error.err_code, error.err_msg),
    };
    let result = |result: CreatedObjectResult| Requested {
        path: result.requested_path,
        result: match result.oper_status.and_then(|status| status.oper_status) {
            Some(OperStatus::OperSuccess(success)) => Ok(CreatedInstance {
                path: success.instantiated_path,
                unique_keys: to_pairs(success.unique_keys),
                errors: success.param_errs.into_iter().map(error).collect(),
            }),
            Some(OperStatus::OperFailure(failure)) => Err(fault(failure.err_code, failure.err_msg)),
            None => Err(fault(usp_proto::error_code::code::MESSAGE_FAILED, String::new())),
        },
    };
    resp.created_obj_results.into_iter().map(result).collect()
}
