//! Records that are refused, and who gets an answer.

use requirement::requirement;
use usp_proto::exchange::parse_hex;
use usp_proto::link::{Contact, LinkId, ReturnPath};
use usp_proto::record::MqttVersion;
use usp_proto::{Body, EndpointId, Malformed, Record};

const VERSION: &str = "0a03312e34";
const TO: &str = "1204613a3a62";
const FROM: &str = "1a04633a3a64";
/// A Record without a session around a Get whose msg_id is "1".
const GET: &str = "3a0f 120d 0a050a01311001 12040a020a00";

fn refusal(hex: &str) -> usp_proto::RecordError {
    let bytes = parse_hex(&hex.replace(' ', "")).expect("hex");
    match Record::decode(bytes) {
        Ok(record) => panic!("accepted {hex}: {record:?}"),
        Err(error) => error,
    }
}

fn check(hex: &str, reason: &Malformed, code: u32) {
    let error = refusal(hex);
    assert_eq!(&error.reason, reason, "{hex}");
    assert_eq!(error.code(), code, "{hex}");
}

#[requirement("R-MTP.4b")]
#[test]
fn required_fields_are_there() {
    check("", &Malformed::Missing("version"), 7104);
    check(&format!("{TO}{FROM}{GET}"), &Malformed::Missing("version"), 7104);
    check(&format!("{VERSION}{FROM}{GET}"), &Malformed::Missing("to_id"), 7104);
    check(&format!("{VERSION}{TO}{GET}"), &Malformed::Missing("from_id"), 7104);
    let ids = format!("{VERSION}{TO}{FROM}");
    check(&format!("{ids} 3a00"), &Malformed::Missing("payload"), 7104);
    // There is no field 1 in a NoSessionContextRecord.
    check(&format!("{ids} 3a03 0a0178"), &Malformed::Missing("payload"), 7104);
    check(&format!("{ids} 5200"), &Malformed::Missing("subscribed_topic"), 7104);
    check(&format!("{ids} 5a00"), &Malformed::Missing("subscribed_destination"), 7104);
}

#[requirement("R-ENC.3", "R-ENC.4")]
#[test]
fn records_without_a_known_kind_are_discarded() {
    let ids = format!("{VERSION}{TO}{FROM}");
    for kind in ["", "820100", "820103120178"] {
        check(&format!("{ids}{kind}"), &Malformed::EmptyOneof("record_type"), 7104);
        // Nothing in them could be answered.
        assert!(refusal(&format!("{ids}{kind}")).answer(&id("a::b")).is_none());
    }
    check(&format!("{ids}{GET} 4a00"), &Malformed::Repeated("record_type"), 7104);
    check(&format!("{ids}{GET}{GET}"), &Malformed::Repeated("record_type"), 7104);
}

#[requirement("R-ENC.2")]
#[test]
fn unknown_enum_values_are_failures() {
    let ids = format!("{VERSION}{TO}{FROM}");
    let unknown = |field, value| Malformed::UnknownEnum { field, value };
    check(&format!("{ids} 2002 {GET}"), &unknown("payload_security", 2), 7104);
    check(&format!("{ids} 20ffffffffffffffffff01 {GET}"), &unknown("payload_security", -1), 7104);
    check(&format!("{ids} 5205 0802 120174"), &unknown("mqtt_connect.version", 2), 7104);
    check(&format!("{ids} 5a05 0801 120164"), &unknown("stomp_connect.version", 1), 7104);
    check(&format!("{ids} 4202 2804"), &unknown("payload_sar_state", 4), 7104);
    check(&format!("{ids} 4202 3004"), &unknown("payloadrec_sar_state", 4), 7104);
}

