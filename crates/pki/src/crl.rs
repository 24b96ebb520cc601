//! Lists of revoked certificates (RFC 5280, section 5): the internal CA's are made here, others' are read.

use std::time::SystemTime;

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, RevocationReason, RevokedCertParams, SerialNumber,
};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::ca::Ca;
use crate::error::Error;
use crate::identity::certificate;

/// Why a certificate does not count any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Reason {
    /// Nobody said.
    #[default]
    Unspecified,
    /// Somebody else may hold its key.
    KeyCompromise,
    /// Another has taken its place.
    Superseded,
    /// The device is out of use.
    Cessation,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 4] =
        [Reason::Unspecified, Reason::KeyCompromise, Reason::Superseded, Reason::Cessation];

    /// The word for people, and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Unspecified => "unspecified",
            Reason::KeyCompromise => "key-compromise",
            Reason::Superseded => "superseded",
            Reason::Cessation => "cessation",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(word: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// RFC 5280 wants no code where there is no reason.
    fn code(self) -> Option<RevocationReason> {
        match self {
            Reason::Unspecified => None,
            Reason::KeyCompromise => Some(RevocationReason::KeyCompromise),
            Reason::Superseded => Some(RevocationReason::Superseded),
            Reason::Cessation => Some(RevocationReason::CessationOfOperation),
        }
    }
}

/// A certificate on the list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revoked {
    /// As [`crate::cert::CertificateName`] writes it: octets in hexadecimal, joined by colons.
    pub serial_number: String,
    /// Since when.
    pub at: SystemTime,
    /// Why.
    pub reason: Reason,
}

/// How a list is told from the one before it, and how long it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edition {
    /// Greater than that of every list before.
    pub number: u64,
    /// When it was made.
    pub this_update: SystemTime,
    /// By when there will be another; later than `this_update`.
    pub next_update: SystemTime,
}

impl Ca {
    /// The signed list of these revoked certificates, DER.
    ///
    /// # Errors
    /// When a serial number is none, or the dates are in the wrong order.
    pub fn crl(
        &self,
        revoked: &[Revoked],
        edition: Edition,
    ) -> Result<CertificateRevocationListDer<'static>, Error> {
        let params = CertificateRevocationListParams {
            this_update: edition.this_update.into(),
            next_update: edition.next_update.into(),
            crl_number: SerialNumber::from(edition.number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, _>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(self.issuer()).map_err(certificate)?;
        Ok(list.into())
    }
}

fn entry(revoked: &Revoked) -> Result<RevokedCertParams, Error> {
    let octet = |pair| u8::from_str_radix(pair, 16);
    let octets: Result<Vec<u8>, _> = revoked.serial_number.split(':').map(octet).collect();
    let octets = octets.map_err(|_| {
        Error::Certificate(format!("serial number {:?} is not hexadecimal", revoked.serial_number))
    })?;
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(&octets),
        revocation_time: revoked.at.into(),
        reason_code: revoked.reason.code(),
        invalidity_date: None,
    })
}

/// A list of some CA, to be asked about single certificates. One that is out of date still counts: a CA that can't be
/// reached takes nothing back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    der: CertificateRevocationListDer<'static>,
    /// The distinguished name, DER.
    issuer: Vec<u8>,
}

impl List {
    /// Reads a list.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(der: CertificateRevocationListDer<'static>) -> Result<List, Error> {
        let issuer = parsed(&der)?.issuer().as_raw().to_vec();
        Ok(List { der, issuer })
    }

    /// As it was read.
    pub fn der(&self) -> &CertificateRevocationListDer<'static> {
        &self.der
    }

    /// Whether `issuer` (DER) signed this list and a certificate (DER) that stands on it.
    pub fn revokes(&self, certificate: &[u8], issuer: &[u8]) -> bool {
        let (Ok((_, cert)), Ok((_, ca))) =
            (X509Certificate::from_der(certificate), X509Certificate::from_der(issuer))
        else {
            return false;
        };
        let is_its = cert.issuer().as_raw() == self.issuer && ca.subject().as_raw() == self.issuer;
        let Some(list) = parsed(&self.der).ok().filter(|_| is_its) else { return false };
        let stands = list.iter_revoked_certificates().any(|entry| *entry.serial() == cert.serial);
        stands
            && list.verify_signature(ca.public_key()).is_ok()
            && cert.verify_signature(Some(ca.public_key())).is_ok()
    }
}

fn parsed(der: &[u8]) -> Result<CertificateRevocationList<'_>, Error> {
    match CertificateRevocationList::from_der(der) {
        Ok((_, list)) => Ok(list),
        Err(error) => Err(Error::Certificate(error.to_string())),
    }
}

/// Every X509 CRL block of a PEM text, or a single list in DER.
///
/// # Errors
/// When a block is damaged, or there is none.
pub fn read(bytes: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Error> {
    if !bytes.starts_with(b"-----") && bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateRevocationListDer::from(bytes.to_vec())]);
    }
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    let found = found.map_err(|e| Error::Certificate(e.to_string()))?;
    if found.is_empty() {
        return Err(Error::Certificate("no X509 CRL block".into()));
    }
    Ok(found)
}
