//! Frames of STOMP 1.2 as literal bytes.

use bytes::BytesMut;
use mtp::stomp::decoder::FrameDecoder;
use mtp::stomp::frame::{Command, Frame, FrameError, put_frame};
use requirement::requirement;

/// Command, headers and body.
type Read<'a> = (Command, &'a [(&'a str, &'a str)], &'a [u8]);

/// What a decoder with a limit of 16 bytes makes of a stream, in one piece and byte by byte.
fn check(stream: &[u8], expected: Result<&[Read<'_>], FrameError>) {
    for piece in [stream.len().max(1), 1] {
        let mut decoder = FrameDecoder::new(16);
        let mut frames: Vec<Frame> = Vec::new();
        let mut error = None;
        for bytes in stream.chunks(piece) {
            if error.is_some() {
                break;
            }
            decoder.push(bytes);
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(found) => {
                        error = Some(found);
                        break;
                    }
                }
            }
        }
        let text = String::from_utf8_lossy(stream);
        match expected {
            Ok(expected) => {
                assert_eq!((error, frames.len()), (None, expected.len()), "{text:?} by {piece}");
                for (frame, (command, headers, body)) in frames.iter().zip(expected) {
                    let found: Vec<(&str, &str)> =
                        frame.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    assert_eq!((frame.command, &found[..], &frame.body[..]), (*command, *headers, *body));
                }
            }
            Err(expected) => assert_eq!(error, Some(expected), "{text:?} by {piece}"),
        }
    }
}

#[test]
fn what_is_read() {
    check(b"", Ok(&[]));
    check(b"\n\r\n\n", Ok(&[]));
    check(b"RECEIPT\nreceipt-id:1\n\n\0", Ok(&[(Command::Receipt, &[("receipt-id", "1")], b"")]));
    check(b"RECEIPT\r\nreceipt-id:1\r\n\r\n\0\r\n", Ok(&[(Command::Receipt, &[("receipt-id", "1")], b"")]));
    // Without a length the body ends at NUL; with one it may hold any byte.
    check(
        b"MESSAGE\n\nabc\0\n\nERROR\n\n\0",
        Ok(&[(Command::Message, &[], b"abc"), (Command::Error, &[], b"")]),
    );
    let length = &[("content-length", "5")][..];
    check(b"MESSAGE\ncontent-length:5\n\na\0\n\n\0\0", Ok(&[(Command::Message, length, b"a\0\n\n\0")]));
    check(b"MESSAGE\ncontent-length:0\n\n\0", Ok(&[(Command::Message, &[("content-length", "0")], b"")]));
    // Values may hold colons; empty ones are values too.
    check(b"MESSAGE\na:b:c\nd:\n\n\0", Ok(&[(Command::Message, &[("a", "b:c"), ("d", "")], b"")]));
    check(b"MESSAGE\na\\cb:\\\\ \\n \\r \\c\n\n\0", Ok(&[(Command::Message, &[("a:b", "\\ \n \r :")], b"")]));
    check(b"MESSAGE\n\n0123456789abcdef\0", Ok(&[(Command::Message, &[], b"0123456789abcdef")]));
    // Not whole.
    check(b"MESSAGE\ncontent-length:3\n\nab", Ok(&[]));
    check(b"MESSAGE\na:b\n", Ok(&[]));
}

#[test]
#[requirement("R-STOMP.6")]
fn frames_that_open_are_read_escaped_or_not() {
    let plain: Read<'_> = (Command::Connected, &[("subscribe-dest", "/queue/os::1")], b"");
    check(b"CONNECTED\nsubscribe-dest:/queue/os::1\n\n\0", Ok(&[plain]));
    check(b"CONNECTED\nsubscribe-dest:/queue/os\\c\\c1\n\n\0", Ok(&[plain]));
    let odd: Read<'_> = (Command::Connected, &[("server", "a\\tb\\")], b"");
    check(b"CONNECTED\nserver:a\\tb\\\n\n\0", Ok(&[odd]));
}

#[test]
fn the_first_of_two_headers_counts() {
    let mut decoder = FrameDecoder::new(16);
    decoder.push(b"MESSAGE\na:first\na:second\n\n\0");
    assert_eq!(decoder.next_frame().unwrap().unwrap().header("a"), Some("first"));
}

#[test]
fn what_is_no_frame() {
    check(b"HTTP/1.1 200 OK\r\n\r\n", Err(FrameError::Command));
    check(b"message\n\n\0", Err(FrameError::Command));
    for (head, error) in BAD_HEADERS {
        check(format!("RECEIPT\n{head}\n\n\0").as_bytes(), Err(*error));
    }
    check(b"RECEIPT\na:\xff\n\n\0", Err(FrameError::Header));
    check(b"ERROR\ncontent-length:17\n\n", Err(FrameError::TooLong { limit: 16 }));
    check(b"ERROR\n\n0123456789abcdefg", Err(FrameError::TooLong { limit: 16 }));
    // Nobody knows where these end.
    check(b"MESSAGE\ncontent-length:-1\n\n\0", Err(FrameError::Length));
    check(b"MESSAGE\ncontent-length:99999999999999999999\n\n\0", Err(FrameError::Length));
    check(b"MESSAGE\ncontent-length:1\n\nab\0", Err(FrameError::Unterminated));
    check(b"MESSAGE\nno colon\ncontent-length:1\n\nab\0", Err(FrameError::Unterminated));
}

