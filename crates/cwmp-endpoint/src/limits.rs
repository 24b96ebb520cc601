//! Named limits: what a peer can grow, and how long it may take.

use std::time::Duration;

/// Bytes of an Inform: thousands of changed values fit, which a device keeps until they are delivered. Who may send so
/// much is the host's to say before it hands anything in.
pub const MAX_INFORM: usize = 1024 * 1024;

/// Bytes of any other envelope: a whole tree fits.
pub const MAX_ENVELOPE: usize = 32 * 1024 * 1024;

/// The shortest time between two messages after which a session counts as lost (TR-069 3.2.1: no less than 30 s).
pub const IDLE_MINIMUM: Duration = Duration::from_secs(60);

/// The longest that a device may ask for (`SessionTimeout`).
pub const IDLE_MAXIMUM: Duration = Duration::from_secs(300);

/// How long a session may last altogether.
pub const SESSION_MAXIMUM: Duration = Duration::from_secs(60 * 60);

/// How long a session that is over still takes requests of a device that was not quite done.
pub const LINGER: Duration = Duration::from_secs(30);

/// Requests of a device in one session.
pub const MAX_REQUESTS: u32 = 1024;

/// Answers that can't be read, or answer nothing, before a session ends; a request that can't be read ends it at once.
pub const MAX_STRAY: u32 = 8;
