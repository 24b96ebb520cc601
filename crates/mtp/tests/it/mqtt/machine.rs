//! The machine on literal packets and virtual time.

use std::time::Duration;

use mtp::mqtt::machine::{End, Event, Machine, Unsent};
use mtp::mqtt::meter::Counted;
use mtp::mqtt::{Qos, Settings, Subscription, Version, Will};
use requirement::requirement;

use crate::support::{AGENT, id};

const START: Duration = Duration::from_secs(1000);

fn settings(version: Version) -> Settings {
    Settings { response_topic: Some("t/1".parse().unwrap()), ..Settings::new(version, id(AGENT)) }
}

fn sent(machine: &mut Machine) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| machine.poll_transmit()).map(|bytes| bytes.to_vec()).collect()
}

fn happened(machine: &mut Machine) -> Vec<Event> {
    std::iter::from_fn(|| machine.poll_event()).collect()
}

/// A packet: first byte, length, and the rest in parts.
pub(super) fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut bytes = vec![first];
    let mut left = body.len();
    while left >= 128 {
        bytes.push((left % 128) as u8 | 0x80);
        left /= 128;
    }
    bytes.push(left as u8);
    bytes.extend(body);
    bytes
}

/// A UTF-8 string as MQTT writes it.
pub(super) fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

fn connack_5(props: &[u8]) -> Vec<u8> {
    packet(0x20, &[&[0, 0, props.len() as u8], props])
}

/// A machine with a subscription to `t/1` that stands; what it did on the way is gone.
fn up(settings: Settings) -> Machine {
    let version = settings.version;
    let mut machine = Machine::new(START, settings);
    match version {
        Version::V5 => {
            machine.handle_input(START, &connack_5(&[]));
            machine.handle_input(START, &[0x90, 4, 0, 1, 0, 1]);
        }
        Version::V3_1_1 => {
            machine.handle_input(START, &[0x20, 2, 0, 0]);
            machine.handle_input(START, &[0x90, 3, 0, 1, 1]);
        }
    }
    let Some(Event::Up { reply_to }) = happened(&mut machine).pop() else { panic!("not up") };
    assert_eq!(reply_to.as_str(), "t/1");
    sent(&mut machine);
    machine
}

#[test]
#[requirement("R-MQTT.6", "R-MQTT.7", "R-MQTT.8", "R-MQTT.12", "R-MQTT.13", "R-MQTT.14")]
fn connect_in_5_0() {
    let mut settings = settings(Version::V5);
    settings.keep_alive_s = 90;
    settings.username = Some("user".to_owned());
    settings.password = Some("secret".to_owned());
    let props = [
        &[0x26][..],
        &text("usp-endpoint-id"),
        &text("os::00256D-0001"),
        // Receive Maximum 16, Maximum Packet Size 8 MiB + 128 KiB, Request Response Information.
        &[0x21, 0, 16, 0x27, 0x00, 0x82, 0x00, 0x00, 0x19, 1],
    ]
    .concat();
    let expected = |client_id: &str| {
        let parts: [&[u8]; 7] = [
            &[0, 4, b'M', b'Q', b'T', b'T', 5, 0b1100_0010, 0, 90],
            &[props.len() as u8],
            &props,
            &text(client_id),
            &text("user"),
            &text("secret"),
            &[],
        ];
        packet(0x10, &parts)
    };
    assert_eq!(sent(&mut Machine::new(START, settings.clone())), [expected("")]);
    settings.client_id = Some("chosen".to_owned());
    assert_eq!(sent(&mut Machine::new(START, settings)), [expected("chosen")]);
}

#[test]
#[requirement("R-MQTT.8")]
fn connect_in_3_1_1() {
    let expected =
        |client_id: &str| packet(0x10, &[&[0, 4, b'M', b'Q', b'T', b'T', 4, 0b10, 0, 60], &text(client_id)]);
    let mut settings = settings(Version::V3_1_1);
    assert_eq!(sent(&mut Machine::new(START, settings.clone())), [expected("os::00256D-0001")]);
    settings.client_id = Some("chosen".to_owned());
    assert_eq!(sent(&mut Machine::new(START, settings)), [expected("chosen")]);
}

