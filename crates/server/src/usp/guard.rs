//! Whatever is done for a session runs under its guard: a panic of it ends that session alone (invariant 10).

use std::panic::AssertUnwindSafe;

use fleet::port::Store;
use futures_util::FutureExt as _;

use super::Usp;
use super::session::Session;

impl<S: Store> Usp<S> {
    /// Carries out what concerns one session; `None` if it panicked. The session ends of that as of any other cause, by
    /// which its lane is given back and what was under way waits again or is in doubt.
    pub(super) async fn guarded<T>(&self, session: &Session<S>, work: impl Future<Output = T>) -> Option<T> {
        let done = AssertUnwindSafe(work).catch_unwind().await;
        done.inspect_err(|_| session.panicked(self)).ok()
    }
}
