//! Where time comes from: the only place in the engine that reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dm::{Mono, Now, UtcTime};

use crate::provider::Pending;

/// Gives the present, and waits.
pub trait Clock: Send + Sync + 'static {
    /// The present.
    fn now(&self) -> Now;

    /// Ready at `at`, or at once when that has passed.
    fn sleep_until(&self, at: Mono) -> Pending<'static, ()>;
}

/// 2024-01-01T00:00:00Z. A system that says it is earlier has not set its clock since it was switched on.
const CREDIBLE: UtcTime = UtcTime(1_704_067_200_000_000);

/// The system's clocks. Monotonic time is that of the tokio runtime, so that a paused runtime has virtual
/// time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: tokio::time::Instant,
    utc: fn() -> UtcTime,
}

impl SystemClock {
    /// Monotonic time counts from now.
    pub fn new() -> SystemClock {
        SystemClock::with_utc(system_utc)
    }

    /// UTC from elsewhere.
    pub fn with_utc(utc: fn() -> UtcTime) -> SystemClock {
        SystemClock { origin: tokio::time::Instant::now(), utc }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let mono = Mono::default() + self.origin.elapsed();
        let utc = (self.utc)();
        Now { mono, utc: (utc >= CREDIBLE).then_some(utc) }
    }

    fn sleep_until(&self, at: Mono) -> Pending<'static, ()> {
        let until = self.origin + Duration::from_micros(at.0);
        Box::pin(tokio::time::sleep_until(until))
    }
}

fn system_utc() -> UtcTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcTime(0) + since
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc_of(utc: fn() -> UtcTime) -> Option<UtcTime> {
        SystemClock::with_utc(utc).now().utc
    }

    #[test]
    fn a_date_before_2024_is_no_date() {
        assert_eq!(utc_of(|| UtcTime(0)), None);
        assert_eq!(utc_of(|| UtcTime(1_704_067_199_999_999)), None);
        assert_eq!(utc_of(|| UtcTime(1_704_067_200_000_000)), Some(UtcTime(1_704_067_200_000_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_moves_monotonic_time() {
        let clock = SystemClock::new();
        assert_eq!(clock.now().mono, Mono(0));
        tokio::time::advance(Duration::from_micros(2_500_000)).await;
        assert_eq!(clock.now().mono, Mono(2_500_000));
    }
}
