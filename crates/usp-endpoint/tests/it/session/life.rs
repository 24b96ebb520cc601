//! How sessions begin, expire, fail and end.

use std::time::Duration;

use requirement::requirement;
use usp_endpoint::limits::{
    MAX_EARLY_RECORDS, MAX_SESSION_QUEUE, MAX_UNCONFIRMED_BYTES, MAX_UNCONFIRMED_RECORDS,
};
use usp_endpoint::retry::Schedule;
use usp_endpoint::session::io::{Failure, Input, Mode, Output, Policy, Status, Ticket};

use super::peer::{Bench, Numbers, delivered, number, plain, record, sent};

/// The numbers of the Records that start a session, among these.
fn started(outputs: &[Output]) -> Vec<u64> {
    let first = sent(outputs).into_iter().filter(|context| context.sequence_id == 1);
    first.map(|context| context.session_id).collect()
}

#[requirement("R-E2E.6a")]
#[test]
fn a_forbidden_session_is_answered() {
    let mut bench = Bench::new(Policy { mode: Mode::Forbid, ..plain() });
    let outputs = bench.receive(record(number(1), b"hello"));
    assert!(matches!(&outputs[..], [Output::Disconnect { code: 7106, reason }] if !reason.is_empty()));
    assert_eq!(bench.send(1, b"one"), [Output::Failed(Ticket(1), Failure::NotSent)]);
}

#[requirement("R-E2E.6b")]
#[test]
fn a_session_is_ended_by_us() {
    let mut bench = Bench::new(plain());
    assert_eq!(bench.input(Input::End), []);
    bench.receive(record(number(1), b"hello"));
    let outputs = bench.input(Input::End);
    assert!(matches!(&outputs[..], [Output::Disconnect { code: 7105, reason }] if !reason.is_empty()));
    assert_eq!((bench.session.status(), bench.session.poll_timeout()), (Status::Down, None));
}

#[test]
fn a_disconnect_of_the_peer_purges_everything() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    bench.send(1, b"one");
    assert_eq!(bench.input(Input::Purge), [Output::Failed(Ticket(1), Failure::InDoubt)]);
    assert_eq!((bench.session.status(), bench.session.poll_timeout()), (Status::Down, None));
}

#[requirement("R-E2E.7")]
#[test]
fn a_silent_session_expires() {
    let policy = Policy { expiration: Some(Duration::from_secs(30)), ..plain() };
    // Our next message starts another one; so does the peer's next Record, which still is of the old one.
    for by_us in [true, false] {
        let mut bench = Bench::new(policy.clone());
        bench.receive(record(number(1), b"hello"));
        bench.wait();
        assert_eq!(bench.session.status(), Status::Up);
        assert_eq!(bench.after(Duration::from_secs(29)), []);
        assert_eq!(bench.session.status(), Status::Up);
        assert_eq!(bench.after(Duration::from_secs(1)), []);
        assert_eq!(bench.session.status(), Status::Down);
        let outputs = if by_us { bench.send(1, b"one") } else { bench.receive(record(number(2), b"late")) };
        assert_eq!(delivered(&outputs), [b""; 0]);
        assert_eq!(started(&outputs).len(), 1);
        assert_ne!(started(&outputs), [77]);
    }
}

/// Nobody who starts a session has heard anything in it: it is one of an earlier life of this side.
#[test]
fn what_expects_more_than_the_first_record_starts_no_session() {
    for (expected_id, starts) in [(0, true), (1, true), (2, false), (u64::MAX, false)] {
        let mut bench = Bench::new(plain());
        let outputs = bench.receive(record(Numbers { expected_id, ..number(1) }, b"hello"));
        assert_eq!(delivered(&outputs).len(), usize::from(starts), "{expected_id}");
        assert_eq!(started(&outputs).len(), usize::from(!starts), "{expected_id}");
    }
}

#[requirement("R-E2E.8")]
#[test]
fn the_peers_numbers_run_out() {
    for (sequence_id, restarts) in [(u64::MAX - 10_001, false), (u64::MAX - 10_000, true), (u64::MAX, true)] {
        let mut bench = Bench::new(plain());
        bench.receive(record(number(1), b"hello"));
        assert_eq!(!started(&bench.receive(record(number(sequence_id), b"x"))).is_empty(), restarts);
    }
}

