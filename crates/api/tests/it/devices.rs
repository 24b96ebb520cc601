//! Devices: lists, names that find one, changes, values.

use fleet::access::Role;
use http::Method;
use serde_json::{Value, json};

use crate::world::World;

async fn three(world: &World) -> Vec<String> {
    let mut ids = Vec::new();
    for (serial, model) in [("A1", "Router"), ("B2", "Router"), ("C3", "Switch")] {
        let device = world.device(&format!("os::00256D-{serial}")).await;
        let facts = [("Device.DeviceInfo.SerialNumber", serial), ("Device.DeviceInfo.ModelName", model)];
        world.learn(device, &facts).await;
        ids.push(device.to_string());
    }
    ids
}

fn serials(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("items").iter();
    items.map(|device| device["serial"].as_str().expect("a serial")).collect()
}

#[tokio::test]
async fn a_device_is_told_whole() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let reply = world.get(&format!("/api/v1/devices/{device}")).token(&token).send().await;
    let expected = json!({
        "id": device.to_string(), "name": "os::00256D-A1", "tags": [], "endpoints": ["os::00256D-A1"],
        "protocol": "usp", "manufacturer": null, "model": null, "serial": null, "software": null,
        "hardware": null, "oui": null, "product_class": null, "online": false, "proven": false,
        "address": null, "last_seen": null, "first_seen": "2023-11-14T22:13:20Z", "onboarded": false,
        "model_hash": null,
            "dial": null, "tenant": "default",
    });
    assert_eq!((reply.status, reply.json()), (200, expected));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    three(&world).await;
    let check = async |query: &str, expected: &[&str]| {
        let reply = world.get(&format!("/api/v1/devices?{query}")).token(&token).send().await;
        assert_eq!(reply.status, 200, "{query}: {reply:?}");
        assert_eq!(serials(&reply.json()), expected, "{query}");
    };
    check("", &["A1", "B2", "C3"]).await;
    check("sort=-serial", &["C3", "B2", "A1"]).await;
    check("q=b2", &["B2"]).await;
    check("q=router&sort=serial", &["A1", "B2"]).await;
    check("filter=model%20%3D%3D%20%22Switch%22", &["C3"]).await;
    check("filter=model%20%3D%3D%20%22Router%22%20%26%26%20!online&sort=-serial&limit=1", &["B2"]).await;
    check("filter=online", &[]).await;

    let first = world.get("/api/v1/devices?limit=2&sort=serial").token(&token).send().await.json();
    assert_eq!(serials(&first), ["A1", "B2"]);
    let next = first["next"].as_str().expect("more");
    let uri = format!("/api/v1/devices?limit=2&sort=serial&cursor={next}");
    let rest = world.get(&uri).token(&token).send().await.json();
    assert_eq!((serials(&rest), &rest["next"]), (vec!["C3"], &Value::Null));
}

#[tokio::test]
async fn some_fields_only() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let ids = three(&world).await;
    let uri = "/api/v1/devices?limit=1&fields=serial,online";
    let page = world.get(uri).token(&token).send().await.json();
    assert_eq!(page["items"], json!([{"id": ids[0], "serial": "A1", "online": false}]));
    let reply = world.get("/api/v1/devices?fields=password").token(&token).send().await;
    reply.is_problem(400, "invalid");
}

#[tokio::test]
async fn lists_say_what_is_wrong_with_a_question() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let check = async |query: &str, slug: &str| {
        world.get(&format!("/api/v1/devices?{query}")).token(&token).send().await.is_problem(400, slug);
    };
    check("limit=0", "invalid").await;
    check("limit=501", "invalid").await;
    check("limit=many", "bad-query").await;
    check("limitt=1", "bad-query").await;
    check("sort=colour", "invalid").await;
    check("cursor=!", "bad-cursor").await;
    check("cursor=AAAA", "bad-cursor").await;
    check("filter=model%20%3D%3D", "bad-filter").await;
    check("filter=Device.Time.Enable%20%3D%3D%20true", "not-indexed").await;
    check(&format!("q={}", "x".repeat(257)), "invalid").await;
}

#[tokio::test]
async fn a_device_is_found_by_any_of_its_names() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let ids = three(&world).await;
    let uri = format!("/api/v1/devices/{}", ids[0]);
    world.call(Method::PATCH, &uri).token(&token).json(r#"{"name":"Hall/1 top"}"#).await;
    for name in [ids[0].as_str(), "os::00256D-A1", "A1", "Hall%2F1%20top"] {
        let reply = world.get(&format!("/api/v1/devices/{name}")).token(&token).send().await;
        assert_eq!((reply.status, reply.json()["serial"].as_str()), (200, Some("A1")), "{name}");
    }
    world.get("/api/v1/devices/nothing").token(&token).send().await.is_problem(404, "not-found");
    let unknown = "/api/v1/devices/018bcfe5-6800-7fff-bfff-ffffffffffff";
    world.get(unknown).token(&token).send().await.is_problem(404, "not-found");
    world.get("/api/v1/devices/%ff").token(&token).send().await.is_problem(400, "bad-id");
}

#[tokio::test]
async fn an_ambiguous_name_is_answered_with_candidates() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let ids = three(&world).await;
    for id in &ids[..2] {
        let uri = format!("/api/v1/devices/{id}");
        world.call(Method::PATCH, &uri).token(&token).json(r#"{"name":"twins"}"#).await;
    }
    let reply = world.get("/api/v1/devices/twins").token(&token).send().await;
    reply.is_problem(409, "ambiguous");
    let candidates = reply.json()["candidates"].clone();
    let mut found: Vec<&str> =
        candidates.as_array().expect("candidates").iter().filter_map(|one| one["id"].as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, [ids[0].as_str(), ids[1].as_str()]);
    assert_eq!(candidates[0]["name"], "twins");
}

