//! Register and Deregister: offer paths to a broker, and withdraw them.

pub use crate::generated::usp_msg::deregister_resp::DeregisteredPathResult;
pub use crate::generated::usp_msg::deregister_resp::deregistered_path_result::{
    OperationStatus as DeregisterStatus, operation_status as deregister_status,
};
pub use crate::generated::usp_msg::register::RegistrationPath;
pub use crate::generated::usp_msg::register_resp::RegisteredPathResult;
pub use crate::generated::usp_msg::register_resp::registered_path_result::{
    OperationStatus as RegisterStatus, operation_status as register_status,
};
pub use crate::generated::usp_msg::{Deregister, DeregisterResp, Register, RegisterResp};

use crate::Malformed;

impl Register {
    /// A request for these paths.
    pub fn new<P: Into<String>>(paths: impl IntoIterator<Item = P>, allow_partial: bool) -> Register {
        let reg_paths = paths.into_iter().map(|path| RegistrationPath { path: path.into() }).collect();
        Register { allow_partial, reg_paths }
    }
}

impl RegisteredPathResult {
    /// The path that was registered, or the code and text of the failure.
    pub fn status(&self) -> Result<&str, (u32, &str)> {
        use register_status::OperStatus;
        match self.oper_status.as_ref().and_then(|status| status.oper_status.as_ref()) {
            Some(OperStatus::OperSuccess(success)) => Ok(&success.registered_path),
            Some(OperStatus::OperFailure(failure)) => Err((failure.err_code, &failure.err_msg)),
            None => Err((crate::error_code::code::MESSAGE_FAILED, "")),
        }
    }
}

impl DeregisteredPathResult {
    /// The paths that were withdrawn, or the code and text of the failure.
    pub fn status(&self) -> Result<&[String], (u32, &str)> {
        use deregister_status::OperStatus;
        match self.oper_status.as_ref().and_then(|status| status.oper_status.as_ref()) {
            Some(OperStatus::OperSuccess(success)) => Ok(&success.deregistered_path),
            Some(OperStatus::OperFailure(failure)) => Err((failure.err_code, &failure.err_msg)),
            None => Err((crate::error_code::code::MESSAGE_FAILED, "")),
        }
    }
}

/// R-ENC.3: every result says how it went.
pub(crate) fn check(answer: &RegisterResp) -> Result<(), Malformed> {
    let told =
        |result: &RegisteredPathResult| result.oper_status.as_ref().is_some_and(|s| s.oper_status.is_some());
    let all = answer.registered_path_results.iter().all(told);
    if all { Ok(()) } else { Err(Malformed::EmptyOneof("oper_status")) }
}

/// R-ENC.3: every result says how it went.
pub(crate) fn check_deregister(answer: &DeregisterResp) -> Result<(), Malformed> {
    let told = |result: &DeregisteredPathResult| {
        result.oper_status.as_ref().is_some_and(|s| s.oper_status.is_some())
    };
    let all = answer.deregistered_path_results.iter().all(told);
    if all { Ok(()) } else { Err(Malformed::EmptyOneof("oper_status")) }
}
