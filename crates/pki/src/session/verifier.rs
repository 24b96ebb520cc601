//! The rules for the certificate of a session's other end, whichever side of TLS it plays: those for a peer
//! that is dialled, with the Endpoint's id in the place of a host's name.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use usp_proto::EndpointId;

use super::Judge;
use super::tls::{nobody, session_provider};
use crate::cert;
use crate::error::Error;
use crate::verify::{ControllerVerifier, Trust, provider_signatures};

/// Bytes of an uncompressed point on P-256.
const P256_POINT: usize = 65;

/// Whom a certificate must name, and who must have signed it.
#[derive(Debug)]
pub(super) struct PeerRules {
    peer: EndpointId,
    rules: ControllerVerifier,
    provider: Arc<CryptoProvider>,
    judge: Option<Judge>,
}

impl PeerRules {
    pub(super) fn new(
        trust: &Trust,
        peer: &EndpointId,
        check_dates: bool,
        judge: Option<Judge>,
    ) -> Result<PeerRules, Error> {
        let provider = session_provider();
        let rules = ControllerVerifier::new(trust, Some(peer.clone()), check_dates, provider.clone())?;
        Ok(PeerRules { peer: peer.clone(), rules, provider, judge })
    }

    /// The certificate has a key on P-256 (R-E2E.40b), names the peer, and keeps the rules for its signer
    /// and dates.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let bad = |_| rustls::Error::from(CertificateError::BadEncoding);
        if cert::parse(leaf).map_err(bad)?.public_key().subject_public_key.data.len() != P256_POINT {
            return Err(rustls::Error::General("the certificate's key is not on P-256".into()));
        }
        let names = cert::endpoint_ids(leaf).map_err(bad)?;
        if !names.iter().any(|id| id.certifies(&self.peer)) {
            return Err(rustls::Error::General(format!("the certificate does not name {}", self.peer)));
        }
        self.rules.verify_server_cert(leaf, rest, &nobody(), &[], now)?;
        let chain = || std::iter::once(leaf).chain(rest).cloned().collect::<Vec<_>>();
        match &self.judge {
            Some(judge) if !judge.0(&self.peer, &chain()) => Err(CertificateError::Revoked.into()),
            _ => Ok(()),
        }
    }
}

/// R-E2E.40b
fn p256_alone(_: &CryptoProvider) -> Vec<SignatureScheme> {
    vec![SignatureScheme::ECDSA_NISTP256_SHA256]
}

impl ServerCertVerifier for PeerRules {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(leaf, rest, now).map(|()| ServerCertVerified::assertion())
    }

    provider_signatures!(p256_alone);
}

impl ClientCertVerifier for PeerRules {
    // R-E2E.43
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    /// No hints: a certificate may be pinned.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(leaf, rest, now).map(|()| ClientCertVerified::assertion())
    }

    provider_signatures!(p256_alone);
}
