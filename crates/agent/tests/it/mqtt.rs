//! The agent behind an MQTT broker: Debian's mosquitto.

#[path = "../../../mtp/tests/it/mqtt/daemon.rs"]
#[expect(dead_code, reason = "not all that it can be is asked for here")]
mod daemon;
mod scripted;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use daemon::Mosquitto;
use dm::operation::{CommandResult, Get, Operate};
use dm::{Operation, Outcome};
use mtp::mqtt::Version;
use pki::{Ca, ServerNames, Validity};
use requirement::requirement;

use crate::links::{agent_with, risky};
use crate::peer::{AGENT, AGENT_TOPIC, CONTROLLER, Controller, Heard, Program, add, client, id, set};

const OPEN: &str = "allow_anonymous true\n";
const CLIENT: &str = "Device.MQTT.Client.1.";
const STATUS: &str = "Device.MQTT.Client.1.Status";

/// A controller's lines of the configuration.
fn lines(endpoint: &str, port: u16, more: &str) -> String {
    format!(
        "[[controller]]\nendpoint = {endpoint:?}\n[controller.mqtt]\nbroker = \"mqtt://127.0.0.1:{port}\"\n\
         topic = \"usp/controllers/{endpoint}\"\n{more}"
    )
}

fn greeting(version: Version) -> (Version, String) {
    (version, AGENT_TOPIC.to_owned())
}

/// Lets a test try again soon; the schedule is followed without a new connection.
async fn hurry(controller: &mut Controller) {
    controller.set(CLIENT, "ConnectRetryTime", "1").await;
    controller.set(CLIENT, "ConnectRetryIntervalMultiplier", "1000").await;
}

#[requirement("R-MTP.6", "R-MTP.7", "R-MQTT.3", "R-MQTT.9", "R-MQTT.18", "R-MQTT.22")]
#[tokio::test]
async fn it_is_reached_notifies_and_says_good_bye_through_a_broker() {
    let broker = Mosquitto::start(OPEN, &[]);
    for (version, name, client_id) in [(Version::V5, "5.0", "auto-"), (Version::V3_1_1, "3.1.1", "")] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut controller = Controller::through(&client(broker.port, version, CONTROLLER)).await;
        let more = format!("version = {name:?}\n");
        let program = Program::start_with(&[], folder.path(), &lines(CONTROLLER, broker.port, &more));
        assert_eq!(controller.greeted().await, greeting(version));
        assert_eq!(controller.value("Device.LocalAgent.EndpointID").await, AGENT);
        for (path, expected) in [
            (STATUS, "Connected"),
            ("Device.MQTT.Client.1.Password", ""),
            ("Device.LocalAgent.MTP.1.Protocol", "MQTT"),
            ("Device.LocalAgent.MTP.1.Status", "Up"),
            ("Device.LocalAgent.MTP.1.MQTT.ResponseTopicConfigured", AGENT_TOPIC),
        ] {
            controller.until(path, expected).await;
        }
        let given = controller.value("Device.MQTT.Client.1.ClientID").await;
        assert!(given.starts_with(client_id) && given.is_empty() == client_id.is_empty(), "{given:?}");
        controller.watch_code().await;
        controller.set("Device.LocalAgent.Controller.1.", "ControllerCode", "new").await;
        controller.notified_by("code").await;
        program.terminate();
        let said = controller.hear().await;
        assert!(matches!(said, Heard::Disconnect(7105)), "{said:?}");
        assert_eq!(program.ended().code(), Some(0));
    }
}

