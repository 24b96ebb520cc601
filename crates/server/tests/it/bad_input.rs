//! Bad input ends what it belongs to, is said in the log, and nothing is lost.

use bytes::Bytes;
use mtp::Error;
use requirement::requirement;
use serde_json::json;
use server::config::PolicyName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use usp_proto::{Body, Msg, Record, Version};

use crate::agent::{Agent, dialer};
use crate::world::{AGENT, CONTROLLER, Running, World, id};

/// A device that is let in, with onboarding under way.
async fn connected() -> (World, Running, Agent) {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.request(|_| true).await;
    (world, server, agent)
}

#[requirement("R-WS.16")]
#[tokio::test]
async fn bytes_that_are_no_record_close_the_connection() {
    let (_world, server, mut agent) = connected().await;
    agent.raw(Bytes::from_static(&[0xff; 40]));
    assert_eq!(agent.closed().await, 1003);
    let device = server.device(AGENT).await;
    server.until(&format!("/devices/{device}"), |one| one.body["online"] == false).await;
    // The device is let in again.
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.request(|_| true).await;
}

#[tokio::test]
async fn a_record_in_another_name_closes_the_connection_and_is_audited() {
    let (_world, server, mut agent) = connected().await;
    let other = id("os::00256D-9999");
    agent.raw(Record::websocket_connect(&other, &id(CONTROLLER), Version::CURRENT).encode());
    assert_eq!(agent.closed().await, 1003);
    let told = |row: &serde_json::Value| {
        row["action"] == "session.impersonation"
            && row["target"] == AGENT
            && row["detail"] == "a Record in the name of os::00256D-9999 from 127.0.0.1"
    };
    server.until("/audit", |answer| answer.items().iter().any(told)).await;
}

#[requirement("R-E2E.1")]
#[tokio::test]
async fn a_record_for_somebody_else_is_ignored() {
    let (_world, _server, mut agent) = connected().await;
    let other = id("self::another");
    let payload = Msg::error("e1", usp_proto::ErrorBody::new(7000, "lost")).encode();
    agent.raw(Record::message(&id(AGENT), &other, Version::CURRENT, payload).encode());
    let msg_id = agent.value_change("Device.DeviceInfo.SerialNumber", "2");
    agent.answer_to(&msg_id).await;
}

#[tokio::test]
async fn messages_that_nobody_knows_are_answered_with_an_error() {
    let (_world, _server, mut agent) = connected().await;
    // Header { msg_id: "x1", msg_type: 99 }, Body { request: Request { an unknown member } }.
    let unknown_oneof = b"\x0a\x06\x0a\x02x1\x10\x63\x12\x05\x0a\x03\xfa\x07\x00";
    agent.raw(
        Record::message(&id(AGENT), &id(CONTROLLER), Version::CURRENT, Bytes::from_static(unknown_oneof))
            .encode(),
    );
    let answer = agent.answer_to("x1").await;
    assert!(
        matches!(&answer.body, Body::Error(error) if (7000..7800).contains(&error.err_code)),
        "{answer:?}"
    );
    // An agent asks nothing of a controller.
    agent.send(&Msg::request("x2", usp_proto::Request::Get(usp_proto::get::Get::new(["Device."], 0))));
    let answer = agent.answer_to("x2").await;
    assert!(matches!(&answer.body, Body::Error(error) if error.err_code == 7001), "{answer:?}");
}

#[tokio::test]
async fn a_message_over_the_limit_for_strangers_closes_the_connection() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    agent.raw(Bytes::from(vec![0; 64 * 1024 + 1]));
    assert_eq!(agent.closed().await, 1009);
}

/// What the WebSocket listener answers to these bytes, up to its close.
async fn raw(server: &Running, head: &str, frame: &[u8]) -> Vec<u8> {
    let mut socket =
        tokio::net::TcpStream::connect(server.listeners.usp_websocket).await.expect("a listener");
    socket.write_all(head.as_bytes()).await.expect("taken");
    socket.write_all(frame).await.expect("taken");
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

fn upgrade(query: &str) -> String {
    format!(
        "GET /usp{query} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: v1.usp\r\n\r\n"
    )
}

#[requirement("R-WS.16")]
#[tokio::test]
async fn a_text_frame_closes_the_connection() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    // FIN and text, masked with zeros; then a close of our own, so that the server ends the socket.
    let frame = b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xe8";
    let answer = raw(&server, &upgrade(&format!("?eid={AGENT}")), frame).await;
    let close = [0x88u8, 0x03, 0xeb];
    let found = answer.windows(4).any(|w| w[0] == close[0] && w[2..4] == close[1..3]);
    assert!(found, "no close with 1003 in {answer:?}");
}

