//! Operate.

use dm::operation::{CommandResult, Operate, Requested};
use usp_proto::operate::{self as wire, OperateResp, OperationResp, OperationResult};

use super::{fault, to_map, to_pairs};

pub(super) fn operation(operate: wire::Operate) -> Operate {
    Operate {
        command: operate.command,
        command_key: operate.command_key,
        send_resp: operate.send_resp,
        args: to_pairs(operate.input_args),
    }
}

pub(super) fn request(operate: Operate) -> wire::Operate {
    wire::Operate {
        command: operate.command,
        command_key: operate.command_key,
        send_resp: operate.send_resp,
        input_args: to_map(operate.args),
    }
}

pub(super) fn response(results: Vec<Requested<CommandResult>>) -> OperateResp {
    let result = |requested: Requested<CommandResult>| match requested.result {
        Ok(CommandResult::Output(args)) => OperationResult::done(requested.path, to_map(args)),
        Ok(CommandResult::Started(row)) => OperationResult::running(requested.path, row),
        // R-OPR.1
        Err(fault) => OperationResult::failed(requested.path, fault.code.0, fault.message),
    };
    OperateResp { operation_results: results.into_iter().map(result).collect() }
}

/// An answer that says nothing about a command is a success without outputs.
pub(super) fn outcome(resp: OperateResp) -> Vec<Requested<CommandResult>> {
    let result = |result: OperationResult| Requested {
        path: result.executed_command,
        result: match result.operation_resp {
            Some(OperationResp::ReqObjPath(row)) => Ok(CommandResult::Started(row)),
            Some(OperationResp::ReqOutputArgs(outputs)) => {
                Ok(CommandResult::Output(to_pairs(outputs.output_args)))
            }
            Some(OperationResp::CmdFailure(failure)) => Err(fault(failure.err_code, failure.err_msg)),
            None => Ok(CommandResult::Output(Vec::new())),
        },
    };
    resp.operation_results.into_iter().map(result).collect()
}
