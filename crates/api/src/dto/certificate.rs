//! Certificates that devices are proven by.

use fleet::certificate::Certificate as Row;
use fleet::device::CredentialOrigin;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;

/// A certificate that proves a device, or did; or a login.
#[derive(Serialize, ToSchema)]
pub struct Certificate {
    /// `certificate`, or `password` for a login.
    pub kind: &'static str,
    /// SHA-256 of it; its name here. Of a login it tells nothing about the password.
    pub fingerprint: String,
    /// The id of its device.
    pub device: String,
    /// What people call that device.
    pub name: String,
    /// `issued` by the internal CA or the server, or `pinned` when its device was approved.
    pub origin: &'static str,
    /// Since when it is on record.
    pub since: String,
    /// Its serial number, if the internal CA issued it.
    pub serial: Option<String>,
    /// Until when it is valid, if the internal CA issued it.
    pub expires: Option<String>,
    /// It counts no more.
    pub revoked: bool,
    /// Since when it is revoked, where that is known.
    pub revoked_at: Option<String>,
    /// Why: `unspecified`, `key-compromise`, `superseded` or `cessation`.
    pub reason: Option<&'static str>,
    /// Whose its device is.
    pub tenant: Option<String>,
}

impl Certificate {
    /// A certificate of this tenant's device.
    pub(crate) fn new(row: Row, tenant: Option<String>) -> Self {
        let (serial, expires) = row.issued.unzip();
        Certificate {
            tenant,
            kind: row.kind.as_str(),
            fingerprint: row.fingerprint.to_string(),
            device: row.device.to_string(),
            name: row.name,
            origin: match row.origin {
                CredentialOrigin::Issued => "issued",
                CredentialOrigin::Pinned => "pinned",
            },
            since: time(row.at),
            serial,
            expires: expires.map(time),
            revoked: row.revoked,
            revoked_at: row.revocation.map(|(at, _)| time(at)),
            reason: row.revocation.map(|(_, reason)| reason.as_str()),
        }
    }
}

/// Ends a certificate.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeBody {
    /// `unspecified` if absent, `key-compromise`, `superseded` or `cessation`.
    pub reason: Option<String>,
}