#[requirement("R-E2E.9")]
#[test]
fn our_numbers_run_out() {
    // The last one of a session is 5: it still goes out, and the next message begins another session.
    let mut bench = Bench::new(Policy { max_sequence_id: 10_005, ..plain() });
    bench.receive(record(number(1), b"hello"));
    for ticket in 1..=5 {
        let context = &sent(&bench.send(ticket, b"m"))[0];
        assert_eq!((context.session_id, context.sequence_id), (77, ticket));
    }
    let outputs = bench.send(6, b"m");
    let context = &sent(&outputs)[0];
    assert!(context.session_id != 77 && context.sequence_id == 1 && !context.payload.concat().is_empty());
}

/// The waits between the sessions that nobody answers, in seconds, without the time that each is given.
fn waits(bench: &mut Bench, count: usize) -> Vec<f64> {
    let mut waits = Vec::new();
    while waits.len() < count {
        let (wait, outputs) = bench.wait();
        if !started(&outputs).is_empty()
            && sent(&outputs)[0].payload.concat().is_empty()
            && wait.as_secs() > 0
        {
            waits.push(wait.as_secs_f64());
        }
    }
    waits
}

/// Lets the sessions of a bench fail, by an answer that can't be.
fn fail(bench: &mut Bench, outputs: &[Output]) -> Vec<Output> {
    let session_id = started(outputs)[0];
    bench.receive(record(Numbers { session_id, sequence_id: 1, expected_id: 9, retransmit_id: 0 }, b""))
}

#[requirement("R-E2E.10", "R-E2E.11")]
#[test]
fn sessions_are_retried_on_the_schedule() {
    for (schedule, windows) in [
        (
            Schedule::default(),
            [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 2560, 2560]
                .map(|low| (f64::from(low), f64::from(2 * low))),
        ),
        (
            Schedule { minimum_wait_s: 2, multiplier: 1000 },
            [2; 12].map(|low| (f64::from(low), f64::from(low))),
        ),
    ] {
        let mut bench = Bench::new(Policy { retry: schedule, ..plain() });
        let mut outputs = bench.send(1, b"one");
        // The first failure is met at once.
        outputs = fail(&mut bench, &outputs);
        for (n, (low, high)) in windows.into_iter().enumerate() {
            assert_eq!(bench.session.retry_count(), n as u32 + 1);
            assert_eq!(fail(&mut bench, &outputs), []);
            assert_eq!(bench.session.status(), Status::Negotiating);
            let wait;
            (wait, outputs) = bench.wait();
            assert!((low..=high).contains(&wait.as_secs_f64()), "retry {}: {wait:?}", n + 1);
        }
    }
}

#[requirement("R-E2E.12")]
#[test]
fn a_good_record_resets_the_retry_count() {
    let mut bench = Bench::new(plain());
    assert_eq!(bench.session.retry_count(), 0);
    let outputs = bench.send(1, b"one");
    let outputs = fail(&mut bench, &outputs);
    assert_eq!(bench.session.retry_count(), 1);
    let session_id = started(&outputs)[0];
    bench.receive(record(Numbers { session_id, ..number(1) }, b""));
    assert_eq!(bench.session.retry_count(), 0);
}

