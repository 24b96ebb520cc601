//! The agent behind STOMP servers: Debian's RabbitMQ and ActiveMQ, and one made of literal frames.

#[expect(dead_code, reason = "what MQTT needs of them is used elsewhere")]
#[path = "../../../mtp/tests/it/daemons/mod.rs"]
mod daemons;
mod scripted;

use std::time::{Duration, SystemTime};

use daemons::{ActiveMq, RabbitMq};
use dm::operation::Get;
use dm::{Operation, Outcome};
use mtp::Role;
use mtp::stomp::{Client, Config, ServerAddress};
use pki::{Ca, Identity, ServerNames, Validity};
use requirement::requirement;

use crate::peer::{CONTROLLER, Controller, Heard, Program, id};

/// Where the agent is subscribed, unless it is told otherwise.
const AGENT_QUEUE: &str = "/queue/usp.agents.proto:lab:agent";
const CONNECTION: &str = "Device.STOMP.Connection.1.";
const STATUS: &str = "Device.STOMP.Connection.1.Status";

fn queue(endpoint: &str) -> String {
    format!("/queue/usp.controllers.{endpoint}")
}

/// A controller's lines of the configuration.
fn lines(endpoint: &str, server: &str, more: &str) -> String {
    format!(
        "[[controller]]\nendpoint = {endpoint:?}\n{more}[controller.stomp]\nserver = \"{server}\"\n\
         destination = {:?}\nusername = \"guest\"\npassword = \"guest\"\n",
        queue(endpoint)
    )
}

fn plain(port: u16) -> String {
    format!("stomp://127.0.0.1:{port}")
}

/// A controller that listens for the agent's WebSocket, to look at how it fares, and its lines.
async fn local() -> (Controller, String) {
    let local = Controller::listen().await;
    let url = format!("ws://127.0.0.1:{}/usp", local.port);
    let lines = format!("[[controller]]\nendpoint = {CONTROLLER:?}\nurl = {url:?}\n");
    (local, lines)
}

/// Lets a test try again soon; the schedule is followed without a new connection.
async fn hurry(controller: &mut Controller) {
    controller.set(CONNECTION, "ServerRetryInitialInterval", "1").await;
    controller.set(CONNECTION, "ServerRetryIntervalMultiplier", "1000").await;
}

async fn controller(port: u16, endpoint: &str) -> Controller {
    let login = Some(("guest".to_owned(), "guest".to_owned()));
    let config = Config { login, destination: Some(queue(endpoint)), ..Config::new(id(endpoint)) };
    let server = ServerAddress { host: "127.0.0.1".to_owned(), port, secure: false };
    Controller::behind_stomp(&Client::new(server, config, Role::Controller), AGENT_QUEUE).await
}

/// It greets, is read and written, notifies, and says good-bye. Each controller has a queue of its own: what is left
/// in one is given to whoever subscribes next.
async fn from_the_greeting_to_the_good_bye(
    port: u16,
    server: &str,
    endpoint: &str,
    (more, trusted): (&str, &str),
) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = controller(port, endpoint).await;
    let text = lines(endpoint, server, more) + trusted;
    let program = Program::start_with(&[], folder.path(), &text);
    assert_eq!(controller.greeted_by_stomp().await, AGENT_QUEUE);
    for (path, expected) in [
        (STATUS, "Enabled"),
        ("Device.STOMP.ConnectionNumberOfEntries", "1"),
        ("Device.STOMP.Connection.1.Password", ""),
        ("Device.LocalAgent.MTP.1.Protocol", "STOMP"),
        ("Device.LocalAgent.MTP.1.Status", "Up"),
        ("Device.LocalAgent.MTP.1.STOMP.Reference", "Device.STOMP.Connection.1"),
        ("Device.LocalAgent.MTP.1.STOMP.Destination", AGENT_QUEUE),
        ("Device.LocalAgent.MTP.1.STOMP.DestinationFromServer", ""),
        ("Device.LocalAgent.Controller.1.MTP.1.STOMP.Reference", "Device.STOMP.Connection.1"),
        ("Device.LocalAgent.Controller.1.MTP.1.STOMP.Destination", &queue(endpoint)),
    ] {
        controller.until(path, expected).await;
    }
    controller.watch_code().await;
    controller.set("Device.LocalAgent.Controller.1.", "ControllerCode", "new").await;
    controller.notified_by("code").await;
    program.terminate();
    let said = controller.hear().await;
    assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
    assert_eq!(program.ended().code(), Some(0));
}

/// A server that was away is found again, and one that refuses the password is asked again.
async fn it_comes_back(port: u16, restart: impl FnOnce()) {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut local, text) = local().await;
    let text = format!("{text}{}", lines("proto::remote", &plain(port), ""));
    let _program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    hurry(&mut local).await;
    local.until(STATUS, "Enabled").await;
    restart();
    // The connection is lost, and tried again until the server is there.
    let mut remote = controller(port, "proto::remote").await;
    local.until(STATUS, "Enabled").await;
    // Greetings may have waited for it.
    let get = Get { paths: vec!["Device.LocalAgent.EndpointID".to_owned()], max_depth: 0 };
    let asked = remote.send(Operation::Get(get));
    while !matches!(remote.hear().await, Heard::Answer(number, Outcome::Get(_)) if number == asked) {}
    local.set(CONNECTION, "Password", "wrong").await;
    local.until(STATUS, "Error_AuthenticationFailure").await;
    assert_eq!(local.value("Device.LocalAgent.MTP.1.Status").await, "Down");
    local.set(CONNECTION, "Password", "guest").await;
    local.until(STATUS, "Enabled").await;
    local.set(CONNECTION, "Port", "1").await;
    local.until(STATUS, "ServerNotPresent").await;
    local.set(CONNECTION, "Enable", "false").await;
    local.until(STATUS, "Disabled").await;
    assert_eq!(local.value("Device.STOMP.Connection.1.Password").await, "");
}

