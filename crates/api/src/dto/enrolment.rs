//! Devices that ask to be let in, those that were refused, and tokens that let them in.

use fleet::access::EnrolmentToken;
use fleet::enrolment::{PendingDevice, RefusedAttempt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{known, time};
use crate::auth::Minted;

/// A device that asks to be let in.
#[derive(Serialize, ToSchema)]
pub struct Pending {
    /// Who it says it is.
    pub endpoint: String,
    /// How it came.
    pub transport: String,
    /// From where.
    pub peer: String,
    /// Whether it showed a certificate.
    pub proven: bool,
    /// SHA-256 of that certificate; approval pins it.
    pub fingerprint: Option<String>,
    /// Its first attempt.
    pub first_seen: String,
    /// Its last attempt.
    pub last_seen: String,
    /// How many there were.
    pub attempts: u64,
    /// Whether it has shown another proof than at its first attempt: somebody else may be using its name.
    pub changed: bool,
    /// The tenant that has a device of this name; null for a stranger, who is the platform's to let in.
    pub tenant: Option<String>,
}

impl Pending {
    /// A row of this tenant's list.
    pub(crate) fn new(row: PendingDevice, tenant: Option<String>) -> Self {
        Pending {
            tenant,
            endpoint: row.endpoint,
            transport: row.transport,
            peer: row.peer,
            proven: row.proven,
            fingerprint: row.fingerprint.map(|fingerprint| fingerprint.to_string()),
            first_seen: time(row.first_seen),
            last_seen: time(row.last_seen),
            attempts: row.attempts,
            changed: row.changed,
        }
    }
}

/// Lets a device in.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// What to call it; its endpoint id otherwise.
    pub name: Option<String>,
    /// What was shown to the person: the row's `fingerprint`, or `plain` where that is null. Another one on
    /// the list by now is a conflict. Without it, so is a row that has `changed`.
    pub fingerprint: Option<String>,
    /// The tenant that a stranger goes to; the default one if absent.
    pub tenant: Option<String>,
}

/// An attempt that was turned away.
#[derive(Serialize, ToSchema)]
pub struct Refused {
    /// When.
    pub at: String,
    /// From where.
    pub peer: String,
    /// Who it said it was.
    pub endpoint: Option<String>,
    /// Why.
    pub reason: String,
}

impl From<RefusedAttempt> for Refused {
    fn from(row: RefusedAttempt) -> Self {
        Refused { at: time(row.at), peer: row.peer, endpoint: row.endpoint, reason: row.reason }
    }
}

/// Makes an enrolment token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentBody {
    /// How long it works (`1h`).
    pub ttl: String,
    /// How many devices it lets in; 1 if absent.
    pub uses: Option<u32>,
    /// What it is called.
    pub name: Option<String>,
    /// A tag that every device gets that it lets in.
    pub group: Option<String>,
    /// The one endpoint id that it is for. It then also lets that device in when it has a certificate
    /// already, which is revoked; `uses` is 1.
    pub endpoint: Option<String>,
    /// Whose the devices will be; the caller's own tenant, or the default one, if absent.
    pub tenant: Option<String>,
}

/// An enrolment token, without its secret.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
    /// Since when.
    pub created: String,
    /// Until when.
    pub expires: String,
    /// How many devices it still lets in.
    pub uses: u32,
    /// A tag that each of them gets.
    pub group: Option<String>,
    /// The one endpoint id that it is for.
    pub endpoint: Option<String>,
    /// Whose its devices will be.
    pub tenant: Option<String>,
}

impl Enrolment {
    /// A token of this tenant.
    pub(crate) fn new(row: EnrolmentToken, tenant: Option<String>) -> Self {
        Enrolment {
            tenant,
            id: row.id.to_string(),
            name: known(row.name),
            created: time(row.created),
            expires: time(row.expires),
            uses: row.uses_left,
            group: row.group,
            endpoint: row.endpoint,
        }
    }
}

/// A new enrolment token, shown once.
#[derive(Serialize, ToSchema)]
pub struct CreatedEnrolment {
    /// Its id.
    pub id: String,
    /// The secret.
    pub token: String,
    /// Until when.
    pub expires: String,
}

impl From<Minted<EnrolmentToken>> for CreatedEnrolment {
    fn from(minted: Minted<EnrolmentToken>) -> Self {
        CreatedEnrolment {
            id: minted.row.id.to_string(),
            token: minted.secret.expose().to_owned(),
            expires: time(minted.row.expires),
        }
    }
}
