//! User names and passwords at the server's own MQTT broker.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mtp::Error;
use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Version};
use requirement::requirement;
use serde_json::{Value, json};
use server::config::PolicyName;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::{Msg, Record, Request};

use crate::agent::elsewhere::client;
use crate::agent::{Agent, dialer};
use crate::own_broker::{port, world};
use crate::world::{AGENT, CONTROLLER, Running, World, id};

const OTHER: &str = "os::00256D-0002";
const CLOCK: &str = "Device.Time.CurrentLocalTime";
const BOTH: [Version; 2] = [Version::V5, Version::V3_1_1];

/// Makes a login: the whole answer.
async fn login(server: &Running, eid: &str) -> Value {
    let made = server.api.post("/logins", Some(json!({ "endpoint": eid }))).await;
    assert_eq!((made.status, &made.body["username"]), (200, &json!(eid)), "{made:?}");
    made.body
}

fn text(made: &Value, name: &str) -> String {
    made[name].as_str().expect("a text").to_owned()
}

/// A client of this endpoint that logs in.
fn with(server: &Running, version: Version, eid: &str, user: &str, password: &str) -> Client {
    let mut how = client(port(server), version, eid);
    (how.settings.username, how.settings.password) = (Some(user.to_owned()), Some(password.to_owned()));
    how
}

/// With what a client is refused: reason codes of 5.0, return codes of 3.1.1.
async fn code(how: &Client) -> u8 {
    match how.connect().await {
        Err(Error::Mqtt(End::Refused { code, .. })) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("let in"),
    }
}

async fn audited(server: &Running, action: &str, detail: &str) -> Value {
    let is_it = |row: &Value| {
        row["action"] == action && row["detail"].as_str().is_some_and(|text| text.contains(detail))
    };
    let log = server.until("/audit", |answer| answer.items().iter().any(is_it)).await;
    log["items"].as_array().expect("rows").iter().find(|row| is_it(row)).expect("it is there").clone()
}

/// Nobody approves it, no certificate: the login makes the device, and is needed from then on, by any way.
#[tokio::test]
#[requirement("R-MQTT.7", "R-MQTT.42", "R-MQTT.43")]
async fn a_login_makes_a_device_that_may_not_come_without() {
    for (version, wrong, denied) in [(Version::V5, 0x86, 0x87), (Version::V3_1_1, 4, 5)] {
        let world = world(PolicyName::Approve);
        let server = world.serve().await;
        let made = login(&server, AGENT).await;
        let password = text(&made, "password");
        assert!(password.len() >= 43, "256 bits");
        let agent = Agent::behind(&with(&server, version, AGENT, AGENT, &password)).await;
        agent.keep_answering();
        let device = format!("/devices/{}", text(&made, "device"));
        let shown = server.until(&device, |one| one.body["onboarded"] == true).await;
        assert_eq!((&shown["online"], &shown["proven"]), (&json!(true), &json!(true)));
        let job = server.api.post(&format!("{device}/get?wait=20s"), Some(json!({ "paths": [CLOCK] }))).await;
        assert_eq!(job.body["state"], "done", "{job:?}");

        assert_eq!(code(&with(&server, version, AGENT, AGENT, "wrong")).await, wrong);
        server.refusal("its user name or its password is wrong").await;
        assert_eq!(code(&with(&server, version, AGENT, "root", &password)).await, wrong);
        assert_eq!(code(&with(&server, version, OTHER, OTHER, &password)).await, wrong);
        assert_eq!(code(&client(port(&server), version, AGENT)).await, denied);
        server.refusal("showed none").await;
        let plain = dialer(&server, AGENT).connect().await;
        assert!(matches!(plain, Err(Error::Refused { status: 403, .. })), "{plain:?}");
        // None of them took its place, or waits for somebody to let it in.
        assert_eq!(server.api.get(&device).await.body["online"], true);
        assert_eq!(server.api.get("/pending").await.items().len(), 0);
        let sessions = server.api.get(&format!("{device}/sessions")).await;
        assert_eq!(sessions.items().len(), 1, "{sessions:?}");
        // The password is nowhere.
        let files = std::fs::read_dir(world.data()).expect("a folder");
        for file in files.map(|file| file.expect("an entry").path()).filter(|path| path.is_file()) {
            let bytes = std::fs::read(&file).expect("readable");
            let found = bytes.windows(password.len()).any(|part| part == password.as_bytes());
            assert!(!found, "{}", file.display());
        }
    }
}

