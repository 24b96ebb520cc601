//! Who is let in.

use mtp::Error;
use serde_json::json;
use server::config::PolicyName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use usp_proto::notify::{Event, Notification, OnBoardRequest};
use usp_proto::{Body, Request};

use crate::agent::{Agent, dialer};
use crate::world::{AGENT, Running, World};

#[tokio::test]
async fn an_unknown_device_waits_is_approved_and_onboards_on_the_link_that_it_has() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    assert_eq!(pending["items"][0]["endpoint"], AGENT);
    assert_eq!(pending["items"][0]["transport"], "websocket");
    assert_eq!(pending["items"][0]["proven"], false);
    assert_eq!(server.api.get("/devices").await.items().len(), 0);

    let device = server.approve(AGENT).await;
    agent.keep_answering();
    let shown = server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    assert_eq!(shown["online"], true);
    assert_eq!(shown["proven"], false);
    assert_eq!(shown["endpoints"], json!([AGENT]));
    assert_eq!(shown["serial"], "value of SerialNumber");
    assert_eq!(server.api.get("/pending").await.items().len(), 0);

    let path = format!("/devices/{device}/get?wait=20s");
    let job = server.api.post(&path, Some(json!({ "paths": ["Device.Time.CurrentLocalTime"] }))).await;
    assert_eq!((job.status, &job.body["state"]), (200, &json!("done")), "{job:?}");
    let result = &job.body["outcome"]["results"][0];
    assert_eq!(result["objects"][0]["params"]["CurrentLocalTime"], "value of CurrentLocalTime");
}

#[tokio::test]
async fn nothing_is_sent_to_a_device_that_waits() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    let early = agent.value_change("Device.DeviceInfo.SerialNumber", "1");
    // Whatever was sent before a ping is answered has arrived.
    assert!(agent.settled().await);
    assert!(agent.heard_nothing());
    let sent = |metrics: &str| metrics.lines().any(|line| line == "cusp_records_out_total 0");
    let metrics = server.api.text("GET", "/metrics").await;
    assert!(sent(&metrics), "{metrics}");
    server.approve(AGENT).await;
    // The first thing that it hears is onboarding; what it said before was not listened to.
    let first = agent.until(|_| true).await;
    assert_ne!(first.msg_id, early);
    assert!(matches!(first.body, Body::Request(Request::GetSupportedProtocol(_) | Request::Get(_))));
}

#[tokio::test]
async fn a_rejected_device_is_closed_and_refused_from_then_on() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    let answer = server.api.post(&format!("/pending/{AGENT}/reject"), None).await;
    assert_eq!(answer.status, 204);
    assert_eq!(agent.closed().await, 1008);
    let again = dialer(&server, AGENT).connect().await;
    assert!(matches!(again, Err(Error::Refused { status: 403, .. })), "{again:?}");
    server.refusal("rejected").await;
}

#[tokio::test]
async fn a_closed_server_refuses_strangers_and_says_so() {
    let world = World::new(PolicyName::Closed);
    let server = world.serve().await;
    let refused = dialer(&server, AGENT).connect().await;
    assert!(matches!(refused, Err(Error::Refused { status: 403, .. })), "{refused:?}");
    server.refusal("enrolment is closed").await;
    assert_eq!(server.api.get("/refused").await.items()[0]["endpoint"], AGENT);
    assert_eq!(server.api.get("/pending").await.items().len(), 0);
}

#[tokio::test]
async fn a_second_plain_connection_is_refused_while_the_first_one_answers() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    agent.keep_answering();
    let second = dialer(&server, AGENT).connect().await;
    assert!(matches!(second, Err(Error::Refused { status: 403, .. })), "{second:?}");
    server.refusal("still answers").await;
    let shown = server.api.get(&format!("/devices/{device}")).await;
    assert_eq!(shown.body["online"], true);
}

#[tokio::test]
async fn a_device_that_comes_back_is_the_same_one() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}");
    server.until(&path, |one| one.body["online"] == true).await;
    agent.leave();
    server.until(&path, |one| one.body["online"] == false).await;
    let agent = Agent::dial(&server, AGENT).await;
    agent.keep_answering();
    server.until(&path, |one| one.body["online"] == true).await;
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
    let sessions = server.api.get(&format!("{path}/sessions")).await;
    assert_eq!(sessions.items().len(), 2);
}

#[tokio::test]
async fn a_removed_device_is_a_stranger() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.approve(AGENT).await;
    agent.request(|_| true).await;
    assert_eq!(server.api.delete(&format!("/devices/{device}")).await.status, 204);
    assert_eq!(agent.closed().await, 1008);
    assert_eq!(server.api.get(&format!("/devices/{device}")).await.status, 404);
    let _again = Agent::dial(&server, AGENT).await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    assert_eq!(pending["items"][0]["endpoint"], AGENT);
}

