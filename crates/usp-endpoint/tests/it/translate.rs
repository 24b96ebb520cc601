//! Messages become operations and outcomes, and come back as they were.

use std::collections::BTreeMap;

use dm::operation::{
    Add, CommandResult, CreatedInstance, Delete, Deleted, Get, GetInstances, GetSchema, Instance,
    InstanceFailure, MessageFailure, ObjectAccess, ObjectSettings, ObjectValues, Operate, ParamAccess,
    ParamFault, ParamSetting, Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, SchemaResult,
    Set, UpdateFailure, UpdatedInstance, ValueChange,
};
use dm::{Code, Fault, Operation, Outcome, Type};
use usp_endpoint::translate;
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::operate::{OperateResp, OperationResult};
use usp_proto::{Request, Response};

fn text(text: &str) -> String {
    text.to_owned()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn fault() -> Fault {
    Fault::new(Code::INVALID_VALUE, "out of range")
}

fn settings() -> Vec<ObjectSettings> {
    let param = ParamSetting { param: text("Mtu"), value: text("9"), required: true };
    vec![ObjectSettings { path: text("Device.Net.Interface."), params: vec![param] }]
}

fn requested<T, E>(path: &str, result: Result<T, E>) -> Requested<T, E> {
    Requested { path: text(path), result }
}

/// One operation of each verb with an outcome that uses every field.
fn exchanges() -> Vec<(Operation, Outcome)> {
    let errors = vec![ParamFault { param: text("Mtu"), fault: fault() }];
    let schema = SchemaObject {
        path: text("Device.Net.Interface.{i}."),
        access: ObjectAccess::AddDelete,
        is_multi: true,
        params: vec![SchemaParam {
            name: text("Mtu"),
            access: ParamAccess::ReadWrite,
            value_type: Some(Type::UnsignedInt),
            value_change: Some(ValueChange::WillIgnore),
        }],
        commands: vec![SchemaCommand {
            name: text("Reset()"),
            inputs: vec![text("In")],
            outputs: vec![text("Out")],
            is_async: Some(true),
        }],
        events: vec![SchemaEvent { name: text("Up!"), args: vec![text("Arg")] }],
        divergent_paths: vec![text("Device.Net.Interface.1.")],
        unique_keys: vec![vec![text("Alias")]],
    };
    vec![
        (
            Operation::Get(Get { paths: vec![text("Device.")], max_depth: 2 }),
            Outcome::Get(vec![
                requested(
                    "Device.",
                    Ok(vec![ObjectValues { path: text("Device.Info."), params: pairs(&[("Name", "x")]) }]),
                ),
                requested("Device.No.", Err(fault())),
            ]),
        ),
        (
            Operation::GetInstances(GetInstances { paths: vec![text("Device.A.")], first_level_only: true }),
            Outcome::GetInstances(vec![
                requested(
                    "Device.A.",
                    Ok(vec![Instance { path: text("Device.A.1."), unique_keys: pairs(&[("Alias", "a")]) }]),
                ),
                requested("Device.No.", Err(fault())),
            ]),
        ),
        (
            Operation::GetSchema(GetSchema {
                paths: vec![text("Device.")],
                first_level_only: true,
                commands: true,
                events: false,
                params: true,
                unique_keys: true,
            }),
            Outcome::GetSchema(vec![
                requested("Device.", Ok(SchemaResult { model_uri: text("urn:x"), objects: vec![schema] })),
                requested("Device.No.", Err(fault())),
            ]),
        ),
        (
            Operation::Set(Set { allow_partial: true, objects: settings() }),
            Outcome::Set(vec![
                requested(
                    "Device.A.*.",
                    Ok(vec![UpdatedInstance {
                        path: text("Device.A.1."),
                        params: pairs(&[("Name", "x")]),
                        errors: errors.clone(),
                    }]),
                ),
                requested(
                    "Device.B.1.",
                    Err(UpdateFailure {
                        fault: fault(),
                        instances: vec![InstanceFailure {
                            path: text("Device.B.1."),
                            errors: errors.clone(),
                        }],
                    }),
                ),
            ]),
        ),
        (
            Operation::Add(Add { allow_partial: false, objects: settings() }),
            Outcome::Add(vec![
                requested(
                    "Device.A.",
                    Ok(CreatedInstance {
                        path: text("Device.A.1."),
                        unique_keys: pairs(&[("Alias", "a")]),
                        errors,
                    }),
                ),
                requested("Device.B.", Err(fault())),
            ]),
        ),
        (
            Operation::Delete(Delete { allow_partial: true, paths: vec![text("Device.A.*.")] }),
            Outcome::Delete(vec![
                requested(
                    "Device.A.*.",
                    Ok(Deleted {
                        affected: vec![text("Device.A.1.")],
                        unaffected: vec![(text("Device.A.2."), fault())],
                    }),
                ),
                requested("Device.B.1.", Err(fault())),
            ]),
        ),
        (
            Operation::Operate(Operate {
                command: text("Device.Ping()"),
                command_key: text("key"),
                send_resp: true,
                args: pairs(&[("Host", "a")]),
            }),
            Outcome::Operate(vec![
                requested("Device.A.1.Ping()", Ok(CommandResult::Output(pairs(&[("Time", "3")])))),
                requested(
                    "Device.A.2.Ping()",
                    Ok(CommandResult::Started(text("Device.LocalAgent.Request.1."))),
                ),
                requested("Device.A.3.Ping()", Err(fault())),
            ]),
        ),
    ]
}

#[test]
fn operations_and_outcomes_survive_the_wire() {
    for (operation, outcome) in exchanges() {
        let request = translate::request(operation.clone());
        let response = translate::response(outcome.clone()).expect("no failed message");
        assert_eq!(translate::outcome(&request, response), Ok(outcome));
        assert_eq!(translate::operation(request), Some(operation));
    }
}

#[test]
fn a_failed_message_is_an_error_with_its_parameters() {
    let params = vec![ParamFault { param: text("Device.A.1.Mtu"), fault: fault() }];
    let failure = MessageFailure { fault: Fault::new(Code::OPERATION_ERROR, "no"), params };
    let error = translate::response(Outcome::Failed(failure.clone())).expect_err("a failed message");
    assert_eq!((error.err_code, error.param_errs[0].err_code), (7015, 7012));
    assert_eq!(translate::message_failure(&error), failure);
}

#[test]
fn a_response_of_another_kind_is_no_outcome() {
    let request = Request::Get(usp_proto::get::Get::new(["Device."], 0));
    let response = Response::OperateResp(OperateResp::default());
    assert_eq!(translate::outcome(&request, response), Err(text("Get answered by OperateResp")));
}

/// Agents before 1.2 name parameters of objects below by their relative path.
#[test]
fn both_shapes_of_a_get_answer_mean_the_same() {
    let params = [("Name", "x"), ("Stats.Bytes", "7"), ("Stats.Errors", "0")];
    let params: BTreeMap<String, String> = pairs(&params).into_iter().collect();
    let old = ResolvedPathResult::new("Device.A.1.", params);
    let results = vec![RequestedPathResult::success("Device.A.1.", vec![old])];
    let request = Request::Get(usp_proto::get::Get::new(["Device.A.1."], 0));
    let outcome = translate::outcome(&request, Response::GetResp(GetResp { req_path_results: results }));
    let expected = vec![
        ObjectValues { path: text("Device.A.1."), params: pairs(&[("Name", "x")]) },
        ObjectValues { path: text("Device.A.1.Stats."), params: pairs(&[("Bytes", "7"), ("Errors", "0")]) },
    ];
    assert_eq!(outcome, Ok(Outcome::Get(vec![requested("Device.A.1.", Ok(expected))])));
}

/// The standard's own example of a synchronous command leaves the result out.
#[test]
fn a_command_without_a_result_has_succeeded() {
    let silent = OperationResult { executed_command: text("Device.Reboot()"), operation_resp: None };
    let request = translate::request(Operation::Operate(Operate::default()));
    let response = Response::OperateResp(OperateResp { operation_results: vec![silent] });
    let expected = vec![requested("Device.Reboot()", Ok(CommandResult::Output(Vec::new())))];
    assert_eq!(translate::outcome(&request, response), Ok(Outcome::Operate(expected)));
}