fn valid() -> Validity {
    Validity::lasting(SystemTime::now(), Duration::from_secs(86_400))
}

fn certified() -> (Ca, Identity) {
    let ca = Ca::create("Test CA", valid()).expect("a CA");
    let names = ServerNames { ips: vec![[127, 0, 0, 1].into()], ..ServerNames::default() };
    let identity = ca.issue_server(&names, valid()).expect("a certificate");
    (ca, identity)
}

#[requirement(
    "R-MTP.1",
    "R-MTP.6",
    "R-MTP.7",
    "R-STOMP.0",
    "R-STOMP.1",
    "R-STOMP.3",
    "R-STOMP.7",
    "R-STOMP.15"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_reached_through_rabbitmq() {
    let (ca, identity) = certified();
    let mut server = RabbitMq::start_stomp(&identity.chain_pem(), &identity.key_pem());
    let port = server.port;
    from_the_greeting_to_the_good_bye(port, &plain(port), "proto::plain", ("", "")).await;
    // The server is checked like a controller: by what vouches for the one behind it.
    let secure = format!("stomps://127.0.0.1:{}", server.secure_port);
    let more = |ca: &Ca| format!("ca = \"\"\"\n{}\"\"\"\n", ca.certificate_pem());
    let trusted = format!("[[credential]]\n{}uses = \"MTP-and-broker\"\n", more(&ca));
    from_the_greeting_to_the_good_bye(port, &secure, "proto::secure", (&more(&ca), &trusted)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (mut local, text) = local().await;
    let another = Ca::create("Another", valid()).expect("a CA");
    let text = format!("{text}{}", lines("proto::remote", &secure, &more(&another)));
    let program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    local.until(STATUS, "Error").await;
    program.kill();
    it_comes_back(port, || server.restart()).await;
}

#[requirement("R-MTP.6", "R-MTP.7", "R-STOMP.7", "R-STOMP.15")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_reached_through_activemq() {
    let mut server = ActiveMq::start();
    let port = server.port;
    from_the_greeting_to_the_good_bye(port, &plain(port), "proto::plain", ("", "")).await;
    two_controllers_are_served_apart(port).await;
    the_next_way_is_taken(port).await;
    it_comes_back(port, || server.restart()).await;
}

/// Two share the agent's connection, and a third who is no controller is not heard.
async fn two_controllers_are_served_apart(port: u16) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut one = controller(port, "proto::one").await;
    let mut two = controller(port, "proto::two").await;
    let mut three = controller(port, "proto::three").await;
    let server = plain(port);
    let text = format!("{}{}", lines("proto::one", &server, ""), lines("proto::two", &server, ""));
    let program = Program::start_with(&[], folder.path(), &text);
    assert_eq!(one.greeted_by_stomp().await, AGENT_QUEUE);
    assert_eq!(two.greeted_by_stomp().await, AGENT_QUEUE);
    let path = "Device.LocalAgent.Controller.1.ControllerCode";
    three.send(crate::peer::set("Device.LocalAgent.Controller.1.", "ControllerCode", "three's"));
    one.set("Device.LocalAgent.Controller.1.", "ControllerCode", "one's").await;
    assert_eq!(two.value(path).await, "one's");
    assert_eq!(two.value("Device.STOMP.ConnectionNumberOfEntries").await, "1");
    // The end of one is not the end of the other.
    two.set("Device.LocalAgent.Controller.1.", "Enable", "false").await;
    let said = one.hear().await;
    assert!(matches!(said, Heard::Disconnect(_)), "{said:?}");
    assert_eq!(two.value(path).await, "one's");
    assert!(three.is_silent());
    program.kill();
}

/// By `Order`: the WebSocket first, the STOMP server when that is gone, and back.
async fn the_next_way_is_taken(port: u16) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Controller::listen().await;
    let mut second = controller(port, CONTROLLER).await;
    let more = format!("url = \"ws://127.0.0.1:{}/usp\"\n", first.port);
    let program = Program::start_with(&[], folder.path(), &lines(CONTROLLER, &plain(port), &more));
    first.connected().await;
    first.until(STATUS, "Enabled").await;
    assert!(second.is_silent());
    first.hang_up();
    assert_eq!(second.greeted_by_stomp().await, AGENT_QUEUE);
    assert_eq!(second.value("Device.LocalAgent.Controller.1.MTP.2.Protocol").await, "STOMP");
    second.set(CONNECTION, "Enable", "false").await;
    first.gone().await;
    first.connected().await;
    assert_eq!(first.value(STATUS).await, "Disabled");
    program.kill();
}
