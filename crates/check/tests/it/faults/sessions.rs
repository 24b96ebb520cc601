//! Faults in end-to-end sessions. Where Records are signed, what the agent hears differently has to be signed again.

use bytes::Bytes;
use prost::Message;
use usp_proto::generated::usp_record::record::{PayloadSecurity, RecordType};
use usp_proto::generated::usp_record::session_context_record::PayloadSarState;
use usp_proto::generated::usp_record::{NoSessionContextRecord, Record, SessionContextRecord};

use super::Fault;
use crate::keys;

pub(super) static FAULTS: &[Fault] = &[
    Fault::say_record("R-E2E.4-session-is-adopted", |record| said(record, |context| context.session_id += 2)),
    Fault::say_record("R-E2E.14-first-is-one", |record| said(record, |context| context.sequence_id += 1)),
    Fault::say_record("R-E2E.15-counts-by-one", |record| {
        said(record, |context| context.sequence_id = 2 * context.sequence_id - 1)
    }),
    Fault::say_record("R-E2E.17-says-what-it-expects", |record| {
        said(record, |context| context.expected_id = 1)
    }),
    Fault::say_record("R-E2E.18-one-payload-security", |record| {
        if number(record).is_some_and(|number| number > 1) {
            record.payload_security = PayloadSecurity::Tls12.into();
        }
        true
    }),
    Fault::say_record("R-MSG.0a-within-a-session", |record| {
        if let Some(RecordType::SessionContext(context)) = &record.record_type
            && let Some(payload) = context.payload.first().cloned()
        {
            record.record_type = Some(RecordType::NoSessionContext(NoSessionContextRecord { payload }));
        }
        true
    }),
    // Carried out as they come.
    Fault::hear_record("R-E2E.20-early-waits", |record, _| {
        heard(record, |context| match context.sequence_id {
            2 => context.sequence_id = 3,
            3 => context.sequence_id = 2,
            _ => {}
        })
    }),
    Fault::hear_record("R-E2E.20-late-is-dropped", |record, _| {
        heard(record, |context| {
            if context.sequence_id == 1 && context.expected_id > 1 {
                context.sequence_id = 2;
            }
        })
    }),
    Fault::hear_session_nth("R-E2E.25-duplicate-is-ignored", |before, record| {
        heard(record, |context| context.sequence_id = before as u64 + 1)
    }),
    Fault::hear_record("R-E2E.20-expected-id-advances", |record, _| {
        context(record).is_none_or(|context| !context.payload.is_empty())
    }),
    Fault::hear_record("R-E2E.20-sends-again", |record, _| {
        heard(record, |context| context.retransmit_id = 0)
    }),
    Fault::hear_record("R-E2E.16-keeps-what-is-not-confirmed", |record, _| {
        heard(record, |context| context.expected_id = context.sequence_id)
    }),
    Fault::hear_record("R-E2E.20-segments-are-joined", |record, _| {
        state(record) != Some(PayloadSarState::Inprocess)
    }),
    Fault::hear_record("R-E2E.20-segments-in-any-order", |record, _| {
        state(record) != Some(PayloadSarState::Complete)
    }),
    Fault::say_record("R-E2E.20-segments-that-fit", |record| {
        if number(record).is_some() {
            record.sender_cert = vec![b'-'; 1600].into();
        }
        true
    }),
    // The bench's first session in a run has an odd id, and the one that replaces it the next.
    Fault::say_record("R-E2E.6-another-session-replaces", |record| {
        said(record, |context| {
            if context.session_id.is_multiple_of(2) {
                context.sequence_id += 1;
            }
        })
    }),
    Fault::hear_record("R-E2E.5-one-session", |record, _| {
        heard(record, |context| {
            if !context.session_id.is_multiple_of(2) && context.sequence_id == 2 {
                context.session_id += 1;
            }
        })
    }),
    Fault::hear_record("R-E2E.3-session-id-zero", |record, _| {
        heard(record, |context| context.session_id = context.session_id.max(9))
    }),
    Fault::hear_record("R-E2E.24-session-from-the-middle", |record, _| {
        heard(record, |context| {
            if context.sequence_id == 5 {
                (context.sequence_id, context.expected_id) = (1, 1);
            }
        })
    }),
    Fault::hear_record("R-E2E.21-unknown-record-restarts", |record, _| {
        heard(record, |context| context.retransmit_id = 0)
    }),
    Fault::say_record("R-E2E.3-ids-of-its-own", |record| {
        said(record, |context| {
            if context.session_id >> 20 != keys::RUN_OF_BENCH {
                context.session_id = 1;
            }
        })
    }),
    Fault::hear_record("R-E2E.21-lying-segments-restart", |record, _| {
        heard(record, |context| {
            context.set_payload_sar_state(PayloadSarState::None);
            context.set_payloadrec_sar_state(PayloadSarState::None);
        })
    }),
    Fault::hear_record("R-E2E.19-another-security", |record, _| {
        record.payload_security = PayloadSecurity::Plaintext.into();
        heard(record, |_| {})
    }),
    Fault::hear_record("R-E2E.8-numbers-run-out", |record, _| {
        heard(record, |context| context.sequence_id = context.sequence_id.min(2))
    }),
    Fault::say_record("R-E2E.6b-ends-with-7105", |record| other_reason(record, 7105, 7106)),
    Fault::say_record("R-E2E.6a-closed-to-later-records", |record| other_reason(record, 7106, 7105)),
    Fault::hear_record("R-E2E.30-wrong-signature", |record, _| heard(record, |_| {})),
    Fault::hear_record("R-E2E.23-wrong-signature-is-not-answered", |record, _| heard(record, |_| {})),
    Fault::hear_record("R-E2E.32-every-number-is-covered", |record, _| heard(record, |_| {})),
    Fault::hear_record("R-E2E.30-without-signature", |record, _| heard(record, |_| {})),
    Fault::say_record("R-E2E.29-signs", |record| {
        record.mac_signature = Bytes::new();
        true
    }),
    Fault::say_record("R-E2E.31-signature-of-its-certificate", |record| {
        said(record, |context| context.retransmit_id = 0);
        record.version = "1.2".to_owned();
        true
    }),
    Fault::hear_record("R-E2E.40-tls-in-payloads", |record, _| {
        record.payload_security == i32::from(PayloadSecurity::Plaintext)
    }),
    Fault::say_record("R-E2E.18-tls-in-every-record", |record| {
        record.payload_security = PayloadSecurity::Plaintext.into();
        true
    }),
    Fault::say_record("R-E2E.33-mac-after-the-handshake", |record| {
        if record.sender_cert.is_empty() {
            record.mac_signature = vec![7; 32].into();
        }
        true
    }),
];

