//! What a Msg is besides its bytes.

use std::collections::BTreeMap;

use requirement::requirement;
use usp_proto::msg::MsgType;
use usp_proto::set::{Set, UpdateObject, UpdateParamSetting};
use usp_proto::{Body, Msg, MsgError, Request, add, get, get_instances, notify, operate, set};

#[requirement("R-MSG.9", "R-ENC.5")]
#[test]
fn a_refused_request_is_answered_under_its_id() {
    // Header "42", an empty Request.
    let refused = [0x0a, 0x06, 0x0a, 0x02, b'4', b'2', 0x10, 0x01, 0x12, 0x02, 0x0a, 0x00];
    let error: MsgError = Msg::decode(&refused).expect_err("an empty Request");
    let answer = error.answer().expect("a Request with an id");
    assert_eq!(answer.msg_id, "42");
    let Body::Error(body) = &answer.body else { panic!("{answer:?}") };
    assert_eq!((body.err_code, body.err_msg.as_str()), (7004, "Request has no content"));
    assert_eq!(answer.msg_type(), MsgType::Error);
}

#[test]
fn debug_of_a_message_is_its_description() {
    let setting = UpdateParamSetting { param: "Key".into(), value: "secret".into(), required: true };
    let object = UpdateObject { obj_path: "D.W.1.".into(), param_settings: vec![setting] };
    let set = Set { allow_partial: false, update_objs: vec![object] };
    assert_eq!(
        format!("{set:?}"),
        "Set { allow_partial: false, update_objs: [UpdateObject { obj_path: \"D.W.1.\", param_settings: \
         [UpdateParamSetting { param: \"Key\", required: true, value: .. }] }] }"
    );
    let msg = Msg::request("1", Request::Set(set));
    assert_eq!(format!("{msg:?} {:?}", msg.body), "Msg(Set 1 D.W.1.) Request(Set)");
}

/// Every place of the protocol where a value stands, filled with one that must not be seen.
#[test]
fn debug_shows_no_values() {
    let map = || BTreeMap::from([("Name".to_owned(), "secret".to_owned())]);
    let text = || "secret".to_owned();
    let shown = [
        format!("{:?}", get::ResolvedPathResult::new("D.", map())),
        format!("{:?}", get_instances::CurrInstance::new("D.T.1.", map())),
        format!("{:?}", add::CreateParamSetting { param: "Name".into(), value: text(), required: true }),
        format!("{:?}", add::CreatedObjectResult::success("D.T.", "D.T.1.", Vec::new(), map())),
        format!("{:?}", set::UpdateParamSetting { param: "Name".into(), value: text(), required: true }),
        format!("{:?}", set::UpdatedInstanceResult { updated_params: map(), ..Default::default() }),
        format!("{:?}", operate::Operate { input_args: map(), ..Default::default() }),
        format!("{:?}", operate::OperationResult::done("D.R()", map())),
        format!("{:?}", notify::Event { params: map(), ..Default::default() }),
        format!("{:?}", notify::ValueChange { param_path: "Name".into(), param_value: text() }),
        format!("{:?}", notify::ObjectCreation { obj_path: "D.T.1.".into(), unique_keys: map() }),
        format!("{:?}", notify::OutputArgs { output_args: map() }),
    ];
    for shown in shown {
        assert!(shown.contains("Name") && shown.contains("..") && !shown.contains("secret"), "{shown}");
    }
}
