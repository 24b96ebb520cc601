//! How sessions begin, end and follow each other.

use dm::Mono;
use rand_chacha::rand_core::RngCore;
use usp_proto::session::TlsRole;

use super::context::{Context, Ending};
use super::io::{Failure, Output};
use super::send::Signing;
use super::{Session, State};
use crate::limits::CLOSED_SESSIONS;

impl Session {
    /// Does something with the session that stands, and ends it if that fails.
    pub(super) fn with_open(
        &mut self,
        now: Mono,
        step: impl FnOnce(&mut Session, &mut Context) -> Result<(), Ending>,
    ) {
        let mut open = match std::mem::replace(&mut self.state, State::Down) {
            State::Open(open) => open,
            other => return self.state = other,
        };
        let done = step(self, &mut open);
        self.state = State::Open(open);
        match done {
            Ok(()) => {}
            Err(Ending::Failed(why)) => {
                self.close();
                self.fail(now, &why);
            }
            Err(Ending::Renewed(why)) => {
                self.outputs.push_back(Output::Noticed(format!("a new session: {why}")));
                self.close();
                self.start(now);
            }
        }
    }

    /// Starts a session of our own. What waits to be sent goes with it; without that, a Record without
    /// payload tells the peer.
    pub(super) fn start(&mut self, now: Mono) {
        let tls = match (self.wants_tls(), self.crypto.as_deref()) {
            (false, _) => Ok(None),
            (true, None) => Err("there is no key for TLS".to_owned()),
            (true, Some(crypto)) => {
                crypto.tls(TlsRole::Client, &self.peer).map(Some).map_err(|error| error.0)
            }
        };
        let tls = match tls {
            Ok(tls) => tls,
            Err(why) => {
                self.outputs.push_back(Output::Noticed(format!("no session: {why}")));
                return self.give_up();
            }
        };
        let id = self.new_id();
        self.state = State::Open(Box::new(Context::new(now, id, true, tls)));
        self.with_open(now, |session, open| {
            session.flush_tls(now, open, Signing::Signature)?;
            session.pump(now, open)?;
            if open.tx_next == 1 { session.transmit_empty(now, open, 0) } else { Ok(()) }
        });
    }

    /// R-E2E.3: greater than 1, and none that was in use.
    fn new_id(&mut self) -> u64 {
        loop {
            let id = self.random.next_u64();
            if id > 1 && !self.closed.iter().any(|(closed, _)| *closed == id) {
                return id;
            }
        }
    }

    /// Ends the session that stands: what it sent and nobody confirmed is in doubt. What came in turn was
    /// processed when it came (R-E2E.22).
    pub(super) fn close(&mut self) {
        if let State::Open(mut open) = std::mem::replace(&mut self.state, State::Down) {
            let lost = open.outgoing.tickets().into_iter();
            self.outputs.extend(lost.map(|ticket| Output::Failed(ticket, Failure::InDoubt)));
            self.closed.push_back((open.id, open.rx_expected));
            if self.closed.len() > CLOSED_SESSIONS {
                self.closed.pop_front();
            }
        }
    }

    /// After a failure (R-E2E.21) the next session starts at once; if that fails too before a Record was
    /// received well, after the waits of the schedule (R-E2E.10, R-E2E.11).
    pub(super) fn fail(&mut self, now: Mono, why: &str) {
        self.outputs.push_back(Output::Noticed(format!("the session failed: {why}")));
        let since = *self.failing_since.get_or_insert(now);
        if self.policy.expiration.is_some_and(|expiration| now.since(since) >= expiration) {
            return self.give_up();
        }
        let retry = self.retries;
        self.retries = retry.saturating_add(1);
        if retry == 0 {
            self.start(now);
        } else {
            self.state = State::Waiting(now + self.policy.retry.wait(retry, &mut self.random));
        }
    }

    /// As after several failures: whoever is refused is not asked again at once.
    pub(super) fn refuse(&mut self, now: Mono) {
        self.close();
        self.retries = self.retries.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.state = State::Waiting(now + self.policy.retry.wait(self.retries, &mut self.random));
    }

    /// `Reset()`
    pub(super) fn reset(&mut self, now: Mono) {
        if !matches!(self.state, State::Down) {
            self.close();
            self.start(now);
        }
    }

    /// Forgets the session, and fails what it did not send.
    pub(super) fn purge(&mut self) {
        self.close();
        self.give_up();
    }

    fn give_up(&mut self) {
        self.state = State::Down;
        self.retries = 0;
        self.failing_since = None;
        self.queue_bytes = 0;
        let unsent = std::mem::take(&mut self.queue).into_iter();
        self.outputs.extend(unsent.map(|(ticket, _)| Output::Failed(ticket, Failure::NotSent)));
    }
}
