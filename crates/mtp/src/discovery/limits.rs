//! Named limits of discovery: how much strangers on a network can make us hold, and how long we ask them.

use std::time::Duration;

/// Bytes of a packet of DNS that is read (RFC 6762 section 17).
pub const MAX_PACKET: usize = 9000;
/// Records that are kept while a question is open.
pub const MAX_RECORDS: usize = 256;
/// Questions of one round.
pub const MAX_QUESTIONS: usize = 16;
/// Rounds: names lead to services, services to hosts, hosts to addresses.
pub const MAX_ROUNDS: usize = 4;
/// How long answers of one round are waited for.
pub const ROUND: Duration = Duration::from_millis(800);
/// How often a question is put in a round, while nothing answers.
pub const ROUND_TRIES: u32 = 2;
/// Name servers that are asked, one after another.
pub const MAX_SERVERS: usize = 3;
/// Interfaces on which we ask and answer.
pub const MAX_INTERFACES: usize = 16;
/// Addresses of one interface that are advertised.
pub const MAX_ADVERTISED_ADDRESSES: usize = 8;
/// Answers to single hosts that wait to be sent.
pub const MAX_UNICAST_ANSWERS: usize = 16;
/// How often interfaces are looked at again.
pub const RESCAN_EVERY: Duration = Duration::from_secs(10);
