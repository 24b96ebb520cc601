//! The agent and a controller that speaks CoAP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dm::operation::GetSchema;
use dm::{Operation, Outcome};
use mtp::coap::dtls::Trust;
use mtp::coap::{CoapUri, Failure, Gate, Settings, Socket};
use mtp::{DownReason, LinkSender, PeerAuth, Peers, Role};
use pki::{Ca, DeviceVerifier, Identity, ServerNames, ServerTls, Validity};
use requirement::requirement;
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;

use crate::peer::{AGENT, CONTROLLER, Controller, Heard, Program, Witness, id};
use crate::ports::free_port;

/// A controller at a UDP socket of its own, which knows where the agent is.
struct Site {
    controller: Controller,
    socket: LinkSender,
    url: String,
}

/// Ends the links that a failure is about.
struct Told(Peers<Witness>, Option<mpsc::UnboundedSender<String>>);

impl Gate for Told {
    fn failed(&self, uri: &str, _: Failure) {
        self.0.unreachable(uri, &DownReason::Dead);
    }

    fn unproven(&self, _: SocketAddr, why: &str) {
        if let Some(told) = &self.1 {
            let _ = told.send(why.to_owned());
        }
    }
}

/// Whose certificates a controller believes, and what it shows.
struct Rules(ServerTls);

impl Trust for Rules {
    fn own(&self) -> Identity {
        self.0.identity()
    }

    fn judge(&self, _: SocketAddr, by_us: bool, leaf: &CertificateDer<'_>) -> Result<PeerAuth, String> {
        assert!(!by_us, "it is the agent that calls");
        self.0.judge(std::slice::from_ref(leaf)).map_err(|error| error.to_string())
    }
}

async fn listen(agent_port: u16) -> Site {
    let settings = Settings { role: Role::Controller, path: vec!["c".to_owned()], public: None };
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let socket = Socket::bind(at, settings, [7; 32]).await.expect("a socket");
    let url = CoapUri::at(false, socket.local_addr(), &["c".to_owned()]).to_string();
    let (sender, events) = mpsc::unbounded_channel();
    let peers = Peers::known(Witness(sender));
    let there: Arc<str> = format!("coap://127.0.0.1:{agent_port}/a%20b").into();
    peers.set_known(&BTreeMap::from([(id(AGENT), there)]));
    let link = socket.sender();
    tokio::spawn(async move { socket.run(&peers, &Told(peers.clone(), None)).await });
    let mut controller = Controller::hearing(CONTROLLER, events);
    controller.connected().await;
    Site { controller, socket: link, url }
}

fn lines(url: &str, port: u16) -> String {
    format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\n[controller.coap]\nurl = {url:?}\nport = {port}\npath = \"/a%20b\"\n\
         [policy]\nunprotected = true\n"
    )
}

#[requirement("R-COAP.2a", "R-COAP.5")]
#[tokio::test]
async fn it_is_reached_notifies_and_says_good_bye() {
    let port = free_port();
    let Site { mut controller, socket: _socket, url } = listen(port).await;
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start_with(&[], folder.path(), &lines(&url, port));
    // It is the agent that speaks first: it asks to be onboarded.
    controller.notified_by("").await;
    for (path, expected) in [
        ("Device.LocalAgent.EndpointID", AGENT),
        ("Device.LocalAgent.SupportedProtocols", "WebSocket,MQTT,STOMP,UDS,CoAP"),
        ("Device.LocalAgent.MTP.1.Protocol", "CoAP"),
        ("Device.LocalAgent.MTP.1.Status", "Up"),
        ("Device.LocalAgent.MTP.1.CoAP.Path", "/a%20b"),
        ("Device.LocalAgent.MTP.1.CoAP.Port", &port.to_string()),
        ("Device.LocalAgent.Controller.1.MTP.1.CoAP.Host", "127.0.0.1"),
        ("Device.LocalAgent.Controller.1.MTP.1.CoAP.Path", "/c"),
        ("Device.LocalAgent.Controller.1.MTP.1.CoAP.EnableEncryption", "false"),
    ] {
        assert_eq!(controller.value(path).await, expected, "{path}");
    }
    // The whole model takes many blocks.
    let whole = GetSchema {
        paths: vec!["Device.".to_owned()],
        first_level_only: false,
        commands: true,
        events: true,
        params: true,
        unique_keys: true,
    };
    let found = controller.ask(Operation::GetSchema(whole)).await;
    let Outcome::GetSchema(results) = &found else { panic!("{found:?}") };
    assert!(results[0].result.as_ref().expect("a model").objects.len() > 40);
    program.terminate();
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
    assert_eq!(program.ended().code(), Some(0));
}

