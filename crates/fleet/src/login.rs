//! Logins of devices: the user name is an endpoint id, the password is random, long, and made by the server.

use sha2::{Digest as _, Sha256};

use crate::audit::AuditEntry;
use crate::ids::{DeviceId, Fingerprint, TenantId};

/// What is stored in the place of a login, and what it is looked up by: who knows it can't log in by it. It differs
/// from device to device for one password, and is never the fingerprint of a certificate, which is one of DER.
pub fn proof(endpoint: &str, password: &[u8]) -> Fingerprint {
    let mut sha = Sha256::new();
    sha.update(b"cusp login 1\0");
    sha.update((endpoint.len() as u64).to_be_bytes());
    sha.update(endpoint.as_bytes());
    sha.update(password);
    Fingerprint(sha.finalize().into())
}

/// A device is given a login: it is let in if nobody knew it, and the logins that it had count no more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutLogin {
    /// Whose.
    pub tenant: TenantId,
    /// The user name.
    pub endpoint: String,
    /// By [`proof`].
    pub proof: Fingerprint,
    /// The id of the device, if it is a new one.
    pub device: DeviceId,
    /// What to call it, if it is a new one.
    pub name: Option<String>,
    /// When.
    pub at: dm::UtcTime,
    /// Who.
    pub audit: AuditEntry,
}

#[cfg(test)]
mod tests {
    use super::proof;

    #[test]
    fn a_login_is_told_apart_by_name_and_password() {
        let logins = [("os::a", "one"), ("os::a", "two"), ("os::b", "one"), ("os::ao", "ne")];
        for (n, one) in logins.iter().enumerate() {
            for other in &logins[n + 1..] {
                assert_ne!(proof(one.0, one.1.as_bytes()), proof(other.0, other.1.as_bytes()));
            }
            assert_eq!(proof(one.0, one.1.as_bytes()), proof(one.0, one.1.as_bytes()));
        }
    }
}