#[requirement("R-MTP.8", "R-MQTT.10", "R-MQTT.11", "R-MQTT.33")]
#[tokio::test]
async fn it_comes_back_to_a_broker_that_cut_it_off_or_was_away() {
    let mut broker = Mosquitto::start(OPEN, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut local = Controller::listen().await;
    let mut remote = Controller::behind(broker.port, "proto::remote").await;
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n{}",
        local.port,
        lines("proto::remote", broker.port, "")
    );
    let _program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    assert_eq!(remote.greeted().await, greeting(Version::V5));
    hurry(&mut local).await;
    assert_eq!(remote.value("Device.LocalAgent.EndpointID").await, AGENT);
    assert_eq!(remote.value("Device.LocalAgent.EndpointID").await, AGENT);
    let client_id = local.value("Device.MQTT.Client.1.ClientID").await;
    // A session that another one takes over is ended by the broker.
    let mut thief = client(broker.port, Version::V5, "proto::thief");
    thief.settings.client_id = Some(client_id.clone());
    let stolen = thief.connect().await.expect("the broker lets it in");
    assert_eq!(remote.greeted().await, greeting(Version::V5));
    drop(stolen);
    broker.kill();
    local.until(STATUS, "Error_BrokerUnreachable").await;
    assert_eq!(local.value("Device.LocalAgent.MTP.1.Status").await, "Down");
    broker.restart();
    let mut remote = Controller::behind(broker.port, "proto::remote").await;
    local.until(STATUS, "Connected").await;
    let get = Get { paths: vec!["Device.MQTT.Client.1.ClientID".to_owned()], max_depth: 0 };
    let asked = remote.send(Operation::Get(get));
    // It may have come back before the controller did, who then has no Connect Record of it.
    loop {
        match remote.hear().await {
            Heard::Connect(..) => {}
            Heard::Answer(number, Outcome::Get(found)) if number == asked => {
                assert_eq!(found[0].result.as_ref().expect("a value")[0].params[0].1, client_id);
                break;
            }
            other => panic!("an answer was expected: {other:?}"),
        }
    }
}

/// What another's client reads off the topic: version, `to_id` and `from_id` of a Record, in protobuf's own bytes.
#[requirement("R-MQTT.19")]
#[tokio::test]
async fn payloads_are_protobuf() {
    let broker = Mosquitto::start(OPEN, &[]);
    let port = broker.port.to_string();
    // Line by line, although nobody sits at a terminal.
    let mut subscriber = Command::new("stdbuf")
        .args([
            "-oL",
            "mosquitto_sub",
            "-d",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-t",
            "usp/controllers/proto::remote",
        ])
        .args(["-C", "1", "-W", "60", "-F", "payload %x"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mosquitto-clients");
    let mut said =
        BufReader::new(subscriber.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("Subscribed")), "it is subscribed");
    let folder = tempfile::tempdir().expect("a folder");
    let _program = Program::start_with(&[], folder.path(), &lines("proto::remote", broker.port, ""));
    let payload = said.find_map(|line| line.strip_prefix("payload ").map(str::to_owned)).expect("one");
    let (version, to, from) =
        ("0a03312e34", "120d70726f746f3a3a72656d6f7465", "1a0f70726f746f3a6c61623a6167656e74");
    assert!(payload.starts_with(&[version, to, from].concat()), "{payload}");
    subscriber.wait().expect("it has ended");
}

/// Makes the passwords what mosquitto wants to read.
fn hash(broker: &Mosquitto) {
    let hashed = Command::new("mosquitto_passwd").arg("-U").arg(broker.file("passwords")).status();
    assert!(hashed.expect("mosquitto_passwd comes with mosquitto").success());
}

#[requirement("R-MQTT.7", "R-MQTT.10")]
#[tokio::test]
async fn a_wrong_password_is_shown_and_the_right_one_is_followed() {
    let lines_of_broker = "allow_anonymous false\npassword_file DIR/passwords\n";
    let mut broker = Mosquitto::start(lines_of_broker, &[("passwords", "agent:right\nremote:r\n")]);
    hash(&broker);
    broker.restart();
    let folder = tempfile::tempdir().expect("a folder");
    let mut local = Controller::listen().await;
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n{}",
        local.port,
        lines("proto::remote", broker.port, "username = \"agent\"\npassword = \"wrong\"\n")
    );
    let _program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    local.until(STATUS, "Error_Misconfigured").await;
    hurry(&mut local).await;
    // The user's password becomes the one that the agent has: it tries again by itself.
    std::fs::write(broker.file("passwords"), "agent:wrong\nremote:r\n").expect("a file");
    hash(&broker);
    broker.restart();
    local.until(STATUS, "Connected").await;
    // Changed in the table, it is used at once.
    local.set(CLIENT, "Password", "also wrong").await;
    local.until(STATUS, "Error_Misconfigured").await;
    let mut login = client(broker.port, Version::V5, "proto::remote");
    (login.settings.username, login.settings.password) = (Some("remote".to_owned()), Some("r".to_owned()));
    let mut remote = Controller::through(&login).await;
    local.set(CLIENT, "Password", "wrong").await;
    assert_eq!(remote.greeted().await, greeting(Version::V5));
    assert_eq!(local.value("Device.MQTT.Client.1.Password").await, "");
}

