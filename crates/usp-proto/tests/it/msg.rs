//! What a Msg is besides its bytes.

use requirement::requirement;
use usp_proto::msg::MsgType;
use usp_proto::set::{Set, UpdateObject, UpdateParamSetting};
use usp_proto::{Body, Msg, MsgError, Request};

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
fn debug_shows_no_values() {
    let setting = UpdateParamSetting { param: "Key".into(), value: "secret".into(), required: true };
    let object = UpdateObject { obj_path: "D.W.1.".into(), param_settings: vec![setting] };
    let msg = Msg::request("1", Request::Set(Set { allow_partial: false, update_objs: vec![object] }));
    let shown = format!("{msg:?} {:?}", msg.body);
    assert_eq!(shown, "Msg(Set 1 D.W.1.) Request(Set)");
}
