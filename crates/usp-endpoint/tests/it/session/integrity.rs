//! Who vouches for a Record, and what becomes of those for whom nobody does.

use std::sync::Arc;
use std::time::Duration;

use requirement::requirement;
use usp_endpoint::link::{PeerAuth, PeerCertificate};
use usp_endpoint::session::io::{Input, Output, Policy};
use usp_endpoint::session::protected_by_mtp;
use usp_proto::session::{Crypto, mac_input};
use usp_proto::{Record, RecordType};

use super::peer::{Bench, Named, Numbers, delivered, id, number, plain, record, sent};

#[requirement("R-E2E.28")]
#[test]
fn protection_by_the_transport() {
    let certificate = |ids: &[&str], trusted, vouched| {
        let endpoint_ids = ids.iter().map(|text| id(text)).collect();
        let certificate =
            PeerCertificate { fingerprint: [1; 32], endpoint_ids, trusted, vouched, chain: Vec::new() };
        PeerAuth::Certificate(Arc::new(certificate))
    };
    let (stored, other) = (Some([1; 32]), Some([2; 32]));
    // What the transport proved, which credential is stored for "os::peer", whether it protects.
    for (peer, credential, protects) in [
        (PeerAuth::Unproven, None, false),
        (PeerAuth::Unproven, stored, false),
        (certificate(&["os::peer"], true, false), None, true),
        (certificate(&["os::peer"], false, true), None, true),
        (certificate(&["os::other", "os::peer"], true, false), None, true),
        (certificate(&["os::peer"], false, false), None, false),
        (certificate(&["os::other"], true, true), None, false),
        (certificate(&[], true, true), None, false),
        (certificate(&[], false, false), stored, true),
        (certificate(&["os::other"], true, false), stored, true),
        (certificate(&[], false, false), other, false),
    ] {
        let shown = format!("{peer:?} {credential:?}");
        assert_eq!(protected_by_mtp(&peer, &id("os::peer"), credential.as_ref()), protects, "{shown}");
    }
}

fn signed(numbers: Numbers, payload: &'static [u8]) -> Record {
    let signer = Named("os::peer");
    let mut record = record(numbers, payload);
    record.sender_cert = signer.certificate();
    record.mac_signature = signer.sign(&mac_input(&record)).expect("a signature");
    record
}

fn bench() -> Bench {
    Bench::with(Policy { sign: true, ..plain() }, Some(Arc::new(Named("self::us"))))
}

fn receive(bench: &mut Bench, record: Record, protected: bool) -> Vec<Output> {
    bench.input(Input::Record { record, protected })
}

#[requirement("R-E2E.29")]
#[test]
fn what_leaves_is_signed() {
    let mut bench = bench();
    let outputs = bench.send(1, b"one");
    let [Output::Send(bytes)] = &outputs[..] else { panic!("{outputs:?}") };
    let record = Record::decode(bytes.clone()).expect("a Record");
    assert_eq!(&record.sender_cert[..], b"self::us");
    let verdict =
        Named("").verify(&id("self::us"), &record.sender_cert, &mac_input(&record), &record.mac_signature);
    assert_eq!(verdict, Ok(()));
}

#[requirement("R-E2E.23", "R-E2E.30")]
#[test]
fn forged_records_are_ignored_and_the_session_restarts() {
    type Forgery = fn(&mut Record);
    let forgeries: [(Forgery, bool); 7] = [
        (|_| {}, true),
        (|record| record.mac_signature = Default::default(), false),
        (|record| record.sender_cert = Default::default(), false),
        (|record| record.sender_cert = "self::us".into(), false),
        (|record| context(record).expected_id = 2, false),
        (|record| context(record).retransmit_id = 1, false),
        (|record| context(record).sequence_id = 3, false),
    ];
    for (at, (forge, genuine)) in forgeries.into_iter().enumerate() {
        let mut bench = bench();
        assert_eq!(delivered(&receive(&mut bench, signed(number(1), b"hello"), false)), [b"hello"]);
        let mut record = signed(number(2), b"forged");
        forge(&mut record);
        // A signature is looked at even where the transport protects (all but the one that has none).
        let protected = !record.mac_signature.is_empty();
        let outputs = receive(&mut bench, record, protected);
        assert_eq!(!delivered(&outputs).is_empty(), genuine, "forgery {at}");
        let restarted = sent(&outputs).iter().any(|context| context.session_id != 77);
        assert_eq!(restarted, !genuine, "forgery {at}");
    }
}

/// Only its sender is told what became of a Record.
#[test]
fn late_copies_are_confirmed_to_those_who_signed_them() {
    for (forged, confirmed) in [(false, 1), (true, 0)] {
        let mut bench = bench();
        receive(&mut bench, signed(number(1), b"hello"), false);
        bench.wait();
        let mut late = signed(number(1), b"hello");
        if forged {
            late.mac_signature = Default::default();
        }
        assert_eq!(receive(&mut bench, late, false), []);
        assert_eq!(sent(&bench.after(Duration::from_secs(1))).len(), confirmed, "{forged}");
    }
}

fn context(record: &mut Record) -> &mut usp_proto::record::SessionContext {
    let RecordType::Session(context) = &mut record.record_type else { panic!("of no session") };
    context
}

#[requirement("R-E2E.24")]
#[test]
fn records_of_unknown_sessions_are_ignored_and_the_session_restarts() {
    for (session_id, sequence_id) in [(0, 1), (1, 1), (88, 2), (88, 0), (88, 1000)] {
        let mut bench = bench();
        receive(&mut bench, signed(number(1), b"hello"), false);
        let stranger = signed(Numbers { session_id, ..number(sequence_id) }, b"stranger");
        let outputs = receive(&mut bench, stranger.clone(), false);
        assert_eq!(delivered(&outputs), [b""; 0]);
        let context = &sent(&outputs)[0];
        assert!(![session_id, 77, 0, 1].contains(&context.session_id));
        assert_eq!(context.sequence_id, 1);
        // More of them do not start more sessions.
        assert_eq!(receive(&mut bench, stranger, false), []);
    }
}

#[requirement("R-E2E.1")]
#[test]
fn records_for_others_are_ignored() {
    let mut bench = Bench::new(plain());
    let mut stray = record(number(1), b"hello");
    stray.to_id = id("self::other");
    assert_eq!(bench.receive(stray), []);
    let mut stray = record(number(1), b"hello");
    stray.from_id = id("os::other");
    assert_eq!(bench.receive(stray), []);
}
