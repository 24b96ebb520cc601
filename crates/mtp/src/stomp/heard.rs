//! What the frames of a server say: the Record of a MESSAGE, the words of an ERROR.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::{Frame, FrameError};
use super::machine::is_destination;
use crate::limits::MAX_ERROR_TEXT;

/// What a body with a Record is called (R-STOMP.20).
pub const CONTENT_TYPE: &str = "application/vnd.bbf.usp.msg";

/// Where the answer goes and the Record of a MESSAGE, or why there is none.
pub(super) fn record(frame: &Frame) -> Result<(Arc<str>, Bytes), &'static str> {
    match frame.fault {
        None => {}
        Some(FrameError::TooLong { .. }) => return Err("too long"),
        Some(_) => return Err("its headers can't be read"),
    }
    match frame.header("content-type") {
        Some(CONTENT_TYPE) => {}
        // Since USP 1.2 errors travel as Records; these are neither sent nor answered.
        Some("application/vnd.bbf.usp.error") => return Err("a deprecated error message"),
        _ => return Err("not of the content type of USP"),
    }
    let reply_to = frame.header("reply-to-dest").filter(|reply_to| !reply_to.is_empty());
    let reply_to = reply_to.ok_or("without reply-to-dest")?;
    if !is_destination(reply_to) {
        return Err("with a reply-to-dest that can't be used");
    }
    Ok((reply_to.into(), frame.body.clone()))
}

/// What an ERROR frame says, in one line: its message, and the first line of its body where that says more. A
/// server may repeat what it was sent: `secret` is not shown.
pub(super) fn said(frame: &Frame, secret: Option<&str>) -> String {
    let body = String::from_utf8_lossy(&frame.body);
    let detail = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut text = match frame.header("message").map(str::trim).unwrap_or_default() {
        "" => detail.to_owned(),
        message if detail.contains(message) || detail.is_empty() => message.to_owned(),
        message => format!("{message}: {detail}"),
    };
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    text[..text.floor_char_boundary(MAX_ERROR_TEXT)].replace(char::is_control, " ")
}
