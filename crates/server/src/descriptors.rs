//! File descriptors: the soft limit is raised to the hard one, and says how many peers may connect.

use std::num::NonZeroUsize;

use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::{HTTP_CONNECTIONS, OWN_DESCRIPTORS};

/// How descriptors are shared out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shares {
    /// Devices that may be connected.
    pub(crate) peers: NonZeroUsize,
    /// HTTP connections that may be open.
    pub(crate) http: usize,
}

/// Raises the soft limit to the hard one, and shares out what there is.
///
/// # Errors
/// When there are too few for any peer.
pub(crate) fn raise() -> anyhow::Result<Shares> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files could not be raised");
            limit.current
        }
    };
    share(descriptors).with_context(|| format!("{} open files are allowed", shown(descriptors)))
}

/// HTTP gets its limit, or a quarter where there are few; peers get the rest. No limit is `None`.
fn share(descriptors: Option<u64>) -> anyhow::Result<Shares> {
    let free = descriptors.unwrap_or(u64::MAX).saturating_sub(OWN_DESCRIPTORS);
    let free = usize::try_from(free).unwrap_or(usize::MAX);
    let http = HTTP_CONNECTIONS.min(free / 4);
    match NonZeroUsize::new(free - http) {
        Some(peers) if http > 0 => Ok(Shares { peers, http }),
        _ => bail!("that is too few to serve anybody: raise the limit (ulimit -n, LimitNOFILE=)"),
    }
}

fn shown(descriptors: Option<u64>) -> String {
    descriptors.map_or_else(|| "unlimited".to_owned(), |count| count.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_descriptors_are_shared_and_none_are_an_error() {
        let check = |descriptors, peers, http| {
            let shares = share(descriptors).expect("enough");
            assert_eq!((shares.peers.get(), shares.http), (peers, http), "{descriptors:?}");
        };
        check(Some(1024), 576, 192);
        check(Some(1_048_576), 1_044_224, 4096);
        assert!(share(Some(256)).is_err());
        assert!(share(Some(10)).is_err());
        assert!(share(None).is_ok());
    }
}