#[test]
fn fields_that_occur_twice_are_refused() {
    for (twice, field) in
        [(VERSION, "version"), (TO, "to_id"), (FROM, "from_id"), ("7a0161", "destination_id")]
    {
        let hex = format!("{VERSION}{TO}{FROM} 7a0161 {GET} {twice}");
        check(&hex, &Malformed::Repeated(field), 7104);
    }
    let payloads = format!("{VERSION}{TO}{FROM} 3a06 120178 120179");
    check(&payloads, &Malformed::Repeated("payload"), 7104);
}

#[test]
fn values_that_can_not_be_parsed() {
    let bad = |field, why| Malformed::EndpointId { field, why };
    check(&format!("{VERSION} 12026162 {FROM}{GET}"), &bad("to_id", "fewer than two colons"), 7104);
    check(
        &format!("{VERSION} {TO} 1a03613a3a {GET}"),
        &bad("from_id", "scheme or instance-id is empty"),
        7104,
    );
    check(&format!("{VERSION} {TO} 1a04613a3a0a {GET}"), &bad("from_id", "control characters"), 7104);
    for version in ["0a0178", "0a0131", "0a02312e", "0a022e34", "0a05312e342e31", "0a042b312e34"] {
        check(&format!("{version}{TO}{FROM}{GET}"), &Malformed::Version, 7104);
    }
    check("ff", &Malformed::Undecodable("Record"), 7100);
    check(&format!("{VERSION}{TO}{FROM}{GET}1a"), &Malformed::Undecodable("Record"), 7100);
    check(&format!("{VERSION}{TO} 1a01ff {GET}"), &Malformed::Undecodable("Record"), 7100);
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

#[requirement("R-MTP.5")]
#[test]
fn only_requests_to_us_are_answered() {
    let check = |hex: &str, me: &str, answered: Option<u32>| {
        let error = refusal(hex);
        let answer = error.answer(&id(me));
        let code = answer.as_ref().map(|(to, msg)| match &msg.body {
            Body::Error(body) if to.as_str() == "c::d" && msg.msg_id == "1" => body.err_code,
            other => panic!("{to} {other:?}"),
        });
        assert_eq!(code, answered, "{hex}");
    };
    // payload_security is unknown; everything that an answer needs is there.
    check(&format!("{VERSION}{TO}{FROM} 2002 {GET}"), "a::b", Some(7104));
    check(&format!("{TO}{FROM} {GET}"), "a::b", Some(7104));
    // The Record breaks off after its payload.
    check(&format!("{VERSION}{TO}{FROM}{GET} 20"), "a::b", Some(7100));
    // The Request breaks off after its kind, or is unknown.
    check(&format!("{VERSION}{TO}{FROM} 2002 3a0d 120b 0a050a01311001 12020a00"), "a::b", Some(7104));
    // Not to us; from ourselves; from nobody; from two.
    check(&format!("{VERSION}{TO}{FROM} 2002 {GET}"), "a::c", None);
    check(&format!("{VERSION}{TO} 1a04613a3a62 2002 {GET}"), "a::b", None);
    check(&format!("{VERSION}{TO} {GET}"), "a::b", None);
    check(&format!("{VERSION}{TO}{FROM}{FROM} {GET}"), "a::b", None);
    // A Response, an Error, no msg_id.
    check(&format!("{VERSION}{TO}{FROM} 2002 3a0f 120d 0a050a01311002 120412020a00"), "a::b", None);
    check(&format!("{VERSION}{TO}{FROM} 2002 3a0b 1209 0a030a0131 12021a00"), "a::b", None);
    check(&format!("{VERSION}{TO}{FROM} 2002 3a0c 120a 0a021001 12040a020a00"), "a::b", None);
    // Within a session.
    check(&format!("{VERSION}{TO}{FROM} 2002 420f 3a0d 0a050a01311001 12040a020a00"), "a::b", None);
}

#[requirement("R-MTP.6", "R-MTP.9")]
#[test]
fn builders() {
    let (from, to) = (id("c::d"), id("a::b"));
    let version = usp_proto::Version::CURRENT;
    let connect = Record::websocket_connect(&from, &to, version);
    assert!(connect.record_type.is_connect());
    let bytes = parse_hex(&format!("{VERSION}{TO}{FROM}4a00")).expect("hex");
    assert_eq!(connect.encode(), bytes);
    let link = LinkId(1);
    let mqtt = ReturnPath::Mqtt { link, topic: "to".into() };
    let topic = |version| Contact::Mqtt { version, topic: "us".into() };
    for (path, contact, expected) in [
        (ReturnPath::WebSocket(link), Contact::Connection, Some("4a00")),
        (ReturnPath::Uds(link), Contact::Connection, Some("6a00")),
        (mqtt.clone(), topic(MqttVersion::V311), Some("520412027573")),
        (mqtt.clone(), topic(MqttVersion::V5), Some("5206080112027573")),
        (
            ReturnPath::Stomp { link, destination: "to".into() },
            Contact::Stomp { destination: "us".into() },
            Some("5a0412027573"),
        ),
        (mqtt, Contact::Connection, None),
        // There is no Connect record for CoAP.
        (ReturnPath::Coap { link, uri: "coap://192.0.2.1/usp".into() }, Contact::Connection, None),
        (ReturnPath::WebSocket(link), topic(MqttVersion::V5), None),
    ] {
        let record = Record::connect(&from, &to, version, &path, &contact);
        assert!(record.iter().all(|record| record.record_type.is_connect()));
        let bytes = expected.map(|hex| parse_hex(&format!("{VERSION}{TO}{FROM}{hex}")).expect("hex"));
        assert_eq!(record.map(|record| record.encode()), bytes, "{path:?} {contact:?}");
    }
    let leave = Record::disconnect(&from, &to, version, 7106, "no");
    let bytes = parse_hex(&format!("{VERSION}{TO}{FROM}62090a026e6f15c21b0000")).expect("hex");
    assert_eq!(leave.encode(), bytes);
}

#[test]
fn the_payload_shares_the_buffer() {
    let hex = format!("{VERSION}{TO}{FROM}{GET}").replace(' ', "");
    let bytes = parse_hex(&hex).expect("hex");
    let range = bytes.as_ptr_range();
    let record = Record::decode(bytes).expect("a Record");
    let usp_proto::RecordType::NoSession { payload } = &record.record_type else { panic!("{record:?}") };
    assert!(range.contains(&payload.as_ptr()));
}

#[test]
fn debug_shows_no_payload() {
    let record = Record::message(&id("c::d"), &id("a::b"), usp_proto::Version::CURRENT, "secret".into());
    let shown = format!("{record:?}");
    assert!(shown.contains("6 bytes") && !shown.contains("secret") && !shown.contains("115"), "{shown}");
}

/// Whoever decodes it finds the same sender; where there is none, or more than one, nobody is named.
#[test]
fn the_sender_is_read_without_the_rest() {
    let honest = Record::websocket_connect(&id("os::A"), &id("self::c"), usp_proto::Version::CURRENT)
        .encode()
        .to_vec();
    let with = |more: &[u8]| [&honest[..], more].concat();
    let cases = [
        (honest.clone(), Some("os::A")),
        // A field of later versions, and a kind of Record that is none: not for this to judge.
        (with(&[0x82, 0x01, 1, b'x']), Some("os::A")),
        (vec![0x1A, 5, b'o', b's', b':', b':', b'A'], Some("os::A")),
        (with(&[0x1A, 5, b'o', b's', b':', b':', b'B']), None),
        (with(&[0x1A, 5, b'o', b's', b':', b':', b'A']), None),
        (with(&[0x1A, 5, b'o']), None),
        (vec![0x1A, 1, b'A'], None),
        (vec![0x18, 1], None),
        (vec![], None),
    ];
    for (record, expected) in cases {
        assert_eq!(Record::sender(&record), expected.map(id), "{record:02X?}");
        if let Ok(decoded) = Record::decode(record.into()) {
            assert_eq!(expected.map(id), Some(decoded.from_id));
        }
    }
}
