//! Names of things: opaque, time-ordered UUIDs (version 7), and the small numbers beside them.
//!
//! An id is made from a [`Stamp`]: the time and ten random bytes, both handed in by the host.

use std::fmt;
use std::str::FromStr;

use dm::UtcTime;
use uuid::{Builder, Uuid};

use crate::Error;

/// The time of a request and the chance that goes into one id. Never use one stamp for two ids of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Now.
    pub at: UtcTime,
    /// From the system's randomness, or a seeded generator in tests.
    pub chance: [u8; 10],
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id.
            pub fn make(stamp: Stamp) -> Self {
                let millis = u64::try_from(stamp.at.0 / 1000).unwrap_or(0);
                $name(Builder::from_unix_timestamp_millis(millis, &stamp.chance).into_uuid())
            }

            /// As it is stored.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }

            /// From what [`Self::to_bytes`] gave.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                $name(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                match Uuid::try_parse(text) {
                    Ok(id) if text.len() == 36 => Ok($name(id)),
                    _ => Err(Error::BadId(text.chars().take(64).collect())),
                }
            }
        }
    };
}

id! {
    /// Who owns a record; leads every key.
    TenantId
}
id! {
    /// A managed device, whatever names it carries outside.
    DeviceId
}
id! {
    /// A stored operation.
    JobId
}
id! {
    /// A person.
    UserId
}
id! {
    /// An API token.
    TokenId
}
id! {
    /// An enrolment token.
    EnrolmentId
}

impl JobId {
    /// The command key of a job whose caller chose none: its 32 hexadecimal digits, which is what CWMP has room for
    /// (TR-069, `CommandKey` of `Reboot`).
    pub fn command_key(self) -> String {
        self.0.simple().to_string()
    }
}

impl TenantId {
    /// The tenant that exists from the start.
    pub const DEFAULT: TenantId = TenantId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));

    /// Stands where a tenant does for what belongs to none; it owns no device.
    pub const PLATFORM: TenantId = TenantId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000));
}

/// Counts the sessions of a device. A report with an older epoch than the device's is refused.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A position in the event log or in an audit chain; grows by one per row, from 1.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                parse_hex(text).map($name).ok_or_else(|| Error::BadId(text.chars().take(80).collect()))
            }
        }
    };
}

digest! {
    /// SHA-256 of a supported model's encoding; its name.
    ModelHash
}
digest! {
    /// SHA-256 of a certificate (DER).
    Fingerprint
}
digest! {
    /// SHA-256 of anything else: a message, a row of the audit chain.
    Digest
}

/// 64 hexadecimal digits; colons between pairs are allowed, as people paste fingerprints that way.
fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut nibbles = text.bytes().filter(|byte| *byte != b':').map(|byte| char::from(byte).to_digit(16));
    let mut out = [0; 32];
    for byte in &mut out {
        let high = nibbles.next()??;
        let low = nibbles.next()??;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    nibbles.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{DeviceId, Fingerprint, Stamp, TenantId};
    use dm::UtcTime;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let first = DeviceId::make(Stamp { at: UtcTime(1_700_000_000_000_000), chance: [0xff; 10] });
        let later = DeviceId::make(Stamp { at: UtcTime(1_700_000_000_001_000), chance: [0; 10] });
        assert_eq!(first.to_string(), "018bcfe5-6800-7fff-bfff-ffffffffffff");
        assert!(first < later);
        assert_eq!(first.to_string().parse(), Ok(first));
        assert!("018bcfe568007fffbfffffffffffffff".parse::<DeviceId>().is_err());
        assert_eq!(TenantId::DEFAULT.to_string(), "00000000-0000-7000-8000-000000000001");
    }

    #[test]
    fn fingerprints_are_read_with_and_without_colons() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(plain.parse(), Ok(Fingerprint([0xab; 32])));
        assert_eq!(colons.parse(), Ok(Fingerprint([0xab; 32])));
        assert!("ab".repeat(31).parse::<Fingerprint>().is_err());
        assert!("ab".repeat(33).parse::<Fingerprint>().is_err());
    }
}
