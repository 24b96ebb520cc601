//! Reads frames of STOMP 1.2 from a stream of bytes, with bounded memory.

use bytes::{Buf, Bytes, BytesMut};

use super::frame::{COMMANDS, Command, Frame, FrameError};
use crate::limits::{MAX_HEAD, MAX_HEADERS};

/// Cuts a stream of bytes into frames. It keeps at most what arrived of one frame, and what came with it.
///
/// A server passes on what others send: what is wrong with one MESSAGE must not end the connection for all.
/// Such a frame is read to its end without being kept, and has a [fault](Frame::fault).
#[derive(Debug)]
pub struct FrameDecoder {
    received: BytesMut,
    limit: usize,
    /// The frame that has begun.
    head: Option<Head>,
    /// How many bytes at the start are known not to end what is looked for.
    scanned: usize,
}

/// What is known of a frame that is not whole.
#[derive(Debug)]
struct Head {
    frame: Frame,
    /// Its `content-length`, less what was dropped of the body.
    length: Option<usize>,
    /// Bytes of its lines.
    bytes: usize,
    /// Whether the present line is too long, and being dropped.
    overlong: bool,
    /// Whether the blank line has come.
    complete: bool,
}

impl FrameDecoder {
    /// A decoder for bodies of at most `limit` bytes.
    pub fn new(limit: usize) -> FrameDecoder {
        FrameDecoder { received: BytesMut::new(), limit, head: None, scanned: 0 }
    }

    /// Another limit, for the bodies that have not begun yet.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes what arrived, however it was cut.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next frame, as soon as it is whole. Line ends between frames, which are heart-beats, are skipped.
    ///
    /// # Errors
    /// When the bytes are no frame; what comes then means nothing.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let head = match self.head.take() {
            Some(head) => Some(head),
            None => self.read_command()?,
        };
        let Some(mut head) = head else { return Ok(None) };
        if self.read_headers(&mut head)? && self.read_body(&mut head)? {
            return Ok(Some(head.frame));
        }
        self.head = Some(head);
        Ok(None)
    }

    fn read_command(&mut self) -> Result<Option<Head>, FrameError> {
        if self.scanned == 0 {
            let beats = self.received.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.received.advance(beats);
            if self.received.is_empty() {
                // An idle link has no use for the room.
                self.received = BytesMut::new();
                return Ok(None);
            }
        }
        let line = match self.line() {
            Line::Whole(line) => line,
            Line::Partial => return Ok(None),
            Line::Overlong { .. } => return Err(FrameError::HeadTooLong),
        };
        let known = COMMANDS.iter().find(|(_, name)| *name.as_bytes() == line[..]);
        let command = known.ok_or(FrameError::Command)?.0;
        let frame = Frame { command, headers: Vec::new(), body: Bytes::new(), fault: None };
        Ok(Some(Head { frame, length: None, bytes: line.len() + 1, overlong: false, complete: false }))
    }

    /// True when all have come.
    fn read_headers(&mut self, head: &mut Head) -> Result<bool, FrameError> {
        while !head.complete {
            match self.line() {
                Line::Partial => return Ok(false),
                Line::Overlong { ended } => {
                    head.fault(FrameError::HeadTooLong)?;
                    head.overlong = !ended;
                }
                // The end of one that was too long.
                Line::Whole(_) if head.overlong => head.overlong = false,
                Line::Whole(line) if line.is_empty() => {
                    head.complete = true;
                    if head.length.is_some_and(|length| length > self.limit) {
                        head.fault(FrameError::TooLong { limit: self.limit })?;
                    }
                }
                Line::Whole(line) => head.header(&line)?,
            }
        }
        Ok(true)
    }

    /// The next line without its end.
    fn line(&mut self) -> Line {
        let fresh = &self.received[self.scanned..];
        let end = fresh.iter().position(|byte| *byte == b'\n').map(|at| self.scanned + at);
        let length = end.unwrap_or(self.received.len());
        if length > MAX_HEAD {
            self.received.advance(end.map_or(length, |end| end + 1));
            self.scanned = 0;
            return Line::Overlong { ended: end.is_some() };
        }
        let Some(end) = end else {
            self.scanned = length;
            return Line::Partial;
        };
        let mut line = self.received.split_to(end);
        self.received.advance(1);
        self.scanned = 0;
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        Line::Whole(line)
    }

    /// True when the frame has ended.
    fn read_body(&mut self, head: &mut Head) -> Result<bool, FrameError> {
        if head.frame.fault.is_some() {
            return self.drop_body(head);
        }
        let end = match head.length {
            Some(length) => Some(length).filter(|length| *length < self.received.len()),
            None => {
                let fresh = &self.received[self.scanned..];
                let end = fresh.iter().position(|byte| *byte == 0).map(|at| self.scanned + at);
                self.scanned = self.received.len();
                if end.unwrap_or(self.scanned) > self.limit {
                    head.fault(FrameError::TooLong { limit: self.limit })?;
                    return self.drop_body(head);
                }
                end
            }
        };
        let Some(end) = end else { return Ok(false) };
        head.frame.body = self.received.split_to(end).freeze();
        self.read_nul()
    }

    /// The same for a body that nobody wants.
    fn drop_body(&mut self, head: &mut Head) -> Result<bool, FrameError> {
        let here = self.received.len();
        let dropped = match &mut head.length {
            Some(left) => {
                let dropped = here.min(*left);
                *left -= dropped;
                dropped
            }
            None => self.received.iter().position(|byte| *byte == 0).unwrap_or(here),
        };
        self.received.advance(dropped);
        self.read_nul()
    }

    /// True when the byte that ends every frame is there.
    fn read_nul(&mut self) -> Result<bool, FrameError> {
        self.scanned = 0;
        match self.received.first() {
            None => Ok(false),
            Some(0) => {
                self.received.advance(1);
                Ok(true)
            }
            Some(_) => Err(FrameError::Unterminated),
        }
    }
}

