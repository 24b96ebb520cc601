//! Values, lists and comparisons: tables of cases.

use dm::path::{Literal, Operator};
use dm::value::{CompareError, Condition, compare, join_list, split_list};
use dm::{Code, Fault, Type, UtcTime, Value};
use requirement::requirement;

#[test]
#[requirement("R-ENC.6")]
fn lexical_forms_are_read_and_made_canonical() {
    use Type as T;
    for (ty, text, canonical) in [
        (T::Boolean, "true", "true"),
        (T::Boolean, "1", "true"),
        (T::Boolean, "false", "false"),
        (T::Boolean, "0", "false"),
        (T::Int, "123", "123"),
        (T::Int, "+123", "123"),
        (T::Int, "-0123", "-123"),
        (T::Int, "-0", "0"),
        (T::Int, "-2147483648", "-2147483648"),
        (T::Int, "2147483647", "2147483647"),
        (T::UnsignedInt, "+007", "7"),
        (T::UnsignedInt, "-0", "0"),
        (T::UnsignedInt, "4294967295", "4294967295"),
        (T::Long, "-9223372036854775808", "-9223372036854775808"),
        (T::UnsignedLong, "18446744073709551615", "18446744073709551615"),
        (T::Decimal, "+012.500", "12.5"),
        (T::Decimal, "-0.0", "0"),
        (T::Decimal, ".5", "0.5"),
        (T::Decimal, "5.", "5"),
        (T::Decimal, "-123456789012345678901234567890.1", "-123456789012345678901234567890.1"),
        (T::String, "", ""),
        (T::String, " a\n\u{e9} ", " a\n\u{e9} "),
        (T::Base64, "", ""),
        (T::Base64, "TWFu", "TWFu"),
        (T::Base64, "TWE=", "TWE="),
        (T::Base64, "TW\r\nFu TQ==\n", "TWFuTQ=="),
        (T::HexBinary, "", ""),
        (T::HexBinary, "0aBc", "0ABC"),
        (T::DateTime, "2021-06-06T10:00:00+02:00", "2021-06-06T08:00:00Z"),
        (T::DateTime, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ] {
        let value = Value::parse(ty, text).unwrap_or_else(|error| panic!("{ty} {text:?}: {error}"));
        assert_eq!(value.to_lexical(), canonical, "{ty} {text:?}");
        assert_eq!(value.expose(), canonical);
        assert_eq!(value.to_string(), canonical);
    }
}

#[test]
fn other_texts_are_of_another_type() {
    use Type as T;
    for (ty, texts) in [
        (T::Boolean, &["", "True", "yes", "2", " true"][..]),
        (
            T::Int,
            &["", "+", "-", "1.0", "1e3", " 1", "1 ", "0x1", "2147483648", "-2147483649", "--1", "\u{661}"],
        ),
        (T::UnsignedInt, &["", "-1", "-", "4294967296", "-01"]),
        (T::Long, &["9223372036854775808"]),
        (T::UnsignedLong, &["18446744073709551616", "-1"]),
        (T::Decimal, &["", ".", "+", "-.", "1.2.3", "1,5", "1e3", "+-1", "INF", "NaN"]),
        (
            T::Base64,
            &["T", "TQ", "TQ=", "TR==", "TWF=", "T===", "====", "T=Q=", "T-_u", "TQ==TQ==", "TWF\u{e9}"],
        ),
        (T::HexBinary, &["0", "0g", "0x12", "00:11", "\u{ff10}\u{ff10}"]),
        (T::DateTime, &["", "2021-06-06", "2021-06-06T08:00:00", "0"]),
    ] {
        for text in texts {
            let error = Value::parse(ty, text).expect_err(text);
            assert_eq!(error.expected, ty);
            assert_eq!(Fault::from(error).code, Code::INVALID_TYPE);
        }
    }
}

#[test]
fn secrets_are_shown_to_nobody_by_accident() {
    for value in [Value::secret("hunter2"), Value::text("hunter2").into_secret()] {
        assert_eq!(value.to_string(), "********");
        assert_eq!(format!("{value:?}"), "Secret(\u{2026})");
        assert_eq!(value.to_lexical(), "");
        assert_eq!(value.expose(), "hunter2");
        assert!(value.is_secret());
        let is = |text: &str| compare(&value, Type::String, false, Operator::Equal, &Literal::quoted(text));
        assert_eq!((is("hunter2"), is("")), (Ok(false), Ok(true)));
    }
    assert_eq!(Value::Int(7).into_secret(), Value::secret("7"));
}

#[test]
fn null_values_are_those_of_the_standard() {
    for (ty, null) in [
        (Type::Boolean, "false"),
        (Type::Int, "-1"),
        (Type::Long, "-1"),
        (Type::Decimal, "-1"),
        (Type::UnsignedInt, "0"),
        (Type::UnsignedLong, "0"),
        (Type::String, ""),
        (Type::Base64, ""),
        (Type::HexBinary, ""),
        (Type::DateTime, "0001-01-01T00:00:00Z"),
    ] {
        assert_eq!(Value::null(ty).to_lexical(), null);
        assert_eq!(Value::parse(ty, null), Ok(Value::null(ty)));
        assert_eq!(Type::from_name(ty.name()), Some(ty));
    }
    assert_eq!(Type::from_name("Boolean"), None);
}

#[test]
fn lists_are_split_and_joined() {
    for (text, items, joined) in [
        ("", &[][..], ""),
        ("  ", &[], ""),
        ("a", &["a"], "a"),
        ("a,b%2Cc,d", &["a", "b,c", "d"], "a,b%2Cc,d"),
        (" a ,\tb\r\n, c ", &["a", "b", "c"], "a,b,c"),
        ("a,,b", &["a", "", "b"], "a,,b"),
        ("a%20b,%2525,%25", &["a b", "%25", "%"], "a%20b,%2525,%"),
        ("100%,%41,%2c,%", &["100%", "%41", ",", "%"], "100%,%41,%2C,%"),
        ("a b", &["a b"], "a%20b"),
        ("http://h/%7Ex,\u{e9}%\u{e9}", &["http://h/%7Ex", "\u{e9}%\u{e9}"], "http://h/%7Ex,\u{e9}%\u{e9}"),
    ] {
        assert_eq!(split_list(text).collect::<Vec<_>>(), items, "{text:?}");
        assert_eq!(join_list(items), joined, "{text:?}");
    }
    assert_eq!(Value::parse_list(Type::UnsignedInt, " 01 , +2,3"), Ok(Value::text("1,2,3")));
    assert_eq!(Value::parse_list(Type::String, ""), Ok(Value::text("")));
    assert!(Value::parse_list(Type::UnsignedInt, "1,,2").is_err());
}

/// One row: type, value, operator, constant in the syntax of an expression, and the verdict.
type Row = (Type, &'static str, Operator, &'static str, Result<bool, CompareError>);

fn literal(text: &str) -> Literal {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => Literal::quoted(text),
        None => Literal::bare(text).unwrap_or_else(|| panic!("{text} is no constant")),
    }
}

