//! What enters a session and what leaves it, and the policy it keeps.

use std::time::Duration;

use bytes::Bytes;
use usp_proto::Record;

use crate::retry::Schedule;

/// The host's name for a Message that is to be sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// `SessionMode`: whether Messages travel in sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Only in sessions; the host ignores Messages outside of one.
    Require,
    /// In a session where the peer starts one.
    #[default]
    Allow,
    /// Never: who starts one is answered 7106.
    Forbid,
}

/// `E2ESession.*` of one peer, and what the host knows about the way to it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// `SessionMode`.
    pub mode: Mode,
    /// `PayloadSecurity`: TLS in the sessions that we start, and no plain ones of the peer.
    pub tls: bool,
    /// Plain sessions of a peer that starts such ones are taken nevertheless, and ours with it are plain, too.
    pub plain: bool,
    /// Whether Records that leave carry a signature or MAC: the transport does not protect them (R-E2E.29).
    pub sign: bool,
    /// `MaxUSPRecordSize` in bytes, from 512; 0 cuts nothing.
    pub max_record_bytes: usize,
    /// `MaxRetransmitTries`; `None` is without end (-1).
    pub max_retransmit_tries: Option<u32>,
    /// `SessionExpiration`: silence after which a session is over; `None` never is.
    pub expiration: Option<Duration>,
    /// `SessionRetryMinimumWaitInterval` and `SessionRetryIntervalMultiplier`.
    pub retry: Schedule,
    /// The largest `sequence_id` of this Endpoint; the standard's is that of a 64-bit number.
    pub max_sequence_id: u64,
}

impl Default for Policy {
    /// The defaults of TR-181, over a transport that protects Records.
    fn default() -> Policy {
        Policy {
            mode: Mode::Allow,
            tls: true,
            plain: false,
            sign: false,
            max_record_bytes: 0,
            max_retransmit_tries: Some(0),
            expiration: None,
            retry: Schedule::default(),
            max_sequence_id: u64::MAX,
        }
    }
}

/// What enters.
#[derive(Clone, Debug)]
pub enum Input {
    /// A Record of the peer, of any kind; only those with a session mean anything here.
    Record {
        /// Decoded, and addressed to us.
        record: Record,
        /// Whether the transport protects it (R-E2E.28), or the host does without.
        protected: bool,
    },
    /// Send this Msg; a session is started if there is none.
    Send {
        /// The host's name for it.
        ticket: Ticket,
        /// The encoded Msg; not empty.
        message: Bytes,
    },
    /// Start a session if there is none, and remind the peer of one that stands and that it may have forgotten:
    /// `SessionMode` wants one before the first Message.
    Open,
    /// `E2ESession.Reset()`: go on in a new session.
    Reset,
    /// End the session and keep the connection.
    End,
    /// The certificate that signed the peer's Records does not count, whatever the signatures are worth: the session
    /// failed, and the next one waits its time.
    Refuse,
    /// The peer left with a Disconnect record: all state of the session is purged (R-MTP.7).
    Purge,
    /// The time given by `poll_timeout` has come.
    Timeout,
}

/// What leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send this Record.
    Send(Bytes),
    /// The peer sent this Msg. In the order sent, each once.
    Deliver(Bytes),
    /// The peer has a Msg of ours (which does not say that it could read it).
    Confirmed(Ticket),
    /// A Msg of ours is given up.
    Failed(Ticket, Failure),
    /// Send a Disconnect record with this code of the error table; the connection stays.
    Disconnect {
        /// The code.
        code: u32,
        /// For people.
        reason: &'static str,
    },
    /// A line for the log: why a session ended or a Record was ignored.
    Noticed(String),
}

/// Why a Msg is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// It never left.
    NotSent,
    /// It left, whole or in part, and the peer confirmed nothing: it may have arrived. It is not sent again
    /// in the next session, because it would arrive twice then.
    InDoubt,
}

/// `E2ESession.Status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// No session.
    Down,
    /// Ours is not answered yet, or its TLS is not ready.
    Negotiating,
    /// Messages flow.
    Up,
}
