//! JUnit's XML, as CI servers read it.

use std::fmt::Write;

use super::rule::rule;
use super::{About, markup};
use crate::run::{Ran, Summary};
use crate::verdict::Verdict;

/// The run as one JUnit suite.
pub fn junit(about: &About, ran: &[Ran]) -> String {
    let Summary { failed, errors, skipped, .. } = Summary::of(ran);
    let total: u64 = ran.iter().map(|one| one.micros).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"cusp check\" tests=\"{}\" failures=\"{failed}\" \
         errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">\n",
        ran.len(),
        seconds(total),
    );
    text.push_str("  <properties>\n");
    for (name, value) in about.known() {
        let _ = writeln!(text, "    <property name=\"{name}\" value=\"{}\"/>", markup(value));
    }
    text.push_str("  </properties>\n");
    for one in ran {
        let (class, name, time) = (one.check.requirement(), one.check.id, seconds(one.micros));
        // Writing to a String does not fail.
        let _ = write!(text, "  <testcase classname=\"{class}\" name=\"{name}\" time=\"{time}\"");
        text.push_str(&match &one.verdict {
            Verdict::Pass => "/>\n".to_owned(),
            Verdict::Fail(finding) => failure(one, &finding.to_string()),
            // JUnit knows no warnings: it is output of a case that passed.
            Verdict::Warn(finding) => {
                format!(
                    ">\n    <system-out>SHOULD: {}</system-out>\n  </testcase>\n",
                    markup(&finding.to_string())
                )
            }
            Verdict::Skipped(why) => inside("skipped", "message", why),
            Verdict::Error(why) => inside("error", "message", why),
        });
    }
    text.push_str("</testsuite>\n");
    text
}

/// What CI servers show under a failed case: the check, and the rule.
fn failure(one: &Ran, what: &str) -> String {
    let requirement = one.check.requirement();
    let rule = rule(requirement).unwrap_or_default();
    format!(
        ">\n    <failure message=\"{}\">{}\n{requirement}: {}</failure>\n  </testcase>\n",
        markup(what),
        markup(one.check.title),
        markup(&rule)
    )
}

fn inside(element: &str, attribute: &str, what: &str) -> String {
    format!(">\n    <{element} {attribute}=\"{}\"/>\n  </testcase>\n", markup(what))
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
