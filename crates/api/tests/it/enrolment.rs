//! Pending devices, refused ones, enrolment tokens, and what a device needs to connect.

use std::sync::atomic::Ordering;
use std::time::Duration;

use fleet::TenantId;
use fleet::access::Role;
use fleet::enrolment::{PendingDevice, RefusedAttempt};
use fleet::ids::Fingerprint;
use fleet::port::{Store, Write};
use http::Method;
use serde_json::json;

use crate::world::{START, TENANT, World};

/// A device with a certificate of its own, which starts with the last letter of its endpoint id.
async fn ask(world: &World, endpoint: &str) {
    let mut fingerprint = [0xab; 32];
    fingerprint[0] = *endpoint.as_bytes().last().expect("an endpoint id");
    let pending = PendingDevice {
        endpoint: endpoint.into(),
        transport: "websocket".into(),
        peer: "192.0.2.7:40000".into(),
        proven: true,
        fingerprint: Some(Fingerprint(fingerprint)),
        first_seen: START,
        last_seen: START,
        attempts: 1,
        changed: false,
    };
    world.store.submit(Write::SeenPending { tenant: TenantId::PLATFORM, pending }).await.expect("stored");
}

#[tokio::test]
async fn a_pending_device_is_listed_and_let_in() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    ask(&world, "os::00256D-A%201").await;
    let list = world.get("/api/v1/pending").token(&token).send().await.json();
    let expected = json!({"items": [{"endpoint": "os::00256D-A%201", "transport": "websocket",
        "peer": "192.0.2.7:40000", "proven": true, "fingerprint": format!("31{}", "ab".repeat(31)),
        "first_seen": "2023-11-14T22:13:20Z", "last_seen": "2023-11-14T22:13:20Z", "attempts": 1,
        "changed": false, "tenant": null}],
        "next": null});
    assert_eq!(list, expected);
    let uri = "/api/v1/pending/os::00256D-A%25201/approve";
    let device = world.post(uri).token(&token).json(r#"{"name":"Hall"}"#).await;
    assert_eq!((device.status, &device.json()["name"]), (200, &json!("Hall")));
    assert_eq!(device.json()["endpoints"], json!(["os::00256D-A%201"]));
    let approved = world.server.approved.lock().expect("not poisoned").clone();
    assert_eq!(approved.len(), 1);
    assert_eq!(approved[0].0.to_string(), device.json()["id"].as_str().expect("an id"));
    assert_eq!(approved[0].1, "os::00256D-A%201");
    world.post(uri).token(&token).send().await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_name_is_not_needed_nor_is_a_body() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    for (endpoint, body) in [("os::00256D-A1", None), ("os::00256D-B2", Some("{}"))] {
        ask(&world, endpoint).await;
        let call = world.post(&format!("/api/v1/pending/{endpoint}/approve")).token(&token);
        let reply = match body {
            Some(body) => call.json(body).await,
            None => call.send().await,
        };
        assert_eq!((reply.status, &reply.json()["name"]), (200, &json!(endpoint)));
    }
    ask(&world, "os::00256D-C3").await;
    let call = world.post("/api/v1/pending/os::00256D-C3/approve").token(&token);
    call.json(r#"{"name":""}"#).await.is_problem(400, "invalid");
    let call = world.post("/api/v1/pending/os::00256D-C3/approve").token(&token);
    call.body("name=x").send().await.is_problem(415, "not-json");
}

#[tokio::test]
async fn a_pending_device_is_turned_away() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    ask(&world, "os::00256D-A1").await;
    let uri = "/api/v1/pending/os::00256D-A1/reject";
    assert_eq!(world.post(uri).token(&token).send().await.status, 204);
    let list = world.get("/api/v1/pending").token(&token).send().await.json();
    assert_eq!(list["items"], json!([]));
    world.post("/api/v1/pending/os::X/reject").token(&token).send().await.is_problem(404, "not-found");
}

#[tokio::test]
async fn refused_attempts_say_why() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let attempt = RefusedAttempt {
        at: START,
        peer: "192.0.2.9:1".into(),
        endpoint: None,
        reason: "its certificate or login is revoked".into(),
    };
    world.store.submit(Write::Refused { tenant: TenantId::PLATFORM, attempt }).await.expect("stored");
    let list = world.get("/api/v1/refused").token(&token).send().await.json();
    let item = json!({"at": "2023-11-14T22:13:20Z", "peer": "192.0.2.9:1", "endpoint": null,
        "reason": "its certificate or login is revoked"});
    assert_eq!(list["items"], json!([item]));
}