fn context(record: &Record) -> Option<&SessionContextRecord> {
    match &record.record_type {
        Some(RecordType::SessionContext(context)) => Some(context),
        _ => None,
    }
}

fn number(record: &Record) -> Option<u64> {
    context(record).map(|context| context.sequence_id)
}

fn state(record: &Record) -> Option<PayloadSarState> {
    context(record).map(SessionContextRecord::payload_sar_state)
}

/// Says other numbers.
fn said(record: &mut Record, change: impl Fn(&mut SessionContextRecord)) -> bool {
    if let Some(RecordType::SessionContext(context)) = &mut record.record_type {
        change(context);
    }
    true
}

/// Hears other numbers, and believes them.
fn heard(record: &mut Record, change: impl Fn(&mut SessionContextRecord)) -> bool {
    if number(record).is_some() {
        said(record, change);
        let signed = keys::signed_by_bench(usp_proto::Record::decode(record.encode_to_vec().into()).unwrap());
        *record = Record::decode(signed.encode()).unwrap();
    }
    true
}

fn other_reason(record: &mut Record, is: u32, shall_be: u32) -> bool {
    if let Some(RecordType::Disconnect(disconnect)) = &mut record.record_type
        && disconnect.reason_code == is
    {
        disconnect.reason_code = shall_be;
    }
    true
}
