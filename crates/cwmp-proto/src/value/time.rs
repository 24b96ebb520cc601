//! `dateTime`: UTC, the unknown time, times since boot, and what devices without a zone write.

use crate::value::Reading;

const UNKNOWN: &str = "0001-01-01T00:00:00Z";

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// A time as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DateTime(String);

/// What a time means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// `0001-01-01T00:00:00Z`: not known.
    Unknown,
    /// In the year 1: this many milliseconds since the device started.
    SinceBoot(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Utc(i64),
    /// The same without a zone: by the device's own clock, whose zone nobody said.
    Local(i64),
}

impl DateTime {
    /// The unknown time.
    pub fn unknown() -> DateTime {
        DateTime(UNKNOWN.to_owned())
    }

    /// A time in UTC, by seconds since 1970. Before year 1 and after 9999 there is none: it is unknown.
    pub fn from_unix(seconds: i64) -> DateTime {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let Some((year, month, day)) = civil(days) else { return DateTime::unknown() };
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        DateTime(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means.
    pub fn meaning(&self) -> Reading<Time> {
        let text = self.0.trim();
        let Some((moment, zone, exact)) = parse(text) else { return Reading::Unreadable };
        let year_one = text.starts_with("0001-");
        let time = match zone {
            _ if year_one && moment == since_epoch(1, 1, 1) * DAY => Time::Unknown,
            _ if year_one => Time::SinceBoot(moment - since_epoch(1, 1, 1) * DAY),
            Some(offset) => Time::Utc(moment - offset),
            None => Time::Local(moment),
        };
        if exact && text.len() == self.0.len() { Reading::Exact(time) } else { Reading::Lenient(time) }
    }
}

impl Default for DateTime {
    fn default() -> DateTime {
        DateTime::unknown()
    }
}

impl From<&str> for DateTime {
    fn from(text: &str) -> DateTime {
        DateTime(text.to_owned())
    }
}

impl From<String> for DateTime {
    fn from(text: String) -> DateTime {
        DateTime(text)
    }
}

/// Milliseconds as though in UTC, the zone's offset in milliseconds, and whether the form is the standard's.
fn parse(text: &str) -> Option<(i64, Option<i64>, bool)> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let (year, month, day) = (number(date, 0..4)?, number(date, 5..7)?, number(date, 8..10)?);
    let dashes = date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-';
    if !dashes || !(1..=12).contains(&month) || !(1..=31).contains(&day) || year == 0 {
        return None;
    }
    let clock = rest.strip_prefix(['T', ' ', 't'])?;
    let exact_separator = rest.starts_with('T');
    let (hour, minute, second) = (number(clock, 0..2)?, number(clock, 3..5)?, number(clock, 6..8)?);
    let colons = clock.as_bytes()[2] == b':' && clock.as_bytes()[5] == b':';
    if !colons || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, zone) = fraction(clock.get(8..)?)?;
    let (offset, exact_zone) = offset(zone)?;
    let moment = since_epoch(year, month, day) * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    Some((moment, offset, exact_separator && exact_zone))
}

/// Milliseconds of a fraction of a second, and what stands behind it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let three: String = rest[..digits].chars().chain("000".chars()).take(3).collect();
    (digits > 0).then(|| Some((three.parse().ok()?, &rest[digits..])))?
}

/// Milliseconds that a zone is ahead of UTC, none for no zone; and whether it is in the standard's form.
fn offset(zone: &str) -> Option<(Option<i64>, bool)> {
    match zone {
        "" => return Some((None, false)),
        "Z" => return Some((Some(0), true)),
        "z" => return Some((Some(0), false)),
        _ => {}
    }
    let sign = match zone.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (minutes, exact) = match zone.len() {
        6 if zone.as_bytes()[3] == b':' => (number(zone, 4..6)?, true),
        5 => (number(zone, 3..5)?, false),
        3 => (0, false),
        _ => return None,
    };
    let hours = number(zone, 1..3)?;
    (hours <= 14 && minutes <= 59).then_some((Some(sign * (hours * 60 + minutes) * 60_000), exact))
}

fn number(text: &str, range: std::ops::Range<usize>) -> Option<i64> {
    let digits = text.get(range)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (days of the era, as Howard Hinnant counts them).
fn since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day, for the years 1 to 9999.
fn civil(days: i64) -> Option<(i64, i64, i64)> {
    if !(since_epoch(1, 1, 1)..=since_epoch(9999, 12, 31)).contains(&days) {
        return None;
    }
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    Some((year + era * 400 + i64::from(month <= 2), month, day))
}
