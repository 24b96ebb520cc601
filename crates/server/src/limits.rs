//! Named limits of the server: what peers can make it hold, and how often.

use std::time::Duration;

/// How long it takes until an address that has failed too often may fail once more.
pub const ATTEMPT_EVERY: Duration = Duration::from_secs(1);
/// How often the list of refusals names an address that is held off.
pub const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Addresses that are counted in each of the tables; the ones heard of longest ago make room.
pub const ADDRESSES: usize = 16 * 1024;
/// How long the certificates last that the internal CA issues for this server; they are renewed after two
/// thirds of it.
pub const SERVER_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long a device that has been given a certificate waits for another; it may have lost the answer.
pub const RENEW_PAUSE: Duration = Duration::from_secs(60);
/// How long a list of revoked certificates counts.
pub const CRL_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a list of revoked certificates is handed out before another is signed.
pub const CRL_FRESH: Duration = Duration::from_secs(60);
/// Certificates over which addresses contend that are watched at once.
pub const CLONES: usize = 4096;
/// How often two addresses take a device's connection from each other until that is noticed.
pub const CLONE_TURNS: u32 = 3;
/// Within which time.
pub const CLONE_WINDOW: Duration = Duration::from_secs(600);
/// Logins that are remembered as right; those that were right longest ago make room.
pub const LOGINS: usize = 100_000;
/// For how long.
pub const LOGIN_REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
/// Rows of the audit log about misused identities that an address may cause at once; then one a minute.
pub const MISUSE_ROWS: u32 = 10;
/// Connections that wait for a person at the same time, a quarter of all at most; as many more behind brokers.
pub const PENDING_LINKS: usize = 1024;
/// How often a device behind a broker of others is asked whether it is there, before it is taken to be gone.
pub const PRESENCE_ASKS: u32 = 3;
/// Devices that are asked so in a second, of each broker.
pub const PRESENCE_PER_SECOND: usize = 100;
/// Peers whose certificate in end-to-end sessions is remembered, to end them when it counts no more.
pub const SESSION_PEERS: usize = 100_000;
/// Agents behind one broker that have a link at the same time.
pub const BROKER_PEERS: usize = 100_000;
/// Agents that are reached by CoAP and have a link at the same time.
#[cfg(feature = "coap")]
pub const COAP_PEERS: usize = 10_000;
/// Agents behind one broker that may be refused, or have to wait, at once; those beyond that are counted only.
pub const STRANGERS: u32 = 600;
/// How long it takes until one more is granted.
pub const STRANGER_EVERY: Duration = Duration::from_millis(50);
/// How often one sender among them may fail at once: an address at our own broker, a name behind one of others.
pub const SENDER_STRANGERS: u32 = 30;
/// How long it takes until it may once more.
pub const SENDER_EVERY: Duration = Duration::from_secs(2);
/// How long it is remembered that somebody behind a broker was refused, before the store is asked again.
pub const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Senders that are counted; the ones heard of longest ago make room.
pub const SENDERS: usize = 16 * 1024;
/// Addresses of brokers that are counted.
pub const BROKERS: usize = 1024;
/// Refusals on their way to the store; more are counted and logged, and not listed.
pub const REFUSALS_UNSTORED: usize = 64;
/// How often the decision about a link is taken again because another link came between.
pub const DECISIONS: usize = 4;
/// How fast who reads an answer over HTTP must at least be, over the whole of it.
pub const WRITE_BYTES_PER_SECOND: u64 = 4 * 1024;
/// HTTP connections at once.
pub const HTTP_CONNECTIONS: usize = 4096;
/// Descriptors kept for the store, listeners, the control socket and what the runtime needs.
pub const OWN_DESCRIPTORS: u64 = 256;
/// Devices that are traced at once.
pub const TRACED: usize = 32;
/// Records kept of one traced device; the oldest make room.
pub const TRACE_RECORDS: usize = 500;
/// Bytes of Records kept of one traced device.
pub const TRACE_BYTES: usize = 4 << 20;
/// Bytes of a Connect Record that is remembered of a connection that waits for a person.
pub const CONNECT_BYTES: usize = 1024;
/// Supported models that are kept ready for checks; another one makes room.
pub const MODELS: usize = 64;
/// How long a session of an onboarded device may stand before its subscriptions are looked at.
pub const CONFIRM_AFTER: Duration = Duration::from_secs(2);
/// How many devices are looked at in a second when all come back at once: the more sessions stand, the
/// longer the time over which their looks are spread.
pub const CONFIRMS_PER_SECOND: u64 = 500;
/// How long nothing more must be heard of a device's USP Services before its model is looked at again.
pub const LOOK_SETTLE: Duration = Duration::from_secs(1);
/// How long it is put off at most while more is heard.
pub const LOOK_PATIENCE: Duration = Duration::from_secs(10);
/// How often a device's model is looked at again at once, over all its sessions.
pub const LOOKS: u32 = 4;
/// How long it takes until it may be once more.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long it takes at least until a look at a device that came to nothing is tried again; four times as long each
/// further time, and up to half as long again.
pub const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How often it is tried again in a session.
pub const LOOK_TRIES: u32 = 5;
/// Devices whose looks are counted; the ones looked at longest ago make room.
pub const LOOKED_AT: usize = 64 * 1024;
/// Problems that the event of an onboarding lists.
pub const ONBOARDING_PROBLEMS: usize = 32;
/// How often a client of the own broker is judged that is refused because another of its name is connected.
pub const TWIN_TRIES: u32 = 5;
/// How long it waits in between.
pub const TWIN_WAIT: Duration = Duration::from_millis(100);
/// How long it waits for the end of its last connection to be worked off.
pub const SETTLE_PATIENCE: Duration = Duration::from_secs(3);
