//! Topics, filters, reply-to topics in 3.1.1 names, and the set of subscriptions.

use mtp::mqtt::subscriptions::{Known, Plan, plan};
use mtp::mqtt::{Filter, Topic, TopicError, Version, reply_to};
use requirement::requirement;

fn topic(text: &str) -> Topic {
    text.parse().unwrap()
}

fn filters(texts: &[&str]) -> Vec<Filter> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn topics_and_filters_are_checked() {
    let long = "x".repeat(65_536);
    let table: &[(&str, Option<TopicError>, Option<TopicError>)] = &[
        ("usp/agents/os::00256D-1", None, None),
        ("/", None, None),
        ("$SYS/x", None, None),
        ("", Some(TopicError::Empty), Some(TopicError::Empty)),
        (&long, Some(TopicError::TooLong), Some(TopicError::TooLong)),
        ("a\0", Some(TopicError::Nul), Some(TopicError::Nul)),
        ("a/+/c", Some(TopicError::Wildcard), None),
        ("a/#", Some(TopicError::Wildcard), None),
        ("#", Some(TopicError::Wildcard), None),
        ("a/#/c", Some(TopicError::Wildcard), Some(TopicError::Misplaced)),
        ("a/b+", Some(TopicError::Wildcard), Some(TopicError::Misplaced)),
        ("a/b#", Some(TopicError::Wildcard), Some(TopicError::Misplaced)),
    ];
    for (text, as_topic, as_filter) in table {
        assert_eq!(text.parse::<Topic>().err(), *as_topic, "{text}");
        assert_eq!(text.parse::<Filter>().err(), *as_filter, "{text}");
    }
}

/// The examples of MQTT 5.0, section 4.7.1, and some more.
#[test]
fn filters_match() {
    let table = [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/tennis/player1/#", "sport/tennis/player2", false),
        ("sport/#", "sport", true),
        ("#", "a/b/c", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+/+", "/finance", true),
        ("/+", "/finance", true),
        ("+", "/finance", false),
        ("#", "$SYS/x", false),
        ("+/x", "$SYS/x", false),
        ("$SYS/#", "$SYS/x", true),
        ("a/b", "a/b/c", false),
        ("a/b/c", "a/b", false),
        ("A/b", "a/b", false),
    ];
    for (filter, name, expected) in table {
        assert_eq!(filters(&[filter])[0].matches(name), expected, "{filter} {name}");
    }
}

#[test]
#[requirement("R-MQTT.24")]
fn a_reply_to_topic_is_written_into_the_name() {
    // The example of the standard, without the blank that its text has by mistake.
    let name = reply_to::join(
        &topic("usp/agents/cid:3AA3F8:my-unique-usp-id-42"),
        &topic("usp/controllers/oui:00256D:my-unique-bbf-id-42"),
    );
    assert_eq!(
        name.unwrap().as_str(),
        "usp/agents/cid:3AA3F8:my-unique-usp-id-42/reply-to=usp%2Fcontrollers%2Foui:00256D:my-unique-bbf-id-42"
    );
    let long = topic(&"x".repeat(65_530));
    assert_eq!(reply_to::join(&topic("a"), &long), Err(TopicError::TooLong));
}

#[test]
#[requirement("R-MQTT.25")]
fn a_reply_to_topic_is_read_from_the_name() {
    let table = [
        ("usp/a/reply-to=usp%2Fc%2F1", Some("usp/c/1")),
        ("usp/a/reply-to=x/reply-to=y%2Fz", Some("y/z")),
        ("/reply-to=c", Some("c")),
        // Endpoint ids have other percent codes: nothing else is decoded.
        ("usp/a/reply-to=os::A-%20%2fb%253", Some("os::A-%20%2fb%253")),
        ("usp/a", None),
        ("usp/a/reply-to=", None),
        ("usp/areply-to=c", None),
        ("usp/a/reply-to=c%2F#", None),
        ("usp/a/reply-to=+", None),
    ];
    for (name, expected) in table {
        assert_eq!(reply_to::split(name), expected.map(topic), "{name}");
    }
}

struct Case {
    version: Version,
    configured: &'static [&'static str],
    offered: &'static [&'static str],
    response_information: Option<&'static str>,
    response_topic: Option<&'static str>,
    expected: &'static [&'static str],
    reply_to: Option<&'static str>,
}