#[tokio::test]
async fn requests_that_make_no_link_are_answered_in_http_and_listed() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    for (head, status, reason) in [
        (upgrade(""), "400", "endpoint id"),
        (upgrade("?eid=nonsense"), "400", "endpoint"),
        ("GET /other HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(), "404", ""),
        ("\x16\x03\x01\x02".to_owned(), "400", "not an HTTP request"),
    ] {
        let answer = raw(&server, &head, b"").await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:?}: {answer:?}");
        server.refusal(reason).await;
    }
    let own = dialer(&server, CONTROLLER).connect().await;
    assert!(matches!(own, Err(Error::Refused { status: 403, .. })), "{own:?}");
}

#[tokio::test]
async fn bad_requests_of_the_api_are_problems() {
    let (_world, server, _agent) = connected().await;
    let device = server.device(AGENT).await;
    let get = format!("/devices/{device}/get");
    for (method, path, body, status, code) in [
        ("POST", get.as_str(), "{", 400, None),
        ("POST", &get, r#"{"paths": "Device."}"#, 400, None),
        ("POST", &get, r#"{"paths": ["Device..X"]}"#, 400, Some(7008)),
        ("POST", "/devices/nobody/get", r#"{"paths": ["Device."]}"#, 404, None),
        ("GET", "/nothing", "", 404, None),
        ("GET", "/jobs/00000000-0000-0000-0000-000000000000", "", 404, None),
        ("GET", "/devices?limit=0", "", 400, None),
        ("GET", "/devices?cursor=x", "", 400, None),
        ("GET", "/devices?filter=((", "", 400, None),
    ] {
        let answer = server.api.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.body["status"], status, "{method} {path} {body}: {answer:?}");
        if let Some(code) = code {
            assert_eq!(answer.body["code"], json!(code), "{answer:?}");
        }
    }
    let mut stranger = crate::http::Client::new(server.listeners.http);
    assert_eq!(stranger.get("/devices").await.status, 401);
    stranger.token = Some("ct_wrong".to_owned());
    assert_eq!(stranger.get("/devices").await.status, 401);
}

#[tokio::test]
async fn requests_that_can_not_be_meant_are_problems_with_a_name() {
    let (_world, server, _agent) = connected().await;
    let device = server.device(AGENT).await;
    let get = format!("/devices/{device}/get");
    let huge = format!(r#"{{"paths": ["{}"]}}"#, "x".repeat(1 << 20));
    for (method, path, body, status, kind) in [
        ("POST", get.as_str(), "{\"paths\": [", 400, "bad-json"),
        ("POST", &get, r#"{"paths": ["Device."], "more": 1}"#, 400, "bad-json"),
        ("POST", &get, &huge, 413, "too-large"),
        ("PUT", &get, "{}", 405, "wrong-method"),
        ("GET", "/devices?more=1", "", 400, "bad-query"),
        ("DELETE", "/datamodels/x", "", 404, "not-found"),
        ("POST", "/datamodels", "{}", 422, "not-a-model"),
    ] {
        let answer = server.api.call(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.body["type"], format!("urn:cusp:error:{kind}"), "{method} {path}: {answer:?}");
    }
    // A token ends when its time is over.
    let made =
        server.api.post("/tokens", Some(json!({ "name": "t", "role": "viewer", "expires_in": "1s" }))).await;
    let mut short = crate::http::Client::new(server.listeners.http);
    short.token = made.body["token"].as_str().map(str::to_owned);
    assert!(short.token.is_some(), "{made:?}");
    let ended = async { while short.get("/devices").await.status != 401 {} };
    tokio::time::timeout(crate::world::PATIENCE, ended).await.expect("it ends");
}
