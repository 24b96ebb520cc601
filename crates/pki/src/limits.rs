//! Named limits of this crate: what a file or a peer may grow, and how long things last.

use std::time::Duration;

/// Bytes of a PEM or sealed file that we read; a chain of a dozen certificates is far below it.
pub const MAX_FILE: u64 = 256 * 1024;
/// Bytes of a file with lists of revoked certificates: half a million entries.
pub const MAX_LIST_FILE: u64 = 32 * 1024 * 1024;
/// Bytes of a certificate signing request in PEM.
pub const MAX_CSR: usize = 16 * 1024;
/// Endpoint ids that are taken from one certificate; the rest is ignored.
pub const MAX_ENDPOINT_IDS: usize = 16;
/// How far in the past a certificate starts, so that a device whose clock is slow accepts it.
pub const BACKDATE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the PEM in a Record's `sender_cert`: a chain of some certificates.
pub const MAX_SENDER_CERT: usize = 64 * 1024;
