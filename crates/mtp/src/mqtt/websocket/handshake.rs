//! The heads of the opening handshake (RFC 6455 section 4) as MQTT wants it, as pure functions.

use httparse::{Header, Request, Response, Status};

use crate::error::Error;
use crate::limits::MAX_HEADERS;
use crate::link::Refusal;
use crate::ws::handshake::{Head, accept_key};

/// MQTT-6.0.0-3, MQTT-6.0.0-4
const SUBPROTOCOL: &str = "mqtt";

/// What a client asks for.
pub(super) fn request(host: &str, port: u16, path: &str, key: &str) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
}

/// The head that completes it.
pub(super) fn response(key: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n",
        accept_key(key)
    )
}

/// The key of a request for this path.
pub(super) fn read_request(head: &[u8], path: &str) -> Result<String, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = Request::new(&mut lines);
    if !matches!(parsed.parse(head), Ok(Status::Complete(_))) || parsed.version != Some(1) {
        return Err(Refusal::new(400, "not a request of HTTP/1.1"));
    }
    if parsed.method != Some("GET") {
        return Err(Refusal::new(405, "only GET"));
    }
    let asked = parsed.path.unwrap_or_default();
    if asked.split('?').next() != Some(path) {
        return Err(Refusal::new(404, "nothing is here"));
    }
    let head = Head(parsed.headers);
    if !is_upgrade(head) || head.single("Sec-WebSocket-Version") != Ok(Some("13")) {
        return Err(Refusal::new(426, "this is for WebSockets"));
    }
    // MQTT-6.0.0-3
    if !head.tokens("Sec-WebSocket-Protocol").any(|token| token == SUBPROTOCOL) {
        return Err(Refusal::new(400, "the subprotocol mqtt is not offered"));
    }
    match head.single("Sec-WebSocket-Key") {
        Ok(Some(key)) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Refusal::new(400, "Sec-WebSocket-Key is missing")),
    }
}

/// Whether the answer to a request with this key completes it.
pub(super) fn check_answer(head: &[u8], key: &str) -> Result<(), Error> {
    let mut lines: [Header<'_>; MAX_HEADERS] = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = Response::new(&mut lines);
    if !matches!(parsed.parse(head), Ok(Status::Complete(_))) {
        return Err(Error::Handshake("the answer is not HTTP"));
    }
    let status = parsed.code.unwrap_or_default();
    if status != 101 {
        return Err(Error::Refused { status, reason: parsed.reason.unwrap_or_default().to_owned() });
    }
    let head = Head(parsed.headers);
    if !is_upgrade(head) {
        return Err(Error::Handshake("the answer does not upgrade to a WebSocket"));
    }
    if head.single("Sec-WebSocket-Accept") != Ok(Some(&accept_key(key))) {
        return Err(Error::Handshake("Sec-WebSocket-Accept is wrong"));
    }
    // MQTT-6.0.0-4
    if head.single("Sec-WebSocket-Protocol") != Ok(Some(SUBPROTOCOL)) {
        return Err(Error::Handshake("the answer does not name the subprotocol mqtt"));
    }
    if head.values("Sec-WebSocket-Extensions").next().is_some() {
        return Err(Error::Handshake("the answer names an extension that was not offered"));
    }
    Ok(())
}

fn is_upgrade(head: Head<'_>) -> bool {
    head.has_token("Upgrade", "websocket") && head.has_token("Connection", "upgrade")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    fn requests() {
        let good = request("::1", 80, "/mqtt", KEY);
        assert!(good.contains("\r\nHost: [::1]:80\r\n"));
        for (from, to, expected) in [
            ("", "", Ok(KEY)),
            ("/mqtt ", "/mqtt?x ", Ok(KEY)),
            ("Protocol: mqtt", "Protocol: mqttv3.1, mqtt", Ok(KEY)),
            ("Protocol: mqtt", "Protocol: mqttv3.1", Err(400)),
            ("Protocol: mqtt", "Protocol: v1.usp", Err(400)),
            ("/mqtt ", "/ ", Err(404)),
            ("GET", "POST", Err(405)),
            ("HTTP/1.1", "HTTP/1.0", Err(400)),
            ("Version: 13", "Version: 8", Err(426)),
            ("Upgrade: websocket", "Upgrade: h2c", Err(426)),
            ("-Key", "-Lock", Err(400)),
        ] {
            let found = read_request(good.replacen(from, to, 1).as_bytes(), "/mqtt");
            let found = found.as_deref().map_err(|refusal| refusal.status);
            assert_eq!(found, expected, "{from} -> {to}");
        }
    }

    #[test]
    fn answers() {
        let good = response(KEY);
        assert!(good.contains(&format!("\r\nSec-WebSocket-Accept: {ACCEPT}\r\n")));
        for (from, to, expected) in [
            ("", "", true),
            (ACCEPT, KEY, false),
            ("Protocol: mqtt", "Protocol: v1.usp", false),
            ("Sec-WebSocket-Protocol: mqtt\r\n", "", false),
            ("Upgrade: websocket", "Upgrade: h2c", false),
            ("101 ", "200 ", false),
            ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: x\r\n\r\n", false),
            ("HTTP/1.1", "MQTT", false),
        ] {
            let found = check_answer(good.replacen(from, to, 1).as_bytes(), KEY);
            assert_eq!(found.is_ok(), expected, "{from} -> {to}: {found:?}");
        }
    }
}
