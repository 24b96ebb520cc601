//! Running checks one after another.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use usp_proto::exchange::{Direction, Entry};

use crate::bench::Bench;
use crate::checks::Check;
use crate::limits;
use crate::target::{Need, Target};
use crate::verdict::{Stop, Verdict};

/// A check that was run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Which.
    pub check: &'static Check,
    /// How it ended.
    pub verdict: Verdict,
    /// What went over the wire, clean-up included.
    pub transcript: Vec<Entry>,
    /// How long it took, microseconds.
    pub micros: u64,
}

impl Ran {
    /// Whether the run ended before it.
    pub fn is_left_out(&self) -> bool {
        matches!(&self.verdict, Verdict::Error(why) if why.starts_with(NOT_BEGUN))
    }

    /// Whether something was sent, nothing came, and that was wrong.
    fn is_silent(&self) -> bool {
        let is_wrong = matches!(self.verdict, Verdict::Fail(_) | Verdict::Error(_));
        is_wrong
            && !self.transcript.is_empty()
            && self.transcript.iter().all(|entry| entry.direction == Direction::Out)
    }
}

/// How many checks ended how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not as they should be.
    pub warned: usize,
    /// Skipped.
    pub skipped: usize,
    /// Not carried out.
    pub errors: usize,
}

impl Summary {
    /// Counts.
    pub fn of(ran: &[Ran]) -> Summary {
        let mut summary = Summary::default();
        for one in ran {
            match one.verdict {
                Verdict::Pass => summary.passed += 1,
                Verdict::Fail(_) => summary.failed += 1,
                Verdict::Warn(_) => summary.warned += 1,
                Verdict::Skipped(_) => summary.skipped += 1,
                Verdict::Error(_) => summary.errors += 1,
            }
        }
        summary
    }

    /// Whether nothing failed and everything could be carried out.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.errors == 0
    }
}

/// The checks that one of the filters means: an id, or the beginning of several. No filter means all.
pub fn select(filters: &[String]) -> Vec<&'static Check> {
    let is_id = |filter: &str| crate::checks::all().any(|check| check.id == filter);
    let whole: Vec<bool> = filters.iter().map(|filter| is_id(filter)).collect();
    let meant = |check: &Check| {
        filters.is_empty()
            || filters.iter().zip(&whole).any(|(filter, is_id)| {
                // `R-GET.1` is not `R-GET.1a`.
                let rest = check.id.strip_prefix(filter.as_str());
                check.id == filter || !is_id && rest.is_some_and(|rest| rest.starts_with(['-', '.']))
            })
    };
    crate::checks::all().filter(|check| meant(check)).collect()
}

/// Meets the agent, asks what it supports, and runs the checks. `tell` hears of each as it ends. An agent that goes away
/// may take `patience` to come back; when it does not, the checks that are left are not carried out.
///
/// # Errors
/// When the agent does not come, or does not say what it supports.
pub async fn run(
    bench: &mut Bench,
    checks: &[&'static Check],
    patience: Duration,
    tell: impl FnMut(&Ran),
) -> Result<Vec<Ran>, Stop> {
    run_until(bench, checks, patience, std::future::pending(), tell).await
}

/// The same until `stop` is ready: what the check under way made is taken back, and those that are left are not carried
/// out.
///
/// # Errors
/// As [`run`].
pub async fn run_until(
    bench: &mut Bench,
    checks: &[&'static Check],
    patience: Duration,
    stop: impl Future<Output = ()>,
    mut tell: impl FnMut(&Ran),
) -> Result<Vec<Ran>, Stop> {
    let mut stop = pin!(stop);
    tokio::select! {
        met = meet(bench, patience) => met?,
        () = &mut stop => return Err(Stop::Error("interrupted before the first check".to_owned())),
    }
    let mut ran: Vec<Ran> = Vec::with_capacity(checks.len());
    let mut end: Option<String> = None;
    for &check in checks {
        let one = match &end {
            Some(why) => left_out(check, why),
            None => {
                let before = ran.last();
                let one = tokio::select! {
                    one = in_turn(bench, check, before, patience) => one,
                    () = &mut stop => {
                        // What it does not answer in time stays.
                        let _ = timeout(limits::FAREWELL, bench.end()).await;
                        Err("interrupted".to_owned())
                    }
                };
                one.unwrap_or_else(|why| left_out(check, end.insert(why)))
            }
        };
        tell(&one);
        ran.push(one);
    }
    Ok(ran)
}

async fn meet(bench: &mut Bench, patience: Duration) -> Result<(), Stop> {
    bench.meet(patience).await?;
    let target = Target::discover(bench).await?;
    bench.set_target(target);
    bench.learn_adoption().await
}

/// Runs a check once the agent is there.
///
/// # Errors
/// With why neither this check nor any further one can be carried out.
async fn in_turn(
    bench: &mut Bench,
    check: &'static Check,
    before: Option<&Ran>,
    patience: Duration,
) -> Result<Ran, String> {
    let was_silent = before.is_some_and(Ran::is_silent);
    bench.ready(patience, before.map(|ran| ran.check.id), was_silent).await?;
    Ok(run_one(bench, check).await)
}

/// What the error of a check begins with that is not carried out because the run ended before it.
const NOT_BEGUN: &str = "not begun: ";

fn left_out(check: &'static Check, why: &str) -> Ran {
    let verdict = Verdict::Error(format!("{NOT_BEGUN}{why}"));
    Ran { check, verdict, transcript: Vec::new(), micros: 0 }
}

async fn run_one(bench: &mut Bench, check: &'static Check) -> Ran {
    let began = Instant::now();
    bench.begin();
    let missing = |bench: &Bench| -> Result<(), Stop> {
        if let Some(why) = bench.profile().omits(check.id) {
            return Err(Stop::Skip(format!("the profile: {why}")));
        }
        let target = bench.target()?;
        let is_met = |need: &Need| bench.link_offers(*need).unwrap_or_else(|| target.offers(*need));
        match check.needs.iter().find(|need| !is_met(need)) {
            Some(need) => Err(Stop::Skip(need.missing().to_owned())),
            None => Ok(()),
        }
    };
    let end = match missing(bench) {
        Ok(()) => (check.run)(bench).await,
        Err(stop) => Err(stop),
    };
    let (transcript, sound) = bench.end().await;
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    // A Record that is no Record is wrong whatever the check is about.
    let verdict = match (Verdict::of(check.level, end), sound) {
        (Verdict::Pass | Verdict::Warn(_), Err(stop)) => Err(stop).into(),
        (verdict, _) => verdict,
    };
    Ran { check, verdict, transcript, micros }
}
