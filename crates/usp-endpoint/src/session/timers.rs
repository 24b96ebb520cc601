//! What a session does when time passes.

use dm::Mono;

use super::context::{Context, Ending};
use super::io::{Failure, Output};
use super::{Session, State};
use crate::limits::{SESSION_GAP_TRIES, SESSION_REPEAT_TRIES};

impl Session {
    /// When `Input::Timeout` is wanted: a confirmation, a repetition, a request for a missing Record, the next
    /// try to establish a session, or the end of a silent one.
    pub fn poll_timeout(&self) -> Option<Mono> {
        match &self.state {
            State::Down => None,
            State::Waiting(at) => Some(*at),
            State::Open(open) => {
                let end = self.policy.expiration.map(|expiration| open.active + expiration);
                open.poll_timeout().into_iter().chain(end).min()
            }
        }
    }

    pub(super) fn timeout(&mut self, now: Mono) {
        match &self.state {
            State::Waiting(at) if *at <= now => self.start(now),
            State::Open(_) => self.with_open(now, |session, open| {
                session.repeat(now, open)?;
                session.ask(now, open)?;
                if open.confirm_at.is_some_and(|at| at <= now) {
                    session.transmit_empty(now, open, 0)?;
                }
                Ok(())
            }),
            _ => {}
        }
    }

    /// `SessionExpiration`: a silent session is over, and the next interaction starts another (R-E2E.7).
    pub(super) fn expire(&mut self, now: Mono) {
        let Some(expiration) = self.policy.expiration else { return };
        if let State::Open(open) = &self.state
            && now.since(open.active) >= expiration
        {
            self.outputs.push_back(Output::Noticed("the session expired".to_owned()));
            self.close();
            if !self.queue.is_empty() {
                self.start(now);
            }
        }
    }

    /// Sends the oldest unconfirmed Record again.
    fn repeat(&mut self, now: Mono, open: &mut Context) -> Result<(), Ending> {
        let Some(retry) = open.repeat.filter(|retry| retry.at <= now) else { return Ok(()) };
        let Some(record) = open.outgoing.oldest() else {
            open.repeat = None;
            return Ok(());
        };
        if retry.tries < SESSION_REPEAT_TRIES {
            self.outputs.push_back(Output::Send(record));
            open.repeat = Some(retry.again(now));
            return Ok(());
        }
        if !open.heard || !open.is_ready() {
            return Err(Ending::Failed("nobody answers".to_owned()));
        }
        // What waits for room would wait for ever.
        if !self.queue.is_empty() {
            return Err(Ending::Failed("the peer confirms nothing".to_owned()));
        }
        open.repeat = None;
        let lost = open.outgoing.tickets().into_iter();
        self.outputs.extend(lost.map(|ticket| Output::Failed(ticket, Failure::InDoubt)));
        Ok(())
    }

    /// Asks for the Record that others wait for.
    fn ask(&mut self, now: Mono, open: &mut Context) -> Result<(), Ending> {
        let Some(retry) = open.gap.filter(|retry| retry.at <= now) else { return Ok(()) };
        if retry.tries >= SESSION_GAP_TRIES {
            return Err(Ending::Failed(format!("Record {} never came", open.rx_expected)));
        }
        open.gap = Some(retry.again(now));
        self.transmit_empty(now, open, open.rx_expected)
    }
}
