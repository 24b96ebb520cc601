//! Uploads: URLs, the request on the wire, and what servers answer.

use std::io::Write;

use agent::providers::upload::{Target, put, status_of};
use dm::Code;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[test]
fn urls_are_read() {
    let target =
        |secure, host: &str, port, path: &str| Target { secure, host: host.into(), port, path: path.into() };
    let check = |url: &str, expected: Target| assert_eq!(Target::parse(url), Ok(expected), "{url}");
    check("http://files.example", target(false, "files.example", 80, "/"));
    check("HTTPS://files.example:8443/a/b?c=d#e", target(true, "files.example", 8443, "/a/b?c=d"));
    check("http://[2001:db8::1]:81/x", target(false, "2001:db8::1", 81, "/x"));
    check("http://files.example?q", target(false, "files.example", 80, "/?q"));
    for bad in
        ["", "files.example", "ftp://x/", "http://", "http://x:y/", "http://u:p@x/", "http://x/\r\nHost: y"]
    {
        let fault = Target::parse(bad).expect_err(bad);
        assert_eq!(fault.code, Code::INVALID_COMMAND_ARGUMENTS, "{bad}");
    }
}

#[test]
fn heads_of_requests_and_answers() {
    let target = Target::parse("http://[::1]:81/log?x=1").expect("a URL");
    assert_eq!(
        target.head(5, Some(("user", "pass"))),
        "PUT /log?x=1 HTTP/1.1\r\nHost: [::1]:81\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status_of(b"HTTP/1.1 201 Created\r\n"), Some(201));
    assert_eq!(status_of(b"HTTP/1.0 404\r\n"), Some(404));
    for bad in [&b"HTTP/2 200\r\n"[..], b"SSH-2.0-x\r\n", b"HTTP/1.1 9\r\n", b""] {
        assert_eq!(status_of(bad), None);
    }
}

/// Sends a file to a server that answers so; gives the outcome and what the server got.
async fn sent(answer: &'static [u8]) -> (Result<(), dm::Fault>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut got = Vec::new();
        while !got.ends_with(b"three lines\n") {
            assert_ne!(socket.read_buf(&mut got).await.expect("bytes"), 0);
        }
        socket.write_all(answer).await.expect("it is read");
        String::from_utf8(got).expect("text")
    });
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"a log of\nthree lines\n").expect("written");
    let target = Target::parse(&format!("http://127.0.0.1:{port}/up")).expect("a URL");
    let end = put(file.path(), &target, None, None).await;
    (end, server.await.expect("the server"))
}

#[tokio::test]
async fn a_file_arrives_whole() {
    let (end, got) = sent(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(end, Ok(()));
    assert!(got.starts_with("PUT /up HTTP/1.1\r\nHost: 127.0.0.1:"), "{got}");
    assert!(got.contains("\r\nContent-Length: 21\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\na log of\nthree lines\n"), "{got}");
}

#[tokio::test]
async fn refusals_are_failures_with_a_reason() {
    let (end, _) = sent(b"HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let fault = end.expect_err("it was refused");
    assert_eq!((fault.code, fault.message.contains("403")), (Code::COMMAND_FAILURE, true));
    let (end, _) = sent(b"").await;
    assert_eq!(end.expect_err("no answer").code, Code::COMMAND_FAILURE);
}
