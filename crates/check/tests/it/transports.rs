//! Checks of a transport's own rules, and of restarts: each against an agent that keeps them, and one that has a habit
//! which breaks one.

use std::time::Duration;

use check::target::Need;
use check::{Bench, Check, Level, Verdict, run, select};

use crate::{mqtt, reboot, socket, stomp, uds};

/// Whether a check is one of them.
pub(crate) fn is_about(check: &Check) -> bool {
    check.needs.first().is_some_and(|need| {
        matches!(
            need,
            Need::WebSocket
                | Need::Dials
                | Need::Listens
                | Need::DialsSecurely
                | Need::ListensSecurely
                | Need::Mqtt
                | Need::Mqtt5
                | Need::Mqtt3
                | Need::Stomp
                | Need::BrokerSecurely
                | Need::Unix
                | Need::UnixDials
                | Need::UnixListens
                | Need::Reboot
        )
    })
}

/// The checks that have a fault of this kind.
pub(crate) fn faulted() -> impl Iterator<Item = &'static str> {
    socket::faulted()
        .chain(mqtt::faulted())
        .chain(stomp::faulted())
        .chain(uds::faulted())
        .chain(reboot::faulted())
}

/// A check, and the habit that breaks its rule.
pub(crate) type Fault<H> = (&'static str, fn(&mut H));

/// The agents of one transport.
pub(crate) struct Kind<H: 'static> {
    pub(crate) faults: &'static [Fault<H>],
    /// The right agent for a check.
    pub(crate) right: fn(&Check) -> H,
    pub(crate) bench: fn(H) -> Bench,
}

impl<H> Kind<H> {
    async fn verdict(&self, check: &'static Check, habits: H) -> Verdict {
        let mut bench = (self.bench)(habits);
        match run(&mut bench, &[check], Duration::from_secs(60), |_| {}).await {
            Ok(mut ran) => ran.remove(0).verdict,
            Err(stop) => Verdict::Error(stop.to_string()),
        }
    }

    fn checks(&self) -> impl Iterator<Item = (&'static Check, &'static Fault<H>)> {
        self.faults.iter().map(|fault| (select(&[fault.0.to_owned()])[0], fault))
    }

    /// The right agent passes each check alone, and all of them in a row.
    pub(crate) async fn right_passes(&self) {
        let mut wrong = Vec::new();
        for (check, _) in self.checks() {
            let verdict = self.verdict(check, (self.right)(check)).await;
            if verdict != Verdict::Pass {
                wrong.push(format!("{}: {verdict:?}", check.id));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// One right agent passes these checks in a row.
    pub(crate) async fn right_passes_in_a_row(&self, habits: H, skips: &[&str]) {
        let checks: Vec<_> = self.checks().map(|(check, _)| check).collect();
        let mut bench = (self.bench)(habits);
        let ran = run(&mut bench, &checks, Duration::from_secs(60), |_| {}).await.unwrap();
        let is_right = |one: &&check::Ran| match one.verdict {
            Verdict::Pass => true,
            Verdict::Skipped(_) => skips.iter().any(|skip| one.check.id.starts_with(skip)),
            _ => false,
        };
        let wrong: Vec<_> =
            ran.iter().filter(|one| !is_right(one)).map(|one| (one.check.id, &one.verdict)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// The wrong agent fails the check of the rule that it breaks.
    pub(crate) async fn wrong_fails(&self) {
        let mut unseen = Vec::new();
        for (check, (id, fault)) in self.checks() {
            let mut habits = (self.right)(check);
            fault(&mut habits);
            let verdict = self.verdict(check, habits).await;
            let is_seen = match check.level {
                Level::Must => matches!(verdict, Verdict::Fail(_)),
                Level::Should => matches!(verdict, Verdict::Warn(_)),
            };
            if !is_seen {
                unseen.push(format!("{id}: {verdict:?}"));
            }
        }
        assert!(unseen.is_empty(), "{unseen:#?}");
    }
}