/// Who has a login is that device and no other: not by its id, nor by its topics, nor by its Records.
#[tokio::test]
#[requirement("R-MQTT.42", "R-SEC.4c")]
async fn a_login_is_good_for_its_own_endpoint() {
    let world = world(PolicyName::Approve);
    let server = world.serve().await;
    let (own, others) = (login(&server, AGENT).await, login(&server, OTHER).await);
    let (own, others) = (text(&own, "password"), text(&others, "password"));
    let agent = Agent::behind(&with(&server, Version::V5, AGENT, AGENT, &own)).await;
    let device = server.device(AGENT).await;
    server.until(&format!("/devices/{device}"), |one| one.body["online"] == true).await;
    for version in BOTH {
        let denied = if version == Version::V5 { 0x87 } else { 5 };
        assert_eq!(code(&with(&server, version, AGENT, OTHER, &others)).await, denied);
    }
    server.refusal("its user name is not this endpoint id").await;
    let row = audited(&server, "credential.misused", "its user name is not this endpoint id").await;
    assert_eq!(row["target"], AGENT, "{row}");
    assert!(row["detail"].as_str().expect("a text").contains(&format!("the login of {OTHER}")), "{row}");

    let how = with(&server, Version::V5, OTHER, OTHER, &others);
    let forger = Agent::quiet(&how, &id(CONTROLLER)).await;
    let what = ValueChange { param_path: "Device.A".to_owned(), param_value: "forged".to_owned() };
    let notify = Notify::new("cusp-test", true, Notification::ValueChange(what));
    let msg = Msg::request("f1", Request::Notify(notify));
    let version = usp_proto::Version::CURRENT;
    forger.raw(usp_proto::record::encode_message(&id(AGENT), &id(CONTROLLER), version, &msg));
    server.refusal(&format!("in the name of {AGENT}")).await;
    let row = audited(&server, "session.impersonation", &format!("in the name of {AGENT}")).await;
    assert_eq!(row["target"], OTHER, "{row}");

    let mut eavesdropper = how.clone();
    eavesdropper.settings.filters = vec![format!("usp/agents/{AGENT}").parse().expect("a filter")];
    let _ = eavesdropper.connect().await;
    audited(&server, "session.trespass", &format!("may not subscribe to usp/agents/{AGENT}")).await;
    let neighbour = Agent::to(&how, &id(CONTROLLER), &format!("usp/agents/{AGENT}")).await;
    neighbour.raw(Record::websocket_connect(&id(OTHER), &id(AGENT), version).encode());
    audited(&server, "session.trespass", &format!("may not use the topic usp/agents/{AGENT}")).await;
    agent.keep_answering();
    let events = server.api.get(&format!("/devices/{device}/events")).await;
    assert!(!events.items().iter().any(|event| event["kind"] == "value_change"), "{events:?}");
}

/// What was there before a login was made or ended ends with that; and nothing is not better than what was ended.
#[tokio::test]
async fn a_login_that_is_replaced_or_revoked_counts_no_more() {
    let world = world(PolicyName::Approve);
    let server = world.serve().await;
    // It was let in by its name alone.
    let mut plain = Agent::behind(&client(port(&server), Version::V5, AGENT)).await;
    let device = server.approve(AGENT).await;
    let path = format!("/devices/{device}");
    server.until(&path, |one| one.body["online"] == true).await;
    let first = login(&server, AGENT).await;
    assert_eq!(first["device"], json!(device));
    plain.down().await;

    let how = with(&server, Version::V5, AGENT, AGENT, &text(&first, "password"));
    let mut agent = Agent::behind(&how).await;
    server.until(&path, |one| one.body["online"] == true).await;
    let second = login(&server, AGENT).await;
    agent.down().await;
    assert_eq!(code(&how).await, 0x86);
    server.refusal("its certificate or login is revoked").await;
    let how = with(&server, Version::V5, AGENT, AGENT, &text(&second, "password"));
    let mut agent = Agent::behind(&how).await;
    server.until(&path, |one| one.body["online"] == true).await;

    let listed = server.api.get("/certificates?revoked=false").await;
    let row = &listed.items()[0];
    assert_eq!((&row["kind"], &row["fingerprint"]), (&json!("password"), &second["fingerprint"]));
    assert_eq!(listed.items().len(), 1, "{listed:?}");
    let revoke = format!("/certificates/{}/revoke", text(&second, "fingerprint"));
    assert_eq!(server.api.post(&revoke, None).await.status, 204);
    agent.down().await;
    assert_eq!(code(&how).await, 0x86);
    assert_eq!(code(&client(port(&server), Version::V5, AGENT)).await, 0x87);
    server.refusal("showed none").await;
    server.until(&path, |one| one.body["online"] == false).await;

    // Another one, and then the device is removed.
    let third = login(&server, AGENT).await;
    let how = with(&server, Version::V5, AGENT, AGENT, &text(&third, "password"));
    let mut agent = Agent::behind(&how).await;
    server.until(&path, |one| one.body["online"] == true).await;
    assert_eq!(server.api.delete(&path).await.status, 204);
    agent.down().await;
    assert_eq!(code(&how).await, 0x86);
}

