//! Time as the pure crates see it: handed in, never read; and its lexical form (TR-106 dateTime).

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

/// Monotonic time since an arbitrary origin of this process, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Mono(pub u64);

/// A point in UTC, in microseconds since 1970-01-01T00:00:00Z (negative before it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UtcTime(pub i64);

/// The present: always monotonic, and absolute only once the clock is known to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// For intervals, deadlines and timers.
    pub mono: Mono,
    /// For what people and peers are told. `None` before the first synchronisation.
    pub utc: Option<UtcTime>,
}

impl Mono {
    /// The time from `earlier` to `self`, zero if `earlier` is later.
    pub fn since(self, earlier: Mono) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, by: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Mono> for Mono {
    type Output = Duration;
    fn sub(self, earlier: Mono) -> Duration {
        self.since(earlier)
    }
}

impl Add<Duration> for UtcTime {
    type Output = UtcTime;
    fn add(self, by: Duration) -> UtcTime {
        UtcTime(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A text that is not a dateTime.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a dateTime such as 2026-01-31T23:59:59Z")]
pub struct TimeError;

const MICROS: i64 = 1_000_000;
const SECONDS_OF_DAY: i64 = 86_400;
/// Days from 0001-01-01 to 1970-01-01 in the proleptic Gregorian calendar.
const DAYS_TO_1970: i64 = 719_162;
const DAYS_OF_400_YEARS: i64 = 146_097;

impl UtcTime {
    /// "Unknown or not applicable", `0001-01-01T00:00:00Z`.
    pub const UNKNOWN: UtcTime = UtcTime(-DAYS_TO_1970 * SECONDS_OF_DAY * MICROS);
    /// "Infinite", `9999-12-31T23:59:59Z`.
    pub const INFINITE: UtcTime = UtcTime(253_402_300_799 * MICROS);
    /// The last microsecond that has a lexical form.
    const LAST: UtcTime = UtcTime(UtcTime::INFINITE.0 + MICROS - 1);
    /// `1000-01-01T00:00:00Z`; what is earlier counts from the boot of a device without a clock.
    const FIRST_ABSOLUTE: UtcTime = UtcTime(-30_610_224_000 * MICROS);

    /// Whether it is the Unknown Time.
    pub fn is_unknown(self) -> bool {
        self == UtcTime::UNKNOWN
    }

    /// The time since the boot of a device that does not know the date, if this is such a time.
    ///
    /// TR-106 writes it as a time of the year 1 without a zone; every time before the year 1000 but
    /// the Unknown Time is taken as one.
    pub fn since_boot(self) -> Option<Duration> {
        let relative = self > UtcTime::UNKNOWN && self < UtcTime::FIRST_ABSOLUTE;
        relative.then(|| Duration::from_micros(self.0.abs_diff(UtcTime::UNKNOWN.0)))
    }

    /// Reads `YYYY-MM-DDThh:mm:ss`, any number of fraction digits, and `Z` or an offset `±hh:mm`, which is
    /// converted to UTC. The zone may only be absent from a time since boot. Digits beyond the
    /// microsecond are cut off. A leap second (`:60`) is refused, as XML Schema does: there is no
    /// microsecond count for it.
    ///
    /// # Errors
    /// When the text is something else, a day or hour that does not exist, or outside the years 1 to 9999.
    pub fn parse(text: &str) -> Result<UtcTime, TimeError> {
        let (date, rest) = text.split_at_checked(10).ok_or(TimeError)?;
        let (clock, rest) = rest.split_at_checked(9).ok_or(TimeError)?;
        let date = days_of(date).ok_or(TimeError)?;
        let clock = seconds_of(clock).ok_or(TimeError)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(rest) => {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                (micros_of(&rest[..end]).ok_or(TimeError)?, &rest[end..])
            }
        };
        let local = UtcTime((date * SECONDS_OF_DAY + clock) * MICROS + fraction);
        if zone.is_empty() {
            return if local < UtcTime::FIRST_ABSOLUTE { Ok(local) } else { Err(TimeError) };
        }
        let time = UtcTime(local.0 - offset_of(zone).ok_or(TimeError)? * 60 * MICROS);
        if (UtcTime::UNKNOWN..=UtcTime::LAST).contains(&time) { Ok(time) } else { Err(TimeError) }
    }
}

impl FromStr for UtcTime {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<UtcTime, TimeError> {
        UtcTime::parse(text)
    }
}

/// `YYYY-MM-DDThh:mm:ss[.ffffff]Z`; a time since boot without `Z`. What lies outside the years 1 to 9999
/// prints as the nearest time inside.
impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_year_1 = (*self).clamp(UtcTime::UNKNOWN, UtcTime::LAST).0 - UtcTime::UNKNOWN.0;
        let (seconds, micros) = (since_year_1 / MICROS, since_year_1 % MICROS);
        let (year, month, day) = date_of(seconds / SECONDS_OF_DAY);
        let clock = seconds % SECONDS_OF_DAY;
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        if self.since_boot().is_none() { f.write_str("Z") } else { Ok(()) }
    }
}

/// Exactly `length` digits.
fn digits(text: &str, length: usize) -> Option<i64> {
    let well_formed = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to `YYYY-MM-DD`.
fn days_of(text: &str) -> Option<i64> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let exists = year >= 1
        && (1..=12).contains(&month)
        && day >= 1
        && day <= days_before(year, month + 1) - days_before(year, month);
    exists.then(|| days_before_year(year) + days_before(year, month) + day - 1 - DAYS_TO_1970)
}

/// Seconds from midnight to `Thh:mm:ss`.
fn seconds_of(text: &str) -> Option<i64> {
    let mut parts = text.strip_prefix('T')?.split(':');
    let (hour, minute, second) =
        (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let exists = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    exists.then_some(hour * 3600 + minute * 60 + second)
}

/// Microseconds of a fraction's digits, at least one.
fn micros_of(fraction: &str) -> Option<i64> {
    let kept = &fraction[..fraction.len().min(6)];
    let missing = 6 - u32::try_from(kept.len()).ok()?;
    Some(kept.parse::<i64>().ok()? * 10_i64.pow(missing))
}

/// Minutes east of UTC of `Z` or `±hh:mm`; XML Schema ends at 14 hours.
fn offset_of(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = digits(hours, 2)? * 60 + digits(minutes, 2).filter(|minutes| *minutes < 60)?;
    (minutes <= 14 * 60).then_some(sign * minutes)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from 0001-01-01 to the first day of `year`, 1 or later.
fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

/// Days of `year` before its month `month`, where month 13 is the end of the year.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let index = usize::try_from(month - 1).expect("months are counted from 1");
    BEFORE[index] + i64::from(month > 2 && is_leap(year))
}

/// Year, month and day that lie `days` after 0001-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    // The mean length of a year puts the guess at most one year off.
    let mut year = days * 400 / DAYS_OF_400_YEARS + 1;
    if days_before_year(year) > days {
        year -= 1;
    } else if days_before_year(year + 1) <= days {
        year += 1;
    }
    let of_year = days - days_before_year(year);
    let month = (1..=12).rev().find(|month| days_before(year, *month) <= of_year).unwrap_or(1);
    (year, month, of_year - days_before(year, month) + 1)
}
