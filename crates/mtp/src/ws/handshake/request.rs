//! The request: what a client sends, and what a server makes of any bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use usp_proto::EndpointId;

use super::extension::{Extensions, extension_value, read_extension};
use super::head::Head;
use crate::limits::{MAX_ENROL_BODY, MAX_HEADERS};
use crate::link::Refusal;
use crate::ws::{SUBPROTOCOL, WsUrl};

/// A request that makes sense here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// To become a WebSocket.
    Upgrade(Upgrade),
    /// To get a certificate.
    Enrol(EnrolHead),
    /// To get the next certificate on the proof of the present one; the body has so many bytes.
    Renew(usize),
}

/// A valid request to upgrade.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upgrade {
    /// Sec-WebSocket-Key.
    pub key: String,
    /// Who the client says it is.
    pub eid: Option<EndpointId>,
    /// Whether it offered the `bbf-usp-protocol` extension.
    pub extension: bool,
}

/// The head of an enrolment request; its body is the signing request in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolHead {
    /// The bearer token; a secret.
    pub token: String,
    /// Content-Length.
    pub length: usize,
}

impl std::fmt::Debug for EnrolHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolHead").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Parses the head of a request, up to and with its blank line, for a listener at `path`.
///
/// # Errors
/// The answer to give instead of an upgrade.
pub fn parse_request(head: &[u8], path: &str) -> Result<Request, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(bad("the request's head is incomplete")),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::new(431, "too many header lines")),
        Err(_) => return Err(bad("not an HTTP request")),
    }
    let method = request.method.unwrap_or_default();
    let target = request.path.unwrap_or_default();
    if request.version != Some(1) {
        return Err(Refusal::new(505, "HTTP/1.1 is needed"));
    }
    let head = Head(request.headers);
    let (asked, query) = target.split_once('?').unwrap_or((target, ""));
    let below = asked.strip_prefix(path).map(|rest| rest.trim_start_matches('/'));
    match method {
        "POST" if below == Some("enrol") => parse_enrol(head).map(Request::Enrol),
        "POST" if below == Some("enrol/renew") => body_length(head).map(Request::Renew),
        // R-WS.2: the path names the endpoint, so another path is nobody here.
        _ if asked != path => Err(Refusal::new(404, "nobody listens on this path")),
        "GET" => parse_upgrade(head, query).map(Request::Upgrade),
        _ => Err(Refusal::new(405, "only GET is possible here")),
    }
}

// R-WS.7: RFC 6455 section 4.2.1.
fn parse_upgrade(head: Head<'_>, query: &str) -> Result<Upgrade, Refusal> {
    if !matches!(head.single("Host"), Ok(Some(_))) {
        return Err(bad("exactly one Host header is needed"));
    }
    if !head.has_token("Upgrade", "websocket") || !head.has_token("Connection", "upgrade") {
        return Err(Refusal::new(426, "this is a WebSocket endpoint"));
    }
    if head.single("Sec-WebSocket-Version") != Ok(Some("13")) {
        return Err(Refusal::new(426, "Sec-WebSocket-Version must be 13"));
    }
    let key = head.single("Sec-WebSocket-Key").ok().flatten().filter(|key| is_key(key));
    let key = key.ok_or_else(|| bad("Sec-WebSocket-Key must be 16 bytes in base64"))?;
    // R-WS.9, R-WS.12a.
    if !head.tokens("Sec-WebSocket-Protocol").any(|token| token == SUBPROTOCOL) {
        return Err(bad("Sec-WebSocket-Protocol must offer v1.usp"));
    }
    if head.single("Content-Length").is_ok_and(|length| length.is_some_and(|length| length != "0"))
        || head.values("Transfer-Encoding").next().is_some()
    {
        return Err(bad("an upgrade request has no body"));
    }
    // R-WS.10b; R-WS.11c: the extension may be absent.
    let from_query = EndpointId::from_query(query).transpose();
    let from_query = from_query.map_err(|e| Refusal::new(400, format!("eid in the URI: {e}")))?;
    let Extensions { usp, eid: from_extension, .. } =
        read_extension(head.values("Sec-WebSocket-Extensions")).map_err(bad)?;
    if let (Some(query), Some(extension)) = (&from_query, &from_extension)
        && query != extension
    {
        return Err(bad("the eid in the URI and the one in the extension differ"));
    }
    Ok(Upgrade { key: key.to_owned(), eid: from_query.or(from_extension), extension: usp })
}

fn parse_enrol(head: Head<'_>) -> Result<EnrolHead, Refusal> {
    let authorization = head.single("Authorization").ok().flatten().and_then(|value| value.split_once(' '));
    let token = match authorization {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Refusal::new(401, "an enrolment token is needed")),
    };
    Ok(EnrolHead { token: token.to_owned(), length: body_length(head)? })
}

fn body_length(head: Head<'_>) -> Result<usize, Refusal> {
    if head.values("Transfer-Encoding").next().is_some() {
        return Err(Refusal::new(411, "Content-Length is needed"));
    }
    let length = head.single("Content-Length").ok().flatten().and_then(|length| length.parse().ok());
    match length {
        Some(length) if length <= MAX_ENROL_BODY => Ok(length),
        Some(_) => Err(Refusal::new(413, "the request is too long")),
        None => Err(Refusal::new(411, "Content-Length is needed")),
    }
}

fn is_key(key: &str) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

fn bad(reason: &'static str) -> Refusal {
    Refusal::new(400, reason)
}

/// The head of a client's request (R-WS.10, R-WS.10b). `extension` also offers the deprecated extension
/// (R-WS.10a), for servers that know nothing else.
pub fn upgrade_request(url: &WsUrl, eid: &EndpointId, key: &str, extension: bool) -> String {
    let query = url.query.as_deref().filter(|query| !query.is_empty());
    let (query, and) = query.map_or(("", ""), |query| (query, "&"));
    let offer = match extension_value(eid).filter(|_| extension) {
        Some(value) => format!("Sec-WebSocket-Extensions: {value}\r\n"),
        None => String::new(),
    };
    format!(
        "GET {path}?{query}{and}eid={eid} HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\
         {offer}\r\n",
        path = url.path,
        eid = eid.to_query_value(),
        host = url.authority(),
    )
}
