//! `cusp check`: runs conformance checks against an agent and prints how they ended, as TAP or as JSON.

mod way;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ::check::report::{self, About};
use ::check::{Bench, BenchConfig, Check, EndpointId, Profile, Ran, Summary, Verdict, limits};
use serde_json::{Value, json};

use crate::cli::CheckArgs;
use crate::client::Failure;
use crate::output::{Output, note};
use crate::serve;
use crate::table::Table;

/// `cusp check`.
pub(crate) fn run(out: &mut Output, args: &CheckArgs) -> Result<(), Failure> {
    let checks = ::check::select(&args.filters);
    if checks.is_empty() {
        return Err(Failure::usage("no check has such an id").with("`cusp check --list` shows them all"));
    }
    if args.list {
        return list(out, &checks);
    }
    serve::log("warn")?;
    let (about, ran) = serve::runtime()?.block_on(Box::pin(check(out, args, &checks)))?;
    write(args.junit.as_deref(), || report::junit(&about, &ran))?;
    write(args.html.as_deref(), || report::html(&about, &ran))?;
    if out.json {
        out.json(&report::json(&about, &ran))?;
    }
    let Summary { passed, failed, warned, skipped, errors } = Summary::of(&ran);
    note(&format!(
        "{passed} passed, {failed} failed, {warned} warnings, {skipped} skipped, {errors} not carried out"
    ));
    if Summary::of(&ran).is_good() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "{failed} of {} checks failed, {errors} could not be carried out",
            ran.len()
        )))
    }
}

fn list(out: &mut Output, checks: &[&Check]) -> Result<(), Failure> {
    if out.json {
        let row = |check: &&Check| {
            // What a report says when it is missing.
            let without: Vec<&str> = check.needs.iter().map(|need| need.missing()).collect();
            let level = match check.level {
                ::check::Level::Must => "must",
                ::check::Level::Should => "should",
            };
            json!({
                "id": check.id,
                "requirement": check.requirement(),
                "title": check.title,
                "level": level,
                "skipped_if": without,
            })
        };
        return out.json(&Value::Array(checks.iter().map(row).collect()));
    }
    let mut table = Table::new(&["ID", "WHAT MUST HOLD"]);
    checks.iter().for_each(|check| table.row([check.id.to_owned(), check.title.to_owned()]));
    out.table(&table)
}

/// Runs the checks; each is told as it ends.
async fn check(
    out: &mut Output,
    args: &CheckArgs,
    checks: &[&'static Check],
) -> Result<(About, Vec<Ran>), Failure> {
    let endpoint = |text: &str| {
        EndpointId::receive(text)
            .map_err(|error| Failure::usage(format!("{text} is no endpoint id: {error}")))
    };
    let controller = endpoint(&args.id)?;
    let agent = args.agent.as_deref().map(endpoint).transpose()?;
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let keys = way::keys(args, &controller)?;
    let config = BenchConfig {
        controller,
        agent,
        run: format!("{:x}", started.as_secs()),
        patience: limits::PATIENCE,
        profile: profile(args.profile.as_deref())?,
        keys,
    };
    let link = way::link(args, &config).await?;
    let at = server::clock::Clock::start().utc().to_string();
    let mut bench = Bench::new(config, link);
    let mut progress = Progress { out, count: checks.len(), done: 0, is_over: false, broken: None };
    let ran = ::check::run_until(&mut bench, checks, args.wait, interrupted(), |one| progress.tell(one));
    let ran = ran.await.map_err(|stop| Failure::new(stop.to_string()))?;
    if let Some(failure) = progress.broken {
        return Err(failure);
    }
    for what in bench.left() {
        // The agent has a part in it.
        note(&format!("left behind in the agent: {what:?}"));
    }
    let about = About {
        agent: bench.agent().map(ToString::to_string).unwrap_or_default(),
        device: bench.device().await,
        by: [&args.listen, &args.connect, &args.broker].into_iter().flatten().cloned().collect(),
        at,
        tool: format!("cusp {}", env!("CARGO_PKG_VERSION")),
    };
    Ok((about, ran))
}

/// Waits until somebody at the terminal has enough; whoever has enough once more does not wait for the clean-up.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    note("interrupted: what the checks made is taken back; once more ends at once");
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}

/// Tells of checks as they end: TAP on standard output, or, with JSON there, what is of note on standard error.
struct Progress<'a> {
    out: &'a mut Output,
    count: usize,
    done: usize,
    /// The run ended, and was told of.
    is_over: bool,
    /// Standard output is gone.
    broken: Option<Failure>,
}

impl Progress<'_> {
    fn tell(&mut self, one: &Ran) {
        self.done += 1;
        if let Some(told) = self.noted(one) {
            note(&format!("[{}/{}] {}: {told}", self.done, self.count, one.check.id));
        }
        if self.out.json || self.broken.is_some() {
            return;
        }
        let plan = if self.done == 1 { report::plan(self.count) } else { String::new() };
        let line = report::tap_line(self.done, one);
        self.broken = self.out.line((plan + &line).trim_end()).err();
    }

    /// What is of note beside the report: nothing where that is seen anyway.
    fn noted(&mut self, one: &Ran) -> Option<String> {
        if !self.out.json && std::io::stdout().is_terminal() {
            return None;
        }
        // Once for all that are left.
        let was_over = std::mem::replace(&mut self.is_over, one.is_left_out());
        if was_over && self.is_over {
            return None;
        }
        match &one.verdict {
            Verdict::Pass | Verdict::Skipped(_) => None,
            // What the agent had a part in is for the report, where it is escaped.
            Verdict::Fail(finding) => Some(format!("failed: {:?}", finding.reason)),
            Verdict::Warn(finding) => Some(format!("not as it should be: {:?}", finding.reason)),
            Verdict::Error(why) => Some(format!("not carried out: {why:?}")),
        }
    }
}

/// Reads the profile, if there is one.
fn profile(path: Option<&Path>) -> Result<Profile, Failure> {
    let Some(path) = path else { return Ok(Profile::default()) };
    let wrong = |error: String| Failure::usage(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Profile::parse(&text).map_err(|error| wrong(error.to_string()))
}

fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, text()).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
