//! The Msg: a Request, a Response or an Error, checked.
//!
//! It does not look at paths, types or permissions: a Msg that decodes is well-formed, not sensible. Each
//! verb has a module of its own, with its structs and what can be said about them alone.

mod decode;
mod fault;
mod kind;

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

pub use crate::error::ErrorBody;
pub use crate::generated::usp_msg::header::MsgType;
pub use crate::generated::usp_msg::request::ReqType as Request;
pub use crate::generated::usp_msg::response::RespType as Response;
pub(crate) use decode::request_id;
pub use fault::MsgError;

use crate::wire::{length_key_len, put_length_key, put_varint};

/// One Message.
#[derive(Clone, PartialEq)]
pub struct Msg {
    /// Chosen by the requester and repeated by the answer; never empty on what was decoded (R-MSG.8).
    pub msg_id: String,
    /// What it says.
    pub body: Body,
}

/// What a Message says.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// Something is asked for.
    Request(Request),
    /// It is answered.
    Response(Response),
    /// It failed as a whole.
    Error(ErrorBody),
}

impl Msg {
    /// A request.
    pub fn request(msg_id: impl Into<String>, request: Request) -> Msg {
        Msg { msg_id: msg_id.into(), body: Body::Request(request) }
    }

    /// The answer to the request with this id (R-MSG.9).
    pub fn response(msg_id: impl Into<String>, response: Response) -> Msg {
        Msg { msg_id: msg_id.into(), body: Body::Response(response) }
    }

    /// The failure of the request with this id, as a whole.
    pub fn error(msg_id: impl Into<String>, error: ErrorBody) -> Msg {
        Msg { msg_id: msg_id.into(), body: Body::Error(error) }
    }

    /// Decodes and checks the payload of a Record.
    pub fn decode(payload: &[u8]) -> Result<Msg, MsgError> {
        decode::decode(payload)
    }

    /// The bytes of the Msg. Its type in the header follows from its body (R-MSG.10).
    pub fn encode(&self) -> Bytes {
        let mut buf = BytesMut::with_capacity(self.encoded_len());
        self.encode_into(&mut buf);
        buf.freeze()
    }

    /// The kind of the body.
    pub fn msg_type(&self) -> MsgType {
        match &self.body {
            Body::Request(request) => request.msg_type(),
            Body::Response(response) => response.msg_type(),
            Body::Error(_) => MsgType::Error,
        }
    }

    /// Length of what [`Msg::encode`] gives.
    pub fn encoded_len(&self) -> usize {
        let (header, inner) = (self.header_len(), self.inner_len());
        let body = length_key_len(inner) + inner;
        length_key_len(header) + header + length_key_len(body) + body
    }

    /// Appends the bytes of the Msg: header (R-MSG.6), then body (R-MSG.7).
    pub(crate) fn encode_into(&self, buf: &mut BytesMut) {
        put_length_key(1, self.header_len(), buf);
        put_length_key(1, self.msg_id.len(), buf);
        buf.put_slice(self.msg_id.as_bytes());
        // proto3 leaves zero out, which is the type of an Error.
        if self.msg_type() != MsgType::Error {
            buf.put_u8(0x10);
            put_varint(i64::from(i32::from(self.msg_type())).unsigned_abs(), buf);
        }
        // Lengths are computed by walking everything below: once is enough for megabytes.
        let inner = self.inner_len();
        put_length_key(2, length_key_len(inner) + inner, buf);
        match &self.body {
            Body::Request(request) => {
                put_length_key(1, inner, buf);
                request.encode(buf);
            }
            Body::Response(response) => {
                put_length_key(2, inner, buf);
                response.encode(buf);
            }
            Body::Error(error) => {
                put_length_key(3, inner, buf);
                error.encode(buf).expect("a BytesMut grows as needed");
            }
        }
    }

    /// All types are below 128 and take one byte.
    fn header_len(&self) -> usize {
        let msg_type = if self.msg_type() == MsgType::Error { 0 } else { 2 };
        length_key_len(self.msg_id.len()) + self.msg_id.len() + msg_type
    }

    fn inner_len(&self) -> usize {
        match &self.body {
            Body::Request(request) => request.encoded_len(),
            Body::Response(response) => response.encoded_len(),
            Body::Error(error) => error.encoded_len(),
        }
    }
}

// Bodies hold values, and some values are secrets: a description shows kind, id and paths alone.
impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msg({})", crate::describe_msg(self))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Request(request) => write!(f, "Request({})", request.name()),
            Body::Response(response) => write!(f, "Response({})", response.name()),
            Body::Error(error) => write!(f, "Error({})", error.err_code),
        }
    }
}
