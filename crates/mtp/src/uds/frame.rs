//! Frames of USP over UNIX domain sockets: a sync word, a length, and typed values. No socket and no
//! meaning: who may send what, and when, stands in [`machine`](super::machine).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use usp_proto::EndpointId;

use crate::limits::MAX_TLVS;

/// R-UDS.8: `_USP`, what every frame begins with.
pub const SYNC: [u8; 4] = *b"_USP";
/// Bytes of a frame's header: the sync word and the length of the rest (R-UDS.7).
pub const HEADER_BYTES: usize = 8;
/// Bytes before each value: its type and its length (R-UDS.10, R-UDS.11).
pub const TLV_HEADER_BYTES: usize = 5;

/// The types of values.
pub mod kind {
    /// R-UDS.12: the sender's Endpoint ID, UTF-8.
    pub const HANDSHAKE: u8 = 1;
    /// R-UDS.13: what went wrong, UTF-8; whoever receives it closes.
    pub const ERROR: u8 = 2;
    /// R-UDS.14: a USP Record, protobuf.
    pub const RECORD: u8 = 3;
    /// USP 1.5: the sender's password, beside its Handshake in the same frame. A secret.
    pub const PASSWORD: u8 = 4;
}

/// One typed value of a frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Tlv {
    /// One of [`kind`], or something that is not known (R-UDS.15).
    pub kind: u8,
    /// Its value.
    pub value: Bytes,
}

impl std::fmt::Debug for Tlv {
    /// Values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tlv").field("kind", &self.kind).field("bytes", &self.value.len()).finish()
    }
}

/// Why bytes are no frame. The stream has lost its beat then, and can't go on (R-UDS.24).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The first four bytes are not [`SYNC`].
    #[error("the frame does not begin with _USP")]
    Sync,
    /// A frame over the limit in force.
    #[error("the frame is longer than {limit} bytes")]
    TooLong {
        /// The limit, bytes after the header.
        limit: usize,
    },
    /// A frame without a value (R-UDS.6).
    #[error("the frame holds nothing")]
    Empty,
    /// A value that reaches over the end of its frame, or a rest too short for one.
    #[error("a value does not fit its frame")]
    Overrun,
    /// More than [`MAX_TLVS`] values.
    #[error("the frame holds too many values")]
    TooMany,
}

/// Cuts a stream of bytes into frames. It keeps at most what arrived of one frame, and what came with it.
#[derive(Debug)]
pub struct FrameDecoder {
    received: BytesMut,
    limit: usize,
}

impl FrameDecoder {
    /// A decoder for frames of at most `limit` bytes after the header.
    pub fn new(limit: usize) -> FrameDecoder {
        FrameDecoder { received: BytesMut::new(), limit }
    }

    /// Another limit, for the frames that are not whole yet.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes what arrived, however it was cut.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The values of the next frame, as soon as it is whole. What is wrong with a header is told before the
    /// rest of its frame arrives.
    ///
    /// # Errors
    /// When the bytes are no frame; asking again then gives the same error.
    pub fn next_frame(&mut self) -> Result<Option<Vec<Tlv>>, FrameError> {
        let known = self.received.len().min(SYNC.len());
        if self.received[..known] != SYNC[..known] {
            return Err(FrameError::Sync);
        }
        if self.received.len() < HEADER_BYTES {
            if self.received.is_empty() {
                // An idle link has no use for the room.
                self.received = BytesMut::new();
            }
            return Ok(None);
        }
        let length = (&self.received[SYNC.len()..]).get_u32() as usize;
        if length > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        if length == 0 {
            return Err(FrameError::Empty);
        }
        if self.received.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        self.received.advance(HEADER_BYTES);
        values(self.received.split_to(length).freeze()).map(Some)
    }
}

fn values(mut rest: Bytes) -> Result<Vec<Tlv>, FrameError> {
    let mut tlvs = Vec::new();
    while rest.has_remaining() {
        if tlvs.len() == MAX_TLVS {
            return Err(FrameError::TooMany);
        }
        if rest.remaining() < TLV_HEADER_BYTES {
            return Err(FrameError::Overrun);
        }
        let kind = rest.get_u8();
        let length = rest.get_u32() as usize;
        if length > rest.remaining() {
            return Err(FrameError::Overrun);
        }
        tlvs.push(Tlv { kind, value: rest.split_to(length) });
    }
    Ok(tlvs)
}

/// Appends a Handshake frame, with the password beside it if there is one.
pub fn put_handshake(out: &mut BytesMut, own_id: &EndpointId, password: Option<&[u8]>) {
    let id = own_id.as_str().as_bytes();
    let password_bytes = password.map_or(0, |password| TLV_HEADER_BYTES + password.len());
    put_header(out, TLV_HEADER_BYTES + id.len() + password_bytes);
    put_tlv(out, kind::HANDSHAKE, id);
    if let Some(password) = password {
        put_tlv(out, kind::PASSWORD, password);
    }
}

/// Appends a frame with one Record (R-UDS.22).
pub fn put_record(out: &mut BytesMut, record: &[u8]) {
    put_header(out, TLV_HEADER_BYTES + record.len());
    put_tlv(out, kind::RECORD, record);
}

/// Appends an Error frame.
pub fn put_error(out: &mut BytesMut, text: &str) {
    put_header(out, TLV_HEADER_BYTES + text.len());
    put_tlv(out, kind::ERROR, text.as_bytes());
}

fn put_header(out: &mut BytesMut, length: usize) {
    out.put_slice(&SYNC);
    out.put_u32(narrow(length));
}

fn put_tlv(out: &mut BytesMut, kind: u8, value: &[u8]) {
    out.put_u8(kind);
    out.put_u32(narrow(value.len()));
    out.put_slice(value);
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("what is sent is bounded far below 4 GiB")
}
