//! Latencies of a run: a fixed table of counts, written without a lock, whatever is measured and however
//! long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Each doubling of the time is divided into this many steps: a figure is too high by 1/16 at most.
const STEPS: u64 = 16;
/// Times up to 2^40 µs, about 12 days; longer ones count as that.
const DOUBLINGS: u64 = 40;
const BUCKETS: usize = (STEPS * (DOUBLINGS - 3)) as usize;

/// Counts of latencies.
#[derive(Debug)]
pub struct Latencies {
    buckets: Box<[AtomicU64]>,
}

/// Percentiles in milliseconds; each is the upper edge of its step.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half are no longer than this.
    pub p50_ms: f64,
    /// 95 of 100 are no longer than this.
    pub p95_ms: f64,
    /// 99 of 100 are no longer than this.
    pub p99_ms: f64,
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// The percentiles of all that was counted so far.
    pub fn percentiles(&self) -> Percentiles {
        let counts: Vec<u64> = self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let count: u64 = counts.iter().sum();
        let at = |percent: u64| {
            let rank = (count * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let found = counts.iter().position(|counted| {
                seen += counted;
                seen >= rank
            });
            found.map_or(0.0, |bucket| edge(bucket) as f64 / 1000.0)
        };
        Percentiles { count, p50_ms: at(50), p95_ms: at(95), p99_ms: at(99) }
    }
}

fn bucket(micros: u64) -> usize {
    let micros = micros.min((1 << DOUBLINGS) - 1);
    if micros < STEPS {
        return micros as usize;
    }
    let doubling = u64::from(micros.ilog2());
    let step = (micros >> (doubling - 4)) & (STEPS - 1);
    ((doubling - 3) * STEPS + step) as usize
}

/// The largest number of microseconds that falls into a bucket.
fn edge(bucket: usize) -> u64 {
    let (group, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    match group {
        0 => step,
        group => ((STEPS + step + 1) << (group - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        let cases =
            [(0, 0), (15, 15), (16, 16), (31, 31), (32, 33), (33, 33), (34, 35), (1000, 1023), (1024, 1087)];
        for (micros, expected) in cases {
            assert_eq!(edge(bucket(micros)), expected, "{micros}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(edge(BUCKETS - 1), (1 << 40) - 1);
    }

    #[test]
    fn percentiles_are_ranks() {
        let latencies = Latencies::default();
        assert_eq!(latencies.percentiles(), Percentiles::default());
        for _ in 0..98 {
            latencies.record(Duration::from_micros(10));
        }
        latencies.record(Duration::from_micros(1000));
        latencies.record(Duration::from_millis(500));
        let found = latencies.percentiles();
        assert_eq!((found.count, found.p50_ms, found.p95_ms, found.p99_ms), (100, 0.010, 0.010, 1.023));
    }
}
