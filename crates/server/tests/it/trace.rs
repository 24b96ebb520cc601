//! Traces: what went over the wire, in the form of recordings, without secrets.

use std::collections::BTreeMap;

use serde_json::json;
use server::config::PolicyName;
use usp_proto::exchange::{self, Direction, Entry};
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
use usp_proto::get_supported_dm::{ParamAccessType, SupportedParamResult};
use usp_proto::mask::MASK;
use usp_proto::{Body, Msg, Record, RecordType, Request, Response};

use crate::agent::Agent;
use crate::world::{AGENT, Running, World};

const SECRET: &str = "correct horse battery";
const USER: &str = "Device.Users.User.1.";

/// What was recorded, as a client downloads it.
async fn recording(server: &Running, device: &str) -> Vec<Entry> {
    let text = server.api.text("GET", &format!("/api/v1/devices/{device}/trace?format=jsonl")).await;
    assert!(!text.contains(SECRET) && !text.contains(&hex(SECRET)), "{text}");
    exchange::parse(&text).expect("a recording")
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn message(entry: &Entry) -> Option<Msg> {
    match Record::decode(entry.record.clone()).expect("a Record").record_type {
        RecordType::NoSession { payload } => Some(Msg::decode(&payload).expect("a Msg")),
        _ => None,
    }
}

#[tokio::test]
async fn a_trace_is_a_recording_without_secrets() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    let path = format!("/devices/{device}/trace");
    assert_eq!(server.api.get(&path).await.body, json!({ "enabled": false, "items": [], "next": null }));
    let on = server.api.call("PUT", &path, r#"{"enabled":true}"#).await;
    assert_eq!(on.status, 204);

    let params = json!([{ "param": "Password", "value": SECRET }, { "param": "Username", "value": "ann" }]);
    let body = json!({ "objects": [{ "path": USER, "params": params }] });
    let job = server.api.post(&format!("/devices/{device}/set?force=true"), Some(body)).await;
    assert_eq!(job.status, 202, "{job:?}");
    let is_ours =
        |request: &Request| matches!(request, Request::Set(set) if set.update_objs[0].obj_path == USER);
    let (set_id, request) = agent.request(is_ours).await;
    let Request::Set(set) = &request else { unreachable!("asked for above") };
    assert_eq!(set.update_objs[0].param_settings[0].value, SECRET, "the device itself gets it");
    agent.respond(&set_id, crate::agent::reply(&request));

    // A device that tells a secret, unasked and asked.
    let told = agent.value_change(&format!("{USER}Password"), SECRET);
    agent.answer_to(&told).await;
    let read = format!("/devices/{device}/get");
    let job = server.api.post(&read, Some(json!({ "paths": [USER] }))).await;
    let get_id = agent.get_of(USER).await;
    let values = BTreeMap::from([("Password".to_owned(), SECRET.to_owned())]);
    let result = RequestedPathResult::success(USER, vec![ResolvedPathResult::new(USER, values)]);
    agent.respond(&get_id, Response::GetResp(GetResp { req_path_results: vec![result] }));
    let id = job.body["id"].as_str().expect("an id");
    server.until(&format!("/jobs/{id}"), |job| job.body["state"] == "done").await;

    let entries = recording(&server, &device).await;
    let of = |direction: Direction, msg_id: &str| {
        let found = entries.iter().find(|entry| {
            entry.direction == direction && message(entry).is_some_and(|msg| msg.msg_id == msg_id)
        });
        let entry = found.unwrap_or_else(|| panic!("{msg_id} is not in {entries:?}"));
        (entry.masked, message(entry).expect("just seen").body)
    };
    let (masked, Body::Request(Request::Set(set))) = of(Direction::Out, &set_id) else { panic!("no Set") };
    let settings = &set.update_objs[0].param_settings;
    assert!(masked && settings[0].value == MASK && settings[1].value == "ann", "{settings:?}");
    assert!(of(Direction::In, &set_id).0, "the answer repeats what was written");
    assert!(of(Direction::In, &told).0);
    assert!(!of(Direction::Out, &told).0, "an acknowledgement has no secret");
    assert!(of(Direction::In, &get_id).0);
    assert!(!of(Direction::Out, &get_id).0);
    assert!(entries.windows(2).all(|pair| pair[0].at_micros <= pair[1].at_micros));

    let shown = server.api.get(&path).await;
    let kinds: Vec<&str> = shown.items().iter().filter_map(|item| item["kind"].as_str()).collect();
    for kind in ["Set", "SetResp", "Notify", "NotifyResp", "Get", "GetResp"] {
        assert!(kinds.contains(&kind), "{kind} is not among {kinds:?}");
    }
    assert!(!shown.body.to_string().contains(SECRET) && !shown.body.to_string().contains(&hex(SECRET)));

    // Off is off, and nothing is kept.
    assert_eq!(server.api.call("PUT", &path, r#"{"enabled":false}"#).await.status, 204);
    let told = agent.value_change("Device.DeviceInfo.SerialNumber", "2");
    agent.answer_to(&told).await;
    assert!(recording(&server, &device).await.is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_record_are_traced_without_showing_them() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    assert_eq!(
        server.api.call("PUT", &format!("/devices/{device}/trace"), r#"{"enabled":true}"#).await.status,
        204
    );
    agent.raw(bytes::Bytes::from(format!("\u{7f}{SECRET}").into_bytes()));
    agent.closed().await;
    let entries = recording(&server, &device).await;
    let broken = entries.iter().find(|entry| entry.masked).expect("it is there");
    assert!(broken.record.is_empty() && broken.note.contains("not decodable"), "{broken:?}");
}

/// A model of the vendor's own, of which the catalogue knows nothing: `Pin` can only be written.
async fn tell_model(agent: &mut Agent) {
    let (id, request) = agent.request(|request| matches!(request, Request::GetSupportedDm(_))).await;
    let Response::GetSupportedDmResp(mut answer) = crate::agent::reply(&request) else {
        unreachable!("asked")
    };
    let object = &mut answer.req_obj_results[0].supported_objs[0];
    object.supported_obj_path = "Device.X_EX_Box.".into();
    let param = |name: &str, access: ParamAccessType| SupportedParamResult {
        param_name: name.into(),
        access: access.into(),
        ..SupportedParamResult::default()
    };
    object.supported_params =
        vec![param("Pin", ParamAccessType::ParamWriteOnly), param("Colour", ParamAccessType::ParamReadWrite)];
    agent.respond(&id, Response::GetSupportedDmResp(answer));
    // The answer is taken in before the next Record.
    let told = agent.value_change("Device.DeviceInfo.SerialNumber", "1");
    agent.answer_to(&told).await;
}

/// A server that has just started knows of no model, and the first thing that it sends is a secret.
#[tokio::test]
async fn the_first_record_of_a_session_is_masked_by_the_devices_own_model() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    let device = server.device(AGENT).await;
    tell_model(&mut agent).await;
    agent.leave();
    agent.down().await;
    server.kill().await;

    let server = world.serve().await;
    let path = format!("/devices/{device}/trace");
    assert_eq!(server.api.call("PUT", &path, r#"{"enabled":true}"#).await.status, 204);
    let params = json!([{ "param": "Pin", "value": SECRET }, { "param": "Colour", "value": "blue" }]);
    let body = json!({ "objects": [{ "path": "Device.X_EX_Box.", "params": params }] });
    let job = server.api.post(&format!("/devices/{device}/set"), Some(body)).await;
    assert_eq!(job.status, 202, "{job:?}");
    let mut agent = Agent::dial(&server, AGENT).await;
    let told = agent.value_change("Device.X_EX_Box.Pin", SECRET);
    let (id, request) = agent.request(|request| matches!(request, Request::Set(_))).await;
    let Request::Set(set) = &request else { unreachable!("waited for") };
    assert_eq!(set.update_objs[0].param_settings[0].value, SECRET, "the device itself gets it");
    agent.respond(&id, crate::agent::reply(&request));
    let job = job.body["id"].as_str().expect("an id").to_owned();
    server.until(&format!("/jobs/{job}"), |job| job.body["state"] == "done").await;

    let entries = recording(&server, &device).await;
    let bodies: Vec<_> = entries.iter().filter_map(message).collect();
    let sent = bodies.iter().find_map(|msg| match &msg.body {
        Body::Request(Request::Set(set)) => Some(&set.update_objs[0].param_settings),
        _ => None,
    });
    let sent = sent.expect("the Set is there");
    assert_eq!((sent[0].value.as_str(), sent[1].value.as_str()), (MASK, "blue"));
    assert!(bodies.iter().any(|msg| msg.msg_id == told), "what it said itself is there, too");
}
