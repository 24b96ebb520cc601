//! A page that stands alone, for a reader who did not run the checks: whom it is about, what failed, then every verdict
//! and under it what went over the wire.

use std::collections::BTreeMap;
use std::fmt::Write;

use usp_proto::exchange::{Direction, Entry};

use super::rule::rule;
use super::{About, markup};
use crate::run::{Ran, Summary};
use crate::verdict::Verdict;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>cusp check</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}
summary{cursor:pointer}.pass b{color:#17692e}.fail b,.error b{color:#b00020}.warn b,.skipped b{color:#6b5900}
dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1em;margin:.3em 2em}dd{margin:0;overflow-wrap:anywhere}
ol{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
</style></head><body><h1>Conformance to TR-369</h1>\n";

const WORDS: &str = "<p><b>fail</b>: the agent breaks a rule of the standard (a MUST). <b>warn</b>: it departs from a \
recommendation (a SHOULD). <b>error</b>: the check could not be carried out, so nothing is known. <b>skipped</b>: the \
agent, or this run, lacks what the check needs. An id begins with the requirement of TR-369 that is checked.</p>\n";

/// The run as a page.
pub fn html(about: &About, ran: &[Ran]) -> String {
    let Summary { passed, failed, warned, skipped, errors } = Summary::of(ran);
    let mut page = String::from(HEAD);
    // Writing to a String does not fail.
    let _ = head(&mut page, about);
    let _ = writeln!(
        page,
        "<p>{passed} passed, {failed} failed, {warned} warnings, {skipped} skipped, {errors} not carried out</p>"
    );
    page.push_str(WORDS);
    let _ = wrong(&mut page, ran);
    page.push_str("<h2>Every check</h2>\n");
    for one in ran.iter().filter(|one| !is_grouped(one)) {
        let _ = section(&mut page, one);
    }
    let _ = grouped(&mut page, ran);
    page.push_str("</body></html>\n");
    page
}

fn head(page: &mut String, about: &About) -> std::fmt::Result {
    page.push_str("<dl>");
    for (name, text) in about.known() {
        write!(page, "<dt>{name}</dt><dd>{}</dd>", markup(text))?;
    }
    page.push_str("</dl>\n");
    Ok(())
}

/// What a vendor has to look at, in one list.
fn wrong(page: &mut String, ran: &[Ran]) -> std::fmt::Result {
    let of_note = |one: &&Ran| one.verdict != Verdict::Pass && !is_grouped(one);
    if ran.iter().any(|one| of_note(&one)) {
        page.push_str("<h2>What to look at</h2>\n<ul>\n");
        for one in ran.iter().filter(of_note) {
            let (word, id, title) = (word(&one.verdict), one.check.id, markup(one.check.title));
            writeln!(
                page,
                "<li class=\"{word}\"><b>{word}</b> <a href=\"#{id}\"><code>{id}</code></a> {title}</li>"
            )?;
        }
        page.push_str("</ul>\n");
    }
    Ok(())
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail(_) => "fail",
        Verdict::Warn(_) => "warn",
        Verdict::Skipped(_) => "skipped",
        Verdict::Error(_) => "error",
    }
}

fn section(page: &mut String, one: &Ran) -> std::fmt::Result {
    let word = word(&one.verdict);
    let open = if matches!(one.verdict, Verdict::Fail(_) | Verdict::Error(_)) { " open" } else { "" };
    let (id, title) = (one.check.id, markup(one.check.title));
    writeln!(
        page,
        "<details class=\"{word}\" id=\"{id}\"{open}><summary><b>{word}</b> <code>{id}</code> {title}</summary>"
    )?;
    match &one.verdict {
        Verdict::Pass | Verdict::Skipped(_) => {}
        Verdict::Fail(finding) | Verdict::Warn(finding) => {
            let rule = rule(one.check.requirement()).unwrap_or_default();
            let [reason, expected, seen, rule] =
                [&finding.reason, &finding.expected, &finding.seen, &rule].map(|text| markup(text));
            let requirement = one.check.requirement();
            writeln!(
                page,
                "<dl><dt>looked at</dt><dd>{reason}</dd><dt>expected</dt><dd>{expected}</dd><dt>seen</dt><dd>{seen}</dd>\
                 <dt>{requirement}</dt><dd>{rule}</dd></dl>"
            )?;
        }
        Verdict::Error(why) => writeln!(page, "<p>{}</p>", markup(why))?,
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

/// Whether it stands with others under their common reason.
fn is_grouped(one: &Ran) -> bool {
    matches!(one.verdict, Verdict::Skipped(_)) || one.is_left_out()
}

/// What was not run, under the reason: hundreds are about other transports.
fn grouped(page: &mut String, ran: &[Ran]) -> std::fmt::Result {
    let mut by_reason: BTreeMap<&str, Vec<&Ran>> = BTreeMap::new();
    for one in ran.iter().filter(|one| is_grouped(one)) {
        if let Verdict::Skipped(why) | Verdict::Error(why) = &one.verdict {
            by_reason.entry(why).or_default().push(one);
        }
    }
    if by_reason.is_empty() {
        return Ok(());
    }
    page.push_str("<h2>Not run</h2>\n");
    for (why, ones) in by_reason {
        let word = ones.first().map_or("skipped", |one| word(&one.verdict));
        let (count, why) = (ones.len(), markup(why));
        writeln!(page, "<details class=\"{word}\"><summary><b>{count} {word}</b>: {why}</summary><ul>")?;
        for one in ones {
            writeln!(page, "<li><code>{}</code> {}</li>", one.check.id, markup(one.check.title))?;
        }
        page.push_str("</ul></details>\n");
    }
    Ok(())
}
