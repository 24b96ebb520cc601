//! The internal CA: an EC P-256 root whose key is sealed at rest, and the certificates that it issues.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use usp_proto::EndpointId;

use crate::error::Error;
use crate::identity::{CertificateRequest, Identity, certificate, endpoint_san, new_key};
use crate::limits::BACKDATE;
use crate::seal::{SealKey, random};
use crate::{cert, file, pem};

const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key.sealed";
const KEY_PURPOSE: &str = "internal CA key";

/// From when until when a certificate holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// The first moment.
    pub not_before: SystemTime,
    /// The last moment.
    pub not_after: SystemTime,
}

impl Validity {
    /// From a day before `now` (a device's clock may be slow) until `lasting` after it.
    pub fn lasting(now: SystemTime, lasting: Duration) -> Validity {
        Validity { not_before: now - BACKDATE, not_after: now + lasting }
    }
}

/// What a server certificate stands for.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ServerNames {
    /// DNS names; a leading `*.` label is allowed (R-WS.24).
    pub dns: Vec<String>,
    /// Addresses.
    pub ips: Vec<IpAddr>,
    /// The controller that listens there.
    pub endpoint: Option<EndpointId>,
}

/// A root certificate and its key.
pub struct Ca {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    crl_url: Option<String>,
}

impl Ca {
    /// Makes a root; a piece of its key's hash makes the name unique.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn create(name: &str, validity: Validity) -> Result<Ca, Error> {
        let key = new_key()?;
        let hash = cert::fingerprint(key.public_key_raw());
        let mut params = base_params(validity)?;
        let unique = format!("{name} {:02x}{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2], hash[3]);
        params.distinguished_name.push(DnType::CommonName, unique);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = params.self_signed(&key).map_err(certificate)?;
        Ca::new(root.der().clone(), key)
    }

    /// Reads the CA from `dir`.
    ///
    /// # Errors
    /// When it is not there, or was sealed with another key.
    pub fn load(dir: &Path, seal: &SealKey) -> Result<Ca, Error> {
        let root = pem::certificates(&file::read(&dir.join(CERTIFICATE_FILE))?)?.swap_remove(0);
        let key = seal.open(KEY_PURPOSE, &file::read(&dir.join(KEY_FILE))?)?;
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key.as_slice()))
            .map_err(|e| Error::Key(e.to_string()))?;
        Ca::new(root, key)
    }

    /// Writes the certificate, and the key sealed.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn save(&self, dir: &Path, seal: &SealKey) -> Result<(), Error> {
        let key = seal.seal(KEY_PURPOSE, self.issuer.key().serialized_der())?;
        file::write_atomic(&dir.join(KEY_FILE), &key, file::SECRET)?;
        file::write_atomic(&dir.join(CERTIFICATE_FILE), self.certificate_pem().as_bytes(), file::PUBLIC)
    }

    /// Reads the CA, or makes and saves one when there is none in `dir`. A certificate without its key is
    /// an error, never a reason to make another CA: devices trust the one that is there.
    ///
    /// # Errors
    /// Those of [`Ca::load`] and [`Ca::save`].
    pub fn load_or_create(dir: &Path, seal: &SealKey, name: &str, validity: Validity) -> Result<Ca, Error> {
        if dir.join(CERTIFICATE_FILE).exists() {
            return Ca::load(dir, seal);
        }
        let ca = Ca::create(name, validity)?;
        ca.save(dir, seal)?;
        Ok(ca)
    }

    /// Has every certificate that is issued from now on say where the list of revoked ones is.
    #[must_use]
    pub fn with_crl_url(self, url: impl Into<String>) -> Ca {
        Ca { crl_url: Some(url.into()), ..self }
    }

    /// Whether this CA issued a certificate: by its signature, whatever its dates.
    pub fn issued(&self, der: &[u8]) -> bool {
        cert::signed_by(der, &self.root)
    }

    /// The root certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The root certificate in PEM: what a device gets as its CA bundle.
    pub fn certificate_pem(&self) -> String {
        pem::encode_chain(std::slice::from_ref(&self.root))
    }

    /// SHA-256 of the root certificate.
    pub fn fingerprint(&self) -> [u8; 32] {
        cert::fingerprint(&self.root)
    }

    /// Issues a device's certificate for the key in its request. The name is `endpoint`, whatever the
    /// request asked for. The chain is leaf first, the root last.
    ///
    /// # Errors
    /// When the id can't stand in a certificate.
    pub fn issue_device(
        &self,
        request: &CertificateRequest,
        endpoint: &EndpointId,
        validity: Validity,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let params = self.located(device_params(endpoint, validity)?);
        let leaf = params.signed_by(&request.params.public_key, &self.issuer).map_err(certificate)?;
        Ok(vec![leaf.der().clone(), self.root.clone()])
    }

    /// Issues a device's certificate together with a key made here.
    ///
    /// # Errors
    /// When the id can't stand in a certificate.
    pub fn issue_device_with_key(
        &self,
        endpoint: &EndpointId,
        validity: Validity,
    ) -> Result<Identity, Error> {
        self.issue(device_params(endpoint, validity)?)
    }

    /// Issues a server's certificate together with its key.
    ///
    /// # Errors
    /// When a name can't stand in a certificate.
    pub fn issue_server(&self, names: &ServerNames, validity: Validity) -> Result<Identity, Error> {
        self.issue(leaf_params(names.endpoint.as_ref(), &names.dns, &names.ips, validity)?)
    }

    pub(crate) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    fn located(&self, mut params: CertificateParams) -> CertificateParams {
        let point = |url: &String| CrlDistributionPoint { uris: vec![url.clone()] };
        params.crl_distribution_points = self.crl_url.iter().map(point).collect();
        params
    }

    fn issue(&self, params: CertificateParams) -> Result<Identity, Error> {
        let (key, params) = (new_key()?, self.located(params));
        let leaf = params.signed_by(&key, &self.issuer).map_err(certificate)?;
        Ok(Identity::new(vec![leaf.der().clone(), self.root.clone()], &key))
    }

    fn new(root: CertificateDer<'static>, key: KeyPair) -> Result<Ca, Error> {
        let issuer = Issuer::from_ca_cert_der(&root, key).map_err(certificate)?;
        Ok(Ca { root, issuer, crl_url: None })
    }
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca")
            .field("fingerprint", &cert::fingerprint_text(&self.fingerprint()))
            .finish_non_exhaustive()
    }
}