#[tokio::test]
async fn a_row_that_changes_moves_it_to_another_broker_behind_the_answer() {
    let (first, second) = (Mosquitto::start(OPEN, &[]), Mosquitto::start(OPEN, &[]));
    let folder = tempfile::tempdir().expect("a folder");
    let mut here = Controller::behind(first.port, CONTROLLER).await;
    let mut there = Controller::behind(second.port, CONTROLLER).await;
    let _program = Program::start_with(&[], folder.path(), &lines(CONTROLLER, first.port, ""));
    here.greeted().await;
    here.set(CLIENT, "BrokerPort", &second.port.to_string()).await;
    assert_eq!(there.greeted().await, greeting(Version::V5));
    there.until(STATUS, "Connected").await;
    // A new topic is subscribed to before anything is said.
    there.set("Device.LocalAgent.MTP.1.MQTT.", "ResponseTopicConfigured", "usp/moved").await;
    assert_eq!(there.greeted().await, (Version::V5, "usp/moved".to_owned()));
    assert!(here.is_silent());
}

#[tokio::test]
async fn two_controllers_behind_a_broker_are_served_apart_and_a_third_is_not() {
    let broker = Mosquitto::start(OPEN, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut one = Controller::behind(broker.port, "proto::one").await;
    let mut subscribed = client(broker.port, Version::V5, "proto::two");
    subscribed.settings.filters.push("usp/two/#".parse().expect("a filter"));
    let mut two = Controller::through(&subscribed).await;
    let mut three = Controller::behind(broker.port, "proto::three").await;
    let text = format!("{}{}", lines("proto::one", broker.port, ""), lines("proto::two", broker.port, ""));
    let _program = Program::start_with(&[], folder.path(), &text);
    one.greeted().await;
    two.greeted().await;
    let path = "Device.LocalAgent.Controller.1.ControllerCode".to_owned();
    three.send(Operation::Get(Get { paths: vec![path.clone()], max_depth: 0 }));
    three.send(set("Device.LocalAgent.Controller.1.", "ControllerCode", "three's"));
    one.set("Device.LocalAgent.Controller.1.", "ControllerCode", "one's").await;
    assert_eq!(two.value(&path).await, "one's");
    assert_eq!(two.value("Device.MQTT.ClientNumberOfEntries").await, "1");
    // A way that is switched off is left, and taken again when it is back.
    two.set("Device.LocalAgent.Controller.1.MTP.1.", "Enable", "false").await;
    // Another topic is used at once, and shows that what was set before is in force.
    two.set("Device.LocalAgent.Controller.2.MTP.1.MQTT.", "Topic", "usp/two/moved").await;
    two.greeted().await;
    two.set("Device.LocalAgent.Controller.1.MTP.1.", "Enable", "true").await;
    one.greeted().await;
    // The end of one is not the end of the other.
    two.set("Device.LocalAgent.Controller.1.", "Enable", "false").await;
    let said = one.hear().await;
    assert!(matches!(said, Heard::Disconnect(_)), "{said:?}");
    assert_eq!(two.value(&path).await, "one's");
    assert!(three.is_silent());
}

#[tokio::test]
async fn the_next_way_is_taken_when_the_first_is_gone() {
    let broker = Mosquitto::start(OPEN, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = Controller::listen().await;
    let mut second = Controller::behind(broker.port, CONTROLLER).await;
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n[controller.mqtt]\n\
         broker = \"mqtt://127.0.0.1:{}\"\ntopic = \"usp/controllers/{CONTROLLER}\"\n",
        first.port, broker.port
    );
    let _program = Program::start_with(&[], folder.path(), &text);
    first.connected().await;
    let mtp = "Device.LocalAgent.Controller.1.MTP";
    for (number, protocol) in [("1", "WebSocket"), ("2", "MQTT")] {
        assert_eq!(first.value(&format!("{mtp}.{number}.Order")).await, number);
        assert_eq!(first.value(&format!("{mtp}.{number}.Protocol")).await, protocol);
    }
    first.watch_code().await;
    first.set("Device.LocalAgent.Controller.1.", "ControllerCode", "by the first").await;
    first.notified_by("code").await;
    // The broker is there, and nothing comes by it.
    first.until(STATUS, "Connected").await;
    assert!(second.is_silent());
    first.hang_up();
    assert_eq!(second.greeted().await, greeting(Version::V5));
    second.set("Device.LocalAgent.Controller.1.", "ControllerCode", "by the second").await;
    second.notified_by("code").await;
    // And back, when that one is gone.
    second.set(CLIENT, "Enable", "false").await;
    let said = first.hear().await;
    assert!(matches!(said, Heard::Down), "{said:?}");
    first.connected().await;
    assert_eq!(first.value(STATUS).await, "Disabled");
    assert_eq!(first.value("Device.LocalAgent.MTP.1.Status").await, "Down");
    // Another order holds at the next turn; what stands is kept.
    first.set(CLIENT, "Enable", "true").await;
    first.set(&format!("{mtp}.2."), "Order", "1").await;
    first.set(&format!("{mtp}.1."), "Order", "2").await;
    first.until(STATUS, "Connected").await;
    assert!(second.is_silent());
    first.hang_up();
    assert_eq!(second.greeted().await, greeting(Version::V5));
}

#[tokio::test]
async fn a_risky_change_makes_the_connection_to_the_broker_anew() {
    let broker = Mosquitto::start(OPEN, &[]);
    let mut controller = Controller::behind(broker.port, CONTROLLER).await;
    let (_folder, _stop) =
        agent_with(&lines(CONTROLLER, broker.port, "[policy]\nunprotected = true\n"), vec![risky()]).await;
    controller.greeted().await;
    controller.set("Device.DeviceInfo.", "HostName", "new").await;
    assert_eq!(controller.greeted().await, greeting(Version::V5));
    assert_eq!(controller.value("Device.LocalAgent.EndpointID").await, AGENT);
}

#[requirement("R-MTP.1", "R-MQTT.48")]
#[tokio::test]
async fn the_broker_is_checked_like_a_controller() {
    let valid = || Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let (ca, other) =
        (Ca::create("Test CA", valid()).expect("a CA"), Ca::create("Other", valid()).expect("a CA"));
    let ips = vec![[127, 0, 0, 1].into()];
    let identity = ca.issue_server(&ServerNames { ips, ..ServerNames::default() }, valid()).expect("one");
    let (chain, key) = (identity.chain_pem(), identity.key_pem());
    let files = [("cert.pem", &*chain), ("key.pem", &*key)];
    let secure = Mosquitto::start(&format!("{OPEN}certfile DIR/cert.pem\nkeyfile DIR/key.pem\n"), &files);
    // What vouches for another controller does not count.
    for (vouches, another, status) in [(&ca, &other, "Connected"), (&other, &ca, "Error")] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut local = Controller::listen().await;
        let text = format!(
            "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\nca = \"\"\"\n{}\"\"\"\n\
             [[controller]]\nendpoint = \"proto::remote\"\nca = \"\"\"\n{}\"\"\"\n[controller.mqtt]\n\
             broker = \"mqtts://127.0.0.1:{}\"\ntopic = \"usp/controllers/remote\"\n",
            local.port,
            another.certificate_pem(),
            vouches.certificate_pem(),
            secure.port
        );
        let _program = Program::start_with(&[], folder.path(), &text);
        local.connected().await;
        local.until(STATUS, status).await;
    }
}

