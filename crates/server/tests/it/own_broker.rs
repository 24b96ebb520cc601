//! The server's own MQTT broker.

use std::time::{Duration, SystemTime};

use mtp::mqtt::machine::End;
use mtp::mqtt::{Client, Version};
use mtp::{DownReason, Error, Inbound, LinkHandler, LinkId, LinkUp, Role, Verdict};
use pki::{ClientTls, ControllerVerifier, Identity, Validity};
use requirement::requirement;
use serde_json::json;
use server::config::PolicyName;
use usp_proto::notify::{Notification, Notify, ValueChange};
use usp_proto::{Msg, Record, Request};

use crate::agent::Agent;
use crate::agent::elsewhere::client;
use crate::tls::{Secure, secure_with};
use crate::world::{AGENT, CONTROLLER, Running, World, id};

const OTHER: &str = "os::00256D-0002";
const THIRD: &str = "os::00256D-0003";
const CLOCK: &str = "Device.Time.CurrentLocalTime";

pub(crate) fn world(policy: PolicyName) -> World {
    let mut world = World::new(policy);
    world.config.usp.mqtt.broker.listen = Some("127.0.0.1:0".parse().expect("an address"));
    world
}

pub(crate) fn port(server: &Running) -> u16 {
    server.listeners.usp_mqtt_broker.expect("a broker").port()
}

#[tokio::test]
#[requirement("R-MQTT.39", "R-MQTT.40", "R-MQTT.44")]
async fn a_device_is_approved_onboarded_and_read_through_our_own_broker() {
    for version in [Version::V5, Version::V3_1_1] {
        let world = world(PolicyName::Approve);
        let server = world.serve().await;
        let address = format!("127.0.0.1:{}", port(&server));
        let text = std::fs::read_to_string(world.data().join("listeners.json")).expect("written");
        let written: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(written["usp.mqtt.broker"], address);
        let told = server.api.get("/connect").await;
        assert_eq!(told.body["brokers"][0]["url"], format!("mqtt://{address}"));
        let mut how = client(port(&server), version, AGENT);
        if version == Version::V5 {
            // The broker says which topic is its own.
            how.settings.response_topic = None;
        }
        let agent = Agent::behind(&how).await;
        let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
        let row = &pending["items"][0];
        assert_eq!(json!([row["transport"], row["endpoint"], row["proven"]]), json!(["mqtt", AGENT, false]));
        let device = server.approve(AGENT).await;
        agent.keep_answering();
        server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
        let get = format!("/devices/{device}/get?wait=20s");
        let job = server.api.post(&get, Some(json!({ "paths": [CLOCK] }))).await;
        assert_eq!(job.body["state"], "done", "{job:?}");
    }
}

/// A packet that is too long for a stranger ends its connection; of a device that is let in it is read.
#[tokio::test]
async fn who_waits_may_say_little() {
    let mut world = world(PolicyName::Approve);
    world.config.usp.mqtt.broker.websocket = Some("127.0.0.1:0".parse().expect("an address"));
    let server = world.serve().await;
    let long = "x".repeat(100_000);
    let mut waits = Agent::behind(&client(port(&server), Version::V5, OTHER)).await;
    waits.value_change(CLOCK, &long);
    let ended = waits.down().await;
    assert!(matches!(ended, DownReason::ClosedByPeer { code: 0x95, .. }), "{ended}");
    let web = server.listeners.usp_mqtt_websocket.expect("a listener").port();
    let by_web = Client { websocket: Some("/mqtt".to_owned()), ..client(web, Version::V5, THIRD) };
    for (eid, how) in [(AGENT, client(port(&server), Version::V5, AGENT)), (THIRD, by_web)] {
        let mut agent = Agent::behind(&how).await;
        server.approve(eid).await;
        agent.request(|_| true).await;
        let told = agent.value_change(CLOCK, &long);
        agent.answer_to(&told).await;
    }
}

/// Both listeners are of one broker.
#[tokio::test]
async fn devices_come_by_websocket_too() {
    let mut world = world(PolicyName::Open);
    world.config.usp.mqtt.broker.websocket = Some("127.0.0.1:0".parse().expect("an address"));
    let server = world.serve().await;
    let text = std::fs::read_to_string(world.data().join("listeners.json")).expect("written");
    let written: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let listens = server.listeners.usp_mqtt_websocket.expect("a listener");
    assert_eq!(written["usp.mqtt.broker.websocket"], listens.to_string());
    Agent::behind(&client(port(&server), Version::V5, OTHER)).await.keep_answering();
    let how =
        Client { websocket: Some("/mqtt".to_owned()), ..client(listens.port(), Version::V3_1_1, AGENT) };
    Agent::behind(&how).await.keep_answering();
    for eid in [AGENT, OTHER] {
        let device = server.device(eid).await;
        let get = format!("/devices/{device}/get?wait=20s");
        let job = server.api.post(&get, Some(json!({ "paths": [CLOCK] }))).await;
        assert_eq!(job.body["state"], "done", "{eid}: {job:?}");
    }
}