const BAD_HEADERS: &[(&str, FrameError)] = &[
    ("no colon", FrameError::Header),
    (":no name", FrameError::Header),
    ("a:\0", FrameError::Header),
    ("a:b\rc", FrameError::Header),
    ("a:\\t", FrameError::Escape),
    ("a:b\\", FrameError::Escape),
];

/// Whatever is wrong with a message, the one after it is read, however the bytes were cut.
fn check_fault(message: &[u8], fault: FrameError) {
    let stream = [message, b"MESSAGE\ncontent-length:3\n\na\0b\0"].concat();
    for piece in [stream.len(), 1000, 1] {
        let mut decoder = FrameDecoder::new(16);
        let mut found = Vec::new();
        for bytes in stream.chunks(piece) {
            decoder.push(bytes);
            while let Some(frame) = decoder.next_frame().unwrap() {
                found.push((frame.fault, frame.body.to_vec()));
            }
        }
        let text = String::from_utf8_lossy(&message[..message.len().min(80)]);
        let expected = [(Some(fault), Vec::new()), (None, b"a\0b".to_vec())];
        assert_eq!(found, expected, "{text:?} by {piece}");
    }
}

#[test]
fn a_bad_message_is_skipped() {
    for (head, fault) in BAD_HEADERS {
        check_fault(format!("MESSAGE\n{head}\n\nbody\0").as_bytes(), *fault);
        // The length is known all the same.
        check_fault(format!("MESSAGE\n{head}\ncontent-length:4\n\nb\0\n\0\0").as_bytes(), *fault);
    }
    check_fault(b"MESSAGE\na:\xff\ncontent-length:3\n\n\0\0\0\0", FrameError::Header);
    let too_long = FrameError::TooLong { limit: 16 };
    check_fault(b"MESSAGE\ncontent-length:17\n\n0123\0\n\0abcdefghij\0", too_long);
    check_fault(b"MESSAGE\n\n0123456789abcdefg\0", too_long);
    let long = |body: usize| format!("MESSAGE\n\n{}\0\n\n", "x".repeat(body));
    check_fault(long(100_000).as_bytes(), too_long);
    let header = |length: usize| format!("MESSAGE\na:{}\ncontent-length:1\n\n\0\0", "x".repeat(length));
    for length in [8183, 8190, 8191, 8192, 10_000, 16_384, 100_000] {
        check_fault(header(length).as_bytes(), FrameError::HeadTooLong);
    }
}

#[test]
fn heads_are_bounded() {
    let headers =
        |command: &str, count| [command, "\n", &"a:b\n".repeat(count), "content-length:0\n\n\0"].concat();
    let mut decoder = FrameDecoder::new(16);
    decoder.push(headers("RECEIPT", 63).as_bytes());
    assert_eq!(decoder.next_frame().unwrap().unwrap().headers.len(), 64);
    check(headers("RECEIPT", 64).as_bytes(), Err(FrameError::TooManyHeaders));
    check_fault(headers("MESSAGE", 64).as_bytes(), FrameError::TooManyHeaders);
    check_fault(headers("MESSAGE", 10_000).as_bytes(), FrameError::TooManyHeaders);
    check(&b"x".repeat(8193), Err(FrameError::HeadTooLong));
    // Command, name, colon and line ends count as well.
    let long = |length: usize| ["RECEIPT\na:", &"x".repeat(length), "\n\n\0"].concat();
    let mut decoder = FrameDecoder::new(16);
    decoder.push(long(8181).as_bytes());
    assert_eq!(decoder.next_frame().unwrap().unwrap().header("a").unwrap().len(), 8181);
    check(long(8182).as_bytes(), Err(FrameError::HeadTooLong));
    check(long(10_000).as_bytes(), Err(FrameError::HeadTooLong));
}

#[test]
fn what_is_written() {
    let written = |command, headers: &[(&str, &str)], body: &[u8]| {
        let mut out = BytesMut::new();
        put_frame(&mut out, command, headers, body);
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(written(Command::Disconnect, &[], b""), "DISCONNECT\n\n\0");
    let headers = [("destination", "/queue/a:b\\c\nd\re")];
    assert_eq!(written(Command::Send, &headers, b"x"), "SEND\ndestination:/queue/a\\cb\\\\c\\nd\\re\n\nx\0");
    assert_eq!(written(Command::Stomp, &[("host", "a:b\\")], b""), "STOMP\nhost:a:b\\\n\n\0");
}

#[test]
fn values_are_not_shown() {
    let mut decoder = FrameDecoder::new(16);
    decoder.push(b"MESSAGE\npasscode:secret\n\nsecret\0");
    let frame = decoder.next_frame().unwrap().unwrap();
    assert_eq!(
        format!("{frame:?}"),
        "Frame { command: Message, headers: [\"passcode\"], bytes: 6, fault: None }"
    );
}
