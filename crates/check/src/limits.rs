//! What an agent under test can make grow, and how long it is waited for.

use std::time::Duration;

/// Arrivals that wait to be looked at; beyond them the link is not read.
pub const ARRIVALS: usize = 256;

/// Bytes of the head of a handshake.
pub const MAX_HEAD: usize = 16 << 10;

/// Bytes of a frame of WebSocket, and of a message of several.
pub const MAX_FRAME: usize = 8 << 20;

/// Frames that no check has asked for yet; the oldest goes first.
pub const MAX_FRAMES: usize = 256;

/// How long a handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long an agent that listens is left alone before it is dialled again.
pub const REDIAL: Duration = Duration::from_secs(1);

/// Answers and notifications that no check has asked for yet; the oldest goes first.
pub const MAX_UNCLAIMED: usize = 1024;

/// Records of one check's transcript; what comes later is counted only.
pub const MAX_TRANSCRIPT: usize = 4096;

/// Bytes of the Records of one check's transcript.
pub const MAX_TRANSCRIPT_BYTES: usize = 16 << 20;

/// Rows that a run remembers to delete.
pub const MAX_CLEAN_UP: usize = 1024;

/// How long an answer may take. Some agents stall for fifteen seconds now and then.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long an answer by WebSocket is waited for before a Ping is sent: some agents let what they have to say lie until
/// something else goes over the connection.
pub const NUDGE: Duration = Duration::from_secs(4);

/// What a retry may come early or late, seconds: the network, the agent's clock, a busy machine.
pub const RETRY_TOLERANCE: (f64, f64) = (0.5, 2.0);

/// How long nothing must come where nothing may come.
pub const SILENCE: Duration = Duration::from_secs(2);

/// How long what ends by itself is waited for between two checks.
pub const SETTLE: Duration = Duration::from_secs(15);

/// How often something is looked at that has to change by itself.
pub const POLL: Duration = Duration::from_millis(250);

/// How long a row may stay after its command was told to be complete.
pub const ROW_GONE: Duration = Duration::from_secs(5);

/// The longest time to adopt subscriptions that is waited for.
pub const MAX_ADOPTION: Duration = Duration::from_secs(60);

/// How long a notification is waited for: some agents look for changes only every 15 s.
pub const NEWS: Duration = Duration::from_secs(20);

/// How long a change should take to be notified (R-NOT.0a).
pub const IN_TIME: Duration = Duration::from_secs(10);

/// How long the clean-up may take when a run is interrupted.
pub const FAREWELL: Duration = Duration::from_secs(15);

/// How long an agent may take to come back after its connection broke.
pub const RECONNECT: Duration = Duration::from_secs(60);

/// The same over STOMP, where the second wait is up to two minutes by default.
pub const STOMP_RECONNECT: Duration = Duration::from_secs(130);

/// A connection to a broker that has lasted so long is a success to every agent that is known.
pub const SETTLED: Duration = Duration::from_secs(35);

/// A wait for a connection to a broker that is no first one.
pub const GROWN: Duration = Duration::from_secs(12);
