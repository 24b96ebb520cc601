//! Messages and Records that have to be refused, and what the refusal still knows.

use bytes::Bytes;
use proptest::prelude::{ProptestConfig, any, proptest};
use requirement::requirement;
use usp_proto::exchange::parse_hex;
use usp_proto::limits::{MAX_ELEMENTS, MAX_PAYLOAD_ELEMENTS, MAX_RECORD_BYTES};
use usp_proto::{Malformed, Msg, Record};

use crate::samples;

fn bytes(hex: &str) -> Bytes {
    parse_hex(&hex.replace(' ', "")).expect("hex")
}

/// Header with msg_id "1" and the type of Get.
const GET: &str = "0a050a01311001";

fn check(hex: &str, reason: &Malformed, msg_id: Option<&str>, is_request: bool, code: u32) {
    let Err(error) = Msg::decode(&bytes(hex)) else { panic!("accepted: {hex}") };
    assert_eq!(&error.reason, reason, "{hex}");
    assert_eq!(error.msg_id.as_deref(), msg_id, "{hex}");
    assert_eq!(error.is_request, is_request, "{hex}");
    assert_eq!(error.code(), code, "{hex}");
    assert_eq!(error.answer().is_some(), is_request && msg_id.is_some(), "{hex}");
}

fn check_request(body: &str, reason: &Malformed, code: u32) {
    check(&format!("{GET}{body}"), reason, Some("1"), true, code);
}

fn check_other(body: &str, reason: &Malformed, code: u32) {
    check(&format!("{GET}{body}"), reason, Some("1"), false, code);
}

#[requirement("R-MSG.5")]
#[test]
fn what_is_no_msg() {
    check("ff", &Malformed::Undecodable("Msg"), None, false, 7004);
    check(&format!("{GET}12ff"), &Malformed::Undecodable("Msg"), Some("1"), true, 7004);
    // max_depth as a varint, a path that is not UTF-8, err_code as a varint.
    check_request("1206 0a04 0a02 1002", &Malformed::Undecodable("Msg"), 7004);
    check_request("1207 0a05 0a03 0a01ff", &Malformed::Undecodable("Msg"), 7004);
    check_other("1205 1a03 08dc36", &Malformed::Undecodable("Msg"), 7004);
    // Groups do not exist in proto3.
    check_request("1204 0a02 0a00 1b1c", &Malformed::Undecodable("Msg"), 7004);
}

#[requirement("R-MSG.6", "R-MSG.8")]
#[test]
fn headers_that_name_nothing() {
    check("", &Malformed::Missing("header"), None, false, 7004);
    check("12040a020a00", &Malformed::Missing("header"), None, true, 7004);
    check("0a021001 12040a020a00", &Malformed::Missing("msg_id"), None, true, 7004);
    check("0a0410010a00 12040a020a00", &Malformed::Missing("msg_id"), None, true, 7004);
    check("0a030a01ff 12040a020a00", &Malformed::Undecodable("Msg"), None, true, 7004);
    check("0a060a01310a0132 12040a020a00", &Malformed::Repeated("msg_id"), None, true, 7004);
    check("0a030a0131 0a030a0132 12040a020a00", &Malformed::Repeated("header"), None, true, 7004);
    check("0a030a0131 0a00 12040a020a00", &Malformed::Repeated("header"), Some("1"), true, 7004);
    let long = format!("0a84020a8102{} 12040a020a00", "61".repeat(257));
    check(&long, &Malformed::TooLong { what: "msg_id", limit: 256 }, None, true, 7005);
}

#[requirement("R-MSG.7", "R-ENC.3", "R-ENC.5")]
#[test]
fn bodies_with_nothing_or_too_much() {
    check_request("", &Malformed::Missing("body"), 7004);
    check_request("1200", &Malformed::EmptyOneof("body"), 7004);
    check("0a050a01311010 1200", &Malformed::EmptyOneof("body"), Some("1"), false, 7004);
    check_request("1202 0a00", &Malformed::EmptyOneof("Request"), 7004);
    check_other("1202 1200", &Malformed::EmptyOneof("Response"), 7004);
    check_other("1202 0a00 1202 0a00", &Malformed::Repeated("body"), 7004);
    check_other("1208 0a020a00 12020a00", &Malformed::Repeated("kind of body"), 7004);
    check_other("1208 0a020a00 0a020a00", &Malformed::Repeated("kind of body"), 7004);
    check_request("1206 0a04 0a00 1200", &Malformed::Repeated("kind of message"), 7004);
    check_request("1206 0a04 0a00 0a00", &Malformed::Repeated("kind of message"), 7004);
}

#[requirement("R-MSG.1")]
#[test]
fn kinds_of_the_future() {
    check_request("1204 0a02 6200", &Malformed::UnknownKind { what: "Request", number: 12 }, 7001);
    check_other("1204 1202 6200", &Malformed::UnknownKind { what: "Response", number: 12 }, 7001);
    check_other("1202 2200", &Malformed::UnknownKind { what: "body", number: 4 }, 7001);
    // A known kind with a field of the future beside it is read.
    assert!(Msg::decode(&bytes(&format!("{GET} 1206 0a04 0a00 6200"))).is_ok());
}

