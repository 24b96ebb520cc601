//! Numbers, order, repetition, segments.

use std::time::Duration;

use bytes::Bytes;
use requirement::requirement;
use usp_endpoint::session::io::{Failure, Output, Policy, Ticket};
use usp_proto::record::{PayloadSarState, PayloadSecurity};
use usp_proto::{Record, RecordType};

use super::peer::{Bench, Numbers, delivered, number, plain, record, sent};

#[requirement("R-E2E.3", "R-E2E.14", "R-E2E.15", "R-E2E.18")]
#[test]
fn numbers_of_what_is_sent() {
    let mut bench = Bench::new(plain());
    let mut outputs = bench.send(1, b"one");
    outputs.extend(bench.send(2, b"two"));
    outputs.extend(bench.send(3, b"three"));
    let sent = sent(&outputs);
    assert!(sent[0].session_id > 1);
    assert!(sent.iter().all(|context| context.session_id == sent[0].session_id));
    assert_eq!(sent.iter().map(|context| context.sequence_id).collect::<Vec<_>>(), [1, 2, 3]);
    for output in outputs {
        let Output::Send(bytes) = output else { panic!("{output:?}") };
        assert_eq!(Record::decode(bytes).expect("a Record").payload_security, PayloadSecurity::Plaintext);
    }
}

#[requirement("R-E2E.4", "R-E2E.17", "R-E2E.20")]
#[test]
fn the_peers_session_is_taken_up() {
    let mut bench = Bench::new(plain());
    assert_eq!(delivered(&bench.receive(record(number(1), b"hello"))), [b"hello"]);
    assert_eq!(delivered(&bench.receive(record(number(2), b"again"))), [b"again"]);
    let answer = &sent(&bench.send(1, b"answer"))[0];
    assert_eq!((answer.session_id, answer.sequence_id, answer.expected_id), (77, 1, 3));
}

#[requirement("R-E2E.5", "R-E2E.6", "R-E2E.22")]
#[test]
fn another_session_of_the_peer_replaces_the_first() {
    let mut bench = Bench::new(plain());
    assert_eq!(delivered(&bench.receive(record(number(1), b"processed"))), [b"processed"]);
    bench.send(1, b"lost with the session");
    let outputs = bench.receive(record(Numbers { session_id: 88, ..number(1) }, b"new"));
    assert_eq!(outputs[0], Output::Failed(Ticket(1), Failure::InDoubt));
    assert_eq!(delivered(&outputs), [b"new"]);
    let answer = &sent(&bench.send(2, b"answer"))[0];
    assert_eq!((answer.session_id, answer.sequence_id, answer.expected_id), (88, 1, 2));
    // What is late of the first one revives nothing.
    assert_eq!(bench.receive(record(number(1), b"processed")), []);
}

#[requirement("R-E2E.20", "R-E2E.25")]
#[test]
fn early_ones_wait_and_late_ones_are_ignored() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"a"));
    for (sequence_id, payload, arrived) in [
        (3, &b"c"[..], &[][..]),
        (1, b"A", &[]),
        (3, b"C", &[]),
        (2, b"b", &[&b"b"[..], b"c"]),
        (2, b"B", &[]),
        (4, b"d", &[b"d"]),
    ] {
        assert_eq!(delivered(&bench.receive(record(number(sequence_id), payload))), arrived);
    }
}

#[requirement("R-E2E.16", "R-E2E.20")]
#[test]
fn a_record_is_sent_again_when_it_is_asked_for() {
    let mut bench = Bench::new(Policy { max_retransmit_tries: Some(2), ..plain() });
    bench.receive(record(number(1), b"hello"));
    let first = bench.send(1, b"one");
    let second = bench.send(2, b"two");
    let ask = |sequence_id, retransmit_id| record(Numbers { retransmit_id, ..number(sequence_id) }, b"");
    assert_eq!(bench.receive(ask(2, 1)), first);
    assert_eq!(bench.receive(ask(3, 2)), second);
    // A request waits for its turn like everything else.
    assert_eq!(bench.receive(ask(5, 1)), []);
    assert_eq!(bench.receive(record(number(4), b"")), first);
}

#[requirement("R-E2E.16", "R-E2E.21")]
#[test]
fn what_cannot_be_sent_again_ends_the_session() {
    // How often it is asked for, of which number, what was confirmed before, and what is allowed.
    for (requests, retransmit_id, confirmed, tries) in
        [(1, 1, 1, Some(0)), (3, 1, 1, Some(2)), (1, 9, 1, None), (1, 1, 2, None)]
    {
        let mut bench = Bench::new(Policy { max_retransmit_tries: tries, ..plain() });
        bench.receive(record(number(1), b"hello"));
        bench.send(1, b"one");
        bench.send(2, b"two");
        for request in 1..=requests {
            let numbers = Numbers { retransmit_id, expected_id: confirmed, ..number(1 + request) };
            let outputs = sent(&bench.receive(record(numbers, b"")));
            let restarted = outputs[0].session_id != 77 && outputs[0].sequence_id == 1;
            assert_eq!(restarted, request == requests, "{requests} {retransmit_id} {tries:?}");
        }
    }
}

