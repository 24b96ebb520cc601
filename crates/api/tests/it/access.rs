//! Who may call what: no credential, wrong ones, ended ones, roles, and requests that other sites forge.

use std::time::Duration;

use api::auth::create_token;
use fleet::TenantId;
use fleet::access::Role;
use fleet::audit::AuditEntry;
use fleet::job::Actor;
use fleet::port::{Store, Write};
use http::Method;
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

/// Routes that anybody may call.
const PUBLIC: [&str; 1] = ["/auth/login"];

fn described() -> Vec<(Method, String)> {
    let document: Value =
        serde_json::from_str(&api::openapi::document::<store::SqliteStore>()).expect("JSON");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            routes.push((method, path.clone()));
        }
    }
    routes
}

fn uri(path: &str) -> String {
    let path = path.replace("{id}", "018bcfe5-6800-7fff-bfff-ffffffffffff");
    format!("/api/v1{}", path.replace("{endpoint}", "os::A-1").replace("{hash}", &"ab".repeat(32)))
}

#[tokio::test]
async fn every_route_but_sign_in_needs_a_credential() {
    let world = World::new().await;
    let routes = described();
    assert!(routes.len() > 35, "{}", routes.len());
    for (method, path) in routes {
        if PUBLIC.contains(&path.as_str()) {
            continue;
        }
        let reply = world.call(method.clone(), &uri(&path)).send().await;
        assert_eq!(
            (reply.status, reply.header("www-authenticate")),
            (401, Some("Bearer")),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn credentials_that_do_not_hold() {
    let world = World::new().await;
    let check = async |name: &'static str, value: &str| {
        world.get("/api/v1/me").header(name, value).send().await.is_problem(401, "unauthorised");
    };
    check("authorization", "Bearer cusp_0000000000000000000000000000000000000000000").await;
    check("authorization", "Bearer ").await;
    check("authorization", "Bearer").await;
    check("authorization", "Basic b3duZXI6b3duZXI=").await;
    check("cookie", "cusp_session=0000000000000000000000000000000000000000000").await;
    check("cookie", "other=1").await;
}

#[tokio::test]
async fn a_bad_token_is_not_excused_by_a_good_cookie() {
    let world = World::new().await;
    world.person("alice", Role::Owner).await;
    let cookie = world.cookie("alice").await;
    let reply = world.get("/api/v1/me").header("cookie", &cookie).token("cusp_wrong").send().await;
    reply.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn tokens_expire_and_are_revoked() {
    let world = World::new().await;
    let owner = world.token(Role::Owner).await;
    let hour = Some(Duration::from_secs(3600));
    let system = World::system();
    let short =
        create_token(&world.store, &system, world.stamp(), TenantId::PLATFORM, "short", Role::Viewer, hour)
            .await;
    let short = short.expect("a token");
    let works = async |token: &str| world.get("/api/v1/me").token(token).send().await.status == 200;
    assert!(works(short.secret.expose()).await);
    world.pass(Duration::from_secs(3600));
    assert!(!works(short.secret.expose()).await);

    let body = r#"{"name":"ci","role":"viewer","expires_in":"30d"}"#;
    let made = world.post("/api/v1/tokens").token(&owner).json(body).await.json();
    let token = made["token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("cusp_"));
    assert_eq!((&made["name"], &made["role"]), (&json!("ci"), &json!("viewer")));
    assert!(works(&token).await);
    let list = world.get("/api/v1/tokens").token(&owner).send().await;
    assert!(!String::from_utf8_lossy(&list.body).contains(&token));
    assert_eq!(list.json()["items"][0]["name"], "ci");
    assert_eq!(list.json()["items"][0]["expires"], "2023-12-14T23:13:20Z");
    let gone = format!("/api/v1/tokens/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.call(Method::DELETE, &gone).token(&owner).send().await.status, 204);
    assert!(!works(&token).await);
    world.call(Method::DELETE, &gone).token(&owner).send().await.is_problem(404, "not-found");
    world.call(Method::DELETE, "/api/v1/tokens/x").token(&owner).send().await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once() {
    let world = World::new().await;
    let id = world.person("alice", Role::Owner).await;
    let cookie = world.cookie("alice").await;
    let mut user =
        world.store.user_by_id(TenantId::PLATFORM, id).await.expect("the store answers").expect("alice");
    user.disabled = true;
    let audit = AuditEntry::new(Actor::system(), "user.disable", "alice", "");
    let put = Write::PutUser { tenant: TenantId::PLATFORM, user, at: world.now(), audit };
    world.store.submit(put).await.expect("stored");
    world.get("/api/v1/me").header("cookie", &cookie).send().await.is_problem(401, "unauthorised");
    let body = json!({"user": "alice", "password": PASSWORD}).to_string();
    world.post("/api/v1/auth/login").json(&body).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn tokens_are_described_in_full() {
    let world = World::new().await;
    let owner = world.token(Role::Owner).await;
    let check = async |body: &str, slug: &str| {
        world.post("/api/v1/tokens").token(&owner).json(body).await.is_problem(400, slug);
    };
    check(r#"{"name":"","role":"owner"}"#, "invalid").await;
    check(r#"{"name":"a\u0007","role":"owner"}"#, "invalid").await;
    // It would be told apart from the token `ci` of the tenant `acme` by nobody who reads the audit log.
    check(r#"{"name":"acme/ci","role":"viewer"}"#, "invalid").await;
    check(r#"{"name":"ci","role":"root"}"#, "invalid").await;
    check(r#"{"name":"ci","role":"owner","expires_in":"soon"}"#, "invalid").await;
    check(r#"{"name":"ci","role":"owner","expires_in":"0s"}"#, "invalid").await;
    check(r#"{"name":"ci"}"#, "bad-json").await;
}

#[tokio::test]
async fn a_cookie_needs_the_header_that_only_the_page_sends() {
    let world = World::new().await;
    world.person("alice", Role::Owner).await;
    let device = world.device("os::00256D-1").await;
    let cookie = world.cookie("alice").await;
    let uri = format!("/api/v1/devices/{device}");
    let change = || world.call(Method::PATCH, &uri).header("cookie", &cookie);
    change().json(r#"{"name":"x"}"#).await.is_problem(403, "csrf");
    change().header("x-cusp-request", "yes").json(r#"{"name":"x"}"#).await.is_problem(403, "csrf");
    assert_eq!(change().header("x-cusp-request", "1").json(r#"{"name":"x"}"#).await.status, 200);
    assert_eq!(world.get(&uri).header("cookie", &cookie).send().await.json()["name"], "x");
    // Programs are not browsers.
    let token = world.token(Role::Owner).await;
    assert_eq!(world.call(Method::PATCH, &uri).token(&token).json(r#"{"name":"y"}"#).await.status, 200);
}

#[tokio::test]
async fn roles_end_where_they_end() {
    let world = World::new().await;
    let device = world.device("os::00256D-1").await;
    let tokens =
        [world.token(Role::Viewer).await, world.token(Role::Operator).await, world.token(Role::Owner).await];
    // Which of viewer, operator and owner are refused.
    let check = async |method: Method, path: &str, body: &str, refused: [bool; 3]| {
        let uri = format!("/api/v1{}", path.replace("{id}", &device.to_string()));
        for (token, refused) in tokens.iter().zip(refused) {
            let reply = world.call(method.clone(), &uri).token(token).json(body).await;
            assert_eq!(reply.status == 403, refused, "{method} {path}: {reply:?}");
        }
    };
    let (none, viewer, all_but_owner) = ([false; 3], [true, false, false], [true, true, false]);
    check(Method::GET, "/devices", "", none).await;
    check(Method::GET, "/devices/{id}", "", none).await;
    check(Method::GET, "/devices/{id}/params", "", none).await;
    check(Method::GET, "/devices/{id}/events", "", none).await;
    check(Method::GET, "/jobs", "", none).await;
    check(Method::GET, "/events", "", none).await;
    check(Method::GET, "/pending", "", none).await;
    check(Method::GET, "/connect", "", none).await;
    check(Method::POST, "/devices/{id}/get", r#"{"paths":["Device."]}"#, viewer).await;
    let set = r#"{"objects":[{"path":"Device.Time.","params":[{"param":"Enable","value":"true"}]}]}"#;
    check(Method::POST, "/devices/{id}/set", set, viewer).await;
    check(Method::POST, "/devices/{id}/add", r#"{"objects":[{"path":"Device.X.","params":[]}]}"#, viewer)
        .await;
    check(Method::POST, "/devices/{id}/delete", r#"{"paths":["Device.X.1."]}"#, viewer).await;
    check(Method::POST, "/devices/{id}/operate", r#"{"command":"Device.Reboot()"}"#, viewer).await;
    check(Method::POST, "/devices/{id}/set?force=true", set, all_but_owner).await;
    check(Method::GET, "/devices/{id}/trace", "", viewer).await;
    check(Method::PUT, "/devices/{id}/trace", r#"{"enabled":true}"#, viewer).await;
    check(Method::POST, "/pending/os::A-1/approve", "{}", viewer).await;
    check(Method::POST, "/pending/os::A-1/reject", "", viewer).await;
    check(Method::GET, "/enrolments", "", viewer).await;
    let dialled = r#"{"endpoint":"os::A-2","connect":"ws://192.0.2.7/"}"#;
    check(Method::POST, "/devices", dialled, viewer).await;
    check(Method::POST, "/enrolments", r#"{"ttl":"1h"}"#, viewer).await;
    check(Method::GET, "/tokens", "", all_but_owner).await;
    check(Method::POST, "/tokens", r#"{"name":"x","role":"owner"}"#, all_but_owner).await;
    check(Method::GET, "/audit", "", all_but_owner).await;
    check(Method::PATCH, "/devices/{id}", r#"{"tags":["a"]}"#, viewer).await;
    check(Method::DELETE, "/devices/{id}", "", viewer).await;
}

#[tokio::test]
async fn deeds_are_written_down_under_their_names() {
    let world = World::new().await;
    world.person("alice", Role::Owner).await;
    let device = world.device("os::00256D-1").await;
    world.pass(Duration::from_secs(1));
    let cookie = world.cookie("alice").await;
    let uri = format!("/api/v1/devices/{device}");
    world.pass(Duration::from_secs(1));
    world.call(Method::PATCH, &uri).page(&cookie).json(r#"{"name":"secret name","tags":[]}"#).await;
    let reply = world.get("/api/v1/audit?limit=2").header("cookie", &cookie).send().await;
    let page = reply.json();
    let row = &page["items"][0];
    assert_eq!((&row["actor"], &row["action"]), (&json!("user:alice"), &json!("device.change")));
    assert_eq!((&row["target"], &row["detail"]), (&json!(device.to_string()), &json!("name tags")));
    assert_eq!(row["hash"].as_str().expect("a hash").len(), 64);
    assert_eq!((&row["tenant"], &page["items"][1]["tenant"]), (&json!("default"), &json!(null)));
    assert_eq!(page["items"][1]["action"], "login");
    let next = format!("/api/v1/audit?limit=2&cursor={}", page["next"].as_str().expect("more"));
    let older = world.get(&next).header("cookie", &cookie).send().await.json();
    assert_eq!(older["items"][0]["action"], "device.admit");
}
