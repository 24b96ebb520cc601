//! Add: creates instances.

use std::collections::BTreeMap;

pub use crate::generated::usp_msg::add::{CreateObject, CreateParamSetting};
pub use crate::generated::usp_msg::add_resp::created_object_result::OperationStatus;
pub use crate::generated::usp_msg::add_resp::created_object_result::operation_status::{
    OperStatus, OperationFailure, OperationSuccess,
};
pub use crate::generated::usp_msg::add_resp::{CreatedObjectResult, ParameterError};
pub use crate::generated::usp_msg::{Add, AddResp};

use crate::Malformed;
use crate::error_code::code::MESSAGE_FAILED;

/// How a result without a status reads. Decoding refuses those.
static NO_STATUS: OperationFailure = OperationFailure { err_code: MESSAGE_FAILED, err_msg: String::new() };

impl CreatedObjectResult {
    /// An instance was created.
    pub fn success(
        requested_path: impl Into<String>,
        instantiated_path: impl Into<String>,
        param_errs: Vec<ParameterError>,
        unique_keys: BTreeMap<String, String>,
    ) -> CreatedObjectResult {
        let success =
            OperationSuccess { instantiated_path: instantiated_path.into(), param_errs, unique_keys };
        CreatedObjectResult::new(requested_path.into(), OperStatus::OperSuccess(success))
    }

    /// Why none was created. The wire has no room for parameters here: the text names them.
    pub fn failure(
        requested_path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
    ) -> CreatedObjectResult {
        let failure = OperationFailure { err_code, err_msg: err_msg.into() };
        CreatedObjectResult::new(requested_path.into(), OperStatus::OperFailure(failure))
    }

    fn new(requested_path: String, oper_status: OperStatus) -> CreatedObjectResult {
        let oper_status = Some(OperationStatus { oper_status: Some(oper_status) });
        CreatedObjectResult { requested_path, oper_status }
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
pub(crate) fn check(answer: &AddResp) -> Result<(), Malformed> {
    let told =
        |result: &CreatedObjectResult| result.oper_status.as_ref().is_some_and(|s| s.oper_status.is_some());
    if answer.created_obj_results.iter().all(told) {
        Ok(())
    } else {
        Err(Malformed::EmptyOneof("oper_status"))
    }
}
