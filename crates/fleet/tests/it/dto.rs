//! Rows: what is written is read back, and what is not a row is an error.

use dm::operation::{
    Add, CommandResult, CreatedInstance, Delete, Deleted, Get, GetInstances, GetSchema, Instance,
    InstanceFailure, MessageFailure, ObjectAccess, ObjectSettings, ObjectValues, Operate, Operation, Outcome,
    ParamAccess, ParamFault, ParamSetting, Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam,
    SchemaResult, Set, UpdateFailure, UpdatedInstance, ValueChange,
};
use dm::{Code, Fault, Type};
use fleet::dto;
use fleet::model::StoredModel;

fn s(text: &str) -> String {
    text.to_owned()
}

fn objects() -> Vec<ObjectSettings> {
    let params = vec![ParamSetting { param: s("Enable"), value: s("true"), required: true }];
    vec![ObjectSettings { path: s("Device.T.1."), params }]
}

#[test]
fn operations_survive_a_row() {
    for operation in [
        Operation::Get(Get { paths: vec![s("Device.")], max_depth: 2 }),
        Operation::GetInstances(GetInstances { paths: vec![s("Device.T.")], first_level_only: true }),
        Operation::GetSchema(GetSchema { paths: vec![s("Device.")], commands: true, ..GetSchema::default() }),
        Operation::Set(Set { allow_partial: true, objects: objects() }),
        Operation::Add(Add { allow_partial: false, objects: objects() }),
        Operation::Delete(Delete { allow_partial: true, paths: vec![s("Device.T.1.")] }),
        Operation::Operate(Operate {
            command: s("Device.Reboot()"),
            command_key: s("k"),
            send_resp: true,
            args: vec![(s("Cause"), s("\"quoted\" ä"))],
        }),
    ] {
        assert_eq!(dto::decode_operation(&dto::encode_operation(&operation)), Ok(operation));
    }
}

#[test]
fn outcomes_survive_a_row() {
    let fault = || Fault::new(Code::INVALID_PATH, "no such path");
    let param = || ParamFault { param: s("Enable"), fault: fault() };
    let failed = InstanceFailure { path: s("Device.T.1."), errors: vec![param()] };
    for outcome in [
        Outcome::Get(vec![
            Requested {
                path: s("a"),
                result: Ok(vec![ObjectValues { path: s("a."), params: vec![(s("b"), s("c"))] }]),
            },
            Requested { path: s("d"), result: Err(fault()) },
        ]),
        Outcome::GetInstances(vec![Requested {
            path: s("a"),
            result: Ok(vec![Instance { path: s("a.1."), unique_keys: vec![(s("Alias"), s("x"))] }]),
        }]),
        Outcome::GetSchema(vec![Requested { path: s("Device."), result: Ok(schema()) }]),
        Outcome::Set(vec![
            Requested {
                path: s("a"),
                result: Ok(vec![UpdatedInstance {
                    path: s("a."),
                    params: Vec::new(),
                    errors: vec![param()],
                }]),
            },
            Requested {
                path: s("b"),
                result: Err(UpdateFailure { fault: fault(), instances: vec![failed] }),
            },
        ]),
        Outcome::Add(vec![Requested {
            path: s("a"),
            result: Ok(CreatedInstance { path: s("a.1."), ..CreatedInstance::default() }),
        }]),
        Outcome::Delete(vec![Requested {
            path: s("a"),
            result: Ok(Deleted { affected: vec![s("a.1.")], unaffected: vec![(s("a.2."), fault())] }),
        }]),
        Outcome::Operate(vec![
            Requested { path: s("a"), result: Ok(CommandResult::Started(s("Device.LocalAgent.Request.1."))) },
            Requested { path: s("a"), result: Ok(CommandResult::Output(vec![(s("x"), s("1"))])) },
            Requested { path: s("a"), result: Err(fault()) },
        ]),
        Outcome::Failed(MessageFailure { fault: fault(), params: vec![param()] }),
    ] {
        assert_eq!(dto::decode_outcome(&dto::encode_outcome(&outcome)), Ok(outcome));
    }
}

fn schema() -> SchemaResult {
    let types = [
        Type::Boolean,
        Type::Int,
        Type::UnsignedInt,
        Type::Long,
        Type::UnsignedLong,
        Type::Decimal,
        Type::String,
        Type::Base64,
        Type::HexBinary,
        Type::DateTime,
    ];
    let params = types.into_iter().map(|value_type| SchemaParam {
        name: format!("{value_type:?}"),
        access: ParamAccess::ReadWrite,
        value_type: Some(value_type),
        value_change: Some(ValueChange::WillIgnore),
    });
    SchemaResult {
        model_uri: s("urn:x"),
        objects: vec![SchemaObject {
            path: s("Device.T.{i}."),
            access: ObjectAccess::AddDelete,
            is_multi: true,
            params: params.collect(),
            commands: vec![SchemaCommand {
                name: s("Go()"),
                inputs: vec![s("A")],
                outputs: vec![],
                is_async: Some(true),
            }],
            events: vec![SchemaEvent { name: s("Boot!"), args: vec![s("Cause")] }],
            divergent_paths: vec![s("Device.T.1.")],
            unique_keys: vec![vec![s("Alias")], vec![s("A"), s("B")]],
        }],
    }
}

#[test]
fn models_are_named_by_what_they_say() {
    let model = StoredModel::new(schema()).expect("small");
    assert_eq!(StoredModel::decode(model.encoded().to_vec()), Ok(model.clone()));
    assert_eq!(StoredModel::new(schema()).expect("small").hash, model.hash);
    let mut other = schema();
    other.objects[0].params[0].value_change = None;
    assert_ne!(StoredModel::new(other).expect("small").hash, model.hash);
}

#[test]
fn what_is_no_row_is_an_error() {
    for row in [
        &b""[..],
        b"{}",
        b"null",
        b"{\"v\":1}",
        b"{\"v\":2,\"is\":{\"get\":{\"paths\":[],\"max_depth\":0}}}",
        b"{\"v\":1,\"is\":{\"fly\":{}}}",
        b"\xff\xfe",
    ] {
        assert!(dto::decode_operation(row).is_err(), "{row:?}");
        assert!(dto::decode_outcome(row).is_err(), "{row:?}");
        assert!(dto::decode_model(row).is_err(), "{row:?}");
    }
    let first = b"{\"v\":1,\"is\":{\"get\":{\"paths\":[\"Device.\"],\"max_depth\":1}}}";
    let operation = Operation::Get(Get { paths: vec![s("Device.")], max_depth: 1 });
    assert_eq!(dto::decode_operation(first), Ok(operation), "rows of version 1 stay readable");
}
