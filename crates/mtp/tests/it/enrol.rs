//! The enrolment route.

use std::sync::Arc;

use mtp::Error;
use mtp::ws::handshake::{Request, parse_request};

use crate::support::{Server, Strict, config};

fn head(lines: &str) -> Result<usize, u16> {
    let request = format!("POST /usp/enrol HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    match parse_request(request.as_bytes(), "/usp") {
        Ok(Request::Enrol(enrol)) => Ok(enrol.length),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.status),
    }
}

#[test]
fn heads_of_enrolment_requests() {
    let token = "Authorization: Bearer cet_x\r\n";
    let cases = [
        (format!("{token}Content-Length: 16384\r\n"), Ok(16_384)),
        ("authorization: bearer cet_x\r\ncontent-length: 5\r\n".to_owned(), Ok(5)),
        (format!("{token}Content-Length: 16385\r\n"), Err(413)),
        (format!("{token}Content-Length: -1\r\n"), Err(411)),
        (format!("{token}Content-Length: 5\r\nContent-Length: 6\r\n"), Err(411)),
        (format!("{token}Transfer-Encoding: chunked\r\n"), Err(411)),
        (token.to_owned(), Err(411)),
        ("Content-Length: 5\r\n".to_owned(), Err(401)),
        ("Authorization: Basic cet_x\r\nContent-Length: 5\r\n".to_owned(), Err(401)),
        (format!("{token}{token}Content-Length: 5\r\n"), Err(401)),
    ];
    for (lines, expected) in cases {
        assert_eq!(head(&lines), expected, "{lines}");
    }
    let get = "GET /usp/enrol HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(parse_request(get.as_bytes(), "/usp").unwrap_err().status, 404);
}

#[test]
fn heads_of_renewals() {
    // What proves the peer is its certificate: a token is neither needed nor looked at.
    for (lines, expected) in [
        ("Content-Length: 5\r\n", Ok(5)),
        ("Authorization: Bearer cet_x\r\nContent-Length: 16384\r\n", Ok(16_384)),
        ("Content-Length: 16385\r\n", Err(413)),
        ("", Err(411)),
        ("Transfer-Encoding: chunked\r\n", Err(411)),
    ] {
        let request = format!("POST /usp/enrol/renew HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let found = match parse_request(request.as_bytes(), "/usp") {
            Ok(Request::Renew(length)) => Ok(length),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.status),
        };
        assert_eq!(found, expected, "{lines}");
    }
}

#[tokio::test]
async fn a_device_asks_for_its_certificate() {
    let server = Server::with(None, config(), Arc::new(Strict)).await;
    let dialer = server.dialer(false);
    assert_eq!(dialer.enrol("cet_right", "a request").await.unwrap(), "chain for a request");
    for (token, request, status) in
        [("cet_wrong", "a request", 401), ("cet_right", &*"x".repeat(16 * 1024 + 1), 413)]
    {
        match dialer.enrol(token, request).await {
            Err(Error::Refused { status: found, .. }) => assert_eq!(found, status),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(dialer.enrol("a\r\nX: y", "").await, Err(Error::Handshake(_))));
}

#[tokio::test]
async fn a_listener_without_enrolment_says_so() {
    let server = Server::start(None).await;
    let refused = server.dialer(false).enrol("cet_right", "a request").await;
    assert!(matches!(refused, Err(Error::Refused { status: 404, .. })), "{refused:?}");
    let refused = server.dialer(false).renew("a request").await;
    assert!(matches!(refused, Err(Error::Refused { status: 404, .. })), "{refused:?}");
}
