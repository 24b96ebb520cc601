//! Durations in queries and bodies: a whole number and a unit, `30s`, `5m`, `1h`, `7d`.

use std::time::Duration;

use dm::UtcTime;

/// Reads a duration; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// The time from one point to a later one; zero if it is not later.
pub(crate) fn between(earlier: UtcTime, later: UtcTime) -> Duration {
    Duration::from_micros(u64::try_from(later.0.saturating_sub(earlier.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(parse(text), seconds.map(Duration::from_secs), "{text:?}");
        };
        check("0s", Some(0));
        check("30s", Some(30));
        check("5m", Some(300));
        check("1h", Some(3600));
        check("7d", Some(604_800));
        for wrong in
            ["", "30", "s", "-1s", "1.5s", "1 s", "1w", "99999999999999999999s", "999999999999999999d"]
        {
            check(wrong, None);
        }
    }
}
