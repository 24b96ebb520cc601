//! Delete: deletes instances.

pub use crate::generated::usp_msg::delete_resp::deleted_object_result::OperationStatus;
pub use crate::generated::usp_msg::delete_resp::deleted_object_result::operation_status::{
    OperStatus, OperationFailure, OperationSuccess,
};
pub use crate::generated::usp_msg::delete_resp::{DeletedObjectResult, UnaffectedPathError};
pub use crate::generated::usp_msg::{Delete, DeleteResp};

use crate::Malformed;
use crate::error_code::code::MESSAGE_FAILED;

/// How a result without a status reads. Decoding refuses those.
static NO_STATUS: OperationFailure = OperationFailure { err_code: MESSAGE_FAILED, err_msg: String::new() };

impl Delete {
    /// A request for these instances or search paths.
    pub fn new<P: Into<String>>(paths: impl IntoIterator<Item = P>, allow_partial: bool) -> Delete {
        Delete { allow_partial, obj_paths: paths.into_iter().map(Into::into).collect() }
    }
}

impl DeletedObjectResult {
    /// What is gone, and what is still there; both may be empty.
    pub fn success(
        requested_path: impl Into<String>,
        affected_paths: Vec<String>,
        unaffected_path_errs: Vec<UnaffectedPathError>,
    ) -> DeletedObjectResult {
        let success = OperationSuccess { affected_paths, unaffected_path_errs };
        DeletedObjectResult::new(requested_path.into(), OperStatus::OperSuccess(success))
    }

    /// Why nothing was deleted.
    pub fn failure(
        requested_path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
    ) -> DeletedObjectResult {
        let failure = OperationFailure { err_code, err_msg: err_msg.into() };
        DeletedObjectResult::new(requested_path.into(), OperStatus::OperFailure(failure))
    }

    fn new(requested_path: String, oper_status: OperStatus) -> DeletedObjectResult {
        let oper_status = Some(OperationStatus { oper_status: Some(oper_status) });
        DeletedObjectResult { requested_path, oper_status }
    }

    /// How it went.
    pub fn status(&self) -> Result<&OperationSuccess, &OperationFailure> {
        match self.oper_status.as_ref().and_then(|status| status.oper_status.as_ref()) {
            Some(OperStatus::OperSuccess(success)) => Ok(success),
            Some(OperStatus::OperFailure(failure)) => Err(failure),
            None => Err(&NO_STATUS),
        }
    }
}

/// R-ENC.3: every result says how it went.
pub(crate) fn check(answer: &DeleteResp) -> Result<(), Malformed> {
    let told =
        |result: &DeletedObjectResult| result.oper_status.as_ref().is_some_and(|s| s.oper_status.is_some());
    if answer.deleted_obj_results.iter().all(told) {
        Ok(())
    } else {
        Err(Malformed::EmptyOneof("oper_status"))
    }
}
