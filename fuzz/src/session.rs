//! Any bytes as the Records of a session, and as a Record to sign.

use bytes::Bytes;
use usp_proto::record::{PayloadSarState, SessionContext};
use usp_proto::session::{Reassembler, mac_input, segment};
use usp_proto::{Record, RecordType};

/// The longest Message of the target.
const LIMIT: usize = 64;

/// Reads the bytes as segments, one after the other: a byte of states and length, then the payload. A
/// Message that comes out is no longer than the limit and holds what went in.
pub fn sar(data: &[u8]) {
    let mut reassembler = Reassembler::new(LIMIT);
    let mut open = Vec::new();
    let mut rest = data;
    while let [head, after @ ..] = rest {
        let len = usize::from(head >> 4).min(after.len());
        let (payload, after) = after.split_at(len);
        rest = after;
        let state = |bits: u8| PayloadSarState::try_from(i32::from(bits & 3)).expect("four states");
        let context = SessionContext {
            session_id: 2,
            sequence_id: 1,
            expected_id: 1,
            retransmit_id: 0,
            payload_sar_state: state(*head),
            payloadrec_sar_state: state(head >> 2),
            payload: vec![Bytes::copy_from_slice(payload)],
        };
        open.extend_from_slice(payload);
        match reassembler.push(&context) {
            Ok(None) => {}
            Ok(Some(message)) => {
                assert!(message.len() <= LIMIT);
                assert_eq!(message, open);
                open.clear();
            }
            Err(_) => open.clear(),
        }
        assert_eq!(reassembler.is_open(), !open.is_empty());
    }
    cut(data);
}

/// What is cut to a size that the first byte gives is joined again.
fn cut(data: &[u8]) {
    let [room, message @ ..] = data else { return };
    if message.is_empty() {
        return;
    }
    let mut joined = Vec::new();
    for segment in segment(vec![Bytes::copy_from_slice(message)], Some(usize::from(*room))) {
        segment.payload.iter().for_each(|part| joined.extend_from_slice(part));
    }
    assert_eq!(joined, message);
}

/// What is signed does not depend on the payload or the signature, and changes with every number.
pub fn mac(data: &[u8]) {
    let Ok(mut record) = Record::decode(Bytes::copy_from_slice(data)) else { return };
    let input = mac_input(&record);
    record.mac_signature = Bytes::from_static(b"another");
    if let RecordType::Session(context) = &mut record.record_type {
        context.payload.clear();
        assert_eq!(mac_input(&record), input);
        if let RecordType::Session(context) = &mut record.record_type {
            context.sequence_id = !context.sequence_id;
        }
        assert_ne!(mac_input(&record), input);
    } else {
        assert_eq!(mac_input(&record), input);
    }
}
