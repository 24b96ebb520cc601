//! The bounds of what a system, its files or a peer of a diagnostic can make the agent hold or wait for.

use std::time::Duration;

/// Bytes read of one file below `/proc`, `/sys` or `/etc`; the rest is cut off.
pub const MAX_FILE_BYTES: u64 = 1 << 20;

/// How often it is looked whether the device's certificate is to be renewed; the wait is spread over its
/// second half.
pub const RENEWAL_CHECK: Duration = Duration::from_secs(3600);

/// How long a renewal that failed waits for its next attempt, at most.
pub const RENEWAL_RETRY: Duration = Duration::from_secs(1800);

/// Entries read of one directory.
pub const MAX_DIR_ENTRIES: usize = 32_768;

/// Rows of `ProcessStatus.Process.`; the processes with the highest ids are left out.
pub const MAX_PROCESSES: usize = 4096;

/// Temperature sensors.
pub const MAX_SENSORS: usize = 256;

/// Rows of one kind that are kept of a netlink dump.
pub const MAX_NETLINK_ROWS: usize = 16_384;

/// Network events are gathered this long before what they changed is read.
pub const EVENT_GATHER: Duration = Duration::from_millis(100);

/// What was read by netlink serves requests that come within this time, unless an event tells of a change.
pub const NETLINK_MAX_AGE: Duration = Duration::from_millis(200);

/// Longest wait for an answer of the kernel.
pub const NETLINK_TIMEOUT: Duration = Duration::from_secs(5);

/// Name servers taken of `resolv.conf`.
pub const MAX_NAME_SERVERS: usize = 16;

/// Time servers taken of the configuration of an NTP client.
pub const MAX_TIME_SERVERS: usize = 16;

/// Certificates of CAs that the configuration may name.
pub const MAX_FACTORY_CERTIFICATES: usize = 48;

/// Lists of revoked certificates that the configuration may name.
pub const MAX_REVOCATION_LISTS: usize = 16;

/// How often it is looked whether they changed.
pub const REVOCATION_CHECK: Duration = Duration::from_secs(30);

/// Bytes of the audit log's file; then it becomes the old one, whose place is the same size.
pub const MAX_AUDIT_BYTES: u64 = 256 * 1024;

/// Entries of the audit log that wait for the disk; more are left out, and counted.
pub const MAX_AUDIT_WAITING: usize = 1024;

/// How often the agent looks for the word of somebody at the device.
pub const CONSENT_PERIOD: Duration = Duration::from_secs(1);

/// Bytes read of that word.
pub const MAX_CONSENT_BYTES: u64 = 1024;

/// Runs of limited commands that are remembered; the oldest are forgotten.
pub const MAX_REMEMBERED_RUNS: usize = 1024;

/// Repetitions of one diagnostic.
pub const MAX_REPETITIONS: u64 = 10_000;

/// Pause between two pings.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);

/// Longest wait for one reply of a diagnostic.
pub const MAX_REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Data bytes of one echo request; TR-181 allows more than a datagram holds.
pub const MAX_ECHO_BYTES: usize = 65_000;

/// Bytes of one DNS answer.
pub const MAX_DNS_ANSWER: usize = 65_535;

/// Result rows of a name lookup.
pub const MAX_LOOKUP_RESULTS: u64 = 100;

/// Longest time without progress of an upload.
pub const UPLOAD_IDLE: Duration = Duration::from_secs(30);

/// Bytes of the head of an HTTP answer.
pub const MAX_HTTP_HEAD: usize = 16 * 1024;

/// Longest run of a hook; then it is left to itself.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(60);

/// The same of one that a change of the system sets off: it must not use up the time that the engine gives the change.
pub const RELOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long after a successful answer a reboot or reset begins, so that the answer leaves first.
pub const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Connections to brokers; rows that ask for more are misconfigured.
pub const MAX_BROKERS: usize = 16;

/// A connection to a broker that has lasted so long was a success: the next wait is short again.
pub const BROKER_SETTLED: Duration = Duration::from_secs(30);

/// How long brokers may take for the last Records and the good-bye.
pub const BROKER_GOOD_BYE: Duration = Duration::from_secs(1);

/// How long it may take until an association of DTLS stands, or did not come about. The handshake alone is given less
/// ([`HANDSHAKE_TIME`](mtp::coap::limits::HANDSHAKE_TIME)), so that what ended it is known.
#[cfg(feature = "coap-dtls")]
pub const COAP_CALL: Duration = Duration::from_secs(40);

/// Leases of DHCP that are read: interfaces, times two.
pub const MAX_LEASES: usize = 16;
/// Bytes of a lease, as a file and as a DHCP client tells it.
pub const MAX_LEASE_BYTES: u64 = 64 * 1024;
/// How long after a fruitless search the next one begins at first, seconds; it grows.
pub const SEARCH_AGAIN_S: u32 = 5;
/// The longest wait before the next search, and the wait after one that found something.
pub const SEARCH_AT_LAST: Duration = Duration::from_secs(3600);

/// How long a USP Service may take for an answer. Less than the engine waits for a provider, so that the fault
/// names the service.
pub const SERVICE_ANSWER: Duration = Duration::from_secs(5);
/// How long after news of a USP Service that could not be read it is asked again, for the first time.
pub const SERVICE_AGAIN: Duration = Duration::from_secs(1);
/// The longest wait before it is asked once more, after each was twice as long as the one before.
pub const SERVICE_AGAIN_LONGEST: Duration = Duration::from_secs(60);
/// How long it may take to describe its part of the data model.
pub const SERVICE_MODEL: Duration = Duration::from_secs(20);
/// How long it may take for a synchronous command, or to begin an asynchronous one.
pub const SERVICE_COMMAND: Duration = Duration::from_secs(60);
/// Objects, parameters, commands and events of the supported model of one USP Service: all services together, and
/// what the agent has itself, fit into one model.
pub const MAX_SERVICE_DEFINITIONS: usize = 1500;
/// Objects and rows in one answer of a USP Service.
pub const MAX_SERVICE_ROWS: usize = 20_000;
/// Events of a USP Service that wait to be told; more are lost.
pub const MAX_SERVICE_EVENTS: usize = 256;
