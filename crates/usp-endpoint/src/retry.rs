//! The retry schedule of TR-369, which notifications (R-NOT.1) share with reconnects and sessions: a
//! pure function of the number of the retry and a random number.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::RngCore;

/// From this retry on the window stays.
const LAST_STEP: u32 = 10;

/// The parameters of the schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// `m`: the shortest first wait in seconds, 1-65535.
    pub minimum_wait_s: u32,
    /// `k`: growth from wait to wait in thousandths, 1000-65535.
    pub multiplier: u32,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { minimum_wait_s: 5, multiplier: 2000 }
    }
}

impl Schedule {
    /// The wait before retry `n` (from 1): uniform in `[m*(k/1000)^(n-1), m*(k/1000)^n]` (R-NOT.1).
    pub fn wait(&self, n: u32, random: &mut ChaCha12Rng) -> Duration {
        let (low, high) = self.window(n);
        // 53 random bits fill the mantissa: uniform in [0, 1).
        let fraction = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        Duration::from_secs_f64(low + (high - low) * fraction)
    }

    /// The bounds of the wait before retry `n`, in seconds.
    fn window(&self, n: u32) -> (f64, f64) {
        // The extreme parameters give 10^23 seconds, more than a Duration in microseconds holds.
        const LONGEST_S: f64 = 3.0e9;
        let growth = f64::from(self.multiplier.clamp(1000, 65_535)) / 1000.0;
        let step = i32::try_from(n.clamp(1, LAST_STEP)).expect("at most LAST_STEP");
        let low = f64::from(self.minimum_wait_s.clamp(1, 65_535)) * growth.powi(step - 1);
        (low.min(LONGEST_S), (low * growth).min(LONGEST_S))
    }
}
