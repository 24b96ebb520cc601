//! Which filters contain which, against the plain meaning of matching.

use mtp::mqtt::Filter;
use mtp::mqtt::broker::covers;
use proptest::prelude::*;

fn filter(text: &str) -> Filter {
    text.parse().unwrap()
}

#[test]
fn what_covers_what() {
    let cases = [
        ("#", "a/b", true),
        ("#", "+/+", true),
        ("#", "#", true),
        ("#", "$SYS/a", false),
        ("+/a", "$SYS/a", false),
        ("$SYS/#", "$SYS/a/+", true),
        ("a/#", "a", true),
        ("a/#", "a/#", true),
        ("a/#", "a/+/b", true),
        ("a/#", "+", false),
        ("a/#", "+/b", false),
        ("a/#", "#", false),
        ("a/+", "a/b", true),
        ("a/+", "a/+", true),
        ("a/+", "a/#", false),
        ("a/+", "a", false),
        ("a/+", "a/b/c", false),
        ("a/+/#", "a/b/c/#", true),
        ("a/+/#", "a/#", false),
        ("a", "a", true),
        ("a", "a/#", false),
        ("a", "+", false),
    ];
    for (wide, narrow, expected) in cases {
        assert_eq!(covers(&filter(wide), &filter(narrow)), expected, "{wide} {narrow}");
    }
}

/// MQTT 5.0 section 4.7 by its words: levels one by one, for short names.
fn matches(filter: &[&str], topic: &[&str]) -> bool {
    match (filter, topic) {
        (["#"], _) => true,
        ([], []) => true,
        (["+", filter @ ..], [_, topic @ ..]) => matches(filter, topic),
        ([level, filter @ ..], [name, topic @ ..]) if level == name => matches(filter, topic),
        _ => false,
    }
}

fn levels(choice: Vec<&'static str>) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(choice), 1..5)
}

proptest! {
    #[test]
    fn filters_match_as_the_standard_says(
        wanted in levels(vec!["a", "b", "", "+", "#"]),
        name in levels(vec!["a", "b", ""]),
    ) {
        let Ok(filter) = wanted.join("/").parse::<Filter>() else { return Ok(()) };
        prop_assert_eq!(filter.matches(&name.join("/")), matches(&wanted, &name));
    }

    /// Whoever may subscribe to the wide one hears nothing more through the narrow one.
    #[test]
    fn nothing_gets_past_a_cover(
        wide in levels(vec!["a", "b", "$s", "+", "#"]),
        narrow in levels(vec!["a", "b", "$s", "+", "#"]),
        name in levels(vec!["a", "b", "$s"]),
    ) {
        let (Ok(wide), Ok(narrow)) = (wide.join("/").parse::<Filter>(), narrow.join("/").parse::<Filter>()) else {
            return Ok(());
        };
        let name = name.join("/");
        if covers(&wide, &narrow) && narrow.matches(&name) {
            prop_assert!(wide.matches(&name), "{} {} {}", wide, narrow, name);
        }
    }

    /// And a topic is covered by exactly the filters that match it.
    #[test]
    fn a_topic_is_covered_by_what_matches_it(
        wide in levels(vec!["a", "b", "", "$s", "+", "#"]),
        name in levels(vec!["a", "b", "", "$s"]),
    ) {
        let Ok(wide) = wide.join("/").parse::<Filter>() else { return Ok(()) };
        let Ok(narrow) = name.join("/").parse::<Filter>() else { return Ok(()) };
        prop_assert_eq!(covers(&wide, &narrow), wide.matches(&name.join("/")));
    }
}
