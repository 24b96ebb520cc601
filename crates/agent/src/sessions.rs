//! Keys for end-to-end sessions: the device's certificate as it is now, and the certificates that controllers
//! may have in them.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use mtp::EndpointId;
use pki::session::{Crypto, CryptoError, PayloadTls, SessionCrypto, TlsRole};

use crate::enrol::Credentials;
use crate::providers::time::credible;

/// The device's credential in sessions: that of the moment, because a device is given another one when it is
/// enrolled.
pub struct SessionKeys(Arc<Credentials>);

impl SessionKeys {
    /// The keys of this device.
    pub fn new(credentials: Arc<Credentials>) -> SessionKeys {
        SessionKeys(credentials)
    }

    fn now(&self, peer: Option<&EndpointId>) -> Result<SessionCrypto, CryptoError> {
        let told = |error: &dyn std::fmt::Display| CryptoError(error.to_string());
        let trust = match peer {
            Some(peer) => self.0.session_trust(peer),
            None => pki::Trust::default(),
        };
        let check_dates = credible(SystemTime::now()).is_some();
        SessionCrypto::new(&self.0.own(), trust, check_dates).map_err(|error| told(&error))
    }
}

impl Crypto for SessionKeys {
    fn certificate(&self) -> Bytes {
        Bytes::from(self.0.own().chain_pem())
    }

    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError> {
        self.now(None)?.sign(input)
    }

    fn verify(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.now(Some(from))?.verify(from, certificate, input, signature)
    }

    fn tls(&self, role: TlsRole, peer: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError> {
        self.now(Some(peer))?.tls(role, peer)
    }
}
