//! Test Anything Protocol, version 14.

use std::fmt::Write;

use crate::run::Ran;
use crate::verdict::{Finding, Verdict};

/// The run as TAP.
pub fn tap(ran: &[Ran]) -> String {
    let lines = (1..).zip(ran).map(|(number, one)| tap_line(number, one));
    std::iter::once(plan(ran.len())).chain(lines).collect()
}

/// What stands before the first of so many checks.
pub fn plan(count: usize) -> String {
    format!("TAP version 14\n1..{count}\n")
}

/// How one check ended, with its number from 1, and detail below.
pub fn tap_line(number: usize, one: &Ran) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = line(&mut text, number, one);
    text
}

fn line(text: &mut String, number: usize, one: &Ran) -> std::fmt::Result {
    let id = one.check.id;
    match &one.verdict {
        Verdict::Pass => writeln!(text, "ok {number} - {id}"),
        Verdict::Skipped(why) => writeln!(text, "ok {number} - {id} # SKIP {}", plain(why)),
        Verdict::Fail(finding) => {
            writeln!(text, "not ok {number} - {id}")?;
            detail(text, one.check.title, finding)
        }
        // TAP knows no warnings either: a case that is fine, with a comment and its detail.
        Verdict::Warn(finding) => {
            writeln!(text, "ok {number} - {id} # SHOULD {}", plain(&finding.reason))?;
            detail(text, one.check.title, finding)
        }
        Verdict::Error(why) => {
            writeln!(
                text,
                "not ok {number} - {id}\n  ---\n  message: {}\n  severity: error\n  ...",
                quoted(why)
            )
        }
    }
}

fn detail(text: &mut String, rule: &str, finding: &Finding) -> std::fmt::Result {
    writeln!(text, "  ---")?;
    let Finding { reason, expected, seen } = finding;
    for (key, value) in [("rule", rule), ("message", reason), ("expected", expected), ("seen", seen)] {
        writeln!(text, "  {key}: {}", quoted(value))?;
    }
    writeln!(text, "  ...")
}

/// A YAML scalar; JSON strings are some.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn plain(text: &str) -> String {
    text.replace(['\n', '\r', '#', '\\'], " ")
}
