//! dateTime: tables of cases and the calendar.

use std::time::Duration;

use dm::UtcTime;
use proptest::prelude::*;
use requirement::requirement;

#[test]
#[requirement("R-ENC.6")]
fn times_are_read_and_printed() {
    for (text, seconds, micros, printed) in [
        ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999999Z", -1, 999_999, "1969-12-31T23:59:59.999999Z"),
        ("2000-02-29T00:00:00Z", 951_782_400, 0, "2000-02-29T00:00:00Z"),
        ("2021-06-06T08:00:00Z", 1_622_966_400, 0, "2021-06-06T08:00:00Z"),
        ("2021-06-06T10:30:00+02:30", 1_622_966_400, 0, "2021-06-06T08:00:00Z"),
        ("2021-06-05T18:00:00-14:00", 1_622_966_400, 0, "2021-06-06T08:00:00Z"),
        ("2021-06-06T08:00:00-00:00", 1_622_966_400, 0, "2021-06-06T08:00:00Z"),
        ("2021-06-06T08:00:00.5Z", 1_622_966_400, 500_000, "2021-06-06T08:00:00.500000Z"),
        ("2021-06-06T08:00:00.000000Z", 1_622_966_400, 0, "2021-06-06T08:00:00Z"),
        ("2021-06-06T08:00:00.1234569Z", 1_622_966_400, 123_456, "2021-06-06T08:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00.000000Z", -62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", 253_402_300_799, 0, "9999-12-31T23:59:59Z"),
        ("1000-01-01T00:00:00Z", -30_610_224_000, 0, "1000-01-01T00:00:00Z"),
        ("0001-01-03T03:04:05", -62_135_412_955, 0, "0001-01-03T03:04:05"),
        ("0001-01-03T03:04:05Z", -62_135_412_955, 0, "0001-01-03T03:04:05"),
    ] {
        let time = UtcTime::parse(text).expect(text);
        assert_eq!(time, UtcTime(seconds * 1_000_000 + micros), "{text}");
        assert_eq!(time.to_string(), printed, "{text}");
    }
}

#[test]
fn other_texts_are_no_times() {
    for text in [
        "",
        "Z",
        "2021-06-06",
        "2021-06-06T08:00:00",
        "2021-06-06T08:00Z",
        "2021-06-06 08:00:00Z",
        "2021-06-06t08:00:00z",
        "2021-06-06T08:00:00.Z",
        "2021-06-06T08:00:00.5",
        "2021-06-06T08:00:00+0200",
        "2021-06-06T08:00:00+14:01",
        "2021-06-06T08:00:00+01:60",
        "2021-06-06T24:00:00Z",
        "2021-06-06T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2021-00-06T08:00:00Z",
        "2021-13-06T08:00:00Z",
        "2021-06-00T08:00:00Z",
        "2021-06-31T08:00:00Z",
        "2021-02-29T08:00:00Z",
        "1900-02-29T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-001-01-01T00:00:00Z",
        "+021-06-06T08:00:00Z",
        "2021-+6-06T08:00:00Z",
        "12021-06-06T08:00:00Z",
        "1622966400",
        " 2021-06-06T08:00:00Z",
        "2021-06-06T08:00:00Z ",
        "2021-06-0\u{666}T08:00:00Z",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
    ] {
        assert!(UtcTime::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_special_times_are_known() {
    assert_eq!(UtcTime::parse("0001-01-01T00:00:00Z"), Ok(UtcTime::UNKNOWN));
    assert_eq!(UtcTime::parse("9999-12-31T23:59:59Z"), Ok(UtcTime::INFINITE));
    assert!(UtcTime::UNKNOWN.is_unknown() && !UtcTime::INFINITE.is_unknown());
    let since_boot = Duration::from_secs(((2 * 24 + 3) * 60 + 4) * 60 + 5);
    assert_eq!(UtcTime::parse("0001-01-03T03:04:05").unwrap().since_boot(), Some(since_boot));
    assert_eq!((UtcTime::UNKNOWN + since_boot).to_string(), "0001-01-03T03:04:05");
    assert_eq!(UtcTime::UNKNOWN.since_boot(), None);
    assert_eq!(UtcTime(0).since_boot(), None);
}

#[test]
fn what_has_no_text_prints_as_the_nearest_time() {
    assert_eq!(UtcTime(i64::MIN).to_string(), "0001-01-01T00:00:00Z");
    assert_eq!(UtcTime(i64::MAX).to_string(), "9999-12-31T23:59:59.999999Z");
    assert_eq!(UtcTime(i64::MAX) + Duration::MAX, UtcTime(i64::MAX));
}

#[test]
fn every_year_begins_after_its_last_day() {
    for year in 1..9999 {
        let last = UtcTime::parse(&format!("{year:04}-12-31T23:59:59Z")).unwrap();
        let next = UtcTime::parse(&format!("{:04}-01-01T00:00:00Z", year + 1)).unwrap();
        assert_eq!(last.0 + 1_000_000, next.0, "{year}");
        assert!(next.to_string().starts_with(&format!("{:04}-01-01T00:00:00", year + 1)));
        assert!(last.to_string().starts_with(&format!("{year:04}-12-31T23:59:59")));
    }
}

proptest! {
    #[test]
    fn printed_times_read_back(micros in UtcTime::UNKNOWN.0..=UtcTime::INFINITE.0) {
        prop_assert_eq!(UtcTime::parse(&UtcTime(micros).to_string()), Ok(UtcTime(micros)));
    }

    #[test]
    fn any_text_is_answered(text in "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.{0,9})|.{0,30}") {
        if let Ok(time) = UtcTime::parse(&text) {
            prop_assert_eq!(UtcTime::parse(&time.to_string()), Ok(time));
        }
    }
}
