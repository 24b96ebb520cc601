//! The credential that the bench has in end-to-end sessions: it signs Records, and shows itself in the TLS of payloads.
//! Whom the agent's certificate was signed by is not asked: which one is its own, its Records or its transport say.

use std::fmt;

use bytes::Bytes;
use pki::session::{Crypto, PayloadTls, SessionCrypto, TlsRole};
use pki::{Identity, Trust};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use usp_proto::session::mac_input;
use usp_proto::{EndpointId, Record};

/// Key and certificate.
pub struct Keys {
    own: Identity,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Of this credential.
    pub fn new(own: Identity) -> Keys {
        Keys { own }
    }

    /// Cryptography with an agent that has this certificate, DER.
    fn crypto(&self, agent: Option<&[u8]>) -> Result<SessionCrypto, String> {
        let pinned = agent.map(pki::cert::fingerprint).into_iter().collect();
        let trust = Trust { pinned, ..Trust::default() };
        SessionCrypto::new(&self.own, trust, false).map_err(|error| error.to_string())
    }

    /// Signs a Record (R-E2E.29).
    ///
    /// # Errors
    /// When our key can't.
    pub(crate) fn sign(&self, record: &mut Record) -> Result<(), String> {
        let crypto = self.crypto(None)?;
        record.sender_cert = crypto.certificate();
        record.mac_signature = crypto.sign(&mac_input(record)).map_err(|error| error.0)?;
        Ok(())
    }

    /// Whether a Record has a signature of its sender over all its fields (R-E2E.31, R-E2E.32).
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) fn verify(&self, record: &Record) -> Result<(), String> {
        let leaf =
            leaf(&record.sender_cert).ok_or_else(|| "sender_cert is no certificate in PEM".to_owned())?;
        let crypto = self.crypto(Some(&leaf))?;
        let (input, signature) = (mac_input(record), &record.mac_signature);
        crypto.verify(&record.from_id, &record.sender_cert, &input, signature).map_err(|error| error.0)
    }

    /// TLS with an agent that has this certificate; we started the session.
    ///
    /// # Errors
    /// When our credential does not fit.
    pub(crate) fn tls(&self, agent: &EndpointId, leaf: &[u8]) -> Result<Box<dyn PayloadTls>, String> {
        self.crypto(Some(leaf))?.tls(TlsRole::Client, agent).map_err(|error| error.0)
    }
}

/// The first certificate of a chain in PEM, as DER.
pub(crate) fn leaf(pem: &Bytes) -> Option<Vec<u8>> {
    let first = CertificateDer::pem_slice_iter(pem).next()?;
    Some(first.ok()?.to_vec())
}
