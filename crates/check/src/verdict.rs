//! How a check ends.

use std::fmt;

/// What did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was looked at.
    pub reason: String,
    /// What the standard says.
    pub expected: String,
    /// What the agent did.
    pub seen: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, seen {}", self.reason, self.expected, self.seen)
    }
}

/// How a check ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The agent does what the requirement says.
    Pass,
    /// It doesn't.
    Fail(Finding),
    /// It doesn't, and the standard only says that it should.
    Warn(Finding),
    /// The agent lacks what the check needs; nothing is known.
    Skipped(String),
    /// The check could not be carried out: a broken connection, or a set-up that the agent refused.
    Error(String),
}

/// Why a check ends before its end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Stop {
    /// The requirement does not hold.
    #[error("{0}")]
    Fail(Finding),
    /// The agent lacks what the check needs.
    #[error("{0}")]
    Skip(String),
    /// The check could not be carried out.
    #[error("{0}")]
    Error(String),
}

impl Verdict {
    /// How a check of a requirement of this level ended.
    pub(crate) fn of(level: Level, end: Result<(), Stop>) -> Verdict {
        match (Verdict::from(end), level) {
            (Verdict::Fail(finding), Level::Should) => Verdict::Warn(finding),
            (verdict, _) => verdict,
        }
    }
}

/// How strictly the standard asks for something, in the words of RFC 2119.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD and SHOULD NOT: an agent may have its reasons.
    Should,
}

impl Stop {
    /// The requirement does not hold.
    pub fn fail(reason: impl Into<String>, expected: impl Into<String>, seen: impl Into<String>) -> Stop {
        Stop::Fail(Finding { reason: reason.into(), expected: expected.into(), seen: seen.into() })
    }
}

impl From<Result<(), Stop>> for Verdict {
    fn from(end: Result<(), Stop>) -> Verdict {
        match end {
            Ok(()) => Verdict::Pass,
            Err(Stop::Fail(finding)) => Verdict::Fail(finding),
            Err(Stop::Skip(why)) => Verdict::Skipped(why),
            Err(Stop::Error(why)) => Verdict::Error(why),
        }
    }
}

/// Compares two things that can be shown.
pub(crate) fn same<T: PartialEq + fmt::Debug>(reason: &str, expected: &T, seen: &T) -> Result<(), Stop> {
    holds(expected == seen, reason, || shown(expected), || shown(seen))
}

/// Something for people: what there is, without saying that there is some, and `none` where there is nothing.
fn shown<T: fmt::Debug>(what: &T) -> String {
    let text = format!("{what:?}");
    let mut inner = text.as_str();
    while let Some(some) = inner.strip_prefix("Some(").and_then(|some| some.strip_suffix(')')) {
        inner = some;
    }
    if inner == "None" { "none".to_owned() } else { inner.to_owned() }
}

/// Says what failed if something does not hold.
pub(crate) fn holds(
    good: bool,
    reason: &str,
    expected: impl FnOnce() -> String,
    seen: impl FnOnce() -> String,
) -> Result<(), Stop> {
    if good { Ok(()) } else { Err(Stop::fail(reason, expected(), seen())) }
}

#[cfg(test)]
mod tests {
    use super::{Stop, same};

    #[test]
    fn what_is_compared_reads_as_a_value() {
        for (expected, seen, says) in [
            (Some(Some(1003)), Some(None), "the code: expected 1003, seen none"),
            (None, Some(Some(1007)), "the code: expected none, seen 1007"),
        ] {
            let Err(Stop::Fail(finding)) = same("the code", &expected, &seen) else { panic!("{says}") };
            assert_eq!(finding.to_string(), says);
        }
        let Err(Stop::Fail(finding)) = same("ids", &vec![Some("a")], &Vec::new()) else { panic!() };
        assert_eq!(finding.to_string(), "ids: expected [Some(\"a\")], seen []");
    }
}
