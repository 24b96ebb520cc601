//! The event log and its stream.

use std::time::Duration;

use axum::body::BodyDataStream;
use fleet::access::Role;
use fleet::audit::AuditEntry;
use fleet::event::{EventBody, EventKind};
use fleet::ids::Digest;
use fleet::job::Actor;
use fleet::port::{NewNotification, SessionOpened, Store, Write, Written};
use fleet::{DeviceId, Epoch, Reach};
use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Call, START, TENANT, World};

async fn session(world: &World, device: DeviceId) -> Epoch {
    let opened = SessionOpened {
        tenant: TENANT,
        device,
        transport: "websocket".into(),
        peer: "192.0.2.7:40000".into(),
        proven: true,
        fingerprint: None,
        at: START,
    };
    match world.store.submit(Write::SessionOpened(opened)).await.expect("opened") {
        Written::Session(epoch) => epoch,
        other => panic!("{other:?}"),
    }
}

async fn notify(world: &World, device: DeviceId, epoch: Epoch, msg_id: &str, event: EventBody) {
    let new = NewNotification {
        tenant: TENANT,
        device,
        epoch,
        endpoint: "os::00256D-A1".into(),
        msg_id: msg_id.into(),
        digest: Digest([7; 32]),
        at: world.now(),
        event,
        delta: None,
        finish: None,
        doubts_model: false,
    };
    world.store.submit(Write::StoreNotification(Box::new(new))).await.expect("stored");
    world.server.log_grew().await;
}

fn change(value: &str) -> EventBody {
    EventBody::new(EventKind::ValueChange).at_path("Device.Time.Enable").with("Device.Time.Enable", value)
}

/// What a client of the stream has received.
struct Client {
    body: BodyDataStream,
    text: String,
}

impl Client {
    async fn open(call: Call<'_>) -> Self {
        let response = call.open().await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(!response.headers().contains_key("content-encoding"));
        let mut client = Client { body: response.into_body().into_data_stream(), text: String::new() };
        assert_eq!(client.frame().await.as_deref(), Some("retry: 2000\n: following"));
        client
    }