fn check(is_list: bool, rows: &[Row]) {
    for (ty, value, operator, constant, verdict) in rows {
        let held = if is_list { Value::parse_list(*ty, value) } else { Value::parse(*ty, value) };
        let result = compare(&held.unwrap(), *ty, is_list, *operator, &literal(constant));
        assert_eq!(result, *verdict, "{ty} {value}{operator}{constant}");
    }
}

use CompareError as E;
use Operator::{Contains, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};

#[test]
#[requirement("R-ARC.7")]
fn numbers_compare_after_conversion() {
    use Type::{Decimal, Int, Long, UnsignedInt, UnsignedLong};
    check(
        false,
        &[
            (Int, "123", Equal, "123", Ok(true)),
            (Int, "123", Equal, "+123", Ok(true)),
            (Int, "123", Equal, "0123", Ok(true)),
            (Int, "123", NotEqual, "0123", Ok(false)),
            (Int, "-5", Less, "-4", Ok(true)),
            (Int, "-5", Less, "-5", Ok(false)),
            (Int, "-5", LessOrEqual, "-5", Ok(true)),
            (Int, "9", Less, "10", Ok(true)),
            (Int, "9", Greater, "8.5", Ok(true)),
            (UnsignedInt, "0", Greater, "-1", Ok(true)),
            (UnsignedInt, "8", GreaterOrEqual, "08", Ok(true)),
            (UnsignedLong, "18446744073709551615", Greater, "18446744073709551614", Ok(true)),
            (Long, "1", Less, "99999999999999999999999", Ok(true)),
            (Decimal, "1.50", Equal, "1.5", Ok(true)),
            (Decimal, "-0.25", Greater, "-0.3", Ok(true)),
            (Int, "1", Equal, "\"1\"", Err(E::Mismatch(Int))),
            (Int, "1", Equal, "true", Err(E::Mismatch(Int))),
            (Int, "1", Equal, "AB", Err(E::Mismatch(Int))),
            (Int, "1", Contains, "1", Err(E::NotAList)),
        ],
    );
}

