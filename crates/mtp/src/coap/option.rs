//! The options that matter here: their numbers, unsigned integers, and the blocks of RFC 7959.

use bytes::Bytes;

use super::message::Message;

/// The host that is meant.
pub const URI_HOST: u16 = 3;
/// The port that is meant.
pub const URI_PORT: u16 = 7;
/// One segment of the path.
pub const URI_PATH: u16 = 11;
/// What the payload is.
pub const CONTENT_FORMAT: u16 = 12;
/// One part of the query.
pub const URI_QUERY: u16 = 15;
/// What the answer's payload should be.
pub const ACCEPT: u16 = 17;
/// Which block of the answer.
pub const BLOCK2: u16 = 23;
/// Which block of the request.
pub const BLOCK1: u16 = 27;
/// Bytes of the whole answer.
pub const SIZE2: u16 = 28;
/// Where a proxy is to go.
pub const PROXY_URI: u16 = 35;
/// How a proxy is to go there.
pub const PROXY_SCHEME: u16 = 39;
/// Bytes of the whole request.
pub const SIZE1: u16 = 60;

/// R-COAP.6: application/octet-stream.
pub const OCTET_STREAM: u32 = 42;
/// application/link-format, of `/.well-known/core`.
pub const LINK_FORMAT: u32 = 40;

/// Those that we understand, of the ones that must be understood (odd numbers); and whether they may be repeated.
const CRITICAL: [(u16, bool); 9] = [
    (URI_HOST, false),
    (URI_PORT, false),
    (URI_PATH, true),
    (URI_QUERY, true),
    (ACCEPT, false),
    (BLOCK2, false),
    (BLOCK1, false),
    (PROXY_URI, false),
    (PROXY_SCHEME, false),
];

/// Whether there is one that must be understood and is not (RFC 7252 section 5.4.1); one that may not be
/// repeated, and is, counts as such (5.4.5).
pub fn has_unknown(message: &Message) -> bool {
    let critical = message.options.iter().map(|(number, _)| *number).filter(|number| number % 2 == 1);
    critical.clone().any(|number| match CRITICAL.iter().find(|(known, _)| *known == number) {
        Some((_, repeats)) => !repeats && critical.clone().filter(|other| *other == number).count() > 1,
        None => true,
    })
}

/// An unsigned integer: as few bytes as it takes, none for zero.
pub fn uint(value: u32) -> Bytes {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Bytes::copy_from_slice(&bytes[zeros..])
}

/// Reads one; zeros before it are let pass. `None` when it has more than four bytes.
pub fn read_uint(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > 4 {
        return None;
    }
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// The value of a block option that there can't be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the value of a block option is none")]
pub struct BadBlock;

/// A block: which one, whether more follow, and how long each is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Counted from 0, in blocks of this size; below 2^20.
    pub number: u32,
    /// Whether another follows.
    pub more: bool,
    /// The size as an exponent, 0 to 6: 2^(exponent+4) bytes.
    pub exponent: u8,
}

impl Block {
    /// Reads the value of a block option; `None` for one that there can't be.
    pub fn read(value: &[u8]) -> Option<Block> {
        let bits = read_uint(value).filter(|_| value.len() <= 3)?;
        let exponent = (bits & 7) as u8;
        (exponent < 7).then_some(Block { number: bits >> 4, more: bits & 8 != 0, exponent })
    }

    /// The value of a block option.
    pub fn value(self) -> Bytes {
        uint(self.number << 4 | u32::from(self.more) << 3 | u32::from(self.exponent))
    }

    /// Bytes of each block but the last.
    pub fn size(self) -> usize {
        size(self.exponent)
    }

    /// Where it begins.
    pub fn offset(self) -> usize {
        usize::try_from(self.number).unwrap_or(usize::MAX).saturating_mul(self.size())
    }

    /// The block option of this number, if there is one.
    ///
    /// # Errors
    /// When its value can't be one.
    pub fn of(message: &Message, number: u16) -> Result<Option<Block>, BadBlock> {
        message.values(number).next().map_or(Ok(None), |value| Block::read(value).map(Some).ok_or(BadBlock))
    }
}

/// Bytes of a block with this exponent.
pub fn size(exponent: u8) -> usize {
    16 << exponent.min(6)
}
