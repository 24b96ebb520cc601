//! Frames as literal bytes.

use bytes::BytesMut;
use mtp::uds::frame::{FrameDecoder, FrameError, put_error, put_handshake, put_record};
use requirement::requirement;

use crate::support::id;

/// A Handshake of `proto::a`.
const HANDSHAKE: &[u8] = b"_USP\0\0\0\x0d\x01\0\0\0\x08proto::a";
/// The same with the password `pw`.
const WITH_PASSWORD: &[u8] = b"_USP\0\0\0\x14\x01\0\0\0\x08proto::a\x04\0\0\0\x02pw";
const RECORD: &[u8] = b"_USP\0\0\0\x08\x03\0\0\0\x03abc";
const ERROR: &[u8] = b"_USP\0\0\0\x07\x02\0\0\0\x02no";

fn written(write: impl Fn(&mut BytesMut)) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out);
    out.to_vec()
}

/// Type and value of each value of a frame.
type Values<'a> = &'a [(u8, &'a [u8])];

/// What a decoder with a limit of 64 bytes makes of a stream, in one piece and byte by byte.
fn check(stream: &[u8], expected: Result<&[Values<'_>], FrameError>) {
    for piece in [stream.len().max(1), 1] {
        let mut decoder = FrameDecoder::new(64);
        let mut frames = Vec::new();
        let mut error = None;
        for bytes in stream.chunks(piece) {
            decoder.push(bytes);
            loop {
                match decoder.next_frame() {
                    Ok(Some(tlvs)) => {
                        frames
                            .push(tlvs.iter().map(|tlv| (tlv.kind, tlv.value.to_vec())).collect::<Vec<_>>());
                    }
                    Ok(None) => break,
                    Err(found) => {
                        error.get_or_insert(found);
                        break;
                    }
                }
            }
        }
        match expected {
            Ok(expected) => {
                let expected: Vec<Vec<(u8, Vec<u8>)>> = expected
                    .iter()
                    .map(|frame| frame.iter().map(|(kind, value)| (*kind, value.to_vec())).collect())
                    .collect();
                assert_eq!((error, frames), (None, expected), "{stream:?} by {piece}");
            }
            Err(expected) => assert_eq!(error, Some(expected), "{stream:?} by {piece}"),
        }
    }
}

#[test]
#[requirement(
    "R-UDS.6", "R-UDS.7", "R-UDS.8", "R-UDS.9", "R-UDS.10", "R-UDS.11", "R-UDS.12", "R-UDS.13", "R-UDS.14"
)]
fn what_is_written() {
    assert_eq!(written(|out| put_handshake(out, &id("proto::a"), None)), HANDSHAKE);
    assert_eq!(written(|out| put_handshake(out, &id("proto::a"), Some(b"pw"))), WITH_PASSWORD);
    assert_eq!(written(|out| put_record(out, b"abc")), RECORD);
    assert_eq!(written(|out| put_error(out, "no")), ERROR);
    let long = written(|out| put_record(out, &[7; 0x0001_0203]));
    assert_eq!(long[..13], *b"_USP\x00\x01\x02\x08\x03\x00\x01\x02\x03");
}

#[test]
#[requirement("R-UDS.6", "R-UDS.7", "R-UDS.8", "R-UDS.9", "R-UDS.10", "R-UDS.11")]
fn what_is_read() {
    check(b"", Ok(&[]));
    check(HANDSHAKE, Ok(&[&[(1, b"proto::a")]]));
    check(WITH_PASSWORD, Ok(&[&[(1, b"proto::a"), (4, b"pw")]]));
    check(&[RECORD, ERROR].concat(), Ok(&[&[(3, b"abc")], &[(2, b"no")]]));
    check(&[RECORD, b"_US"].concat(), Ok(&[&[(3, b"abc")]]));
    // Unknown types, and values without a byte.
    check(b"_USP\0\0\0\x0b\xff\0\0\0\x01x\x00\0\0\0\0", Ok(&[&[(255, b"x"), (0, b"")]]));
}

#[test]
#[requirement("R-UDS.8", "R-UDS.24")]
fn what_is_no_frame() {
    check(b"_USB", Err(FrameError::Sync));
    check(b"GET / HTTP/1.1\r\n", Err(FrameError::Sync));
    check(&[RECORD, b"x"].concat(), Err(FrameError::Sync));
    check(b"_USP\0\0\0\0", Err(FrameError::Empty));
    check(b"_USP\0\0\0\x41", Err(FrameError::TooLong { limit: 64 }));
    check(b"_USP\xff\xff\xff\xff", Err(FrameError::TooLong { limit: 64 }));
    // A value over the end of its frame, and a rest that is too short for one.
    check(b"_USP\0\0\0\x06\x03\0\0\0\x02a", Err(FrameError::Overrun));
    check(b"_USP\0\0\0\x06\x03\xff\xff\xff\xffa", Err(FrameError::Overrun));
    check(b"_USP\0\0\0\x04\x03\0\0\0", Err(FrameError::Overrun));
    check(b"_USP\0\0\0\x07\x03\0\0\0\x01ab", Err(FrameError::Overrun));
}

#[test]
fn a_frame_holds_sixteen_values() {
    let frame = |values: u8| {
        let mut frame = b"_USP\0\0\0".to_vec();
        frame.push(values * 5);
        frame.extend([9, 0, 0, 0, 0].repeat(usize::from(values)));
        frame
    };
    let mut decoder = FrameDecoder::new(200);
    decoder.push(&frame(16));
    assert_eq!(decoder.next_frame().unwrap().unwrap().len(), 16);
    decoder.push(&frame(17));
    assert_eq!(decoder.next_frame(), Err(FrameError::TooMany));
}

#[test]
fn values_are_not_shown() {
    let mut decoder = FrameDecoder::new(64);
    decoder.push(b"_USP\0\0\0\x0b\x04\0\0\0\x06secret");
    let tlvs = decoder.next_frame().unwrap().unwrap();
    assert_eq!(format!("{tlvs:?}"), "[Tlv { kind: 4, bytes: 6 }]");
}
