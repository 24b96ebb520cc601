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
    /// That a path is registered.
    pub fn ok(requested: impl Into<String>, registered: impl Into<String>) -> RegisteredPathResult {
        use register_status::{OperStatus, OperationSuccess};
        let success = OperationSuccess { registered_path: registered.into() };
        RegisteredPathResult {
            requested_path: requested.into(),
            oper_status: Some(RegisterStatus { oper_status: Some(OperStatus::OperSuccess(success)) }),
        }
    }

    /// Why a path is not.
    pub fn failed(requested: impl Into<String>, code: u32, text: impl Into<String>) -> RegisteredPathResult {
        use register_status::{OperStatus, OperationFailure};
        let failure = OperationFailure { err_code: code, err_msg: text.into() };
        RegisteredPathResult {
            requested_path: requested.into(),
            oper_status: Some(RegisterStatus { oper_status: Some(OperStatus::OperFailure(failure)) }),
        }
    }

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
    /// What is withdrawn.
    pub fn ok(requested: impl Into<String>, withdrawn: Vec<String>) -> DeregisteredPathResult {
        use deregister_status::{OperStatus, OperationSuccess};
        let success = OperationSuccess { deregistered_path: withdrawn };
        DeregisteredPathResult {
            requested_path: requested.into(),
            oper_status: Some(DeregisterStatus { oper_status: Some(OperStatus::OperSuccess(success)) }),
        }
    }

    /// Why nothing is.
    pub fn failed(
        requested: impl Into<String>,
        code: u32,
        text: impl Into<String>,
    ) -> DeregisteredPathResult {
        use deregister_status::{OperStatus, OperationFailure};
        let failure = OperationFailure { err_code: code, err_msg: text.into() };
        DeregisteredPathResult {
            requested_path: requested.into(),
            oper_status: Some(DeregisterStatus { oper_status: Some(OperStatus::OperFailure(failure)) }),
        }
    }

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
