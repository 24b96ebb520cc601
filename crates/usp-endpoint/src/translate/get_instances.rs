//! GetInstances.

use dm::operation::{GetInstances, Instance, Requested};
use usp_proto::get_instances::{self as wire, CurrInstance, GetInstancesResp, RequestedPathResult};

use super::{fault, to_map, to_pairs};

pub(super) fn operation(get: wire::GetInstances) -> GetInstances {
    GetInstances { paths: get.obj_paths, first_level_only: get.first_level_only }
}

pub(super) fn request(get: GetInstances) -> wire::GetInstances {
    wire::GetInstances { obj_paths: get.paths, first_level_only: get.first_level_only }
}

pub(super) fn response(results: Vec<Requested<Vec<Instance>>>) -> GetInstancesResp {
    let result = |requested: Requested<Vec<Instance>>| match requested.result {
        Ok(rows) => {
            let rows = rows.into_iter().map(|row| CurrInstance::new(row.path, to_map(row.unique_keys)));
            RequestedPathResult::success(requested.path, rows.collect())
        }
        Err(fault) => RequestedPathResult::failure(requested.path, fault.code.0, fault.message),
    };
    GetInstancesResp { req_path_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: GetInstancesResp) -> Vec<Requested<Vec<Instance>>> {
    let instance = |row: CurrInstance| Instance {
        path: row.instantiated_obj_path,
        unique_keys: to_pairs(row.unique_keys),
    };
    let result = |result: RequestedPathResult| Requested {
        path: result.requested_path,
        result: match result.err_code {
            0 => Ok(result.curr_insts.into_iter().map(instance).collect()),
            code => Err(fault(code, result.err_msg)),
        },
    };
    resp.req_path_results.into_iter().map(result).collect()
}
