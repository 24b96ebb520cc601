//! One session: its numbers, buffers and timers. What happens with them is decided beside it.

use std::time::Duration;

use dm::Mono;
use usp_proto::record::PayloadSecurity;
use usp_proto::session::{PayloadTls, Reassembler};

use super::early::Early;
use super::outgoing::Outgoing;
use crate::limits::{MAX_SEGMENTED_BYTES, SESSION_CONFIRM_AFTER};

/// How a session ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// A Record could not be handled (R-E2E.21): the next session is subject to the retry schedule.
    Failed(String),
    /// It is replaced, and nothing is wrong.
    Renewed(&'static str),
}

/// A timer that doubles its wait with each try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    pub(super) at: Mono,
    pub(super) tries: u32,
    first: Duration,
}

impl Retry {
    pub(super) fn after(now: Mono, first: Duration) -> Retry {
        Retry { at: now + first, tries: 0, first }
    }

    /// Its wait is over already.
    pub(super) fn due(now: Mono, first: Duration) -> Retry {
        Retry { at: now, tries: 0, first }
    }

    pub(super) fn again(self, now: Mono) -> Retry {
        let tries = self.tries + 1;
        Retry { at: now + self.first * 2u32.saturating_pow(tries), tries, first: self.first }
    }
}

/// A session that stands or is being established.
pub(super) struct Context {
    pub(super) id: u64,
    /// We started it.
    pub(super) ours: bool,
    /// A genuine Record of the peer came in it.
    pub(super) heard: bool,
    pub(super) tls: Option<Box<dyn PayloadTls>>,
    /// R-E2E.14: the first is 1.
    pub(super) tx_next: u64,
    pub(super) rx_expected: u64,
    pub(super) outgoing: Outgoing,
    pub(super) early: Early,
    pub(super) reassembler: Reassembler,
    /// When a Record that only confirms is sent.
    pub(super) confirm_at: Option<Mono>,
    /// When the oldest unconfirmed Record is sent again.
    pub(super) repeat: Option<Retry>,
    /// When the missing Record is asked for.
    pub(super) gap: Option<Retry>,
    /// When a Record last came or went.
    pub(super) active: Mono,
}

impl Context {
    pub(super) fn new(now: Mono, id: u64, ours: bool, tls: Option<Box<dyn PayloadTls>>) -> Context {
        Context {
            id,
            ours,
            heard: !ours,
            tls,
            tx_next: 1,
            rx_expected: 1,
            outgoing: Outgoing::default(),
            early: Early::default(),
            reassembler: Reassembler::new(MAX_SEGMENTED_BYTES),
            confirm_at: None,
            repeat: None,
            gap: None,
            active: now,
        }
    }

    /// R-E2E.18: the same for the whole session.
    pub(super) fn security(&self) -> PayloadSecurity {
        if self.tls.is_some() { PayloadSecurity::Tls12 } else { PayloadSecurity::Plaintext }
    }

    /// Whether Messages can travel.
    pub(super) fn is_ready(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| !tls.is_handshaking())
    }

    /// The peer shall hear soon what has arrived.
    pub(super) fn confirm_soon(&mut self, now: Mono) {
        let at = now + SESSION_CONFIRM_AFTER;
        self.confirm_at = Some(self.confirm_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// The nearest of its timers.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        let retries = [self.repeat, self.gap].into_iter().flatten().map(|retry| retry.at);
        retries.chain(self.confirm_at).min()
    }
}
