//! Message ids: unique for this sender, across restarts too (R-MSG.8).
//!
//! A random prefix per start and a counter of fixed width, so that ids sort by age.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A source of message ids.
#[derive(Clone, Debug)]
pub struct MsgIds {
    prefix: u64,
    count: u64,
}

impl MsgIds {
    /// Ids with a prefix drawn from the seed, which no other start may share.
    pub fn new(seed: [u8; 32]) -> MsgIds {
        MsgIds { prefix: ChaCha12Rng::from_seed(seed).next_u64(), count: 0 }
    }

    /// The next id: 16 hexadecimal digits, a hyphen and 10 decimal digits.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and is no iterator")]
    pub fn next(&mut self) -> String {
        self.count += 1;
        format!("{:016x}-{:010}", self.prefix, self.count)
    }
}
