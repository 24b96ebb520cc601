//! The bytes that a signature or MAC covers, written out.

use bytes::Bytes;
use requirement::requirement;
use usp_proto::exchange::parse_hex;
use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::session::mac_input;
use usp_proto::{EndpointId, Record, RecordType, Version};

/// "1.4", "os::012345-A", "self::c-1".
const HEADER: &str = "312e34 6f733a3a3031323334352d41 73656c663a3a632d31";

fn record(record_type: RecordType) -> Record {
    let id = |text| EndpointId::receive(text).expect("an id");
    Record::new(&id("self::c-1"), &id("os::012345-A"), Version::new(1, 4), record_type)
}

fn context() -> SessionContext {
    SessionContext {
        session_id: 0x0102_0304_0506_0708,
        sequence_id: 1,
        expected_id: 0x1_0000,
        retransmit_id: u64::MAX,
        payload_sar_state: PayloadSarState::Complete,
        payloadrec_sar_state: PayloadSarState::Inprocess,
        payload: vec![Bytes::from_static(b"not covered")],
    }
}

fn check(record: &Record, expected: &str) {
    let expected = parse_hex(&expected.replace(' ', "")).expect("hex");
    assert_eq!(Bytes::from(mac_input(record)), expected, "{record:?}");
}

#[requirement("R-E2E.32", "R-E2E.32.1", "R-E2E.34")]
#[test]
fn fields_by_ascending_number() {
    let session = "0102030405060708 0000000000000001 0000000000010000 ffffffffffffffff 00000003 00000002";
    let mut signed = record(RecordType::Session(context()));
    check(&signed, &format!("{HEADER} 00000000 {session}"));

    signed.payload_security = PayloadSecurity::Tls12;
    signed.sender_cert = Bytes::from_static(b"PEM");
    signed.mac_signature = Bytes::from_static(b"not covered");
    check(&signed, &format!("{HEADER} 00000001 50454d {session}"));

    signed.originator_id = "o".to_owned();
    signed.destination_id = "d".to_owned();
    check(&signed, &format!("{HEADER} 00000001 50454d 6f 64 {session}"));
}

#[requirement("R-E2E.32.1")]
#[test]
fn zeros_are_bytes_and_empty_texts_are_none() {
    let empty = SessionContext {
        session_id: 0,
        sequence_id: 0,
        expected_id: 0,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::None,
        payloadrec_sar_state: PayloadSarState::None,
        payload: Vec::new(),
    };
    check(&record(RecordType::Session(empty)), &format!("{HEADER} 00000000 {}", "00".repeat(4 * 8 + 2 * 4)));
}

#[test]
fn without_a_session_the_records_own_fields_are_all() {
    let payload = Bytes::from_static(b"not covered");
    for alone in [
        RecordType::NoSession { payload },
        RecordType::WebSocketConnect,
        RecordType::Disconnect { reason: "not covered".to_owned(), reason_code: 7105 },
    ] {
        check(&record(alone), &format!("{HEADER} 00000000"));
    }
}
