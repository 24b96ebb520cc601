//! The agent and a controller that speaks CoAP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;

use dm::operation::GetSchema;
use dm::{Operation, Outcome};
use mtp::coap::{CoapUri, Failure, Gate, Settings, Socket};
use mtp::{DownReason, LinkSender, Peers, Role};
use requirement::requirement;
use tokio::sync::mpsc;

use crate::peer::{AGENT, CONTROLLER, Controller, Heard, Program, Witness, id};

/// A controller at a UDP socket of its own, which knows where the agent is.
struct Site {
    controller: Controller,
    socket: LinkSender,
    url: String,
}

/// Ends the links that a failure is about.
struct Told(Peers<Witness>);

impl Gate for Told {
    fn failed(&self, uri: &str, _: Failure) {
        self.0.unreachable(uri, &DownReason::Dead);
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
    tokio::spawn(async move { socket.run(&peers, &Told(peers.clone())).await });
    let mut controller = Controller::hearing(CONTROLLER, events);
    controller.connected().await;
    Site { controller, socket: link, url }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.local_addr().expect("it is bound").port()
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
