//! SOAP envelopes of CWMP: a header, and one request, response or fault.
//!
//! The same name means different things in both directions (GetRPCMethods), so that the type says who speaks:
//! [`FromCpe`] is what an ACS reads and a CPE writes, [`FromAcs`] the other way round.

mod body;
mod fault;
mod header;
mod scope;

pub use header::Header;

use crate::charset;
use crate::error::Error;
use crate::fault::{Fault, FaultCode};
use crate::limits::MAX_ENVELOPE_BYTES;
use crate::notice::Notice;
use crate::quirk::Style;
use crate::rpc::{AcsRequest, AcsResponse, CpeRequest, CpeResponse};
use crate::version::Namespace;
use crate::xml::Pull;

/// An envelope with requests of type `Q` and responses of type `R`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope<Q, R> {
    /// The header.
    pub header: Header,
    /// The namespace of CWMP: the one that the peer used, or is answered in.
    pub namespace: Namespace,
    /// What it says.
    pub body: Body<Q, R>,
}

/// What an envelope says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body<Q, R> {
    /// A method is called.
    Request(Q),
    /// It has been done.
    Response(R),
    /// It has not.
    Fault(Fault),
}

/// What a CPE says.
pub type FromCpe = Envelope<AcsRequest, CpeResponse>;

/// What an ACS says.
pub type FromAcs = Envelope<CpeRequest, AcsResponse>;

/// An envelope that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoded<E> {
    /// What it is.
    pub envelope: E,
    /// What was wrong with it, each once.
    pub noticed: Vec<Notice>,
}

/// Whether a body is empty: no byte, or white space alone, which means the same in a session.
pub fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// Methods of one direction.
macro_rules! direction {
    ($name:ident, $fallback:expr) => {
        impl $name {
            /// Reads an envelope of at most `max_bytes`, and never more than
            /// [`MAX_ENVELOPE_BYTES`]; `charset` is what the Content-Type says.
            ///
            /// # Errors
            /// What can't be read at all: see [`Error`]. What can be guessed is noted.
            pub fn decode(
                bytes: &[u8],
                charset: Option<&str>,
                max_bytes: usize,
            ) -> Result<Decoded<$name>, Error> {
                let limit = max_bytes.min(MAX_ENVELOPE_BYTES);
                if bytes.len() > limit {
                    return Err(Error::TooLong { bytes: bytes.len(), limit });
                }
                if is_blank(bytes) {
                    return Err(Error::Blank);
                }
                let text = charset::to_text(bytes, charset);
                let mut x = Pull::new(&text.text);
                text.notices.into_iter().for_each(|notice| x.note(notice));
                let envelope = body::read(&mut x, $fallback)?;
                Ok(Decoded { envelope, noticed: x.take_notices() })
            }

            /// Writes the envelope. It is well formed whatever it holds.
            pub fn encode(&self, style: &Style) -> Vec<u8> {
                body::write(self, style)
            }
        }
    };
}
direction!(FromCpe, FaultCode::INTERNAL_ERROR);
direction!(FromAcs, FaultCode::ACS_INTERNAL_ERROR);
