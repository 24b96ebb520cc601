//! Named limits of the broker: what strangers, clients and their sessions can grow, and how long they may take.

use std::time::Duration;

use crate::mqtt::limits::PACKET_OVERHEAD;

/// Bytes of a packet that is no PUBLISH, and of every packet before the client is let in.
pub const MAX_CONTROL_PACKET: usize = crate::limits::MAX_MESSAGE_UNPROVEN;
/// Bytes of a PUBLISH of a client that is let in; told to it in CONNACK where the version can.
pub const MAX_PACKET: usize = crate::limits::MAX_MESSAGE + PACKET_OVERHEAD;
/// Bytes of the properties of a PUBLISH.
pub const MAX_PROPERTIES: usize = 16 * 1024;
/// Bytes of a topic name or filter.
pub const MAX_TOPIC: usize = 1024;
/// Levels of a topic name or filter; the search for subscribers goes as deep.
pub const MAX_TOPIC_LEVELS: usize = 32;
/// Bytes of a client id (R-MQTT.47 wants 64 at least).
pub const MAX_CLIENT_ID: usize = 512;
/// From the accepted socket to CONNECT and its admission, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of one listener that are not admitted yet; more wait in the kernel's queue.
pub const MAX_STRANGERS: usize = 1024;
/// Those of one address among them (of one /64 for IPv6); more are turned away.
pub const MAX_STRANGERS_PER_ADDRESS: usize = 128;
/// Clients that are connected and not let in yet, of all listeners; the one that came first makes room.
pub const MAX_WAITING: usize = 1024;
/// Those of one address among them (of one /64 for IPv6).
pub const MAX_WAITING_PER_ADDRESS: usize = 64;
/// How long a client may stay connected without being let in.
pub const MAX_WAIT: Duration = Duration::from_secs(10 * 60);
/// Connections of one listener unless its configuration says otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = crate::limits::DEFAULT_MAX_CONNECTIONS;
/// Sessions, with and without a connection.
pub const MAX_SESSIONS: usize = 200_000;
/// Sessions of one identity; one without a connection makes room.
pub const MAX_SESSIONS_PER_IDENTITY: usize = 8;
/// The longest that a session outlives its connection. It lies in memory: a restart ends it, too.
pub const MAX_SESSION_EXPIRY: Duration = Duration::from_secs(60 * 60);
/// The longest keep-alive, seconds; it also holds for those who want none.
pub const MAX_KEEP_ALIVE_S: u16 = 60 * 60;
/// Subscriptions of one session.
pub const MAX_SUBSCRIPTIONS: usize = 32;
/// Messages that wait in one session, unsent.
pub const QUEUE_MESSAGES: usize = 256;
/// Bytes of the messages that a session holds, unsent or unacknowledged; a single larger one is taken when there is
/// no other.
pub const QUEUE_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of the messages that all sessions hold together.
pub const TOTAL_QUEUE_BYTES: usize = 512 * 1024 * 1024;
/// What a message costs a queue beyond its text and payload, bytes.
pub const MESSAGE_OVERHEAD: usize = 256;
/// Messages with QoS 1 and 2 to one client that it has not acknowledged.
pub const MAX_IN_FLIGHT: usize = 16;
/// Messages with QoS 2 of one client that it has not released; told to it as Receive Maximum.
pub const RECEIVE_MAXIMUM: u16 = 64;
/// Acknowledgements and answers that wait for a client before no more is read of it.
pub const MAX_CONTROL: usize = 64;
/// Retained messages of all topics.
pub const MAX_RETAINED: usize = 10_000;
/// Bytes of all retained messages.
pub const MAX_RETAINED_BYTES: usize = 16 * 1024 * 1024;
/// What one connection may try in vain before it is closed.
pub const MAX_REFUSALS: u8 = 16;
/// Records that wait for one attached user; publishers are read no further meanwhile.
pub const ATTACHED_QUEUE: usize = 256;
/// How often the listener looks for connections and sessions whose time is over.
pub const SWEEP: Duration = Duration::from_millis(500);
/// Bytes of one read; they lie on the stack, so that an idle connection has none of them.
pub const READ_BYTES: usize = 8 * 1024;
