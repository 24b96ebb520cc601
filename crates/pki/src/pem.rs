//! PEM: writing it, and reading chains and keys out of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;

/// One PEM block with lines of 64 characters.
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

/// A chain as concatenated CERTIFICATE blocks.
pub fn encode_chain(chain: &[CertificateDer<'_>]) -> String {
    chain.iter().map(|cert| encode("CERTIFICATE", cert)).collect()
}

/// Every CERTIFICATE block, in order.
///
/// # Errors
/// When a block is damaged, or there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|e| Error::Certificate(e.to_string()))?;
    if found.is_empty() {
        return Err(Error::Certificate("no CERTIFICATE block".into()));
    }
    Ok(found)
}

/// The first private key of any kind (PKCS#8, PKCS#1, SEC1).
///
/// # Errors
/// When there is none or it is damaged.
pub fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|e| Error::Key(e.to_string()))
}