#[tokio::test]
async fn a_device_that_asks_to_be_onboarded_is_onboarded_again() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let onboarded = |one: &crate::http::Answer| one.body["onboarded"] == true;
    let path = format!("/devices/{device}");
    agent.keep_answering();
    server.until(&path, onboarded).await;
    server.stop().await;
    let server = world.serve().await;
    // A device that is known and onboarded is asked nothing by itself.
    let mut agent = Agent::dial(&server, AGENT).await;
    let request = OnBoardRequest {
        oui: "00256D".to_owned(),
        product_class: "Test".to_owned(),
        serial_number: "0001".to_owned(),
        agent_supported_protocol_versions: "1.4".to_owned(),
    };
    let asked = agent.notify(Notification::OnBoardReq(request));
    let mut first = Vec::new();
    // Acknowledged (R-NOT.6 wants an answer), and asked anew what it speaks and what it is.
    while first.len() < 2 {
        let msg = agent.until(|msg| {
            msg.msg_id == asked || matches!(msg.body, Body::Request(Request::GetSupportedProtocol(_)))
        });
        let msg = msg.await;
        first.push(if msg.msg_id == asked { "acknowledged" } else { "asked" });
    }
    first.sort_unstable();
    assert_eq!(first, ["acknowledged", "asked"]);
    let events = server.api.get(&format!("{path}/events")).await;
    let told = |event: &&serde_json::Value| event["kind"] == "onboard";
    let event = events.items().iter().find(told).unwrap_or_else(|| panic!("{events:?}"));
    assert_eq!(event["params"]["SerialNumber"], "0001", "{event}");
}

async fn metrics(server: &Running) -> String {
    let mut socket = TcpStream::connect(server.listeners.http).await.expect("the HTTP listener");
    let token = server.api.token.clone().unwrap_or_default();
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("the request is taken");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    answer
}

/// The Connect record that came while the device waited counts once it is let in; of what else it said
/// meanwhile, nothing does.
#[tokio::test]
async fn a_device_that_connected_while_it_waited_is_spoken_to_at_once() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.value_change("Device.DeviceInfo.SerialNumber", "1");
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    // Whatever was sent before a ping is answered has arrived.
    assert!(agent.settled().await);
    let device = server.approve(AGENT).await;
    agent.until(|_| true).await;
    let metrics = metrics(&server).await;
    let heard = metrics.lines().find_map(|line| line.strip_prefix("cusp_records_in_total "));
    assert_eq!(heard, Some("1"), "{metrics}");
    let events = server.api.get(&format!("/devices/{device}/events")).await;
    let kinds: Vec<_> = events.items().iter().map(|event| &event["kind"]).collect();
    assert!(!kinds.is_empty() && !kinds.contains(&&json!("value_change")), "{kinds:?}");
}

#[tokio::test]
async fn an_approval_holds_for_the_certificate_that_was_shown() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let _agent = Agent::dial(&server, AGENT).await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    let expected = (&json!(null), &json!(false));
    assert_eq!((&pending["items"][0]["fingerprint"], &pending["items"][0]["changed"]), expected);
    let path = format!("/pending/{AGENT}/approve");
    let other = server.api.post(&path, Some(json!({ "fingerprint": "ab".repeat(32) }))).await;
    assert_eq!((other.status, &other.body["type"]), (409, &json!("urn:cusp:error:conflict")));
    let none = server.api.post(&path, Some(json!({ "fingerprint": "none" }))).await;
    assert_eq!((none.status, &none.body["type"]), (400, &json!("urn:cusp:error:invalid")));
    assert_eq!(server.api.get("/devices").await.items().len(), 0);
    let shown = server.api.post(&path, Some(json!({ "fingerprint": "plain" }))).await;
    assert_eq!(shown.status, 200, "{shown:?}");
}

#[tokio::test]
async fn the_model_is_read_again_when_the_device_has_other_firmware() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    agent.keep_answering();
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    server.stop().await;
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let boot = |updated: &str| {
        Notification::Event(Event {
            obj_path: "Device.".to_owned(),
            event_name: "Boot!".to_owned(),
            params: [("FirmwareUpdated".to_owned(), updated.to_owned())].into(),
        })
    };
    let told = agent.notify(boot("false"));
    agent.answer_to(&told).await;
    // Whatever the same firmware would be asked has its place before this.
    let probe = "Device.Time.CurrentLocalTime";
    let get = server.api.post(&format!("/devices/{device}/get"), Some(json!({ "paths": [probe] }))).await;
    assert_eq!(get.status, 202, "{get:?}");
    let is_probe = |request: &Request| matches!(request, Request::Get(get) if get.param_paths == [probe]);
    let is_schema = |request: &Request| matches!(request, Request::GetSupportedDm(_));
    let (id, asked) = agent.request(|request| is_probe(request) || is_schema(request)).await;
    assert!(is_probe(&asked), "the model was read though it is the same");
    agent.respond(&id, crate::agent::reply(&asked));
    agent.notify(boot("true"));
    agent.request(is_schema).await;
}
