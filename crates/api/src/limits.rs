//! How far anything here can grow. Each limit is named for what it bounds.

use std::time::Duration;

/// Bytes of a request's body.
pub const BODY_BYTES: usize = 1 << 20;
/// How long `?wait=` may hold an answer back.
pub const WAIT: Duration = Duration::from_secs(300);
/// How long a job waits for its device, unless the request says otherwise.
pub const JOB_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Rows of a page that does not say how many.
pub const PAGE_DEFAULT: usize = 50;
/// Rows of one page of any list.
pub const PAGE: usize = fleet::limits::PAGE;
/// Paths or objects in one operation.
pub const OPERATION_PATHS: usize = 1000;
/// Bytes of an opaque cursor as text.
pub const CURSOR_BYTES: usize = 4096;
/// Characters of a substring that devices are searched for.
pub const SEARCH_TEXT: usize = 256;

/// Characters of a user's or token's name.
pub const NAME: usize = 64;
/// Characters of a password, at least.
pub const PASSWORD_MIN: usize = 12;
/// Bytes of a password, at most: hashing takes time by length.
pub const PASSWORD_MAX: usize = 1024;
/// Different characters of a password, at least.
pub const PASSWORD_DISTINCT: usize = 5;
/// Passwords that are hashed at the same time; each takes 19 MiB.
pub const PASSWORD_HASHING: usize = 2;
/// Passwords that wait to be hashed.
pub const PASSWORD_QUEUE: usize = 32;
/// Sign-in attempts of one address or user in a row.
pub const SIGN_IN_BURST: u32 = 10;
/// After so long, one more attempt is allowed.
pub const SIGN_IN_REFILL: Duration = Duration::from_secs(30);
/// Addresses and users whose attempts are counted; the one heard longest ago makes room.
pub const SIGN_IN_KEYS: usize = 4096;
/// How long a browser stays signed in.
pub const LOGIN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a sign-in link works.
pub const LINK_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// How long an API token may live.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// How long an enrolment token may live.
pub const ENROLMENT_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many devices one enrolment token may let in.
pub const ENROLMENT_USES: u32 = 10_000;

/// Event streams that are open at the same time.
pub const STREAMS: usize = 512;
/// Events that a stream reads from the log at once.
pub const STREAM_BATCH: usize = 256;
/// Devices that a stream remembers to decide a filter, per batch.
pub const STREAM_DEVICES: usize = STREAM_BATCH;
/// How often an idle stream says that it is alive.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that takes longer to take what it was sent is dropped; it may resume.
pub const STREAM_SLOW: Duration = Duration::from_secs(60);

/// Bytes of a data-model file that is imported.
pub const DATA_MODEL_BYTES: usize = 32 << 20;
/// Models that are kept ready for pages of parameters.
pub const MODELS_READY: usize = 16;
