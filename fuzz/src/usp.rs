//! Any bytes as a Record, and as a Msg.

use bytes::Bytes;
use usp_proto::{EndpointId, Msg, Record, RecordType, describe_msg, describe_record};

/// Reads the bytes as a Record. What decodes encodes to bytes that decode to the same; a refusal answers
/// nobody but its sender; the description is one line.
pub fn record(data: &[u8]) {
    one_line(&describe_record(data));
    match Record::decode(Bytes::copy_from_slice(data)) {
        Ok(record) => {
            assert_eq!(Record::decode(record.encode()).as_ref(), Ok(&record));
            one_line(&format!("{record:?}"));
            if let RecordType::NoSession { payload } = &record.record_type {
                msg(payload);
            }
        }
        Err(error) => {
            one_line(&error.to_string());
            assert!((7000..7200).contains(&error.code()));
            let us = error.to_id.clone().unwrap_or_else(|| EndpointId::receive("proto::us").expect("an id"));
            if let Some((to, answer)) = error.answer(&us) {
                assert_eq!(Some(to), error.from_id.as_ref());
                readable(&answer);
            }
        }
    }
}

/// Reads the bytes as a Msg. What decodes encodes to bytes that decode to the same, of the length that
/// was foretold; a refusal that is answered is answered by a Msg that can be read.
pub fn msg(data: &[u8]) {
    match Msg::decode(data) {
        Ok(msg) => readable(&msg),
        Err(error) => {
            one_line(&error.to_string());
            assert!((7000..7200).contains(&error.code()));
            if let Some(answer) = error.answer() {
                readable(&answer);
            }
        }
    }
}

fn readable(msg: &Msg) {
    let bytes = msg.encode();
    assert_eq!(bytes.len(), msg.encoded_len());
    assert!(Msg::decode(&bytes).as_ref() == Ok(msg), "{msg:?}");
    one_line(&describe_msg(msg));
}

fn one_line(text: &str) {
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
