//! Heads of the opening handshake, as they came and as a check wants them. Pure.

use super::tls::Shown;
use mtp::ws::handshake::{accept_key, extension_value};
use mtp::ws::{SUBPROTOCOL, WsUrl};
use usp_proto::EndpointId;

/// Not a field that came: what `Sec-WebSocket-Accept` of an answer has to be.
pub const EXPECTED: &str = "expected accept";

/// The head of a request or an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// The first line.
    pub first: String,
    /// Names and values of the fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads the lines before the empty one. What is no field is left out.
    pub fn parse(text: &str) -> Head {
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        Head { first, fields: lines.filter_map(field).collect() }
    }

    /// The values of a field, which may stand there several times or hold a list.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let same = self.fields.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        let all: Vec<&str> = same.map(|(_, value)| value.as_str()).collect();
        all.into_iter().flat_map(|value| value.split(',')).map(str::trim)
    }

    /// The first value of a field.
    pub fn value<'a>(&'a self, name: &str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// Whether it says 101.
    pub fn is_upgrade(&self) -> bool {
        self.first.split(' ').nth(1) == Some("101")
    }

    /// What a request asks for: `/usp?eid=…`.
    pub fn target(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }
}

/// How our side shakes hands. The default is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manners {
    /// The subprotocol that is offered, or answered.
    pub subprotocol: Option<&'static str>,
    /// Whether the old extension is offered, or answered to who offers it.
    pub extension: bool,
    /// The certificate that is shown, over TLS.
    pub certificate: Shown,
    /// As a server: refuse everybody with 503.
    pub refuse: bool,
    /// As a server: prove that the request was read (`Sec-WebSocket-Accept`).
    pub proves: bool,
    /// As a client: ask for a WebSocket at all.
    pub upgrade: bool,
    /// As a client: `Sec-WebSocket-Key`.
    pub key: bool,
    /// As a client: `Sec-WebSocket-Version`.
    pub version: &'static str,
    /// As a client: another path than that of the agent.
    pub path: Option<&'static str>,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            subprotocol: Some(SUBPROTOCOL),
            extension: true,
            certificate: Shown::Right,
            refuse: false,
            proves: true,
            upgrade: true,
            key: true,
            version: "13",
            path: None,
        }
    }
}

impl Manners {
    /// The request to an agent.
    pub fn request(&self, url: &WsUrl, own: &EndpointId, key: &str) -> String {
        let path = self.path.unwrap_or(&url.path);
        // R-WS.10c
        let eid = own.as_str().replace('%', "%25");
        let query = url.query.as_ref().map_or_else(String::new, |query| format!("{query}&"));
        let mut text = format!("GET {path}?{query}eid={eid} HTTP/1.1\r\nHost: {}\r\n", url.authority());
        if self.upgrade {
            text.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\n");
            line(&mut text, "Sec-WebSocket-Version", Some(self.version));
            line(&mut text, "Sec-WebSocket-Key", self.key.then_some(key));
            line(&mut text, "Sec-WebSocket-Protocol", self.subprotocol);
            let extension = extension_value(own).filter(|_| self.extension);
            line(&mut text, "Sec-WebSocket-Extensions", extension.as_deref());
        }
        text.push_str("\r\n");
        text
    }

    /// The answer to an agent's request.
    pub fn answer(&self, request: &Head, own: &EndpointId) -> String {
        if self.refuse {
            return "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                .to_owned();
        }
        let key = request.value("Sec-WebSocket-Key").unwrap_or_default();
        let accept = accept_key(if self.proves { key } else { "another" });
        let mut text = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        );
        line(&mut text, "Sec-WebSocket-Protocol", self.subprotocol);
        let offers =
            request.values("Sec-WebSocket-Extensions").any(|one| one.starts_with(mtp::ws::EXTENSION));
        let extension = extension_value(own).filter(|_| self.extension && offers);
        line(&mut text, "Sec-WebSocket-Extensions", extension.as_deref());
        text.push_str("\r\n");
        text
    }
}

fn line(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_line_by_line() {
        let head = Head::parse(
            "GET /usp?eid=os::1 HTTP/1.1\r\nHost: a\r\nupgrade: websocket\r\nX: a, b\r\nx: c\r\nnothing",
        );
        assert_eq!((head.target(), head.value("Upgrade")), ("/usp?eid=os::1", Some("websocket")));
        assert_eq!(head.values("x").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(!head.is_upgrade());
        assert!(Head::parse("HTTP/1.1 101 Switching Protocols\r\n").is_upgrade());
    }

    /// The key and its proof are those of RFC 6455, section 1.3.
    #[test]
    fn who_has_manners_proves_that_it_read_the_request() {
        let own = EndpointId::receive("proto::c").unwrap();
        let request = Head::parse("GET /usp HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
        let answer = Head::parse(&Manners::default().answer(&request, &own));
        assert_eq!(answer.value("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.value("Sec-WebSocket-Protocol"), Some("v1.usp"));
        assert_eq!(answer.value("Sec-WebSocket-Extensions"), None);
        let rude = Manners { subprotocol: None, proves: false, ..Manners::default() };
        let answer = Head::parse(&rude.answer(&request, &own));
        assert_ne!(answer.value("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(answer.value("Sec-WebSocket-Protocol"), None);
    }

    #[test]
    fn requests_name_us_in_their_uri() {
        let url: WsUrl = "ws://a.example:81/usp?x=1".parse().unwrap();
        let own = EndpointId::receive("doc::agent%21").unwrap();
        let head = Head::parse(&Manners::default().request(&url, &own, "key"));
        assert_eq!(head.first, "GET /usp?x=1&eid=doc::agent%2521 HTTP/1.1");
        assert_eq!(
            (head.value("Host"), head.value("Sec-WebSocket-Key")),
            (Some("a.example:81"), Some("key"))
        );
        let other = Manners { path: Some("/other"), version: "12", key: false, ..Manners::default() };
        let head = Head::parse(&other.request(&url, &own, "key"));
        assert_eq!(
            (head.target(), head.value("Sec-WebSocket-Key")),
            ("/other?x=1&eid=doc::agent%2521", None)
        );
        assert_eq!(head.value("Sec-WebSocket-Version"), Some("12"));
    }
}
