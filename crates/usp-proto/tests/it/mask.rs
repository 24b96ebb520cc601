//! Records as they may be shown: every place of a Msg that can hold a value, with and without a secret.

use std::collections::BTreeMap;

use bytes::Bytes;
use usp_proto::add::{CreateObject, CreateParamSetting, CreatedObjectResult};
use usp_proto::delete::DeletedObjectResult;
use usp_proto::generated::usp_msg as wire;
use usp_proto::get::{Get, GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::mask::{MASK, mask_record};
use usp_proto::notify::{
    Event, Notification, Notify, ObjectCreation, OperationComplete, OperationResp, OutputArgs, ValueChange,
};
use usp_proto::operate::{Operate, OperateResp, OperationResult};
use usp_proto::record::SessionContext;
use usp_proto::set::{SetResp, UpdateObject, UpdateParamSetting, UpdatedInstanceResult, UpdatedObjectResult};
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

const SECRET: &str = "hunter2";
const USER: &str = "Device.Users.User.1.";

fn is_secret(path: &str, name: &str) -> bool {
    assert!(path.ends_with(['.', ')', '!']), "{path:?} is neither an object nor an action");
    name == "Password"
}

fn record(msg: &Msg) -> Bytes {
    let id = |text| EndpointId::receive(text).expect("an id");
    usp_proto::record::encode_message(&id("os::A-1"), &id("proto::c"), Version::CURRENT, msg)
}

fn shows(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

fn values() -> BTreeMap<String, String> {
    [("Password", SECRET), ("Username", "ann")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Every body that carries the secret.
fn bodies() -> Vec<Body> {
    let requests = [
        Request::Set(wire::Set {
            allow_partial: false,
            update_objs: vec![UpdateObject {
                obj_path: USER.to_owned(),
                param_settings: values()
                    .into_iter()
                    .map(|(param, value)| UpdateParamSetting { param, value, required: true })
                    .collect(),
            }],
        }),
        Request::Add(wire::Add {
            allow_partial: false,
            create_objs: vec![CreateObject {
                obj_path: "Device.Users.User.".to_owned(),
                param_settings: values()
                    .into_iter()
                    .map(|(param, value)| CreateParamSetting { param, value, required: true })
                    .collect(),
            }],
        }),
        Request::Operate(Operate {
            command: "Device.X_E_Login()".to_owned(),
            input_args: values(),
            ..Operate::default()
        }),
        Request::Get(Get::new(
            [format!("Device.Users.User.[Username==\"ann\"&&Password==\"{SECRET}\"].Enable")],
            0,
        )),
    ];
    let notifications = [
        Notification::ValueChange(ValueChange {
            param_path: format!("{USER}Password"),
            param_value: SECRET.to_owned(),
        }),
        Notification::Event(Event {
            obj_path: "Device.".to_owned(),
            event_name: "X_E_Login!".to_owned(),
            params: values(),
        }),
        Notification::ObjCreation(ObjectCreation { obj_path: USER.to_owned(), unique_keys: values() }),
        Notification::OperComplete(OperationComplete {
            obj_path: "Device.".to_owned(),
            command_name: "X_E_Login()".to_owned(),
            command_key: String::new(),
            operation_resp: Some(OperationResp::ReqOutputArgs(OutputArgs { output_args: values() })),
        }),
    ];
    let updated = UpdatedInstanceResult {
        affected_path: USER.to_owned(),
        updated_params: values(),
        ..UpdatedInstanceResult::default()
    };
    let responses = [
        Response::GetResp(GetResp {
            req_path_results: vec![RequestedPathResult::success(
                USER,
                vec![ResolvedPathResult::new(USER, values())],
            )],
        }),
        Response::SetResp(SetResp {
            updated_obj_results: vec![UpdatedObjectResult::success(USER, vec![updated])],
        }),
        Response::AddResp(wire::AddResp {
            created_obj_results: vec![CreatedObjectResult::success(USER, USER, Vec::new(), values())],
        }),
        Response::OperateResp(OperateResp {
            operation_results: vec![OperationResult::done("Device.X_E_Login()", values())],
        }),
        Response::GetInstancesResp(wire::GetInstancesResp {
            req_path_results: vec![wire::get_instances_resp::RequestedPathResult {
                curr_insts: vec![wire::get_instances_resp::CurrInstance {
                    instantiated_obj_path: USER.to_owned(),
                    unique_keys: values(),
                }],
                ..Default::default()
            }],
        }),
    ];
    let notifies = notifications.map(|one| Request::Notify(Notify::new("s", true, one)));
    let requests = requests.into_iter().chain(notifies).map(Body::Request);
    requests.chain(responses.into_iter().map(Body::Response)).collect()
}

#[test]
fn a_secret_is_masked_wherever_it_stands_and_the_record_still_decodes() {
    for body in bodies() {
        let msg = Msg { msg_id: "m1".to_owned(), body };
        let original = record(&msg);
        assert!(shows(&original), "{msg:?} should hold it");
        let shown = mask_record(&original, &is_secret);
        assert!(shown.masked && !shows(&shown.record) && !shown.note.contains(SECRET), "{msg:?}");
        assert_eq!(shown.msg_id.as_deref(), Some("m1"));
        let decoded = Record::decode(shown.record.clone()).expect("still a Record");
        let RecordType::NoSession { payload } = decoded.record_type else { panic!("another type") };
        let again = Msg::decode(&payload).expect("still a Msg");
        assert_eq!(again.msg_type(), msg.msg_type());
        let text = String::from_utf8_lossy(&shown.record).into_owned();
        assert!(text.contains(MASK), "{msg:?}");
        // What is no secret stays.
        let plain = matches!(&msg.body, Body::Request(Request::Notify(one))
            if matches!(one.notification, Some(Notification::ValueChange(_))));
        assert!(plain || text.contains("ann"), "{msg:?}");
    }
}

#[test]
fn without_a_secret_the_record_is_the_one_that_was_sent() {
    for body in bodies() {
        let original = record(&Msg { msg_id: "m1".to_owned(), body });
        let shown = mask_record(&original, &|_, _| false);
        assert_eq!((&shown.record, shown.masked), (&original, false));
    }
}

#[test]
fn search_expressions_are_masked_as_far_as_they_are_understood() {
    let check = |path: &str, expected: &str| {
        let original = record(&Msg::request("m1", Request::Get(Get::new([path], 0))));
        let shown = mask_record(&original, &is_secret);
        let decoded = Record::decode(shown.record).expect("still a Record");
        let RecordType::NoSession { payload } = decoded.record_type else { panic!("another type") };
        let Body::Request(Request::Get(get)) = Msg::decode(&payload).expect("a Msg").body else {
            panic!("another")
        };
        assert_eq!(get.param_paths, [expected]);
    };
    check("Device.A.[B==\"c\"].D", "Device.A.[B==\"c\"].D");
    check("Device.A.[Password==\"c\"].D", "Device.A.[Password==\"••••\"].D");
    check("Device.A.[Password!=5&&B<4].D", "Device.A.[Password!=\"••••\"&&B<4].D");
    check("Device.A.[B==\"]\"].C.[Password==\"x]\"].D", "Device.A.[B==\"]\"].C.[Password==\"••••\"].D");
    check("Device.A.[Password~=\"c\"].D", "Device.A.[Password~=\"••••\"].D");
    check("Device.A.[Password==\"\"].D", "Device.A.[Password==\"\"].D");
    check("Device.A.[Password==\"hunter2.D", "Device.A.[Password==••••]");
    check("Device.A.[Password].D", "Device.A.[••••]");
}

#[test]
fn what_can_not_be_looked_into_is_not_shown() {
    let broken = Bytes::from_static(b"\xff hunter2");
    let shown = mask_record(&broken, &is_secret);
    assert_eq!((shown.record.len(), shown.masked, shown.kind), (0, true, "Record"));
    let id = |text| EndpointId::receive(text).expect("an id");
    let (from, to) = (id("os::A-1"), id("proto::c"));
    let payload = Record::message(&from, &to, Version::CURRENT, Bytes::from_static(b"\xff hunter2")).encode();
    assert_eq!(mask_record(&payload, &is_secret).record.len(), 0);
    let session = SessionContext {
        session_id: 1,
        sequence_id: 2,
        expected_id: 3,
        retransmit_id: 0,
        payload_sar_state: usp_proto::record::PayloadSarState::None,
        payloadrec_sar_state: usp_proto::record::PayloadSarState::None,
        payload: vec![Bytes::from_static(b"hunter2")],
    };
    let session = Record::new(&from, &to, Version::CURRENT, RecordType::Session(session)).encode();
    let shown = mask_record(&session, &is_secret);
    assert!(shown.masked && !shows(&shown.record) && Record::decode(shown.record).is_ok());
    let hello = Record::websocket_connect(&from, &to, Version::CURRENT).encode();
    let shown = mask_record(&hello, &is_secret);
    assert_eq!((shown.record, shown.masked, shown.kind), (hello, false, "WebSocketConnect"));
}

/// Every error in an answer says what it refused; the codes stay.
#[test]
fn an_error_is_shown_by_its_code_alone() {
    let why = || format!("{SECRET} is too short");
    let param =
        || wire::set_resp::ParameterError { param: "Password".into(), err_code: 7012, err_msg: why() };
    let partial = UpdatedInstanceResult {
        affected_path: USER.into(),
        param_errs: vec![param()],
        ..UpdatedInstanceResult::default()
    };
    let row =
        wire::set_resp::UpdatedInstanceFailure { affected_path: USER.into(), param_errs: vec![param()] };
    let failure = wire::operate_resp::operation_result::CommandFailure { err_code: 7012, err_msg: why() };
    let complete = wire::notify::operation_complete::CommandFailure { err_code: 7012, err_msg: why() };
    let undeleted = wire::delete_resp::UnaffectedPathError {
        unaffected_path: USER.into(),
        err_code: 7012,
        err_msg: why(),
    };
    let wrong = wire::error::ParamError { param_path: USER.into(), err_code: 7012, err_msg: why() };
    let bodies = [
        Body::Error(wire::Error { err_code: 7012, err_msg: why(), param_errs: vec![wrong] }),
        Body::Response(Response::GetResp(GetResp {
            req_path_results: vec![RequestedPathResult::failure(USER, 7012, why())],
        })),
        Body::Response(Response::SetResp(SetResp {
            updated_obj_results: vec![
                UpdatedObjectResult::failure(USER, 7012, why(), vec![row]),
                UpdatedObjectResult::success(USER, vec![partial]),
            ],
        })),
        Body::Response(Response::AddResp(wire::AddResp {
            created_obj_results: vec![CreatedObjectResult::failure(USER, 7012, why())],
        })),
        Body::Response(Response::DeleteResp(wire::DeleteResp {
            deleted_obj_results: vec![
                DeletedObjectResult::failure(USER, 7012, why()),
                DeletedObjectResult::success(USER, Vec::new(), vec![undeleted]),
            ],
        })),
        Body::Response(Response::OperateResp(OperateResp {
            operation_results: vec![OperationResult {
                executed_command: "Device.X_E_Login()".into(),
                operation_resp: Some(wire::operate_resp::operation_result::OperationResp::CmdFailure(
                    failure,
                )),
            }],
        })),
        Body::Request(Request::Notify(Notify::new(
            "s",
            true,
            Notification::OperComplete(OperationComplete {
                obj_path: USER.into(),
                command_name: "Login()".into(),
                command_key: String::new(),
                operation_resp: Some(OperationResp::CmdFailure(complete)),
            }),
        ))),
    ];
    // As it stands on the wire, in four bytes.
    let codes = |bytes: &[u8]| bytes.windows(4).filter(|four| *four == 7012_u32.to_le_bytes()).count();
    for body in bodies {
        let msg = Msg { msg_id: "m1".to_owned(), body };
        let original = record(&msg);
        assert!(shows(&original) && codes(&original) > 0, "{msg:?} should hold both");
        let shown = mask_record(&original, &|_, _| false);
        assert!(shown.masked && !shows(&shown.record) && !shown.note.contains(SECRET), "{msg:?}");
        assert!(String::from_utf8_lossy(&shown.record).contains(MASK), "{msg:?}");
        assert_eq!(codes(&shown.record), codes(&original), "{msg:?}");
    }
}