#[requirement("R-MQTT.9", "R-MQTT.11", "R-MQTT.12", "R-MQTT.13", "R-MQTT.14", "R-MQTT.35")]
#[tokio::test]
async fn what_a_broker_gives_is_kept_and_shown() {
    let mut broker = scripted::Broker::start("usp/given").await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut local = Controller::listen().await;
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n{}",
        local.port,
        lines("proto::remote", broker.port, "keep_alive = 77\n")
    );
    let program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    let first = broker.connect().await;
    assert_eq!((first.client_id.as_str(), first.keep_alive_s), ("", 77));
    assert_eq!((first.endpoint.as_str(), first.wants_information), (AGENT, true));
    // The topic that it gave, and not the configured one.
    assert_eq!(broker.subscribed().await, ["usp/given"]);
    for (path, expected) in [
        (STATUS, "Connected"),
        ("Device.MQTT.Client.1.ResponseInformation", "usp/given"),
        ("Device.LocalAgent.MTP.1.MQTT.ResponseTopicDiscovered", "usp/given"),
        ("Device.MQTT.Client.1.ClientID", "given-1"),
    ] {
        local.until(path, expected).await;
    }
    program.terminate();
    broker.said_good_bye().await;
    assert_eq!(program.ended().code(), Some(0));
    let program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    assert_eq!(broker.connect().await.client_id, "given-1");
    drop(program);
}