#[tokio::test]
async fn enrolment_tokens_are_shown_once_listed_and_ended() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let body = r#"{"ttl":"1h","uses":3,"name":"van","group":"vans"}"#;
    let made = world.post("/api/v1/enrolments").token(&token).json(body).await.json();
    let secret = made["token"].as_str().expect("a token");
    assert!(secret.starts_with("enrol_"));
    assert_eq!(made["expires"], "2023-11-14T23:13:20Z");
    let list = world.get("/api/v1/enrolments").token(&token).send().await;
    assert!(!String::from_utf8_lossy(&list.body).contains(secret));
    let item = json!({"id": made["id"], "name": "van", "created": "2023-11-14T22:13:20Z",
        "expires": "2023-11-14T23:13:20Z", "uses": 3, "group": "vans", "endpoint": null, "tenant": "default"});
    assert_eq!(list.json()["items"], json!([item]));

    let uri = format!("/api/v1/enrolments/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.call(Method::DELETE, &uri).token(&token).send().await.status, 204);
    let list = world.get("/api/v1/enrolments").token(&token).send().await.json();
    assert_eq!(list["items"], json!([]));
    world.call(Method::DELETE, &uri).token(&token).send().await.is_problem(404, "not-found");

    world.post("/api/v1/enrolments").token(&token).json(r#"{"ttl":"1h"}"#).await;
    world.pass(Duration::from_secs(3600));
    let list = world.get("/api/v1/enrolments").token(&token).send().await.json();
    assert_eq!(list["items"], json!([]));
    for body in [r#"{"ttl":"soon"}"#, r#"{"ttl":"31d"}"#, r#"{"ttl":"0s"}"#, r#"{"ttl":"1h","uses":0}"#] {
        world.post("/api/v1/enrolments").token(&token).json(body).await.is_problem(400, "invalid");
    }
    for body in [
        r#"{"ttl":"1h","group":""}"#,
        r#"{"ttl":"1h","endpoint":""}"#,
        r#"{"ttl":"1h","endpoint":"os::00256D-A1","uses":2}"#,
    ] {
        world.post("/api/v1/enrolments").token(&token).json(body).await.is_problem(400, "invalid");
    }
    let body = r#"{"ttl":"1h","endpoint":"os::00256D-A1"}"#;
    world.post("/api/v1/enrolments").token(&token).json(body).await;
    let list = world.get("/api/v1/enrolments").token(&token).send().await.json();
    assert_eq!(list["items"][0]["endpoint"], "os::00256D-A1");
}

#[tokio::test]
async fn tokens_are_listed_a_piece_at_a_time() {
    let world = World::new().await;
    let token = world.token(Role::Owner).await;
    for (list, body) in [("enrolments", r#"{"ttl":"1h"}"#), ("tokens", r#"{"name":"ci","role":"viewer"}"#)] {
        let all = format!("/api/v1/{list}");
        let listed = async |uri: &str| {
            let page = world.get(uri).token(&token).send().await.json();
            let ids = page["items"].as_array().expect("a list").iter();
            let ids: Vec<String> = ids.map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
            (ids, page["next"].as_str().map(str::to_owned))
        };
        let (before, _) = listed(&all).await;
        for _ in 0..3 {
            world.pass(Duration::from_secs(1));
            world.post(&all).token(&token).json(body).await;
        }
        let (whole, end) = listed(&all).await;
        assert_eq!((whole.len(), end), (before.len() + 3, None), "{list}");
        let (mut pieces, mut more) = (Vec::new(), String::new());
        loop {
            let (ids, next) = listed(&format!("{all}?limit=2{more}")).await;
            assert!(ids.len() <= 2, "{list}");
            pieces.extend(ids);
            let Some(next) = next else { break };
            more = format!("&cursor={next}");
        }
        assert_eq!(pieces, whole, "{list}");
        for wrong in ["limit=0", "limit=501", "cursor=x"] {
            let reply = world.get(&format!("{all}?{wrong}")).token(&token).send().await;
            assert_eq!(reply.status, 400, "{list} {wrong}");
        }
    }
}

#[tokio::test]
async fn an_approval_names_what_was_shown() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    ask(&world, "os::00256D-A1").await;
    let uri = "/api/v1/pending/os::00256D-A1/approve";
    let approve = async |fingerprint: &str| {
        world.post(uri).token(&token).json(&json!({ "fingerprint": fingerprint }).to_string()).await
    };
    approve("plain").await.is_problem(409, "conflict");
    approve(&"ab".repeat(32)).await.is_problem(409, "conflict");
    approve("ab").await.is_problem(400, "invalid");
    assert_eq!(approve(&format!("31{}", "ab".repeat(31))).await.status, 200);
}

#[tokio::test]
async fn connecting_needs_these() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let info = world.get("/api/v1/connect").token(&token).send().await.json();
    assert_eq!(
        info,
        json!({"endpoint_id": "proto::cusp", "websocket_url": "", "tls": true, "ca_pem": null,
            "plaintext_warning": false, "agent_toml": "", "obuspa": "", "brokers": []})
    );
}

