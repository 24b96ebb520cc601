//! The server's clock and chance: the only place where it reads either.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dm::{Mono, Now, UtcTime};
use fleet::ids::Stamp;

/// Time and randomness of this process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Clock { start: Instant::now() }
    }

    /// The present.
    pub fn now(&self) -> Now {
        Now {
            mono: Mono(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)),
            utc: Some(self.utc()),
        }
    }

    /// The present in UTC; a server without a clock would be wrong about every deadline and certificate.
    pub fn utc(&self) -> UtcTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UtcTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// What a new id is made of.
    pub fn stamp(&self) -> Stamp {
        Stamp { at: self.utc(), chance: chance() }
    }
}

/// Bytes from the system's source of randomness.
///
/// # Panics
/// When the system has none: nothing that this server does would be safe then.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}
