//! Agents behind Debian's mosquitto, from onboarding to what a forger gets.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use mtp::mqtt::{Client, Version};
use pki::{Ca, ClientTls, ControllerVerifier, ServerNames, Trust, Validity};
use requirement::requirement;
use serde_json::{Value, json};
use server::config::{MqttConnect, MqttVersion, PolicyName};
use usp_proto::Body;

use crate::agent::elsewhere::client;
use crate::agent::{Agent, reply};
use crate::mosquitto::Mosquitto;
use crate::tls::secure_with;
use crate::world::{AGENT, CONTROLLER, PATIENCE, Running, World, id};

const OTHER: &str = "os::00256D-0002";
const ANYBODY: &str = "allow_anonymous true\n";
const CLOCK: &str = "Device.Time.CurrentLocalTime";

/// How the server is told of it.
fn connect(broker: &Mosquitto) -> MqttConnect {
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    MqttConnect { url, retry_seconds: Some(1), ..MqttConnect::default() }
}

fn world(policy: PolicyName, brokers: Vec<MqttConnect>) -> World {
    let mut world = World::new(policy);
    world.config.usp.mqtt.connect = brokers;
    world
}

/// Until the server has so many connections to brokers.
async fn connections(server: &Running, wanted: usize) {
    let is_one = |line: &&str| line.starts_with("cusp_broker_connected{") && line.ends_with(" 1");
    let up =
        async { while server.api.text("GET", "/metrics").await.lines().filter(is_one).count() != wanted {} };
    tokio::time::timeout(PATIENCE, up).await.expect("a connection to the broker");
}

/// Until the server has its connection to the only broker.
async fn connected(server: &Running) {
    connections(server, 1).await;
}

/// Whether the server counts so.
async fn has_line(server: &Running, wanted: &str) -> bool {
    server.api.text("GET", "/metrics").await.lines().any(|line| line == wanted)
}

async fn serve(world: &World) -> Running {
    let server = world.serve().await;
    connected(&server).await;
    server
}

/// Until the log that a broker writes into its folder is as wanted.
async fn logged(broker: &Mosquitto, wanted: impl Fn(&str) -> bool) {
    let log = broker.file("log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let waiting = async {
        while !wanted(&said()) {
            tokio::task::yield_now().await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("the broker never said what was wanted: {}", said());
    }
}

async fn get(server: &Running, device: &str) -> Value {
    let path = format!("/devices/{device}/get?wait=20s");
    server.api.post(&path, Some(json!({ "paths": [CLOCK] }))).await.body
}

async fn online(server: &Running, device: &str, wanted: bool) -> Value {
    server.until(&format!("/devices/{device}"), |one| one.body["online"] == wanted).await
}

#[tokio::test]
#[requirement("R-MQTT.18", "R-MQTT.22", "R-MQTT.26")]
async fn a_device_behind_a_broker_is_approved_onboarded_and_read() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    for (version, spoken) in [(MqttVersion::V5, Version::V5), (MqttVersion::V3, Version::V3_1_1)] {
        let how = MqttConnect { version, ..connect(&broker) };
        let world = world(PolicyName::Approve, vec![how]);
        let server = serve(&world).await;
        let told = server.api.get("/connect").await;
        let told = json!([told.body["brokers"][0]["url"], told.body["brokers"][0]["topic"]]);
        let topic = format!("usp/controllers/{CONTROLLER}");
        assert_eq!(told, json!([format!("mqtt://127.0.0.1:{}", broker.port), topic]));
        let mut agent = Agent::behind(&client(broker.port, spoken, AGENT)).await;
        let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
        let expected = json!(["mqtt", AGENT, false]);
        let row = &pending["items"][0];
        assert_eq!(json!([row["transport"], row["endpoint"], row["proven"]]), expected);
        let device = server.approve(AGENT).await;
        // From its first question on the server listens.
        let (asked, request) = agent.request(|_| true).await;
        agent.respond(&asked, reply(&request));
        let told = agent.value_change("Device.DeviceInfo.SerialNumber", "7");
        agent.answer_to(&told).await;
        agent.keep_answering();
        let shown = server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
        assert_eq!((&shown["online"], &shown["proven"]), (&json!(true), &json!(false)));
        let job = get(&server, &device).await;
        let value = &job["outcome"]["results"][0]["objects"][0]["params"]["CurrentLocalTime"];
        assert_eq!((&job["state"], value), (&json!("done"), &json!("value of CurrentLocalTime")), "{job}");
        let events = server.api.get(&format!("/devices/{device}/events")).await;
        assert!(events.items().iter().any(|event| event["kind"] == "value_change"), "{events:?}");
        let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
        assert_eq!(sessions.items()[0]["transport"], "mqtt", "{sessions:?}");
    }
}

