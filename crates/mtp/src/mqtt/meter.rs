//! What went through the connections to a broker, counted: the numbers of `MQTT.Client.{i}.Stats.`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Packets, by what they are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// PUBLISH packets that we sent.
    pub published: u64,
    /// PUBLISH packets that we heard.
    pub heard: u64,
    /// SUBSCRIBE packets that we sent.
    pub subscribes: u64,
    /// UNSUBSCRIBE packets that we sent.
    pub unsubscribes: u64,
    /// Records that could not be published.
    pub unpublished: u64,
    /// All packets that we sent.
    pub packets_out: u64,
    /// All packets that we heard.
    pub packets_in: u64,
}

/// What has come together since the meter was made, over all connections that share it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// Packets.
    pub counted: Counted,
    /// Attempts to connect that failed.
    pub failures: u64,
    /// When the latest connection was made, by the system's clock.
    pub established: Option<SystemTime>,
    /// When the latest PUBLISH was sent.
    pub last_published: Option<SystemTime>,
    /// When the latest PUBLISH was heard.
    pub last_heard: Option<SystemTime>,
}

/// Counts for one broker; whoever holds it may look at any time.
#[derive(Default, Debug)]
pub struct Meter(Mutex<Totals>);

impl Meter {
    /// What it shows now.
    pub fn totals(&self) -> Totals {
        *self.lock()
    }

    pub(super) fn add(&self, more: Counted) {
        if more == Counted::default() {
            return;
        }
        let mut totals = self.lock();
        let counted = &mut totals.counted;
        counted.published += more.published;
        counted.heard += more.heard;
        counted.subscribes += more.subscribes;
        counted.unsubscribes += more.unsubscribes;
        counted.unpublished += more.unpublished;
        counted.packets_out += more.packets_out;
        counted.packets_in += more.packets_in;
        if more.published > 0 {
            totals.last_published = Some(SystemTime::now());
        }
        if more.heard > 0 {
            totals.last_heard = Some(SystemTime::now());
        }
    }

    pub(super) fn connected(&self) {
        self.lock().established = Some(SystemTime::now());
    }

    pub(super) fn failed(&self) {
        self.lock().failures += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
