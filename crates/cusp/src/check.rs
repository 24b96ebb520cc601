//! `cusp check`: runs conformance checks against an agent and prints how they ended, as TAP or as JSON.

mod way;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ::check::{Bench, BenchConfig, Check, EndpointId, Profile, Ran, Summary, limits, report};
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
    let ran = serve::runtime()?.block_on(Box::pin(check(args, &checks)))?;
    write(args.junit.as_deref(), || report::junit(&ran))?;
    write(args.html.as_deref(), || report::html(&ran))?;
    if out.json {
        out.json(&report::json(&ran))?;
    } else {
        out.line(report::tap(&ran).trim_end())?;
    }
    let Summary { failed, errors, .. } = Summary::of(&ran);
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

async fn check(args: &CheckArgs, checks: &[&'static Check]) -> Result<Vec<Ran>, Failure> {
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
    let mut bench = Bench::new(config, link);
    let ran = ::check::run(&mut bench, checks, args.wait, |one| {
        if !matches!(one.verdict, ::check::Verdict::Pass) {
            note(&format!("{}: {}", one.check.id, said(&one.verdict)));
        }
    });
    ran.await.map_err(|stop| Failure::new(stop.to_string()))
}

fn said(verdict: &::check::Verdict) -> String {
    match verdict {
        ::check::Verdict::Pass => "passed".to_owned(),
        // What the agent had a part in is for the report, where it is escaped.
        ::check::Verdict::Fail(finding) => format!("failed: {:?}", finding.reason),
        ::check::Verdict::Warn(finding) => format!("not as it should be: {:?}", finding.reason),
        ::check::Verdict::Skipped(why) => format!("skipped: {why:?}"),
        ::check::Verdict::Error(why) => format!("not carried out: {why:?}"),
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