const NOTHING: Case = Case {
    version: Version::V5,
    configured: &[],
    offered: &[],
    response_information: None,
    response_topic: None,
    expected: &[],
    reply_to: None,
};

#[test]
#[requirement("R-MQTT.15", "R-MQTT.21")]
fn what_is_subscribed_to_and_where_answers_go() {
    let cases = [
        NOTHING,
        Case { configured: &["a/b"], expected: &["a/b"], reply_to: Some("a/b"), ..NOTHING },
        Case { configured: &["a/+"], expected: &["a/+"], ..NOTHING },
        Case {
            configured: &["a/#"],
            offered: &["b", "not/#/one", "a/#"],
            expected: &["a/#", "b"],
            reply_to: Some("b"),
            ..NOTHING
        },
        Case { response_information: Some("r"), expected: &["r"], reply_to: Some("r"), ..NOTHING },
        Case {
            configured: &["r/#"],
            response_information: Some("r/1"),
            response_topic: Some("t"),
            expected: &["r/#"],
            reply_to: Some("r/1"),
            ..NOTHING
        },
        // What can't be published to is no reply-to topic.
        Case {
            response_information: Some("r/#"),
            response_topic: Some("t"),
            expected: &["t"],
            reply_to: Some("t"),
            ..NOTHING
        },
        Case {
            offered: &["x/y"],
            response_topic: Some("t/1"),
            expected: &["x/y", "t/1"],
            reply_to: Some("t/1"),
            ..NOTHING
        },
        // 3.1.1: senders append their own topic, so that a wildcard is needed to hear them.
        Case {
            version: Version::V3_1_1,
            response_topic: Some("t/1"),
            expected: &["t/1/#"],
            reply_to: Some("t/1"),
            ..NOTHING
        },
        Case {
            version: Version::V3_1_1,
            configured: &["t/1"],
            response_topic: Some("t/1"),
            expected: &["t/1", "t/1/#"],
            reply_to: Some("t/1"),
            ..NOTHING
        },
        Case {
            version: Version::V3_1_1,
            configured: &["t/1/+"],
            response_topic: Some("t/1"),
            expected: &["t/1/+"],
            reply_to: Some("t/1"),
            ..NOTHING
        },
        Case {
            version: Version::V3_1_1,
            configured: &["x", "t/1/#"],
            expected: &["x", "t/1/#"],
            reply_to: Some("t/1"),
            ..NOTHING
        },
        // `%2F` would come out of the peer's decoder as `/`.
        Case {
            version: Version::V3_1_1,
            response_topic: Some("t/a%2Fb"),
            expected: &["t/a%2Fb/#"],
            ..NOTHING
        },
        Case {
            response_topic: Some("t/a%2Fb"),
            expected: &["t/a%2Fb"],
            reply_to: Some("t/a%2Fb"),
            ..NOTHING
        },
    ];
    for (number, case) in cases.iter().enumerate() {
        let offered: Vec<String> = case.offered.iter().map(|text| (*text).to_owned()).collect();
        let found = plan(&Known {
            version: case.version,
            configured: &filters(case.configured),
            offered: &offered,
            response_information: case.response_information,
            response_topic: case.response_topic.map(topic).as_ref(),
        });
        let expected = Plan { filters: filters(case.expected), reply_to: case.reply_to.map(topic) };
        assert_eq!(found, expected, "case {number}");
    }
}

#[test]
fn a_broker_that_offers_too_much_is_not_followed() {
    let offered: Vec<String> = (0..1000).map(|n| format!("offer/{n}")).collect();
    let own = topic("t/1");
    let known = Known {
        version: Version::V5,
        configured: &filters(&["mine"]),
        offered: &offered,
        response_information: None,
        response_topic: Some(&own),
    };
    let found = plan(&known);
    assert_eq!(found.filters.len(), 64);
    assert_eq!(found.filters[0].as_str(), "mine");
    assert_eq!(found.filters[63].as_str(), "t/1");
}
