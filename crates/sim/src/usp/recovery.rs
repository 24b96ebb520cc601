//! How a fleet comes back after a power cut, counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::tally::Count;
use crate::latency::{Latencies, Percentiles};

/// Counts since the power went.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    began: OnceLock<Instant>,
    agents: AtomicUsize,
    back: AtomicUsize,
    over_window: AtomicUsize,
    acknowledged: AtomicUsize,
    failed_attempts: Count,
    first_attempt_us: AtomicU64,
    last_back_us: AtomicU64,
    last_acknowledged_us: AtomicU64,
    connect_latency: Latencies,
    boot_latency: Latencies,
}

/// How a fleet came back after a power cut.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct PowerCutReport {
    /// Agents that lost power.
    pub agents: usize,
    /// Agents that were connected again.
    pub back: usize,
    /// Agents whose Boot! was answered, which a controller does when it has stored it.
    pub acknowledged: usize,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
    /// Agents that did not get in with the attempt that they came back with, and waited once more by the schedule.
    pub over_window: usize,
    /// Seconds from the first attempt to the last connection.
    pub back_s: f64,
    /// Seconds from the first attempt to the last answer to a Boot!.
    pub acknowledged_s: f64,
    /// Agents per second that came back and had their Boot! answered.
    pub agents_per_s: f64,
    /// Seconds from the cut to the last connection: the longest that any agent was away.
    pub longest_away_s: f64,
    /// From the attempt to the finished upgrade, or to the subscription.
    pub connect_latency: Percentiles,
    /// From a Boot! to its answer.
    pub boot_latency: Percentiles,
}

impl Recovery {
    /// The power goes.
    pub(super) fn begin(&self, agents: usize) {
        self.agents.store(agents, Ordering::Relaxed);
        self.first_attempt_us.store(u64::MAX, Ordering::Relaxed);
        let _ = self.began.set(Instant::now());
    }

    fn passed_us(&self) -> Option<u64> {
        let passed = self.began.get()?.elapsed().as_micros();
        Some(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// An agent has tried to connect, for so long; before the cut that does not count.
    pub(super) fn tried(&self, latency: Duration, worked: bool) {
        let Some(now) = self.passed_us() else { return };
        let took = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.first_attempt_us.fetch_min(now.saturating_sub(took), Ordering::Relaxed);
        if worked {
            self.connect_latency.record(latency);
        } else {
            self.failed_attempts.add();
        }
    }

    /// An agent is connected again, with its first attempt or a later one.
    pub(super) fn back(&self, with_first: bool) {
        let Some(now) = self.passed_us() else { return };
        self.back.fetch_add(1, Ordering::Relaxed);
        self.last_back_us.fetch_max(now, Ordering::Relaxed);
        if !with_first {
            self.over_window.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The Boot! of an agent was answered, after so long.
    pub(super) fn acknowledged(&self, latency: Duration) {
        let Some(now) = self.passed_us() else { return };
        self.boot_latency.record(latency);
        self.last_acknowledged_us.fetch_max(now, Ordering::Relaxed);
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether all are back and heard.
    pub(super) fn is_over(&self) -> bool {
        let agents = self.agents.load(Ordering::Relaxed);
        self.began.get().is_some() && self.acknowledged.load(Ordering::Relaxed) >= agents
    }

    /// `None` before a cut.
    pub(super) fn report(&self) -> Option<PowerCutReport> {
        self.began.get()?;
        let at = |stamp: &AtomicU64| stamp.load(Ordering::Relaxed);
        let first = at(&self.first_attempt_us);
        let since_first = |last: u64| Duration::from_micros(last.saturating_sub(first)).as_secs_f64();
        let acknowledged = self.acknowledged.load(Ordering::Relaxed);
        let acknowledged_s = since_first(at(&self.last_acknowledged_us));
        Some(PowerCutReport {
            agents: self.agents.load(Ordering::Relaxed),
            back: self.back.load(Ordering::Relaxed),
            acknowledged,
            failed_attempts: self.failed_attempts.get(),
            over_window: self.over_window.load(Ordering::Relaxed),
            back_s: since_first(at(&self.last_back_us)),
            acknowledged_s,
            agents_per_s: if acknowledged_s > 0.0 { acknowledged as f64 / acknowledged_s } else { 0.0 },
            longest_away_s: Duration::from_micros(at(&self.last_back_us)).as_secs_f64(),
            connect_latency: self.connect_latency.percentiles(),
            boot_latency: self.boot_latency.percentiles(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counts_before_the_cut() {
        let recovery = Recovery::default();
        recovery.tried(Duration::from_millis(5), false);
        recovery.back(true);
        recovery.acknowledged(Duration::from_millis(5));
        assert_eq!(recovery.report(), None);
        assert!(!recovery.is_over());
    }

    #[test]
    fn what_counts_after_it() {
        let recovery = Recovery::default();
        recovery.begin(2);
        recovery.tried(Duration::from_millis(5), false);
        recovery.tried(Duration::from_millis(5), true);
        recovery.back(false);
        recovery.back(true);
        recovery.acknowledged(Duration::from_millis(7));
        assert!(!recovery.is_over());
        recovery.acknowledged(Duration::from_millis(7));
        assert!(recovery.is_over());
        let report = recovery.report().expect("there was a cut");
        assert_eq!((report.agents, report.back, report.acknowledged), (2, 2, 2));
        assert_eq!((report.failed_attempts, report.over_window), (1, 1));
        assert_eq!((report.connect_latency.count, report.boot_latency.count), (1, 2));
    }
}