/// The server comes by a WebSocket, and so does the device.
#[tokio::test]
async fn a_broker_is_reached_by_websocket() {
    let (broker, port) = Mosquitto::with_websockets();
    let url = format!("ws://127.0.0.1:{port}/mqtt");
    let world = world(PolicyName::Open, vec![MqttConnect { url, ..connect(&broker) }]);
    let server = serve(&world).await;
    let mut how = client(port, Version::V5, AGENT);
    how.websocket = Some("/mqtt".to_owned());
    Agent::behind(&how).await.keep_answering();
    let device = server.device(AGENT).await;
    assert_eq!(get(&server, &device).await["state"], "done");
    // Devices are told what they can speak.
    assert_eq!(server.api.get("/connect").await.body["brokers"], json!([]));
}

#[tokio::test]
#[requirement("R-MQTT.33")]
async fn a_broker_that_comes_back_brings_its_devices_back() {
    let mut broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    let device = server.device(AGENT).await;
    online(&server, &device, true).await;
    broker.kill();
    online(&server, &device, false).await;
    broker.restart();
    connected(&server).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    online(&server, &device, true).await;
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
}

/// It said that it is there once, to a server that was stopped since.
#[tokio::test]
async fn a_device_is_found_again_after_a_restart_of_the_server() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let how = MqttConnect { silence_seconds: Some(2), ..connect(&broker) };
    let world = world(PolicyName::Open, vec![how]);
    let server = serve(&world).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    let device = server.device(AGENT).await;
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    server.stop().await;
    let server = world.serve().await;
    online(&server, &device, true).await;
    assert_eq!(get(&server, &device).await["state"], "done");
}

/// Nobody tells that it was switched off.
#[tokio::test]
async fn a_device_that_does_not_answer_is_offline() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let how = MqttConnect { silence_seconds: Some(1), ..connect(&broker) };
    let world = world(PolicyName::Open, vec![how]);
    let server = serve(&world).await;
    let (gone, link) = Agent::severable(&client(broker.port, Version::V5, AGENT)).await;
    // From now on it is asked, however long the rest takes.
    Agent::behind(&client(broker.port, Version::V5, OTHER)).await.keep_answering();
    let [device, second] = [server.device(AGENT).await, server.device(OTHER).await];
    link.abort();
    let is_over =
        |answer: &crate::http::Answer| answer.items().first().is_some_and(|one| !one["until"].is_null());
    server.until(&format!("/devices/{device}/sessions"), is_over).await;
    drop(gone);
    // Who answers stays.
    let sessions = server.api.get(&format!("/devices/{second}/sessions")).await;
    assert_eq!((sessions.items().len(), get(&server, &second).await["state"].as_str()), (1, Some("done")));
}

#[tokio::test]
async fn devices_behind_a_broker_are_apart() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    let mut one = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    let mut other = Agent::behind(&client(broker.port, Version::V5, OTHER)).await;
    let (device, second) = (server.device(AGENT).await, server.device(OTHER).await);
    let told = [one.value_change("Device.A", "1"), other.value_change("Device.B", "2")];
    one.answer_to(&told[0]).await;
    other.answer_to(&told[1]).await;
    for (device, name, own) in [(&device, &mut one, "first"), (&second, &mut other, "second")] {
        let ask = format!("/devices/{device}/get");
        let job = server.api.post(&ask, Some(json!({ "paths": [format!("Device.{own}.Name")] }))).await;
        let id = job.body["id"].as_str().expect("a job").to_owned();
        // Only this one is asked, and what it answers is this job's end.
        let asked = name.get_of(&format!("Device.{own}.Name")).await;
        let answer = usp_proto::get::GetResp { req_path_results: Vec::new() };
        name.respond(&asked, usp_proto::Response::GetResp(answer));
        server.until(&format!("/jobs/{id}"), |job| job.body["state"] == "done").await;
    }
    // A good-bye of one leaves the other alone.
    one.good_bye();
    online(&server, &device, false).await;
    other.keep_answering();
    assert_eq!(get(&server, &second).await["state"], "done");
}

