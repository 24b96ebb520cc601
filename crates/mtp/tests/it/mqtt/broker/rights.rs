//! What an Endpoint may not do: other topics, other filters, other names. And who is told.

use mtp::mqtt::Version::{V3_1_1, V5};
use mtp::mqtt::broker::Offence;
use requirement::requirement;

use super::world::{
    AGENT, BOTH, CONTROLLER, OTHER, OTHERS, OWN, World, free, hello, login, publish, publish_with, record,
    suback, subscribe, topic,
};
use crate::mqtt::machine::{packet, text};
use crate::support::id;

/// `usp/agents/os::00256D-0001` as it stands behind `/reply-to=`.
const REPLY: &str = "usp/controllers/self::c/reply-to=usp%2Fagents%2Fos::00256D-0001";

/// Response Topic.
fn answers_to(name: &str) -> Vec<u8> {
    [&[0x08][..], &text(name)].concat()
}

#[test]
#[requirement("R-MQTT.42", "R-MQTT.45")]
fn an_endpoint_hears_only_itself() {
    let cases = [
        (OWN, true),
        ("usp/agents/os::00256D-0001/#", true),
        ("usp/agents/os::00256D-0001/a/+", true),
        ("+/os::00256D-0001/#", true),
        ("+/+/os::00256D-0001/#", true),
        (OTHERS, false),
        ("usp/agents/+", false),
        ("usp/agents/#", false),
        ("usp/#", false),
        ("#", false),
        ("+/+/+", false),
        ("+/+/+/#", false),
        ("+/os::00256D-0002/#", false),
        (CONTROLLER, false),
        ("$SYS/#", false),
    ];
    for version in BOTH {
        for (filter, allowed) in cases {
            let mut world = World::new();
            let mut agent = world.endpoint(version, AGENT, OWN);
            let refused = if version == V5 { 0x87 } else { 0x80 };
            let code = if allowed { 1 } else { refused };
            assert_eq!(
                world.ask(&mut agent, &subscribe(version, filter, 1)),
                [suback(version, code)],
                "{filter}"
            );
            let told = if allowed { vec![] } else { vec![Offence::ForbiddenFilter(filter.to_owned())] };
            assert_eq!(world.offences(), told);
            // And so it is: what another Endpoint is sent does not come here.
            let mut controller = world.anybody(V5, "c");
            world.say(&mut controller, &publish(V5, 0x30, OTHERS, None, b"secret"));
            assert!(world.hear(&agent).is_empty(), "{filter}");
        }
    }
}

#[test]
fn filters_that_are_none() {
    for (filter, five) in [("a#", 0x8F), ("a/#/b", 0x8F), ("$share/g/t", 0x9E)] {
        for version in BOTH {
            let mut world = World::new();
            let mut peer = world.anybody(version, "c");
            let code = if version == V5 { five } else { 0x80 };
            assert_eq!(
                world.ask(&mut peer, &subscribe(version, filter, 0)),
                [suback(version, code)],
                "{filter}"
            );
        }
    }
    // A subscription identifier: CONNACK said that there are none.
    let mut world = World::new();
    let mut peer = world.anybody(V5, "c");
    let with_id = packet(0x82, &[&[0, 1, 2, 0x0B, 1], &text("t"), &[0]]);
    assert_eq!(world.ask(&mut peer, &with_id), [[0xE0, 1, 0xA1]]);
}

/// What is refused in 5.0 is said in the acknowledgement where there is one; otherwise the connection ends.
fn check_refused(name: &str, props: &[u8], payload: &[u8], offence: &Offence) {
    for (first, answer) in [(0x32, vec![0x40, 3, 0, 7, 0x87]), (0x34, vec![0x50, 3, 0, 7, 0x87])] {
        let mut world = World::new();
        let mut controller = world.anybody(V5, "c");
        world.ask(&mut controller, &subscribe(V5, "#", 0));
        let mut agent = world.endpoint(V5, AGENT, OWN);
        let said = publish_with(V5, first, name, Some(7), props, payload);
        assert_eq!(world.ask(&mut agent, &said), [answer], "{name}");
        assert!(world.is_open(&agent));
        assert_eq!(world.offences(), std::slice::from_ref(offence));
        assert!(world.hear(&controller).is_empty());
    }
    let mut world = World::new();
    let mut agent = world.endpoint(V5, AGENT, OWN);
    assert_eq!(world.ask(&mut agent, &publish_with(V5, 0x30, name, None, props, payload)), [[0xE0, 1, 0x87]]);
    assert!(!world.is_open(&agent));
    assert_eq!(world.offences(), std::slice::from_ref(offence));
}

fn check_closed(name: &str, payload: &[u8], offence: &Offence) {
    for (first, id) in [(0x30, None), (0x32, Some(7)), (0x34, Some(7))] {
        let mut world = World::new();
        let mut controller = world.anybody(V5, "c");
        world.ask(&mut controller, &subscribe(V5, "#", 0));
        let mut agent = world.endpoint(V3_1_1, AGENT, OWN);
        assert!(world.ask(&mut agent, &publish(V3_1_1, first, name, id, payload)).is_empty());
        assert!(!world.is_open(&agent), "{name}");
        assert_eq!(world.offences(), std::slice::from_ref(offence));
        assert!(world.hear(&controller).is_empty());
    }
}

