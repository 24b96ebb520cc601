//! What is read from the tables: which connections and listeners there should be.

use agent::config::Config;
use agent::host;
use agent::identity::Identity;
use agent::links::plan::{By, Listen, Server, plans};
use agent::state::StateDir;
use dm::ObjectPath;
use dm::tree::{Change, Place, Tree};
use engine::Instance;
use mtp::EndpointId;
use mtp::stomp::Schedule;
use std::sync::Arc;

const CONFIG: &str = r#"
[[controller]]
endpoint = "proto::one"
url = "ws://one.example:8183/usp?tenant=a"
socket = "/run/one.sock"
[controller.mqtt]
broker = "mqtts://broker.example"
topic = "c/1"

[[controller]]
endpoint = "proto::two"
[controller.mqtt]
broker = "mqtts://broker.example"
topic = "c/2"

[[controller]]
endpoint = "proto::three"
[controller.mqtt]
broker = "mqtt://[::1]:1884"
topic = "c/3"
version = "3.1.1"
response_topic = "own/topic"
subscribe = ["more/+"]
client_id = "id"
username = "user"
password = "hunter2"
keep_alive = 30
qos = 0

[[controller]]
endpoint = "proto::four"
[controller.stomp]
server = "stomps://stomp.example"
destination = "/queue/c4"

[[controller]]
endpoint = "proto::five"
[controller.stomp]
server = "stomps://stomp.example"
destination = "/queue/c5"

[[controller]]
endpoint = "proto::six"
[controller.mqtt]
broker = "mqtts://broker.example"
topic = "c/6"
[controller.stomp]
server = "stomp://[::1]"
destination = "/queue/c6"
own_destination = "/queue/own"
host = "vhost"
username = "user"
password = "hunter3"
outgoing_heartbeat = 0
incoming_heartbeat = 0

[[listen]]
address = "127.0.0.1:8184"
tls = false

[[listen]]
socket = "/run/agent.sock"
"#;

async fn instance(folder: &std::path::Path, config: &str) -> Arc<Instance> {
    let config = Config::parse(config).expect("well-formed");
    let state = StateDir::open(folder).expect("a folder");
    let endpoint = EndpointId::receive("proto:lab:agent").expect("an id");
    let identity = Identity::default();
    let instance = host::instance(&config, &state, &identity, &endpoint, None, Vec::new());
    let instance = instance.await.expect("an instance");
    instance.start().await.expect("it starts");
    instance
}

/// One line for everything that is planned.
fn lines(tree: &Tree) -> Vec<String> {
    let plans = plans(tree);
    let short = |path: &str| {
        let short =
            path.replace("Device.LocalAgent.", "").replace("Device.MQTT.", "").replace("Device.STOMP.", "");
        short.trim_end_matches('.').to_owned()
    };
    let mut lines = Vec::new();
    for (row, broker) in &plans.brokers {
        let how = match &broker.server {
            Server::Mqtt(mqtt) => format!(
                "{} {} {} {:?} {:?} reply {} more {:?}",
                mqtt.address.host,
                mqtt.address.port,
                if mqtt.address.secure { "TLS" } else { "TCP" },
                mqtt.version,
                mqtt.qos,
                mqtt.response_topic.as_ref().map_or("nowhere", |topic| topic.as_str()),
                mqtt.filters.iter().map(|filter| filter.filter.as_str()).collect::<Vec<_>>(),
            ),
            Server::Stomp(stomp) => format!(
                "{} {} {} host {:?} beats {:?} reply {}",
                stomp.address.host,
                stomp.address.port,
                if stomp.address.secure { "TLS" } else { "TCP" },
                stomp.host,
                stomp.heart_beat,
                stomp.destination.as_deref().unwrap_or("nowhere"),
            ),
        };
        lines.push(format!("{} for {}: {how}", short(row), short(&broker.mtp)));
    }
    for reach in plans.controllers.values() {
        for way in &reach.ways {
            let by = match &way.by {
                By::WebSocket { url, .. } => url.to_string(),
                By::Broker { broker, address } => format!("{address} at {}", short(broker)),
                By::Local(path) => path.display().to_string(),
                By::Coap(uri) => uri.to_string(),
            };
            lines.push(format!("{} {by}", reach.controller));
        }
    }
    for (row, listen) in &plans.listeners {
        let what = match listen {
            Listen::WebSocket(at) => format!("listener {at}"),
            Listen::Local(path) => path.display().to_string(),
            Listen::Coap { port, path, secure } => {
                format!("{} {port} {path:?}", if *secure { "coaps" } else { "coap" })
            }
        };
        lines.push(format!("{} {what}", short(row)));
    }
    lines.extend(plans.misconfigured.iter().map(|(row, why)| format!("{} {why}", short(row))));
    lines
}

