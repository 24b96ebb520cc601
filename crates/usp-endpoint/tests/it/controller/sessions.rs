//! Where a session's Records go: a broker hands on whatever anybody says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dm::operation::Get;
use dm::{Mono, Now, Operation};
use requirement::requirement;
use usp_endpoint::controller::io::{Input, Output, Ticket};
use usp_endpoint::controller::{ControllerConfig, ControllerMachine};
use usp_endpoint::session::io::{Mode, Policy};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, PeerCertificate, ReturnPath};
use usp_proto::record::{MqttVersion, PayloadSarState, SessionContext};
use usp_proto::register::Register;
use usp_proto::session::{Crypto, mac_input};
use usp_proto::{Msg, Record, RecordType, Request, Version};

use super::bench::{AGENT, CONTROLLER, id};
use crate::session::peer::Named;

const LINK: LinkId = LinkId(1);

fn path(topic: &str) -> ReturnPath {
    ReturnPath::Mqtt { link: LINK, topic: topic.into() }
}

/// A Record of the agent's session, signed in this name.
fn signed(sequence_id: u64, name: &'static str) -> Bytes {
    signed_with(b"x", sequence_id, name)
}

fn signed_with(payload: &'static [u8], sequence_id: u64, name: &'static str) -> Bytes {
    let whole = PayloadSarState::None;
    let context = SessionContext {
        session_id: 77,
        sequence_id,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: whole,
        payloadrec_sar_state: whole,
        payload: vec![Bytes::from_static(payload)],
    };
    let mut record = Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, RecordType::Session(context));
    record.sender_cert = Bytes::from_static(AGENT.as_bytes());
    record.mac_signature = Named(name).sign(&mac_input(&record)).expect("a signature");
    record.encode()
}

struct Bench(ControllerMachine, Mono);

impl Bench {
    fn new() -> Bench {
        let mut config = ControllerConfig::new(id(CONTROLLER));
        config.sessions = Policy { tls: false, ..Policy::default() };
        config.crypto = Some(Arc::new(Named(CONTROLLER)));
        let mut bench = Bench(ControllerMachine::new(Arc::new(config), id(AGENT), [7; 32]), Mono(0));
        bench.input(Input::LinkUp {
            return_path: path("agent"),
            contact: Contact::default(),
            peer: PeerAuth::Unproven,
        });
        bench
    }

    /// Where Records went.
    fn input(&mut self, input: Input) -> Vec<ReturnPath> {
        self.0.handle(Now { mono: self.1, utc: None }, input);
        let outputs = std::iter::from_fn(|| self.0.poll_output());
        outputs
            .filter_map(|output| match output {
                Output::Send(outbound) => Some(outbound.return_path),
                _ => None,
            })
            .collect()
    }

    fn hear(&mut self, topic: &str, record: Bytes) -> Vec<ReturnPath> {
        let peer = PeerAuth::Unproven;
        self.input(Input::Record(Inbound { link: LINK, peer, return_path: path(topic), record }))
    }

    /// What is confirmed after a moment.
    fn later(&mut self) -> Vec<ReturnPath> {
        self.1 = self.1 + Duration::from_secs(1);
        self.input(Input::Timeout)
    }
}

#[test]
#[requirement("R-E2E.30")]
fn a_session_goes_where_its_genuine_records_come_from() {
    let mut bench = Bench::new();
    bench.hear("agent", signed(1, AGENT));
    assert_eq!(bench.later(), [path("agent")]);
    bench.hear("moved", signed(2, AGENT));
    assert_eq!(bench.later(), [path("moved")]);
}

#[test]
#[requirement("R-E2E.23", "R-E2E.30")]
fn a_forged_record_leads_it_nowhere() {
    let mut bench = Bench::new();
    bench.hear("agent", signed(1, AGENT));
    let mut sent = bench.hear("forger", signed(2, "os::somebody"));
    sent.extend(bench.later());
    assert!(!sent.is_empty() && sent.iter().all(|to| *to == path("agent")), "{sent:?}");
}

/// How many Records the machine sends when the agent starts a plain session by a link of which this is proved, without a
/// signature and with a request in it.
fn answers_to_a_plain_session(mode: Mode, peer: &PeerAuth) -> usize {
    let mut config = ControllerConfig::new(id(CONTROLLER));
    // As hosts have it: sessions of ours are under TLS.
    config.sessions = Policy { mode, ..Policy::default() };
    config.crypto = Some(Arc::new(Named(CONTROLLER)));
    let mut bench = Bench(ControllerMachine::new(Arc::new(config), id(AGENT), [7; 32]), Mono(0));
    bench.input(Input::LinkUp {
        return_path: path("agent"),
        contact: Contact::default(),
        peer: peer.clone(),
    });
    let mut record = Record::decode(signed(1, AGENT)).expect("a Record");
    (record.sender_cert, record.mac_signature) = (Bytes::new(), Bytes::new());
    let inbound =
        Inbound { link: LINK, peer: peer.clone(), return_path: path("agent"), record: record.encode() };
    bench.input(Input::Record(inbound));
    bench.later().len()
}

/// What a transport proves of the agent by a certificate of a CA that is trusted.
fn certified() -> PeerAuth {
    PeerAuth::Certificate(Arc::new(PeerCertificate {
        fingerprint: [1; 32],
        endpoint_ids: vec![id(AGENT)],
        trusted: true,
        vouched: false,
        chain: Vec::new(),
    }))
}