#[tokio::test]
async fn a_stranger_behind_a_broker_is_refused_where_enrolment_is_closed() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Closed, vec![connect(&broker)]);
    let server = serve(&world).await;
    let _agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    server.refusal("enrolment is closed").await;
    let refused = server.api.get("/refused").await;
    assert_eq!(refused.items()[0]["endpoint"], AGENT);
    assert_eq!(server.api.get("/pending").await.items().len(), 0);
}

#[tokio::test]
async fn a_rejected_device_behind_a_broker_is_refused_from_then_on() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Approve, vec![connect(&broker)]);
    let server = serve(&world).await;
    let mut agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    assert_eq!(server.api.post(&format!("/pending/{AGENT}/reject"), None).await.status, 204);
    // The broker's connection stands, and so does that of the agent: it may try again, in vain. What it says before its
    // link here has ended ends with that.
    let ended = async { while !has_line(&server, "cusp_links_closed_total 1").await {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("its link ends");
    agent.value_change("Device.A", "1");
    server.refusal("rejected").await;
    assert_eq!(server.api.get("/pending").await.items().len(), 0);
    assert!(!agent.heard_answer());
    connected(&server).await;
}

/// Who is behind a broker does not say what we publish to, whether the configuration says where agents are or not.
#[tokio::test]
async fn answers_go_to_topics_of_agents_alone() {
    let broker = Mosquitto::start(&format!("{ANYBODY}log_dest file DIR/log\n"), &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    let own = format!("usp/controllers/{CONTROLLER}");
    for (topic, eid) in [("somewhere/else", "os::00256D-0003"), (&own, "os::00256D-0004")] {
        let mut how = client(broker.port, Version::V5, eid);
        how.settings.response_topic = Some(topic.parse().expect("a topic"));
        Agent::behind(&how).await.keep_answering();
    }
    // The broker keeps no order between clients: both have been passed on before this one comes.
    logged(&broker, |said| said.matches("Received PUBLISH from").count() == 2).await;
    let agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    let device = server.device(AGENT).await;
    agent.keep_answering();
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
    let heard = server.api.text("GET", "/metrics").await;
    assert!(heard.contains("cusp_links_opened_total 1\n"), "{heard}");
}

/// R-ARC.2: what looks like ourselves is no device.
#[tokio::test]
async fn nobody_behind_a_broker_is_the_controller_itself() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    let _twin = Agent::behind(&client(broker.port, Version::V5, CONTROLLER)).await;
    // What was sent later has been dealt with.
    let _agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    server.device(AGENT).await;
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
}

/// Who says to be a device that proves nothing, and is answered elsewhere, does not get its place while it is there.
#[tokio::test]
async fn a_forged_connect_takes_no_place() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    let device = server.device(AGENT).await;
    online(&server, &device, true).await;
    let mut forged = client(broker.port, Version::V5, AGENT);
    forged.settings.response_topic = Some("usp/agents/forger".parse().expect("a topic"));
    let mut forger = Agent::behind(&forged).await;
    server.refusal("another connection under this endpoint id still answers").await;
    assert_eq!(get(&server, &device).await["state"], "done");
    assert!(!forger.heard_answer());
    let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
    assert_eq!(sessions.items().len(), 1, "{sessions:?}");
}

/// However long it was silent: it is asked first, and answers.
#[tokio::test]
async fn a_forged_connect_takes_no_place_of_a_silent_device() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let how = MqttConnect { silence_seconds: Some(1), ..connect(&broker) };
    let world = world(PolicyName::Open, vec![how]);
    let server = serve(&world).await;
    let mut agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    // It has said nothing for a second when it is asked whether it is there, and does not answer yet.
    let unanswered = loop {
        let (asked, request) = agent.request(|_| true).await;
        if asked.starts_with("presence-") {
            break (asked, request);
        }
        agent.respond(&asked, reply(&request));
    };
    let mut forged = client(broker.port, Version::V5, AGENT);
    forged.settings.response_topic = Some("usp/agents/forger".parse().expect("a topic"));
    let mut forger = Agent::behind(&forged).await;
    let heard = async { while !has_line(&server, "cusp_links_opened_total 2").await {} };
    tokio::time::timeout(PATIENCE, heard).await.expect("the forger is heard");
    agent.respond(&unanswered.0, reply(&unanswered.1));
    agent.keep_answering();
    server.refusal("another connection under this endpoint id still answers").await;
    let device = server.device(AGENT).await;
    assert_eq!(get(&server, &device).await["state"], "done");
    assert!(!forger.heard_answer());
    let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
    assert_eq!(sessions.items().len(), 1, "{sessions:?}");
}

