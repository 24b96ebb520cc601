//! One timer task for all instances of a process: an idle instance costs an entry, not a task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dm::Mono;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::limits::WAKES_PER_TURN;

/// Something that wants to be woken. Called from the timer task; must not block.
pub trait Wake: Send + Sync {
    /// The deadline has come. The timer is unset.
    fn wake(&self);
}

/// A timer of a [`Wheel`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerId(u64);

/// The shared timers. Dropping it ends the task.
#[derive(Debug)]
pub struct Wheel {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Timers {
    due: BTreeSet<(Mono, TimerId)>,
    entries: BTreeMap<TimerId, Entry>,
    next: u64,
}

struct Entry {
    at: Option<Mono>,
    target: Weak<dyn Wake>,
}

struct Shared {
    timers: Mutex<Timers>,
    earlier: Notify,
    clock: Arc<dyn Clock>,
}

impl Wheel {
    /// Starts the task.
    pub fn start(clock: Arc<dyn Clock>, runtime: &Handle) -> Wheel {
        let shared = Arc::new(Shared { timers: Mutex::default(), earlier: Notify::new(), clock });
        let task = runtime.spawn(run(shared.clone()));
        Wheel { shared, task }
    }

    /// A timer, not set. The target is held weakly.
    pub fn register(&self, target: Weak<dyn Wake>) -> TimerId {
        let mut timers = self.shared.lock();
        let id = TimerId(timers.next);
        timers.next += 1;
        timers.entries.insert(id, Entry { at: None, target });
        id
    }

    /// Sets a timer, or unsets it.
    pub fn set(&self, id: TimerId, at: Option<Mono>) {
        let mut timers = self.shared.lock();
        let Some(entry) = timers.entries.get_mut(&id) else { return };
        let before = std::mem::replace(&mut entry.at, at);
        if before == at {
            return;
        }
        if let Some(before) = before {
            timers.due.remove(&(before, id));
        }
        if let Some(at) = at {
            timers.due.insert((at, id));
            if timers.due.first() == Some(&(at, id)) {
                self.shared.earlier.notify_one();
            }
        }
    }

    /// Gives a timer up.
    pub fn remove(&self, id: TimerId) {
        let mut timers = self.shared.lock();
        if let Some(Entry { at: Some(at), .. }) = timers.entries.remove(&id) {
            timers.due.remove(&(at, id));
        }
    }
}

impl Drop for Wheel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Timers> {
        // Nothing panics with the lock held, and an entry too many or too few does no harm.
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is due, or says when something will be.
    fn take_due(&self) -> Result<Vec<Weak<dyn Wake>>, Option<Mono>> {
        let now = self.clock.now().mono;
        let mut timers = self.lock();
        let mut due = Vec::new();
        while let Some(&(at, id)) = timers.due.first()
            && at <= now
            && due.len() < WAKES_PER_TURN
        {
            timers.due.pop_first();
            if let Some(entry) = timers.entries.get_mut(&id) {
                entry.at = None;
                due.push(entry.target.clone());
            }
        }
        if due.is_empty() { Err(timers.due.first().map(|(at, _)| *at)) } else { Ok(due) }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        match shared.take_due() {
            Ok(targets) => {
                for target in targets.iter().filter_map(Weak::upgrade) {
                    target.wake();
                }
                tokio::task::yield_now().await;
            }
            Err(Some(at)) => tokio::select! {
                () = shared.clock.sleep_until(at) => {}
                () = shared.earlier.notified() => {}
            },
            Err(None) => shared.earlier.notified().await,
        }
    }
}