    /// The next frame; `None` at the end of the stream.
    async fn frame(&mut self) -> Option<String> {
        loop {
            if let Some((frame, rest)) = self.text.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(frame);
            }
            let piece = self.body.next().await?.expect("a stream that does not fail");
            self.text.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    /// The next event: position, kind, data.
    async fn event(&mut self) -> (u64, String, Value) {
        loop {
            let frame = self.frame().await.expect("an event");
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
            if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                let data = serde_json::from_str(data).expect("JSON");
                return (id.parse().expect("a number"), kind.to_owned(), data);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_happens_from_now_on() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let epoch = session(&world, device).await;
    let mut client = Client::open(world.get("/api/v1/events/stream").token(&token)).await;
    notify(&world, device, epoch, "1", change("true")).await;
    let (seq, kind, data) = client.event().await;
    assert_eq!(kind, "value_change");
    assert_eq!(
        data,
        json!({"seq": seq, "at": "2023-11-14T22:13:20Z", "device": device.to_string(),
            "kind": "value_change", "path": "Device.Time.Enable", "params": {"Device.Time.Enable": "true"},
            "duplicate": false, "job": null})
    );
    notify(&world, device, epoch, "2", change("false")).await;
    let (next, _, data) = client.event().await;
    assert!(next > seq);
    assert_eq!(data["params"]["Device.Time.Enable"], "false");
}

#[tokio::test]
async fn a_stream_resumes_after_the_last_event_received() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let epoch = session(&world, device).await;
    let start = world.store.last_event().await.expect("a position").0;
    for number in 0..600 {
        notify(&world, device, epoch, &number.to_string(), change(&number.to_string())).await;
    }
    let start = start.to_string();
    let resumed = world.get("/api/v1/events/stream").token(&token).header("last-event-id", &start);
    let mut client = Client::open(resumed).await;
    for number in 0..300 {
        let (_, _, data) = client.event().await;
        assert_eq!(data["params"]["Device.Time.Enable"], number.to_string());
    }
    let (last, ..) = client.event().await;
    drop(client);
    let last = last.to_string();
    let resumed = world.get("/api/v1/events/stream?after=0").token(&token).header("last-event-id", &last);
    let mut client = Client::open(resumed).await;
    assert_eq!(client.event().await.2["params"]["Device.Time.Enable"], "301");
}

#[tokio::test]
async fn a_stream_is_narrowed_to_devices_and_kinds() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let (one, other) = (world.device("os::00256D-A1").await, world.device("os::00256D-B2").await);
    let (epoch, other_epoch) = (session(&world, one).await, session(&world, other).await);
    let start = world.store.last_event().await.expect("a position").0;
    notify(&world, one, epoch, "1", change("first")).await;
    notify(&world, other, other_epoch, "2", change("second")).await;
    notify(&world, one, epoch, "3", EventBody::new(EventKind::Periodic)).await;
    notify(&world, other, other_epoch, "4", EventBody::new(EventKind::Boot)).await;
    let check = async |query: &str, expected: &[&str]| {
        let uri = format!("/api/v1/events/stream?after={start}&{query}");
        let mut client = Client::open(world.get(&uri).token(&token)).await;
        for kind in expected {
            assert_eq!(client.event().await.1, *kind, "{query}");
        }
        // What comes next is the end of what was wanted: a marker that everyone wants.
        assert_eq!(client.text.matches("event: ").count(), 0, "{query}: {}", client.text);
    };
    check("", &["value_change", "value_change", "periodic", "boot"]).await;
    check(&format!("device={one}"), &["value_change", "periodic"]).await;
    check("device=os::00256D-B2&kind=boot", &["boot"]).await;
    check("kind=periodic,boot", &["periodic", "boot"]).await;
    check("filter=endpoint%20%3D%3D%20%22os::00256D-B2%22", &["value_change", "boot"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_says_every_fifteen_seconds_that_it_is_alive() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let mut client = Client::open(world.get("/api/v1/events/stream").token(&token)).await;
    let last = world.store.last_event().await.expect("a position").0;
    let before = tokio::time::Instant::now();
    assert_eq!(client.frame().await, Some(format!(": alive\nid: {last}")));
    assert_eq!(before.elapsed().as_secs(), 15);
    assert_eq!(client.frame().await, Some(format!(": alive\nid: {last}")));
    assert_eq!(before.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_dropped() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let mut client = Client::open(world.get("/api/v1/events/stream").token(&token)).await;
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let world = World::new().await;
    let owner = world.token(Role::Owner).await;
    let made = world.post("/api/v1/tokens").token(&owner).json(r#"{"name":"ci","role":"viewer"}"#).await;
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let mut client = Client::open(world.get("/api/v1/events/stream").token(&token)).await;
    assert!(client.frame().await.is_some());
    let at = world.now();
    let audit = AuditEntry::new(Actor::system(), "token.revoke", "ci", "");
    let id = made.json()["id"].as_str().expect("an id").parse().expect("an id");
    let revoke = Write::RevokeToken { reach: Reach::Platform, token: id, at, audit };
    world.store.submit(revoke).await.expect("revoked");
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn a_busy_stream_ends_with_its_token_too() {
    let world = World::new().await;
    let owner = world.token(Role::Owner).await;
    let made = world.post("/api/v1/tokens").token(&owner).json(r#"{"name":"ci","role":"viewer"}"#).await;
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    let device = world.device("os::00256D-A1").await;
    let epoch = session(&world, device).await;
    let mut client = Client::open(world.get("/api/v1/events/stream").token(&token)).await;
    notify(&world, device, epoch, "1", change("true")).await;
    client.event().await;
    let gone = format!("/api/v1/tokens/{}", made.json()["id"].as_str().expect("an id"));
    assert_eq!(world.call(Method::DELETE, &gone).token(&owner).send().await.status, 204);
    notify(&world, device, epoch, "2", change("false")).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(16)).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn a_position_in_the_future_is_now() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let epoch = session(&world, device).await;
    let call =
        world.get("/api/v1/events/stream").token(&token).header("last-event-id", "18446744073709551615");
    let mut client = Client::open(call).await;
    notify(&world, device, epoch, "1", change("true")).await;
    assert_eq!(client.event().await.1, "value_change");
}

#[tokio::test]
async fn streams_are_counted_and_given_back() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let open = || world.get("/api/v1/events/stream").token(&token);
    let mut clients = Vec::new();
    for _ in 0..512 {
        clients.push(open().open().await);
    }
    let reply = open().send().await;
    reply.is_problem(503, "full");
    assert_eq!(reply.header("retry-after"), Some("30"));
    clients.pop();
    Client::open(open()).await;
}

#[tokio::test]
async fn a_stream_that_cannot_be_is_refused() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let check = async |query: &str, id: &str, status: u16, slug: &str| {
        let call = world.get(&format!("/api/v1/events/stream?{query}")).token(&token);
        call.header("last-event-id", id).send().await.is_problem(status, slug);
    };
    check("", "abc", 400, "invalid").await;
    check("kind=nonsense", "", 400, "invalid").await;
    check("device=nothing", "", 404, "not-found").await;
    check("filter=%28", "", 400, "bad-filter").await;
    check("after=-1", "", 400, "bad-query").await;
}

#[tokio::test]
async fn the_log_is_read_by_position_and_by_device() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let epoch = session(&world, device).await;
    let start = world.store.last_event().await.expect("a position").0;
    let secret = EventBody::new(EventKind::ValueChange)
        .at_path("Device.Users.User.1.Password")
        .with("Device.Users.User.1.Password", "hunter2");
    for (msg_id, event) in [("1", change("a")), ("2", change("b")), ("3", secret)] {
        notify(&world, device, epoch, msg_id, event).await;
    }
    let read = async |uri: &str| world.get(uri).token(&token).send().await.json();
    let page = read(&format!("/api/v1/events?after={start}&limit=2")).await;
    let values = |page: &Value| -> Vec<Value> {
        page["items"].as_array().expect("items").iter().map(|event| event["params"].clone()).collect()
    };
    let (a, b) = (json!({"Device.Time.Enable": "a"}), json!({"Device.Time.Enable": "b"}));
    let masked = json!({"Device.Users.User.1.Password": "••••"});
    assert_eq!(values(&page), [a.clone(), b.clone()]);
    let next = page["next"].as_str().expect("more");
    let page = read(&format!("/api/v1/events?after={next}")).await;
    assert_eq!((values(&page), &page["next"]), (vec![masked.clone()], &Value::Null));

    let page = read("/api/v1/events?limit=1").await;
    assert_eq!(values(&page), std::slice::from_ref(&masked));
    let next = page["next"].as_str().expect("more");
    let page = read(&format!("/api/v1/events?limit=1&cursor={next}")).await;
    assert_eq!(values(&page), std::slice::from_ref(&b));
    assert_eq!(values(&read("/api/v1/events?after=18446744073709551615").await), [] as [Value; 0]);

    let page = read(&format!("/api/v1/devices/{device}/events?limit=2")).await;
    assert_eq!(values(&page), [masked, b]);
    let next = page["next"].as_str().expect("more");
    let page = read(&format!("/api/v1/devices/{device}/events?limit=1&cursor={next}")).await;
    assert_eq!(values(&page), [a]);
    let sessions = read(&format!("/api/v1/devices/{device}/sessions")).await;
    assert_eq!(
        sessions["items"],
        json!([{"link": epoch.0.to_string(), "transport": "websocket", "peer": "192.0.2.7:40000",
            "proven": true, "since": "2023-11-14T22:13:20Z", "until": null}])
    );
}