#[test]
#[requirement("R-ARC.7")]
fn booleans_and_texts_are_equal_or_not() {
    use Type::{Base64, Boolean, HexBinary, String};
    check(
        false,
        &[
            (Boolean, "true", Equal, "true", Ok(true)),
            (Boolean, "true", Equal, "1", Ok(true)),
            (Boolean, "1", NotEqual, "false", Ok(true)),
            (Boolean, "true", Equal, "0", Ok(false)),
            (Boolean, "true", Equal, "\"true\"", Err(E::Mismatch(Boolean))),
            (Boolean, "true", Equal, "2", Err(E::Mismatch(Boolean))),
            (Boolean, "true", Less, "1", Err(E::NotOrdered(Boolean))),
            (String, "Bob", Equal, "\"Bob\"", Ok(true)),
            (String, "Bob", Equal, "\"bob\"", Ok(false)),
            (String, "Bob", NotEqual, "\"bob\"", Ok(true)),
            (String, "1", Equal, "1", Err(E::Mismatch(String))),
            (String, "Bob", Greater, "\"A\"", Err(E::NotOrdered(String))),
            (String, "Bob", Contains, "\"Bob\"", Err(E::NotAList)),
            (HexBinary, "08", Equal, "08", Ok(true)),
            (HexBinary, "0abc", Equal, "0aBC", Ok(true)),
            (HexBinary, "08", Less, "09", Err(E::NotOrdered(HexBinary))),
            (HexBinary, "08", Equal, "8", Err(E::Mismatch(HexBinary))),
            (Base64, "TWE=", Equal, "\"TWE=\"", Ok(true)),
        ],
    );
}

#[test]
#[requirement("R-ARC.7")]
fn times_are_ordered_unless_unknown() {
    use Type::DateTime;
    let unknown = "0001-01-01T00:00:00Z";
    check(
        false,
        &[
            (DateTime, "2021-06-06T07:59:59Z", Less, "2021-06-06T08:00:00Z", Ok(true)),
            (DateTime, "2021-06-06T10:00:00+02:00", Equal, "2021-06-06T08:00:00Z", Ok(true)),
            (DateTime, unknown, Equal, unknown, Ok(true)),
            (DateTime, "2021-06-06T08:00:00Z", NotEqual, unknown, Ok(true)),
            (DateTime, "2021-06-06T08:00:00Z", Greater, unknown, Err(E::NotOrdered(DateTime))),
            (DateTime, unknown, Less, "2021-06-06T08:00:00Z", Ok(false)),
            (DateTime, unknown, LessOrEqual, "2021-06-06T08:00:00Z", Ok(false)),
            (DateTime, "2021-06-06T08:00:00Z", Less, "\"2021-06-06T08:00:00Z\"", Err(E::Mismatch(DateTime))),
            (DateTime, "2021-06-06T08:00:00Z", Less, "2021", Err(E::Mismatch(DateTime))),
        ],
    );
}

#[test]
#[requirement("R-ARC.7")]
fn lists_hold_or_equal() {
    use Type::{String, UnsignedInt};
    check(
        true,
        &[
            (String, "b, g ,n", Contains, "\"g\"", Ok(true)),
            (String, "b,g,n", Contains, "\"G\"", Ok(false)),
            (String, "ab,c", Contains, "\"a\"", Ok(false)),
            (String, "", Contains, "\"\"", Ok(false)),
            (String, "b%2Cg,n", Contains, "\"b,g\"", Ok(true)),
            (String, "b,g", Equal, "\"b, g\"", Ok(true)),
            (String, "b,g", Equal, "\"g,b\"", Ok(false)),
            (String, "b,g", NotEqual, "\"b\"", Ok(true)),
            (String, "", Equal, "\"\"", Ok(true)),
            (String, "b", Less, "\"b\"", Err(E::NotOrdered(String))),
            (UnsignedInt, "1,02,3", Contains, "+2", Ok(true)),
            (UnsignedInt, "1,2,3", Contains, "\"2\"", Err(E::Mismatch(UnsignedInt))),
            (UnsignedInt, "1,2", Equal, "\"01, 2\"", Ok(true)),
            (UnsignedInt, "1", Equal, "1", Ok(true)),
            (UnsignedInt, "1", Greater, "0", Err(E::NotOrdered(UnsignedInt))),
        ],
    );
}

#[test]
fn a_value_that_is_not_of_its_type_differs_from_everything() {
    let raw = Value::text("n/a");
    for (operator, verdict) in [(Equal, false), (NotEqual, true), (Less, false), (GreaterOrEqual, false)] {
        assert_eq!(Condition::new(Type::Int, false, operator, &literal("1")).unwrap().holds(&raw), verdict);
    }
    let time = Value::text("2021-06-06T08:00:00Z");
    assert_eq!(compare(&time, Type::DateTime, false, Equal, &literal("2021-06-06T08:00:00Z")), Ok(true));
    assert_eq!(Value::from(UtcTime(0)), Value::Time(UtcTime(0)));
    assert_eq!(Fault::from(E::NotAList).code, Code::INVALID_PATH_SYNTAX);
}