#[test]
#[requirement("R-MQTT.5")]
fn a_will_is_part_of_connect() {
    let will = |qos, retain| {
        let (topic, value) = ("w/1".parse().unwrap(), "gone".to_owned());
        Some(Will { topic, value, qos, retain })
    };
    // MQTT 3.1.1, table 3.1: will flag 0x04, QoS from 0x08 on, retain 0x20, clean session 0x02.
    for (qos, retain, flags) in
        [(Qos::AtMostOnce, false, 0x06), (Qos::AtLeastOnce, true, 0x2e), (Qos::ExactlyOnce, false, 0x16)]
    {
        let settings = Settings { will: will(qos, retain), ..settings(Version::V3_1_1) };
        let parts: [&[u8]; 4] = [
            &[0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60],
            &text("os::00256D-0001"),
            &text("w/1"),
            &text("gone"),
        ];
        assert_eq!(sent(&mut Machine::new(START, settings)), [packet(0x10, &parts)]);
    }
    let settings = Settings { will: will(Qos::AtLeastOnce, false), ..settings(Version::V5) };
    let connect = sent(&mut Machine::new(START, settings)).remove(0);
    assert_eq!(connect[9], 0b0000_1110);
    // The will's properties, of which there are none, then topic and value.
    let end = [&[0][..], &text("w/1"), &text("gone")].concat();
    assert!(connect.ends_with(&end), "{connect:?}");
}

fn subscription(filter: &str, qos: Option<Qos>) -> Subscription {
    Subscription { filter: filter.parse().unwrap(), qos }
}

#[test]
#[requirement("R-MQTT.4")]
fn each_subscription_has_its_own_qos() {
    let filters = vec![
        subscription("t/#", None),
        subscription("a", Some(Qos::AtMostOnce)),
        subscription("b", Some(Qos::ExactlyOnce)),
    ];
    let settings = Settings { filters, qos: Qos::AtLeastOnce, ..settings(Version::V3_1_1) };
    let mut machine = Machine::new(START, settings);
    sent(&mut machine);
    machine.handle_input(START, &[0x20, 2, 0, 0]);
    let entries = [&text("t/#")[..], &[1], &text("a"), &[0], &text("b"), &[2]].concat();
    assert_eq!(sent(&mut machine), [packet(0x82, &[&[0, 1], &entries])]);
}

#[test]
#[requirement("R-MQTT.34")]
fn subscriptions_change_while_it_stands() {
    for version in [Version::V3_1_1, Version::V5] {
        let none: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        let suback = |id: u8, code: u8| match version {
            Version::V5 => packet(0x90, &[&[0, id, 0, code]]),
            Version::V3_1_1 => packet(0x90, &[&[0, id, code]]),
        };
        let own = if version == Version::V5 { "t/1" } else { "t/1/#" };
        let mut machine = up(settings(version));
        machine.follow(START, vec![subscription("a", None), subscription("b/+", Some(Qos::AtLeastOnce))]);
        let entries = [&text("a")[..], &[0], &text("b/+"), &[1]].concat();
        assert_eq!(sent(&mut machine), [packet(0x82, &[&[0, 1], none, &entries])]);
        // In MQTT 5.0 there are two reason codes.
        let both = match version {
            Version::V5 => packet(0x90, &[&[0, 1, 0, 0, 1]]),
            Version::V3_1_1 => packet(0x90, &[&[0, 1, 0, 1]]),
        };
        machine.handle_input(START, &both);
        assert!(machine.is_ready());
        // What is said again changes nothing.
        machine.follow(START, vec![subscription("a", None), subscription("b/+", Some(Qos::AtLeastOnce))]);
        assert_eq!(sent(&mut machine), [[0_u8; 0]; 0]);
        // Another QoS replaces the subscription; what is not wanted any more is given up.
        machine.follow(START, vec![subscription("b/+", Some(Qos::AtMostOnce))]);
        let again = [&text("b/+")[..], &[0]].concat();
        let subscribe = packet(0x82, &[&[0, 1], none, &again]);
        assert_eq!(sent(&mut machine), [subscribe, packet(0xa2, &[&[0, 2], none, &text("a")])]);
        machine.handle_input(START, &suback(1, 0));
        // A filter that covers our topic replaces our own subscription to it.
        machine.follow(START, vec![subscription("t/#", None)]);
        let wide = packet(0x82, &[&[0, 1], none, &text("t/#"), &[0]]);
        let gone = [&text("b/+")[..], &text(own)].concat();
        assert_eq!(sent(&mut machine), [wide, packet(0xa2, &[&[0, 3], none, &gone])]);
        // What our own topic needs has to be granted.
        machine.handle_input(START, &suback(1, 0x80));
        assert_eq!(happened(&mut machine), [Event::Ended(End::NotSubscribed("t/1".to_owned()))]);
    }
}