/// What there is of a line.
enum Line {
    Whole(BytesMut),
    Partial,
    /// Over [`MAX_HEAD`], and dropped; whether its end too.
    Overlong {
        ended: bool,
    },
}

impl Head {
    /// Keeps a header, and what it says about the body in any case.
    fn header(&mut self, line: &[u8]) -> Result<(), FrameError> {
        self.bytes = self.bytes.saturating_add(line.len() + 1);
        let (name, value) = match parse_header(line, self.frame.command) {
            Ok(header) => header,
            Err(error) => return self.fault(error),
        };
        if name == "content-length" && self.length.is_none() {
            self.length = Some(value.parse().map_err(|_| FrameError::Length)?);
        }
        if self.bytes > MAX_HEAD {
            return self.fault(FrameError::HeadTooLong);
        }
        if self.frame.headers.len() == MAX_HEADERS {
            return self.fault(FrameError::TooManyHeaders);
        }
        self.frame.headers.push((name, value));
        Ok(())
    }

    /// The frame is of no use; of other commands than MESSAGE this ends the stream.
    fn fault(&mut self, error: FrameError) -> Result<(), FrameError> {
        if self.frame.command != Command::Message {
            return Err(error);
        }
        self.frame.fault.get_or_insert(error);
        Ok(())
    }
}

fn parse_header(line: &[u8], command: Command) -> Result<(String, String), FrameError> {
    let line = std::str::from_utf8(line).map_err(|_| FrameError::Header)?;
    // What opens a connection is not escaped: a colon in its value stands for itself.
    let (name, value) = line.split_once(':').ok_or(FrameError::Header)?;
    if name.is_empty() || line.contains(['\0', '\r']) {
        return Err(FrameError::Header);
    }
    Ok((unescape(name, command)?, unescape(value, command)?))
}

/// Takes the escapes of a header away. USP endpoints escape in CONNECTED too, where STOMP 1.2 does not: there
/// a backslash that escapes nothing stands for itself.
fn unescape(text: &str, command: Command) -> Result<String, FrameError> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match (chars.next(), command.opens()) {
            (Some('c'), _) => plain.push(':'),
            (Some('n'), _) => plain.push('\n'),
            (Some('r'), _) => plain.push('\r'),
            (Some('\\'), _) => plain.push('\\'),
            (Some(other), true) => plain.extend(['\\', other]),
            (None, true) => plain.push('\\'),
            (_, false) => return Err(FrameError::Escape),
        }
    }
    Ok(plain)
}
