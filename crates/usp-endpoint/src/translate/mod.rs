//! Between the messages of USP and [`Operation`]s with their [`Outcome`]s, in both directions; one
//! file per verb.
//!
//! An agent reads requests ([`operation`]) and writes responses ([`response`]); a controller writes
//! requests ([`request`]) and reads responses ([`outcome`]). Nothing is judged here but the shape.

mod add;
mod delete;
mod get;
mod get_instances;
mod get_schema;
mod operate;
mod set;
mod settings;

use std::collections::BTreeMap;

use dm::operation::{MessageFailure, ParamFault};
use dm::{Code, Fault, Operation, Outcome};
use usp_proto::{ErrorBody, Request, Response};

/// What a request asks of a data model; `None` for those that ask nothing of it (Notify,
/// GetSupportedProtocol, Register, Deregister).
pub fn operation(request: Request) -> Option<Operation> {
    Some(match request {
        Request::Get(get) => Operation::Get(get::operation(get)),
        Request::GetInstances(get) => Operation::GetInstances(get_instances::operation(get)),
        Request::GetSupportedDm(get) => Operation::GetSchema(get_schema::operation(get)),
        Request::Set(set) => Operation::Set(set::operation(set)),
        Request::Add(add) => Operation::Add(add::operation(add)),
        Request::Delete(delete) => Operation::Delete(delete::operation(delete)),
        Request::Operate(operate) => Operation::Operate(operate::operation(operate)),
        _ => return None,
    })
}

/// The answer to a request, as a response or as the error of the whole message.
pub fn response(outcome: Outcome) -> Result<Response, ErrorBody> {
    Ok(match outcome {
        Outcome::Get(results) => Response::GetResp(get::response(results)),
        Outcome::GetInstances(results) => Response::GetInstancesResp(get_instances::response(results)),
        Outcome::GetSchema(results) => Response::GetSupportedDmResp(get_schema::response(results)),
        Outcome::Set(results) => Response::SetResp(set::response(results)),
        Outcome::Add(results) => Response::AddResp(add::response(results)),
        Outcome::Delete(results) => Response::DeleteResp(delete::response(results)),
        Outcome::Operate(results) => Response::OperateResp(operate::response(results)),
        Outcome::Failed(failure) => return Err(error_body(&failure)),
    })
}

/// The request for an operation.
pub fn request(operation: Operation) -> Request {
    match operation {
        Operation::Get(get) => Request::Get(get::request(get)),
        Operation::GetInstances(get) => Request::GetInstances(get_instances::request(get)),
        Operation::GetSchema(get) => Request::GetSupportedDm(get_schema::request(get)),
        Operation::Set(set) => Request::Set(set::request(set)),
        Operation::Add(add) => Request::Add(add::request(add)),
        Operation::Delete(delete) => Request::Delete(delete::request(delete)),
        Operation::Operate(operate) => Request::Operate(operate::request(operate)),
    }
}

/// What a response says, if it is one to this request.
///
/// # Errors
/// A sentence for the log when the response is of another kind.
pub fn outcome(request: &Request, response: Response) -> Result<Outcome, String> {
    Ok(match (request, response) {
        (Request::Get(_), Response::GetResp(resp)) => Outcome::Get(get::outcome(resp)),
        (Request::GetInstances(_), Response::GetInstancesResp(resp)) => {
            Outcome::GetInstances(get_instances::outcome(resp))
        }
        (Request::GetSupportedDm(_), Response::GetSupportedDmResp(resp)) => {
            Outcome::GetSchema(get_schema::outcome(resp))
        }
        (Request::Set(_), Response::SetResp(resp)) => Outcome::Set(set::outcome(resp)),
        (Request::Add(_), Response::AddResp(resp)) => Outcome::Add(add::outcome(resp)),
        (Request::Delete(_), Response::DeleteResp(resp)) => Outcome::Delete(delete::outcome(resp)),
        (Request::Operate(_), Response::OperateResp(resp)) => Outcome::Operate(operate::outcome(resp)),
        (request, response) => return Err(format!("{} answered by {}", request.name(), response.name())),
    })
}

/// An Error as an outcome holds it.
pub fn message_failure(error: &ErrorBody) -> MessageFailure {
    let params = error.param_errs.iter().map(|param| ParamFault {
        param: param.param_path.clone(),
        fault: fault(param.err_code, param.err_msg.clone()),
    });
    MessageFailure { fault: fault(error.err_code, error.err_msg.clone()), params: params.collect() }
}

/// The Error of a message that failed as a whole.
pub fn error_body(failure: &MessageFailure) -> ErrorBody {
    let error = ErrorBody::new(failure.fault.code.0, failure.fault.message.clone());
    failure.params.iter().fold(error, |error, param| {
        error.with_param(param.param.clone(), param.fault.code.0, param.fault.message.clone())
    })
}

fn fault(code: u32, message: String) -> Fault {
    Fault::new(Code(code), message)
}

fn to_map(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    pairs.into_iter().collect()
}

fn to_pairs(map: BTreeMap<String, String>) -> Vec<(String, String)> {
    map.into_iter().collect()
}