/// A controller that is reached by another way, an agent that goes to a scripted broker with these lines more, and that
/// broker, which gives this topic, once the controller is connected.
async fn beside(
    given: &'static str,
    more: &str,
) -> (scripted::Broker, Controller, Program, tempfile::TempDir) {
    let broker = scripted::Broker::start(given).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut local = Controller::listen().await;
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{}/usp\"\n{}",
        local.port,
        lines("proto::remote", broker.port, more)
    );
    let program = Program::start_with(&[], folder.path(), &text);
    local.connected().await;
    (broker, local, program, folder)
}

/// Runs the command.
async fn reconnect(controller: &mut Controller) {
    let command = format!("{CLIENT}ForceReconnect()");
    let operate = Operate { command, command_key: String::new(), send_resp: true, args: Vec::new() };
    let answer = controller.ask(Operation::Operate(operate)).await;
    let Outcome::Operate(results) = &answer else { panic!("{answer:?}") };
    assert_eq!(results[0].result, Ok(CommandResult::Output(Vec::new())));
}

#[requirement("R-MQTT.4", "R-MQTT.5")]
#[tokio::test]
async fn what_connect_says_changes_with_the_next_one_which_a_command_makes() {
    let (mut broker, mut local, _program, _folder) = beside("", "").await;
    assert_eq!(broker.connect().await.will, None);
    broker.subscribed().await;
    local.until(STATUS, "Connected").await;
    for (param, value) in [
        ("WillEnable", "true"),
        ("WillTopic", "usp/gone"),
        ("WillValue", "the agent"),
        ("WillQoS", "1"),
        ("WillRetain", "true"),
        ("KeepAliveTime", "99"),
        ("ClientID", "another"),
        ("MessageRetryTime", "7"),
    ] {
        local.set(CLIENT, param, value).await;
        assert_eq!(local.value(&format!("{CLIENT}{param}")).await, value);
    }
    assert_eq!(local.value(STATUS).await, "Connected");
    reconnect(&mut local).await;
    broker.said_good_bye().await;
    let connect = broker.connect().await;
    let will = (1, true, "usp/gone".to_owned(), "the agent".to_owned());
    assert_eq!((connect.will, connect.keep_alive_s, connect.client_id.as_str()), (Some(will), 99, "another"));
    broker.subscribed().await;
    local.until(STATUS, "Connected").await;
    // A will that can't be is a wrong configuration.
    local.set(CLIENT, "WillTopic", "").await;
    reconnect(&mut local).await;
    broker.said_good_bye().await;
    local.until(STATUS, "Error_Misconfigured").await;
    // Without a connection the command does nothing.
    reconnect(&mut local).await;
    local.set(CLIENT, "WillEnable", "false").await;
    hurry(&mut local).await;
    local.set(CLIENT, "Enable", "false").await;
    local.set(CLIENT, "Enable", "true").await;
    assert_eq!(broker.connect().await.will, None);
}

#[requirement("R-MQTT.4", "R-MQTT.34")]
#[tokio::test]
async fn subscriptions_are_followed_within_a_connection() {
    let (mut broker, mut local, _program, _folder) = beside("", "subscribe = [\"usp/all\"]\nqos = 1\n").await;
    broker.connect().await;
    let filter = |text: &str, qos| (text.to_owned(), qos);
    let answers = format!("usp/agents/{AGENT}");
    assert_eq!(broker.subscribed_with_qos().await, [filter("usp/all", 1), filter(&answers, 1)]);
    local.until(STATUS, "Connected").await;
    let table = format!("{CLIENT}Subscription.");
    let wanted = [("Enable", "true"), ("Topic", "usp/more/+"), ("QoS", "2")];
    let added = local.ask(add(&table, &wanted)).await;
    assert!(matches!(added, Outcome::Add(_)), "{added:?}");
    assert_eq!(broker.subscribed_with_qos().await, [filter("usp/more/+", 2)]);
    local.set(&format!("{table}2."), "QoS", "0").await;
    assert_eq!(broker.subscribed_with_qos().await, [filter("usp/more/+", 0)]);
    local.set(&format!("{table}1."), "Enable", "false").await;
    assert_eq!(broker.unsubscribed().await, ["usp/all"]);
    local.set(&format!("{table}2."), "Topic", "usp/else").await;
    assert_eq!(broker.subscribed_with_qos().await, [filter("usp/else", 0)]);
    assert_eq!(broker.unsubscribed().await, ["usp/more/+"]);
    for (param, expected) in [("SubscribeSent", "4"), ("UnSubscribeSent", "2")] {
        local.until(&format!("{CLIENT}Stats.{param}"), expected).await;
    }
}

