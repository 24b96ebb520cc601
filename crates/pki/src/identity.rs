//! Our own credential: a certificate chain and its private key; how an agent makes its key and asks for a
//! certificate; what a CA reads from such a request.

use std::path::Path;

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, KeyPair, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use usp_proto::EndpointId;
use zeroize::Zeroizing;

use crate::ca::{Validity, leaf_params};
use crate::cert;
use crate::error::Error;
use crate::limits::MAX_CSR;
use crate::{file, pem};

/// A chain, leaf first, and the key of its leaf.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads a chain and a key from PEM files, and first puts a pair in its place that a crash left beside
    /// them.
    ///
    /// # Errors
    /// When a file can't be read or holds something else.
    pub fn load(chain: &Path, key: &Path) -> Result<Identity, Error> {
        put_in_place(chain, key)?;
        Identity::from_pem(&file::read(chain)?, &file::read(key)?)
    }

    /// Whether there is a pair with this chain, be it that a crash kept it from its place.
    pub fn exists(chain: &Path) -> bool {
        chain.exists() || file::beside(chain, NEXT).exists()
    }

    /// A chain and a key in PEM.
    ///
    /// # Errors
    /// When one of them can't be read.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, Error> {
        Ok(Identity { chain: pem::certificates(chain)?, key: pem::private_key(key)? })
    }

    /// Writes both; the key gets mode 0600. Both are written beside the old pair before one of it is replaced:
    /// whenever a crash comes, the next [`Identity::load`] finds a pair that fits, the old one or this.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save(&self, chain: &Path, key: &Path) -> Result<(), Error> {
        file::write_atomic(&file::beside(key, NEXT), self.key_pem().as_bytes(), file::SECRET)?;
        file::write_atomic(&file::beside(chain, NEXT), self.chain_pem().as_bytes(), file::PUBLIC)?;
        put_in_place(chain, key)
    }

    /// A self-signed credential of an endpoint, for a device that nobody gave one.
    ///
    /// # Errors
    /// When the id can't stand in a certificate (R-SEC.5 asks for the same names as in a signed one).
    pub fn self_signed(endpoint: &EndpointId, validity: Validity) -> Result<Identity, Error> {
        let key = new_key()?;
        let cert = leaf_params(Some(endpoint), &[], &[], validity)?.self_signed(&key).map_err(certificate)?;
        Ok(Identity::new(vec![cert.der().clone()], &key))
    }

    /// The chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// A copy of the key, for a TLS configuration.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// SHA-256 of the leaf.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.chain.first().map(|leaf| cert::fingerprint(leaf)).unwrap_or_default()
    }

    /// The chain in PEM.
    pub fn chain_pem(&self) -> String {
        pem::encode_chain(&self.chain)
    }

    /// The key in PEM.
    pub fn key_pem(&self) -> Zeroizing<String> {
        let label = match &self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        Zeroizing::new(pem::encode(label, self.key.secret_der()))
    }

    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Identity {
        Identity { chain, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }
}

/// What the names of a pair end with that is not in its place yet.
const NEXT: &str = ".next";

/// The next pair takes the place of the old one once it is whole, which its chain tells: it is written last,
/// and moved last.
fn put_in_place(chain: &Path, key: &Path) -> Result<(), Error> {
    let (next_chain, next_key) = (file::beside(chain, NEXT), file::beside(key, NEXT));
    if !next_chain.exists() {
        return Ok(());
    }
    if next_key.exists() {
        file::rename(&next_key, key)?;
    }
    file::rename(&next_chain, chain)
}

impl Clone for Identity {
    fn clone(&self) -> Identity {
        Identity { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// A key that waits for its certificate: what an agent holds between asking and being answered.
pub struct PendingIdentity {
    key: KeyPair,
    request: String,
}

impl PendingIdentity {
    /// Makes a key (EC P-256) and a request for a certificate that names `endpoint`.
    ///
    /// # Errors
    /// When the id can't stand in a certificate.
    pub fn generate(endpoint: &EndpointId) -> Result<PendingIdentity, Error> {
        let key = new_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, endpoint.as_str());
        params.subject_alt_names = vec![endpoint_san(endpoint)?];
        let request = params.serialize_request(&key).and_then(|r| r.pem());
        let request = request.map_err(|e| Error::Request(e.to_string()))?;
        Ok(PendingIdentity { key, request })
    }

    /// The request in PEM, for the enrolment route.
    pub fn request_pem(&self) -> &str {
        &self.request
    }

    /// Joins the key with the chain that came back.
    ///
    /// # Errors
    /// When the chain can't be read, or was issued for another key.
    pub fn complete(self, chain_pem: &str) -> Result<Identity, Error> {
        let chain = pem::certificates(chain_pem.as_bytes())?;
        let leaf = cert::parse(&chain[0])?;
        if leaf.public_key().subject_public_key.data.as_ref() != self.key.public_key_raw() {
            return Err(Error::Certificate("issued for another key".into()));
        }
        Ok(Identity::new(chain, &self.key))
    }
}

impl std::fmt::Debug for PendingIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingIdentity").finish_non_exhaustive()
    }
}

/// A certificate signing request whose signature was verified. Of its wishes only the endpoint ids are
/// readable; everything else in the certificate is the CA's decision.
#[derive(Debug)]
pub struct CertificateRequest {
    pub(crate) params: CertificateSigningRequestParams,
    /// The endpoint ids that it names.
    pub endpoint_ids: Vec<EndpointId>,
}

impl CertificateRequest {
    /// Parses a request in PEM and verifies its signature.
    ///
    /// # Errors
    /// [`Error::Request`] for anything else, and for one over [`MAX_CSR`] bytes.
    pub fn parse(pem: &str) -> Result<CertificateRequest, Error> {
        if pem.len() > MAX_CSR {
            return Err(Error::Request("too long".into()));
        }
        let params =
            CertificateSigningRequestParams::from_pem(pem).map_err(|e| Error::Request(e.to_string()))?;
        let endpoint_ids = params.params.subject_alt_names.iter().filter_map(requested_id).collect();
        Ok(CertificateRequest { params, endpoint_ids })
    }
}

fn requested_id(name: &SanType) -> Option<EndpointId> {
    match name {
        SanType::URI(uri) => EndpointId::from_urn(uri.as_str())?.ok(),
        _ => None,
    }
}

pub(crate) fn endpoint_san(endpoint: &EndpointId) -> Result<SanType, Error> {
    let uri = endpoint.to_urn();
    let uri =
        uri.try_into().map_err(|_| Error::Certificate(format!("endpoint id {endpoint} is not ASCII")))?;
    Ok(SanType::URI(uri))
}

pub(crate) fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|_| Error::Random)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub(crate) fn certificate(e: rcgen::Error) -> Error {
    Error::Certificate(e.to_string())
}
