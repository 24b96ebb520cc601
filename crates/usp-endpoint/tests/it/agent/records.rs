//! Records and message ids: what is answered, what is ignored.

use std::sync::Arc;

use bytes::Bytes;
use dm::Operation;
use dm::operation::Get;
use requirement::requirement;
use usp_endpoint::agent::io::{CloseReason, Input};
use usp_endpoint::translate;
use usp_proto::link::{Contact, LinkId, PeerAuth, PeerCertificate, ReturnPath};
use usp_proto::msg::MsgType;
use usp_proto::record::{MqttVersion, PayloadSarState, SessionContext};
use usp_proto::register::Register;
use usp_proto::{Msg, Record, RecordType, Request, Version};

use super::host::{AGENT, Host, ONE, TWO, id};
use super::writes::set;

fn get() -> Request {
    translate::request(Operation::Get(Get { paths: vec!["Device.Info.Load".to_owned()], max_depth: 0 }))
}

const ANSWER: &str = "Device.Info.Load => Device.Info.[Load=7]";

#[test]
#[requirement("R-MTP.6")]
fn the_connect_record_comes_first() {
    let mut host = Host::new();
    host.subscribe(1, 1, "Event", "Device.Boot!", &[]);
    host.start();
    host.link(1, ONE);
    let log = host.news();
    assert_eq!(log[0], "1 WebSocketConnect");
    assert!(log[1].starts_with("1 s1 Device.Boot!"), "{log:?}");
    host.input(Input::LinkDown(LinkId(1)));
    host.link(5, ONE);
    assert_eq!(host.news(), ["5 WebSocketConnect"]);
    // To one that is enabled while it is connected, as soon as it is.
    host.change("Device.LocalAgent.Controller.2.", "Enable", "false");
    host.link(6, TWO);
    assert_eq!(host.news(), [""; 0]);
    host.change("Device.LocalAgent.Controller.2.", "Enable", "true");
    assert_eq!(host.news(), ["6 WebSocketConnect"]);
    // Each transport has its own, and none that would name no way to the agent.
    let link = LinkId(7);
    let (to, own): (Arc<str>, Arc<str>) = ("usp/controller".into(), "usp/agent".into());
    let mqtt = |topic: &Arc<str>| ReturnPath::Mqtt { link, topic: topic.clone() };
    let reached = Contact::Mqtt { version: MqttVersion::V5, topic: own };
    for (return_path, contact, expected) in [
        (ReturnPath::Uds(link), Contact::Connection, &["7 UdsConnect"][..]),
        (mqtt(&to), reached.clone(), &["7 MqttConnect V5 usp/agent"]),
        (mqtt(&to), Contact::Connection, &[]),
        (ReturnPath::WebSocket(link), reached, &["5 close"]),
    ] {
        let peer = PeerAuth::Unproven;
        host.input(Input::LinkUp { controller: id(ONE), return_path, contact, peer });
        assert_eq!(host.news(), expected);
        host.input(Input::LinkDown(link));
    }
}

/// Where a broker translates between versions of MQTT, each end may hear the other and can't rely on what it hears.
#[test]
#[requirement("R-MQTT.26a")]
fn a_controller_that_speaks_another_version_of_mqtt_is_not_spoken_with() {
    let mut host = Host::new();
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
    host.start();
    let return_path = ReturnPath::Mqtt { link: LinkId(1), topic: "c".into() };
    let contact = Contact::Mqtt { version: MqttVersion::V5, topic: "a".into() };
    host.input(Input::LinkUp { controller: id(ONE), return_path, contact, peer: PeerAuth::Unproven });
    let says = |version| {
        let kind = RecordType::MqttConnect { version, subscribed_topic: "c".to_owned() };
        Record::new(&id(ONE), &id(AGENT), Version::CURRENT, kind)
    };
    host.record(1, &says(MqttVersion::V5));
    assert_eq!(host.ask(get()), ANSWER);
    host.news();
    host.record(1, &says(MqttVersion::V311));
    assert_eq!(host.ask(get()), "-");
    host.change("Device.Info.", "Name", "other");
    assert_eq!(host.news(), [""; 0]);
    assert_eq!(host.noticed.len(), 1, "{:?}", host.noticed);
    // It has changed its mind.
    host.record(1, &says(MqttVersion::V5));
    assert_eq!(host.ask(get()), ANSWER);
    assert!(host.news().iter().any(|line| line.starts_with("1 s1 Device.Info.Name")), "{:?}", host.notifies);
}