#[tokio::test]
async fn who_guesses_has_to_wait() {
    let mut world = world(PolicyName::Approve);
    world.config.limits.failures_per_address = Some(5);
    let server = world.serve().await;
    let made = login(&server, AGENT).await;
    let neighbour = login(&server, OTHER).await;
    let neighbour = with(&server, Version::V5, OTHER, OTHER, &text(&neighbour, "password"));
    Agent::behind(&neighbour).await.keep_answering();
    let guess = with(&server, Version::V5, AGENT, AGENT, "guess");
    let mut guesses = 0;
    while code(&guess).await == 0x86 {
        guesses += 1;
        assert!(guesses < 10_000, "nobody stops it");
    }
    assert!(guesses >= 5, "{guesses}");
    server.refusal("too many attempts").await;
    // Its neighbour was here before, and comes back whenever it wants.
    for _ in 0..3 {
        code(&guess).await;
        Agent::behind(&neighbour).await.keep_answering();
    }
    // The device is elsewhere.
    let mut how = with(&server, Version::V5, AGENT, AGENT, &text(&made, "password"));
    how.bind = Some("127.0.0.2".parse().expect("an address"));
    let _agent = Agent::behind(&how).await;
    let device = format!("/devices/{}", text(&made, "device"));
    server.until(&device, |one| one.body["online"] == true).await;
}

#[tokio::test]
async fn only_what_can_be_a_device_has_a_login() {
    let world = world(PolicyName::Approve);
    let server = world.serve().await;
    for (endpoint, why) in [
        ("", "endpoint"),
        ("nonsense", "endpoint"),
        ("os::a/b", "no level of a topic"),
        (CONTROLLER, "the controller's own"),
    ] {
        let refused = server.api.post("/logins", Some(json!({ "endpoint": endpoint }))).await;
        assert_eq!(refused.status, 400, "{endpoint}: {refused:?}");
        assert!(refused.body["detail"].as_str().is_some_and(|text| text.contains(why)), "{refused:?}");
    }
    assert_eq!(server.api.get("/devices").await.items().len(), 0);
}

/// Debian's client with a Record for the controller: it leaves as soon as the broker has acknowledged it.
fn publish(server: &Running, file: &Path, version: &str, password: &str) -> Output {
    let v5 = ["-D", "publish", "response-topic", &format!("usp/agents/{AGENT}")].map(str::to_owned);
    let topic = format!("usp/controllers/{CONTROLLER}");
    let (topic, more) = match version {
        "5" => (topic, v5.to_vec()),
        _ => (format!("{topic}/reply-to=usp%2Fagents%2F{AGENT}"), Vec::new()),
    };
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "127.0.0.1", "-p", &port(server).to_string(), "-V", version, "-i", "any"]);
    command.args(["-u", AGENT, "-P", password, "-q", "1", "-t", &topic, "-f"]).arg(file).args(more);
    command.output().expect("mosquitto_pub comes with mosquitto-clients")
}

/// A Record that opens a session, in a file.
fn connect_record(world: &World) -> PathBuf {
    let file = world.folder.path().join("record");
    let connect = Record::websocket_connect(&id(AGENT), &id(CONTROLLER), usp_proto::Version::CURRENT);
    std::fs::write(&file, connect.encode()).expect("written");
    file
}

/// Debian's client, which knows no USP: a user name and a password are all that says who it is. It leaves as soon as the
/// broker has acknowledged its Record, which counts all the same.
#[test]
#[requirement("R-MQTT.7", "R-MQTT.42")]
fn a_foreign_client_logs_in() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = world(PolicyName::Approve);
    let server = runtime.block_on(world.serve());
    let made = runtime.block_on(login(&server, AGENT));
    let file = connect_record(&world);
    let sessions = format!("/devices/{}/sessions", text(&made, "device"));
    for (n, version) in ["5", "311"].into_iter().enumerate() {
        let refused = publish(&server, &file, version, "wrong");
        let said = String::from_utf8_lossy(&refused.stderr).to_lowercase();
        assert!(!refused.status.success() && said.contains("user name or password"), "{refused:?}");
        let done = publish(&server, &file, version, &text(&made, "password"));
        assert!(done.status.success(), "{done:?}");
        let heard = server.until(&sessions, |answer| answer.items().len() == n + 1);
        let heard = runtime.block_on(heard);
        assert_eq!(
            (&heard["items"][0]["transport"], &heard["items"][0]["proven"]),
            (&json!("mqtt"), &json!(true))
        );
    }
}