/// Its connection is what tells whether a device is there; and one that proves nothing comes back at once.
#[tokio::test]
async fn a_device_is_away_when_its_connection_is_gone_and_comes_back() {
    let world = world(PolicyName::Open);
    let server = world.serve().await;
    let how = client(port(&server), Version::V5, AGENT);
    let (agent, link) = Agent::severable(&how).await;
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    server.until(&path, |one| one.body["online"] == true).await;
    link.abort();
    server.until(&path, |one| one.body["online"] == false).await;
    drop(agent);
    let again = Agent::behind(&how).await;
    again.keep_answering();
    server.until(&path, |one| one.body["online"] == true).await;
    let job = server.api.post(&format!("{path}/get?wait=20s"), Some(json!({ "paths": [CLOCK] }))).await;
    assert_eq!(job.body["state"], "done", "{job:?}");
    assert_eq!(server.api.get("/refused").await.items().len(), 0);
}

/// As after a power cut: it comes back before the broker knows that it was gone, again and again.
#[tokio::test]
async fn a_device_that_is_back_at_once_is_let_in() {
    let world = world(PolicyName::Open);
    let server = world.serve().await;
    let how = client(port(&server), Version::V5, AGENT);
    for round in 1..=30 {
        let (_agent, link) = Agent::severable(&how).await;
        let device = server.device(AGENT).await;
        // Who is refused has none.
        let sessions = format!("/devices/{device}/sessions?limit=100");
        server.until(&sessions, |answer| answer.items().len() == round).await;
        link.abort();
    }
    assert_eq!(server.api.get("/refused").await.items().len(), 0);
}

#[tokio::test]
async fn strangers_are_refused_at_connect_where_enrolment_is_closed() {
    let world = world(PolicyName::Closed);
    let server = world.serve().await;
    let refused = client(port(&server), Version::V5, AGENT).connect().await;
    assert!(matches!(refused, Err(Error::Mqtt(End::Refused { code: 0x87, .. }))), "{refused:?}");
    server.refusal("enrolment is closed").await;
    let nameless = Client { settings: nameless(&server), ..client(port(&server), Version::V3_1_1, AGENT) };
    let refused = nameless.connect().await;
    assert!(matches!(refused, Err(Error::Mqtt(End::Refused { code: 5, .. }))), "{refused:?}");
    server.refusal("endpoint id is missing").await;
}

fn nameless(server: &Running) -> mtp::mqtt::Settings {
    let mut settings = client(port(server), Version::V3_1_1, AGENT).settings;
    settings.client_id = Some("nobody".to_owned());
    settings
}

/// A device by its certificate, and whoever would like to be it.
#[tokio::test]
#[requirement("R-MQTT.42", "R-SEC.4c", "R-SEC.9", "R-SEC.10a")]
async fn a_certificate_makes_a_device_and_nobody_speaks_for_it() {
    let secure = with_tls().await;
    let server = &secure.server;
    let told = server.api.get("/connect").await;
    assert_eq!(told.body["brokers"][0]["tls"], true);
    assert!(told.body["brokers"][0]["agent_toml"].as_str().expect("a text").contains("BEGIN CERTIFICATE"));
    let token = secure.token(2).await;
    let own = secure.enrol(AGENT, &token).await.expect("enrolled");
    let others = secure.enrol(OTHER, &token).await.expect("enrolled");
    let mut agent = Agent::behind_for(&certified(&secure, AGENT, Some(&own)), &secure.controller).await;
    let device = server.device(AGENT).await;
    let shown = server.until(&format!("/devices/{device}"), |one| one.body["online"] == true).await;
    assert_eq!(shown["proven"], true);
    for (identity, why) in [(None, "showed none"), (Some(&others), "not for this endpoint id")] {
        let refused = certified(&secure, AGENT, identity).connect().await;
        assert!(matches!(refused, Err(Error::Mqtt(End::Refused { code: 0x87, .. }))), "{refused:?}");
        server.refusal(why).await;
    }
    // In the name of another, on a connection of one's own.
    let forger = Agent::quiet(&certified(&secure, OTHER, Some(&others)), &secure.controller).await;
    let what = ValueChange { param_path: "Device.A".to_owned(), param_value: "forged".to_owned() };
    let notify = Notify::new("cusp-test", true, Notification::ValueChange(what));
    let msg = Msg::request("f1", Request::Notify(notify));
    let version = usp_proto::Version::CURRENT;
    forger.raw(usp_proto::record::encode_message(&id(AGENT), &secure.controller, version, &msg));
    server.refusal(&format!("in the name of {AGENT}")).await;
    let told = agent.value_change("Device.A", "true");
    agent.answer_to(&told).await;
    let events = server.api.get(&format!("/devices/{device}/events")).await;
    let said = events.items().iter().filter(|event| event["kind"] == "value_change").count();
    assert_eq!(said, 1, "{events:?}");
}