/// Whoever may publish can say good-bye in the name of a device, and where it is. It is asked, and answers.
#[tokio::test]
async fn a_forged_good_bye_ends_nothing() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    let device = server.device(AGENT).await;
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    let mut how = client(broker.port, Version::V5, AGENT);
    how.settings.client_id = Some("forger".to_owned());
    // It hears what the device is sent.
    let mut forger = Agent::quiet(&how, &id(CONTROLLER)).await;
    forger.good_bye();
    while !forger.request(|_| true).await.0.starts_with("presence-") {}
    // The device answers in turn: what it says to the question comes before what it says to this.
    assert_eq!(get(&server, &device).await["state"], "done");
    let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
    assert_eq!(sessions.items().len(), 1, "{sessions:?}");
    assert_eq!(sessions.items()[0]["until"], Value::Null, "{sessions:?}");
}

/// Agents of both versions behind one broker: a connection hears those that speak its own (R-MQTT.26a), on a topic of its own.
#[tokio::test]
async fn agents_of_both_versions_behind_one_broker() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let topic = Some("usp/old/controller".to_owned());
    let old = MqttConnect { version: MqttVersion::V3, topic, ..connect(&broker) };
    let world = world(PolicyName::Open, vec![connect(&broker), old]);
    let server = world.serve().await;
    connections(&server, 2).await;
    Agent::behind(&client(broker.port, Version::V5, AGENT)).await.keep_answering();
    let how = client(broker.port, Version::V3_1_1, OTHER);
    let other = Agent::to(&how, &id(CONTROLLER), "usp/old/controller").await;
    other.announce_again();
    other.keep_answering();
    for eid in [AGENT, OTHER] {
        let device = server.device(eid).await;
        assert_eq!(get(&server, &device).await["state"], "done", "{eid}");
    }
}

/// A device that has proven itself is not to be had by its name.
#[tokio::test]
#[requirement("R-SEC.9", "R-SEC.10a")]
async fn a_forger_behind_a_broker_gets_nothing_of_a_proven_device() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let secure = secure_with(|config, _| {
        config.usp.mqtt.connect = vec![connect(&broker)];
    })
    .await;
    let server = &secure.server;
    connected(server).await;
    let token = secure.token(1).await;
    let identity = secure.enrol(AGENT, &token).await.expect("enrolled");
    let mut device = Agent::over(&secure.dialer(AGENT, Some(&identity))).await;
    let id = server.device(AGENT).await;
    online(server, &id, true).await;
    let forged = client(broker.port, Version::V5, AGENT);
    let mut forger = Agent::behind_for(&forged, &secure.controller).await;
    forger.value_change("Device.DeviceInfo.SerialNumber", "forged");
    server.refusal("known by its certificate").await;
    let refused = server.api.get("/refused").await;
    let row = &refused.items()[0];
    assert_eq!(
        (&row["endpoint"], row["peer"].as_str()),
        (&json!(AGENT), Some(&*format!("127.0.0.1:{}", broker.port)))
    );
    // The device has its session still; what the forger said was not listened to.
    let told = device.value_change("Device.DeviceInfo.SerialNumber", "true");
    device.answer_to(&told).await;
    device.keep_answering();
    assert_eq!(get(server, &id).await["state"], "done");
    assert!(!forger.heard_answer());
    let events = server.api.get(&format!("/devices/{id}/events")).await;
    let said = events.items().iter().filter(|event| event["kind"] == "value_change").count();
    assert_eq!(said, 1, "{events:?}");
}

/// A broker with TLS.
struct Safe {
    broker: Mosquitto,
    ca: Ca,
}

