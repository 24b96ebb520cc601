//! CoAP messages (RFC 7252 section 3): one datagram each. Any bytes may come in; none of them panics.

use bytes::{BufMut, Bytes, BytesMut};

use super::limits::{MAX_DATAGRAM, MAX_OPTIONS};

/// What introduces the payload.
const MARKER: u8 = 0xff;
/// An option's delta or length that takes one byte more, and what it begins at.
const ONE_MORE: u8 = 13;
const FROM_ONE: usize = 13;
/// The same with two bytes more.
const TWO_MORE: u8 = 14;
const FROM_TWO: usize = 269;
/// The longest token.
const MAX_TOKEN: usize = 8;

/// What a message is to the layer below requests and responses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It wants an acknowledgement.
    Confirmable,
    /// It wants none.
    NonConfirmable,
    /// It is one, and may carry the response.
    Acknowledgement,
    /// It can't be made sense of.
    Reset,
}

/// A method or a response code: class and detail, as in `2.04`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code(pub u8);

impl Code {
    /// 0.00: neither request nor response.
    pub const EMPTY: Code = Code::of(0, 0);
    /// 0.01
    pub const GET: Code = Code::of(0, 1);
    /// 0.02
    pub const POST: Code = Code::of(0, 2);
    /// 2.04: it was done.
    pub const CHANGED: Code = Code::of(2, 4);
    /// 2.05
    pub const CONTENT: Code = Code::of(2, 5);
    /// 2.31: the next block.
    pub const CONTINUE: Code = Code::of(2, 31);
    /// 4.00
    pub const BAD_REQUEST: Code = Code::of(4, 0);
    /// 4.02: an option that matters and that nobody knows.
    pub const BAD_OPTION: Code = Code::of(4, 2);
    /// 4.03
    pub const FORBIDDEN: Code = Code::of(4, 3);
    /// 4.04
    pub const NOT_FOUND: Code = Code::of(4, 4);
    /// 4.05
    pub const METHOD_NOT_ALLOWED: Code = Code::of(4, 5);
    /// 4.06
    pub const NOT_ACCEPTABLE: Code = Code::of(4, 6);
    /// 4.08: blocks are missing.
    pub const INCOMPLETE: Code = Code::of(4, 8);
    /// 4.13
    pub const TOO_LARGE: Code = Code::of(4, 13);
    /// 4.15
    pub const UNSUPPORTED_FORMAT: Code = Code::of(4, 15);
    /// 5.03
    pub const UNAVAILABLE: Code = Code::of(5, 3);
    /// 5.05
    pub const NO_PROXY: Code = Code::of(5, 5);

    /// By its class (0-7) and detail (0-31).
    pub const fn of(class: u8, detail: u8) -> Code {
        Code(class << 5 | detail)
    }

    /// 0 of a request, 2 of a success, 4 and 5 of a failure.
    pub const fn class(self) -> u8 {
        self.0 >> 5
    }

    /// Whether it asks for something.
    pub fn is_request(self) -> bool {
        self.class() == 0 && self != Code::EMPTY
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.class(), self.0 & 0x1f)
    }
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// What it is to the layer below.
    pub kind: Kind,
    /// What it asks or answers.
    pub code: Code,
    /// Ties acknowledgement and reset to a message, and duplicates to each other.
    pub id: u16,
    /// Ties a response to its request; 0 to 8 bytes.
    pub token: Bytes,
    /// Number and value, by number.
    pub options: Vec<(u16, Bytes)>,
    /// Empty for none.
    pub payload: Bytes,
}

/// Why a datagram is no message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoMessage {
    /// It is silently ignored (RFC 7252 section 3): not of this version, or too short to say so.
    #[error("no CoAP")]
    Foreign,
    /// A confirmable one is answered with a reset (section 4.2).
    #[error("{what}")]
    Malformed {
        /// What it would have been.
        kind: Kind,
        /// Its id.
        id: u16,
        /// What is wrong.
        what: &'static str,
    },
}

