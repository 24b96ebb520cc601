//! Named limits of this transport: times of the protocol, and what peers can make us hold.

use std::time::Duration;

/// The wait for the first acknowledgement is at least this long (RFC 7252 section 4.8: ACK_TIMEOUT).
pub const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// It is up to this much longer by chance (ACK_RANDOM_FACTOR 1.5, less one times ACK_TIMEOUT).
pub const ACK_JITTER: Duration = Duration::from_secs(1);
/// How often a message is sent again (MAX_RETRANSMIT).
pub const MAX_RETRANSMIT: u8 = 4;
/// As long a message id means the same message (EXCHANGE_LIFETIME).
pub const EXCHANGE_LIFETIME: Duration = Duration::from_secs(247);
/// How long an answer may take that was promised, and the next block of a Record (MAX_TRANSMIT_WAIT).
pub const PATIENCE: Duration = Duration::from_secs(93);
/// How long an address counts as proven after it has last answered.
pub const PROOF_LIFETIME: Duration = Duration::from_secs(3600);
/// Bytes of a datagram that is read; a longer one is dropped.
pub const MAX_DATAGRAM: usize = 8 * 1024;
/// Options of one message.
pub const MAX_OPTIONS: usize = 64;
/// Bytes of a URI: of ours, and of one that an answer is asked to.
pub const MAX_URI: usize = 255;
/// Bytes of one block that we send, as the exponent of RFC 7959: 2^(6+4).
pub const BLOCK_EXPONENT: u8 = 6;
/// How often a Record is begun anew, because the peer has lost its first blocks or wants smaller ones.
pub const MAX_RESTARTS: u8 = 4;
/// Acknowledgements with a wrong id while an address is asked whether anybody is there. Whoever guesses the right one of
/// 65536 passes for somebody at another's address; one that repeats an old answer once or twice does not guess.
pub const MAX_MISSES: u8 = 32;
/// Addresses of which one of ours has had an answer.
pub const MAX_PROVEN: usize = 32 * 1024;
/// Addresses that anybody may have made up; one more takes the place of the oldest.
pub const MAX_STRANGERS: usize = 4 * 1024;
/// Answers that are remembered of one address, to be given again to a duplicate.
pub const MAX_ANSWERED: usize = 256;
/// Records that wait for one address, the one that is being sent included.
pub const MAX_QUEUED: usize = 64;
/// Bytes of Records that wait for one address; a single larger one is taken when nothing waits.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;
/// Bytes of Records that wait for all addresses.
pub const MAX_QUEUED_IN_ALL: usize = 32 * 1024 * 1024;
/// Bytes of Records of which blocks are missing, from all addresses.
pub const MAX_ASSEMBLED: usize = 32 * 1024 * 1024;
/// The same of those whose address nothing proves.
pub const MAX_ASSEMBLED_UNPROVEN: usize = 4 * 1024 * 1024;
/// Records that wait until the address is proven where they are to be answered.
pub const MAX_HELD: usize = 256;
/// The same of one such address.
pub const MAX_HELD_OF_ONE: usize = 4;
/// Records that have arrived and that nobody has taken yet; until then no more are let in.
pub const MAX_READY: usize = 64;
/// How long a cookie of DTLS counts at least; at most for twice as long.
#[cfg(feature = "coap-dtls")]
pub const COOKIE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a handshake may take.
#[cfg(feature = "coap-dtls")]
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(30);
/// Handshakes under way, of addresses that have returned a cookie, and of our own.
#[cfg(feature = "coap-dtls")]
pub const MAX_HANDSHAKES: usize = 512;
/// The same with one IP address.
#[cfg(feature = "coap-dtls")]
pub const MAX_HANDSHAKES_OF_ONE: usize = 16;
/// Associations that stand.
#[cfg(feature = "coap-dtls")]
pub const MAX_ASSOCIATIONS: usize = 16 * 1024;
/// Those among them with a certificate that nobody vouches for; one more takes the place of another.
#[cfg(feature = "coap-dtls")]
pub const MAX_UNTRUSTED: usize = 256;
/// Certificates that are judged again in one go, before anything else has its turn.
#[cfg(feature = "coap-dtls")]
pub const JUDGED_AT_ONCE: usize = 32;
/// Datagrams that wait for an association that is about to stand.
#[cfg(feature = "coap-dtls")]
pub const MAX_WAITING: usize = 4;
/// An association that was not used for so long is ended.
#[cfg(feature = "coap-dtls")]
pub const ASSOCIATION_IDLE: Duration = Duration::from_secs(3600);
/// The same where the peer has called.
#[cfg(feature = "coap-dtls")]
pub const ASSOCIATION_IDLE_CALLED: Duration = Duration::from_secs(3900);
/// Bytes of a datagram of a handshake that is sent.
#[cfg(feature = "coap-dtls")]
pub const DTLS_MTU: usize = 1200;
/// Bytes of a datagram before the peer's certificate is known; who keeps to any usual MTU sends less.
#[cfg(feature = "coap-dtls")]
pub const MAX_HANDSHAKE_DATAGRAM: usize = 2048;
/// Bytes of a certificate that is shown to us: more than the library puts together from 30 such datagrams.
#[cfg(feature = "coap-dtls")]
pub const MAX_CERTIFICATE: usize = 64 * 1024;
/// Bytes of our own: with what is said beside it, it fits into the ten datagrams that the library says in a row.
#[cfg(feature = "coap-dtls")]
pub const MAX_OWN_CERTIFICATE: usize = 8 * 1024;
/// What is asked of a socket, and waits for its task.
#[cfg(feature = "coap-dtls")]
pub const MAX_CALLS: usize = 16;
