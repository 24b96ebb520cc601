//! The filter language.

use std::collections::BTreeSet;

use fleet::device::{Device, Facts, Identity};
use fleet::filter::{Filter, Regex};
use fleet::ids::{DeviceId, Epoch, TenantId};
use fleet::{Error, limits};
use proptest::prelude::{any, prop, proptest};

use crate::at;

fn device() -> Device {
    Device {
        id: DeviceId::from_bytes([1; 16]),
        tenant: TenantId::DEFAULT,
        name: "Office".into(),
        tags: BTreeSet::from(["pilot".to_owned(), "site a".to_owned()]),
        identities: vec![Identity::usp("os::00256D-1"), Identity::usp("self::office")],
        facts: Facts { model: "hAP ax3".into(), software: "7.20".into(), ..Facts::default() },
        online: true,
        proven: false,
        address: "192.0.2.1:5000".into(),
        last_seen: Some(at(1_000_000_000)),
        first_seen: at(0),
        onboarded: false,
        model_doubt: None,
        model: None,
        epoch: Epoch(1),
        dial: None,
    }
}

#[test]
fn filters_say_what_they_seem_to() {
    for (text, expected) in [
        ("online", true),
        ("!online", false),
        ("!!online", true),
        ("online != false", true),
        ("model == \"hAP ax3\" && online && \"pilot\" in tags", true),
        ("model == \"x\" && online || \"pilot\" in tags", true),
        ("model == \"x\" && (online || \"pilot\" in tags)", false),
        ("!model == \"x\"", true),
        ("\"site a\" in tags", true),
        ("\"Pilot\" in tags", false),
        ("name ~ \"FFI\"", true),
        ("name =~ \"O.*e\"", true),
        ("name =~ \"ffi\"", false),
        ("name in [\"x\",\"Office\"]", true),
        ("software < \"7.3\"", true),
        ("serial == \"\"", true),
        ("endpoint == \"self::office\"", true),
        ("endpoint != \"self::office\"", false),
        ("endpoint != \"self::other\"", true),
        ("last_seen == \"2001-09-09T01:46:40Z\"", true),
        ("last_seen >= \"2001-09-09\" && last_seen < \"2001-09-10\"", true),
        ("last_seen > \"2004-02-29T23:59:59Z\"", false),
        ("name == \"a\\\"b\\\\\"", false),
        ("last_seen == 2001-09-09T01:46:40Z", true),
        ("last_seen >= 2001-09-09 && last_seen < 2001-09-10", true),
        // It was last heard ten minutes ago.
        ("last_seen >= -10m", true),
        ("last_seen > \"-10m\"", false),
        ("last_seen > -601s && last_seen < -599s", true),
        ("(last_seen > -1h)", true),
        ("last_seen < -1d", false),
        ("software < version(\"7.3\")", false),
        ("software > version(\"7.3\")", true),
        ("software == version(\"7.20.0\") && software >= version( \"v7.20\" )", true),
        ("software != version(\"7.20\")", false),
        ("serial < version(\"1\") || serial >= version(\"1\")", false),
        ("serial != version(\"1\")", true),
    ] {
        let filter = Filter::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(filter.matches(&device(), at(1_000_000_600)), expected, "{text}");
        assert_eq!(filter.as_str(), text);
    }
    let never = Device { last_seen: None, ..device() };
    for (text, expected) in [("last_seen < \"2100-01-01\"", false), ("last_seen != \"2100-01-01\"", true)] {
        assert_eq!(Filter::parse(text).expect(text).matches(&never, at(1_000_000_600)), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (text, place) in [
        ("", 0),
        ("online &&", 9),
        ("online online", 7),
        ("(online", 7),
        ("online)", 6),
        ("nonsense == \"x\"", 0),
        ("name", 4),
        ("name == x", 8),
        ("name == \"x", 8),
        ("name == \"\\n\"", 8),
        ("online < true", 9),
        ("online == maybe", 10),
        ("\"a\" in names", 7),
        ("tags == \"a\"", 0),
        ("name in []", 9),
        ("name =~ \"(\"", 8),
        ("last_seen > \"yesterday\"", 12),
        ("last_seen > \"2026-02-29\"", 12),
        ("last_seen > \"2026-01-01T24:00:00Z\"", 12),
        ("last_seen > yesterday", 12),
        ("last_seen > -10w", 12),
        ("last_seen > -m", 12),
        ("last_seen > 10m", 12),
        ("last_seen > -9223372036854775807d", 12),
        ("software > version", 18),
        ("software > version(7)", 19),
        ("software > version(\"seven\")", 19),
        ("software > version(\"7\"", 22),
        ("software ~ version(\"7\")", 11),
        ("§", 0),
        ("name == \"ä\" §", 12),
    ] {
        match Filter::parse(text) {
            Err(Error::BadFilter { at, .. }) => assert_eq!(at, place, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let path = "Device.DeviceInfo.SoftwareVersion";
    let refused = Filter::parse(&format!("online && {path} != \"7.20\""));
    assert_eq!(refused, Err(Error::NotIndexed { path: path.to_owned() }));
    assert!(refused.expect_err("refused").to_string().starts_with("not-indexed:"));
}

#[test]
fn filters_are_bounded() {
    let nested = |depth: usize| format!("{}online{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Filter::parse(&nested(limits::FILTER_DEPTH)).is_ok());
    assert!(Filter::parse(&nested(limits::FILTER_DEPTH + 1)).is_err());
    assert!(Filter::parse(&format!("{}online", "!".repeat(limits::FILTER_DEPTH + 1))).is_err());
    let wide = |count: usize| vec!["online"; count].join("||");
    assert!(Filter::parse(&wide(limits::FILTER_TERMS)).is_ok());
    assert!(Filter::parse(&wide(limits::FILTER_TERMS + 1)).is_err());
    assert!(Filter::parse(&" ".repeat(limits::FILTER_BYTES + 1)).is_err());
}

#[test]
fn regular_expressions_match_whole_texts() {
    for (pattern, yes, no) in [
        ("", &[""][..], &["a"][..]),
        ("abc", &["abc"], &["ab", "abcd", "xabc"]),
        ("a.c", &["abc", "a.c", "aäc"], &["ac"]),
        ("a*", &["", "aaa"], &["b"]),
        ("a+b?", &["a", "aab"], &["", "b", "abb"]),
        ("(a|bc)*d", &["d", "abcd", "aad"], &["abd"]),
        ("a|", &["a", ""], &["b"]),
        ("x(a|b|)y", &["xay", "xby", "xy"], &["xaby"]),
        ("[a-c0-9_]+", &["a1_"], &["d", ""]),
        ("[^a]", &["b"], &["a", ""]),
        ("[a-]", &["a", "-"], &["b"]),
        ("[\\]]", &["]"], &["\\"]),
        ("7\\.20(\\.\\d)?", &["7.20", "7.20.d"], &["7x20"]),
        ("(a*)*", &["", "aaaa"], &["b"]),
        ("((a|b)+c?)+", &["abcab", "b"], &["c"]),
    ] {
        let regex = Regex::new(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
        yes.iter().for_each(|text| assert!(regex.is_match(text), "{pattern} {text}"));
        no.iter().for_each(|text| assert!(!regex.is_match(text), "{pattern} {text}"));
    }
    for pattern in ["(", ")", "a)", "[", "[]", "[z-a]", "*", "a**", "+", "\\", "[\\", "a{2}", "^a", "a$"] {
        assert!(Regex::new(pattern).is_err(), "{pattern}");
    }
    let deep = format!("{}a{}", "(".repeat(20), ")".repeat(20));
    assert!(Regex::new(&deep).is_err());
    // What makes other engines take for ever takes a moment here.
    let evil = Regex::new("(a+)+(a+)+(a+)+b").expect("good");
    assert!(!evil.is_match(&"a".repeat(limits::REGEX_TEXT)));
    assert!(!Regex::new("a*").expect("good").is_match(&"a".repeat(limits::REGEX_TEXT + 1)));
}

proptest! {
    #[test]
    fn no_text_upsets_the_parser(text in any::<String>()) {
        let _ = Filter::parse(&text);
        let _ = Regex::new(&text).map(|regex| regex.is_match(&text));
    }

    #[test]
    fn no_filter_like_text_upsets_it(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "online", "name", "==", "!=", "!", "&&", "||", "(", ")", "\"x\"", "in", "tags", "[", "]", ",", "~",
                "=~", "<", "last_seen", "\"2026-01-01\"", "endpoint", "true", "Device.X", "§",
            ]),
            0..24,
        )
    ) {
        if let Ok(filter) = Filter::parse(&words.join(" ")) {
            let _ = filter.matches(&device(), at(0));
        }
    }

    #[test]
    fn literal_patterns_match_themselves(text in "[a-zA-Z0-9 :/_-]{0,40}") {
        assert!(Regex::new(&text).expect("no operator in it").is_match(&text));
    }
}
