//! Endpoint ids in certificates: the URN of subjectAltName, and the wildcards that only stand there.
//!
//! Which certificate is trusted is decided elsewhere.

use super::EndpointId;
use crate::Malformed;

/// What stands before an endpoint id in a URI of subjectAltName, and nowhere else (R-SEC.0a).
pub const URN_PREFIX: &str = "urn:bbf:usp:id:";

impl EndpointId {
    /// The id as a URI of subjectAltName.
    pub fn to_urn(&self) -> String {
        format!("{URN_PREFIX}{self}")
    }

    /// Reads a URI of subjectAltName; `None` if it is about something else. The prefix is a URN, whose
    /// case does not matter; that of the id does.
    pub fn from_urn(uri: &str) -> Option<Result<EndpointId, Malformed>> {
        let (prefix, id) = uri.split_at_checked(URN_PREFIX.len())?;
        prefix.eq_ignore_ascii_case(URN_PREFIX).then(|| EndpointId::receive(id))
    }

    /// Whether a certificate with this id speaks for `id`: they are equal, or this one has wildcards
    /// where they are allowed and they match.
    pub fn certifies(&self, id: &EndpointId) -> bool {
        // An id that itself holds a wildcard is nobody's.
        if id.instance().contains('*') {
            return false;
        }
        if self == id {
            return true;
        }
        // R-SEC.12: within the instance-id, and only in schemes where an owner hands out the instances.
        let same = self.scheme() == id.scheme() && self.authority() == id.authority();
        same && match self.scheme() {
            "oui" | "cid" | "pen" => glob(self.instance().as_bytes(), id.instance().as_bytes()),
            "os" | "ops" => match (self.instance().split_once('-'), id.instance().split_once('-')) {
                // The OUI is whoever assigned the rest: it is literal.
                (Some((ours, pattern)), Some((theirs, rest))) => {
                    ours == theirs && !ours.contains('*') && glob(pattern.as_bytes(), rest.as_bytes())
                }
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether the pattern matches the whole text; each `*` stands for one byte or more, so that a wildcard
/// certificate never covers an empty serial number. Goes back to the latest star only, hence quadratic
/// at worst over a bounded length.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match pattern.get(p) {
            Some(b'*') if t < text.len() => {
                retry = Some((p + 1, t + 1));
                p += 1;
                t += 1;
                continue;
            }
            Some(b'*') => {}
            Some(literal) if text.get(t) == Some(literal) => {
                p += 1;
                t += 1;
                continue;
            }
            None if t == text.len() => return true,
            _ => {}
        }
        match retry {
            Some((after, from)) if from < text.len() => {
                retry = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            _ => return false,
        }
    }
}
