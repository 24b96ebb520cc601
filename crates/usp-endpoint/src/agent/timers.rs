//! What the machine waits for by the clock: one table, one entry per [`Timer`].

use dm::Mono;
use usp_proto::EndpointId;
use usp_proto::link::LinkId;

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
    /// No Message has come by a connection whose certificate was trusted on first use.
    FirstUse(LinkId),
    /// The delay of a `Device.ScheduleTimer()`, by row number, has passed.
    Scheduled(u32),
}

/// The latest first. An idle agent has one or two, and pays for no more.
#[derive(Default)]
pub(super) struct Timers(Vec<(Mono, Timer)>);

impl Timers {
    /// Sets a timer, in place of an earlier setting.
    pub(super) fn set(&mut self, timer: Timer, at: Mono) {
        self.cancel(&timer);
        let entry = (at, timer);
        let index = self.0.partition_point(|known| *known > entry);
        if self.0.capacity() == 0 {
            self.0.reserve_exact(1);
        }
        self.0.insert(index, entry);
    }

    pub(super) fn cancel(&mut self, timer: &Timer) {
        if let Some(index) = self.0.iter().position(|(_, known)| known == timer) {
            self.0.remove(index);
        }
    }

    /// Takes out a timer whose time has come.
    pub(super) fn due(&mut self, now: Mono) -> Option<Timer> {
        self.0.pop_if(|(at, _)| *at <= now).map(|(_, timer)| timer)
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.0.last().map(|(at, _)| *at)
    }

    /// Gives back what a burst has taken.
    pub(super) fn free(&mut self) {
        if self.0.capacity() > 2 * self.0.len() + 4 {
            self.0.shrink_to_fit();
        }
    }
}
