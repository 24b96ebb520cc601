//! How far the store lets itself grow.

/// Writes that wait for the writer; a caller beyond waits, and the back-pressure reaches its socket.
pub const QUEUE: usize = 4096;
/// Writes of one commit.
pub const BATCH: usize = 512;
/// Connections that read.
pub const READERS: usize = 4;
/// Pages of 4 KiB that gather beside the file before they are brought into it; one that was written more than once
/// meanwhile is brought over once.
pub const WAL_PAGES: usize = 4_000;
/// Prepared statements that each connection keeps.
pub const STATEMENTS: usize = 192;
/// Rows that one pruning write removes of each table.
pub const PRUNE_ROWS: usize = 5_000;
/// Rows that one pass of expiry looks at.
pub const EXPIRE_ROWS: usize = 1_000;
/// Bytes of a delta that is folded at once.
pub const DELTA_BYTES: usize = 16 << 10;
/// Bytes of a blob from which on it is compressed.
pub const COMPRESS: usize = 512;
/// Bytes of the blobs of a row from which on it is decoded on a thread that may take its time.
pub const LONG_ROW: usize = 32 << 10;
/// Bytes of requests and outcomes from which on a page of jobs is full.
pub const JOBS_BYTES: usize = 4 << 20;
/// Bytes that a compressed blob may grow to; damage can't ask for more.
pub const BLOB: usize = 64 << 20;
/// Paths in the dictionary of twins. Values under further paths are not kept.
pub const PATHS: usize = 1_000_000;
/// Rows of the audit log that are checked at a time.
pub const AUDIT_ROWS: usize = 1_000;
