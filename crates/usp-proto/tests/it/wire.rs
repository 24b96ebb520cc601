//! Bytes written out by hand, where implementations go wrong: fixed numbers, odd field numbers, absent
//! zeros, maps.

use std::collections::BTreeMap;

use requirement::requirement;
use usp_proto::exchange::parse_hex;
use usp_proto::get::Get;
use usp_proto::notify::NotifyResp;
use usp_proto::operate::{CommandStatus, Operate, OperateResp, OperationResult};
use usp_proto::record::{MqttVersion, PayloadSarState, SessionContext};
use usp_proto::{EndpointId, ErrorBody, Msg, Record, RecordType, Request, Response, Version};

fn check_msg(msg: &Msg, hex: &str) {
    let bytes = parse_hex(&hex.replace(' ', "")).expect("hex");
    assert_eq!(msg.encode(), bytes, "encodes {msg:?}");
    assert!(Msg::decode(&bytes).as_ref() == Ok(msg), "decodes {msg:?}");
}

#[requirement("R-ENC.0")]
#[test]
fn max_depth_is_fixed32() {
    let get = Msg::request("1", Request::Get(Get::new(["D."], 2)));
    check_msg(&get, "0a05 0a0131 1001  120d 0a0b 0a09 0a02442e 1502000000");
}

#[test]
fn an_empty_request_is_still_there() {
    let get = Msg::request("1", Request::Get(Get::default()));
    check_msg(&get, "0a05 0a0131 1001  1204 0a02 0a00");
}

#[requirement("R-MSG.10")]
#[test]
fn the_type_of_notify_resp_is_16_and_its_field_8() {
    let response = Response::NotifyResp(NotifyResp { subscription_id: "s".into() });
    check_msg(&Msg::response("7", response), "0a05 0a0137 1010  1207 1205 4203 0a0173");
}

#[test]
fn the_type_of_an_error_is_absent_and_its_code_fixed32() {
    check_msg(&Msg::error("1", ErrorBody::new(7004, "")), "0a03 0a0131  1207 1a05 0d5c1b0000");
    let with_param = ErrorBody::new(7004, "").with_param("D", 7010, "");
    check_msg(&Msg::error("1", with_param), "0a03 0a0131  1211 1a0f 0d5c1b0000 1a08 0a0144 15621b0000");
}

#[test]
fn maps_are_sorted_entries() {
    let input_args = BTreeMap::from([("b".into(), String::new()), ("a".into(), "1".into())]);
    let operate = Operate { command: "R".into(), command_key: String::new(), send_resp: true, input_args };
    check_msg(
        &Msg::request("1", Request::Operate(operate)),
        "0a05 0a0131 1006  1216 0a14 3a12 0a0152 1801 2206 0a0161120131 2203 0a0162",
    );
}

#[test]
fn a_result_of_operate_without_its_oneof_is_accepted() {
    let result = OperationResult { executed_command: "R".into(), operation_resp: None };
    assert_eq!(result.status(), CommandStatus::Done(None));
    let answer = OperateResp { operation_results: vec![result] };
    let msg = Msg::response("1", Response::OperateResp(answer));
    check_msg(&msg, "0a05 0a0131 1007  1209 1207 3a05 0a03 0a0152");
    let explicit = OperateResp { operation_results: vec![OperationResult::done("R", BTreeMap::new())] };
    let msg = Msg::response("1", Response::OperateResp(explicit));
    check_msg(&msg, "0a05 0a0131 1007  120b 1209 3a07 0a05 0a0152 1a00");
}

#[requirement("R-MSG.10")]
#[test]
fn the_body_wins_over_the_type() {
    let get = Msg::request("1", Request::Get(Get::default()));
    for msg_type in ["", "1000", "1010", "1063", "10ffffffff0f"] {
        let header = 3 + msg_type.len() / 2;
        let hex = format!("0a{header:02x}0a0131{msg_type}12040a020a00");
        assert!(Msg::decode(&parse_hex(&hex).expect("hex")).as_ref() == Ok(&get), "{msg_type}");
    }
}

/// `version` 1.4, `to_id` a::b, `from_id` c::d.
const IDS: &str = "0a03312e34 1204613a3a62 1a04633a3a64";

fn check_record(record_type: RecordType, hex: &str) {
    let id = |text| EndpointId::receive(text).expect("an id");
    let record = Record::new(&id("c::d"), &id("a::b"), Version::new(1, 4), record_type);
    let bytes = parse_hex(&format!("{IDS}{hex}").replace(' ', "")).expect("hex");
    assert_eq!(record.encode(), bytes, "encodes {record:?}");
    assert_eq!(Record::decode(bytes), Ok(record));
}

#[requirement("R-ENC.1")]
#[test]
fn records_of_every_kind() {
    check_record(RecordType::NoSession { payload: "x".into() }, "3a03 120178");
    check_record(RecordType::WebSocketConnect, "4a00");
    let (version, subscribed_topic) = (MqttVersion::V311, "t".to_owned());
    check_record(RecordType::MqttConnect { version, subscribed_topic }, "5203 120174");
    let (version, subscribed_topic) = (MqttVersion::V5, "t".to_owned());
    check_record(RecordType::MqttConnect { version, subscribed_topic }, "5205 0801 120174");
    check_record(RecordType::StompConnect { subscribed_destination: "d".into() }, "5a03 120164");
    check_record(RecordType::UdsConnect, "6a00");
    check_record(
        RecordType::Disconnect { reason: "bye".into(), reason_code: 7105 },
        "620a 0a03627965 15c11b0000",
    );
    check_record(RecordType::Disconnect { reason: String::new(), reason_code: 0 }, "6200");
    let context = SessionContext {
        session_id: 2,
        sequence_id: 1,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::Begin,
        payloadrec_sar_state: PayloadSarState::Complete,
        payload: vec!["x".into(), "".into()],
    };
    check_record(RecordType::Session(context), "420f 0802 1001 1801 2801 3003 3a0178 3a00");
}

#[test]
fn fields_of_later_versions_are_read_or_skipped() {
    let hex = format!("{IDS} 4a00 7201 61 7a01 62 8201 0178 8801 05").replace(' ', "");
    let record = Record::decode(parse_hex(&hex).expect("hex")).expect("a Record");
    assert_eq!((record.originator_id.as_str(), record.destination_id.as_str()), ("a", "b"));
    let known = format!("{IDS} 4a00 7201 61 7a01 62").replace(' ', "");
    assert_eq!(record.encode(), parse_hex(&known).expect("hex"));
}

/// OB-USP-AGENT says 1.3 and accepts more; a Record of the future is read all the same.
#[test]
fn versions_of_records_only_inform() {
    for (hex, version) in
        [("0a03312e33", (1, 3)), ("0a03312e30", (1, 0)), ("0a04312e3139", (1, 19)), ("0a03322e30", (2, 0))]
    {
        let bytes = parse_hex(&format!("{hex}1204613a3a621a04633a3a644a00")).expect("hex");
        let record = Record::decode(bytes).expect("a Record");
        assert_eq!(record.version, Version::new(version.0, version.1));
    }
}
