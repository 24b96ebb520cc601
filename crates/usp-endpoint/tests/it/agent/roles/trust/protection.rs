//! What has to protect a Message before it counts, and sessions under TLS where nothing else does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use requirement::requirement;
use sha2::{Digest, Sha256};
use usp_endpoint::agent::audit::{Audit, Deed};
use usp_endpoint::agent::io::Input as AgentInput;
use usp_endpoint::agent::{AgentConfig, AgentMachine};
use usp_endpoint::session::Session;
use usp_endpoint::session::io::{Input, Mode, Output, Policy, Status, Ticket};
use usp_proto::link::{Contact, Inbound, LinkId, Login, ReturnPath};
use usp_proto::record::{MqttVersion, PayloadSecurity};
use usp_proto::session::{Crypto, CryptoError, PayloadTls, TlsRole};
use usp_proto::{EndpointId, Msg, Record, RecordType, Version};

use super::super::super::host::{AGENT, Asked, Host, ONE, TWO};
use super::super::super::reads::get;
use super::super::super::writes::set;
use super::super::{ALL, READ, list};
use super::*;
use crate::session::peer::credential as tls_of;

const E2E: &str = "\
Device.LocalAgent.Controller.{i}.E2ESession. object usp=2.0
Device.LocalAgent.Controller.{i}.E2ESession.CurrentRetryCount param usp=2.0 access=readOnly type=unsignedInt
Device.LocalAgent.Controller.{i}.E2ESession.PayloadSecurity param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.E2ESession.SessionMode param usp=2.0 access=readWrite type=string
Device.LocalAgent.Controller.{i}.E2ESession.Status param usp=2.0 access=readOnly type=string
";
const SHOWN: &str = "Device.Info.Name => Device.Info.[Name=cusp]";
const PLAIN: PeerAuth = PeerAuth::Unproven;

/// Signs without keys, for whoever has the name; the TLS is real.
struct Keys(&'static str, &'static str);

fn signature(name: &[u8], input: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&Sha256::new().chain_update(name).chain_update(input).finalize())
}

impl Crypto for Keys {
    fn certificate(&self) -> Bytes {
        Bytes::from(format!("PEM {}", self.1))
    }

    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError> {
        Ok(signature(self.0.as_bytes(), input))
    }

    fn verify(&self, from: &EndpointId, _: &[u8], input: &[u8], signed: &[u8]) -> Result<(), CryptoError> {
        let right = signature(from.as_str().as_bytes(), input) == signed;
        if right { Ok(()) } else { Err(CryptoError("a wrong signature".to_owned())) }
    }

    fn tls(&self, role: TlsRole, peer: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError> {
        tls_of(self.0).tls(role, peer)
    }
}

/// Role 1 may do everything, role 2, of strangers, reads the name. Messages need protection; the device has keys for
/// sessions. Certificate 1 is the root; [`TWO`] is connected within the device.
fn device(one: &[u32], mode: &str) -> Host {
    let more = [("Device.LocalAgent.Controller.{i}.TransferCompletePolicy. object", E2E)];
    let roles: &[&[super::super::Permission]] = &[&[(0, "Device.", ALL)], &[(0, "Device.Info.", READ)]];
    let mut host = trusting_more(&more, roles, one);
    host.machine = machine([7; 32]);
    certificate(&mut host, 1, ROOT);
    untrusted(&mut host, 2);
    host.fill(&format!("{ROW}E2ESession."), &[("SessionMode", mode), ("PayloadSecurity", "Plaintext")]);
    host.start();
    host.link_as(2, TWO, PeerAuth::Local { uid: 0 });
    host.news();
    host
}

fn machine(seed: [u8; 32]) -> AgentMachine {
    AgentMachine::new(config(), seed).with_trust(Arc::new(Played)).with_protection()
}

fn config() -> AgentConfig {
    AgentConfig {
        endpoint: id(AGENT),
        versions: Version::SUPPORTED.to_vec(),
        oui: "012345".to_owned(),
        product_class: "Box".to_owned(),
        serial_number: "A1".to_owned(),
        crypto: Some(Arc::new(Keys(AGENT, "agent|root||"))),
    }
}

/// A controller's end of a session, by hand.
struct Far {
    session: Session,
    seen: usize,
    delivered: Vec<Bytes>,
}

impl Far {
    fn new(certificate: &'static str) -> Far {
        let policy = Policy { mode: Mode::Allow, tls: true, sign: true, ..Policy::default() };
        let keys: Arc<dyn Crypto> = Arc::new(Keys(ONE, certificate));
        let session = Session::new(id(ONE), id(AGENT), policy, Some(keys), [3; 32]);
        Far { session, seen: 0, delivered: Vec::new() }
    }