/// What anybody may have said silences nobody.
#[test]
fn a_version_that_nothing_protects_is_not_believed() {
    let mut host = Host::new();
    host.machine = host.machine.with_protection();
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
    host.start();
    let return_path = ReturnPath::Mqtt { link: LinkId(1), topic: "c".into() };
    let contact = Contact::Mqtt { version: MqttVersion::V5, topic: "a".into() };
    host.input(Input::LinkUp { controller: id(ONE), return_path, contact, peer: PeerAuth::Unproven });
    let kind = RecordType::MqttConnect { version: MqttVersion::V311, subscribed_topic: "c".to_owned() };
    host.record(1, &Record::new(&id(ONE), &id(AGENT), Version::CURRENT, kind));
    assert_eq!(host.noticed, [""; 0]);
}

#[test]
#[requirement("R-E2E.1", "R-SEC.0a")]
fn records_of_others_are_ignored() {
    let mut host = Host::running();
    let payload = || Msg::request("m", get()).encode();
    for (from, to) in [(ONE, "self::other"), (TWO, AGENT), (AGENT, AGENT), ("self::stranger", AGENT)] {
        host.record(1, &Record::message(&id(from), &id(to), Version::CURRENT, payload()));
        assert_eq!(host.news(), [""; 0], "{from} to {to}");
    }
    host.record(1, &Record::message(&id(ONE), &id(AGENT), Version::CURRENT, payload()));
    assert_eq!(host.news(), [format!("1 {ANSWER}")]);
}

/// What a certificate has to say, by who opened the connection: the transport vouches for whom the agent
/// dialled, and for pinned ones; a CA's signature alone tells only whom the certificate names.
#[test]
#[requirement("R-SEC.0a")]
fn the_certificate_names_the_sender() {
    const NOBODY: &[&str] = &[];
    const HOST: &[&str] = &["fqdn::acs.example.net"];
    let (dialled, accepted, stranger) = ((true, true), (false, true), (false, false));
    let cases: &[((bool, bool), &[&str], bool)] = &[
        (dialled, NOBODY, true),
        (dialled, HOST, true),
        (dialled, &[ONE], true),
        (dialled, &[TWO, ONE], true),
        (dialled, &[TWO], false),
        (dialled, &["fqdn::acs.example.net", TWO], false),
        (accepted, NOBODY, false),
        (accepted, HOST, false),
        (accepted, &[ONE], true),
        (accepted, &[TWO, ONE], true),
        (accepted, &[TWO], false),
        // Self-signed: pinned, or of somebody who names himself what he likes.
        ((true, false), NOBODY, true),
        ((true, false), &[ONE], true),
        ((true, false), &[TWO], false),
        (stranger, NOBODY, false),
        (stranger, &[ONE], false),
    ];
    for ((vouched, trusted), names, answered) in cases {
        let certificate = PeerCertificate {
            endpoint_ids: names.iter().map(|name| id(name)).collect(),
            trusted: *trusted,
            vouched: *vouched,
            ..PeerCertificate::default()
        };
        let mut host = Host::new();
        host.start();
        host.link_as(1, ONE, PeerAuth::Certificate(Arc::new(certificate)));
        let what = format!("vouched {vouched}, trusted {trusted}, {names:?}");
        assert_eq!(host.ask(get()) == ANSWER, *answered, "{what}");
    }
    // Without TLS, the host has decided.
    let mut host = Host::running();
    assert_eq!(host.ask(get()), ANSWER);
}

#[test]
fn strangers_are_denied() {
    let mut host = Host::running();
    host.link(3, "self::stranger");
    assert_eq!(host.news(), [""; 0], "no Connect record for them");
    assert_eq!(host.ask_as(3, "self::stranger", get()), "Error 7006");
    host.change("Device.LocalAgent.Controller.2.", "Enable", "false");
    host.link(4, TWO);
    assert_eq!(host.ask_as(4, TWO, set(false, &[("Device.Info.", &["Name=x"])])), "Error 7006");
    assert_eq!(host.value("Device.Info.", "Name"), "cusp");
}