impl Message {
    /// A message without token, options and payload.
    pub fn new(kind: Kind, code: Code, id: u16) -> Message {
        Message { kind, code, id, token: Bytes::new(), options: Vec::new(), payload: Bytes::new() }
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// When it is no message of this version of CoAP.
    pub fn decode(datagram: &Bytes) -> Result<Message, NoMessage> {
        let &[first, code, high, low, ..] = &datagram[..] else { return Err(NoMessage::Foreign) };
        if first >> 6 != 1 {
            return Err(NoMessage::Foreign);
        }
        let kind = match first >> 4 & 3 {
            0 => Kind::Confirmable,
            1 => Kind::NonConfirmable,
            2 => Kind::Acknowledgement,
            _ => Kind::Reset,
        };
        let id = u16::from_be_bytes([high, low]);
        let body = Body { rest: datagram.slice(4..), token: usize::from(first & 0xf) };
        let mut message = Message::new(kind, Code(code), id);
        body.read(&mut message).map_err(|what| NoMessage::Malformed { kind, id, what })?;
        Ok(message)
    }

    /// Adds an option; they are to come by number.
    #[must_use]
    pub fn with(mut self, number: u16, value: impl Into<Bytes>) -> Message {
        self.options.push((number, value.into()));
        self
    }

    /// The values of an option.
    pub fn values(&self, number: u16) -> impl Iterator<Item = &Bytes> {
        self.options.iter().filter(move |(own, _)| *own == number).map(|(_, value)| value)
    }

    /// The bytes of the datagram.
    pub fn encode(&self) -> Bytes {
        let kind = match self.kind {
            Kind::Confirmable => 0,
            Kind::NonConfirmable => 1,
            Kind::Acknowledgement => 2,
            Kind::Reset => 3,
        };
        let token = &self.token[..self.token.len().min(MAX_TOKEN)];
        let mut out = BytesMut::new();
        out.put_u8(1 << 6 | kind << 4 | u8::try_from(token.len()).unwrap_or(0));
        out.put_u8(self.code.0);
        out.put_u16(self.id);
        out.put_slice(token);
        let mut last = 0;
        for (number, value) in &self.options {
            put_option(&mut out, usize::from(number.saturating_sub(last)), value);
            last = *number;
        }
        if !self.payload.is_empty() {
            out.put_u8(MARKER);
            out.put_slice(&self.payload);
        }
        out.freeze()
    }
}

/// What follows the first four bytes.
struct Body {
    rest: Bytes,
    token: usize,
}

impl Body {
    fn read(mut self, message: &mut Message) -> Result<(), &'static str> {
        if self.rest.len() > MAX_DATAGRAM {
            return Err("too long");
        }
        if matches!(message.code.class(), 1 | 6 | 7) {
            return Err("a reserved code");
        }
        if message.code == Code::EMPTY && (self.token > 0 || !self.rest.is_empty()) {
            return Err("an empty message with content");
        }
        if self.token > MAX_TOKEN {
            return Err("a token of more than 8 bytes");
        }
        message.token = self.take(self.token)?;
        let mut number: usize = 0;
        while let Some(&first) = self.rest.first() {
            self.rest = self.rest.slice(1..);
            if first == MARKER {
                message.payload = self.rest;
                return if message.payload.is_empty() { Err("no payload behind its marker") } else { Ok(()) };
            }
            if message.options.len() >= MAX_OPTIONS {
                return Err("too many options");
            }
            number += self.extended(first >> 4)?;
            let length = self.extended(first & 0xf)?;
            let name = u16::try_from(number).map_err(|_| "an option's number is too large")?;
            message.options.push((name, self.take(length)?));
        }
        Ok(())
    }

    /// A delta or a length.
    fn extended(&mut self, nibble: u8) -> Result<usize, &'static str> {
        match nibble {
            ONE_MORE => Ok(usize::from(self.take(1)?[0]) + FROM_ONE),
            TWO_MORE => {
                let more = self.take(2)?;
                Ok(usize::from(u16::from_be_bytes([more[0], more[1]])) + FROM_TWO)
            }
            0xf => Err("an option with a reserved delta or length"),
            small => Ok(usize::from(small)),
        }
    }

    fn take(&mut self, count: usize) -> Result<Bytes, &'static str> {
        if count > self.rest.len() {
            return Err("it ends too early");
        }
        Ok(self.rest.split_to(count))
    }
}

fn put_option(out: &mut BytesMut, delta: usize, value: &[u8]) {
    let (delta, delta_more) = parts(delta);
    let (length, length_more) = parts(value.len());
    out.put_u8(delta << 4 | length);
    out.put_slice(&delta_more);
    out.put_slice(&length_more);
    out.put_slice(value);
}

/// The nibble, and the bytes behind it. What we write is far below the largest of them.
fn parts(number: usize) -> (u8, Vec<u8>) {
    let small = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
    match number {
        0..FROM_ONE => (small(number), Vec::new()),
        FROM_ONE..FROM_TWO => (ONE_MORE, vec![small(number - FROM_ONE)]),
        _ => (TWO_MORE, u16::try_from(number - FROM_TWO).unwrap_or(u16::MAX).to_be_bytes().to_vec()),
    }
}