    /// Takes what the device sent to [`ONE`] and lets it have the answers, until both are silent.
    fn run(&mut self, host: &mut Host) {
        for _ in 0..20 {
            while self.seen < host.sent.len() {
                let record = Record::decode(host.sent[self.seen].clone()).expect("our own Record");
                self.seen += 1;
                if record.to_id == id(ONE) && matches!(record.record_type, RecordType::Session(_)) {
                    self.session.handle(host.now.mono, Input::Record { record, protected: false });
                }
            }
            let mut quiet = true;
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Send(record) => {
                        quiet = false;
                        host.bytes(1, record);
                    }
                    Output::Deliver(message) => self.delivered.push(message),
                    _ => {}
                }
            }
            if quiet && self.seen == host.sent.len() {
                return;
            }
        }
        panic!("they go on for ever");
    }

    /// Asks for the name in the session; what comes back.
    fn name(&mut self, host: &mut Host) -> String {
        self.delivered.clear();
        let message = Msg::request("e".to_owned(), Asked::from(get(&["Device.Info.Name"], 0)).0).encode();
        self.session.handle(host.now.mono, Input::Send { ticket: Ticket(1), message });
        self.run(host);
        host.pass(Duration::from_millis(1));
        self.run(host);
        let answer = self.delivered.first().map(|answer| Msg::decode(answer).expect("a Msg"));
        answer.map_or_else(|| "-".to_owned(), |answer| super::super::super::show::body(&answer.body))
    }
}

/// R-SEC.0 and the figure "no-secure-message-exchange": what counts outside of sessions.
#[test]
#[requirement("R-MTP.0", "R-SEC.0", "R-SEC.22")]
fn a_message_that_nothing_protects_does_not_count() {
    for (peer, answered) in [
        (PLAIN, false),
        (PeerAuth::Login(Login::new("one", [7; 32])), false),
        (PeerAuth::Local { uid: 7 }, true),
        (PeerAuth::Near, true),
        (shown(&[LEAF], true), true),
        (shown(&[SELF], false), false),
    ] {
        let mut host = device(&[1], "Forbid");
        super::credential(&mut host, 1, "MTP-and-USP", &[]);
        host.link_as(1, ONE, peer.clone());
        host.recognised = false;
        let answer = host.ask(get(&["Device.Info.Name"], 0));
        assert_eq!(answer, if answered { SHOWN } else { "-" }, "{peer:?}");
        assert_eq!(host.recognised, answered, "{peer:?}");
        let refused = |entry: &Audit| matches!(entry.deed, Deed::NotBelieved);
        assert_ne!(host.audited.iter().any(refused), answered, "{peer:?}");
    }
}

/// Figure "send-record": where neither the connection's certificate nor a trusted broker speaks for the controller,
/// everything goes in a session under TLS with signatures, whatever `PayloadSecurity` says; nothing where sessions are
/// forbidden.
#[test]
#[requirement("R-MTP.0", "R-SEC.0", "R-SEC.23")]
fn nothing_is_sent_in_the_clear() {
    for (mode, peer, expected) in [
        ("Allow", PLAIN, Some((PayloadSecurity::Tls12, true))),
        ("Forbid", PLAIN, None),
        ("Allow", shown(&[LEAF], true), Some((PayloadSecurity::Plaintext, false))),
    ] {
        let mut host = device(&[1], mode);
        super::credential(&mut host, 1, "MTP-and-USP", &[]);
        host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
        host.change("Device.LocalAgent.Subscription.1.", "Enable", "false");
        host.change("Device.LocalAgent.Subscription.1.", "Enable", "true");
        host.link_as(1, ONE, peer);
        host.sent.clear();
        host.change("Device.Info.", "Name", "other");
        host.pass(Duration::from_secs(5));
        let records = host.sent.iter().map(|record| Record::decode(record.clone()).expect("our own Record"));
        let records = records.filter(|record| record.to_id == id(ONE) && !record.record_type.is_connect());
        let seen = records.map(|record| (record.payload_security, !record.mac_signature.is_empty())).last();
        assert_eq!(seen, expected, "{mode}");
    }
}

/// Figure "send-record", optional element: the policy may always want a session, also where TLS would do.
#[test]
#[requirement("R-SEC.23a")]
fn a_policy_may_always_want_a_session() {
    let mut host = device(&[1], "Require");
    super::credential(&mut host, 1, "MTP-and-USP", &[]);
    host.link_as(1, ONE, shown(&[LEAF], true));
    assert_eq!(host.ask(get(&["Device.Info.Name"], 0)), "-");
    let last = host.sent.iter().rev().map(|record| Record::decode(record.clone()).expect("our own Record"));
    let last = last.filter(|record| record.to_id == id(ONE)).map(|record| record.record_type).next();
    assert!(matches!(last, Some(RecordType::Session(_))), "{last:?}");
}

/// What stands in the table outlives a restart; how often a session failed does not.
#[test]
#[requirement("R-E2E.13")]
fn a_restart_counts_the_retries_of_a_session_anew() {
    let mut host = device(&[1], "Require");
    super::credential(&mut host, 1, "MTP-and-USP", &[]);
    host.link_as(1, ONE, shown(&[LEAF], true));
    // Nobody answers.
    host.pass(Duration::from_secs(3600));
    let (session, count) = (format!("{ROW}E2ESession."), "CurrentRetryCount");
    assert!(host.value(&session, count).parse::<u32>().expect("a number") > 1);
    let mut later = Host::with(host.tree, [8; 32]);
    later.machine = machine([8; 32]);
    later.start();
    assert_eq!(later.value(&session, count), "0");
}