#[test]
fn a_topic_that_follows_from_the_filters_is_not_changed_within_a_connection() {
    let filters = vec![subscription("t/1", None)];
    let mut machine = up(Settings { filters, ..Settings::new(Version::V5, id(AGENT)) });
    machine.follow(START, vec![subscription("t/2", None)]);
    assert_eq!(happened(&mut machine), [Event::Ended(End::ClosedByUs)]);
}

#[test]
#[requirement("R-MQTT.5")]
fn packets_are_counted() {
    let mut machine = Machine::new(START, settings(Version::V3_1_1));
    machine.handle_input(START, &[0x20, 2, 0, 0]);
    machine.handle_input(START, &[0x90, 3, 0, 1, 1]);
    let asked = Counted { subscribes: 1, packets_out: 2, packets_in: 2, ..Counted::default() };
    assert_eq!(machine.take_counted(), asked);
    machine.follow(START, vec![subscription("t/#", None)]);
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    assert_eq!(machine.publish(START, "c/#", b"record"), Err(Unsent::Topic));
    machine.handle_input(START, &packet(0x32, &[&text("t/1/reply-to=c"), &[0, 9], b"record"]));
    // SUBSCRIBE, UNSUBSCRIBE, PUBLISH and PUBACK went; a PUBLISH came.
    let expected = Counted {
        published: 1,
        heard: 1,
        subscribes: 1,
        unsubscribes: 1,
        unpublished: 1,
        packets_out: 4,
        packets_in: 1,
    };
    assert_eq!(machine.take_counted(), expected);
    assert_eq!(machine.take_counted(), Counted::default());
}

#[test]
#[requirement("R-MQTT.12", "R-MQTT.15", "R-MQTT.21", "R-MQTT.23", "R-MQTT.27")]
fn what_the_broker_says_is_followed() {
    let mut machine = Machine::new(START, settings(Version::V5));
    sent(&mut machine);
    let props = [
        &[0x12][..],
        &text("assigned"),
        &[0x26],
        &text("subscribe-topic"),
        &text("a/+"),
        &[0x26],
        &text("other"),
        &text("b"),
        &[0x1a],
        &text("r/1"),
    ]
    .concat();
    machine.handle_input(START, &connack_5(&props));
    let accepted = Event::Accepted {
        assigned_client_id: Some("assigned".to_owned()),
        response_information: Some("r/1".to_owned()),
    };
    assert_eq!(happened(&mut machine), [accepted]);
    let subscribe = packet(0x82, &[&[0, 1, 0], &text("a/+"), &[0], &text("r/1"), &[0]]);
    assert_eq!(sent(&mut machine), [subscribe]);
    assert!(!machine.is_ready());
    assert_eq!(machine.publish(START, "c", b"early"), Err(Unsent::NotReady));

    machine.handle_input(START, &[0x90, 5, 0, 1, 0, 0x87, 0]);
    assert_eq!(happened(&mut machine), [Event::Up { reply_to: "r/1".parse().unwrap() }]);
    assert_eq!(machine.publish(START, "c/1", b"record"), Ok(()));
    let props = [&[0x03][..], &text("usp.msg"), &[0x08], &text("r/1")].concat();
    let publish = packet(0x30, &[&text("c/1"), &[props.len() as u8], &props, b"record"]);
    assert_eq!(sent(&mut machine), [publish]);
}

