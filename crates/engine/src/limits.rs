//! The bounds of everything that a peer, a provider or a full disk can make this crate hold or wait for.

use std::time::Duration;

/// Most bytes that wait for the journal's thread. Beyond it a write is refused with 7005.
pub const MAX_UNSYNCED_BYTES: usize = 8 << 20;

/// Most bytes that wait for the journal's thread when the agent itself has something to remember, that nobody
/// can be refused: above what commits may fill, so that a disk that stands still for a while refuses
/// writes and ends nothing. Beyond it the instance stops.
pub const MAX_UNSYNCED_OWN_BYTES: usize = 2 * MAX_UNSYNCED_BYTES;

/// Most outgoing Records that wait for the journal. Beyond it nothing more is read from the links.
pub const MAX_HELD_SENDS: usize = 1024;

/// Longest payload of one journal frame; a longer one in a file is no frame.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Smallest journal file that is worth a compaction, bytes.
pub const COMPACTION_FLOOR: u64 = 256 << 10;

/// A journal is compacted when it is this many times as long as it was after the last compaction.
pub const COMPACTION_RATIO: u64 = 4;

/// Most keys of one table whose rows have vanished and may come back under their old number.
pub const MAX_REMEMBERED_KEYS: usize = 1024;

/// Most single objects, rows and parameters that a provider is asked for at once; of more, the objects are asked for.
pub const MAX_READ_PARTS: usize = 64;

/// Longest wait for a provider's refresh.
pub const REFRESH_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for each of a provider's prepare, commit and abort.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a cancelled command may take to end by itself.
pub const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// Time between refreshes of watched values whose provider does not push. With the refresh itself it
/// stays below the 10 seconds of R-NOT.0a.
pub const WATCH_PERIOD: Duration = Duration::from_secs(5);

/// How long a change that may cut the path to the controller stands before one is recognised on a new
/// connection.
pub const CONFIRM_WINDOW: Duration = Duration::from_secs(60);

/// Most pushes of one provider that wait to be taken in.
pub const PUSH_QUEUE: usize = 64;

/// Instances that the shared timer wakes before it lets other tasks run.
pub const WAKES_PER_TURN: usize = 64;

/// Longest wait at shutdown for connections to close and for the disk.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(3);
