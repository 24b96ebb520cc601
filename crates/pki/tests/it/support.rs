//! Fixed dates and a CA for the tests.

use std::time::{Duration, SystemTime};

use pki::{Ca, Validity};
use rustls_pki_types::UnixTime;
use usp_proto::EndpointId;

/// 2026-01-01T00:00:00Z.
pub(crate) const START_S: u64 = 1_767_225_600;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const DEVICE: &str = "os::00256D-0001";
pub(crate) const CONTROLLER: &str = "self::controller-1";

/// Days after (or before) the start of the tests' world.
pub(crate) fn day(day: i64) -> UnixTime {
    let seconds = START_S.checked_add_signed(day * 86_400).expect("a day within reach");
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn validity(days: u32) -> Validity {
    Validity::lasting(SystemTime::UNIX_EPOCH + Duration::from_secs(START_S), DAY * days)
}

pub(crate) fn ca() -> Ca {
    Ca::create("Test CA", validity(3650)).expect("a CA can be made")
}

pub(crate) fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("a test's endpoint id is valid")
}