#[requirement("R-MQTT.5")]
#[tokio::test]
async fn what_goes_through_a_broker_is_counted_and_a_command_makes_its_connection_anew() {
    let broker = Mosquitto::start(OPEN, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::behind(broker.port, CONTROLLER).await;
    let _program = Program::start_with(&[], folder.path(), &lines(CONTROLLER, broker.port, ""));
    controller.greeted().await;
    let stats = |name: &str| format!("{CLIENT}Stats.{name}");
    let number = |text: String| text.parse::<u64>().expect("a number");
    // Each question comes in, and its answer goes out.
    for name in ["PublishSent", "PublishReceived"] {
        let before = number(controller.value(&stats(name)).await);
        assert!(before >= 1, "{name}: {before}");
        assert_eq!(number(controller.value(&stats(name)).await), before + 1, "{name}");
    }
    assert_eq!(controller.value(&stats("SubscribeSent")).await, "1");
    assert_eq!(controller.value(&stats("UnSubscribeSent")).await, "0");
    assert_eq!(controller.value(&stats("PublishErrors")).await, "0");
    for name in ["BrokerConnectionEstablished", "LastPublishMessageSent", "LastPublishMessageReceived"] {
        let time = controller.value(&stats(name)).await;
        assert!(time.starts_with("20") && time.ends_with('Z'), "{name}: {time}");
    }
    // It is asked for by the connection that it ends, and answered by it.
    reconnect(&mut controller).await;
    assert_eq!(controller.greeted().await, greeting(Version::V5));
    // The same broker: it is counted on.
    controller.until(&stats("SubscribeSent"), "2").await;
}

#[requirement("R-MQTT.16")]
#[tokio::test]
async fn without_any_topic_the_mtp_is_down_until_the_tables_change() {
    let (mut broker, mut local, _program, _folder) = beside("", "").await;
    hurry(&mut local).await;
    broker.connect().await;
    broker.subscribed().await;
    let mtp = "Device.LocalAgent.MTP.1.MQTT.";
    local.set(mtp, "ResponseTopicConfigured", "").await;
    broker.said_good_bye().await;
    broker.connect().await;
    broker.said_good_bye().await;
    local.until(STATUS, "Error_Misconfigured").await;
    assert_eq!(local.value("Device.LocalAgent.MTP.1.Status").await, "Down");
    local.set(mtp, "ResponseTopicConfigured", "usp/again").await;
    broker.connect().await;
    assert_eq!(broker.subscribed().await, ["usp/again"]);
    local.until("Device.LocalAgent.MTP.1.Status", "Up").await;
}

/// What CONNECT asks for needs no new connection where one stands; where there is none for lack of topics, it makes one.
#[requirement("R-MQTT.16")]
#[tokio::test]
async fn without_any_topic_it_connects_again_when_the_broker_may_be_asked_for_one() {
    let (mut broker, mut local, _program, _folder) = beside("usp/given", "").await;
    assert!(broker.connect().await.wants_information);
    assert_eq!(broker.subscribed().await, ["usp/given"]);
    local.set(CLIENT, "RequestResponseInfo", "false").await;
    local.set("Device.LocalAgent.MTP.1.MQTT.", "ResponseTopicConfigured", "").await;
    broker.said_good_bye().await;
    assert!(!broker.connect().await.wants_information);
    broker.said_good_bye().await;
    local.until(STATUS, "Error_Misconfigured").await;
    local.set(CLIENT, "RequestResponseInfo", "true").await;
    assert!(broker.connect().await.wants_information);
    assert_eq!(broker.subscribed().await, ["usp/given"]);
    local.until("Device.LocalAgent.MTP.1.Status", "Up").await;
}

/// A Record that can't be decoded is dropped, and cuts nobody off: anybody may have sent it.
#[requirement("R-MTP.5")]
#[tokio::test]
async fn what_is_no_record_is_dropped() {
    let broker = Mosquitto::start(OPEN, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut controller = Controller::behind(broker.port, CONTROLLER).await;
    let _program = Program::start_with(&[], folder.path(), &lines(CONTROLLER, broker.port, ""));
    controller.greeted().await;
    let whole =
        usp_proto::Record::message(&id(CONTROLLER), &id(AGENT), usp_proto::Version::CURRENT, vec![1].into());
    let whole = whole.encode();
    controller.send_raw(b"no Record".as_slice().into());
    controller.send_raw(whole.slice(..whole.len() - 1));
    assert_eq!(controller.value("Device.LocalAgent.EndpointID").await, AGENT);
    assert!(controller.is_silent());
}