#[requirement("R-E2E.16")]
#[test]
fn a_confirmation_is_told_once() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    bench.send(1, b"one");
    bench.send(2, b"two");
    let confirming = |sequence_id, expected_id| record(Numbers { expected_id, ..number(sequence_id) }, b"");
    assert_eq!(bench.receive(confirming(2, 2)), [Output::Confirmed(Ticket(1))]);
    assert_eq!(bench.receive(confirming(3, 2)), []);
    // An early Record confirms, too.
    assert_eq!(bench.receive(confirming(5, 3)), [Output::Confirmed(Ticket(2))]);
    // Of what was never sent it is a lie.
    let outputs = bench.receive(confirming(4, 4));
    assert_ne!(sent(&outputs)[0].session_id, 77);
}

#[test]
fn payloads_are_confirmed_and_confirmations_are_not() {
    let mut bench = Bench::new(plain());
    assert_eq!(sent(&bench.receive(record(number(1), b"hello"))), []);
    let (wait, outputs) = bench.wait();
    assert_eq!(wait, Duration::from_millis(200));
    let confirmation = &sent(&outputs)[0];
    assert_eq!((confirmation.sequence_id, confirmation.expected_id), (1, 2));
    assert!(confirmation.payload.concat().is_empty());
    assert_eq!(bench.receive(record(Numbers { expected_id: 2, ..number(2) }, b"")), []);
    assert_eq!(bench.session.poll_timeout(), None);
    // The copy of a payload says that the confirmation was lost.
    bench.receive(record(number(1), b"hello"));
    assert_eq!(sent(&bench.wait().1)[0].expected_id, 3);
}

#[test]
fn a_missing_record_is_asked_for() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b""));
    bench.wait();
    bench.receive(record(number(3), b"c"));
    let mut asked = Vec::new();
    let mut waits = Vec::new();
    // Its own requests are sent again too; of those it is the number that counts.
    while waits.len() < 3 {
        let (_, outputs) = bench.wait();
        for context in sent(&outputs) {
            if context.retransmit_id != 0 && !asked.contains(&context.sequence_id) {
                asked.push(context.sequence_id);
                waits.push((bench.now.0, context.retransmit_id));
            }
        }
    }
    assert_eq!(waits.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(waits[1].0 - waits[0].0, 2_000_000);
    assert_eq!(waits[2].0 - waits[1].0, 4_000_000);
}

#[requirement("R-E2E.21")]
#[test]
fn a_missing_record_that_never_comes_ends_the_session() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b""));
    bench.receive(record(number(3), b"c"));
    let restarted = (0..100).find_map(|_| {
        let (_, outputs) = bench.wait();
        sent(&outputs).into_iter().find(|context| context.session_id != 77)
    });
    assert_eq!(restarted.expect("a new session").sequence_id, 1);
}

#[requirement("R-E2E.21")]
#[test]
fn lying_segments_end_the_session() {
    for (payload_sar, payloadrec_sar) in [
        (PayloadSarState::Complete, PayloadSarState::Complete),
        (PayloadSarState::Inprocess, PayloadSarState::None),
        (PayloadSarState::None, PayloadSarState::Begin),
    ] {
        let mut bench = Bench::new(plain());
        bench.receive(record(number(1), b"hello"));
        let mut lying = record(number(2), b"x");
        if let RecordType::Session(context) = &mut lying.record_type {
            context.payload_sar_state = payload_sar;
            context.payloadrec_sar_state = payloadrec_sar;
        }
        let outputs = bench.receive(lying);
        assert_eq!(delivered(&outputs), [b""; 0]);
        assert_ne!(sent(&outputs)[0].session_id, 77);
    }
}

/// A Message of more than the 8 MiB that any Record may have ends the session, however small its parts are.
#[test]
fn endless_segments_end_the_session() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    let part: &'static [u8] = Box::leak(vec![0; 512 * 1024].into_boxed_slice());
    let mut next = |sequence_id| {
        let mut segment = record(number(sequence_id), part);
        if let RecordType::Session(context) = &mut segment.record_type {
            let first = sequence_id == 2;
            context.payload_sar_state =
                if first { PayloadSarState::Begin } else { PayloadSarState::Inprocess };
        }
        let outputs = bench.receive(segment);
        assert_eq!(delivered(&outputs), [b""; 0]);
        sent(&outputs).iter().any(|context| context.session_id != 77)
    };
    assert_eq!((2..100).find(|sequence_id| next(*sequence_id)), Some(2 + 16));
}

