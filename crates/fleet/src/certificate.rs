//! Certificates that devices are proven by: which there are, what the internal CA issued, what is revoked.

use dm::UtcTime;

use crate::device::{CredentialKind, CredentialOrigin};
use crate::ids::{DeviceId, Fingerprint, TenantId};
use crate::port::PageRequest;
use crate::{Error, limits};

/// A certificate that the internal CA has just issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuedCertificate {
    /// Its serial number, as the list of revoked ones names it: octets in hexadecimal, joined by colons.
    pub serial: String,
    /// SHA-256 of it.
    pub fingerprint: Fingerprint,
    /// Until when it is valid.
    pub expires: UtcTime,
}

/// A certificate that proves a device, or did; or a login, which is revoked in the same way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// Which of the two.
    pub kind: CredentialKind,
    /// SHA-256 of it; of a login what is stored in its place.
    pub fingerprint: Fingerprint,
    /// Of which device.
    pub device: DeviceId,
    /// Whose that is.
    pub tenant: TenantId,
    /// What people call that device.
    pub name: String,
    /// How it came to be trusted.
    pub origin: CredentialOrigin,
    /// Since when it is on record.
    pub at: UtcTime,
    /// Serial number and end of one that the internal CA issued.
    pub issued: Option<(String, UtcTime)>,
    /// It counts no more.
    pub revoked: bool,
    /// Since when, and why, where that is known.
    pub revocation: Option<(UtcTime, RevocationReason)>,
}

/// A row of the list of revoked certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevokedCertificate {
    /// Serial number.
    pub serial: String,
    /// Since when.
    pub at: UtcTime,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a certificate counts no more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RevocationReason {
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

impl RevocationReason {
    /// Every reason.
    pub const ALL: [RevocationReason; 4] = [
        RevocationReason::Unspecified,
        RevocationReason::KeyCompromise,
        RevocationReason::Superseded,
        RevocationReason::Cessation,
    ];

    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            RevocationReason::Unspecified => "unspecified",
            RevocationReason::KeyCompromise => "key-compromise",
            RevocationReason::Superseded => "superseded",
            RevocationReason::Cessation => "cessation",
        }
    }

    /// From [`Self::as_str`].
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Error> {
        RevocationReason::ALL.into_iter().find(|reason| reason.as_str() == word).ok_or_else(|| {
            Error::Invalid {
                field: "reason",
                why: "it is one of unspecified, key-compromise, superseded, cessation".to_owned(),
            }
        })
    }
}

/// Which certificates; by device, the newest of each first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CertificateQuery {
    /// Of one device.
    pub device: Option<DeviceId>,
    /// Only those that are revoked, or only those that are not.
    pub revoked: Option<bool>,
    /// Which piece.
    pub page: PageRequest,
}

/// The fingerprint that a person means: all 64 digits, with or without colons.
///
/// # Errors
/// [`Error::Invalid`].
pub fn fingerprint(text: &str) -> Result<Fingerprint, Error> {
    let digits: String = text.chars().filter(|c| *c != ':').take(limits::FINGERPRINT_DIGITS + 1).collect();
    digits.to_ascii_lowercase().parse().map_err(|_| Error::Invalid {
        field: "fingerprint",
        why: "it is a SHA-256 in 64 hexadecimal digits".to_owned(),
    })
}
