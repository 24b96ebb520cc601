//! Versions, compared part by part: `7.9` before `7.20`, `7.20rc1` before `7.20`.

use std::cmp::Ordering;

/// A version in a filter: `version("7.20")`.
///
/// A version is cut into numbers and words, at every sign that is neither letter nor digit and between a
/// letter and a digit. Numbers compare as numbers, words by letters without case; a missing part counts as
/// 0, and a word comes before any number, so that `7.20rc1` is before `7.20`, which equals `7.20.0`. A `v`
/// before the first number does not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version(String);

impl Version {
    /// Any text that has a digit; `None` for others.
    pub fn new(text: &str) -> Option<Self> {
        text.bytes().any(|byte| byte.is_ascii_digit()).then(|| Version(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How a device's version compares with this one; `None` if it has none that could be compared.
    pub fn compare(&self, text: &str) -> Option<Ordering> {
        Version::new(text).map(|version| compare(&version.0, &self.0))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Word(&'a str),
    /// Without leading zeros; empty for 0.
    Number(&'a str),
}

fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (parts(one), parts(other));
    loop {
        let (a, b) = (one.next(), other.next());
        if a.is_none() && b.is_none() {
            return Ordering::Equal;
        }
        let missing = Part::Number("");
        let order = match (a.unwrap_or(missing), b.unwrap_or(missing)) {
            (Part::Number(a), Part::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Part::Word(a), Part::Word(b)) => a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase()),
            (Part::Word(_), Part::Number(_)) => Ordering::Less,
            (Part::Number(_), Part::Word(_)) => Ordering::Greater,
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text.trim();
    if let Some(bare) =
        rest.strip_prefix(['v', 'V']).filter(|bare| bare.starts_with(|c: char| c.is_ascii_digit()))
    {
        rest = bare;
    }
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let is_number = first.is_ascii_digit();
        let end = rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != is_number);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(if is_number { Part::Number(part.trim_start_matches('0')) } else { Part::Word(part) })
    })
}

#[cfg(test)]
mod tests {
    use super::Version;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    #[test]
    fn versions_compare_by_parts() {
        let check = |one: &str, other: &str, expected: Ordering| {
            let [left, right] = [one, other].map(|text| Version::new(text).expect("it has a digit"));
            assert_eq!(right.compare(one), Some(expected), "{one} {other}");
            assert_eq!(left.compare(other), Some(expected.reverse()), "{other} {one}");
        };
        check("7.9", "7.20", Less);
        check("7.20", "7.20", Equal);
        check("7.20.0", "7.20", Equal);
        check("7.20.1", "7.20", Greater);
        check("7.20rc1", "7.20", Less);
        check("7.20beta2", "7.20rc1", Less);
        check("7.20rc2", "7.20rc10", Less);
        check("v7.20", "7.20", Equal);
        check("V7.20 (stable)", "7.20", Less);
        check("1.0.0-12", "1.0.0-9", Greater);
        check("007", "7", Equal);
        check("99999999999999999999999", "100000000000000000000000", Less);
        check("2024-11-30", "2025.1", Less);
        for none in ["", "unknown", "§"] {
            assert_eq!(Version::new(none), None);
            assert_eq!(Version::new("1").and_then(|one| one.compare(none)), None);
        }
    }
}
