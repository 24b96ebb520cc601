//! Tenants: who owns devices, and whose devices somebody reaches.
//!
//! Every device belongs to one tenant. What belongs to none (people, strangers that nobody has claimed, imported
//! data models) is the platform's: it is kept under [`TenantId::PLATFORM`], which owns no device and is no row of
//! the list of tenants.

use std::fmt;
use std::str::FromStr;

use dm::UtcTime;

use crate::audit::AuditEntry;
use crate::ids::{DeviceId, TenantId};
use crate::{Error, limits};

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Id.
    pub id: TenantId,
    /// What it is called; unique, and never changed.
    pub name: TenantName,
    /// Since when; zero for the one that was there from the start.
    pub created: UtcTime,
}

/// What a tenant is called: 1 to 64 of `a-z`, `0-9`, `-` and `.`, the first a letter or digit; never `platform`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TenantName(String);

impl TenantName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TenantName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.len() <= limits::TENANT_NAME
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|byte| plain(byte) || byte == b'-' || byte == b'.');
        if !good {
            return Err(invalid("it has 1 to 64 of a-z, 0-9, - and ., and begins with a letter or digit"));
        }
        if text == "platform" {
            return Err(invalid("platform is the name of what belongs to no tenant"));
        }
        Ok(TenantName(text.to_owned()))
    }
}

fn invalid(why: &str) -> Error {
    Error::Invalid { field: "tenant", why: why.to_owned() }
}

/// Whose devices somebody reaches. Each query that reads for a caller takes one, and looks at nothing beyond it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reach {
    /// Those of every tenant, and what belongs to none.
    Platform,
    /// Those of one tenant.
    Tenant(TenantId),
}

impl Reach {
    /// Under which tenant own rows are kept: tokens that are made, deeds that concern no device.
    pub fn home(self) -> TenantId {
        match self {
            Reach::Platform => TenantId::PLATFORM,
            Reach::Tenant(tenant) => tenant,
        }
    }

    /// Whether what belongs to this tenant is within reach.
    pub fn covers(self, tenant: TenantId) -> bool {
        match self {
            Reach::Platform => true,
            Reach::Tenant(own) => own == tenant,
        }
    }

    /// What is of no tenant, or of all.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a tenant's own.
    pub fn need_platform(self) -> Result<(), Error> {
        match self {
            Reach::Platform => Ok(()),
            Reach::Tenant(_) => Err(Error::Forbidden("platform")),
        }
    }
}

impl From<TenantId> for Reach {
    fn from(tenant: TenantId) -> Self {
        if tenant == TenantId::PLATFORM { Reach::Platform } else { Reach::Tenant(tenant) }
    }
}

/// A device goes to another tenant.
///
/// With it go its names, what proves it, its values and its model. What it did in the old tenant stays there:
/// events, finished operations, connections. Its labels are the old tenant's words, and end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MoveDevice {
    /// Whose it is.
    pub from: TenantId,
    /// Whose it will be.
    pub to: TenantId,
    /// Which.
    pub device: DeviceId,
    /// When.
    pub at: UtcTime,
    /// Who; written down in both.
    pub audit: AuditEntry,
}

#[cfg(test)]
mod tests {
    use super::{Reach, TenantName};
    use crate::ids::TenantId;

    #[test]
    fn names_are_plain_words() {
        let long = "a".repeat(64);
        for good in ["default", "acme", "a", "7up", "north-west.isp", long.as_str()] {
            assert_eq!(good.parse::<TenantName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        let longer = "a".repeat(65);
        for wrong in ["", "-a", ".a", "Acme", "a b", "a/b", "a\n", "ä", "platform", longer.as_str()] {
            assert!(wrong.parse::<TenantName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tenant_reaches_itself_alone_and_the_platform_all() {
        let (one, other) = (TenantId::DEFAULT, TenantId::from_bytes([7; 16]));
        for (reach, tenant, expected) in [
            (Reach::Tenant(one), one, true),
            (Reach::Tenant(one), other, false),
            (Reach::Tenant(one), TenantId::PLATFORM, false),
            (Reach::Platform, one, true),
            (Reach::Platform, TenantId::PLATFORM, true),
        ] {
            assert_eq!(reach.covers(tenant), expected, "{reach:?} {tenant:?}");
        }
        assert_eq!(Reach::from(TenantId::PLATFORM), Reach::Platform);
        assert_eq!(Reach::from(one), Reach::Tenant(one));
        assert!(Reach::Tenant(one).need_platform().is_err());
    }
}