#[tokio::test]
async fn names_and_tags_are_changed_and_bounded() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let uri = format!("/api/v1/devices/{device}");
    let change = async |body: &str| world.call(Method::PATCH, &uri).token(&token).json(body).await;
    assert_eq!(change(r#"{"tags":["pilot","lab"]}"#).await.json()["tags"], json!(["lab", "pilot"]));
    assert_eq!(change(r#"{"name":"Küche"}"#).await.json()["name"], "Küche");
    assert_eq!(change("{}").await.json()["tags"], json!(["lab", "pilot"]));
    change(r#"{"name":""}"#).await.is_problem(400, "invalid");
    change(&json!({"name": "x".repeat(129)}).to_string()).await.is_problem(400, "invalid");
    change(&json!({"tags": ["x".repeat(65)]}).to_string()).await.is_problem(400, "invalid");
    change(r#"{"serial":"x"}"#).await.is_problem(400, "bad-json");
}

#[tokio::test]
async fn a_device_is_removed_by_its_id_alone() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let remove = async |name: &str| {
        world.call(Method::DELETE, &format!("/api/v1/devices/{name}")).token(&token).send().await
    };
    remove("os::00256D-A1").await.is_problem(404, "not-found");
    assert_eq!(remove(&device.to_string()).await.status, 204);
    assert_eq!(*world.server.forgotten.lock().expect("not poisoned"), [device]);
    remove(&device.to_string()).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn values_come_by_place_and_depth_in_pieces() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let values = [
        ("Device.DeviceInfo.SerialNumber", "A1"),
        ("Device.IP.Interface.2.", ""),
        ("Device.IP.Interface.2.Enable", "true"),
        ("Device.IP.Interface.10.Enable", "false"),
        ("Device.IP.InterfaceNumberOfEntries", "2"),
        ("Device.Users.User.1.Password", "hunter2"),
    ];
    world.learn(device, &values).await;
    let read = async |query: &str| {
        let uri = format!("/api/v1/devices/{device}/params?{query}");
        world.get(&uri).token(&token).send().await
    };
    let paths = async |query: &str| -> Vec<String> {
        let page = read(query).await.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{query}: {page}")).clone();
        items.iter().map(|item| item["path"].as_str().expect("a path").to_owned()).collect()
    };
    let interfaces =
        ["Device.IP.Interface.2.", "Device.IP.Interface.2.Enable", "Device.IP.Interface.10.Enable"];
    assert_eq!(paths("path=Device.IP.Interface.").await, interfaces);
    assert_eq!(paths("path=Device.IP.&depth=1").await, ["Device.IP.InterfaceNumberOfEntries"]);
    assert_eq!(paths("path=Device.IP.Interface.2.Enable").await, ["Device.IP.Interface.2.Enable"]);
    assert_eq!(paths("path=Device.Nothing.").await, [""; 0]);

    let all = read("").await.json();
    let item = json!({"path": "Device.DeviceInfo.SerialNumber", "value": "A1", "type": "string",
        "at": "2023-11-14T22:13:20Z", "source": "read"});
    assert_eq!(all["items"][0], item);
    let secret = all["items"].as_array().expect("items").last().expect("some").clone();
    assert_eq!((&secret["path"], &secret["value"]), (&json!("Device.Users.User.1.Password"), &json!("••••")));

    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = read(&format!("limit=2&cursor={cursor}")).await.json();
        seen += page["items"].as_array().expect("items").len();
        let Some(next) = page["next"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(seen, 6);

    for wrong in ["path=Device.IP.Interface.*.", "path=Device..", "path=nothing", "path=Device.Reboot()"] {
        let reply = read(wrong).await;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!(7008)), "{wrong}");
    }
    read("cursor=_w").await.is_problem(400, "bad-cursor");

    assert_eq!(all["truncated"], false);
    world
        .learn(device, &[("Device.DeviceInfo.Description", &"x".repeat(fleet::limits::TWIN_VALUE + 1))])
        .await;
    assert_eq!(read("limit=1").await.json()["truncated"], true);
}

#[tokio::test]
async fn traces_are_switched_and_read() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let device = world.device("os::00256D-A1").await;
    let uri = format!("/api/v1/devices/{device}/trace");
    let empty = json!({"enabled": false, "items": [], "next": null});
    assert_eq!(world.get(&uri).token(&token).send().await.json(), empty);
    let switch = async |body: &str| world.call(Method::PUT, &uri).token(&token).json(body).await;
    assert_eq!(switch(r#"{"enabled":true}"#).await.status, 204);
    let trace = world.get(&uri).token(&token).send().await.json();
    assert_eq!(
        trace["items"][0],
        json!({"at": "2023-11-14T22:13:20Z", "direction": "out", "kind": "Get", "msg_id": "1",
            "summary": "Get Device.DeviceInfo.", "body": {"param_paths": ["Device.DeviceInfo."]}})
    );
    let lines = world.get(&format!("{uri}?format=jsonl")).token(&token).send().await;
    assert_eq!((lines.status, &lines.body[..]), (200, &b"{\"dir\":\"out\",\"t\":5,\"hex\":\"0a\"}\n"[..]));
    let other = world.get(&format!("{uri}?format=pcap")).token(&token).send().await;
    other.is_problem(400, "invalid");
    assert_eq!(switch(r#"{"enabled":false}"#).await.status, 204);
    assert_eq!(world.get(&uri).token(&token).send().await.json(), empty);
    *world.server.unready.lock().expect("not poisoned") = Some("too many are traced".to_owned());
    switch(r#"{"enabled":true}"#).await.is_problem(503, "full");
    assert_eq!(world.get(&uri).token(&token).send().await.json(), empty);
}
