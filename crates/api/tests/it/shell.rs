//! What surrounds the API: headers, page, compression, health, metrics.

use std::sync::atomic::Ordering;

use fleet::access::Role;

use crate::world::World;

#[tokio::test]
async fn every_answer_keeps_browsers_safe() {
    let world = World::new().await;
    for uri in ["/", "/devices/1", "/healthz", "/api/v1/me", "/api/v1/nothing", "/api/v1/openapi.json"] {
        let reply = world.get(uri).send().await;
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{uri}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{uri}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{uri}");
    }
}

#[tokio::test]
async fn the_page_is_served_at_every_path_that_is_not_the_api() {
    let world = World::new().await;
    for uri in ["/", "/devices/018bcfe5/tree?path=Device."] {
        let reply = world.get(uri).send().await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(String::from_utf8_lossy(&reply.body).contains("<title>Cusp</title>"));
    }
}

#[tokio::test]
async fn answers_are_compressed_where_that_is_understood() {
    let world = World::new().await;
    let call = || world.get("/api/v1/openapi.json");
    let plain = call().send().await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = call().header("accept-encoding", "gzip, br").send().await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 4);

    let token = world.token(Role::Viewer).await;
    let stream = world.get("/api/v1/events/stream").token(&token).header("accept-encoding", "gzip");
    assert!(!stream.open().await.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn health_is_told_to_everyone_and_readiness_says_why_not() {
    let world = World::new().await;
    assert_eq!(world.get("/healthz").send().await.status, 200);
    assert_eq!(world.get("/readyz").send().await.status, 200);
    *world.server.unready.lock().expect("not poisoned") = Some("the store is closing".into());
    assert_eq!(world.get("/healthz").send().await.status, 200);
    let reply = world.get("/readyz").send().await;
    reply.is_problem(503, "not-ready");
    assert_eq!(reply.json()["detail"], "the store is closing");
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let world = World::new().await;
    let metrics = async || world.get("/metrics").from(Some([127, 0, 0, 1])).send().await;
    world.server.panics.store(true, Ordering::SeqCst);
    let reply = metrics().await;
    reply.is_problem(500, "internal");
    assert!(!String::from_utf8_lossy(&reply.body).contains("wants a panic"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    world.server.panics.store(false, Ordering::SeqCst);
    assert_eq!(metrics().await.status, 200);
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_for_readers() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let local = world.get("/metrics").from(Some([127, 0, 0, 1])).send().await;
    assert_eq!((local.status, &local.body[..]), (200, &b"cusp_sessions 0\n# EOF\n"[..]));
    assert_eq!(
        local.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    world.get("/metrics").send().await.is_problem(401, "unauthorised");
    world.get("/metrics").from(None).send().await.is_problem(401, "unauthorised");
    assert_eq!(world.get("/metrics").token(&token).send().await.status, 200);
    // A proxy on this machine speaks for others.
    for name in ["x-forwarded-for", "forwarded"] {
        let forwarded = || world.get("/metrics").from(Some([127, 0, 0, 1])).header(name, "192.0.2.1");
        forwarded().send().await.is_problem(401, "unauthorised");
        assert_eq!(forwarded().token(&token).send().await.status, 200);
    }
}
