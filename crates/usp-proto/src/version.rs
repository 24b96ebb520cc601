//! Versions of the protocol: of a Record, and the lists that endpoints exchange.

use std::fmt;
use std::str::FromStr;

use crate::Malformed;
use crate::limits::MAX_VERSIONS;

/// A version of USP, ordered by age. It only sets expectations: a Record of a higher version is read
/// like any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Version {
    /// Before the dot.
    pub major: u16,
    /// After the dot.
    pub minor: u16,
}

impl Version {
    /// What we put into a Record.
    pub const CURRENT: Version = Version::new(1, 4);

    /// What we speak, oldest first.
    pub const SUPPORTED: [Version; 5] =
        [Version::new(1, 0), Version::new(1, 1), Version::new(1, 2), Version::new(1, 3), Version::new(1, 4)];

    /// A version by its two numbers.
    pub const fn new(major: u16, minor: u16) -> Version {
        Version { major, minor }
    }

    /// Prints a list as GetSupportedProtocol carries it: `1.0,1.1`.
    pub fn print_list(versions: &[Version]) -> String {
        versions.iter().map(Version::to_string).collect::<Vec<_>>().join(",")
    }

    /// Reads a list: blanks are trimmed, items that are no version are skipped, and what follows the
    /// first `MAX_VERSIONS` items is ignored. The order of the list is kept; it has no meaning.
    pub fn parse_list(list: &str) -> Vec<Version> {
        list.split(',').take(MAX_VERSIONS).filter_map(|item| item.trim().parse().ok()).collect()
    }
}

impl FromStr for Version {
    type Err = Malformed;

    /// Reads `major.minor`, digits only.
    fn from_str(text: &str) -> Result<Version, Malformed> {
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        };
        let (major, minor) = text.split_once('.').ok_or(Malformed::Version)?;
        match (number(major), number(minor)) {
            (Some(major), Some(minor)) => Ok(Version { major, minor }),
            _ => Err(Malformed::Version),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
