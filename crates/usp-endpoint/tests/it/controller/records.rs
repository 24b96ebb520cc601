//! Records: whose they are, and what a bad one brings.

use std::sync::Arc;

use bytes::Bytes;
use requirement::requirement;
use usp_proto::get::Get;
use usp_proto::link::{PeerAuth, PeerCertificate};
use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::register::{Deregister, Register};
use usp_proto::{Msg, Record, RecordType, Request, Response, Version};

use super::bench::{AGENT, Bench, CONTROLLER, id};

fn certificate(names: &[&str], trusted: bool) -> PeerAuth {
    let endpoint_ids = names.iter().map(|name| id(name)).collect();
    PeerAuth::Certificate(Arc::new(PeerCertificate { endpoint_ids, trusted, ..PeerCertificate::default() }))
}

#[requirement("R-SEC.0a")]
#[test]
fn the_certificate_names_the_sender() {
    let connected = "connected".to_owned();
    let refused = format!("close: the certificate does not name {AGENT}");
    for (peer, expected) in [
        (PeerAuth::Unproven, &connected),
        (certificate(&[AGENT], true), &connected),
        (certificate(&["os::00256D-2", AGENT], true), &connected),
        (certificate(&["os::00256D-*"], true), &connected),
        (certificate(&["os::00256D-2"], true), &refused),
        (certificate(&["fqdn::agent.example"], true), &refused),
        (certificate(&[], true), &refused),
        // One that a person has pinned for this agent, and that names none.
        (certificate(&[], false), &connected),
        (certificate(&["fqdn::agent.example"], false), &connected),
        (certificate(&["os::00256D-2"], false), &refused),
    ] {
        let mut bench = Bench::new();
        bench.peer = peer.clone();
        bench.link_up();
        let mut heard = bench.hear_record(RecordType::WebSocketConnect);
        let told = heard.first().is_some_and(|first| first.starts_with("impersonates: "));
        assert_eq!(told, *expected == refused, "{peer:?}");
        heard.drain(..usize::from(told));
        assert_eq!(heard, std::slice::from_ref(expected), "{peer:?}");
    }
}

#[test]
fn a_connection_is_one_agents() {
    let mut bench = Bench::connected();
    let other = Record::websocket_connect(&id("os::00256D-2"), &id(CONTROLLER), Version::CURRENT);
    let closed = format!("close: a Record from os::00256D-2 on the connection of {AGENT}");
    assert_eq!(bench.hear_bytes(other.encode()), ["impersonates: os::00256D-2".to_owned(), closed]);
}

#[requirement("R-E2E.1")]
#[test]
fn what_is_for_somebody_else_is_ignored() {
    let mut bench = Bench::connected();
    let payload = Msg::request("m", Request::Get(Get::new(["Device."], 0))).encode();
    let record = Record::message(&id(AGENT), &id("proto::other"), Version::CURRENT, payload);
    // Told once for each connection.
    assert_eq!(bench.hear_bytes(record.encode()), ["misaddressed: proto::other"]);
    assert_eq!(bench.hear_bytes(record.encode()), ["noticed: a Record for proto::other"]);
    bench.link_down();
    bench.link_up();
    assert_eq!(bench.hear_bytes(record.encode()), ["misaddressed: proto::other"]);
}

#[requirement("R-E2E.41")]
#[test]
fn a_payload_under_tls_needs_a_session() {
    let mut bench = Bench::connected();
    let payload = Msg::request("m", Request::Get(Get::new(["Device."], 0))).encode();
    let mut record = Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, payload);
    record.payload_security = PayloadSecurity::Tls12;
    assert_eq!(bench.hear_bytes(record.encode()), ["noticed: a payload under TLS outside of a session"]);
}

#[test]
fn what_is_no_record_ends_the_connection() {
    let mut bench = Bench::connected();
    let lines = bench.hear_bytes(Bytes::from_static(&[0xff, 0xff, 0xff]));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("close: a Record that cannot be read"), "{lines:?}");
}

/// A Record of the agent with an unknown kind of payload security, around a Msg.
fn with_bad_security(msg: &Msg) -> Bytes {
    let record = Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, msg.encode());
    let mut bytes = record.encode().to_vec();
    bytes.extend([0x20, 9]);
    Bytes::from(bytes)
}

#[requirement("R-MTP.5", "R-ENC.2")]
#[test]
fn bad_records_are_answered_only_around_requests() {
    let mut bench = Bench::connected();
    let request = Msg::request("m", Request::Get(Get::new(["Device."], 0)));
    let answered = bench.hear_bytes(with_bad_security(&request));
    assert_eq!(answered.len(), 2);
    assert_eq!(answered[0], "send Error m 7104");
    assert!(answered[1].starts_with("noticed: a Record that cannot be read"), "{answered:?}");

    let response = Msg::response("m", Response::GetResp(usp_proto::get::GetResp::default()));
    let ignored = bench.hear_bytes(with_bad_security(&response));
    assert_eq!(ignored.len(), 1);
    assert!(ignored[0].starts_with("noticed:"), "{ignored:?}");
}

#[requirement("R-MSG.1")]
#[test]
fn requests_that_are_for_others_are_refused() {
    let mut bench = Bench::connected();
    for request in [
        Request::Register(Register::default()),
        Request::Deregister(Deregister::default()),
        Request::Get(Get::new(["Device."], 0)),
    ] {
        assert_eq!(bench.hear(&Msg::request("m", request)), ["send Error m 7001"]);
    }
}

#[requirement("R-MSG.1", "R-MTP.5")]
#[test]
fn messages_that_cannot_be_read_are_answered_if_they_are_requests() {
    let mut bench = Bench::connected();
    // A header with the id "m" and the type Notify, and no body.
    let payload = Bytes::from_static(b"\x0a\x05\x0a\x01m\x10\x03");
    let lines = bench.hear_record(RecordType::NoSession { payload });
    assert_eq!(lines[0], "send Error m 7004");
    // The same as a NotifyResp.
    let payload = Bytes::from_static(b"\x0a\x05\x0a\x01m\x10\x10");
    let lines = bench.hear_record(RecordType::NoSession { payload });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("noticed:"), "{lines:?}");
}

#[test]
fn sessions_are_refused() {
    let mut bench = Bench::connected();
    let session = RecordType::Session(SessionContext {
        session_id: 2,
        sequence_id: 1,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::None,
        payloadrec_sar_state: PayloadSarState::None,
        payload: Vec::new(),
    });
    assert_eq!(bench.hear_record(session), ["send Disconnect 7106"]);
}
