//! Any bytes as what a STOMP server sends.

use std::time::Duration;

use bytes::BytesMut;
use mtp::stomp::frame::{Command, Frame, FrameDecoder, FrameError, put_frame};
use mtp::stomp::machine::{Config, Event, Machine};
use usp_proto::EndpointId;

/// The same frames come out however the bytes were cut; what is read can be written and read again; a client
/// is up at most once, gives no Record before that, and nothing after the end.
pub fn stomp_frame(data: &[u8]) {
    let (whole, error) = read(data, data.len().max(1));
    assert_eq!(read(data, 1), (whole.clone(), error));
    for frame in &whole {
        again(frame);
    }
    client(data);
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
    assert_eq!(read(&out, 7), (vec![frame.clone()], None));
}

fn client(data: &[u8]) {
    let endpoint = EndpointId::receive("proto::us").expect("an id");
    let destination = Some("/queue/own".to_owned());
    let mut machine =
        Machine::new(Config { endpoint, host: None, login: None, heart_beat: Some((1, 1)), destination });
    let now = Duration::from_secs(1);
    let (mut up, mut ended) = (false, false);
    machine.receive(now, data);
    while let Some(event) = machine.poll(now) {
        assert!(!ended, "something after the end");
        match event {
            Event::Up(_) => {
                assert!(!up, "up twice");
                up = true;
            }
            Event::Record { reply_to, record } => {
                assert!(up && !reply_to.is_empty());
                machine.send(now, &reply_to, &record);
            }
            Event::Ignored(_) => assert!(up),
            Event::End(_) => ended = true,
        }
    }
    machine.expired(Duration::from_secs(100));
    let _ = machine.take_out();
}
