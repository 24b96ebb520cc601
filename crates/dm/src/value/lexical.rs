//! Reading the lexical form of each type. Each function gives the value, or its canonical text, or
//! nothing when the text is of another type; blanks around a value make it another type.

use std::borrow::Cow;
use std::cmp::Ordering;

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number from `min` to `max`.
pub(super) fn signed(text: &str, min: i64, max: i64) -> Option<i64> {
    // The standard parser takes one sign and leading zeros, as XML Schema does.
    text.parse().ok().filter(|number| (min..=max).contains(number))
}

/// A whole number from 0 to `max`; `-0` is one.
pub(super) fn unsigned(text: &str, max: u64) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(zeros) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => Some(0),
        Some(_) => None,
        None => text.parse().ok().filter(|number| *number <= max),
    }
}

/// The canonical text of a decimal number.
pub(super) fn decimal(text: &str) -> Option<String> {
    Decimal::parse(text).map(|decimal| decimal.to_string())
}

/// base64 of the standard alphabet with its padding, without the blanks it may hold.
pub(super) fn base64(text: &str) -> Option<Cow<'_, str>> {
    let text = if text.bytes().any(is_blank) {
        Cow::Owned(text.chars().filter(|c| !u8::try_from(*c).is_ok_and(is_blank)).collect())
    } else {
        Cow::Borrowed(text)
    };
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let in_alphabet = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    // The bits of the last digit that no byte uses are zero, or the same bytes would have two texts.
    let tail_is_clean = match (padding, digits.bytes().last()) {
        (0, _) => true,
        (1, Some(last)) => b"AEIMQUYcgkosw048".contains(&last),
        (2, Some(last)) => b"AQgw".contains(&last),
        _ => false,
    };
    (in_alphabet && tail_is_clean && text.len().is_multiple_of(4)).then_some(text)
}

/// Pairs of hexadecimal digits in upper case.
pub(super) fn hex_binary(text: &str) -> Option<String> {
    let pairs = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    pairs.then(|| text.to_ascii_uppercase())
}

/// The blanks of XML and of TR-106 lists.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A decimal number of any precision as its digits. Zero is never negative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Decimal {
    negative: bool,
    /// Without leading zeros; empty for zero.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

impl Decimal {
    /// `[+-]digits[.digits]`, with digits on at least one side of the dot.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let zero = whole.is_empty() && fraction.is_empty();
        let negative = text.starts_with('-') && !zero;
        Some(Decimal { negative, whole: whole.to_owned(), fraction: fraction.to_owned() })
    }

    fn cmp_magnitude(&self, other: &Decimal) -> Ordering {
        // Of two digit strings without leading zeros the longer is the larger; fractions compare as text.
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let dot = if self.fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{dot}{}", self.fraction)
    }
}
