//! Named limits of this crate: everything here that a peer can grow, and how long it may take.

use std::time::Duration;

/// Bytes of one message from a peer that nobody has authorised yet.
pub const MAX_MESSAGE_UNPROVEN: usize = usp_proto::limits::MAX_UNAUTHENTICATED_BYTES;
/// Bytes of one message from an authorised peer, and of one that we send.
pub const MAX_MESSAGE: usize = usp_proto::limits::MAX_RECORD_BYTES;
/// Bytes of the head of an HTTP request or response, or of a STOMP frame.
pub const MAX_HEAD: usize = 8 * 1024;
/// Header lines of an HTTP request or response, or of a STOMP frame.
pub const MAX_HEADERS: usize = 64;
/// Bytes of the body of an enrolment request.
pub const MAX_ENROL_BODY: usize = 16 * 1024;
/// Bytes of the answer to an enrolment request that an agent reads.
pub const MAX_ENROL_ANSWER: usize = 64 * 1024;
/// From the accepted socket to the finished upgrade, unless the listener's configuration says otherwise.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes of one listener at the same time; more wait in the kernel's queue.
pub const MAX_HANDSHAKES: usize = 1024;
/// Connections of one listener unless its configuration says otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = 100_000;
/// Records that wait in one link's send queue.
pub const SEND_QUEUE_RECORDS: usize = 256;
/// Bytes that wait in one link's send queue; a single larger Record is taken when the queue is empty.
pub const SEND_QUEUE_BYTES: usize = 1024 * 1024;
/// Records that wait in the send queue of a connection to a broker, for all Endpoints behind it.
pub const BROKER_QUEUE_RECORDS: usize = 8192;
/// Bytes that wait there.
pub const BROKER_QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Records of all Endpoints behind a broker that arrived and are not worked off; then the broker has to wait.
pub const BROKER_RECORDS: usize = 1024;
/// Records of one Endpoint behind a broker that wait; more are dropped.
pub const PEER_RECORDS: usize = 64;
/// Links of one name behind a broker: those that prove something else, and those that want its place.
pub const PEERS_OF_NAME: usize = 8;
/// How long an Endpoint behind a broker counts as alive after a Record of it.
pub const PEER_FRESH: Duration = Duration::from_secs(60);
/// How long an Endpoint behind a broker of others has for each answer, when somebody says in its name that it leaves;
/// and how long it is left alone after one.
pub const DOUBT_PATIENCE: Duration = Duration::from_secs(3);
/// How often it is asked before it has left.
pub const DOUBT_ASKS: u32 = 2;
/// What the read buffer of a link starts with when something arrives, and what one read takes.
pub const READ_BUFFER: usize = 1024;
/// Bytes that are gathered before they are written to the socket.
pub const WRITE_GATHER: usize = 16 * 1024;
/// How long a closing link may flush, and wait for the peer's answer.
pub const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// Bytes that are read and dropped after we closed for an error, so that the peer sees the close code
/// and not a reset.
pub const MAX_LINGER: usize = 1024 * 1024;
/// Bytes of the reason text of a close frame (a control frame holds 125, two of them the code).
pub const MAX_CLOSE_REASON: usize = 123;
/// Pings without any sign of life after which the peer counts as dead.
pub const MAX_MISSED_PINGS: u8 = 2;
/// Callers who wait for a sign of life of one link at the same time.
pub const MAX_PROBES: usize = 4;
/// The longest wait between two attempts to connect, whatever the schedule's parameters say.
pub const MAX_RETRY_WAIT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Addresses of one host name that are tried.
pub const MAX_ADDRESSES: usize = 8;
/// How long one of them may be silent before the next is tried beside it (RFC 8305 section 5: 250 ms).
pub const ADDRESS_HEAD_START: Duration = Duration::from_millis(250);
/// How long the listener rests when the system can't give it another socket.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Values of one frame on a UNIX domain socket; a Handshake has two at most.
pub const MAX_TLVS: usize = 16;
/// Bytes of a frame on a UNIX domain socket over those of its Record.
pub const MAX_FRAME_OVERHEAD: usize = 1024;
/// Bytes of the text of an Error on a UNIX domain socket, what is sent of one and kept of one; of a STOMP
/// server's ERROR, what is kept.
pub const MAX_ERROR_TEXT: usize = 256;
/// Bytes of the name of a STOMP destination: of ours, and of one that an answer is asked to.
pub const MAX_DESTINATION: usize = 1024;
/// Bytes of a password beside a Handshake.
pub const MAX_PASSWORD: usize = 256;
/// From the connection to a UNIX domain socket to the peer's Handshake (R-UDS.18).
pub const UDS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections to one UNIX domain socket unless its configuration says otherwise.
pub const DEFAULT_MAX_LOCAL_CONNECTIONS: usize = 1024;