#[test]
#[requirement("R-MQTT.22", "R-MQTT.24", "R-MQTT.18")]
fn publishing_in_3_1_1() {
    let mut machine = up(settings(Version::V3_1_1));
    assert_eq!(machine.publish(START, "c/1", b"record"), Ok(()));
    assert_eq!(sent(&mut machine), [packet(0x30, &[&text("c/1/reply-to=t%2F1"), b"record"])]);
    assert_eq!(machine.publish(START, "c/#", b"record"), Err(Unsent::Topic));
    assert_eq!(machine.publish(START, "", b"record"), Err(Unsent::Topic));
}

#[test]
#[requirement("R-MQTT.25", "R-MQTT.26", "R-MQTT.27a")]
fn records_come_with_their_reply_to() {
    let record = |reply_to: &str| {
        vec![Event::Record { reply_to: reply_to.parse().unwrap(), record: b"record".as_slice().into() }]
    };
    let mut machine = up(settings(Version::V3_1_1));
    machine.handle_input(START, &packet(0x30, &[&text("t/1/reply-to=c%2F1"), b"record"]));
    assert_eq!(happened(&mut machine), record("c/1"));
    // Without a reply-to nobody could be answered: a peer that speaks another version, most likely.
    machine.handle_input(START, &packet(0x30, &[&text("t/1"), b"record"]));
    assert_eq!(happened(&mut machine), []);

    let mut machine = up(settings(Version::V5));
    for (content_type, taken) in [
        ("usp.msg", true),
        ("application/vnd.bbf.usp.msg", true),
        ("usp.error", false),
        ("text/plain", false),
    ] {
        let props = [&[0x03][..], &text(content_type), &[0x08], &text("c/1")].concat();
        machine.handle_input(START, &packet(0x30, &[&text("t/1"), &[props.len() as u8], &props, b"record"]));
        assert_eq!(happened(&mut machine), if taken { record("c/1") } else { vec![] }, "{content_type}");
    }
    machine.handle_input(START, &packet(0x30, &[&text("t/1"), &[0], b"record"]));
    assert_eq!(happened(&mut machine), []);
}

#[test]
#[requirement("R-MQTT.20")]
fn qos_1_waits_for_acknowledgements() {
    let mut machine = up(Settings { qos: Qos::AtLeastOnce, ..settings(Version::V3_1_1) });
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    // The packet id of SUBSCRIBE is free again.
    let name = text("c/reply-to=t%2F1");
    assert_eq!(sent(&mut machine), [packet(0x32, &[&name, &[0, 1], b"record"])]);
    for _ in 1..16 {
        assert_eq!(machine.publish(START, "c", b"more"), Ok(()));
    }
    sent(&mut machine);
    assert!(!machine.is_ready());
    assert_eq!(machine.publish(START, "c", b"too many"), Err(Unsent::NotReady));
    machine.handle_input(START, &[0x40, 2, 0, 1]);
    assert!(machine.is_ready());
    // What arrives with QoS 1 is acknowledged.
    machine.handle_input(START, &packet(0x32, &[&text("t/1/reply-to=c"), &[0, 9], b"record"]));
    assert_eq!(happened(&mut machine).len(), 1);
    assert_eq!(sent(&mut machine), [[0x40, 2, 0, 9]]);
}

#[test]
#[requirement("R-MQTT.4")]
fn qos_2_takes_two_rounds_both_ways() {
    let filters = vec![subscription("t/#", Some(Qos::ExactlyOnce))];
    let settings = Settings { filters, qos: Qos::ExactlyOnce, ..settings(Version::V3_1_1) };
    let mut machine = up(settings);
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    let name = text("c/reply-to=t%2F1");
    assert_eq!(sent(&mut machine), [packet(0x34, &[&name, &[0, 1], b"record"])]);
    machine.handle_input(START, &[0x50, 2, 0, 1]);
    assert_eq!(sent(&mut machine), [[0x62, 2, 0, 1]]);
    machine.handle_input(START, &[0x70, 2, 0, 1]);
    // The packet id is free again.
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    assert_eq!(sent(&mut machine), [packet(0x34, &[&name, &[0, 1], b"record"])]);
    let message = |first| packet(first, &[&text("t/1/reply-to=c"), &[0, 9], b"record"]);
    machine.handle_input(START, &message(0x34));
    // Repeated, it is not heard again.
    machine.handle_input(START, &message(0x3c));
    assert_eq!(happened(&mut machine).len(), 1);
    assert_eq!(sent(&mut machine), [[0x50, 2, 0, 9], [0x50, 2, 0, 9]]);
    machine.handle_input(START, &[0x62, 2, 0, 9]);
    assert_eq!(sent(&mut machine), [[0x70, 2, 0, 9]]);
}