fn device_params(endpoint: &EndpointId, validity: Validity) -> Result<CertificateParams, Error> {
    leaf_params(Some(endpoint), &[], &[], validity)
}

/// A leaf that may stand on either side of a connection: agents listen and controllers dial, too.
pub(crate) fn leaf_params(
    endpoint: Option<&EndpointId>,
    dns: &[String],
    ips: &[IpAddr],
    validity: Validity,
) -> Result<CertificateParams, Error> {
    let mut params = base_params(validity)?;
    let mut names = Vec::new();
    let mut common_name = None;
    if let Some(endpoint) = endpoint {
        common_name = Some(endpoint.to_string());
        names.push(endpoint_san(endpoint)?);
        // R-SEC.0a: an id of the fqdn scheme is proven by its DNS name.
        if let Some(name) = endpoint.as_str().strip_prefix("fqdn::") {
            names.push(dns_san(name)?);
        }
    }
    for name in dns {
        common_name.get_or_insert_with(|| name.clone());
        names.push(dns_san(name)?);
    }
    names.extend(ips.iter().copied().map(SanType::IpAddress));
    if names.is_empty() {
        return Err(Error::Certificate("it would name nobody".into()));
    }
    // Common names are bounded by X.520, and nothing of ours reads them.
    let common_name = common_name.unwrap_or_else(|| "server".into());
    params.distinguished_name.push(DnType::CommonName, common_name.chars().take(64).collect::<String>());
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn base_params(validity: Validity) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = validity.not_before.into();
    params.not_after = validity.not_after.into();
    params.serial_number = Some(serial()?);
    Ok(params)
}

/// 127 random bits, positive: issuer and serial number identify a certificate in TR-181.
fn serial() -> Result<SerialNumber, Error> {
    let mut bytes = [0; 16];
    random(&mut bytes)?;
    bytes[0] = (bytes[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn dns_san(name: &str) -> Result<SanType, Error> {
    let dns = name.try_into().map_err(|_| Error::Certificate(format!("DNS name {name} is not ASCII")))?;
    Ok(SanType::DnsName(dns))
}