fn set(tree: &Tree, path: &str, value: &str) -> Change {
    let (object, param) = path.rsplit_once('.').expect("a parameter");
    let path = ObjectPath::parse(&format!("Device.{object}.")).expect("a path");
    let place = Place::of(tree.model(), &path).expect("it is in the model");
    let index = tree.model().param_index(place.object, param).expect("a parameter");
    let value = tree.model().object(place.object).params[usize::from(index)].check(value).expect("a value");
    Change::Set { place, param: index, value: Some(value) }
}

const BROKERS: [&str; 4] = [
    "Client.1 for MTP.3: broker.example 8883 TLS V5 AtLeastOnce reply usp/agents/proto:lab:agent more []",
    "Client.2 for MTP.4: ::1 1884 TCP V3_1_1 AtMostOnce reply own/topic more [\"more/+\"]",
    "Connection.1 for MTP.5: stomp.example 61614 TLS host \"\" beats Some((30000, 30000)) reply \
     /queue/usp.agents.proto:lab:agent",
    "Connection.2 for MTP.6: ::1 61613 TCP host \"vhost\" beats None reply /queue/own",
];
const WAYS: [&str; 9] = [
    "proto::one ws://one.example:8183/usp?tenant=a",
    "proto::one c/1 at Client.1",
    "proto::one /run/one.sock",
    "proto::two c/2 at Client.1",
    "proto::three c/3 at Client.2",
    "proto::four /queue/c4 at Connection.1",
    "proto::five /queue/c5 at Connection.1",
    "proto::six c/6 at Client.1",
    "proto::six /queue/c6 at Connection.2",
];
const LISTENERS: [&str; 2] = ["MTP.1 listener 0", "MTP.2 /run/agent.sock"];

#[tokio::test]
async fn the_configuration_becomes_tables_and_the_tables_a_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let instance = instance(folder.path(), CONFIG).await;
    let planned = instance.with_tree(lines).expect("it runs");
    assert_eq!(planned, [&BROKERS[..], &WAYS, &LISTENERS].concat());
    // What the plan of a broker holds beside that, and never prints.
    instance
        .with_tree(|tree| {
            let plans = plans(tree);
            let Server::Mqtt(broker) = &plans.brokers["Device.MQTT.Client.2."].server else { panic!("MQTT") };
            assert_eq!((broker.client_id.as_str(), broker.username.as_str()), ("id", "user"));
            assert_eq!((broker.password.as_str(), broker.keep_alive_s), ("hunter2", 30));
            assert_eq!((broker.schedule.minimum_wait_s, broker.schedule.multiplier), (5, 2000));
            assert_eq!((broker.longest_wait.as_secs(), broker.clean_start), (30_720, true));
            let broker = &plans.brokers["Device.STOMP.Connection.2."].server;
            let Server::Stomp(broker) = broker else { panic!("STOMP") };
            assert_eq!((broker.username.as_str(), broker.password.as_str()), ("user", "hunter3"));
            let schedule = Schedule { initial_s: 60, multiplier: 2000, maximum_s: 30_720 };
            assert_eq!(broker.schedule, schedule);
            assert!(!format!("{plans:?}").contains("hunter"));
        })
        .expect("it runs");
}

