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
        let text = String::from_utf8_lossy(&shown.record).into_owned();
        // As it stands on the wire, in four bytes.
        let codes = |bytes: &[u8]| bytes.windows(4).filter(|four| *four == 7012_u32.to_le_bytes()).count();
        assert!(text.contains(MASK) && codes(&shown.record) == codes(&original), "{msg:?}");
        assert!(codes(&original) > 0, "{msg:?}");
    }
}
