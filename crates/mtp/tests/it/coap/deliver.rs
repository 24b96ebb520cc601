//! Records get to the other end, whole, in order and once, whatever the network does; or somebody is told.

use mtp::coap::Failure;
use mtp::coap::message::{Code, Kind, Message};
use requirement::requirement;

use super::world::{AT_AGENT, AT_CONTROLLER, Bench, Weather, World, record, secs};

const FINE: Weather = Weather { lost: 0, doubled: 0, late: 0 };

#[requirement("R-COAP.2", "R-COAP.2a", "R-COAP.4", "R-COAP.7")]
#[test]
fn both_ways_small_and_large() {
    let mut world = World::new(FINE, 1);
    for bytes in [0, 1, 900, 1023, 1024, 1025, 5000, 100_000] {
        world.tell_controller(record(bytes));
        world.tell_agent(record(bytes + 1));
    }
    world.run_until(secs(60));
    let sent = |more: usize| [0, 1, 900, 1023, 1024, 1025, 5000, 100_000].map(|bytes| record(bytes + more));
    assert_eq!(world.records_at("controller"), sent(0));
    assert_eq!(world.records_at("agent"), sent(1));
    for (at, arrived) in &world.arrived {
        let expected = if *at == "agent" { AT_CONTROLLER } else { AT_AGENT };
        assert_eq!(&*arrived.reply_to, expected);
    }
    assert!(world.failed.is_empty() && world.refused.is_empty(), "{:?} {:?}", world.failed, world.refused);
    assert!(world.agent.is_drained() && world.controller.is_drained());
}

/// One datagram in ten is lost, one in five comes twice, one in five late: of several Records each arrives once.
#[requirement("R-COAP.5")]
#[test]
fn loss_duplication_and_disorder() {
    for seed in 0..40 {
        let mut world = World::new(Weather { lost: 10, doubled: 20, late: 20 }, seed);
        let sizes = [10, 3000, 1024, 20_000, 0];
        sizes.iter().for_each(|bytes| world.tell_controller(record(*bytes)));
        sizes.iter().for_each(|bytes| world.tell_agent(record(*bytes + 5)));
        world.run_until(secs(1200));
        assert_eq!(world.failed, [], "seed {seed}");
        assert_eq!(world.records_at("controller"), sizes.map(record), "seed {seed}");
        assert_eq!(world.records_at("agent"), sizes.map(|bytes| record(bytes + 5)), "seed {seed}");
    }
}

/// RFC 7252 section 4.8: five times within 2 to 3 seconds, doubled each time; given up after twice the last wait.
#[requirement("R-COAP.9")]
#[test]
fn nobody_there() {
    let mut world = World::new(Weather { lost: 100, ..FINE }, 1);
    world.tell_controller(record(2000));
    world.tell_controller(record(10));
    world.run_until(secs(300));
    assert_eq!(world.failed, [(AT_CONTROLLER.to_owned(), Failure::TimedOut)], "once for each address");
    let times: Vec<f64> = world.said.iter().map(|(at, _, _)| at.as_secs_f64()).collect();
    assert_eq!(times.len(), 5, "{times:?}");
    let first = times[1] - times[0];
    assert!((2.0..=3.0).contains(&first), "{times:?}");
    for (pair, factor) in times.windows(2).zip([1.0, 2.0, 4.0, 8.0]) {
        assert!((pair[1] - pair[0] - first * factor).abs() < 1e-6, "{times:?}");
    }
    assert!(world.said.iter().all(|(_, _, bytes)| bytes.len() == 4), "nobody knows who would get more");
    assert!(world.agent.is_drained());
    assert_eq!(world.agent.timeout(), None, "nothing is remembered");
}

#[requirement("R-COAP.10")]
#[test]
fn refusals_are_told() {
    for (code, expected) in [
        (Code::BAD_REQUEST, Failure::Refused(Code::BAD_REQUEST)),
        (Code::of(5, 0), Failure::Refused(Code::of(5, 0))),
        (Code::NOT_FOUND, Failure::Refused(Code::NOT_FOUND)),
    ] {
        let mut bench = Bench::proven();
        bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(10));
        let post = bench.said().remove(0);
        let mut answer = Message::new(Kind::Acknowledgement, code, post.id);
        answer.token = post.token;
        bench.hear(answer);
        let failed = mtp::coap::machine::Event::Failed { uri: AT_AGENT.into(), why: expected };
        assert_eq!(bench.events(), [failed]);
    }
}

#[test]
fn a_reset_ends_it() {
    let mut bench = Bench::proven();
    bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(10));
    let post = bench.said().remove(0);
    bench.hear(Message::new(Kind::Reset, Code::EMPTY, post.id));
    let failed = mtp::coap::machine::Event::Failed { uri: AT_AGENT.into(), why: Failure::Reset };
    assert_eq!(bench.events(), [failed]);
}

/// RFC 7252 section 5.2.2: first the acknowledgement, then the answer by itself; or the other way round.
#[test]
fn answers_by_themselves() {
    for (kind, acknowledged) in [
        (Kind::Confirmable, true),
        (Kind::Confirmable, false),
        (Kind::NonConfirmable, true),
        (Kind::NonConfirmable, false),
    ] {
        let mut bench = Bench::proven();
        bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(10));
        let post = bench.said().remove(0);
        if acknowledged {
            bench.hear(Message::new(Kind::Acknowledgement, Code::EMPTY, post.id));
            bench.pass(secs(60));
            assert_eq!(bench.said(), [], "it is waited for, and nothing is sent again");
        }
        let mut answer = Message::new(kind, Code::CHANGED, 999);
        answer.token = post.token;
        // The second is a duplicate.
        for _ in 0..2 {
            bench.hear(answer.clone());
            let expected = Message::new(Kind::Acknowledgement, Code::EMPTY, 999);
            let expected = if kind == Kind::Confirmable { vec![expected] } else { vec![] };
            assert_eq!(bench.said(), expected);
        }
        assert!(bench.machine.is_drained());
        // Whoever answers what was not asked is told so.
        answer.token = "other".into();
        answer.id = 1000;
        bench.hear(answer);
        let expected = Message::new(Kind::Reset, Code::EMPTY, 1000);
        assert_eq!(bench.said(), if kind == Kind::Confirmable { vec![expected] } else { vec![] });
    }
}

#[test]
fn an_answer_that_was_promised_and_does_not_come() {
    let mut bench = Bench::proven();
    bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(10));
    let post = bench.said().remove(0);
    bench.hear(Message::new(Kind::Acknowledgement, Code::EMPTY, post.id));
    bench.pass(secs(92));
    assert_eq!(bench.events(), []);
    bench.pass(secs(1));
    let failed = mtp::coap::machine::Event::Failed { uri: AT_AGENT.into(), why: Failure::TimedOut };
    assert_eq!(bench.events(), [failed]);
}

/// NSTART is 1 (RFC 7252 section 4.7).
#[test]
fn one_at_a_time() {
    let mut bench = Bench::proven();
    for bytes in [10, 20, 30] {
        bench.machine.send(bench.now, &AT_AGENT.into(), &AT_CONTROLLER.into(), record(bytes));
    }
    for bytes in [10, 20, 30] {
        let said = bench.said();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].payload, record(bytes));
        let mut answer = Message::new(Kind::Acknowledgement, Code::CHANGED, said[0].id);
        answer.token = said[0].token.clone();
        bench.hear(answer);
    }
    assert_eq!(bench.said(), []);
}
