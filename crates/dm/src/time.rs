//! Time as the pure crates see it: handed in, never read.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Monotonic time since an arbitrary origin of this process, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(pub u64);

/// A point in UTC, in microseconds since 1970-01-01T00:00:00Z (negative before it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UtcTime(pub i64);

/// The present: always monotonic, and absolute only once the clock is known to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// For intervals, deadlines and timers.
    pub mono: Mono,
    /// For what people and peers are told. `None` before the first synchronisation.
    pub utc: Option<UtcTime>,
}

impl Mono {
    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, by: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Mono> for Mono {
    type Output = Duration;
    fn sub(self, earlier: Mono) -> Duration {
        self.since(earlier)
    }
}
