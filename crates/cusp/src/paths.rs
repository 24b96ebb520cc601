//! Texts of the command line: `PATH=VALUE`, the object of a parameter, durations.

use std::time::Duration;

/// The longest time that the server holds an answer back.
const WAIT: Duration = Duration::from_secs(300);

/// Splits `PATH=VALUE` at the first `=` outside brackets: a search path holds `==` and `"…"` inside them.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let at = outside(text).find(|(_, c)| *c == '=')?.0;
    Some((&text[..at], &text[at + 1..]))
}

/// Splits a parameter's path into its object's, with the dot, and its name.
pub(crate) fn parent(path: &str) -> Option<(&str, &str)> {
    let at = outside(path).filter(|(_, c)| *c == '.').last()?.0;
    let (object, name) = path.split_at(at + 1);
    (!name.is_empty()).then_some((object, name))
}

/// The characters outside brackets, and where they are. A bracket in a quoted text is no bracket.
fn outside(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quoted) = (0_usize, false);
    text.char_indices().filter(move |(_, c)| {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => {
                depth = depth.saturating_sub(1);
                return false;
            }
            _ => {}
        }
        depth == 0
    })
}

/// A whole number and a unit: `30s`, `5m`, `1h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a whole number and a unit, such as 30s, 5m, 1h or 7d".to_owned();
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// A [`duration`] that the server waits for at most.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    Some(duration(text)?).filter(|wait| *wait <= WAIT).ok_or_else(|| "at most 5m".to_owned())
}

/// A duration as the server reads it.
pub(crate) fn print(duration: Duration) -> String {
    format!("{}s", duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{duration, parent, split, wait};

    #[test]
    fn settings_split_at_the_first_equals_sign_outside_brackets() {
        let check = |text: &str, expected: Option<(&str, &str)>| assert_eq!(split(text), expected, "{text}");
        check("Device.A.B=c", Some(("Device.A.B", "c")));
        check("B=", Some(("B", "")));
        check("B=c=d", Some(("B", "c=d")));
        check("B=[x", Some(("B", "[x")));
        check(r#"Device.A.[Name=="x"].B=c"#, Some((r#"Device.A.[Name=="x"].B"#, "c")));
        check(r#"Device.A.[Name=="]=["].B=c"#, Some((r#"Device.A.[Name=="]=["].B"#, "c")));
        check(
            r#"Device.A.[N=="x"&&M!=3].B.[K>=2].C=é=1"#,
            Some((r#"Device.A.[N=="x"&&M!=3].B.[K>=2].C"#, "é=1")),
        );
        check("Device.A.B", None);
        check(r#"Device.A.[Name=="x"].B"#, None);
        check("", None);
    }

    #[test]
    fn a_parameter_stands_in_its_object() {
        let check = |text: &str, expected: Option<(&str, &str)>| assert_eq!(parent(text), expected, "{text}");
        check("Device.A.B", Some(("Device.A.", "B")));
        check(r#"Device.A.[Name=="x.y"].B"#, Some((r#"Device.A.[Name=="x.y"]."#, "B")));
        check("Device.A.", None);
        check("B", None);
    }

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(duration(text).ok().map(|it| it.as_secs()), seconds, "{text}");
        };
        check("0s", Some(0));
        check("30s", Some(30));
        check("2d", Some(172_800));
        check("30", None);
        check("1w", None);
        check("-1s", None);
        check("99999999999999999999s", None);
        check("999999999999999999d", None);
        assert_eq!(wait("5m").map(|it| it.as_secs()), Ok(300));
        assert_eq!(wait("301s"), Err("at most 5m".to_owned()));
    }
}
