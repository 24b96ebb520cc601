//! Get.

use std::collections::BTreeMap;

use dm::operation::{Get, ObjectValues, Requested};
use usp_proto::get::{self as wire, GetResp, RequestedPathResult, ResolvedPathResult};

use super::{fault, to_map};

pub(super) fn operation(get: wire::Get) -> Get {
    Get { paths: get.param_paths, max_depth: get.max_depth }
}

pub(super) fn request(get: Get) -> wire::Get {
    wire::Get { param_paths: get.paths, max_depth: get.max_depth }
}

pub(super) fn response(results: Vec<Requested<Vec<ObjectValues>>>) -> GetResp {
    let result = |requested: Requested<Vec<ObjectValues>>| match requested.result {
        Ok(objects) => {
            let objects =
                objects.into_iter().map(|object| ResolvedPathResult::new(object.path, to_map(object.params)));
            RequestedPathResult::success(requested.path, objects.collect())
        }
        Err(fault) => RequestedPathResult::failure(requested.path, fault.code.0, fault.message),
    };
    GetResp { req_path_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: GetResp) -> Vec<Requested<Vec<ObjectValues>>> {
    let result = |result: RequestedPathResult| Requested {
        path: result.requested_path,
        result: match result.err_code {
            0 => Ok(result.resolved_path_results.into_iter().flat_map(objects).collect()),
            code => Err(fault(code, result.err_msg)),
        },
    };
    resp.req_path_results.into_iter().map(result).collect()
}

/// Agents before 1.2 put `Stats.BytesSent` under the parent: such parameters go to their own object.
fn objects(resolved: ResolvedPathResult) -> Vec<ObjectValues> {
    let mut path = resolved.resolved_path;
    if !path.is_empty() && !path.ends_with('.') {
        path.push('.');
    }
    let mut own = Vec::new();
    let mut below: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (name, value) in resolved.result_params {
        match name.rsplit_once('.') {
            Some((object, bare)) if !object.is_empty() => {
                below.entry(format!("{path}{object}.")).or_default().push((bare.to_owned(), value));
            }
            _ => own.push((name.trim_start_matches('.').to_owned(), value)),
        }
    }
    let mut objects = vec![ObjectValues { path, params: own }];
    objects.extend(below.into_iter().map(|(path, params)| ObjectValues { path, params }));
    objects
}
