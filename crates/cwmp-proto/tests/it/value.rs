//! Values: types by name, booleans, numbers and times as the standard and as devices write them.

use cwmp_proto::value::{Reading, read_boolean, read_integer};
use cwmp_proto::{DateTime, Time, Value, ValueType};

#[test]
fn types_and_their_names() {
    let names = [
        (ValueType::String, "string"),
        (ValueType::Int, "int"),
        (ValueType::UnsignedInt, "unsignedInt"),
        (ValueType::Long, "long"),
        (ValueType::UnsignedLong, "unsignedLong"),
        (ValueType::Boolean, "boolean"),
        (ValueType::DateTime, "dateTime"),
        (ValueType::Base64, "base64"),
        (ValueType::HexBinary, "hexBinary"),
        (ValueType::Decimal, "decimal"),
    ];
    for (kind, name) in names {
        assert_eq!((kind.name(), ValueType::from_name(name)), (name, Some(kind)));
        assert_eq!(Value::of_type(name, "").raw_type, None);
    }
    let kept = [
        ("base64Binary", ValueType::Base64),
        ("unsignedint", ValueType::UnsignedInt),
        ("json", ValueType::Other),
    ];
    for (name, kind) in kept {
        let value = Value::of_type(name, "x");
        assert_eq!((value.kind, value.type_name()), (kind, name));
    }
}

#[test]
fn booleans() {
    use Reading::{Exact, Lenient, Unreadable};
    let cases = [
        ("1", Exact(true)),
        ("0", Exact(false)),
        ("true", Exact(true)),
        ("false", Exact(false)),
        ("True", Lenient(true)),
        ("TRUE", Lenient(true)),
        (" 1", Lenient(true)),
        ("yes", Lenient(true)),
        ("No", Lenient(false)),
        ("Disabled", Lenient(false)),
        ("", Unreadable),
        ("2", Unreadable),
    ];
    for (text, expected) in cases {
        assert_eq!(read_boolean(text), expected, "{text:?}");
    }
}

#[test]
fn numbers() {
    use Reading::{Exact, Lenient, Unreadable};
    let cases = [
        ("0", Exact(0)),
        ("-5", Exact(-5)),
        ("18446744073709551615", Exact(18_446_744_073_709_551_615)),
        (" 7 ", Lenient(7)),
        ("+7", Lenient(7)),
        ("", Unreadable),
        ("7 dBm", Unreadable),
        ("0x10", Unreadable),
        ("1.0", Unreadable),
    ];
    for (text, expected) in cases {
        assert_eq!(read_integer(text), expected, "{text:?}");
    }
}

#[test]
fn well_formed_by_type() {
    let cases = [
        ("int", "2147483647", true),
        ("int", "2147483648", false),
        ("unsignedInt", "4294967295", true),
        ("unsignedInt", "-1", false),
        ("long", "9223372036854775808", false),
        ("unsignedLong", "18446744073709551616", false),
        ("boolean", "True", false),
        ("dateTime", "2026-01-01T00:00:00", false),
        ("string", "\u{1}", true),
        ("json", "{", true),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(Value::of_type(kind, text).well_formed(), expected, "{kind} {text}");
    }
}

#[test]
fn times() {
    use Reading::{Exact, Lenient, Unreadable};
    let cases = [
        ("1970-01-01T00:00:00Z", Exact(Time::Utc(0))),
        ("2026-03-01T04:05:06Z", Exact(Time::Utc(1_772_337_906_000))),
        ("2000-02-29T12:00:00.25Z", Exact(Time::Utc(951_825_600_250))),
        ("2015-02-18T21:18:19+00:00", Exact(Time::Utc(1_424_294_299_000))),
        ("2015-02-18T23:18:19+02:00", Exact(Time::Utc(1_424_294_299_000))),
        ("2015-02-18T16:18:19-0500", Lenient(Time::Utc(1_424_294_299_000))),
        ("2015-02-18T21:18:19", Lenient(Time::Local(1_424_294_299_000))),
        ("2015-02-18 21:18:19", Lenient(Time::Local(1_424_294_299_000))),
        (" 2015-02-18T21:18:19Z", Lenient(Time::Utc(1_424_294_299_000))),
        ("0001-01-01T00:00:00Z", Exact(Time::Unknown)),
        ("0001-01-01T00:00:00", Lenient(Time::Unknown)),
        ("0001-01-02T00:00:01Z", Exact(Time::SinceBoot(86_401_000))),
        ("", Unreadable),
        ("now", Unreadable),
        ("1424294299", Unreadable),
        ("2015-02-18", Unreadable),
        ("2015-13-18T21:18:19Z", Unreadable),
        ("2015-02-18T21:61:19Z", Unreadable),
        ("2015-02-18T21:18:19.Z", Unreadable),
        ("2015-02-18T21:18:19+99:00", Unreadable),
        ("２015-02-18T21:18:19Z", Unreadable),
    ];
    for (text, expected) in cases {
        assert_eq!(DateTime::from(text).meaning(), expected, "{text:?}");
        assert_eq!(DateTime::from(text).as_str(), text);
    }
}

#[test]
fn times_are_written() {
    let cases = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_772_337_906, "2026-03-01T04:05:06Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
        (253_402_300_800, "0001-01-01T00:00:00Z"),
        (i64::MIN, "0001-01-01T00:00:00Z"),
        (i64::MAX, "0001-01-01T00:00:00Z"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(DateTime::from_unix(seconds).as_str(), expected, "{seconds}");
    }
    assert_eq!(DateTime::default().as_str(), "0001-01-01T00:00:00Z");
}
