//! Frames of STOMP 1.2 of whatever command, also of those that no Endpoint may send. What is written may be wrong.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits;

/// One frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its command.
    pub command: String,
    /// Its headers in order, as they were written.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Frame {
    /// A frame without a body.
    pub fn new(command: &str, headers: &[(&str, &str)]) -> Frame {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Frame { command: command.to_owned(), headers, body: Bytes::new() }
    }

    /// The value of a header as it was written; of several with one name the first counts.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.raw(name).map(unescape)
    }

    /// The bytes of it.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(self.command.as_bytes());
        for (name, value) in &self.headers {
            out.put_slice(format!("\n{name}:{value}").as_bytes());
        }
        out.put_slice(b"\n\n");
        out.put_slice(&self.body);
        out.put_u8(0);
        out.freeze()
    }
}

/// A header's text with everything escaped that STOMP 1.2 escapes.
pub fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\c").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => out.push(match chars.next() {
                Some('c') => ':',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            }),
            other => out.push(other),
        }
    }
    out
}

/// Cuts the next frame off, if it is whole. Line ends before it, which are heart-beats, are counted into `beats`.
///
/// # Errors
/// With what is wrong.
pub fn decode(read: &mut BytesMut, beats: &mut usize) -> Result<Option<Frame>, String> {
    while read.first().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        *beats += 1;
        read.advance(1);
    }
    let Some((head, body)) = blank_line(read) else {
        return if read.len() > limits::MAX_HEAD {
            Err("the head of a frame is endless".to_owned())
        } else {
            Ok(None)
        };
    };
    let text = std::str::from_utf8(&read[..head]).map_err(|_| "a head that is no UTF-8".to_owned())?;
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let command = lines.next().unwrap_or_default().to_owned();
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Option<Vec<_>> = lines.map(header).collect();
    let headers = headers.ok_or_else(|| format!("a header without a colon in {command}"))?;
    let mut frame = Frame { command, headers, body: Bytes::new() };
    let length = match frame.raw("content-length").map(str::parse::<usize>) {
        None => read[body..].iter().position(|byte| *byte == 0),
        Some(Ok(length)) if length <= limits::MAX_FRAME => Some(length),
        Some(_) => return Err("a content-length that is no number, or longer than any Record".to_owned()),
    };
    let Some(length) = length.filter(|length| read.len() > body + length) else {
        return if read.len() > 2 * limits::MAX_FRAME {
            Err("an endless frame".to_owned())
        } else {
            Ok(None)
        };
    };
    if read[body + length] != 0 {
        return Err("a body that does not end where content-length says".to_owned());
    }
    read.advance(body);
    frame.body = read.split_to(length).freeze();
    read.advance(1);
    Ok(Some(frame))
}

/// Where the head ends, and the body begins.
fn blank_line(read: &[u8]) -> Option<(usize, usize)> {
    let ends = read.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    for end in ends {
        match read.get(end + 1..) {
            Some([b'\n', ..]) => return Some((end, end + 2)),
            Some([b'\r', b'\n', ..]) => return Some((end, end + 3)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_where_they_end() {
        let send = Frame {
            body: Bytes::from_static(b"a\0b"),
            ..Frame::new("SEND", &[("destination", "/q"), ("content-length", "3"), ("x", "1\\c2")])
        };
        let bytes = [b"\n\r\n", &send.encode()[..], &Frame::new("DISCONNECT", &[]).encode()].concat();
        for whole in 0..bytes.len() {
            let (mut read, mut beats) = (BytesMut::from(&bytes[..whole]), 0);
            let mut frames = Vec::new();
            while let Some(frame) = decode(&mut read, &mut beats).unwrap() {
                frames.push(frame);
            }
            read.extend_from_slice(&bytes[whole..]);
            while let Some(frame) = decode(&mut read, &mut beats).unwrap() {
                frames.push(frame);
            }
            assert_eq!((frames.len(), beats), (2, 3), "{whole}");
            assert_eq!((&frames[0], frames[0].header("x")), (&send, Some("1:2".to_owned())));
        }
        for wrong in ["SEND\nx\n\n\0", "SEND\ncontent-length:x\n\n\0", "SEND\ncontent-length:1\n\nab\0"] {
            assert!(decode(&mut BytesMut::from(wrong), &mut 0).is_err(), "{wrong}");
        }
    }
}
