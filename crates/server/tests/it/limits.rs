//! What peers that nobody has let in may cost.

use std::net::SocketAddr;
use std::time::Duration;

use mtp::Error;
use serde_json::Value;
use server::config::{Limits, PolicyName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::agent::{Agent, dialer};
use crate::world::{AGENT, PATIENCE, World};

async fn status(dialer: &mtp::ws::Dialer) -> u16 {
    match dialer.connect().await {
        Err(Error::Refused { status, .. }) => status,
        Ok(_) => panic!("let in"),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_address_that_is_refused_too_often_has_to_wait_and_others_need_not() {
    let world = World::new(PolicyName::Approve);
    let server = world.serve().await;
    // A device that is known comes from elsewhere.
    let mut known = dialer(&server, "os::00256D-0002");
    known.bind = Some("127.0.0.2".parse().expect("an address"));
    let mut agent = Agent::over(&known).await;
    server.approve("os::00256D-0002").await;
    agent.request(|_| true).await;
    agent.leave();
    agent.down().await;

    let waits = Agent::dial(&server, AGENT).await;
    server.until("/pending", |answer| !answer.items().is_empty()).await;
    let answer = server.api.post(&format!("/pending/{AGENT}/reject"), None).await;
    assert_eq!(answer.status, 204);
    drop(waits);
    let mut refused = 0;
    let stranger = dialer(&server, AGENT);
    while status(&stranger).await == 403 {
        refused += 1;
        assert!(refused < 10_000, "nobody stops it");
    }
    assert!(refused >= 10, "a few attempts are nothing unusual");
    for _ in 0..30 {
        assert_eq!(status(&stranger).await, 429);
    }
    // The list of refusals is not filled by those that were stopped: one of them stands there when somebody does who
    // came after them all, and another if a minute has gone by.
    let mut elsewhere = dialer(&server, AGENT);
    elsewhere.bind = Some("127.0.0.3".parse().expect("an address"));
    assert_eq!(status(&elsewhere).await, 403);
    let stopped = |item: &&Value| item["reason"] == "too many attempts";
    let later = |item: &Value| item["peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.3:"));
    let listed = server.until("/refused?limit=500", |answer| {
        answer.items().iter().any(|item| stopped(&item)) && answer.items().iter().any(later)
    });
    let listed = listed.await;
    let stopped = listed["items"].as_array().expect("rows").iter().filter(stopped).count();
    assert!(stopped <= 2, "{stopped}");
    let mut agent = Agent::over(&known).await;
    agent.request(|_| true).await;
}

/// What a connection hears until it is closed.
async fn hears(address: SocketAddr, from: &str, says: &[u8]) -> String {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(from.parse().expect("an address")).expect("loopback has many");
    let mut socket = socket.connect(address).await.expect("somebody listens");
    let _ = socket.write_all(says).await;
    let mut heard = Vec::new();
    // A reset is an end, too.
    let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut heard)).await;
    assert!(ended.is_ok(), "{address} keeps {:?}", String::from_utf8_lossy(says));
    String::from_utf8_lossy(&heard).into_owned()
}

fn counted(metrics: &str, cause: &str) -> u64 {
    let series = format!("cusp_refused_by_cause_total{{cause=\"{cause}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&series));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {series}in {metrics}"))
}

#[tokio::test]
async fn connections_that_prove_nothing_are_counted_by_address_and_those_of_devices_are_not() {
    let mut world = World::new(PolicyName::Open);
    world.config.limits =
        Limits { connections_per_address: Some(8), connections_per_second: Some(1), ..Limits::default() };
    let server = world.serve().await;
    let held = |address| async move {
        let mut held = Vec::new();
        loop {
            let socket = TcpStream::connect(address).await.expect("somebody listens");
            // Whoever is turned away is so at once; the others are waited for.
            let told = tokio::time::timeout(Duration::from_millis(50), socket.readable()).await.is_ok();
            held.push(socket);
            if told {
                return held;
            }
            assert!(held.len() < 1000, "nobody stops it");
        }
    };
    let strangers = held(server.listeners.usp_websocket).await;
    assert!(strangers.len() > 8, "{}", strangers.len());
    let told = hears(server.listeners.usp_websocket, "127.0.0.1:0", b"").await;
    assert!(told.starts_with("HTTP/1.1 429 "), "{told}");
    let listed = server.until("/refused", |answer| !answer.items().is_empty()).await;
    assert_eq!(listed["items"][0]["reason"], "too many connections of this address that have proven nothing");
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");

    // Far more than eight, one after the other, of one address.
    let mut device = dialer(&server, AGENT);
    device.bind = Some("127.0.0.2".parse().expect("an address"));
    for _ in 0..20 {
        let mut agent = Agent::over(&device).await;
        agent.request(|_| true).await;
        agent.leave();
        agent.down().await;
    }
    // The API counts alike, and those who have signed in cost nothing: this client has asked before, again
    // and again.
    let metrics = server.api.text("GET", "/metrics").await;
    let before = counted(&metrics, "rate");
    assert!(before >= 2, "{metrics}");
    let mut unknown = 0;
    while !hears(
        server.listeners.http,
        "127.0.0.3:0",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    .await
    .is_empty()
    {
        unknown += 1;
        assert!(unknown < 1000, "nobody stops it");
    }
    assert!(unknown >= 8, "{unknown}");
    for _ in 0..20 {
        assert_eq!(server.api.get("/devices").await.status, 200);
    }
    assert!(counted(&server.api.text("GET", "/metrics").await, "rate") > before);
}

#[tokio::test]
async fn who_says_nothing_or_too_little_is_closed_and_others_go_on() {
    let mut world = World::new(PolicyName::Open);
    world.config.limits.handshake_seconds = Some(1);
    let server = world.serve().await;
    let mut agent = Agent::dial(&server, AGENT).await;
    agent.request(|_| true).await;
    let (links, http) = (server.listeners.usp_websocket, server.listeners.http);
    let here = "127.0.0.1:0";
    let enrol =
        "POST /usp/enrol HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer cet_x\r\nContent-Length: 9\r\n\r\n-";
    let login = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: 99\r\n\r\n{";
    let (silent, half, enrol, head, body) = tokio::join!(
        hears(links, here, b""),
        hears(links, here, b"GET /usp HTTP/1.1\r\nHost: x\r\n"),
        hears(links, here, enrol.as_bytes()),
        hears(http, here, b"GET / HTTP/1.1\r\nHost:"),
        hears(http, here, login.as_bytes()),
    );
    assert_eq!((silent.as_str(), half.as_str(), enrol.as_str()), ("", "", ""));
    assert!(!head.contains("200 OK"), "{head}");
    assert!(body.starts_with("HTTP/1.1 400 "), "{body}");
    server.refusal("the handshake took too long").await;
    // They are closed before they are counted.
    let all = async { while counted(&server.api.text("GET", "/metrics").await, "timeout") < 3 {} };
    tokio::time::timeout(PATIENCE, all).await.expect("all are counted");
    let told = agent.value_change("Device.DeviceInfo.SerialNumber", "1");
    agent.answer_to(&told).await;
}
