//! The limit on open files: each simulated agent takes one.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::RESERVED_DESCRIPTORS;

/// Raises the soft limit to the hard one. Gives how many agents that allows; `None`: as many as one likes.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let now = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    now.map(|descriptors| descriptors.saturating_sub(RESERVED_DESCRIPTORS))
}

/// Refuses a fleet that the limit does not allow.
///
/// # Errors
/// When `count` is more than `allowed`; the text says what to do about it.
pub fn check(count: usize, allowed: Option<u64>) -> anyhow::Result<()> {
    match allowed {
        Some(allowed) if count as u64 > allowed => bail!(
            "{count} agents need more open files than this process may have: the hard limit allows {allowed} \
             agents. Raise it (ulimit -Hn, LimitNOFILE=), or simulate fewer."
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_allowed_is_refused_with_the_number() {
        assert!(check(10_000, Some(10_000)).is_ok());
        assert!(check(10_001, None).is_ok());
        let text = check(10_001, Some(10_000)).unwrap_err().to_string();
        assert!(text.contains("the hard limit allows 10000 agents"), "{text}");
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let allowed = raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert_eq!(allowed.map(|agents| agents + 64), limit.maximum);
    }
}
