//! Error: a request that failed as a whole.

pub use crate::generated::usp_msg::Error as ErrorBody;
pub use crate::generated::usp_msg::error::ParamError;

impl ErrorBody {
    /// A code of [`crate::error_code`] with a text for people.
    pub fn new(err_code: u32, err_msg: impl Into<String>) -> ErrorBody {
        ErrorBody { err_code, err_msg: err_msg.into(), param_errs: Vec::new() }
    }

    /// Adds one of the causes: Add, Set and Delete name the parameters or paths that made them fail.
    pub fn with_param(
        mut self,
        path: impl Into<String>,
        err_code: u32,
        err_msg: impl Into<String>,
    ) -> ErrorBody {
        self.param_errs.push(ParamError { param_path: path.into(), err_code, err_msg: err_msg.into() });
        self
    }
}
