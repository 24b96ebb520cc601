//! How long a client waits before it connects again: no timer, a function of a seed.

use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::retry::uniform;

/// The bounds of R-UDS.5, seconds.
const WAIT_S: (f64, f64) = (1.0, 5.0);

/// The waits of one client. They don't grow: the other end is a process of the same host.
#[derive(Clone, Debug)]
pub struct Reconnect(ChaCha12Rng);

impl Reconnect {
    /// Clients should not share a seed, so that they don't come back together.
    pub fn new(seed: [u8; 32]) -> Reconnect {
        Reconnect(ChaCha12Rng::from_seed(seed))
    }

    /// R-UDS.5: the wait before the next attempt, uniform between 1 and 5 seconds.
    pub fn next_wait(&mut self) -> Duration {
        uniform(&mut self.0, WAIT_S.0, WAIT_S.1)
    }
}
