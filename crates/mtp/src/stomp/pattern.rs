//! Patterns of destinations: what a host may be asked to send to.

use std::fmt;
use std::str::FromStr;

use super::machine::is_destination;

/// What no `*` stands for: it would name a part of another hierarchy, several destinations at once (ActiveMQ:
/// commas), all of a kind (`>`, `*`), or options (`?`).
const SPECIAL: [char; 5] = ['/', ',', '>', '*', '?'];

/// A destination, in which each `*` stands for at least one character, and for none of `/ , > * ?`, white space and
/// control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(String);

/// A text that is no pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a destination is expected, with * for any name")]
pub struct PatternError;

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Pattern, PatternError> {
        // Two in a row would say nothing that one does not.
        let usable = is_destination(text) && !text.contains("**") && !text.contains(char::is_control);
        usable.then(|| Pattern(text.to_owned())).ok_or(PatternError)
    }
}

impl Pattern {
    /// Whether it stands for this destination. Takes at most as many steps as the two have characters, multiplied.
    pub fn matches(&self, destination: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), destination.as_bytes());
        // The last `*`, and how far it reaches.
        let mut star: Option<(usize, usize)> = None;
        let (mut p, mut t) = (0, 0);
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') if is_plain(text[t]) => {
                    (p, t) = (p + 1, t + 1);
                    star = Some((p, t));
                }
                Some(byte) if *byte == text[t] && *byte != b'*' => (p, t) = (p + 1, t + 1),
                _ => match star {
                    Some((after, reached)) if is_plain(text[reached]) => {
                        star = Some((after, reached + 1));
                        (p, t) = (after, reached + 1);
                    }
                    _ => return false,
                },
            }
        }
        p == pattern.len()
    }
}

/// Bytes of characters beyond ASCII are.
fn is_plain(byte: u8) -> bool {
    let character = char::from(byte);
    !byte.is_ascii() || !(SPECIAL.contains(&character) || character.is_whitespace() || character.is_control())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
