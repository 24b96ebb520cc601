//! Endpoint ids (TR-369 section 2.4): `scheme ":" [authority-id] ":" instance-id`.

use std::fmt;
use std::sync::Arc;

/// The id of an Endpoint, compared byte by byte: no case folding, no percent-decoding.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointId(Arc<str>);

/// A text that no Endpoint can have as its id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an endpoint id")]
pub struct EndpointIdError;

impl EndpointId {
    /// Takes an id as it came from a peer: any scheme, bounded length.
    ///
    /// # Errors
    /// When it lacks the two colons, is empty or too long.
    pub fn receive(text: &str) -> Result<EndpointId, EndpointIdError> {
        if text.len() > 256 || text.matches(':').count() < 2 || text.starts_with(':') || text.ends_with(':') {
            return Err(EndpointIdError);
        }
        Ok(EndpointId(text.into()))
    }

    /// The id as it is written in a Record.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
