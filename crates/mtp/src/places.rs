//! Places for connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections there may be at a time: of one listener, or of several that share what a process has. Clones
/// share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Semaphore>);

impl Places {
    /// So many, at most [`Semaphore::MAX_PERMITS`].
    pub fn new(limit: usize) -> Places {
        Places(Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))))
    }

    /// One of them, which is given back when it is dropped; `None` when all are taken.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}
