//! What a session asks of keys and certificates. Implemented where those are: the session's machine itself
//! knows no cryptography, no randomness and no date.

use bytes::Bytes;

use crate::EndpointId;

/// Which part an Endpoint plays in the TLS of a session: who started the session is the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsRole {
    /// Started the session.
    Client,
    /// Answers.
    Server,
}

/// A handshake, a record or a key was refused. The text is for logs and names no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct CryptoError(pub String);

/// The credential of our Endpoint, and the rules for those of others.
pub trait Crypto: Send + Sync {
    /// Our certificate or chain in PEM, for `sender_cert`.
    fn certificate(&self) -> Bytes;

    /// Signs with our key: ECDSA P-256 with SHA-256, DER (R-E2E.31).
    ///
    /// # Errors
    /// When our key can't make such signatures.
    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError>;

    /// Checks a signature (R-E2E.31): it was made with the key of `certificate` (PEM, as it came), that
    /// certificate is one we trust, and it names `from`.
    ///
    /// # Errors
    /// With the check that failed.
    fn verify(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;

    /// A fresh TLS connection with `peer` (R-E2E.43: both sides show certificates).
    ///
    /// # Errors
    /// When our credential does not fit.
    fn tls(&self, role: TlsRole, peer: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError>;
}

/// TLS whose bytes travel in payloads.
pub trait PayloadTls: Send {
    /// Takes bytes of the peer; the plaintext in them, empty during the handshake.
    ///
    /// # Errors
    /// When the handshake or the bytes are refused; the connection is useless then.
    fn read(&mut self, bytes: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// Takes plaintext to send.
    ///
    /// # Errors
    /// When the connection is useless.
    fn write(&mut self, plaintext: &[u8]) -> Result<(), CryptoError>;

    /// The TLS records that wait to be sent, one element each.
    fn take_records(&mut self) -> Vec<Bytes>;

    /// Whether the handshake goes on.
    fn is_handshaking(&self) -> bool;

    /// The MAC of our side over these bytes; `None` before the handshake is done (R-E2E.33).
    fn mac(&self, input: &[u8]) -> Option<Bytes>;

    /// Whether this is the MAC of the other side over these bytes.
    fn verify_mac(&self, input: &[u8], mac: &[u8]) -> bool;
}
