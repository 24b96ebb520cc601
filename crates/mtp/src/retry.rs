//! The reconnect schedule of TR-369 (R-WS.19): a pure function of attempts and a seed, no timer.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::limits::MAX_RETRY_WAIT;

/// The exponent stops growing here: the standard's schedule has ten steps.
const MAX_EXPONENT: u32 = 10;

/// The two parameters of the schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// `m`: the first wait is at least this long, seconds (1-65535).
    pub minimum_wait_s: u32,
    /// `k`: how much longer each wait is than the one before, in thousandths (1000-65535).
    pub multiplier: u32,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { minimum_wait_s: 5, multiplier: 2000 }
    }
}

/// Counts attempts and says how long to wait before the next one.
#[derive(Clone, Debug)]
pub struct Retry {
    schedule: Schedule,
    attempts: u32,
    random: ChaCha12Rng,
}

impl Retry {
    /// Starts at the first attempt. Devices must not share a seed: the jitter is there to spread them.
    pub fn new(schedule: Schedule, seed: [u8; 32]) -> Retry {
        Retry { schedule, attempts: 0, random: ChaCha12Rng::from_seed(seed) }
    }

    /// The wait before the next attempt.
    ///
    /// R-WS.19: before attempt n, uniform between `m*(k/1000)^(n-1)` and `m*(k/1000)^n` seconds; from the
    /// tenth on the range stays.
    pub fn next_wait(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1).min(MAX_EXPONENT);
        let growth = f64::from(self.schedule.multiplier.max(1000)) / 1000.0;
        let exponent = i32::try_from(self.attempts).unwrap_or(1);
        let low = f64::from(self.schedule.minimum_wait_s.max(1)) * growth.powi(exponent - 1);
        let high = low * growth;
        uniform(&mut self.random, low, high)
    }

    /// R-WS.20: back to the first attempt, when a session stands. (R-WS.21 comes by itself: the count does
    /// not outlive the process.)
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A wait between `low` and `high` seconds, and never over [`MAX_RETRY_WAIT`].
pub(crate) fn uniform(random: &mut ChaCha12Rng, low: f64, high: f64) -> Duration {
    // 53 random bits fill the mantissa: uniform in [0, 1).
    let fraction = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    Duration::from_secs_f64((low + (high - low) * fraction).min(MAX_RETRY_WAIT.as_secs_f64()))
}