impl Safe {
    fn start() -> Safe {
        let valid = || Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
        let ca = Ca::create("Test CA", valid()).expect("a CA");
        let names = ServerNames { ips: vec![IpAddr::from([127, 0, 0, 1])], ..ServerNames::default() };
        let identity = ca.issue_server(&names, valid()).expect("a certificate");
        let files = [("cert.pem", identity.chain_pem()), ("key.pem", identity.key_pem().to_string())];
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let lines = format!("{ANYBODY}certfile DIR/cert.pem\nkeyfile DIR/key.pem\n");
        Safe { broker: Mosquitto::start(&lines, &files), ca }
    }

    /// How the server is told to believe it.
    fn trusted(&self, world: &World) -> MqttConnect {
        let file = world.folder.path().join("ca.pem");
        std::fs::write(&file, self.ca.certificate_pem()).expect("written");
        let url = format!("mqtts://127.0.0.1:{}", self.broker.port);
        MqttConnect { url, trusted: true, ca: Some(file), ..connect(&self.broker) }
    }

    /// A client of it for an agent of this id.
    fn client(&self, eid: &str) -> Client {
        let mut through = client(self.broker.port, Version::V5, eid);
        let trust = Trust { roots: vec![self.ca.certificate().clone()], ..Trust::default() };
        let verifier = ControllerVerifier::new(&trust, None, true, pki::provider()).expect("a verifier");
        (through.broker.secure, through.tls) = (true, Some(ClientTls::new(None, verifier).expect("TLS")));
        through
    }
}

/// It is refused from then on, once for each time that somebody is asked.
#[tokio::test]
#[requirement("R-SEC.9")]
async fn the_word_of_a_trusted_broker_can_be_revoked() {
    let safe = Safe::start();
    let mut world = world(PolicyName::Approve, Vec::new());
    world.config.usp.mqtt.connect = vec![safe.trusted(&world)];
    let server = serve(&world).await;
    let mut agent = Agent::behind(&safe.client(AGENT)).await;
    let device = server.approve(AGENT).await;
    online(&server, &device, true).await;
    let listed = server.api.get(&format!("/certificates?device={device}&revoked=false")).await;
    let word = listed.items()[0]["fingerprint"].as_str().expect("a text").to_owned();
    assert_eq!(server.api.post(&format!("/certificates/{word}/revoke"), None).await.status, 204);
    online(&server, &device, false).await;
    for _ in 0..5 {
        agent.value_change("Device.A", "1");
    }
    server.refusal("its certificate or login is revoked").await;
    let misused = |row: &Value| row["action"] == "credential.misused" && row["target"] == AGENT;
    let log = server.until("/audit", |answer| answer.items().iter().any(misused)).await;
    let rows = log["items"].as_array().expect("rows");
    assert!(!rows.iter().any(|row| row["action"] == "credential.add"), "{log}");
    let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
    assert_eq!(sessions.items().len(), 1, "{sessions:?}");
    assert_eq!(server.api.get("/pending").await.items().len(), 0);
}

/// The word of a broker that is trusted counts as proof, and nothing less does from then on.
#[tokio::test]
#[requirement("R-SEC.4a", "R-SEC.9")]
async fn a_trusted_broker_vouches_for_its_clients() {
    let safe = Safe::start();
    let plain = Mosquitto::start(ANYBODY, &[]);
    let mut world = world(PolicyName::Approve, vec![connect(&plain)]);
    let trusted = safe.trusted(&world);
    world.config.usp.mqtt.connect.push(trusted);
    let server = world.serve().await;
    let through = safe.client(AGENT);
    connections(&server, 2).await;
    let agent = Agent::behind(&through).await;
    let device = server.approve(AGENT).await;
    agent.keep_answering();
    let shown = server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    assert_eq!(shown["proven"], true);
    // The same name by a broker that is not trusted, and on a plain WebSocket.
    let mut forger = Agent::behind(&client(plain.port, Version::V5, AGENT)).await;
    server.refusal("showed none").await;
    let refused = crate::agent::dialer(&server, AGENT).connect().await;
    assert!(matches!(refused, Err(mtp::Error::Refused { status: 403, .. })), "{refused:?}");
    assert_eq!(get(&server, &device).await["state"], "done");
    assert!(!forger.heard_answer());
    // It comes back as what it is.
    Agent::behind(&through).await.keep_answering();
    let sessions = format!("/devices/{device}/sessions");
    server.until(&sessions, |answer| answer.items().len() == 2).await;
    assert_eq!(online(&server, &device, true).await["proven"], true);
}

