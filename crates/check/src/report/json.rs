//! JSON: the verdicts, and the exchanged Records as lines of a recording.

use serde_json::{Value, json};

use super::About;
use crate::run::{Ran, Summary};
use crate::verdict::{Finding, Verdict};

/// The run as JSON.
pub fn json(about: &About, ran: &[Ran]) -> Value {
    let Summary { passed, failed, warned, skipped, errors } = Summary::of(ran);
    let checks: Vec<Value> = ran.iter().map(one).collect();
    json!({
        "about": about.json(),
        "passed": passed,
        "failed": failed,
        "warned": warned,
        "skipped": skipped,
        "errors": errors,
        "checks": checks,
    })
}

fn one(ran: &Ran) -> Value {
    let (verdict, detail) = match &ran.verdict {
        Verdict::Pass => ("pass", Value::Null),
        Verdict::Fail(finding) => ("fail", found(finding)),
        Verdict::Warn(finding) => ("warn", found(finding)),
        Verdict::Skipped(why) => ("skipped", json!({ "reason": why })),
        Verdict::Error(why) => ("error", json!({ "reason": why })),
    };
    let lines: Vec<String> = ran.transcript.iter().map(|entry| entry.to_line()).collect();
    json!({
        "id": ran.check.id,
        "requirement": ran.check.requirement(),
        "title": ran.check.title,
        "verdict": verdict,
        "detail": detail,
        "micros": ran.micros,
        "transcript": lines,
    })
}

fn found(finding: &Finding) -> Value {
    json!({ "reason": finding.reason, "expected": finding.expected, "seen": finding.seen })
}