#[tokio::test]
async fn a_device_that_listens_is_let_in_and_dialled() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let body = r#"{"endpoint":"os::00256D-A1","connect":"ws://192.0.2.7:8090/usp"}"#;
    let made = world.post("/api/v1/devices").token(&token).json(body).await;
    assert_eq!(made.status, 201);
    let device = made.json();
    assert_eq!((&device["name"], &device["online"]), (&json!("os::00256D-A1"), &json!(false)));
    assert_eq!(device["endpoints"], json!(["os::00256D-A1"]));
    let dials = world.store.dials(TENANT).await.expect("readable");
    let dials: Vec<_> = dials.iter().map(|one| (one.endpoint.as_str(), one.url.as_str())).collect();
    assert_eq!(dials, [("os::00256D-A1", "ws://192.0.2.7:8090/usp")]);
    let uri = format!("/api/v1/devices/{}", device["id"].as_str().expect("an id"));
    assert_eq!(world.get(&uri).token(&token).send().await.json(), device);
    // Asked again, elsewhere: the same device.
    let body = r#"{"endpoint":"os::00256D-A1","connect":"wss://192.0.2.8/usp"}"#;
    let again = world.post("/api/v1/devices").token(&token).json(body).await;
    assert_eq!((again.status, &again.json()["id"]), (201, &device["id"]));
    assert_eq!(world.store.dials(TENANT).await.expect("readable").len(), 1);
    assert_eq!(world.server.dials_changed.load(Ordering::SeqCst), 2);

    // It is not dialled any more, and is still there.
    let dial = format!("{uri}/dial");
    let viewer = world.token(Role::Viewer).await;
    world.call(Method::DELETE, &dial).token(&viewer).send().await.is_problem(403, "forbidden");
    assert_eq!(world.call(Method::DELETE, &dial).token(&token).send().await.status, 204);
    assert_eq!(world.store.dials(TENANT).await, Ok(Vec::new()));
    assert_eq!(world.server.dials_changed.load(Ordering::SeqCst), 3);
    world.call(Method::DELETE, &dial).token(&token).send().await.is_problem(404, "not-found");
    assert_eq!(world.get(&uri).token(&token).send().await.status, 200);

    assert_eq!(world.call(Method::DELETE, &uri).token(&token).send().await.status, 204);
    assert_eq!(world.store.dials(TENANT).await, Ok(Vec::new()));
    assert_eq!(world.server.forgotten.lock().expect("not poisoned").len(), 1);
}

#[tokio::test]
async fn what_cannot_be_dialled_is_refused() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    for (body, slug) in [
        (r#"{"endpoint":"nobody","connect":"ws://192.0.2.7/"}"#, "invalid"),
        (r#"{"endpoint":"os::00256D-A1","connect":"http://192.0.2.7/"}"#, "invalid"),
        (r#"{"endpoint":"os::00256D-A1"}"#, "bad-json"),
        (r#"{"endpoint":"os::00256D-A1","connect":7}"#, "bad-json"),
        (r#"{"endpoint":"os::00256D-A1","connect":"ws://192.0.2.7/","password":"x"}"#, "bad-json"),
    ] {
        world.post("/api/v1/devices").token(&token).json(body).await.is_problem(400, slug);
    }
    let body = format!(r#"{{"endpoint":"os::{}","connect":"ws://192.0.2.7/"}}"#, "A".repeat(600));
    world.post("/api/v1/devices").token(&token).json(&body).await.is_problem(400, "invalid");
    let viewer = world.token(Role::Viewer).await;
    let body = r#"{"endpoint":"os::00256D-A1","connect":"ws://192.0.2.7/"}"#;
    world.post("/api/v1/devices").token(&viewer).json(body).await.is_problem(403, "forbidden");
    assert_eq!(world.store.dials(TENANT).await, Ok(Vec::new()));
    assert_eq!(world.server.dials_changed.load(Ordering::SeqCst), 0);
}
