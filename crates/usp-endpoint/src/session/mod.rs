//! End-to-end sessions (TR-369, "Exchange of USP Records within an E2E Session Context"): one machine for
//! one peer, the same for agent and controller. It numbers, cuts, signs and keeps what is sent, and orders,
//! checks and joins what comes.
//!
//! The standard leaves open how a sender learns that its last Record was lost, and who confirms what. Here a
//! Record with a payload, a request to send again, or the one that starts a session is confirmed by the
//! next Record of the other side, or after a moment by one without payload, which is itself never
//! confirmed. The oldest unconfirmed Record is sent again a few times; its number makes the copy harmless.
//! A peer that confirms nothing by itself is not punished for it.
//!
//! Nothing outlives the machine, and numbers are all that tells Records apart: where a transport carries plain
//! Records of one life of a process into its next one (an MQTT session or a STOMP queue that the broker keeps),
//! a late copy that once started a session starts it again, and the peer takes the numbers of both lives for
//! one. Hosts begin with a clean session at the broker. Under TLS its handshake fails.

mod context;
mod early;
mod integrity;
pub mod io;
mod outgoing;
mod receive;
mod restart;
mod send;
mod timers;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use dm::Mono;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use usp_proto::EndpointId;
use usp_proto::error_code::code;
pub use usp_proto::session::Crypto;

use crate::limits::{MAX_SESSION_QUEUE, MAX_SESSION_QUEUE_BYTES, SESSION_REPEAT_AFTER};
use context::{Context, Retry};
pub use integrity::protected_by_mtp;
use io::{Failure, Input, Mode, Output, Policy, Status, Ticket};

/// The sessions with one peer, one after the other (R-E2E.5: never two).
pub struct Session {
    me: EndpointId,
    peer: EndpointId,
    policy: Policy,
    crypto: Option<Arc<dyn Crypto>>,
    random: ChaCha12Rng,
    state: State,
    /// Ids of ended sessions with the number that each expected next, newest last.
    closed: VecDeque<(u64, u64)>,
    queue: VecDeque<(Ticket, Bytes)>,
    queue_bytes: usize,
    /// Sessions that failed one after the other (R-E2E.10). A machine begins with 0: R-E2E.13.
    retries: u32,
    /// Since when.
    failing_since: Option<Mono>,
    heard: bool,
    /// Of the last genuine Record that was signed, until somebody has looked.
    certificate: Option<Bytes>,
    /// It has sent genuine Records of a plain session: it may know no other.
    peer_is_plain: bool,
    outputs: VecDeque<Output>,
}

enum State {
    Down,
    /// The last session failed; the next one starts then.
    Waiting(Mono),
    Open(Box<Context>),
}

impl Session {
    /// A machine without a session. The seed gives session ids and jitter; without `crypto` there is
    /// neither TLS nor a signature.
    pub fn new(
        me: EndpointId,
        peer: EndpointId,
        policy: Policy,
        crypto: Option<Arc<dyn Crypto>>,
        seed: [u8; 32],
    ) -> Session {
        Session {
            me,
            peer,
            policy,
            crypto,
            random: ChaCha12Rng::from_seed(seed),
            state: State::Down,
            closed: VecDeque::new(),
            queue: VecDeque::new(),
            queue_bytes: 0,
            retries: 0,
            failing_since: None,
            heard: false,
            certificate: None,
            peer_is_plain: false,
            outputs: VecDeque::new(),
        }
    }

    /// Another policy; a session that stands goes on, and its next Record follows it.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// `E2ESession.Status`.
    pub fn status(&self) -> Status {
        match &self.state {
            State::Down => Status::Down,
            State::Open(open) if open.heard && open.is_ready() => Status::Up,
            State::Waiting(_) | State::Open(_) => Status::Negotiating,
        }
    }

    /// The certificate or chain (PEM) that signed the last genuine Record of the peer, if there was one since this, or
    /// [`Session::take_heard`], was last asked.
    pub fn take_certificate(&mut self) -> Option<Bytes> {
        self.certificate.take()
    }

    /// Whether a genuine Record of the peer has come since this was last asked.
    pub fn take_heard(&mut self) -> bool {
        self.certificate = None;
        std::mem::take(&mut self.heard)
    }

    /// `E2ESession.CurrentRetryCount`.
    pub fn retry_count(&self) -> u32 {
        self.retries
    }

    /// Takes an input. Outputs wait in [`Session::poll_output`].
    pub fn handle(&mut self, now: Mono, input: Input) {
        self.expire(now);
        match input {
            Input::Record { record, protected } => self.receive(now, record, protected),
            Input::Send { ticket, message } => self.submit(now, ticket, message),
            Input::Open => match &self.state {
                State::Down => self.start(now),
                State::Open(open) if open.heard && open.is_ready() => {
                    self.with_open(now, |session, open| session.transmit_empty(now, open, 0));
                }
                State::Waiting(_) | State::Open(_) => {}
            },
            Input::Reset => self.reset(now),
            Input::End => {
                // R-E2E.6b
                let (code, reason) = (code::SESSION_CONTEXT_TERMINATED, "the session is ended");
                if !matches!(self.state, State::Down) {
                    self.outputs.push_back(Output::Disconnect { code, reason });
                }
                self.purge();
            }
            Input::Refuse => self.refuse(now),
            Input::Purge => self.purge(),
            Input::Timeout => self.timeout(now),
        }
    }

    /// Whether sessions with the peer are under TLS.
    fn wants_tls(&self) -> bool {
        self.policy.tls && !self.tolerates()
    }

    /// Whether sessions with the peer are plain because it knows no other.
    fn tolerates(&self) -> bool {
        self.policy.plain && self.peer_is_plain
    }

    /// When the oldest unconfirmed Record is sent again; never to a peer of tolerated sessions. Some of those look at
    /// no number, and would carry out the copy of a request, too (against R-E2E.25).
    fn repetition(&self, now: Mono) -> Option<Retry> {
        (!self.tolerates()).then(|| Retry::after(now, SESSION_REPEAT_AFTER))
    }

    /// The next output, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            self.outputs = VecDeque::new();
        }
        output
    }

    fn submit(&mut self, now: Mono, ticket: Ticket, message: Bytes) {
        let full = self.queue.len() >= MAX_SESSION_QUEUE
            || self.queue_bytes + message.len() > MAX_SESSION_QUEUE_BYTES && !self.queue.is_empty();
        if self.policy.mode == Mode::Forbid || message.is_empty() || full {
            return self.outputs.push_back(Output::Failed(ticket, Failure::NotSent));
        }
        self.queue_bytes += message.len();
        self.queue.push_back((ticket, message));
        match &self.state {
            // R-E2E.7
            State::Down => self.start(now),
            State::Waiting(_) => {}
            State::Open(_) => self.with_open(now, |session, open| session.pump(now, open)),
        }
    }
}
