//! Bytes to packets: the fixed header, its limits, and then the parser of the packet's kind.

use super::connect::parse_connect;
use super::incoming::{self, Incoming};
use super::{Fault, code};
use crate::mqtt::Version;
use crate::mqtt::broker::limits::{MAX_CONTROL_PACKET, MAX_PACKET};

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;
/// A remaining length has four bytes at most.
const LENGTH_BYTES: u32 = 4;

/// Cuts what one client sends into packets. The first must be CONNECT, and settles the version.
#[derive(Debug, Default)]
pub struct Decoder {
    version: Option<Version>,
    admitted: bool,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Start,
    Length {
        first: u8,
        length: usize,
        bytes: u32,
    },
    Body {
        first: u8,
        length: usize,
        body: Vec<u8>,
    },
}

impl Decoder {
    /// For a connection that has sent nothing yet.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// The client is let in: a PUBLISH may be as long as
    /// [`MAX_PACKET`](crate::mqtt::broker::limits::MAX_PACKET).
    pub fn admit(&mut self) {
        self.admitted = true;
    }

    /// The version that CONNECT has settled.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Takes bytes from the front of `data` up to the end of the next packet; None when all are taken and
    /// the packet is not whole.
    ///
    /// # Errors
    /// When the client broke the protocol; nothing can be read after that.
    pub fn read(&mut self, data: &mut &[u8]) -> Result<Option<Incoming>, Fault> {
        loop {
            match std::mem::take(&mut self.state) {
                State::Start => {
                    let Some(first) = take_byte(data) else { return Ok(None) };
                    self.check_kind(first)?;
                    self.state = State::Length { first, length: 0, bytes: 0 };
                }
                State::Length { first, length, bytes } => {
                    let Some(byte) = take_byte(data) else {
                        self.state = State::Length { first, length, bytes };
                        return Ok(None);
                    };
                    self.state =
                        self.lengthen(first, length | usize::from(byte & 0x7F) << (7 * bytes), bytes, byte)?;
                }
                State::Body { first, length, mut body } => {
                    let taken = (length - body.len()).min(data.len());
                    body.extend_from_slice(&data[..taken]);
                    *data = &data[taken..];
                    if body.len() < length {
                        self.state = State::Body { first, length, body };
                        return Ok(None);
                    }
                    return self.parse(first, body).map(Some);
                }
            }
        }
    }

    /// Before anything is kept: a stranger's first byte must be that of CONNECT, and of nothing else later.
    fn check_kind(&self, first: u8) -> Result<(), Fault> {
        match (first >> 4, self.version) {
            (CONNECT, None) => Ok(()),
            (_, None) => Err(Fault::new(code::PROTOCOL, "the first packet is not CONNECT")),
            (CONNECT, Some(_)) => Err(Fault::new(code::PROTOCOL, "a second CONNECT")),
            (_, Some(_)) => Ok(()),
        }
    }

    fn lengthen(&self, first: u8, length: usize, bytes: u32, byte: u8) -> Result<State, Fault> {
        if byte & 0x80 != 0 {
            if bytes + 1 == LENGTH_BYTES {
                return Err(Fault::new(code::MALFORMED, "the remaining length has more than four bytes"));
            }
            return Ok(State::Length { first, length, bytes: bytes + 1 });
        }
        let limit = if self.admitted && first >> 4 == PUBLISH { MAX_PACKET } else { MAX_CONTROL_PACKET };
        if length + 2 + bytes as usize > limit {
            return Err(Fault::new(code::TOO_LARGE, "the packet is too large"));
        }
        // Room grows with what has arrived, not with what was announced.
        Ok(State::Body { first, length, body: Vec::with_capacity(length.min(MAX_CONTROL_PACKET)) })
    }

    fn parse(&mut self, first: u8, body: Vec<u8>) -> Result<Incoming, Fault> {
        match self.version {
            Some(version) => incoming::parse(version, first, body),
            None => {
                let connect = parse_connect(first, &body)?;
                self.version = Some(connect.version);
                Ok(Incoming::Connect(Box::new(connect)))
            }
        }
    }
}

fn take_byte(data: &mut &[u8]) -> Option<u8> {
    let (first, rest) = data.split_first()?;
    *data = rest;
    Some(*first)
}
