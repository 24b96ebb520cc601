//! The reconnect schedule of STOMP (R-STOMP.7): no timer, a function of attempts and a seed.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::retry::uniform;

/// The range stops growing here.
const MAX_EXPONENT: i32 = 10;

/// The three `STOMP.Connection.{i}.ServerRetry*` parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// `ServerRetryInitialInterval`: the longest first wait, seconds (1-65535).
    pub initial_s: u32,
    /// `ServerRetryIntervalMultiplier`, in thousandths (1000-65535).
    pub multiplier: u32,
    /// `ServerRetryMaxInterval`: the longest wait of all, seconds.
    pub maximum_s: u32,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { initial_s: 60, multiplier: 2000, maximum_s: 30_720 }
    }
}

/// Counts attempts and says how long to wait before the next one.
#[derive(Clone, Debug)]
pub struct Retry {
    schedule: Schedule,
    attempts: i32,
    random: ChaCha12Rng,
}

impl Retry {
    /// Starts at the first attempt. Devices must not share a seed: the jitter is there to spread them.
    pub fn new(schedule: Schedule, seed: [u8; 32]) -> Retry {
        Retry { schedule, attempts: 0, random: ChaCha12Rng::from_seed(seed) }
    }

    /// The wait before the next attempt: before attempt n uniform between 0 and `initial*(k/1000)^(n-1)`
    /// seconds, and no longer than the maximum; from the tenth on the range stays.
    pub fn next_wait(&mut self) -> Duration {
        self.attempts = (self.attempts + 1).min(MAX_EXPONENT);
        let growth = f64::from(self.schedule.multiplier.max(1000)) / 1000.0;
        let high = f64::from(self.schedule.initial_s.max(1)) * growth.powi(self.attempts - 1);
        uniform(&mut self.random, 0.0, high).min(Duration::from_secs(self.schedule.maximum_s.into()))
    }

    /// Back to the first attempt, when a connection stands.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}