#[requirement("R-E2E.11")]
#[test]
fn retries_end_with_the_expiration() {
    let mut bench = Bench::new(Policy { expiration: Some(Duration::from_secs(60)), ..plain() });
    let outputs = bench.send(1, b"one");
    let mut outputs = fail(&mut bench, &outputs);
    bench.send(2, b"goes with the next");
    let mut waited = Duration::ZERO;
    while bench.session.status() != Status::Down {
        fail(&mut bench, &outputs);
        if bench.session.poll_timeout().is_none() {
            break;
        }
        let wait;
        (wait, outputs) = bench.wait();
        waited += wait;
    }
    assert!((60..=150).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn what_nobody_answers_is_given_up() {
    let mut bench = Bench::new(plain());
    bench.send(1, b"one");
    let mut copies = 0;
    let outputs = loop {
        let (_, outputs) = bench.wait();
        if outputs.iter().any(|output| matches!(output, Output::Failed(..))) {
            break outputs;
        }
        copies += outputs.len();
    };
    assert_eq!(copies, 5);
    assert_eq!(outputs[0], Output::Failed(Ticket(1), Failure::InDoubt));
    assert_eq!(waits(&mut bench, 1).len(), 1);
}

#[test]
fn a_peer_that_confirms_nothing_keeps_its_session() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    bench.send(1, b"one");
    while bench.session.poll_timeout().is_some() {
        assert!(started(&bench.wait().1).iter().all(|session| *session == 77));
    }
    let answer = &sent(&bench.send(2, b"two"))[0];
    assert_eq!((answer.session_id, answer.sequence_id), (77, 2));
}

#[test]
fn reset_goes_on_in_a_new_session() {
    let mut bench = Bench::new(plain());
    assert_eq!(bench.input(Input::Reset), []);
    bench.receive(record(number(1), b"hello"));
    let outputs = bench.input(Input::Reset);
    assert!(started(&outputs)[0] != 77 && outputs.len() == 1);
}

#[test]
fn of_two_sessions_at_once_the_larger_id_stays() {
    let mut bench = Bench::new(plain());
    let own = started(&bench.send(1, b"one"))[0];
    let first = |session_id| record(Numbers { session_id, ..number(1) }, b"theirs");
    assert_eq!(bench.receive(first(own - 1)), []);
    assert_eq!(delivered(&bench.receive(first(own + 1))), [b"theirs"]);
}

#[test]
fn the_queue_is_bounded() {
    // Nothing is sent while a failed session waits for its next try.
    let mut bench = Bench::new(plain());
    let outputs = bench.send(0, b"one");
    let outputs = fail(&mut bench, &outputs);
    fail(&mut bench, &outputs);
    for ticket in 1..=MAX_SESSION_QUEUE as u64 {
        assert_eq!(bench.send(ticket, b"m"), []);
    }
    assert_eq!(bench.send(999, b"m"), [Output::Failed(Ticket(999), Failure::NotSent)]);
    let (_, outputs) = bench.wait();
    assert_eq!(sent(&outputs).len(), MAX_SESSION_QUEUE);
}

/// What waits goes with the next session: a silent peer keeps nothing waiting for ever.
#[test]
fn what_waits_for_room_goes_with_the_next_session() {
    const THIRD: &[u8] = &[0; MAX_UNCONFIRMED_BYTES / 3 + 1];
    for expiration in [None, Some(Duration::from_secs(3))] {
        let mut bench = Bench::new(Policy { expiration, ..plain() });
        bench.receive(record(number(1), b"hello"));
        assert_eq!(sent(&bench.send(1, THIRD)).len(), 1);
        assert_eq!(sent(&bench.send(2, THIRD)).len(), 1);
        assert_eq!(bench.send(3, THIRD), []);
        let mut outputs = Vec::new();
        while started(&outputs).iter().all(|session| *session == 77) {
            outputs = bench.wait().1;
        }
        assert!(outputs.contains(&Output::Failed(Ticket(1), Failure::InDoubt)), "{expiration:?}");
        let next = sent(&outputs);
        let next = next.iter().find(|context| context.session_id != 77).expect("it is started");
        assert_eq!(next.payload[0].len(), THIRD.len());
    }
}

/// A peer that asks again and again, and confirms nothing, is not kept a Record for each of its questions.
#[test]
fn unconfirmed_records_are_bounded() {
    let mut bench = Bench::new(plain());
    let ended = (1..).find(|sequence_id| {
        bench.receive(record(number(*sequence_id), b"?"));
        let outputs = bench.after(Duration::from_secs(1));
        started(&outputs).iter().any(|session| *session != 77)
    });
    assert_eq!(ended, Some(MAX_UNCONFIRMED_RECORDS as u64 + 1));
}

/// `SessionMode` Require: there is a session before there is a Message.
#[test]
fn a_session_can_be_opened_without_a_message() {
    let mut bench = Bench::new(plain());
    let outputs = bench.input(Input::Open);
    let first = &sent(&outputs)[0];
    assert_eq!((first.sequence_id, first.expected_id, first.payload.concat().len()), (1, 1, 0));
    assert_eq!(bench.input(Input::Open), []);
    // One that stands is shown to a peer that may have forgotten it.
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    let shown = &sent(&bench.input(Input::Open))[0];
    assert_eq!(
        (shown.session_id, shown.sequence_id, shown.expected_id, shown.payload.concat().len()),
        (77, 1, 2, 0)
    );
}

#[requirement("R-E2E.21")]
#[test]
fn early_records_are_bounded() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b""));
    let restarted =
        (3..).find(|sequence_id| !started(&bench.receive(record(number(*sequence_id), b""))).is_empty());
    assert_eq!(restarted, Some(3 + MAX_EARLY_RECORDS as u64));
    // And in bytes: sixteen of a megabyte.
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b""));
    let large: &'static [u8] = Box::leak(vec![0; 1024 * 1024].into_boxed_slice());
    let restarted =
        (3..).find(|sequence_id| !started(&bench.receive(record(number(*sequence_id), large))).is_empty());
    assert_eq!(restarted, Some(3 + 15));
}
