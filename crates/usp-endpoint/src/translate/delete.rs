//! Delete.

use dm::operation::{Delete, Deleted, Requested};
use usp_proto::delete::{self as wire, DeleteResp, DeletedObjectResult, OperStatus, UnaffectedPathError};

use super::fault;

pub(super) fn operation(delete: wire::Delete) -> Delete {
    Delete { allow_partial: delete.allow_partial, paths: delete.obj_paths }
}

pub(super) fn request(delete: Delete) -> wire::Delete {
    wire::Delete { allow_partial: delete.allow_partial, obj_paths: delete.paths }
}

pub(super) fn response(results: Vec<Requested<Deleted>>) -> DeleteResp {
    let unaffected = |(unaffected_path, fault): (String, dm::Fault)| UnaffectedPathError {
        unaffected_path,
        err_code: fault.code.0,
        err_msg: fault.message,
    };
    let result = |requested: Requested<Deleted>| match requested.result {
        Ok(deleted) => DeletedObjectResult::success(
            requested.path,
            deleted.affected,
            deleted.unaffected.into_iter().map(unaffected).collect(),
        ),
        Err(fault) => DeletedObjectResult::failure(requested.path, fault.code.0, fault.message),
    };
    DeleteResp { deleted_obj_results: results.into_iter().map(result).collect() }
}

pub(super) fn outcome(resp: DeleteResp) -> Vec<Requested<Deleted>> {
    let unaffected =
        |error: UnaffectedPathError| (error.unaffected_path, fault(error.err_code, error.err_msg));
    let result = |result: DeletedObjectResult| Requested {
        path: result.requested_path,
        result: match result.oper_status.and_then(|status| status.oper_status) {
            Some(OperStatus::OperSuccess(success)) => Ok(Deleted {
                affected: success.affected_paths,
                unaffected: success.unaffected_path_errs.into_iter().map(unaffected).collect(),
            }),
            Some(OperStatus::OperFailure(failure)) => Err(fault(failure.err_code, failure.err_msg)),
            None => Err(fault(usp_proto::error_code::code::MESSAGE_FAILED, String::new())),
        },
    };
    resp.deleted_obj_results.into_iter().map(result).collect()
}
