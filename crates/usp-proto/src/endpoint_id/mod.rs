//! Endpoint ids (TR-369 section 2.4): `scheme ":" [authority-id] ":" instance-id`.
//!
//! Tolerant on what arrives ([`EndpointId::receive`]), strict on what we make ([`EndpointId::strict`] and
//! the constructors). How an id stands in a certificate or a URI is in the submodules.

pub mod certificate;
mod query;
mod strict;

use std::fmt;
use std::sync::Arc;

use crate::Malformed;
use crate::limits::MAX_ENDPOINT_ID_BYTES;

/// The id of an Endpoint, compared byte by byte: no case folding, no percent-decoding.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(Arc<str>);

impl EndpointId {
    /// Takes an id as it arrives. Any scheme will do, and characters that the standard does not allow,
    /// because real agents have serial numbers with blanks and umlauts. What is refused can't be split,
    /// is longer than `MAX_ENDPOINT_ID_BYTES`, or holds control characters, which would forge log lines.
    pub fn receive(text: &str) -> Result<EndpointId, Malformed> {
        EndpointId::check(text).map_err(|why| Malformed::EndpointId { field: "the text", why })?;
        Ok(EndpointId(text.into()))
    }

    fn check(text: &str) -> Result<(), &'static str> {
        if text.len() > MAX_ENDPOINT_ID_BYTES {
            return Err("longer than 256 bytes");
        }
        if text.chars().any(char::is_control) {
            return Err("control characters");
        }
        match split(text) {
            Some((scheme, _, instance)) if !scheme.is_empty() && !instance.is_empty() => Ok(()),
            Some(_) => Err("scheme or instance-id is empty"),
            None => Err("fewer than two colons"),
        }
    }

    /// The id as it is written in a Record.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first colon: `os`, `ops`, `uuid`, …
    pub fn scheme(&self) -> &str {
        self.parts().0
    }

    /// What stands between the first two colons; often empty.
    pub fn authority(&self) -> &str {
        self.parts().1
    }

    /// What stands after the second colon, colons included.
    pub fn instance(&self) -> &str {
        self.parts().2
    }

    fn parts(&self) -> (&str, &str, &str) {
        split(&self.0).expect("every constructor checks for two colons")
    }
}

/// Splits on the first two colons, whatever the scheme.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let (authority, instance) = rest.split_once(':')?;
    Some((scheme, authority, instance))
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
