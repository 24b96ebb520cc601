//! The response: what a server sends, and what a client makes of any bytes.

use usp_proto::EndpointId;

use super::accept_key;
use super::extension::{Extensions, extension_value, read_extension};
use super::head::Head;
use crate::error::Error;
use crate::limits::{MAX_ENROL_ANSWER, MAX_HEADERS};
use crate::link::Refusal;
use crate::ws::SUBPROTOCOL;

/// The head that completes an upgrade. `own_id` is given when the client offered the extension
/// (R-WS.11a).
pub fn upgrade_response(key: &str, own_id: Option<&EndpointId>) -> String {
    let extension = match own_id.and_then(extension_value) {
        Some(value) => format!("Sec-WebSocket-Extensions: {value}\r\n"),
        None => String::new(),
    };
    // R-WS.11: the subprotocol is echoed.
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\
         {extension}\r\n",
        accept = accept_key(key),
    )
}

/// A whole answer that refuses, its reason as text.
pub fn refusal_response(refusal: &Refusal) -> String {
    let (status, phrase) = (refusal.status, phrase(refusal.status));
    let reason: String = refusal.reason.chars().filter(|c| !c.is_control()).take(200).collect();
    let more = match status {
        401 => "WWW-Authenticate: Bearer\r\n",
        405 => "Allow: GET\r\n",
        426 => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        503 => "Retry-After: 30\r\n",
        _ => "",
    };
    format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         {more}Connection: close\r\n\r\n{reason}\n",
        reason.len() + 1,
    )
}

fn phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    }
}

/// What a completed upgrade says about the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The id in the extension, if it sent that.
    pub eid: Option<EndpointId>,
}

/// Parses the head of the answer to an upgrade request that carried `key`.
///
/// # Errors
/// [`Error::Refused`] for any status but 101, [`Error::Handshake`] for an answer that breaks the rules.
pub fn parse_response(head: &[u8], key: &str) -> Result<Answer, Error> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let (status, reason, head) = parse_head(head, &mut lines)?;
    if status != 101 {
        return Err(Error::Refused { status, reason });
    }
    // R-WS.7: RFC 6455 section 4.1.
    if !head.has_token("Upgrade", "websocket") || !head.has_token("Connection", "upgrade") {
        return Err(Error::Handshake("the answer does not upgrade to a WebSocket"));
    }
    if head.single("Sec-WebSocket-Accept") != Ok(Some(&accept_key(key))) {
        return Err(Error::Handshake("Sec-WebSocket-Accept is wrong"));
    }
    // R-WS.12.
    if head.single("Sec-WebSocket-Protocol") != Ok(Some(SUBPROTOCOL)) {
        return Err(Error::Handshake("the answer does not name the subprotocol v1.usp"));
    }
    // R-WS.11b: ours may be absent. OB-USP-AGENT sends it unasked, so it may also be there.
    let Extensions { eid, others, .. } =
        read_extension(head.values("Sec-WebSocket-Extensions")).map_err(Error::Handshake)?;
    if others {
        return Err(Error::Handshake("the answer names an extension that was not offered"));
    }
    Ok(Answer { eid })
}

/// Parses the head of the answer to an enrolment request; gives the length of its body.
///
/// # Errors
/// [`Error::Refused`] for any status but 200, [`Error::Handshake`] for a damaged head.
pub fn parse_enrol_answer(head: &[u8]) -> Result<usize, Error> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let (status, reason, head) = parse_head(head, &mut lines)?;
    if status != 200 {
        return Err(Error::Refused { status, reason });
    }
    let length = head.single("Content-Length").ok().flatten().and_then(|length| length.parse().ok());
    length
        .filter(|length| *length <= MAX_ENROL_ANSWER)
        .ok_or(Error::Handshake("the answer has no sound length"))
}

fn parse_head<'h>(
    head: &'h [u8],
    lines: &'h mut [httparse::Header<'h>],
) -> Result<(u16, String, Head<'h>), Error> {
    let mut response = httparse::Response::new(lines);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return Err(Error::Handshake("the answer is not HTTP")),
    }
    if response.version != Some(1) {
        return Err(Error::Handshake("the answer is not HTTP/1.1"));
    }
    let status = response.code.unwrap_or_default();
    Ok((status, response.reason.unwrap_or_default().to_owned(), Head(response.headers)))
}