#[requirement("R-E2E.19")]
#[test]
fn payload_security_stays_as_it_was() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    let mut other = record(number(2), b"other");
    other.payload_security = PayloadSecurity::Tls12;
    let outputs = bench.receive(other);
    assert_eq!(delivered(&outputs), [b""; 0]);
    assert_ne!(sent(&outputs)[0].session_id, 77);
}

#[test]
fn a_session_of_the_wrong_kind_is_not_taken_up() {
    // TLS is wanted, or nothing for it is there.
    for (tls, security) in [(true, PayloadSecurity::Plaintext), (false, PayloadSecurity::Tls12)] {
        let mut bench = Bench::new(Policy { tls, ..plain() });
        let mut first = record(number(1), b"hello");
        first.payload_security = security;
        let outputs = bench.receive(first);
        assert_eq!(delivered(&outputs), [b""; 0]);
        assert!(sent(&outputs).iter().all(|context| context.session_id != 77));
        assert_eq!(outputs.len(), usize::from(!tls), "a session of our kind, if we can");
    }
}

#[requirement("R-E2E.4", "R-E2E.18")]
#[test]
fn a_peer_of_plain_sessions_has_them_where_they_are_tolerated() {
    // No key is there, so that a session of ours under TLS could not begin.
    let mut bench = Bench::new(Policy { tls: true, plain: true, ..plain() });
    let first = record(number(1), b"hello");
    assert_eq!(delivered(&bench.receive(first)), [b"hello"]);
    let answered = sent(&bench.send(1, b"answer"));
    assert_eq!((answered[0].session_id, answered[0].payload.concat()), (77, b"answer".to_vec()));
    // R-E2E.24: what replaces it is of the same kind.
    let lost = record(Numbers { session_id: 78, ..number(5) }, b"of a session that nobody knows");
    let outputs = bench.receive(lost);
    let Some(Output::Send(ours)) = outputs.iter().find(|output| matches!(output, Output::Send(_))) else {
        panic!("no session of ours: {outputs:?}")
    };
    let ours = Record::decode(ours.clone()).expect("a Record");
    assert_eq!(ours.payload_security, PayloadSecurity::Plaintext);
}

#[test]
fn a_peer_of_tolerated_sessions_gets_no_copies() {
    for (plain_peer, copies) in [(true, 0), (false, 5)] {
        let mut bench = Bench::new(Policy { plain: plain_peer, ..plain() });
        bench.receive(record(number(1), b"hello"));
        assert_eq!(sent(&bench.send(1, b"not to be done twice")).len(), 1);
        let later = (0..60).map(|_| bench.after(Duration::from_secs(2)));
        assert_eq!(later.map(|outputs| sent(&outputs).len()).sum::<usize>(), copies);
    }
}

#[requirement("R-E2E.17")]
#[test]
fn a_record_without_payload_has_one_empty_entry() {
    let mut bench = Bench::new(plain());
    bench.receive(record(number(1), b"hello"));
    let confirms = sent(&bench.after(Duration::from_secs(1)));
    assert_eq!((confirms[0].expected_id, &confirms[0].payload[..]), (2, &[Bytes::new()][..]));
    // One that comes is as one without any: it only confirms, and is not confirmed.
    let RecordType::Session(mut context) = record(number(2), b"").record_type else { panic!() };
    (context.expected_id, context.payload) = (2, vec![Bytes::new()]);
    let mut empty = record(number(2), b"");
    empty.record_type = RecordType::Session(context);
    assert_eq!(bench.receive(empty), []);
    assert_eq!(bench.after(Duration::from_secs(60)), []);
}

#[test]
fn records_keep_their_size() {
    let mut bench = Bench::new(Policy { max_record_bytes: 512, ..plain() });
    let message: &'static [u8] = Box::leak(vec![b'm'; 5000].into_boxed_slice());
    let outputs = bench.send(1, message);
    assert!(outputs.len() > 10);
    for output in &outputs {
        let Output::Send(record) = output else { panic!("{output:?}") };
        assert!((1..=512).contains(&record.len()), "{}", record.len());
    }
    let sent = sent(&outputs);
    assert_eq!(sent.iter().flat_map(|context| context.payload.concat()).count(), 5000);
    // All but the last are full.
    let Output::Send(first) = &outputs[0] else { panic!() };
    assert!(first.len() > 480, "{}", first.len());
}
