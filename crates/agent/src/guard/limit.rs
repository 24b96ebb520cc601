//! How often commands may run within a time. What ran is remembered in a file of the agent's folder, which outlives
//! restarts and factory resets: both are among what is counted.
//!
//! Without a clock only what this process ran is counted, because nobody knows when the rest was.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault};
use engine::provider::{
    Call, CommandResult, Committed, Edit, Pending, Prepared, Provider, ProviderError, Report, Sink, Wanted,
};
use pki::file::{SECRET, write_atomic};
use tokio::sync::watch;

use super::GuardConfig;
use crate::limits::MAX_REMEMBERED_RUNS;
use crate::providers::time::credible;

/// The limits of an agent, and what ran.
#[derive(Debug)]
pub struct Limits {
    guards: Vec<GuardConfig>,
    path: PathBuf,
    runs: Mutex<Runs>,
}

#[derive(Debug, Default)]
struct Runs {
    /// Seconds of the epoch, and the command; the oldest first.
    dated: Vec<(u64, String)>,
    /// Of this process, where there is no clock.
    here: Vec<(Instant, String)>,
}

/// When something happens.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Of this process.
    pub mono: Instant,
    /// Seconds of the epoch; `None`: there is no clock.
    pub utc: Option<u64>,
}

impl Moment {
    /// This one.
    pub fn now() -> Moment {
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment { mono: Instant::now(), utc: credible(now).map(|_| since.as_secs()) }
    }
}

impl Limits {
    /// Reads what ran.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub fn open(path: &Path, guards: &[GuardConfig]) -> Result<Arc<Limits>> {
        let guards: Vec<_> = guards.iter().filter(|guard| guard.limit.is_some()).cloned().collect();
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            other => other.with_context(|| format!("{}", path.display()))?,
        };
        let dated = text.lines().filter_map(|line| {
            let (seconds, command) = line.split_once(' ')?;
            Some((seconds.parse().ok()?, command.to_owned()))
        });
        let runs = Mutex::new(Runs { dated: dated.collect(), here: Vec::new() });
        Ok(Arc::new(Limits { guards, path: path.to_owned(), runs }))
    }

    /// Counts a run of a command, given in its supported form.
    ///
    /// # Errors
    /// 7002 where it ran too often, or what ran can't be remembered.
    pub fn count(&self, now: Moment, command: &str) -> Result<(), Fault> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut concerned = false;
        for guard in self.guards.iter().filter(|guard| guard.covers(command)) {
            concerned = true;
            let limit = guard.limit.unwrap_or(u32::MAX);
            let per = Duration::from_secs(guard.per.into());
            let of = |ran: &str| guard.covers(ran);
            let dated = now.utc.map_or(0, |utc| {
                // A time to come is one before the clock was set back: it counts.
                let recent = |at: u64| utc.saturating_sub(at) < u64::from(guard.per);
                runs.dated.iter().filter(|(at, ran)| recent(*at) && of(ran)).count()
            });
            let here = runs.here.iter().filter(|(at, ran)| now.mono.duration_since(*at) < per && of(ran));
            if dated + here.count() >= limit as usize {
                let why = format!("no more than {limit} within {} s: the policy of the device", guard.per);
                return Err(Fault::new(Code::REQUEST_DENIED, why));
            }
        }
        match concerned {
            true => self.remember(&mut runs, now, command),
            false => Ok(()),
        }
    }

    fn remember(&self, runs: &mut Runs, now: Moment, command: &str) -> Result<(), Fault> {
        let Some(utc) = now.utc else {
            runs.here.push((now.mono, command.to_owned()));
            let more = runs.here.len().saturating_sub(MAX_REMEMBERED_RUNS);
            runs.here.drain(..more);
            return Ok(());
        };
        runs.dated.push((utc, command.to_owned()));
        let longest = self.guards.iter().map(|guard| u64::from(guard.per)).max().unwrap_or(0);
        runs.dated.retain(|(at, _)| utc.saturating_sub(*at) < longest);
        let more = runs.dated.len().saturating_sub(MAX_REMEMBERED_RUNS);
        runs.dated.drain(..more);
        let text: String = runs.dated.iter().map(|(at, ran)| format!("{at} {ran}\n")).collect();
        write_atomic(&self.path, text.as_bytes(), SECRET).map_err(|error| {
            Fault::new(Code::REQUEST_DENIED, format!("what ran can't be remembered: {error}"))
        })
    }
}

impl GuardConfig {
    fn covers(&self, command: &str) -> bool {
        self.targets.iter().any(|target| match target.ends_with('.') {
            true => command.starts_with(target.as_str()),
            false => command == target,
        })
    }
}

/// Providers whose commands are counted; as they are, where nothing is limited.
pub fn limited(providers: Vec<Arc<dyn Provider>>, limits: &Arc<Limits>) -> Vec<Arc<dyn Provider>> {
    if limits.guards.is_empty() {
        return providers;
    }
    let limit = |inner| Arc::new(Limited { inner, limits: limits.clone() }) as Arc<dyn Provider>;
    providers.into_iter().map(limit).collect()
}

/// A provider whose commands are counted before they run.
struct Limited {
    inner: Arc<dyn Provider>,
    limits: Arc<Limits>,
}

impl Provider for Limited {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn supported(&self, model: &mut ModelBuilder) {
        self.inner.supported(model);
    }

    fn in_effect(&self) {
        self.inner.in_effect();
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        self.inner.subtrees()
    }

    fn counts_rows(&self) -> bool {
        self.inner.counts_rows()
    }

    fn max_age(&self) -> Duration {
        self.inner.max_age()
    }

    fn refresh<'a>(&'a self, want: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        self.inner.refresh(want)
    }

    fn reads_parts(&self) -> bool {
        self.inner.reads_parts()
    }

    fn read<'a>(&'a self, want: &'a [Wanted]) -> Pending<'a, Result<Report, ProviderError>> {
        self.inner.read(want)
    }

    fn watch(&self, sink: Sink) -> bool {
        self.inner.watch(sink)
    }

    fn sees_changes(&self) -> bool {
        self.inner.sees_changes()
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        self.inner.prepare(changes)
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        self.inner.commit(prepared)
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        self.inner.abort(prepared)
    }

    fn runs(&self, object: &SchemaPath) -> bool {
        self.inner.runs(object)
    }

    fn operate(&self, call: Call, cancelled: watch::Receiver<bool>) -> Pending<'_, CommandResult> {
        let command = format!("{}{}()", call.object, call.command);
        match self.limits.count(Moment::now(), &command) {
            Ok(()) => self.inner.operate(call, cancelled),
            Err(fault) => Box::pin(async { Err(fault) }),
        }
    }
}
