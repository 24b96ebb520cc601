//! What the machine waits for by the clock: one table, one entry per [`Timer`].

use std::collections::{BTreeMap, BTreeSet};

use dm::Mono;
use usp_proto::EndpointId;

/// What is due.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// Send a notification, by message id, to a controller again.
    Retry(EndpointId, String),
    /// Tell a controller that its period has passed.
    Periodic(EndpointId),
    /// Send another OnBoardRequest: the last one was answered, and onboarding is still incomplete.
    OnBoard(EndpointId),
    /// The TimeToLive of a subscription, by row number, has passed.
    Expiry(u32),
}

#[derive(Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Mono, Timer)>,
    by_timer: BTreeMap<Timer, Mono>,
}

impl Timers {
    /// Sets a timer, in place of an earlier setting.
    pub(super) fn set(&mut self, timer: Timer, at: Mono) {
        self.cancel(&timer);
        self.by_time.insert((at, timer.clone()));
        self.by_timer.insert(timer, at);
    }

    pub(super) fn cancel(&mut self, timer: &Timer) {
        if let Some(at) = self.by_timer.remove(timer) {
            self.by_time.remove(&(at, timer.clone()));
        }
    }

    /// Takes out a timer whose time has come.
    pub(super) fn due(&mut self, now: Mono) -> Option<Timer> {
        let (at, timer) = self.by_time.first()?.clone();
        if at > now {
            return None;
        }
        self.cancel(&timer);
        Some(timer)
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.by_time.first().map(|(at, _)| *at)
    }
}