/// Figures "receive-record" and "check-cert": a session under TLS through anybody's hands; its certificate earns the
/// roles that a connection's would, and has to lead to the tables.
#[test]
#[requirement("R-SEC.0", "R-SEC.22", "R-SEC.24")]
fn the_certificate_of_a_session_is_judged_by_the_tables() {
    for (uses, certificate, inherited, answer) in [
        ("MTP-and-USP", LEAF, list(&[1]), SHOWN),
        ("MTP-only", LEAF, String::new(), "-"),
        ("MTP-and-USP", "stray|other|self::one|", String::new(), "-"),
        ("MTP-and-USP", "revoked|root|self::one|", String::new(), "-"),
    ] {
        let mut host = device(&[], "Allow");
        super::credential(&mut host, 1, uses, &[1]);
        host.link_as(1, ONE, PLAIN);
        host.recognised = false;
        let mut far = Far::new(certificate);
        assert_eq!(far.name(&mut host), answer, "{uses} {certificate}");
        assert_eq!(host.recognised, answer == SHOWN, "{uses} {certificate}");
        assert_eq!(host.value(ROW, "InheritedRole"), inherited, "{uses} {certificate}");
    }
}

/// What a session lives by ends with it: it is neither believed nor answered any more, at once.
#[test]
#[requirement("R-SEC.24")]
fn a_session_ends_with_the_trust_in_its_certificate() {
    let cases: [(String, &str); 3] = [
        (format!("{CREDENTIAL}1."), "!AllowedUses=MTP-only"),
        (format!("{CREDENTIAL}1."), "!Enable=false"),
        (format!("{CERTIFICATE}1."), "!Enable=false"),
    ];
    for (row, setting) in cases {
        let mut host = device(&[1], "Allow");
        super::credential(&mut host, 1, "MTP-and-USP", &[]);
        // Without another row the tables would name nothing at all.
        certificate(&mut host, 2, OTHER);
        super::credential(&mut host, 2, "MTP-and-USP", &[]);
        host.link_as(1, ONE, PLAIN);
        let mut far = Far::new(LEAF);
        assert_eq!(far.name(&mut host), SHOWN, "{setting}");
        assert_eq!(far.session.status(), Status::Up);
        let answer = host.ask_as(2, TWO, set(false, &[(&row, &[setting])]));
        assert!(answer.starts_with(&row), "{answer}");
        assert_eq!(host.value(&format!("{ROW}E2ESession."), "Status"), "Negotiating", "{setting}");
        assert_eq!(far.name(&mut host), "-", "{setting}");
    }
}

/// A device that does not ask for protection leaves it to its host, as before.
#[test]
fn without_the_policy_the_host_decides() {
    let mut host = trusting(&[&[(0, "Device.", ALL)]], &[1]);
    host.start();
    host.link(1, ONE);
    assert_eq!(host.ask(get(&["Device.Info.Name"], 0)), SHOWN);
}

/// A broker passes on whatever anybody says: a Record that begins a session does not say where the session is spoken until
/// it is found genuine.
#[test]
fn a_forged_session_leads_nothing_elsewhere() {
    let mut host = device(&[1], "Allow");
    host.machine = AgentMachine::new(config(), [7; 32]);
    host.subscribe(1, 1, "ValueChange", "Device.Info.Name", &[]);
    host.start();
    let link = LinkId(1);
    let topic = |topic: &str| ReturnPath::Mqtt { link, topic: topic.into() };
    let contact = Contact::Mqtt { version: MqttVersion::V5, topic: "a".into() };
    host.input(AgentInput::LinkUp { controller: id(ONE), return_path: topic("known"), contact, peer: PLAIN });
    let mut forger = Session::new(
        id(ONE),
        id(AGENT),
        Policy { tls: false, sign: true, ..Policy::default() },
        Some(Arc::new(Keys("self::forger", "forger"))),
        [3; 32],
    );
    forger.handle(host.now.mono, Input::Send { ticket: Ticket(1), message: Bytes::from_static(b"x") });
    while let Some(output) = forger.poll_output() {
        if let Output::Send(record) = output {
            host.input(AgentInput::Record(Inbound {
                link,
                peer: PLAIN,
                return_path: topic("forger"),
                record,
            }));
        }
    }
    host.paths.clear();
    // From now on all that is told to it has to be in a session, which begins where the controller is known to be.
    host.change(&format!("{ROW}E2ESession."), "SessionMode", "Require");
    host.change("Device.Info.", "Name", "other");
    host.pass(Duration::from_secs(60));
    assert!(!host.paths.is_empty());
    assert!(host.paths.iter().all(|path| *path == topic("known")), "{:?}", host.paths);
}
