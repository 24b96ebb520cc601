//! A page that stands alone: the verdicts, and under each check what went over the wire.

use std::fmt::Write;

use usp_proto::exchange::{Direction, Entry};

use super::markup;
use crate::run::{Ran, Summary};
use crate::verdict::Verdict;

const HEAD: &str =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>cusp check</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}
summary{cursor:pointer}.pass b{color:#17692e}.fail b,.error b{color:#b00020}.warn b,.skipped b{color:#6b5900}
dl{display:grid;grid-template-columns:6em 1fr;margin:.3em 2em}dd{margin:0}
ol{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
</style></head><body><h1>cusp check</h1>\n";

/// The run as a page.
pub fn html(ran: &[Ran]) -> String {
    let Summary { passed, failed, warned, skipped, errors } = Summary::of(ran);
    let mut page = String::from(HEAD);
    // Writing to a String does not fail.
    let _ = writeln!(
        page,
        "<p>{passed} passed, {failed} failed, {warned} warnings, {skipped} skipped, {errors} not carried out</p>"
    );
    for one in ran {
        let _ = section(&mut page, one);
    }
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, one: &Ran) -> std::fmt::Result {
    let word = match one.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail(_) => "fail",
        Verdict::Warn(_) => "warn",
        Verdict::Skipped(_) => "skipped",
        Verdict::Error(_) => "error",
    };
    let open = if matches!(one.verdict, Verdict::Fail(_) | Verdict::Error(_)) { " open" } else { "" };
    let (id, title) = (one.check.id, markup(one.check.title));
    writeln!(
        page,
        "<details class=\"{word}\"{open}><summary><b>{word}</b> <code>{id}</code> {title}</summary>"
    )?;
    match &one.verdict {
        Verdict::Pass => {}
        Verdict::Fail(finding) | Verdict::Warn(finding) => {
            let [reason, expected, seen] =
                [&finding.reason, &finding.expected, &finding.seen].map(|text| markup(text));
            writeln!(
                page,
                "<dl><dt>looked at</dt><dd>{reason}</dd><dt>expected</dt><dd>{expected}</dd><dt>seen</dt><dd>{seen}</dd></dl>"
            )?;
        }
        Verdict::Skipped(why) | Verdict::Error(why) => writeln!(page, "<p>{}</p>", markup(why))?,
    }
    page.push_str("<ol>\n");
    for entry in &one.transcript {
        writeln!(page, "<li>{}</li>", line(entry))?;
    }
    page.push_str("</ol></details>\n");
    Ok(())
}

fn line(entry: &Entry) -> String {
    let arrow = match entry.direction {
        Direction::In => "agent \u{2192}",
        Direction::Out => "\u{2192} agent",
    };
    let millis = entry.at_micros / 1000;
    format!("{millis} ms {arrow} {} ({} bytes)", markup(&entry.note), entry.record.len())
}
