//! When an agent is nudged with a ping.
//!
//! OB-USP-AGENT's WebSocket client sends what it has queued only when its connection wakes it, and then
//! two messages at most. So a silence in which answers are owed is ended with a ping, soon where pings were
//! seen to help, ever less often where they do not; and one ping follows the answer to a write, because
//! events may stand behind it that nobody waits for.

use std::time::Duration;

use dm::Mono;

use crate::limits::{
    NUDGE_AFTER, NUDGE_AFTER_RELEASE, NUDGE_APART, NUDGE_BEHIND_WRITE, NUDGE_EAGER, NUDGE_LONGEST,
};

/// The silence of one connection.
pub(super) struct Nudges {
    /// When something last came in, or the first of several requests went out.
    since: Mono,
    /// When the last ping left.
    last: Option<Mono>,
    /// One has left in this silence.
    nudged: bool,
    /// How much silence the next one ends.
    wait: Duration,
    /// The last silence was ended by a ping.
    helps: bool,
    /// A write was answered, and nothing was sent or asked since.
    behind: bool,
}

impl Nudges {
    pub(super) fn new(now: Mono) -> Nudges {
        Nudges { since: now, last: None, nudged: false, wait: NUDGE_AFTER, helps: false, behind: false }
    }

    /// When the next ping is due; `owed`: answers are.
    pub(super) fn at(&self, owed: bool) -> Option<Mono> {
        let since = if self.nudged { self.last.unwrap_or(self.since) } else { self.since };
        let due = match owed {
            true if self.wait <= NUDGE_LONGEST => since + self.wait,
            false if self.behind => since + NUDGE_BEHIND_WRITE,
            _ => return None,
        };
        Some(self.last.map_or(due, |last| due.max(last + NUDGE_APART)))
    }

    /// The ping has left.
    pub(super) fn left(&mut self, now: Mono, owed: bool) {
        self.last = Some(now);
        self.nudged = true;
        self.behind = false;
        if owed {
            self.wait *= 2;
        }
    }

    /// Something came in.
    pub(super) fn heard(&mut self, now: Mono) {
        if self.nudged {
            let soon = self.last.is_some_and(|last| now <= last + NUDGE_AFTER);
            self.helps = soon;
            self.wait = if soon { NUDGE_AFTER_RELEASE } else { NUDGE_AFTER };
        }
        self.since = now;
        self.nudged = false;
    }

    /// A request left, and none was out before.
    pub(super) fn asked(&mut self, now: Mono) {
        self.since = now;
        self.nudged = false;
        self.behind = false;
        self.wait = if self.helps { NUDGE_EAGER } else { NUDGE_AFTER };
    }

    /// A write was answered.
    pub(super) fn written(&mut self) {
        self.behind = true;
    }
}