#[requirement("R-ENC.3", "R-ENC.5")]
#[test]
fn inner_oneofs() {
    check_request("1204 0a02 4200", &Malformed::EmptyOneof("notification"), 7004);
    check_request("1206 0a04 4202 4a00", &Malformed::EmptyOneof("notification"), 7004);
    check_request("1208 0a06 4204 2200 1a00", &Malformed::Repeated("kind of notification"), 7004);
    // SetResp, AddResp, DeleteResp, RegisterResp, DeregisterResp: no status, then an empty one.
    for field in ["22", "2a", "32", "52", "5a"] {
        check_other(&format!("1206 1204 {field}02 0a00"), &Malformed::EmptyOneof("oper_status"), 7004);
        check_other(&format!("1208 1206 {field}04 0a02 1200"), &Malformed::EmptyOneof("oper_status"), 7004);
    }
}

#[requirement("R-ENC.2")]
#[test]
fn unknown_enum_values_of_a_supported_model() {
    let unknown = |field, value| Malformed::UnknownEnum { field, value };
    check_other("120a 1208 1206 0a04 2a02 1004", &unknown("access of an object", 4), 7004);
    check_other("120c 120a 1208 0a06 2a04 3202 1003", &unknown("access of a parameter", 3), 7004);
    check_other("120c 120a 1208 0a06 2a04 3202 180b", &unknown("value_type", 11), 7004);
    check_other("120c 120a 1208 0a06 2a04 3202 2003", &unknown("value_change", 3), 7004);
    check_other("120c 120a 1208 0a06 2a04 2202 2003", &unknown("command_type", 3), 7004);
    assert!(Msg::decode(&bytes(&format!("{GET} 120c 120a 1208 0a06 2a04 3202 180a"))).is_ok());
    // What an agent before 1.2 leaves out is zero, and accepted.
    assert!(Msg::decode(&bytes(&format!("{GET} 120a 1208 1206 0a04 2a02 3200"))).is_ok());
}

/// A length-delimited field below 16.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 128 {
        field.push(u8::try_from(length % 128).expect("below 128") | 128);
        length /= 128;
    }
    field.push(u8::try_from(length).expect("below 128"));
    field.extend_from_slice(content);
    field
}

#[test]
fn small_elements_in_great_number() {
    let limit = Malformed::TooManyElements { what: "Msg", limit: MAX_ELEMENTS };
    let check = |kinds: &[u8], element: &[u8], accepted: bool| {
        let inner = kinds.iter().rev().fold(element.repeat(600_000), |inner, number| field(*number, &inner));
        let msg = [bytes(GET).to_vec(), field(2, &inner)].concat();
        let verdict = Msg::decode(&msg).map_err(|error| (error.reason.clone(), error.code())).map(|_| ());
        assert_eq!(verdict, if accepted { Ok(()) } else { Err((limit.clone(), 7005)) }, "{kinds:?}");
    };
    // Paths of Get, settings of Set, rows of GetResp, parameters of a supported model, map entries.
    check(&[1, 1], &[0x0a, 0], false);
    check(&[1, 4, 2], &[0x12, 0], false);
    check(&[2, 1, 1], &[0x22, 0], false);
    check(&[2, 2, 1, 5], &[0x32, 0], false);
    check(&[2, 1, 1, 4], &[0x12, 0], false);
    check(&[2, 4, 1, 2, 2, 1], &[0x1a, 0], false);
    // One text of that length is no crowd.
    check(&[1, 1, 1], b"xx", true);
}

#[test]
fn messages_of_more_than_the_limit() {
    let msg = [bytes(GET).to_vec(), field(2, &field(1, &field(1, &field(1, &vec![b'x'; MAX_RECORD_BYTES]))))]
        .concat();
    let error = Msg::decode(&msg).expect_err("too long");
    assert_eq!(error.reason, Malformed::TooLong { what: "Msg", limit: MAX_RECORD_BYTES });
    let error = Record::decode(vec![0; MAX_RECORD_BYTES + 1].into()).expect_err("too long");
    assert_eq!(error.reason, Malformed::TooLong { what: "Record", limit: MAX_RECORD_BYTES });
}

#[test]
fn payload_elements_of_a_session() {
    let ids = bytes("0a03312e34 1204613a3a62 1a04633a3a64").to_vec();
    let record = |count| [ids.clone(), field(8, &[0x3a, 0].repeat(count))].concat();
    assert!(Record::decode(record(MAX_PAYLOAD_ELEMENTS).into()).is_ok());
    let error = Record::decode(record(MAX_PAYLOAD_ELEMENTS + 1).into()).expect_err("too many");
    assert_eq!(error.reason, Malformed::TooManyElements { what: "Record", limit: MAX_PAYLOAD_ELEMENTS });
}

#[test]
fn any_bytes_are_refused_or_read_in_peace() {
    let config = || ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() };
    let random = proptest::collection::vec(any::<u8>(), 0..200);
    proptest!(config(), |(bytes in random)| {
        let _ = (Msg::decode(&bytes).is_ok(), Record::decode(bytes.clone().into()).is_ok());
        let _ = usp_proto::describe_record(&bytes);
    });
    // One byte of something good is changed, or its end is cut off.
    proptest!(config(), |(msg in samples::msg(), record in samples::record(), at in any::<u16>(), to in any::<u8>())| {
        for good in [msg.encode(), record.encode()] {
            let mut bad = good.to_vec();
            let at = usize::from(at) % bad.len();
            bad[at] = to;
            for bad in [bad.clone(), bad[..at].to_vec()] {
                if let Ok(read) = Msg::decode(&bad) {
                    assert!(Msg::decode(&read.encode()).as_ref() == Ok(&read));
                }
                if let Ok(read) = Record::decode(bad.into()) {
                    assert_eq!(Record::decode(read.encode()), Ok(read));
                }
            }
        }
    });
}
