//! Versions of CWMP: namespaces of envelopes, and the lists that two headers carry.

use std::fmt;

use crate::limits::MAX_VERSIONS;

const NAMESPACE: &str = "urn:dslforum-org:cwmp-1-";

/// The namespace of an envelope, `urn:dslforum-org:cwmp-1-N`. The standard stops at 2; devices go on to 4, and
/// answers go out in the one that the CPE used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Namespace {
    /// The N.
    pub minor: u16,
}

impl Namespace {
    /// The newest that the standard has.
    pub const NEWEST: Namespace = Namespace { minor: 2 };

    /// The namespace of a URI. White space and case don't matter.
    pub fn from_uri(uri: &str) -> Option<Namespace> {
        let uri = uri.trim();
        let minor = uri
            .get(..NAMESPACE.len())
            .filter(|start| start.eq_ignore_ascii_case(NAMESPACE))
            .map(|_| &uri[NAMESPACE.len()..])?;
        if !minor.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        minor.parse().ok().map(|minor| Namespace { minor })
    }

    /// The URI.
    pub fn uri(self) -> String {
        format!("{NAMESPACE}{}", self.minor)
    }

    /// The highest version that a peer may be taken to speak which said no more than this namespace: 1.3 and 1.4
    /// share the namespace of 1.2, and are told by their headers alone.
    pub fn version(self) -> CwmpVersion {
        CwmpVersion { major: 1, minor: self.minor }
    }
}

/// A version of the protocol, as 1.4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CwmpVersion {
    /// 1.
    pub major: u16,
    /// 0 to 4 so far.
    pub minor: u16,
}

impl CwmpVersion {
    /// What this crate speaks, oldest first.
    pub const SPOKEN: [CwmpVersion; 5] = [
        CwmpVersion { major: 1, minor: 0 },
        CwmpVersion { major: 1, minor: 1 },
        CwmpVersion { major: 1, minor: 2 },
        CwmpVersion { major: 1, minor: 3 },
        CwmpVersion { major: 1, minor: 4 },
    ];

    /// Reads `1.4`.
    pub fn parse(text: &str) -> Option<CwmpVersion> {
        let (major, minor) = text.trim().split_once('.')?;
        Some(CwmpVersion { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Reads the list of `SupportedCWMPVersions`: what can't be read in it is skipped.
    pub fn parse_list(text: &str) -> Vec<CwmpVersion> {
        text.split(',').filter_map(CwmpVersion::parse).take(MAX_VERSIONS).collect()
    }

    /// Writes the list.
    pub fn list(versions: &[CwmpVersion]) -> String {
        let texts: Vec<String> = versions.iter().map(ToString::to_string).collect();
        texts.join(",")
    }

    /// The highest version in both lists, which `UseCWMPVersion` says; none answers with fault 8006.
    pub fn highest_common(ours: &[CwmpVersion], theirs: &[CwmpVersion]) -> Option<CwmpVersion> {
        ours.iter().filter(|version| theirs.contains(version)).max().copied()
    }
}

impl fmt::Display for CwmpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
