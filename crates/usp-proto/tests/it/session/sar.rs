//! Segmentation as the cases of the standard have it, and every pair of states in every place.

use bytes::Bytes;
use proptest::prelude::{any, proptest};
use usp_proto::record::{PayloadSarState, SessionContext};
use usp_proto::session::{Reassembler, SarFault, Segment, segment};

use PayloadSarState::{Begin, Complete, Inprocess, None as Whole};

fn bytes(len: usize) -> Bytes {
    (0..len).map(|at| at as u8).collect()
}

fn states(lens: &[usize], room: Option<usize>) -> Vec<(PayloadSarState, PayloadSarState, Vec<usize>)> {
    let segments = segment(lens.iter().map(|len| bytes(*len)).collect(), room);
    let lens = |segment: &Segment| segment.payload.iter().map(Bytes::len).collect();
    segments.iter().map(|one| (one.payload_sar_state, one.payloadrec_sar_state, lens(one))).collect()
}

/// The numbers are those of the cases in the standard's section "Segmentation Examples". A key and a length
/// take two bytes each here.
#[test]
fn cases_of_the_standard() {
    // 1 and 3: plain, or one TLS record, in one Record.
    assert_eq!(states(&[100], None), [(Whole, Whole, vec![100])]);
    assert_eq!(states(&[100], Some(102)), [(Whole, Whole, vec![100])]);
    // 2 and 5: plain, or one TLS record, in several.
    let split =
        vec![(Begin, Begin, vec![48]), (Inprocess, Inprocess, vec![48]), (Complete, Complete, vec![4])];
    assert_eq!(states(&[100], Some(50)), split);
    // 4: all TLS records in one Record.
    assert_eq!(states(&[30, 30, 20], Some(86)), [(Whole, Whole, vec![30, 30, 20])]);
    // 6: one TLS record per Record.
    let each = [(Begin, Whole, vec![30]), (Inprocess, Whole, vec![30]), (Complete, Whole, vec![20])];
    assert_eq!(states(&[30, 30, 20], Some(85)), each);
    // 7: some of them in several.
    let mixed = [
        (Begin, Whole, vec![30]),
        (Inprocess, Begin, vec![48]),
        (Inprocess, Complete, vec![12]),
        (Complete, Whole, vec![20]),
    ];
    assert_eq!(states(&[30, 60, 20], Some(50)), mixed);
    assert_eq!(states(&[30, 60], Some(50))[2], (Complete, Complete, vec![12]));
}

fn context((payload, payloadrec): (PayloadSarState, PayloadSarState), parts: Vec<Bytes>) -> SessionContext {
    SessionContext {
        session_id: 2,
        sequence_id: 1,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: payload,
        payloadrec_sar_state: payloadrec,
        payload: parts,
    }
}

fn push(
    reassembler: &mut Reassembler,
    states: (PayloadSarState, PayloadSarState),
) -> Result<Option<Bytes>, SarFault> {
    reassembler.push(&context(states, vec![Bytes::from_static(b"x")]))
}

#[test]
fn every_pair_of_states_in_every_place() {
    type Row = (&'static [(PayloadSarState, PayloadSarState)], &'static [(PayloadSarState, PayloadSarState)]);
    // What came before, and all that may follow.
    const TABLE: &[Row] = &[
        (&[], &[(Whole, Whole), (Begin, Whole), (Begin, Begin)]),
        (&[(Begin, Whole)], &[(Inprocess, Whole), (Inprocess, Begin), (Complete, Whole)]),
        (&[(Begin, Begin)], &[(Inprocess, Inprocess), (Inprocess, Complete), (Complete, Complete)]),
        (
            &[(Begin, Whole), (Inprocess, Begin)],
            &[(Inprocess, Inprocess), (Inprocess, Complete), (Complete, Complete)],
        ),
        (
            &[(Begin, Begin), (Inprocess, Complete)],
            &[(Inprocess, Whole), (Inprocess, Begin), (Complete, Whole)],
        ),
        (&[(Begin, Begin), (Complete, Complete)], &[(Whole, Whole), (Begin, Whole), (Begin, Begin)]),
    ];
    let all = [Whole, Begin, Inprocess, Complete];
    for (before, legal) in TABLE {
        for payload in all {
            for payloadrec in all {
                let mut reassembler = Reassembler::new(100);
                before.iter().for_each(|states| drop(push(&mut reassembler, *states).expect("legal")));
                let after = push(&mut reassembler, (payload, payloadrec));
                let shown = format!("{before:?} then {payload:?} {payloadrec:?}");
                if legal.contains(&(payload, payloadrec)) {
                    let complete = matches!(payload, Whole | Complete);
                    assert_eq!(after.expect(&shown).is_some(), complete, "{shown}");
                } else {
                    assert_eq!(after, Err(SarFault::States { payload, payloadrec }), "{shown}");
                    assert!(!reassembler.is_open(), "{shown}");
                }
            }
        }
    }
}

#[test]
fn empty_records_pass_and_empty_segments_do_not() {
    let mut reassembler = Reassembler::new(100);
    assert_eq!(push(&mut reassembler, (Begin, Begin)), Ok(None));
    assert_eq!(reassembler.push(&context((Whole, Whole), Vec::new())), Ok(None));
    assert_eq!(reassembler.push(&context((Whole, Whole), vec![Bytes::new()])), Ok(None));
    assert_eq!(push(&mut reassembler, (Complete, Complete)), Ok(Some(Bytes::from_static(b"xx"))));
    assert_eq!(reassembler.push(&context((Begin, Begin), Vec::new())), Err(SarFault::Empty));
    assert_eq!(reassembler.push(&context((Complete, Complete), vec![Bytes::new()])), Err(SarFault::Empty));
}

#[test]
fn endless_messages_end_at_the_limit() {
    let mut reassembler = Reassembler::new(3);
    assert_eq!(push(&mut reassembler, (Begin, Begin)), Ok(None));
    assert_eq!(push(&mut reassembler, (Inprocess, Inprocess)), Ok(None));
    assert_eq!(push(&mut reassembler, (Inprocess, Inprocess)), Ok(None));
    assert_eq!(push(&mut reassembler, (Inprocess, Inprocess)), Err(SarFault::TooLong(3)));
    // It is as good as new.
    assert_eq!(push(&mut reassembler, (Whole, Whole)), Ok(Some(Bytes::from_static(b"x"))));
}

proptest! {
    #[test]
    fn what_is_cut_is_joined(lens in proptest::collection::vec(1usize..400, 1..6), room in any::<u8>()) {
        let records: Vec<Bytes> = lens.iter().map(|len| bytes(*len)).collect();
        let whole: Vec<u8> = records.concat();
        let mut reassembler = Reassembler::new(whole.len());
        let mut joined = None;
        for segment in segment(records, Some(usize::from(room))) {
            let cost: usize = segment.payload.iter().map(|part| part.len() + if part.len() < 128 { 2 } else { 3 }).sum();
            assert!(cost <= usize::from(room).max(16));
            assert_eq!(joined, None);
            let states = (segment.payload_sar_state, segment.payloadrec_sar_state);
            joined = reassembler.push(&context(states, segment.payload)).expect("legal states");
        }
        assert_eq!(joined, Some(Bytes::from(whole)));
    }
}