/// A controller that speaks DTLS, with a certificate of this CA; gives what it says of those that it refuses, too.
async fn listen_by(ca: &Ca) -> (Controller, mpsc::UnboundedReceiver<String>, String) {
    let validity = Validity::lasting(SystemTime::now(), Duration::from_secs(3600));
    let names = ServerNames {
        ips: vec![Ipv4Addr::LOCALHOST.into()],
        endpoint: Some(id(CONTROLLER)),
        ..ServerNames::default()
    };
    let own = ca.issue_server(&names, validity).expect("a certificate");
    let devices = DeviceVerifier::new(&[ca.certificate().clone()], true, pki::provider()).expect("a CA");
    let rules = Rules(ServerTls::new(&own, devices).expect("they fit"));
    let settings = Settings { role: Role::Controller, path: vec!["c".to_owned()], public: None };
    let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into(), settings, [7; 32]).await.expect("a socket");
    let socket = socket.secured(Arc::new(rules), &[8; 32]).expect("a credential");
    let url = CoapUri::at(true, socket.local_addr(), &["c".to_owned()]).to_string();
    let (sender, events) = mpsc::unbounded_channel();
    let (told, refused) = mpsc::unbounded_channel();
    let peers = Peers::anybody(Witness(sender), 4);
    tokio::spawn(async move { socket.run(&peers, &Told(peers.clone(), Some(told))).await });
    (Controller::hearing(CONTROLLER, events), refused, url)
}

fn ca() -> Ca {
    Ca::create("Test CA", Validity::lasting(SystemTime::now(), Duration::from_secs(3600))).expect("a CA")
}

#[requirement("R-COAP.14", "R-COAP.16", "R-MTP.4")]
#[tokio::test]
async fn under_dtls_a_controller_is_who_its_certificate_says() {
    let (trusted, foreign) = (ca(), ca());
    for (shown, believed) in [(&trusted, true), (&foreign, false)] {
        let port = free_port();
        let (mut controller, mut refused, url) = listen_by(shown).await;
        let folder = tempfile::tempdir().expect("a folder");
        let root = trusted.certificate_pem();
        // Without leave to be unprotected: the certificate protects.
        let lines = format!(
            "[[controller]]\nendpoint = {CONTROLLER:?}\nca = \"\"\"\n{root}\"\"\"\n[controller.coap]\nurl = {url:?}\n\
             port = {port}\npath = \"/a%20b\"\n"
        );
        let program = Program::start_with(&[], folder.path(), &lines);
        if !believed {
            let why = refused.recv().await.expect("it runs");
            assert!(why.contains("alert"), "the agent says that it goes: {why}");
            continue;
        }
        controller.connected().await;
        controller.notified_by("").await;
        for (path, expected) in [
            ("Device.LocalAgent.MTP.1.CoAP.EnableEncryption", "true"),
            ("Device.LocalAgent.Controller.1.MTP.1.CoAP.EnableEncryption", "true"),
            ("Device.LocalAgent.MTP.1.Status", "Up"),
        ] {
            assert_eq!(controller.value(path).await, expected, "{path}");
        }
        program.terminate();
        let said = controller.hear().await;
        assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
        assert_eq!(program.ended().code(), Some(0));
    }
}