fn certified(secure: &Secure, eid: &str, identity: Option<&Identity>) -> Client {
    let verifier = ControllerVerifier::new(&secure.trust, None, true, pki::provider()).expect("a verifier");
    let mut how = client(port(&secure.server), Version::V5, eid);
    (how.broker.secure, how.tls) = (true, Some(ClientTls::new(identity, verifier).expect("TLS")));
    how
}

/// A device reaches the controller, and nobody else.
#[tokio::test]
#[requirement("R-MQTT.42")]
async fn devices_do_not_hear_each_other() {
    let world = world(PolicyName::Open);
    let server = world.serve().await;
    let _agent = Agent::behind(&client(port(&server), Version::V5, AGENT)).await;
    server.device(AGENT).await;
    let mut eavesdropper = client(port(&server), Version::V5, OTHER);
    eavesdropper.settings.filters = vec![format!("usp/agents/{AGENT}").parse().expect("a filter")];
    let _ = eavesdropper.connect().await;
    server.refusal(&format!("may not subscribe to usp/agents/{AGENT}")).await;
    let mut neighbour = client(port(&server), Version::V5, OTHER);
    neighbour.role = Role::Agent;
    let neighbour = Agent::to(&neighbour, &id(CONTROLLER), &format!("usp/agents/{AGENT}")).await;
    neighbour.raw(Record::websocket_connect(&id(OTHER), &id(AGENT), usp_proto::Version::CURRENT).encode());
    server.refusal(&format!("may not use the topic usp/agents/{AGENT}")).await;
}

/// Hears nothing.
struct Deaf;

impl LinkHandler for Deaf {
    fn up(&self, _: LinkUp) {}

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

async fn with_tls() -> Secure {
    secure_with(|config, _| {
        config.usp.mqtt.broker.listen = Some("127.0.0.1:0".parse().expect("an address"));
        config.usp.mqtt.broker.tls = config.usp.websocket.tls.clone();
    })
    .await
}

/// Who only said to be a device hears nothing of what the device is told that proves it.
#[tokio::test]
#[requirement("R-MQTT.42")]
async fn who_only_said_so_is_gone_when_the_device_proves_it() {
    let secure = with_tls().await;
    let session = certified(&secure, AGENT, None).connect().await.expect("it may wait");
    let eavesdropping = tokio::spawn(async move { session.run(&Deaf).await });
    let token = secure.token(1).await;
    let own = secure.enrol(AGENT, &token).await.expect("enrolled");
    let _agent = Agent::behind_for(&certified(&secure, AGENT, Some(&own)), &secure.controller).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), eavesdropping).await;
    let ended = ended.expect("in time").expect("no panic");
    assert!(matches!(ended, DownReason::ClosedByPeer { code: 0x87, .. }), "{ended:?}");
}

/// A certificate that nobody knows may wait, too, and drives nobody out.
#[tokio::test]
async fn a_device_that_waits_is_not_driven_out_by_any_certificate() {
    let secure = with_tls().await;
    let server = &secure.server;
    let agent = Agent::behind_for(&certified(&secure, AGENT, None), &secure.controller).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    let validity = Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let made_up = Identity::self_signed(&id(AGENT), validity).expect("a certificate");
    let _stranger = certified(&secure, AGENT, Some(&made_up)).connect().await.expect("it may wait");
    let device = server.approve(AGENT).await;
    agent.keep_answering();
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
}

/// Two that hold the same certificate need not push each other out here: they have connections of their own.
#[tokio::test]
async fn a_copied_certificate_is_noticed() {
    let secure = with_tls().await;
    let server = &secure.server;
    let token = secure.token(1).await;
    let own = secure.enrol(AGENT, &token).await.expect("enrolled");
    let copies = ["127.0.0.2", "127.0.0.3"].map(|from| {
        let mut how = certified(&secure, AGENT, Some(&own));
        how.bind = Some(from.parse().expect("an address"));
        how
    });
    let mut device = Agent::behind_for(&copies[0], &secure.controller).await;
    let id = server.device(AGENT).await;
    server.until(&format!("/devices/{id}"), |one| one.body["online"] == true).await;
    let mut copy = Agent::quiet(&copies[1], &secure.controller).await;
    // Both get every answer, so that now and then one speaks twice before the other is heard.
    for _ in 0..20 {
        for speaks in [&mut copy, &mut device] {
            let told = speaks.value_change(CLOCK, "1");
            speaks.answer_to(&told).await;
        }
    }
    let noticed = |metrics: &str| metrics.lines().any(|line| line == "cusp_certificate_clones_total 1");
    let noticing = async { while !noticed(&server.api.text("GET", "/metrics").await) {} };
    tokio::time::timeout(Duration::from_secs(20), noticing).await.expect("it is noticed");
    let audit = server
        .until("/audit", |answer| answer.items().iter().any(|row| row["action"] == "credential.cloned"));
    let audit = audit.await;
    let rows = audit["items"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["action"] == "credential.cloned").expect("just seen");
    assert_eq!(row["target"], id, "{row}");
    assert!(row.to_string().contains("127.0.0.2") && row.to_string().contains("127.0.0.3"), "{row}");
}
