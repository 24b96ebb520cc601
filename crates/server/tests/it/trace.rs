//! Traces: what went over the wire, in the form of recordings, without secrets.

use std::collections::BTreeMap;

use serde_json::json;
use server::config::PolicyName;
use usp_proto::exchange::{self, Direction, Entry};
use usp_proto::get::{GetResp, RequestedPathResult, ResolvedPathResult};
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
