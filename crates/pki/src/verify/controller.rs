//! The dialling side: the certificate rules of an agent for its controller (R-MTP.4), which also serve a
//! controller that dials an agent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use usp_proto::EndpointId;

use super::{all_schemes, check_dates, provider_signatures};
use crate::cert;
use crate::error::Error;

/// Whose certificates count.
#[derive(Clone, Default, Debug)]
pub struct Trust {
    /// CAs whose signature counts.
    pub roots: Vec<CertificateDer<'static>>,
    /// Lists of revoked certificates; a CA without one revokes nothing.
    pub crls: Vec<CertificateRevocationListDer<'static>>,
    /// Fingerprints of certificates that count by themselves.
    pub pinned: Vec<[u8; 32]>,
    /// Trust on first use: with nothing pinned, any certificate is accepted and reported as untrusted.
    pub first_use: bool,
}

/// Decides about the certificate of the side that was dialled.
pub struct ControllerVerifier {
    roots: RootCertStore,
    /// Knows the lists of revoked certificates, where there are any.
    revocation: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<[u8; 32]>,
    first_use: bool,
    expected: Option<EndpointId>,
    check_dates: bool,
    provider: Arc<CryptoProvider>,
}

impl ControllerVerifier {
    /// `expected` is the endpoint that should answer. `check_dates` is false while there is no absolute
    /// time (R-MTP.2).
    ///
    /// # Errors
    /// When a root can't serve as one, or a list of revoked certificates can't be read.
    pub fn new(
        trust: &Trust,
        expected: Option<EndpointId>,
        check_dates: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<ControllerVerifier, Error> {
        let mut roots = RootCertStore::empty();
        for root in &trust.roots {
            roots.add(root.clone())?;
        }
        Ok(ControllerVerifier {
            revocation: revocation(&roots, trust, &provider)?,
            roots,
            pinned: trust.pinned.clone(),
            first_use: trust.first_use && trust.pinned.is_empty(),
            expected,
            check_dates,
            provider,
        })
    }

    /// Whether a known CA signed this chain; false for one that is pinned or seen for the first time.
    pub fn trusts(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> bool {
        let Some((leaf, rest)) = chain.split_first() else { return false };
        self.signed_by_root(leaf, rest, now).is_ok()
    }

    // R-MTP.4: the name of the host, or a name that no CA can vouch for, or the endpoint itself.
    fn check_name(&self, leaf: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), rustls::Error> {
        let named = verify_server_name(&ParsedCertificate::try_from(leaf)?, host);
        if named.is_ok() || is_home_name(host) {
            return Ok(());
        }
        let ids = cert::endpoint_ids(leaf).unwrap_or_default();
        match &self.expected {
            Some(expected) if ids.iter().any(|id| id.certifies(expected)) => Ok(()),
            _ => named,
        }
    }

    fn signed_by_root(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let now = if self.check_dates { now } else { latest_start(leaf, rest) };
        if let Some(revocation) = &self.revocation {
            return verify_chain(revocation, leaf, rest, now);
        }
        let algorithms = self.provider.signature_verification_algorithms.all;
        let leaf = ParsedCertificate::try_from(leaf)?;
        verify_server_cert_signed_by_trust_anchor(&leaf, &self.roots, rest, now, algorithms)
    }
}

fn revocation(
    roots: &RootCertStore,
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<WebPkiServerVerifier>>, Error> {
    if trust.crls.is_empty() || roots.is_empty() {
        return Ok(None);
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone());
    let built = builder.with_crls(trust.crls.iter().cloned()).allow_unknown_revocation_status().build();
    built.map(Some).map_err(|e| Error::Certificate(e.to_string()))
}

/// The chain alone: the verifier looks at the name when it is done with the chain, and names are not its to
/// judge here.
fn verify_chain(
    verifier: &WebPkiServerVerifier,
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), rustls::Error> {
    let anybody = ServerName::try_from("chain.invalid").expect("a literal");
    match verifier.verify_server_cert(leaf, rest, &anybody, &[], now) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => Ok(()),
        Err(refused) => Err(refused),
    }
}

impl ServerCertVerifier for ControllerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // R-MTP.2, R-MTP.3: dates count once there is a time to compare them with.
        if self.check_dates {
            check_dates(leaf, now)?;
        }
        self.check_name(leaf, host)?;
        if self.pinned.contains(&cert::fingerprint(leaf)) {
            return Ok(ServerCertVerified::assertion());
        }
        match self.signed_by_root(leaf, rest, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(_) if self.first_use => Ok(ServerCertVerified::assertion()),
            Err(_) if self.roots.is_empty() => Err(CertificateError::UnknownIssuer.into()),
            Err(refused) => Err(refused),
        }
    }

    provider_signatures!(all_schemes);
}

impl fmt::Debug for ControllerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControllerVerifier")
            .field("roots", &self.roots.len())
            .field("pinned", &self.pinned.len())
            .field("first_use", &self.first_use)
            .field("expected", &self.expected)
            .field("check_dates", &self.check_dates)
            .finish_non_exhaustive()
    }
}

fn is_home_name(host: &ServerName<'_>) -> bool {
    let ServerName::DnsName(name) = host else { return false };
    let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
    name.ends_with(".local") || name.ends_with(".home.arpa")
}

/// A moment that lies inside the dates of every certificate of a sound chain: for hosts that don't know
/// the time, because path building can't be told to skip dates.
fn latest_start(leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>]) -> UnixTime {
    let starts = std::iter::once(leaf).chain(rest).filter_map(|der| cert::dates(der).ok());
    starts.map(|(start, _)| start).max().unwrap_or(UnixTime::since_unix_epoch(Duration::ZERO))
}
