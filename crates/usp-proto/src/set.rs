//! Set: writes parameters.

pub use crate::generated::usp_msg::set::{UpdateObject, UpdateParamSetting};
pub use crate::generated::usp_msg::set_resp::updated_object_result::OperationStatus;
pub use crate::generated::usp_msg::set_resp::updated_object_result::operation_status::{
    OperStatus, OperationFailure, OperationSuccess,
};
pub use crate::generated::usp_msg::set_resp::{
    ParameterError, UpdatedInstanceFailure, UpdatedInstanceResult, UpdatedObjectResult,
};
pub use crate::generated::usp_msg::{Set, SetResp};

use crate::Malformed;
use crate::error_code::code::MESSAGE_FAILED;

/// How a result without a status reads. Decoding refuses those.
static NO_STATUS: OperationFailure =
    OperationFailure { err_code: MESSAGE_FAILED, err_msg: String::new(), updated_inst_failures: Vec::new() };

impl UpdatedObjectResult {
    /// What was written, object by object; values that were not taken may be among them.
    pub fn success(
        requested_path: impl Into<String>,
        objects: Vec<UpdatedInstanceResult>,
    ) -> UpdatedObjectResult {
        let success = OperationSuccess { updated_inst_results: objects };
        UpdatedObjectResult::new(requested_path.into(), OperStatus::OperSuccess(success))
    }

    /// Why nothing was written, and which objects made it fail.
    pub fn failure(
        requested_path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
        objects: Vec<UpdatedInstanceFailure>,
    ) -> UpdatedObjectResult {
        let failure = OperationFailure { err_code, err_msg: err_msg.into(), updated_inst_failures: objects };
        UpdatedObjectResult::new(requested_path.into(), OperStatus::OperFailure(failure))
    }

    fn new(requested_path: String, oper_status: OperStatus) -> UpdatedObjectResult {
        let oper_status = Some(OperationStatus { oper_status: Some(oper_status) });
        UpdatedObjectResult { requested_path, oper_status }
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
pub(crate) fn check(answer: &SetResp) -> Result<(), Malformed> {
    let told =
        |result: &UpdatedObjectResult| result.oper_status.as_ref().is_some_and(|s| s.oper_status.is_some());
    if answer.updated_obj_results.iter().all(told) {
        Ok(())
    } else {
        Err(Malformed::EmptyOneof("oper_status"))
    }
}
