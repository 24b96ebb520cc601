//! Words of the filter language.

use dm::UtcTime;

use super::When;
use crate::Error;

/// One word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Token {
    /// A column, `in`, `true`, `false`, or a parameter path.
    Word(String),
    /// In double quotes, with `\"` and `\\` decoded.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 14] = ["&&", "||", "==", "!=", "<=", ">=", "=~", "!", "<", ">", "~", "(", ")", "["];
const MORE_SIGNS: [&str; 2] = ["]", ","];

/// The words with their places (in characters).
pub(super) fn lex(text: &str) -> Result<Vec<(usize, Token)>, Error> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let place = |rest: &str| text.chars().count() - rest.chars().count();
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let at = place(rest);
        let token = if first == '"' {
            let (value, after) = quoted(rest).ok_or_else(|| bad(at, "the text has no closing quote"))?;
            rest = after;
            Token::Text(value)
        } else if let Some(sign) = SIGNS.iter().chain(&MORE_SIGNS).find(|sign| rest.starts_with(**sign)) {
            rest = &rest[sign.len()..];
            Token::Sign(sign)
        } else {
            let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(bad(at, format!("{first:?} has no meaning here")));
            }
            let (word, after) = rest.split_at(end);
            rest = after;
            Token::Word(word.to_owned())
        };
        tokens.push((at, token));
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '+' | '*' | '{' | '}')
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next().map(|(_, c)| c).filter(|c| matches!(c, '"' | '\\'))?),
            c => value.push(c),
        }
    }
    None
}

pub(super) fn bad(at: usize, why: impl Into<String>) -> Error {
    Error::BadFilter { at, why: why.into() }
}

/// `2026-11-21`, `2026-11-21T09:30:00Z`, or `-10m`.
pub(super) fn when(text: &str) -> Option<When> {
    match text.strip_prefix('-') {
        Some(ago) => duration(ago).map(When::Ago),
        None => time(text).map(When::At),
    }
}

/// A whole number of seconds, minutes, hours or days, in microseconds.
fn duration(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(1_000_000)
}

fn time(text: &str) -> Option<UtcTime> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (date, clock.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let [year, month, day] = numbers::<3>(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers::<3>(clock, ':', [2, 2, 2])?;
    let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = days_from_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(UtcTime(seconds * 1_000_000))
}

fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut out = [0; N];
    for (slot, width) in out.iter_mut().zip(widths) {
        let part =
            parts.next().filter(|part| part.len() == width && part.bytes().all(|b| b.is_ascii_digit()))?;
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(out)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar since 1970-01-01, counted in eras of 400 years from March on.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
