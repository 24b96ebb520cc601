//! Any bytes as what a STOMP server sends.

use std::time::Duration;

use bytes::BytesMut;
use mtp::limits::MAX_HEAD;
use mtp::stomp::Config;
use mtp::stomp::decoder::FrameDecoder;
use mtp::stomp::frame::{Command, Frame, FrameError, put_frame};
use mtp::stomp::machine::{Event, Machine};
use usp_proto::EndpointId;

/// The same frames come out however the bytes were cut; only messages have faults, and those have no body; what is
/// read can be written and read again; a client is up at most once, gives no Record before that, and nothing after
/// the end.
pub fn stomp_frame(data: &[u8]) {
    let (whole, error) = read(data, data.len().max(1));
    assert_eq!(read(data, 1), (whole.clone(), error));
    for frame in &whole {
        again(frame);
    }
    client(&[data]);
    client(&[b"CONNECTED\nversion:1.2\nheart-beat:1,1\n\n\0RECEIPT\nreceipt-id:subscribed\n\n\0", data]);
}

fn read(data: &[u8], piece: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut decoder = FrameDecoder::new(1024);
    let mut frames = Vec::new();
    for bytes in data.chunks(piece) {
        decoder.push(bytes);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// Frames that open a connection are written without escapes, which need not read back the same.
fn again(frame: &Frame) {
    if frame.fault.is_some() {
        assert!(frame.command == Command::Message && frame.body.is_empty());
        return;
    }
    if matches!(frame.command, Command::Stomp | Command::Connected) {
        return;
    }
    // Names are constants where frames are written, and need no escape.
    let plain = |name: &str| !name.contains(['\\', ':', '\n', '\r']);
    if !frame.headers.iter().all(|(name, _)| plain(name)) {
        return;
    }
    let headers: Vec<(&str, &str)> =
        frame.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut out = BytesMut::new();
    put_frame(&mut out, frame.command, &headers, &frame.body);
    // Escapes make it longer.
    if out.len() - frame.body.len() > MAX_HEAD {
        return;
    }
    assert_eq!(read(&out, 7), (vec![frame.clone()], None));
}

fn client(said: &[&[u8]]) {
    let mut config = Config::new(EndpointId::receive("proto::us").expect("an id"));
    config.heart_beat = Some((1, 1));
    config.destination = Some("/queue/own".to_owned());
    let mut machine = Machine::new(config);
    let now = Duration::from_secs(1);
    let (mut up, mut ended) = (false, false);
    for data in said {
        machine.receive(now, data);
    }
    while let Some(event) = machine.poll(now) {
        assert!(!ended, "something after the end");
        match event {
            Event::Up(_) => {
                assert!(!up, "up twice");
                up = true;
            }
            Event::Record { reply_to, record } => {
                assert!(up && !reply_to.is_empty());
                assert!(machine.send(now, &reply_to, &record));
            }
            Event::Ignored(_) => assert!(up),
            Event::End(_) => ended = true,
        }
    }
    machine.expired(Duration::from_secs(100));
    let _ = machine.take_out();
}
