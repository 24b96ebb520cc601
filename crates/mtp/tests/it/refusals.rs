//! Requests that get no upgrade, byte by byte, and the answer that each gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mtp::ws::handshake::{Request, parse_request};
use mtp::{Admission, Candidate, Refusal};
use requirement::requirement;

use crate::raw::{GOOD, Raw};
use crate::support::{AGENT, Server, config, id};
use usp_proto::EndpointId;

/// What a listener at `/usp` answers.
fn status(request: &str) -> u16 {
    match parse_request(request.as_bytes(), "/usp") {
        Ok(Request::Upgrade(_)) => 101,
        Ok(Request::Enrol(_) | Request::Renew(_)) => 200,
        Err(refusal) => refusal.status,
    }
}

#[test]
#[requirement("R-WS.2", "R-WS.7", "R-WS.9", "R-WS.10b", "R-WS.11c", "R-WS.12a")]
fn what_is_refused_and_how() {
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let extension = |value: &str| with("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {value}\r\n\r\n"));
    let cases = [
        (101, GOOD.to_owned()),
        (101, with("v1.usp", "chat, v1.usp")),
        (
            101,
            with(
                "Sec-WebSocket-Protocol: v1.usp",
                "sec-websocket-protocol: chat\r\nSEC-WEBSOCKET-PROTOCOL: v1.usp",
            ),
        ),
        (101, with("Connection: Upgrade", "Connection: keep-alive, upgrade")),
        (101, with("?eid=os::00256D-0001", "")),
        (101, with("?eid", "?a=b&eid")),
        (101, extension("bbf-usp-protocol; eid=\"os::00256D-0001\"")),
        (101, extension("permessage-deflate; client_max_window_bits, bbf-usp-protocol")),
        // R-WS.12a and R-WS.9: no subprotocol, or not exactly this one.
        (400, with("Sec-WebSocket-Protocol: v1.usp\r\n", "")),
        (400, with("v1.usp", "V1.USP")),
        (400, with("v1.usp", "v1.usp2")),
        (400, with("v1.usp", "v2.usp")),
        // Another path, another case of it, another method.
        (404, with("/usp", "/")),
        (404, with("/usp", "/USP")),
        (404, with("/usp", "/usp/")),
        (405, with("GET", "PUT")),
        // Not a WebSocket request.
        (426, with("Upgrade: websocket\r\n", "")),
        (426, with("Connection: Upgrade", "Connection: close")),
        (426, with("Version: 13", "Version: 8")),
        (426, with("Sec-WebSocket-Version: 13\r\n", "")),
        // The key: missing, empty, too short, too long, not base64, twice.
        (400, with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "")),
        (400, with("dGhlIHNhbXBsZSBub25jZQ==", "")),
        (400, with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")),
        (400, with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSEhIQ==")),
        (400, with("dGhlIHNhbXBsZSBub25jZQ==", "not base64 at all!!!====")),
        (
            400,
            with(
                "Upgrade: websocket\r\n",
                "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            ),
        ),
        // Hosts: none, two.
        (400, with("Host: server.example.com\r\n", "")),
        (400, with("Host: server.example.com\r\n", "Host: a\r\nHost: b\r\n")),
        // Bodies.
        (400, with("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n")),
        (400, with("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")),
        // Ids: none, twice, contradictory, damaged.
        (400, with("os::00256D-0001", "nonsense")),
        (400, with("os::00256D-0001", "")),
        (400, with("?eid", "?eid=os::1&eid")),
        (400, with("os::00256D-0001", "os::%ff%fe")),
        (400, extension("bbf-usp-protocol; eid=\"os::00256D-0002\"")),
        (400, extension("bbf-usp-protocol; eid=\"nonsense\"")),
        (400, extension("bbf-usp-protocol; eid=\"os::00256D-0001")),
        // Not HTTP/1.1.
        (505, with("HTTP/1.1", "HTTP/1.0")),
        (400, with("HTTP/1.1", "HTTP/2.0")),
        (400, with("HTTP/1.1\r\n", "\r\n")),
        (400, "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".to_owned()),
        (400, "\r\n\r\n".to_owned()),
        (431, with("\r\n\r\n", &format!("\r\n{}\r\n", "X: y\r\n".repeat(64)))),
    ];
    for (expected, request) in cases {
        assert_eq!(status(&request), expected, "{request}");
    }
}

#[tokio::test]
async fn a_refusal_reaches_its_client_whole() {
    let server = Server::start(None).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(GOOD.replace("Sec-WebSocket-Protocol: v1.usp\r\n", "").as_bytes()).await;
    let answer = String::from_utf8(raw.rest().await).unwrap();
    assert_eq!(
        answer,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 42\r\n\
         Connection: close\r\n\r\nSec-WebSocket-Protocol must offer v1.usp\n"
            .replace("42", &"Sec-WebSocket-Protocol must offer v1.usp\n".len().to_string())
    );
}

#[tokio::test]
async fn heads_are_bounded_and_may_come_in_pieces() {
    let server = Server::start(None).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(b"GET /usp HTTP/1.1\r\nX: ").await;
    raw.send(&[b'a'; 9000]).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 431 "));

    let mut raw = Raw::connect(server.addr).await;
    for piece in GOOD.as_bytes().chunks(7) {
        raw.send(piece).await;
    }
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_end_is_ended() {
    let server = Server::start(None).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(b"GET /usp").await;
    let began = tokio::time::Instant::now();
    assert_eq!(raw.rest().await, b"");
    assert_eq!(began.elapsed().as_secs(), 10);
}

/// Refuses everybody, and keeps what it is told.
#[derive(Default)]
struct Book(Mutex<Vec<(Option<EndpointId>, u16)>>);

impl Admission for Book {
    async fn admit(&self, _: &Candidate) -> Result<(), Refusal> {
        Err(Refusal::new(403, "closed\r\nX: y"))
    }

    fn refused(&self, _: SocketAddr, eid: Option<&EndpointId>, refusal: &Refusal) {
        self.0.lock().unwrap().push((eid.cloned(), refusal.status));
    }
}

#[tokio::test]
async fn every_refusal_is_reported() {
    let book = Arc::new(Book::default());
    let server = Server::with(None, config(), book.clone()).await;
    for request in [GOOD, "\u{16}\u{3}\u{1}", "GET / HTTP/1.1\r\n\r\n"] {
        let mut raw = Raw::connect(server.addr).await;
        raw.send(request.as_bytes()).await;
        let answer = String::from_utf8(raw.rest().await).unwrap();
        // A reason can't add header lines, whatever it holds.
        assert!(!answer.contains("\nX: y"), "{answer}");
    }
    let book = book.0.lock().unwrap();
    assert_eq!(*book, [(Some(id(AGENT)), 403), (None, 400), (None, 404)]);
}
