//! What a tenant sees of another: nothing, by any route. Each route of the router has a decision in the table below.

mod site;

use std::collections::BTreeSet;
use std::time::Duration;

use fleet::access::Role;
use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use store::SqliteStore;

use crate::world::{Reply, World};
use site::{Site, Thing};

/// Who gets what by a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sees {
    /// It names a thing: one's own is answered so, another tenant's is not there.
    One(Thing, u16),
    /// A list: of the caller's tenant, or for the platform of all.
    List,
    /// The same list, which goes on.
    Stream,
    /// It makes something for a tenant: one's own, or for the platform any.
    Makes(u16),
    /// It is the platform's alone; which is answered so.
    Platform(u16),
    /// The same for all, and about no tenant.
    Same,
    /// No token is answered otherwise.
    People(u16),
}

use Sees::{List, Makes, One, People, Platform, Same, Stream};

/// Method, path with a query, who sees what, and a body.
type Row = (&'static str, &'static str, Sees, &'static str);

const PATHS: &str = r#"{"paths":["Device."]}"#;
const SETTINGS: &str = r#"{"objects":[{"path":"Device.X.","params":[{"param":"A","value":"1"}]}]}"#;
const COMMAND: &str = r#"{"command":"Device.Reboot()"}"#;

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("GET", "/audit", List, ""),
    ("POST", "/auth/login", People(400), "{}"),
    ("POST", "/auth/logout", People(403), ""),
    ("POST", "/auth/password", People(403), r#"{"password":"correct horse battery"}"#),
    ("GET", "/certificates", List, ""),
    ("POST", "/certificates/{fingerprint}/revoke", One(Thing::Certificate, 204), ""),
    ("GET", "/connect", Same, ""),
    ("GET", "/datamodels", Same, ""),
    ("POST", "/datamodels", Platform(422), "<a/>"),
    ("DELETE", "/datamodels/{id}", Platform(404), ""),
    ("GET", "/devices", List, ""),
    ("POST", "/devices", Makes(201), r#"{"endpoint":"os::NEW-1","connect":"ws://192.0.2.7/","tenant":"{tenant}"}"#),
    ("GET", "/devices/{id}", One(Thing::Device, 200), ""),
    ("PATCH", "/devices/{id}", One(Thing::Device, 200), r#"{"name":"van","tags":["gold"]}"#),
    ("DELETE", "/devices/{id}", One(Thing::Device, 204), ""),
    ("DELETE", "/devices/{id}/dial", One(Thing::Device, 204), ""),
    ("GET", "/devices/{id}/events", One(Thing::Device, 200), ""),
    ("GET", "/devices/{id}/model", One(Thing::Device, 200), ""),
    ("GET", "/devices/{id}/params", One(Thing::Device, 200), ""),
    ("GET", "/devices/{id}/sessions", One(Thing::Device, 200), ""),
    ("GET", "/devices/{id}/trace", One(Thing::Device, 200), ""),
    ("PUT", "/devices/{id}/trace", One(Thing::Device, 204), r#"{"enabled":true}"#),
    ("POST", "/devices/{id}/get", One(Thing::Device, 202), PATHS),
    ("POST", "/devices/{id}/instances", One(Thing::Device, 202), PATHS),
    ("POST", "/devices/{id}/schema", One(Thing::Device, 202), PATHS),
    ("POST", "/devices/{id}/set", One(Thing::Device, 202), SETTINGS),
    ("POST", "/devices/{id}/add", One(Thing::Device, 202), SETTINGS),
    ("POST", "/devices/{id}/delete", One(Thing::Device, 202), r#"{"paths":["Device.X.1."]}"#),
    ("POST", "/devices/{id}/operate", One(Thing::Device, 202), COMMAND),
    ("GET", "/enrolments", List, ""),
    ("POST", "/enrolments", Makes(200), r#"{"ttl":"1h","tenant":"{tenant}"}"#),
    ("DELETE", "/enrolments/{id}", One(Thing::Enrolment, 204), ""),
    ("GET", "/events", List, ""),
    ("GET", "/events/stream", Stream, ""),
    ("GET", "/expected", List, ""),
    ("POST", "/expected", Makes(200), r#"{"devices":[{"endpoint":"os::NEW-2"}],"tenant":"{tenant}"}"#),
    ("DELETE", "/expected/{id}", One(Thing::Expected, 204), ""),
    ("GET", "/jobs", List, ""),
    ("GET", "/jobs/{id}", One(Thing::Job, 200), ""),
    ("DELETE", "/jobs/{id}", One(Thing::Job, 200), ""),
    ("POST", "/logins", Makes(200), r#"{"endpoint":"os::NEW-3","tenant":"{tenant}"}"#),
    ("GET", "/me", Same, ""),
    ("GET", "/models/{hash}", One(Thing::Model, 200), ""),
    ("POST", "/operations/operate?filter=online", List, COMMAND),
    ("GET", "/pending", List, ""),
    ("POST", "/pending/{endpoint}/approve", One(Thing::Pending, 200), ""),
    ("POST", "/pending/{endpoint}/reject", One(Thing::Pending, 204), ""),
    ("GET", "/refused", List, ""),
    ("GET", "/tenants", List, ""),
    ("POST", "/tenants", Platform(201), r#"{"name":"gamma"}"#),
    ("GET", "/tokens", List, ""),
    ("POST", "/tokens", Makes(200), r#"{"name":"new","role":"viewer","tenant":"{tenant}"}"#),
    ("DELETE", "/tokens/{id}", One(Thing::Token, 204), ""),
];

/// The same lists and makers, asked about another tenant's things. `{device}` and `{tenant}` are the other's.
#[rustfmt::skip]
const ASKED_ABOUT_OTHERS: &[(&str, &str, u16, &str)] = &[
    ("GET", "/jobs?device={device}", 404, ""),
    ("GET", "/certificates?device={device}", 200, ""),
    ("GET", "/events/stream?device={device}", 404, ""),
    ("GET", "/devices?q={device}", 200, ""),
    ("GET", "/devices?q=BETA", 200, ""),
    ("GET", "/devices?filter=serial%20~%20%22BETA%22", 200, ""),
    ("GET", "/devices?tenant={tenant}", 404, ""),
    ("GET", "/audit?tenant={tenant}", 404, ""),
    ("POST", "/operations/operate?filter=serial%20~%20%22BETA%22", 202, COMMAND),
    ("POST", "/operations/operate?filter=online&tenant={tenant}", 404, COMMAND),
    ("PATCH", "/devices/os::00256D-ACME", 403, r#"{"tenant":"{tenant}"}"#),
    ("PATCH", "/devices/os::00256D-BETA", 404, r#"{"tenant":"acme"}"#),
    ("POST", "/pending/os::00256D-ACME/approve", 404, r#"{"tenant":"{tenant}"}"#),
    ("POST", "/tenants", 403, r#"{"name":"gamma"}"#),
];

struct Scene {
    world: World,
    platform: String,
    acme: Site,
    beta: Site,
}

impl Scene {
    async fn new() -> Scene {
        let world = World::new().await;
        let (acme, beta) = (Site::build(&world, "acme", 1).await, Site::build(&world, "beta", 2).await);
        Scene { platform: world.token(Role::Owner).await, world, acme, beta }
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: &str) -> Reply {
        let method: Method = method.parse().expect("a method");
        let call = self.world.call(method, &format!("/api/v1{path}")).token(token);
        match body {
            "" => call.send().await,
            text if text.starts_with('<') => {
                call.header("content-type", "application/xml").body(text.to_owned()).send().await
            }
            text => call.json(text).await,
        }
    }

    /// Everything of a tenant that others could have changed.
    async fn state(&self, site: &Site) -> Vec<Value> {
        let mut state = Vec::new();
        let device = format!("/devices/{}", site.device);
        for path in ["/jobs", "/tokens", "/enrolments", "/expected", "/pending", "/certificates", "/refused"]
        {
            state.push(self.ask(&site.token, "GET", path, "").await.json());
        }
        for path in [device.as_str(), "/audit", "/events?limit=500"] {
            state.push(self.ask(&site.token, "GET", path, "").await.json());
        }
        state
    }
}

/// The path with the name of a thing in the place of its parameter.
fn named(path: &str, name: &str) -> String {
    let (head, rest) = path.split_once('{').expect("a parameter");
    let (_, tail) = rest.split_once('}').expect("its end");
    format!("{head}{}{tail}", name.replace(' ', "%20"))
}

#[track_caller]
fn holds_none(what: &str, text: &str, site: &Site) {
    for mark in site.marks() {
        assert!(!text.contains(&mark), "{what} tells {mark}: {text}");
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[test]
fn every_route_has_a_decision() {
    let document = api::openapi::document::<SqliteStore>();
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut routes = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let without_query = |path: &'static str| path.split_once('?').map_or(path, |(path, _)| path);
    let decided: BTreeSet<String> =
        TABLE.iter().map(|(method, path, ..)| format!("{method} {}", without_query(path))).collect();
    assert_eq!(decided, routes, "left: decided here; right: routes of the API");
    assert_eq!(decided.len(), TABLE.len(), "one decision for each");
}

#[tokio::test]
async fn no_route_shows_or_changes_what_is_another_tenants() {
    // What lists and makes leaves the rest as it was; what names a thing may end it.
    let scene = Scene::new().await;
    for row @ (method, path, sees, _) in TABLE {
        match sees {
            One(thing, answer) => one(&Scene::new().await, row, *thing, *answer).await,
            List => list(&scene, row).await,
            Stream => stream(&Scene::new().await, path).await,
            Makes(answer) => makes(&scene, row, *answer).await,
            Platform(answer) => platform(&scene, row, *answer).await,
            Same => {
                for token in [&scene.acme.token, &scene.beta.token, &scene.platform] {
                    assert_eq!(scene.ask(token, method, path, "").await.status, 200, "{path}");
                }
                let told = text(&scene.ask(&scene.acme.token, method, path, "").await);
                holds_none(path, &told, &scene.beta);
            }
            People(answer) => {
                for token in [&scene.acme.token, &scene.platform] {
                    let reply = scene.ask(token, method, path, row.3).await;
                    assert_eq!(reply.status, *answer, "{path}: {reply:?}");
                }
            }
        }
    }
}

async fn one(scene: &Scene, row: &Row, thing: Thing, answer: u16) {
    let (method, path, _, body) = *row;
    let before = scene.state(&scene.beta).await;
    for name in scene.beta.names(thing) {
        let foreign = scene.ask(&scene.acme.token, method, &named(path, &name), body).await;
        foreign.is_problem(404, "not-found");
    }
    assert_eq!(scene.state(&scene.beta).await, before, "{method} {path}");
    let name = |site: &Site| named(path, &site.names(thing)[0]);
    let own = scene.ask(&scene.acme.token, method, &name(&scene.acme), body).await;
    assert_eq!(own.status, answer, "{method} {path}: {own:?}");
    holds_none(path, &text(&own), &scene.beta);
    let all = scene.ask(&scene.platform, method, &name(&scene.beta), body).await;
    assert_eq!(all.status, answer, "{method} {path} of the platform: {all:?}");
}

async fn list(scene: &Scene, row: &Row) {
    let (method, path, _, body) = *row;
    let before = scene.state(&scene.beta).await;
    let own = scene.ask(&scene.acme.token, method, path, body).await;
    assert!(own.status < 300, "{method} {path}: {own:?}");
    holds_none(path, &text(&own), &scene.beta);
    assert_eq!(scene.state(&scene.beta).await, before, "{method} {path}");
    let has = |text: &str, site: &Site| site.marks().iter().any(|mark| text.contains(mark));
    assert!(has(&text(&own), &scene.acme), "{method} {path}: {own:?}");
    let all = text(&scene.ask(&scene.platform, method, path, body).await);
    assert!(has(&all, &scene.acme) && has(&all, &scene.beta), "{method} {path} of the platform: {all}");
}

/// All of the log so far, which ends with something of one's own.
async fn stream(scene: &Scene, path: &str) {
    let get = format!("/devices/{}/get", scene.acme.device);
    assert_eq!(scene.ask(&scene.acme.token, "POST", &get, PATHS).await.status, 202);
    scene.world.server.log_grew().await;
    for (token, sees_other) in [(&scene.acme.token, false), (&scene.platform, true)] {
        let log = scene.ask(token, "GET", "/events?after=0&limit=500", "").await.json();
        let rows = log["items"].as_array().expect("a list");
        let of_devices = rows.iter().filter(|row| !row["device"].is_null()).count();
        for (query, events) in [("?after=0", rows.len()), ("?after=0&filter=online", of_devices)] {
            let uri = format!("/api/v1{path}{query}");
            let open = scene.world.get(&uri).token(token).open().await;
            assert_eq!(open.status(), 200);
            let mut body = open.into_body().into_data_stream();
            let mut told = String::new();
            while told.matches("event: ").count() < events {
                let piece = body.next().await.expect("more").expect("a stream that does not fail");
                told.push_str(std::str::from_utf8(&piece).expect("text"));
            }
            assert!(told.contains(&scene.acme.device.to_string()), "{query}: {told}");
            assert_eq!(told.contains(&scene.beta.device.to_string()), sees_other, "{query}: {told}");
            if !sees_other {
                holds_none(query, &told, &scene.beta);
            }
        }
    }
}

async fn makes(scene: &Scene, row: &Row, answer: u16) {
    let (method, path, _, body) = *row;
    let before = scene.state(&scene.beta).await;
    let foreign = scene.ask(&scene.acme.token, method, path, &scene.beta.fill(body)).await;
    foreign.is_problem(404, "not-found");
    assert_eq!(scene.state(&scene.beta).await, before, "{method} {path}");
    // One's own is meant without its name, too.
    let mut unnamed: Value = serde_json::from_str(body).expect("JSON");
    unnamed.as_object_mut().expect("an object").remove("tenant");
    // Logins stand among the certificates.
    let listed = if path == "/logins" { "/certificates" } else { path };
    let size = async |site: &Site| {
        let list = scene.ask(&site.token, "GET", listed, "").await.json();
        list["items"].as_array().expect("a list").len()
    };
    let sizes = (size(&scene.acme).await, size(&scene.beta).await);
    let own = scene.ask(&scene.acme.token, method, path, &unnamed.to_string()).await;
    assert_eq!(own.status, answer, "{method} {path}: {own:?}");
    assert_eq!((size(&scene.acme).await, size(&scene.beta).await), (sizes.0 + 1, sizes.1), "{path}");
    let body = scene.beta.fill(body).replace("NEW", "OTHER");
    let all = scene.ask(&scene.platform, method, path, &body).await;
    assert_eq!(all.status, answer, "{method} {path} of the platform: {all:?}");
    assert_eq!((size(&scene.acme).await, size(&scene.beta).await), (sizes.0 + 1, sizes.1 + 1), "{path}");
}

async fn platform(scene: &Scene, row: &Row, answer: u16) {
    let (method, path, _, body) = *row;
    let path = path.replace("{id}", &"0a".repeat(32));
    scene.ask(&scene.acme.token, method, &path, body).await.is_problem(403, "forbidden");
    let all = scene.ask(&scene.platform, method, &path, body).await;
    assert_eq!(all.status, answer, "{method} {path}: {all:?}");
}

#[tokio::test]
async fn asking_about_others_things_finds_nothing() {
    let scene = Scene::new().await;
    let before = scene.state(&scene.beta).await;
    for (method, path, answer, body) in ASKED_ABOUT_OTHERS {
        let (path, body) = (scene.beta.fill(path), scene.beta.fill(body));
        let reply = scene.ask(&scene.acme.token, method, &path, &body).await;
        assert_eq!(reply.status, *answer, "{method} {path}: {reply:?}");
        if reply.status < 300 {
            holds_none(&path, &text(&reply), &scene.beta);
            let told = reply.json();
            let rows = told.get("items").or(told.get("jobs")).and_then(Value::as_array).map(Vec::len);
            assert_eq!(rows, Some(0), "{path}: {told}");
        }
    }
    assert_eq!(scene.state(&scene.beta).await, before);
    // A tenant's token is nobody who looks after the server, nor the default tenant's.
    let metrics = scene.world.get("/metrics").token(&scene.acme.token).send().await;
    metrics.is_problem(403, "forbidden");
    assert_eq!(scene.world.get("/metrics").token(&scene.platform).send().await.status, 200);
    let me = scene.ask(&scene.acme.token, "GET", "/me", "").await.json();
    assert_eq!((&me["tenant"], &me["user"]), (&json!("acme"), &json!("token:acme/ACME")));
    let me = scene.ask(&scene.platform, "GET", "/me", "").await.json();
    assert_eq!((&me["tenant"], &me["user"]), (&json!(null), &json!("token:owner")));
}

#[tokio::test]
async fn an_endpoint_id_that_is_taken_is_refused_and_written_down() {
    let scene = Scene::new().await;
    for (path, body) in [
        ("/devices", r#"{"endpoint":"os::00256D-BETA","connect":"ws://192.0.2.7/"}"#),
        ("/expected", r#"{"devices":[{"endpoint":"os::00256D-BETA"}]}"#),
        ("/logins", r#"{"endpoint":"os::00256D-BETA"}"#),
        ("/expected", r#"{"devices":[{"endpoint":"os::EXPECTED-BETA"}]}"#),
    ] {
        scene.world.pass(Duration::from_secs(1));
        let before = scene.state(&scene.beta).await;
        let reply = scene.ask(&scene.acme.token, "POST", path, body).await;
        reply.is_problem(409, "conflict");
        assert!(!text(&reply).contains("\"beta\""), "{reply:?}");
        let last = |reply: Reply| reply.json()["items"][0].clone();
        for token in [&scene.acme.token, &scene.platform] {
            let row = last(scene.ask(token, "GET", "/audit?limit=1", "").await);
            assert_eq!(
                (&row["action"], &row["actor"]),
                (&json!("tenant.refused"), &json!("token:acme/ACME"))
            );
            assert!(row["target"].as_str().is_some_and(|target| target.ends_with("BETA")), "{row}");
        }
        assert_eq!(scene.state(&scene.beta).await, before);
    }
}

#[tokio::test]
async fn the_platform_moves_a_device_and_both_are_told() {
    let scene = Scene::new().await;
    let path = format!("/devices/{}", scene.beta.device);
    let go = |token: &str, to: &str| {
        let (token, body) = (token.to_owned(), format!(r#"{{"tenant":"{to}","tags":["new"]}}"#));
        let (scene, path) = (&scene, &path);
        async move { scene.ask(&token, "PATCH", path, &body).await }
    };
    go(&scene.beta.token, "acme").await.is_problem(403, "forbidden");
    go(&scene.platform, "gamma").await.is_problem(404, "not-found");
    go(&scene.platform, "acme").await.is_problem(409, "conflict");
    let job = format!("/jobs/{}", scene.beta.names(Thing::Job)[0]);
    assert_eq!(scene.ask(&scene.beta.token, "DELETE", &job, "").await.status, 200);
    let moved = go(&scene.platform, "acme").await;
    assert_eq!((moved.status, &moved.json()["tenant"]), (200, &json!("acme")));
    assert_eq!(moved.json()["tags"], json!(["new"]));
    assert_eq!(*scene.world.server.moved.lock().expect("not poisoned"), [scene.beta.device]);
    scene.ask(&scene.beta.token, "GET", &path, "").await.is_problem(404, "not-found");
    assert_eq!(scene.ask(&scene.acme.token, "GET", &path, "").await.status, 200);
    for site in [&scene.acme, &scene.beta] {
        let log = scene.ask(&site.token, "GET", "/audit", "").await.json();
        let rows = log["items"].as_array().expect("a list");
        let told = rows.iter().find(|row| row["action"] == "device.move").expect("it is written down");
        assert_eq!((&told["actor"], &told["detail"]), (&json!("token:owner"), &json!("to acme")));
    }
    // The past stays where it was.
    scene.ask(&scene.acme.token, "GET", &job, "").await.is_problem(404, "not-found");
    assert_eq!(scene.ask(&scene.beta.token, "GET", &job, "").await.status, 200);
    // To where it is already: nothing happens.
    assert_eq!(scene.ask(&scene.platform, "PATCH", &path, r#"{"tenant":"acme"}"#).await.status, 200);
    assert_eq!(scene.world.server.moved.lock().expect("not poisoned").len(), 1);
}
