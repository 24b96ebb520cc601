//! The opening handshake as pure functions over bytes: no socket, no clock, no chance. Both directions,
//! so that a test or a fuzzer can hold the two against each other.

mod extension;
mod head;
mod request;
mod response;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

pub use extension::{Extensions, extension_value, read_extension};
#[cfg(feature = "mqtt")]
pub(crate) use head::Head;
pub use head::find_end;
pub use request::{EnrolHead, Request, Upgrade, parse_request, upgrade_request};
pub use response::{Answer, parse_enrol_answer, parse_response, refusal_response, upgrade_response};

/// What RFC 6455 section 1.3 appends to the key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of Sec-WebSocket-Accept for a key (R-WS.7). SHA-1 is the standard's; nothing rests on it.
pub fn accept_key(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), KEY_SUFFIX].concat()))
}
