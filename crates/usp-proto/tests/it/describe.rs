//! One line per Record, and no value in any of them.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::{ProptestConfig, proptest};
use usp_proto::add::{Add, AddResp, CreateObject, CreateParamSetting, CreatedObjectResult};
use usp_proto::delete::Delete;
use usp_proto::get::{Get, GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::notify::{CommandFailure, OperationResp};
use usp_proto::notify::{
    Event, Notification, Notify, NotifyResp, OnBoardRequest, OperationComplete, ValueChange,
};
use usp_proto::operate::{Operate, OperateResp, OperationResult};
use usp_proto::record::{MqttVersion, PayloadSarState, SessionContext, encode_message};
use usp_proto::{EndpointId, ErrorBody, Msg, Record, RecordType, Request, Response, Version};
use usp_proto::{describe_msg, describe_record};

use crate::samples;

fn map(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), "SECRET".to_owned())])
}

fn check(msg: &Msg, expected: &str) {
    assert_eq!(describe_msg(msg), expected);
    let id = |text| EndpointId::receive(text).expect("an id");
    let record = encode_message(&id("a::1"), &id("c::2"), Version::CURRENT, msg);
    assert_eq!(describe_record(&record), format!("1.4 a::1 -> c::2 {expected}"));
}

#[test]
fn requests() {
    let request = |request| Msg::request("17", request);
    let get = Get::new(["Device.A.", "Device.B.", "Device.C.", "Device.D.", "Device.E."], 0);
    check(&request(Request::Get(get)), "Get 17 Device.A. Device.B. Device.C. +2");
    let setting = CreateParamSetting { param: "K".into(), value: "SECRET".into(), required: true };
    let object = CreateObject { obj_path: "Device.W.".into(), param_settings: vec![setting] };
    let add = Add { allow_partial: false, create_objs: vec![object] };
    check(&request(Request::Add(add)), "Add 17 Device.W.");
    let delete = Delete::new([r#"D.U.[Name=="SECRET]"&&X==SECRET].K.[A==1]."#, "D.[SECRET"], true);
    check(&request(Request::Delete(delete)), "Delete 17 D.U.[..].K.[..]. D.[..");
    let operate = Operate { command: "D.R()".into(), input_args: map("Password"), ..Operate::default() };
    check(&request(Request::Operate(operate)), "Operate 17 D.R()");
}

#[test]
fn notifications() {
    let notify = |what| Msg::request("n", Request::Notify(Notify::new("s1", true, what)));
    let event = Event { obj_path: "Device.".into(), event_name: "Boot!".into(), params: map("Cause") };
    check(&notify(Notification::Event(event)), "Notify n [s1] Event Device.Boot!");
    let change = ValueChange { param_path: "D.X".into(), param_value: "SECRET".into() };
    check(&notify(Notification::ValueChange(change)), "Notify n [s1] ValueChange D.X");
    let failure = CommandFailure { err_code: 7023, err_msg: "SECRET".into() };
    let done = OperationComplete {
        obj_path: "D.P.".into(),
        command_name: "Ping()".into(),
        command_key: "k".into(),
        operation_resp: Some(OperationResp::CmdFailure(failure)),
    };
    check(&notify(Notification::OperComplete(done)), "Notify n [s1] OperationComplete D.P.Ping() 7023");
    let board = OnBoardRequest {
        oui: "ACDE48".into(),
        product_class: "Box".into(),
        serial_number: "1".into(),
        ..OnBoardRequest::default()
    };
    check(&notify(Notification::OnBoardReq(board)), "Notify n [s1] OnBoardRequest ACDE48-Box-1");
}

#[test]
fn answers() {
    let answer = |answer| Msg::response("17", answer);
    let found = RequestedPathResult::success("D.A.", vec![ResolvedPathResult::new("D.A.", map("K"))]);
    let missing = RequestedPathResult::failure("D.B.", 7026, "SECRET");
    let results = GetResp { req_path_results: vec![found, missing] };
    check(&answer(Response::GetResp(results)), "GetResp 17 D.A. D.B.=7026");
    let made = CreatedObjectResult::success("D.T.", "D.T.5.", Vec::new(), map("K"));
    let not = CreatedObjectResult::failure("D.U.", 7017, "SECRET");
    let results = AddResp { created_obj_results: vec![made, not] };
    check(&answer(Response::AddResp(results)), "AddResp 17 D.T.5. D.U.=7017");
    let failed = OperationResult::failed("D.R()", 7022, "SECRET");
    let results = OperateResp { operation_results: vec![failed] };
    check(&answer(Response::OperateResp(results)), "OperateResp 17 D.R()=7022");
    let told = NotifyResp { subscription_id: "s1".into() };
    check(&answer(Response::NotifyResp(told)), "NotifyResp 17 [s1]");
    let error = ErrorBody::new(7021, "SECRET").with_param("D.X", 7012, "SECRET");
    check(&Msg::error("17", error), "Error 17 7021 D.X");
}

#[test]
fn records_without_a_message() {
    let check = |record_type, expected: &str| {
        let id = |text| EndpointId::receive(text).expect("an id");
        let record = Record::new(&id("a::1"), &id("c::2"), Version::new(1, 3), record_type);
        assert_eq!(describe_record(&record.encode()), format!("1.3 a::1 -> c::2 {expected}"));
    };
    check(RecordType::UdsConnect, "UdsConnect");
    let (version, subscribed_topic) = (MqttVersion::V5, "usp/a".to_owned());
    check(RecordType::MqttConnect { version, subscribed_topic }, "MqttConnect V5 usp/a");
    check(RecordType::StompConnect { subscribed_destination: "/q".into() }, "StompConnect /q");
    check(
        RecordType::Disconnect { reason: "gone\r\n".into(), reason_code: 7105 },
        "Disconnect 7105 gone\\r\\n",
    );
    let context = SessionContext {
        session_id: 9,
        sequence_id: 4,
        expected_id: 3,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::None,
        payloadrec_sar_state: PayloadSarState::None,
        payload: Vec::new(),
    };
    check(RecordType::Session(context), "Session 9 #4 expects #3 resend #0");
    let garbage = RecordType::NoSession { payload: Bytes::from_static(b"\xff") };
    check(garbage, "Msg refused: not decodable as a Msg");
}

#[test]
fn what_can_not_be_read_is_said() {
    assert_eq!(describe_record(b"\xff"), "Record refused: not decodable as a Record");
    assert_eq!(describe_record(b""), "Record refused: version is missing");
}

#[test]
fn long_texts_and_line_breaks_do_not_pass() {
    let msg = Msg::request("1", Request::Get(Get::new([format!("D.\n{}", "x".repeat(500))], 0)));
    assert_eq!(describe_msg(&msg), format!("Get 1 D.\\n{}..", "x".repeat(117)));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(msg in samples::msg())| {
        assert!(!describe_msg(&msg).chars().any(char::is_control));
    });
}