#[test]
#[requirement("R-E2E.4")]
fn a_plain_session_is_taken_where_the_transport_protects_it_and_none_is_required() {
    let certificate = certified();
    for (mode, peer, answers) in [
        (Mode::Allow, &certificate, 1),
        (Mode::Require, &certificate, 0),
        (Mode::Allow, &PeerAuth::Unproven, 0),
    ] {
        assert_eq!(answers_to_a_plain_session(mode, peer), answers, "{mode:?} {peer:?}");
    }
}

/// Some agents answer a request outside of a session with a Disconnect record (7105) and a session of their own, without a
/// Connect record in between.
#[test]
#[requirement("R-E2E.4", "R-E2E.7")]
fn what_was_asked_outside_of_a_session_is_asked_in_the_one_that_follows() {
    let mut bench = Bench::new();
    let said = |bench: &mut Bench, record: RecordType| {
        let record = Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, record).encode();
        bench.hear("agent", record)
    };
    said(
        &mut bench,
        RecordType::MqttConnect { version: MqttVersion::V5, subscribed_topic: "agent".to_owned() },
    );
    let get =
        Operation::Get(dm::operation::Get { paths: vec!["Device.LocalAgent.".to_owned()], max_depth: 0 });
    let ask =
        |ticket, operation| Input::Submit { ticket: Ticket(ticket), operation, deadline: Mono(30_000_000) };
    assert_eq!(bench.input(ask(1, get.clone())).len(), 1);
    let reason = "a session is mandatory".to_owned();
    assert_eq!(said(&mut bench, RecordType::Disconnect { reason, reason_code: 7105 }), []);
    assert_eq!(bench.hear("agent", signed_with(b"", 1, AGENT)), [path("agent")], "the Get");
    assert_eq!(bench.input(ask(2, get)), [path("agent")], "the next one");
}

/// Where a broker translates between versions of MQTT, each end may hear the other and can't rely on what it hears.
#[test]
#[requirement("R-MQTT.26a")]
fn an_agent_that_speaks_another_version_of_mqtt_is_not_spoken_with() {
    let config = Arc::new(ControllerConfig::new(id(CONTROLLER)));
    let mut bench = Bench(ControllerMachine::new(config, id(AGENT), [7; 32]), Mono(0));
    let contact = Contact::Mqtt { version: MqttVersion::V5, topic: "c".into() };
    bench.input(Input::LinkUp { return_path: path("agent"), contact, peer: PeerAuth::Unproven });
    let says = |version| {
        let kind = RecordType::MqttConnect { version, subscribed_topic: "agent".to_owned() };
        Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, kind).encode()
    };
    let ask = |bench: &mut Bench, number| {
        let get = Operation::Get(Get { paths: vec!["Device.".to_owned()], max_depth: 0 });
        let deadline = bench.1 + Duration::from_secs(3600);
        bench.input(Input::Submit { ticket: Ticket(number), operation: get, deadline }).len()
    };
    bench.hear("agent", says(MqttVersion::V311));
    assert_eq!(ask(&mut bench, 1), 0);
    // What it says otherwise is not answered, and opens no way to it.
    let register = Msg::request("r", Request::Register(Register::new(["Device.X."], true)));
    let register = Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, register.encode()).encode();
    assert_eq!(bench.hear("agent", register.clone()), []);
    assert_eq!(bench.later(), []);
    // It has been set right: what waited goes out.
    assert_eq!(bench.hear("agent", says(MqttVersion::V5)), [path("agent")]);
    assert_eq!(bench.hear("agent", register).len(), 1);
}

/// A broker hands on whatever anybody says: a forged Connect record does not silence an agent that proves itself in a session,
/// nor one that is to. What the transport itself proves is the agent's own word.
#[test]
#[requirement("R-MQTT.26a")]
fn a_forged_version_of_mqtt_silences_no_session() {
    let certificate = certified();
    let unproven = PeerAuth::Unproven;
    // (what is required, whether a session stands already, who says it, whether the agent is silenced)
    for (mode, stands, peer, silenced) in [
        (Mode::Allow, false, &unproven, true),
        (Mode::Allow, true, &unproven, false),
        (Mode::Require, false, &unproven, false),
        (Mode::Require, true, &unproven, false),
        (Mode::Allow, true, &certificate, true),
        (Mode::Require, true, &certificate, true),
    ] {
        let mut config = ControllerConfig::new(id(CONTROLLER));
        config.sessions = Policy { mode, tls: false, ..Policy::default() };
        config.crypto = Some(Arc::new(Named(CONTROLLER)));
        let mut bench = Bench(ControllerMachine::new(Arc::new(config), id(AGENT), [7; 32]), Mono(0));
        let contact = Contact::Mqtt { version: MqttVersion::V5, topic: "c".into() };
        bench.input(Input::LinkUp { return_path: path("agent"), contact, peer: unproven.clone() });
        let mut number = 0;
        let mut says = |bench: &mut Bench| {
            number += 1;
            let mut sent = bench.hear("agent", signed(number, AGENT));
            sent.extend(bench.later());
            sent.len()
        };
        if stands {
            assert!(says(&mut bench) > 0, "{mode:?}");
        }
        let kind =
            RecordType::MqttConnect { version: MqttVersion::V311, subscribed_topic: "agent".to_owned() };
        let record = Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, kind).encode();
        bench.input(Input::Record(Inbound {
            link: LINK,
            peer: peer.clone(),
            return_path: path("forger"),
            record,
        }));
        bench.later();
        assert_eq!(says(&mut bench) == 0, silenced, "{mode:?}, session: {stands}, {peer:?}");
    }
}
