//! Set.

use dm::operation::{InstanceFailure, Requested, Set, UpdateFailure, UpdatedInstance};
use usp_proto::set::{
    self as wire, OperStatus, ParameterError, SetResp, UpdateObject, UpdateParamSetting,
    UpdatedInstanceFailure, UpdatedInstanceResult, UpdatedObjectResult,
};

use super::{fault, settings::settings, to_map, to_pairs};

settings!(UpdateObject, UpdateParamSetting, ParameterError);

pub(super) fn operation(set: wire::Set) -> Set {
    Set { allow_partial: set.allow_partial, objects: objects(set.update_objs) }
}

pub(super) fn request(set: Set) -> wire::Set {
    wire::Set { allow_partial: set.allow_partial, update_objs: wire_objects(set.objects) }
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