#[test]
fn the_broker_s_limits_are_kept() {
    // Receive Maximum 1, Maximum Packet Size 100, Maximum QoS 0.
    let limits = |props: &[u8]| {
        let mut machine = Machine::new(START, Settings { qos: Qos::AtLeastOnce, ..settings(Version::V5) });
        machine.handle_input(START, &connack_5(props));
        machine.handle_input(START, &[0x90, 4, 0, 1, 0, 1]);
        sent(&mut machine);
        happened(&mut machine);
        machine
    };
    let mut machine = limits(&[0x21, 0, 1]);
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    assert!(!machine.is_ready());
    let mut machine = limits(&[0x27, 0, 0, 0, 100]);
    for _ in 0..100 {
        assert_eq!(machine.publish(START, "c", &[0; 100]), Err(Unsent::TooLong));
    }
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    let mut machine = limits(&[0x24, 0]);
    assert_eq!(machine.publish(START, "c", b"record"), Ok(()));
    assert_eq!(sent(&mut machine)[0][0], 0x30);
}

/// Feeds packets to a fresh machine; says how it ended, and whether it said good-bye.
fn end_of(settings: Settings, input: &[&[u8]]) -> (Option<End>, bool) {
    let mut machine = Machine::new(START, settings);
    for bytes in input {
        machine.handle_input(START, bytes);
    }
    let goodbye = sent(&mut machine).last().is_some_and(|bytes| bytes[0] == 0xe0);
    let ends = happened(&mut machine).into_iter().filter_map(|event| match event {
        Event::Ended(end) => Some(end),
        _ => None,
    });
    let ends: Vec<End> = ends.collect();
    assert!(ends.len() <= 1, "it ends once");
    assert!(ends.is_empty() || !machine.is_ready());
    (ends.into_iter().next(), goodbye)
}

#[test]
#[requirement("R-MQTT.16", "R-MQTT.17")]
fn without_a_subscription_it_leaves() {
    for version in [Version::V5, Version::V3_1_1] {
        let (connack, refused): (&[u8], &[u8]) = match version {
            Version::V5 => (&[0x20, 3, 0, 0, 0], &[0x90, 4, 0, 1, 0, 0x87]),
            Version::V3_1_1 => (&[0x20, 2, 0, 0], &[0x90, 3, 0, 1, 0x80]),
        };
        let bare = Settings::new(version, id(AGENT));
        assert_eq!(end_of(bare.clone(), &[connack]), (Some(End::NoTopics), true));
        let vague = Settings { filters: vec!["a/+".parse().unwrap()], ..bare };
        assert_eq!(end_of(vague, &[connack]), (Some(End::NoReplyTo), true));
        let denied = Some(End::NotSubscribed("t/1".to_owned()));
        assert_eq!(end_of(settings(version), &[connack, refused]), (denied, true));
        assert_eq!(end_of(settings(version), &[connack]), (None, false));
    }
}

