//! Reading certificates: fingerprints, the endpoint ids in the subjectAltName, dates.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use usp_proto::EndpointId;
use usp_proto::link::PeerCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{X509Name, X509Version};

use crate::ca::ServerNames;
use crate::error::Error;
use crate::limits::MAX_ENDPOINT_IDS;

/// SHA-256 of a certificate's DER.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

/// A fingerprint as people compare it: upper-case hex pairs joined by colons.
pub fn fingerprint_text(fingerprint: &[u8; 32]) -> String {
    let mut out = String::with_capacity(95);
    for (at, byte) in fingerprint.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        write!(out, "{colon}{byte:02X}").expect("a String takes everything");
    }
    out
}

/// What the seam says about a peer whose chain was verified. Whether its transport vouches for it is the
/// transport's to add.
///
/// # Errors
/// When the leaf can't be read, or the chain is empty.
pub fn peer(chain: &[CertificateDer<'_>], trusted: bool) -> Result<PeerCertificate, Error> {
    let leaf = chain.first().ok_or_else(|| Error::Certificate("empty chain".into()))?;
    Ok(PeerCertificate {
        fingerprint: fingerprint(leaf),
        endpoint_ids: endpoint_ids(leaf)?,
        trusted,
        vouched: false,
        chain: chain.iter().map(|der| der.to_vec()).collect(),
    })
}

/// The endpoint ids that a certificate names.
///
/// R-SEC.0a: a URI `urn:bbf:usp:id:<id>`, or a dNSName for an id of the `fqdn` scheme. A wildcard DNS
/// name is no endpoint id.
///
/// # Errors
/// When the certificate or its subjectAltName can't be read.
pub fn endpoint_ids(der: &[u8]) -> Result<Vec<EndpointId>, Error> {
    let cert = parse(der)?;
    let san = cert.subject_alternative_name().map_err(|e| Error::Certificate(e.to_string()))?;
    let names = san.map(|san| san.value.general_names.as_slice()).unwrap_or_default();
    Ok(names.iter().filter_map(endpoint_id).take(MAX_ENDPOINT_IDS).collect())
}

pub(crate) fn endpoint_id(name: &GeneralName<'_>) -> Option<EndpointId> {
    match name {
        GeneralName::URI(uri) => EndpointId::from_urn(uri)?.ok(),
        GeneralName::DNSName(dns) if !dns.contains('*') => EndpointId::receive(&format!("fqdn::{dns}")).ok(),
        _ => None,
    }
}

/// From when until when a certificate is valid.
///
/// # Errors
/// When it can't be read.
pub fn dates(der: &[u8]) -> Result<(UnixTime, UnixTime), Error> {
    let cert = parse(der)?;
    let unix = |t: x509_parser::time::ASN1Time| {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(t.timestamp()).unwrap_or(0)))
    };
    Ok((unix(cert.validity().not_before), unix(cert.validity().not_after)))
}

/// When a certificate is to be followed by the next one: after two thirds of its life, so that there is time
/// for one that can't be had at once.
///
/// # Errors
/// When it can't be read.
pub fn renew_at(der: &[u8]) -> Result<UnixTime, Error> {
    let (start, end) = dates(der)?;
    let third = end.as_secs().saturating_sub(start.as_secs()) / 3;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(end.as_secs().saturating_sub(third))))
}

/// What names a certificate among all: RFC 5280 wants no two of an issuer with one serial number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CertificateName {
    /// Octets in upper-case hexadecimal, joined by colons; without the zero that only keeps a DER integer
    /// positive.
    pub serial_number: String,
    /// The distinguished name, as `C=SE, O=Example, CN=Name`.
    pub issuer: String,
}

/// Serial number and issuer of a certificate.
///
/// # Errors
/// When it can't be read.
pub fn name(der: &[u8]) -> Result<CertificateName, Error> {
    let cert = parse(der)?;
    let octets = match cert.raw_serial() {
        [0, rest @ ..] if !rest.is_empty() => rest,
        octets => octets,
    };
    let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    Ok(CertificateName { serial_number: octets.join(":"), issuer: distinguished_name(cert.issuer()) })
}

/// RFC 5280's attributes by their short names, any other by its number. Not the parser's own way of writing
/// it, which brings a register of some hundred attributes into the agent.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let attributes = name.iter_attributes().map(|attribute| {
        let value = attribute.as_str().unwrap_or_default();
        match attribute.attr_type().as_bytes() {
            [0x55, 4, 3] => format!("CN={value}"),
            [0x55, 4, 6] => format!("C={value}"),
            [0x55, 4, 7] => format!("L={value}"),
            [0x55, 4, 8] => format!("ST={value}"),
            [0x55, 4, 10] => format!("O={value}"),
            [0x55, 4, 11] => format!("OU={value}"),
            _ => format!("{}={value}", attribute.attr_type().to_id_string()),
        }
    });
    attributes.collect::<Vec<_>>().join(", ")
}

