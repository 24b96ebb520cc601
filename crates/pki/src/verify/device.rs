//! The listening side: clients may show a certificate of a known CA, or one that they signed themselves.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

use super::{all_schemes, check_dates, provider_signatures};
use crate::cert;
use crate::error::Error;

/// Asks every client for a certificate. One that a known CA signed is trusted; a self-signed one is let
/// in untrusted, because policy may have pinned it; anything else ends the handshake.
pub struct DeviceVerifier {
    known: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
    mandatory: bool,
}

impl DeviceVerifier {
    /// `roots` are the CAs whose signature counts. With `mandatory` a client without a certificate is
    /// refused (an agent that listens: R-MTP.1); without it policy decides later.
    ///
    /// # Errors
    /// When a root can't serve as one.
    pub fn new(
        roots: &[CertificateDer<'static>],
        mandatory: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<DeviceVerifier, Error> {
        DeviceVerifier::with_crls(roots, &[], mandatory, provider)
    }

    /// The same with lists of revoked certificates. A CA whose list is not among them revokes nothing; a list
    /// that is out of date still counts, because a CA that can't be reached takes nothing back.
    ///
    /// # Errors
    /// When a root can't serve as one, or a list can't be read.
    pub fn with_crls(
        roots: &[CertificateDer<'static>],
        crls: &[CertificateRevocationListDer<'static>],
        mandatory: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<DeviceVerifier, Error> {
        let known = if roots.is_empty() {
            None
        } else {
            let mut store = RootCertStore::empty();
            for root in roots {
                store.add(root.clone())?;
            }
            let known = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
            let known = known.with_crls(crls.iter().cloned()).allow_unknown_revocation_status().build();
            Some(known.map_err(|e| Error::Certificate(e.to_string()))?)
        };
        Ok(DeviceVerifier { known, provider, mandatory })
    }

    /// Whether a known CA signed this chain. Expects one that the handshake already let in.
    pub fn trusts(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let (Some(known), Some((leaf, rest))) = (&self.known, chain.split_first()) else { return false };
        known.verify_client_cert(leaf, rest, now).is_ok()
    }

    /// Whether one of the lists names a certificate of this chain, which a known CA signed.
    pub fn revoked(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let (Some(known), Some((leaf, rest))) = (&self.known, chain.split_first()) else { return false };
        let verdict = known.verify_client_cert(leaf, rest, now);
        matches!(verdict, Err(rustls::Error::InvalidCertificate(CertificateError::Revoked)))
    }
}

impl ClientCertVerifier for DeviceVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    /// No hints: a client that only has a self-signed certificate must show it, too.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let refused = match &self.known {
            Some(known) => match known.verify_client_cert(leaf, rest, now) {
                Ok(verified) => return Ok(verified),
                Err(refused) => refused,
            },
            None => CertificateError::UnknownIssuer.into(),
        };
        if !cert::self_signed(leaf) {
            return Err(refused);
        }
        check_dates(leaf, now)?;
        Ok(ClientCertVerified::assertion())
    }

    provider_signatures!(all_schemes);
}

impl fmt::Debug for DeviceVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceVerifier").field("mandatory", &self.mandatory).finish_non_exhaustive()
    }
}
