//! The end-to-end session with the agent: whether there is one, and which Messages travel in it.
//!
//! A machine has one session after the other. It ends with the connection, because the machine may; an agent
//! that goes on in it is answered with a new one (R-E2E.24).

use bytes::Bytes;
use dm::Mono;
use sha2::{Digest, Sha256};
use usp_proto::link::{Outbound, PeerAuth, ReturnPath};
use usp_proto::{Msg, Record};

use super::ControllerMachine;
use super::io::Output;
use crate::session::io::{Input, Mode, Output as Said, Policy, Status, Ticket};
use crate::session::{Session, protected_by_mtp};

/// A session's machine and its way.
pub(super) struct Held {
    session: Session,
    path: ReturnPath,
}

/// Where a Message came from, and its answer goes.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) path: ReturnPath,
    /// It came by the session.
    pub(super) in_session: bool,
}

impl ControllerMachine {
    /// What a session follows on a way of which this is proved; `None` where there can be none: there is no key
    /// for what it would need, or sessions are not allowed.
    fn session_policy(&self, peer: &PeerAuth) -> Option<Policy> {
        let mut policy = self.config.sessions.clone();
        policy.sign = !protected_by_mtp(peer, &self.agent, None);
        // Over a transport that protects them plain sessions are no worse than none, and some agents know no other.
        policy.plain = policy.mode == Mode::Allow && !policy.sign;
        let needs_key = policy.sign || policy.tls;
        (policy.mode != Mode::Forbid && (!needs_key || self.config.crypto.is_some())).then_some(policy)
    }

    /// Whether Messages outside of a session mean nothing.
    pub(super) fn requires_session(&self) -> bool {
        self.config.sessions.mode == Mode::Require
    }

    /// R-E2E.4: a Record of a session with the agent.
    pub(super) fn session_record(&mut self, now: Mono, record: Record, peer: &PeerAuth, path: ReturnPath) {
        let Some(policy) = self.session_policy(peer) else { return self.refuse_session(path) };
        let protected = !policy.sign;
        let had_one = self.has_session();
        if self.session.is_none() {
            // Nothing shows yet that it is genuine: what the session says of itself goes where the agent is known to be.
            let own = self.link.as_ref().filter(|own| own.return_path.link() == path.link());
            let known = own.map_or(&path, |own| &own.return_path).clone();
            self.hold(policy.clone(), known);
        }
        self.with_session_by(now, Input::Record { record, protected }, Some((policy, path)));
        // Who starts a session ignores what was asked outside of it. It is there, even after a Disconnect record with which
        // it ended another session and no Connect record came (R-MTP.8).
        if !had_one && self.has_session() {
            self.open_link(now);
            self.ask_again(now);
        }
    }

    /// The channel is open: where Messages need a session, there is one from now on.
    pub(super) fn open_session(&mut self, now: Mono) {
        let Some((path, peer)) = self.link.as_ref().map(|link| (link.return_path.clone(), link.peer.clone()))
        else {
            return;
        };
        if let Some(policy) = self.session_policy(&peer).filter(|_| self.requires_session()) {
            self.hold(policy, path);
            self.with_session(now, Input::Open);
        }
    }

    fn hold(&mut self, policy: Policy, path: ReturnPath) {
        if let Some(held) = &mut self.session {
            held.path = path;
            return held.session.set_policy(policy);
        }
        let (me, agent) = (self.config.endpoint.clone(), self.agent.clone());
        // Message ids are never repeated, and nobody guesses how they begin.
        let seed = Sha256::digest(self.msg_ids.next()).into();
        let session = Session::new(me, agent, policy, self.config.crypto.clone(), seed);
        self.session = Some(Box::new(Held { session, path }));
    }

    /// Whether what is asked travels in the session.
    pub(super) fn has_session(&self) -> bool {
        let stands = self.session.as_ref().is_some_and(|held| held.session.status() != Status::Down);
        stands || self.requires_session()
    }

    /// Sends a Message in the session. One that is lost with it has a deadline.
    pub(super) fn send_in_session(&mut self, now: Mono, msg: &Msg) {
        self.with_session(now, Input::Send { ticket: Ticket(0), message: msg.encode() });
    }

    /// R-MTP.7: the agent left, or its connection is gone.
    pub(super) fn purge_session(&mut self) {
        self.session = None;
    }

    pub(super) fn session_timeout(&self) -> Option<Mono> {
        self.session.as_ref().and_then(|held| held.session.poll_timeout())
    }

    pub(super) fn session_if_due(&mut self, now: Mono) {
        if self.session_timeout().is_some_and(|at| at <= now) {
            self.with_session(now, Input::Timeout);
        }
    }

    /// Enters the session, and passes on what it says.
    fn with_session(&mut self, now: Mono, input: Input) {
        self.with_session_by(now, input, None);
    }

    /// The same with a Record that came by another way: the session takes that way once it has found it genuine. A
    /// broker passes on whatever anybody says.
    fn with_session_by(&mut self, now: Mono, input: Input, by: Option<(Policy, ReturnPath)>) {
        let Some(held) = &mut self.session else { return };
        held.session.handle(now, input);
        if let Some((policy, path)) = by.filter(|_| held.session.take_heard()) {
            held.session.set_policy(policy);
            held.path = path;
        }
        let path = held.path.clone();
        let said: Vec<Said> = std::iter::from_fn(|| held.session.poll_output()).collect();
        for said in said {
            match said {
                Said::Send(record) => {
                    self.outputs.push_back(Output::Send(Outbound { return_path: path.clone(), record }));
                }
                Said::Deliver(message) => self.delivered(now, path.clone(), &message),
                Said::Disconnect { code, reason } => self.send_disconnect(path.clone(), code, reason),
                Said::Noticed(what) => self.notice(format!("session: {what}")),
                Said::Confirmed(_) | Said::Failed(..) => {}
            }
        }
    }

    fn delivered(&mut self, now: Mono, path: ReturnPath, message: &Bytes) {
        self.open_link(now);
        self.message(now, Reply { path, in_session: true }, message);
    }
}
