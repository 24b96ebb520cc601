//! Set.

use dm::operation::{
    InstanceFailure, ObjectSettings, ParamFault, ParamSetting, Requested, Set, UpdateFailure, UpdatedInstance,
};
use usp_proto::set::{
    self as wire, OperStatus, ParameterError, SetResp, UpdateObject, UpdateParamSetting,
    UpdatedInstanceFailure, UpdatedInstanceResult, UpdatedObjectResult,
};

use super::{fault, to_map, to_pairs};

pub(super) fn operation(set: wire::Set) -> Set {
    let setting = |setting: UpdateParamSetting| ParamSetting {
        param: setting.param,
        value: setting.value,
        required: setting.required,
    };
    let object = |object: UpdateObject| ObjectSettings {
        path: object.obj_path,
        params: object.param_settings.into_iter().map(setting).collect(),
    };
    Set { allow_partial: set.allow_partial, objects: set.update_objs.into_iter().map(object).collect() }
}

pub(super) fn request(set: Set) -> wire::Set {
    let setting = |setting: ParamSetting| UpdateParamSetting {
        param: setting.param,
        value: setting.value,
        required: setting.required,
    };
    let object = |object: ObjectSettings| UpdateObject {
        obj_path: object.path,
        param_settings: object.params.into_iter().map(setting).collect(),
    };
    wire::Set { allow_partial: set.allow_partial, update_objs: set.objects.into_iter().map(object).collect() }
}

pub(super) fn response(results: Vec<Requested<Vec<UpdatedInstance>, UpdateFailure>>) -> SetResp {
    let updated = |instance: UpdatedInstance| UpdatedInstanceResult {
        affected_path: instance.path,
        param_errs: errors(instance.errors),
        updated_params: to_map(instance.params),
    };
    let failed = |instance: InstanceFailure| UpdatedInstanceFailure {
        affected_path: instance.path,
        param_errs: errors(instance.errors),
    };
    let result = |requested: Requested<Vec<UpdatedInstance>, UpdateFailure>| match requested.result {
        Ok(instances) => {
            UpdatedObjectResult::success(requested.path, instances.into_iter().map(updated).collect())
        }
        Err(failure) => UpdatedObjectResult::failure(
            requested.path,
            failure.fault.code.0,
            failure.fault.message,
            failure.instances.into_iter().map(failed).collect(),
        ),
    };
    SetResp { updated_obj_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: SetResp) -> Vec<Requested<Vec<UpdatedInstance>, UpdateFailure>> {
    let updated = |instance: UpdatedInstanceResult| UpdatedInstance {
        path: instance.affected_path,
        params: to_pairs(instance.updated_params),
        errors: faults(instance.param_errs),
    };
    let failed = |instance: UpdatedInstanceFailure| InstanceFailure {
        path: instance.affected_path,
        errors: faults(instance.param_errs),
    };
    let result = |result: UpdatedObjectResult| Requested {
        path: result.requested_path,
        result: match result.oper_status.and_then(|status| status.oper_status) {
            Some(OperStatus::OperSuccess(success)) => {
                Ok(success.updated_inst_results.into_iter().map(updated).collect())
            }
            Some(OperStatus::OperFailure(failure)) => Err(UpdateFailure {
                fault: fault(failure.err_code, failure.err_msg),
                instances: failure.updated_inst_failures.into_iter().map(failed).collect(),
            }),
            None => Ok(Vec::new()),
        },
    };
    resp.updated_obj_results.into_iter().map(result).collect()
}

fn errors(errors: Vec<ParamFault>) -> Vec<ParameterError> {
    let error = |error: ParamFault| ParameterError {
        param: error.param,
        err_code: error.fault.code.0,
        err_msg: error.fault.message,
    };
    errors.into_iter().map(error).collect()
}

fn faults(errors: Vec<ParameterError>) -> Vec<ParamFault> {
    let error = |error: ParameterError| ParamFault {
        param: error.param,
        fault: fault(error.err_code, error.err_msg),
    };
    errors.into_iter().map(error).collect()
}
