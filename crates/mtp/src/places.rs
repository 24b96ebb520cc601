//! Places for connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections there may be at a time: of one listener, or of several that share what a process has. Those of
/// whom nothing is known yet have half of them, so that they can't keep out who comes next. Clones share them.
#[derive(Clone, Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// A place; given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    /// So many, at most [`Semaphore::MAX_PERMITS`].
    pub fn new(limit: usize) -> Places {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let places = |count| Arc::new(Semaphore::new(count));
        Places { all: places(limit), strangers: places(limit.div_ceil(2)) }
    }

    /// A place for a connection, and one among strangers, to be given back as soon as it is let in. `None` when all are
    /// taken.
    pub(crate) fn take(&self) -> Option<(Place, Place)> {
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_owned().ok();
        Some((take(&self.all)?, take(&self.strangers)?))
    }
}
