//! Frames of USP over UNIX domain sockets: a header, and typed values. What is written may be wrong.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits;

/// What every frame begins with (R-UDS.8).
pub const SYNC: [u8; 4] = *b"_USP";

/// The types of values.
pub mod kind {
    /// The sender's endpoint id (R-UDS.12).
    pub const HANDSHAKE: u8 = 1;
    /// What went wrong (R-UDS.13).
    pub const ERROR: u8 = 2;
    /// A Record (R-UDS.14).
    pub const RECORD: u8 = 3;
}

/// Bytes before the values of a frame.
const HEADER: usize = 8;

/// Bytes before each value.
const VALUE_HEADER: usize = 5;

/// One typed value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// One of [`kind`], or something else.
    pub kind: u8,
    /// What it is.
    pub bytes: Bytes,
}

impl Value {
    /// A value.
    pub fn new(kind: u8, bytes: impl Into<Bytes>) -> Value {
        Value { kind, bytes: bytes.into() }
    }
}

/// Cuts the next frame off, if it is whole.
///
/// # Errors
/// With what is wrong, and the requirement that says so.
pub fn decode(read: &mut BytesMut) -> Result<Option<Vec<Value>>, String> {
    if read.len() < HEADER {
        return Ok(None);
    }
    if read[..4] != SYNC {
        return Err("a frame that does not begin with _USP (R-UDS.8)".to_owned());
    }
    let length = (&read[4..]).get_u32() as usize;
    if length > limits::MAX_FRAME {
        return Err("a frame that is longer than any Record (R-UDS.9)".to_owned());
    }
    if read.len() < HEADER + length {
        return Ok(None);
    }
    read.advance(HEADER);
    let mut rest = read.split_to(length).freeze();
    let mut values = Vec::new();
    while rest.len() >= VALUE_HEADER && values.len() < limits::MAX_FRAMES {
        let (kind, length) = (rest.get_u8(), rest.get_u32() as usize);
        if length > rest.len() {
            break;
        }
        values.push(Value { kind, bytes: rest.split_to(length) });
    }
    match (values.is_empty(), rest.is_empty()) {
        (true, _) => Err("a frame without a value (R-UDS.6)".to_owned()),
        (_, false) => Err("a value that does not fit its frame (R-UDS.11)".to_owned()),
        (false, true) => Ok(Some(values)),
    }
}

/// A frame with these values.
pub fn encode(values: &[Value]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_slice(&SYNC);
    let length: usize = values.iter().map(|value| VALUE_HEADER + value.bytes.len()).sum();
    out.put_u32(narrow(length));
    for value in values {
        out.put_u8(value.kind);
        out.put_u32(narrow(value.bytes.len()));
        out.put_slice(&value.bytes);
    }
    out.freeze()
}

/// Nothing that is sent here comes near four gigabytes.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
