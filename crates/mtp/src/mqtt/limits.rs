//! Named limits of the MQTT transport: what a broker, or a peer behind it, can grow.

use std::time::Duration;

use crate::limits::MAX_MESSAGE;

/// Topic filters of one connection.
pub const MAX_FILTERS: usize = 64;
/// Bytes of an MQTT packet around the Record: fixed header, topic name and properties.
pub const PACKET_OVERHEAD: usize = 128 * 1024;
/// Bytes of one packet from the broker; told to it in CONNECT where the version can.
pub const MAX_PACKET: usize = MAX_MESSAGE + PACKET_OVERHEAD;
/// Records that may come between our SUBSCRIBE and its acknowledgement: retained ones.
pub const MAX_EARLY: usize = 16;
/// QoS 1 messages that the broker may send before the first is acknowledged.
pub const RECEIVE_MAXIMUM: u16 = 16;
/// Our own messages that wait for an acknowledgement; more stay in the link's queue.
pub const MAX_IN_FLIGHT: usize = 16;
/// Bytes that are ready for the socket before the link's queue is left alone.
pub const MAX_UNSENT: usize = 64 * 1024;
/// How long the broker may take for an answer to a ping.
pub const PING_PATIENCE: Duration = Duration::from_secs(20);