/// Each case: what is set, the lines that are gone for it, and the lines that come.
#[tokio::test]
async fn what_the_tables_say_is_followed() {
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            &[("LocalAgent.Controller.1.MTP.2.Order", "1"), ("LocalAgent.Controller.1.MTP.1.Order", "9")],
            &[WAYS[0], WAYS[2]],
            &[WAYS[2], WAYS[0]],
        ),
        (&[("LocalAgent.Controller.1.MTP.1.Enable", "false")], &[WAYS[0]], &[]),
        (&[("LocalAgent.Controller.3.Enable", "false")], &[WAYS[4]], &[]),
        (&[("LocalAgent.Controller.3.MTP.1.MQTT.Topic", "a/#")], &[WAYS[4]], &[]),
        (
            &[("LocalAgent.Controller.3.MTP.1.MQTT.AgentMTPReference", "")],
            &[WAYS[4]],
            &["proto::three c/3 at Client.1"],
        ),
        (&[("MQTT.Client.2.Enable", "false")], &[BROKERS[1], WAYS[4]], &[]),
        (&[("LocalAgent.MTP.4.Enable", "false")], &[BROKERS[1], WAYS[4]], &[]),
        (&[("MQTT.Client.2.BrokerAddress", "")], &[BROKERS[1], WAYS[4]], &["Client.2 no broker's address"]),
        (
            &[("MQTT.Client.2.ProtocolVersion", "3.1")],
            &[BROKERS[1], WAYS[4]],
            &["Client.2 a version of MQTT that this agent does not speak"],
        ),
        (
            &[("MQTT.Client.2.TransportProtocol", "WebSocket")],
            &[BROKERS[1], WAYS[4]],
            &["Client.2 a transport that this agent does not speak"],
        ),
        (
            &[("LocalAgent.MTP.4.MQTT.ResponseTopicConfigured", "a/+")],
            &[BROKERS[1], WAYS[4]],
            &["Client.2 the response topic is none"],
        ),
        (
            &[("MQTT.Client.2.Subscription.1.Topic", "a/b#")],
            &[BROKERS[1], WAYS[4]],
            &["Client.2 a subscription's topic is none"],
        ),
        (
            &[("LocalAgent.MTP.4.MQTT.Reference", "")],
            &[BROKERS[1], WAYS[4]],
            &["MTP.4 no connection is referred to"],
        ),
        (
            &[("LocalAgent.MTP.4.MQTT.Reference", "Device.MQTT.Client.1")],
            &[BROKERS[1], WAYS[4]],
            &["MTP.4 another MTP uses this connection"],
        ),
        (&[("STOMP.Connection.2.Host", "")], &[BROKERS[3], WAYS[8]], &["Connection.2 no server's address"]),
        (
            &[("STOMP.Connection.2.VirtualHost", "a\nlogin:b")],
            &[BROKERS[3], WAYS[8]],
            &["Connection.2 a text with a line end can't be sent"],
        ),
        (
            &[("LocalAgent.MTP.6.STOMP.Destination", "a\0b")],
            &[BROKERS[3], WAYS[8]],
            &["Connection.2 the destination is none"],
        ),
        (
            &[("LocalAgent.MTP.6.STOMP.Reference", "Device.STOMP.Connection.1")],
            &[BROKERS[3], WAYS[8]],
            &["MTP.6 another MTP uses this connection"],
        ),
        (
            &[("LocalAgent.Controller.6.MTP.2.STOMP.Reference", "Device.STOMP.Connection.1")],
            &[WAYS[8]],
            &["proto::six /queue/c6 at Connection.1"],
        ),
        (&[("LocalAgent.Controller.6.MTP.2.STOMP.Destination", "")], &[WAYS[8]], &[]),
        (
            &[("LocalAgent.MTP.6.STOMP.Destination", ""), ("STOMP.Connection.2.EnableEncryption", "true")],
            &[BROKERS[3]],
            &["Connection.2 for MTP.6: ::1 61613 TLS host \"vhost\" beats None reply nowhere"],
        ),
        (
            &[
                ("STOMP.Connection.2.EnableHeartbeats", "true"),
                ("STOMP.Connection.2.OutgoingHeartbeat", "1000"),
                ("STOMP.Connection.2.IncomingHeartbeat", "2000"),
            ],
            &[BROKERS[3]],
            &[
                "Connection.2 for MTP.6: ::1 61613 TCP host \"vhost\" beats Some((1000, 2000)) reply /queue/own",
            ],
        ),
        (&[("LocalAgent.MTP.1.Enable", "false")], &[LISTENERS[0]], &[]),
        (&[("LocalAgent.MTP.1.Protocol", "CoAP")], &[LISTENERS[0]], &["MTP.1 coaps 5683 []"]),
        (
            &[("UnixDomainSockets.UnixDomainSocket.1.Mode", "Connect")],
            &[LISTENERS[1]],
            &["MTP.2 the socket is for the other side"],
        ),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let instance = instance(folder.path(), CONFIG).await;
    let whole = instance.with_tree(Tree::clone).expect("it runs");
    for (changes, gone, come) in cases {
        let mut tree = whole.clone();
        let changes: Vec<Change> = changes.iter().map(|(path, value)| set(&tree, path, value)).collect();
        tree.apply(&changes);
        let mut expected: Vec<&str> = [&BROKERS[..], &WAYS, &LISTENERS].concat();
        expected.retain(|line| !gone.contains(line));
        expected.extend(*come);
        expected.sort_unstable();
        let found = lines(&tree);
        // The ways of a controller are in their order, everything else in that of its table.
        if come.first() == Some(&WAYS[2]) {
            assert_eq!(found[4..7], [WAYS[1], WAYS[2], WAYS[0]]);
        }
        let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{changes:?}");
    }
}

/// Each connection has a socket and a queue: a controller that adds rows without end gets no more of them.
#[tokio::test]
async fn no_more_than_sixteen_brokers_are_connected_to() {
    let stomp = |number: u16| {
        format!(
            "[[controller]]\nendpoint = \"proto::{number}\"\n[controller.stomp]\nserver = \"stomp://h{number}\"\n\
             destination = \"/queue/c\"\n"
        )
    };
    let config: String = (1..=17).map(stomp).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let plans = instance(folder.path(), &config).await.with_tree(plans).expect("it runs");
    assert_eq!(plans.brokers.len(), 16);
    let misconfigured: Vec<&str> = plans.misconfigured.keys().map(String::as_str).collect();
    assert_eq!(misconfigured, ["Device.LocalAgent.MTP.17."]);
}