#[test]
fn refusals_and_good_byes_are_said_in_words() {
    let refused = |code, reason: &str| (Some(End::Refused { code, reason: reason.to_owned() }), false);
    assert_eq!(
        end_of(settings(Version::V3_1_1), &[&[0x20, 2, 0, 4]]),
        refused(4, "bad user name or password")
    );
    assert_eq!(end_of(settings(Version::V5), &[&[0x20, 3, 0, 0x87, 0]]), refused(0x87, "NotAuthorized"));
    let reason = [&[0x1f][..], &text("who are you")].concat();
    let connack = packet(0x20, &[&[0, 0x8a, reason.len() as u8], &reason]);
    assert_eq!(end_of(settings(Version::V5), &[&connack]), refused(0x8a, "Banned: who are you"));
    // The answer of a broker that knows 3.1.1 only.
    let old = refused(1, "the broker doesn't speak MQTT 5.0");
    assert_eq!(end_of(settings(Version::V5), &[&[0x20, 2, 0, 1]]), old);
    let left = End::ClosedByBroker { code: 0x8b, reason: "ServerShuttingDown".to_owned() };
    let (end, _) = end_of(settings(Version::V5), &[&connack_5(&[]), &[0xe0, 1, 0x8b]]);
    assert_eq!(end, Some(left));
}

#[test]
fn a_broker_that_breaks_the_rules_is_left() {
    let connack: &[u8] = &[0x20, 3, 0, 0, 0];
    let cases: [&[&[u8]]; 8] = [
        &[&[0x30, 6, 0, 1, b'a', 0, b'x', b'y']],
        &[connack, connack],
        &[connack, &[0x90, 4, 0, 1, 0, 0], &[0x90, 4, 0, 1, 0, 0]],
        &[&[0x00, 0]],
        &[&[0x20, 0xff, 0xff, 0xff, 0xff, 0x01]],
        &[connack, &[0x10, 0]],
        // The packet id 0, and a QoS that was not asked for.
        &[connack, &[0x32, 7, 0, 1, b'a', 0, 0, 0, b'x']],
        &[connack, &[0x34, 7, 0, 1, b'a', 0, 5, 0, b'x']],
    ];
    for (number, input) in cases.iter().enumerate() {
        let (end, _) = end_of(settings(Version::V5), input);
        assert!(matches!(end, Some(End::Protocol(_))), "case {number}: {end:?}");
    }
    // 16 MiB are announced: nothing is kept for them.
    for version in [Version::V5, Version::V3_1_1] {
        let (end, _) = end_of(settings(version), &[&[0x30, 0x80, 0x80, 0x80, 0x08]]);
        assert_eq!(end, Some(End::TooLong));
    }
}

#[test]
#[requirement("R-MQTT.14")]
fn pings_keep_it_alive_and_a_missing_answer_ends_it() {
    for version in [Version::V5, Version::V3_1_1] {
        let mut machine = up(settings(version));
        let minute = START + Duration::from_secs(60);
        assert_eq!(machine.poll_timeout(), Some(minute));
        machine.handle_timeout(minute);
        assert_eq!(sent(&mut machine), [[0xc0, 0]]);
        machine.handle_input(minute, &[0xd0, 0]);
        let next = minute + Duration::from_secs(60);
        assert_eq!(machine.poll_timeout(), Some(next));
        machine.handle_timeout(next);
        assert_eq!(sent(&mut machine), [[0xc0, 0]]);
        let dead = next + Duration::from_secs(20);
        assert_eq!(machine.poll_timeout(), Some(dead));
        machine.handle_timeout(dead);
        assert_eq!(happened(&mut machine), [Event::Ended(End::Dead)]);
        assert_eq!(machine.poll_timeout(), None);
    }
    let machine = up(Settings { keep_alive_s: 0, ..settings(Version::V5) });
    assert_eq!(machine.poll_timeout(), None);
}

#[test]
#[requirement("R-MQTT.35")]
fn it_says_good_bye() {
    // Reason code 0 may be said or left out.
    for (version, goodbye) in [(Version::V5, vec![0xe0, 1, 0]), (Version::V3_1_1, vec![0xe0, 0])] {
        let mut machine = up(settings(version));
        machine.close();
        assert_eq!(sent(&mut machine), [goodbye]);
        assert_eq!(happened(&mut machine), [Event::Ended(End::ClosedByUs)]);
    }
}

#[test]
fn settings_keep_their_password_to_themselves() {
    let settings = Settings { password: Some("hush".to_owned()), ..settings(Version::V5) };
    assert!(!format!("{settings:?}").contains("hush"));
    assert!(!format!("{:?}", Machine::new(START, settings)).contains("hush"));
}
