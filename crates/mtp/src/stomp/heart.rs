//! Heart-beats of STOMP 1.2: what both sides promised, and what that means for the clock.

use std::time::Duration;

/// What was agreed, and when something was last sent and heard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heart {
    /// The longest time that we may be silent.
    send_every: Option<Duration>,
    /// The longest time that the server may be silent.
    hear_every: Option<Duration>,
    sent: Duration,
    heard: Duration,
    /// Whether nobody listens.
    paused: bool,
}

impl Heart {
    /// R-STOMP.11: what our wishes (milliseconds out and in) and the server's header make together. Each
    /// direction beats only if both want it, and then at the slower of the two rates.
    pub(super) fn new(now: Duration, ours: Option<(u32, u32)>, theirs: Option<&str>) -> Heart {
        let (our_out, our_in) = ours.unwrap_or_default();
        let (their_out, their_in) = theirs.and_then(parse).unwrap_or_default();
        Heart {
            send_every: agreed(our_out, their_in),
            hear_every: agreed(our_in, their_out),
            sent: now,
            heard: now,
            paused: false,
        }
    }

    pub(super) fn sent(&mut self, now: Duration) {
        self.sent = now;
    }

    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// Until [`Heart::resume`] the server's silence means nothing.
    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume(&mut self, now: Duration) {
        self.paused = false;
        self.heard = now;
    }

    /// Whether the server promised to beat.
    pub(super) fn is_heard(&self) -> bool {
        self.hear_every.is_some()
    }

    /// Whether we must say something now.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.beat_at().is_some_and(|at| at <= now)
    }

    /// When we must say something, or give the server up.
    pub(super) fn timeout(&self) -> Option<Duration> {
        [self.beat_at(), self.dead_at()].into_iter().flatten().min()
    }

    /// Whether the server has been silent for too long.
    pub(super) fn is_dead(&self, now: Duration) -> bool {
        self.dead_at().is_some_and(|at| at <= now)
    }

    /// A quarter early, for the way.
    fn beat_at(&self) -> Option<Duration> {
        Some(self.sent + self.send_every? * 3 / 4)
    }

    /// STOMP 1.2 asks for a margin of error. ActiveMQ only looks once per interval whether it has sent something since
    /// the last look, and so is silent for nearly two.
    fn dead_at(&self) -> Option<Duration> {
        let every = self.hear_every.filter(|_| !self.paused)?;
        Some(self.heard + every * 3)
    }
}

fn agreed(one: u32, other: u32) -> Option<Duration> {
    (one > 0 && other > 0).then(|| Duration::from_millis(one.max(other).into()))
}

fn parse(header: &str) -> Option<(u32, u32)> {
    let (out, inward) = header.split_once(',')?;
    Some((out.trim().parse().ok()?, inward.trim().parse().ok()?))
}
