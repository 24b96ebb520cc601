//! Keys and certificates of end-to-end sessions: signatures on Records, and the TLS whose bytes travel in
//! payloads. What a session does with them is decided in its machine; who may speak for whom beyond the
//! names in certificates, where roles are.

mod tls;
mod verifier;

use std::sync::Arc;

use bytes::Bytes;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, UnixTime};
use usp_proto::EndpointId;
pub use usp_proto::session::{Crypto, CryptoError, PayloadTls, TlsRole};

use crate::cert;
use crate::error::Error;
use crate::identity::Identity;
use crate::limits::MAX_SENDER_CERT;
use crate::pem;
use crate::verify::Trust;
use verifier::PeerRules;

/// Somebody who has the last word on a certificate that keeps all rules: it may be revoked, and no list says so. Asked
/// with whom it names and the chain, the end first; must not block.
#[derive(Clone)]
pub struct Judge(Arc<IsGood>);

type IsGood = dyn Fn(&EndpointId, &[CertificateDer<'_>]) -> bool + Send + Sync;

impl Judge {
    /// The one who says whether it counts.
    pub fn new(
        is_good: impl Fn(&EndpointId, &[CertificateDer<'_>]) -> bool + Send + Sync + 'static,
    ) -> Judge {
        Judge(Arc::new(is_good))
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Judge")
    }
}

/// The credential of our Endpoint, and whose certificates count in sessions.
pub struct SessionCrypto {
    key: Arc<CertifiedKey>,
    pem: Bytes,
    trust: Trust,
    check_dates: bool,
    judge: Option<Judge>,
}

impl SessionCrypto {
    /// `check_dates` is false while there is no absolute time. Trust on first use has no place here: a session
    /// proves who the peer is.
    ///
    /// # Errors
    /// When the key does not fit the certificate, or is none on P-256 (R-E2E.31, R-E2E.40b).
    pub fn new(identity: &Identity, trust: Trust, check_dates: bool) -> Result<SessionCrypto, Error> {
        let key =
            CertifiedKey::from_der(identity.chain().to_vec(), identity.key(), &tls::session_provider())?;
        if key.key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).is_none() {
            return Err(Error::Key("sessions want a key on the curve P-256".into()));
        }
        let pem = Bytes::from(identity.chain_pem());
        let trust = Trust { first_use: false, ..trust };
        Ok(SessionCrypto { key: Arc::new(key), pem, trust, check_dates, judge: None })
    }

    /// The same, with somebody who has the last word.
    #[must_use]
    pub fn judged(self, judge: Judge) -> SessionCrypto {
        SessionCrypto { judge: Some(judge), ..self }
    }

    fn rules(&self, peer: &EndpointId) -> Result<PeerRules, Error> {
        PeerRules::new(&self.trust, peer, self.check_dates, self.judge.clone())
    }

    fn check_signature(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        if certificate.len() > MAX_SENDER_CERT {
            return Err(Error::Certificate(format!("more than {MAX_SENDER_CERT} bytes")));
        }
        let chain = pem::certificates(certificate)?;
        let (leaf, rest) = chain.split_first().ok_or_else(|| Error::Certificate("empty chain".into()))?;
        let leaf_key = cert::parse(leaf)?;
        let point = &leaf_key.public_key().subject_public_key.data;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(input, signature)
            .map_err(|_| Error::Certificate("the signature was not made with its key".into()))?;
        self.rules(from)?.check(leaf, rest, UnixTime::now())?;
        Ok(())
    }
}

impl Crypto for SessionCrypto {
    fn certificate(&self) -> Bytes {
        self.pem.clone()
    }

    fn sign(&self, input: &[u8]) -> Result<Bytes, CryptoError> {
        let signer = self.key.key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
        let signer = signer.ok_or_else(|| CryptoError("the key is not on P-256".to_owned()))?;
        signer.sign(input).map(Bytes::from).map_err(told)
    }

    fn verify(
        &self,
        from: &EndpointId,
        certificate: &[u8],
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.check_signature(from, certificate, input, signature).map_err(told)
    }

    fn tls(&self, role: TlsRole, peer: &EndpointId) -> Result<Box<dyn PayloadTls>, CryptoError> {
        let rules = self.rules(peer).map_err(told)?;
        Ok(Box::new(tls::Tls::new(role, &self.key, rules).map_err(told)?))
    }
}

impl std::fmt::Debug for SessionCrypto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionCrypto").field("check_dates", &self.check_dates).finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn told(error: impl ToString) -> CryptoError {
    CryptoError(error.to_string())
}