#[tokio::test]
#[requirement("R-MQTT.7", "R-MQTT.10")]
async fn a_password_that_is_put_right_is_used_at_the_next_attempt() {
    let lines = "allow_anonymous false\npassword_file DIR/passwords\nlog_dest file DIR/log\n";
    let mut broker = Mosquitto::start(lines, &[("passwords", "cusp:right\n")]);
    let hashed =
        std::process::Command::new("mosquitto_passwd").arg("-U").arg(broker.file("passwords")).status();
    assert!(hashed.expect("mosquitto_passwd comes with mosquitto").success());
    broker.restart();
    let mut world = world(PolicyName::Open, Vec::new());
    let file = world.folder.path().join("password");
    std::fs::write(&file, "wrong\n").expect("written");
    let (username, password_file) = (Some("cusp".to_owned()), Some(file.clone()));
    world.config.usp.mqtt.connect = vec![MqttConnect { username, password_file, ..connect(&broker) }];
    let server = world.serve().await;
    logged(&broker, |said| said.contains("not authorised")).await;
    std::fs::write(&file, "right\nand no more\n").expect("written");
    connected(&server).await;
}

/// The id that the broker gave us is used in the next run, too: it gives no other one.
#[tokio::test]
#[requirement("R-MQTT.9", "R-MQTT.11")]
async fn the_client_id_that_the_broker_gave_is_kept() {
    let broker = Mosquitto::start("allow_anonymous true\nauto_id_prefix given-\n", &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let kept = || {
        let entries = std::fs::read_dir(world.data()).expect("the data folder");
        let mut files = entries.map(|entry| entry.expect("an entry").path());
        let file = files.find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("mqtt-client-"))
        });
        std::fs::read_to_string(file.expect("it was kept")).expect("a text")
    };
    let server = serve(&world).await;
    let given = kept();
    assert!(given.starts_with("given-"), "{given}");
    server.stop().await;
    let _server = serve(&world).await;
    assert_eq!(kept(), given);
}

/// An answer to something that nobody asked, and what is no Record, end nothing.
#[tokio::test]
async fn nonsense_from_behind_a_broker_hurts_nobody() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Open, vec![connect(&broker)]);
    let server = serve(&world).await;
    let mut agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    let device = server.device(AGENT).await;
    let noise = Agent::quiet(&client(broker.port, Version::V5, OTHER), &id(CONTROLLER)).await;
    noise.raw(vec![0xff; 100_000].into());
    noise.raw(bytes::Bytes::new());
    let told = agent.value_change("Device.A", "1");
    assert!(matches!(agent.answer_to(&told).await.body, Body::Response(_)));
    agent.keep_answering();
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
}

/// Who was turned away and goes on without end costs the others behind the broker nothing.
#[tokio::test]
async fn a_loud_client_behind_a_broker_hides_nobody() {
    let broker = Mosquitto::start(ANYBODY, &[]);
    let world = world(PolicyName::Approve, vec![connect(&broker)]);
    let server = serve(&world).await;
    let loud = Agent::behind(&client(broker.port, Version::V5, OTHER)).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    assert_eq!(server.api.post(&format!("/pending/{OTHER}/reject"), None).await.status, 204);
    let making_noise = tokio::spawn(async move {
        loop {
            loud.shout();
            tokio::task::yield_now().await;
        }
    });
    let refused = |metrics: String| {
        let line = metrics.lines().find_map(|line| line.strip_prefix("cusp_refused_total "))?.parse().ok();
        line.filter(|count: &u32| *count > 1000)
    };
    let counted = async { while refused(server.api.text("GET", "/metrics").await).is_none() {} };
    tokio::time::timeout(PATIENCE, counted).await.expect("it is loud");
    let _agent = Agent::behind(&client(broker.port, Version::V5, AGENT)).await;
    let seen = |item: &Value| item["endpoint"] == AGENT;
    server.until("/pending", |answer| answer.items().iter().any(seen)).await;
    making_noise.abort();
}
