//! The domain: tables of cases and properties.

mod audit;
mod check;
mod dto;
mod enrolment;
mod filter;
mod jobs;
mod lane;
mod onboarding;
mod secret;
mod twin;

use dm::UtcTime;

/// A time in seconds.
pub(crate) fn at(seconds: i64) -> UtcTime {
    UtcTime(seconds * 1_000_000)
}