#[test]
#[requirement("R-MTP.5", "R-WS.16")]
fn broken_records_are_answered_only_where_that_is_safe() {
    let mut host = Host::running();
    host.bytes(1, Bytes::from_static(b"not a record"));
    assert_eq!(host.news(), ["1 close"]);
    assert_eq!(host.closed, [(1, CloseReason::BadRecord)]);
    // payload_security (field 4) has a value that nobody knows.
    for (message, expected) in [
        (Msg::request("m", get()), &["2 Error 7104"][..]),
        (Msg::error("m", usp_proto::ErrorBody::new(7000, "")), &[]),
    ] {
        let record = Record::message(&id(TWO), &id(AGENT), Version::CURRENT, message.encode()).encode();
        let broken = [&record[..], &[0x20, 0x09]].concat();
        host.bytes(2, Bytes::from(broken));
        assert_eq!(host.news(), expected);
    }
}

/// A request outside a session is answered outside a session; one inside is not answered that way, because
/// there is none.
#[test]
#[requirement("R-E2E.6a", "R-MTP.8", "R-MTP.9", "R-MSG.0a")]
fn sessions_are_refused() {
    let mut host = Host::running();
    let request = || Msg::request("m", get());
    host.send(1, ONE, &request());
    assert_eq!(host.news(), [format!("1 {ANSWER}")]);
    let answer = Record::decode(host.sent[host.sent.len() - 1].clone()).map(|record| record.record_type);
    assert!(matches!(answer, Ok(RecordType::NoSession { .. })), "{answer:?}");
    let context = SessionContext {
        session_id: 2,
        sequence_id: 1,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::None,
        payloadrec_sar_state: PayloadSarState::None,
        payload: vec![request().encode()],
    };
    host.record(1, &Record::new(&id(ONE), &id(AGENT), Version::CURRENT, RecordType::Session(context)));
    // R-MTP.8: the connection stays.
    assert_eq!(host.news(), ["1 Disconnect 7106", "1 WebSocketConnect"]);
}

#[test]
#[requirement("R-MSG.0", "R-MSG.1", "R-ENC.5")]
fn what_an_agent_does_not_understand_is_refused() {
    let mut host = Host::running();
    assert_eq!(host.ask(Request::Register(Register::new(["Device.X."], true))), "Error 7001");
    // A request without an alternative: header { msg_id "e", GET }, body { request {} }.
    let empty = [0x0a, 5, 0x0a, 1, b'e', 0x10, 1, 0x12, 2, 0x0a, 0];
    let payload = Bytes::from(empty.to_vec());
    host.record(1, &Record::message(&id(ONE), &id(AGENT), Version::CURRENT, payload));
    assert_eq!(host.answer("e"), "Error 7004");
}

#[test]
#[requirement("R-MSG.10")]
fn the_body_decides_whatever_the_header_says() {
    let mut host = Host::running();
    let mut payload = Msg::request("m", get()).encode().to_vec();
    // Header: length, msg_id of one byte, msg_type.
    assert_eq!(payload[..7], [0x0a, 5, 0x0a, 1, b'm', 0x10, MsgType::Get as u8]);
    payload[6] = MsgType::Delete as u8;
    host.record(1, &Record::message(&id(ONE), &id(AGENT), Version::CURRENT, Bytes::from(payload)));
    assert_eq!(host.answer("m"), ANSWER);
}

#[test]
#[requirement("R-MSG.4", "R-MSG.9")]
fn a_repeated_request_is_ignored_while_it_is_in_progress() {
    let mut host = Host::running();
    host.hold = true;
    let request = || translate::request(set(false, &[("Device.Info.", &["Name=x"])]));
    host.send(1, ONE, &Msg::request("same", request()));
    host.send(1, ONE, &Msg::request("same", request()));
    assert_eq!(host.held.len(), 1);
    // The id is the sender's: another's is another request.
    host.send(2, TWO, &Msg::request("same", get()));
    assert_eq!(host.news(), [format!("2 {ANSWER}")]);
    host.commit();
    assert_eq!(host.news(), ["1 Device.Info. => Device.Info.[Name=x]"]);
    host.send(1, ONE, &Msg::request("same", get()));
    assert_eq!(host.news(), [format!("1 {ANSWER}")], "it is no longer in progress");
}

#[test]
#[requirement("R-MSG.9")]
fn answers_to_nothing_are_ignored() {
    let mut host = Host::running();
    let response = usp_proto::Response::NotifyResp(usp_proto::notify::NotifyResp::default());
    host.send(1, ONE, &Msg::response("nobody", response));
    host.send(1, ONE, &Msg::error("nobody", usp_proto::ErrorBody::new(7000, "")));
    assert_eq!(host.news(), [""; 0]);
}