/// Whether a certificate may sign others: it says so, or is as old as the version that could not say.
pub fn is_ca(der: &[u8]) -> bool {
    parse(der).is_ok_and(|cert| signs(&cert))
}

fn signs(cert: &X509Certificate<'_>) -> bool {
    match cert.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        Ok(None) => cert.version() == X509Version::V1,
        Err(_) => false,
    }
}

/// Whether the CA `issuer` signed a certificate. Dates are not looked at.
pub fn issued(issuer: &[u8], certificate: &[u8]) -> bool {
    let (Ok(issuer), Ok(cert)) = (parse(issuer), parse(certificate)) else { return false };
    signs(&issuer)
        && cert.issuer() == issuer.subject()
        && cert.verify_signature(Some(issuer.public_key())).is_ok()
}

/// The hash algorithms of [`digest`], as TR-181 names them.
pub const FINGERPRINTS: [&str; 5] = ["SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"];

/// A hash of a certificate by one of [`FINGERPRINTS`]; `None` for any other. SHA-1 is for people who compare, and
/// proves nothing.
pub fn digest(algorithm: &str, der: &[u8]) -> Option<Vec<u8>> {
    use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    Some(match algorithm {
        "SHA-1" => digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec(),
        "SHA-224" => Sha224::digest(der).to_vec(),
        "SHA-256" => Sha256::digest(der).to_vec(),
        "SHA-384" => Sha384::digest(der).to_vec(),
        "SHA-512" => Sha512::digest(der).to_vec(),
        _ => return None,
    })
}

/// Whether a certificate is its own issuer, and signed by its own key.
pub fn self_signed(der: &[u8]) -> bool {
    parse(der).is_ok_and(|cert| cert.issuer() == cert.subject() && cert.verify_signature(None).is_ok())
}

/// Whether the key of the certificate `issuer` signed this one, whatever its dates.
pub fn signed_by(der: &[u8], issuer: &[u8]) -> bool {
    let (Ok(cert), Ok(issuer)) = (parse(der), parse(issuer)) else { return false };
    cert.issuer() == issuer.subject() && cert.verify_signature(Some(issuer.public_key())).is_ok()
}

/// The curve of a public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// The public key of a certificate on one of these curves: the point, not compressed.
///
/// # Errors
/// When the certificate can't be read, or its key is another.
pub fn public_point(der: &[u8]) -> Result<(Curve, Vec<u8>), Error> {
    let cert = parse(der)?;
    let key = cert.public_key();
    // ecPublicKey (RFC 5480), with the curve as its parameter.
    let named = key.algorithm.algorithm.as_bytes() == [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let parameter = key.algorithm.parameters.as_ref().filter(|_| named).map(|parameter| parameter.data);
    let curve = match parameter {
        Some([0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]) => Curve::P256,
        Some([0x2b, 0x81, 4, 0, 0x22]) => Curve::P384,
        _ => return Err(Error::Certificate("its key is neither on P-256 nor on P-384".into())),
    };
    Ok((curve, key.subject_public_key.data.to_vec()))
}

/// The DNS names, addresses and endpoint that a certificate stands for: what a renewed one has to name, too.
/// Endpoints of the `fqdn` scheme are among the DNS names.
///
/// # Errors
/// When it can't be read.
pub fn server_names(der: &[u8]) -> Result<ServerNames, Error> {
    let cert = parse(der)?;
    let san = cert.subject_alternative_name().map_err(|e| Error::Certificate(e.to_string()))?;
    let mut names = ServerNames::default();
    for name in san.map(|san| san.value.general_names.as_slice()).unwrap_or_default() {
        match name {
            GeneralName::DNSName(dns) => names.dns.push((*dns).to_owned()),
            GeneralName::IPAddress(octets) => names.ips.extend(address(octets)),
            GeneralName::URI(uri) => {
                names.endpoint = names.endpoint.or_else(|| EndpointId::from_urn(uri)?.ok());
            }
            _ => {}
        }
    }
    Ok(names)
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
    }
}

pub(crate) fn parse(der: &[u8]) -> Result<X509Certificate<'_>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], cert)) => Ok(cert),
        Ok(_) => Err(Error::Certificate("bytes after its end".into())),
        Err(e) => Err(Error::Certificate(e.to_string())),
    }
}
