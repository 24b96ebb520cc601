//! Input that nobody should send.

use fleet::access::Role;
use http::Method;

use crate::world::World;

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let world = World::new().await;
    let token = world.token(Role::Owner).await;
    let device = world.device("os::00256D-A1").await;
    let uri = format!("/api/v1/devices/{device}/get");
    let check = async |kind: Option<&str>, body: Vec<u8>, status: u16, slug: &str| {
        let call = world.post(&uri).token(&token);
        let call = match kind {
            Some(kind) => call.header("content-type", kind),
            None => call,
        };
        call.body(body).send().await.is_problem(status, slug);
    };
    let json = Some("application/json");
    check(json, Vec::new(), 400, "bad-json").await;
    check(json, b"{".to_vec(), 400, "bad-json").await;
    check(json, b"null".to_vec(), 400, "bad-json").await;
    check(json, b"{\"paths\":[\"Device.\"]} x".to_vec(), 400, "bad-json").await;
    check(json, b"{\"paths\":[\"\xff\xfe\"]}".to_vec(), 400, "bad-json").await;
    check(json, b"{\"paths\":[\"\\ud800\"]}".to_vec(), 400, "bad-json").await;
    check(json, b"{\"paths\":[\"a\"],\"paths\":[\"b\"]}".to_vec(), 400, "bad-json").await;
    check(json, [b"{\"paths\":".to_vec(), vec![b'['; 200_000]].concat(), 400, "bad-json").await;
    check(json, vec![b'['; 200_000], 400, "bad-json").await;
    check(json, b"{\"paths\":[\"Device.\"],\"max_depth\":4294967296}".to_vec(), 400, "bad-json").await;
    check(json, b"{\"paths\":[\"Device.\"],\"max_depth\":-1}".to_vec(), 400, "bad-json").await;
    check(json, vec![b' '; (1 << 20) + 1], 413, "too-large").await;
    let good = b"{\"paths\":[\"Device.\"]}".to_vec();
    check(None, good.clone(), 415, "not-json").await;
    check(Some("text/plain"), good.clone(), 415, "not-json").await;
    check(Some("application/x-www-form-urlencoded"), good.clone(), 415, "not-json").await;
    let call = world.post(&uri).token(&token).header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(call.body(good).send().await.status, 202);
}

#[tokio::test]
async fn routes_and_methods_that_are_not_there() {
    let world = World::new().await;
    let token = world.token(Role::Owner).await;
    let check = async |method: Method, uri: &str, status: u16, slug: &str| {
        world.call(method, uri).token(&token).send().await.is_problem(status, slug);
    };
    check(Method::GET, "/api/v1/nothing", 404, "no-route").await;
    check(Method::GET, "/api/v1/devices/1/2/3", 404, "no-route").await;
    check(Method::GET, "/api/v2/devices", 404, "no-route").await;
    check(Method::GET, "/api", 404, "no-route").await;
    check(Method::PUT, "/api/v1/devices", 405, "wrong-method").await;
    check(Method::GET, "/api/v1/auth/login", 405, "wrong-method").await;
    check(Method::POST, "/healthz", 405, "wrong-method").await;
    check(Method::POST, "/", 405, "wrong-method").await;
    check(Method::from_bytes(b"BREW").expect("a method"), "/api/v1/devices", 405, "wrong-method").await;
}

#[tokio::test]
async fn odd_names_are_only_names() {
    let world = World::new().await;
    let token = world.token(Role::Owner).await;
    for name in ["%00", "..%2F..%2Fetc%2Fpasswd", "%27%20OR%201%3D1--", "%F0%9F%92%A9", &"a".repeat(5000)] {
        let reply = world.get(&format!("/api/v1/devices/{name}")).token(&token).send().await;
        reply.is_problem(404, "not-found");
    }
    for query in ["q=%25%27%22_", "q=%00", "filter=name%20~%20%22%25%22", "filter=name%20%3D%3D%20%22'%22"] {
        let reply = world.get(&format!("/api/v1/devices?{query}")).token(&token).send().await;
        assert!(matches!(reply.status, 200 | 400), "{query}: {reply:?}");
    }
}

#[tokio::test]
async fn a_header_may_be_any_bytes() {
    let world = World::new().await;
    let device = world.device("os::00256D-A1").await;
    let token = world.token(Role::Owner).await;
    let uri = format!("/api/v1/devices/{device}/get");
    let call = world.post(&uri).token(&token).header("idempotency-key", "schlüssel");
    call.json(r#"{"paths":["Device."]}"#).await.is_problem(400, "invalid");
    world.get("/api/v1/me").header("authorization", "Bearer ü").send().await.is_problem(401, "unauthorised");
    world.get("/api/v1/me").header("cookie", "cusp_session=ü").send().await.is_problem(401, "unauthorised");
}
