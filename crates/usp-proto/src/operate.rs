//! Operate: runs commands.

use std::collections::BTreeMap;

pub use crate::generated::usp_msg::operate_resp::OperationResult;
pub use crate::generated::usp_msg::operate_resp::operation_result::{
    CommandFailure, OperationResp, OutputArgs,
};
pub use crate::generated::usp_msg::{Operate, OperateResp};

/// What became of one command, as a controller reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandStatus<'a> {
    /// It runs; this is the path of its row among the requests.
    Running(&'a str),
    /// It is done, and gave this; `None` when the agent left the outputs out, which reads like none.
    Done(Option<&'a BTreeMap<String, String>>),
    /// It failed.
    Failed(&'a CommandFailure),
}

impl OperationResult {
    /// An asynchronous command has started.
    pub fn running(command: impl Into<String>, request_path: impl Into<String>) -> OperationResult {
        OperationResult {
            executed_command: command.into(),
            operation_resp: Some(OperationResp::ReqObjPath(request_path.into())),
        }
    }

    /// A synchronous command is done. Without outputs the map is empty, and yet on the wire.
    pub fn done(command: impl Into<String>, output_args: BTreeMap<String, String>) -> OperationResult {
        OperationResult {
            executed_command: command.into(),
            operation_resp: Some(OperationResp::ReqOutputArgs(OutputArgs { output_args })),
        }
    }

    /// A command has failed (R-OPR.1).
    pub fn failed(command: impl Into<String>, err_code: u32, err_msg: impl Into<String>) -> OperationResult {
        let failure = CommandFailure { err_code, err_msg: err_msg.into() };
        OperationResult {
            executed_command: command.into(),
            operation_resp: Some(OperationResp::CmdFailure(failure)),
        }
    }

    /// What became of the command. Nothing said is a success without outputs.
    pub fn status(&self) -> CommandStatus<'_> {
        match &self.operation_resp {
            Some(OperationResp::ReqObjPath(path)) => CommandStatus::Running(path),
            Some(OperationResp::ReqOutputArgs(outputs)) => CommandStatus::Done(Some(&outputs.output_args)),
            Some(OperationResp::CmdFailure(failure)) => CommandStatus::Failed(failure),
            None => CommandStatus::Done(None),
        }
    }
}