#[test]
#[requirement("R-MQTT.42")]
fn an_endpoint_speaks_only_to_its_peers() {
    let honest = record(AGENT);
    for name in [OTHERS, OWN, "usp/controllers", "usp/controllers/self::c/x", "$SYS/broker"] {
        check_refused(name, &[], &honest, &Offence::ForbiddenTopic(topic(name)));
        check_closed(name, &honest, &Offence::ForbiddenTopic(topic(name)));
    }
}

/// Otherwise the answer would go to somebody else.
#[test]
fn an_endpoint_is_answered_at_its_own_topic() {
    let honest = record(AGENT);
    for forged in [OTHERS, CONTROLLER] {
        let offence = Offence::ForbiddenReplyTo(topic(forged));
        check_refused(CONTROLLER, &answers_to(forged), &honest, &offence);
        let name = format!("{CONTROLLER}/reply-to={}", forged.replace('/', "%2F"));
        check_closed(&name, &honest, &offence);
    }
}

#[test]
#[requirement("R-SEC.4c")]
fn an_endpoint_speaks_only_for_itself() {
    let mut twice = record(AGENT);
    twice.extend([0x1A, 1, b'x']);
    let cut = &record(AGENT)[..record(AGENT).len() - 1];
    let cases: [(&[u8], Option<&str>); 5] =
        [(&record(OTHER), Some(OTHER)), (&twice, None), (cut, None), (b"no Record", None), (b"", None)];
    for (payload, claimed) in cases {
        let offence = Offence::ForgedSender { claimed: claimed.map(id) };
        check_refused(CONTROLLER, &answers_to(OWN), payload, &offence);
        check_closed(REPLY, payload, &offence);
    }
}

/// The Record arrives with what is proved of its sender, from either version.
#[test]
#[requirement("R-SEC.4c", "R-MQTT.25")]
fn an_honest_record_arrives_with_its_proof() {
    let honest = record(AGENT);
    let said = [
        (V5, publish_with(V5, 0x32, CONTROLLER, Some(7), &answers_to(OWN), &honest)),
        (V3_1_1, publish(V3_1_1, 0x32, REPLY, Some(7), &honest)),
    ];
    for (version, said) in said {
        let mut world = World::new();
        world.machine.attach(vec![CONTROLLER.parse().unwrap()]);
        let mut agent = world.endpoint(version, AGENT, OWN);
        assert_eq!(world.ask(&mut agent, &said), [[0x40, 2, 0, 7]]);
        assert!(world.is_open(&agent));
        let [arrived] = &world.arrived[..] else { panic!("one Record") };
        assert_eq!(arrived.topic, topic(CONTROLLER));
        assert_eq!(arrived.reply_to, topic(OWN));
        assert_eq!(arrived.endpoint, Some(id(AGENT)));
        assert_eq!(arrived.proof, login(AGENT));
        assert!(arrived.record == honest);
    }
}

/// Nobody can go on trying for ever on one connection.
#[test]
fn who_keeps_trying_is_closed() {
    let mut world = World::new();
    let mut agent = world.endpoint(V5, AGENT, OWN);
    let forged = publish(V5, 0x32, OTHERS, Some(7), &record(AGENT));
    for _ in 0..15 {
        assert_eq!(world.ask(&mut agent, &forged), [[0x40, 3, 0, 7, 0x87]]);
    }
    assert_eq!(world.ask(&mut agent, &forged), [[0xE0, 1, 0x87]]);
    assert_eq!(world.offences().len(), 16);
}

/// A session that goes on under narrower rights keeps only what they allow.
#[test]
fn rights_that_shrink_take_subscriptions_along() {
    let mut world = World::new();
    let lasting = super::world::connect(V5, 0, 60, &[0x11, 0, 0, 1, 0], &[&text("c")]);
    let mut peer = world.connect(&lasting, free("me")).unwrap();
    for filter in ["a", "b"] {
        world.say(&mut peer, &subscribe(V5, filter, 1));
    }
    world.lose(&peer);
    let mut rights = free("me");
    rights.subscribe = vec!["a".parse().unwrap()];
    let peer = world.connect(&lasting, rights).unwrap();
    world.hear(&peer);
    let mut other = world.connect(&hello(V5, "p"), free("p")).unwrap();
    for name in ["b", "a"] {
        world.say(&mut other, &publish(V5, 0x30, name, None, b"x"));
    }
    assert_eq!(world.hear(&peer), [publish(V5, 0x30, "a", None, b"x")]);
}

/// Topics that begin with `$` are nobody's, whatever the rights say.
#[test]
fn topics_of_a_broker_are_nobodys() {
    let mut rights = free("c");
    rights.publish = vec!["$SYS/#".parse().unwrap()];
    let mut world = World::new();
    let mut peer = world.connect(&hello(V5, "c"), rights).unwrap();
    world.hear(&peer);
    let said = publish(V5, 0x32, "$SYS/load", Some(1), b"x");
    assert_eq!(world.ask(&mut peer, &said), [[0x40, 3, 0, 1, 0x87]]);
}
