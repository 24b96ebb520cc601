//! The bytes of a Record that its signature or MAC covers: everything but the payload and the signature.

use crate::record::SessionContext;
use crate::{Record, RecordType};

/// The covered fields of a Record by ascending number, then those of its session (R-E2E.32, R-E2E.34).
///
/// Numbers are big-endian, enumerations four bytes, texts and bytes as they are, with nothing between
/// (R-E2E.32.1). Fields with their default values are fields all the same: a zero gives its zero bytes, an
/// empty text gives none. Of Connect and Disconnect records only the Record's own fields are covered; the
/// standard names no others.
///
/// Because nothing stands between the ids, moving a character from `to_id` to `from_id` leaves the bytes as
/// they are: whoever verifies compares `from_id` with the certificate besides.
pub fn mac_input(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + record.sender_cert.len());
    out.extend_from_slice(record.version.to_string().as_bytes());
    out.extend_from_slice(record.to_id.as_str().as_bytes());
    out.extend_from_slice(record.from_id.as_str().as_bytes());
    out.extend_from_slice(&i32::from(record.payload_security).to_be_bytes());
    out.extend_from_slice(&record.sender_cert);
    out.extend_from_slice(record.originator_id.as_bytes());
    out.extend_from_slice(record.destination_id.as_bytes());
    if let RecordType::Session(context) = &record.record_type {
        session(context, &mut out);
    }
    out
}

fn session(context: &SessionContext, out: &mut Vec<u8>) {
    for number in [context.session_id, context.sequence_id, context.expected_id, context.retransmit_id] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    for state in [context.payload_sar_state, context.payloadrec_sar_state] {
        out.extend_from_slice(&i32::from(state).to_be_bytes());
    }
}
