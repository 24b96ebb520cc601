//! Frames of STOMP 1.2: command, headers, body. No socket and no meaning: what is sent when stands in
//! [`machine`](super::machine).

use std::borrow::Cow;
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::{MAX_HEAD, MAX_HEADERS};

/// The commands that a USP Endpoint sends or receives. The others of STOMP (`CONNECT`, `BEGIN`, `COMMIT`,
/// `ABORT`, `ACK`, `NACK`) are never sent (R-STOMP.2, R-STOMP.26, R-STOMP.27), and no server sends them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// The client's first frame.
    Stomp,
    /// The server's answer to it.
    Connected,
    /// A message to a destination.
    Send,
    /// Asks for what is sent to a destination.
    Subscribe,
    /// Takes that back.
    Unsubscribe,
    /// The client's last frame.
    Disconnect,
    /// A message from a destination.
    Message,
    /// The server has done what was asked for.
    Receipt,
    /// The server is about to close.
    Error,
}

/// Commands and how they are written.
const COMMANDS: [(Command, &str); 9] = [
    (Command::Stomp, "STOMP"),
    (Command::Connected, "CONNECTED"),
    (Command::Send, "SEND"),
    (Command::Subscribe, "SUBSCRIBE"),
    (Command::Unsubscribe, "UNSUBSCRIBE"),
    (Command::Disconnect, "DISCONNECT"),
    (Command::Message, "MESSAGE"),
    (Command::Receipt, "RECEIPT"),
    (Command::Error, "ERROR"),
];

impl Command {
    fn name(self) -> &'static str {
        let row = COMMANDS.iter().find(|(command, _)| *command == self);
        row.expect("every command has a row").1
    }

    /// STOMP 1.2 escapes nothing in the frames that open a connection.
    fn opens(self) -> bool {
        matches!(self, Command::Stomp | Command::Connected)
    }
}

/// One frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub command: Command,
    /// Its headers in order, unescaped. Of several with one name the first counts.
    pub headers: Vec<(String, String)>,
    /// Its body; may be empty.
    pub body: Bytes,
}

impl fmt::Debug for Frame {
    /// Headers and bodies may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &names)
            .field("bytes", &self.body.len())
            .finish()
    }
}

impl Frame {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Why bytes are no frame. The stream can't go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The first line is no command that is known here.
    #[error("an unknown command")]
    Command,
    /// Command and headers are over [`MAX_HEAD`] bytes.
    #[error("the frame's head is too long")]
    HeadTooLong,
    /// More than [`MAX_HEADERS`] headers.
    #[error("the frame has too many headers")]
    TooManyHeaders,
    /// A line without a colon or a name, a control character, or something that is not UTF-8.
    #[error("a header can't be read")]
    Header,
    /// A backslash before something that STOMP 1.2 does not escape.
    #[error("an undefined escape in a header")]
    Escape,
    /// `content-length` is no number.
    #[error("content-length is no number")]
    Length,
    /// A body over the limit in force.
    #[error("the body is longer than {limit} bytes")]
    TooLong {
        /// The limit, bytes.
        limit: usize,
    },
    /// Something else than NUL where `content-length` says that the body ends.
    #[error("the body does not end where content-length says")]
    Unterminated,
}

/// Cuts a stream of bytes into frames. It keeps at most what arrived of one frame, and what came with it.
#[derive(Debug)]
pub struct FrameDecoder {
    received: BytesMut,
    limit: usize,
    /// A frame whose body is not whole, and its `content-length`.
    head: Option<(Frame, Option<usize>)>,
    /// How many bytes at the start are known not to end what is looked for.
    scanned: usize,
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
        if self.head.is_none() && !self.read_head()? {
            return Ok(None);
        }
        let Some((_, length)) = &self.head else { return Ok(None) };
        let Some(end) = self.body_end(*length)? else { return Ok(None) };
        let (mut frame, _) = self.head.take().expect("it was there two lines above");
        frame.body = self.received.split_to(end).freeze();
        self.received.advance(1);
        self.scanned = 0;
        Ok(Some(frame))
    }

    /// True when a head is there.
    fn read_head(&mut self) -> Result<bool, FrameError> {
        if self.scanned == 0 {
            let beats = self.received.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.received.advance(beats);
            if self.received.is_empty() {
                // An idle link has no use for the room.
                self.received = BytesMut::new();
                return Ok(false);
            }
        }
        let Some(end) = self.head_end() else {
            let too_long = self.received.len() > MAX_HEAD;
            return if too_long { Err(FrameError::HeadTooLong) } else { Ok(false) };
        };
        if end > MAX_HEAD {
            return Err(FrameError::HeadTooLong);
        }
        let head = self.received.split_to(end);
        self.scanned = 0;
        let (frame, length) = parse_head(&head)?;
        if length.is_some_and(|length| length > self.limit) {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        self.head = Some((frame, length));
        Ok(true)
    }

    /// Where the blank line after the headers ends.
    fn head_end(&mut self) -> Option<usize> {
        let bytes = &self.received[..];
        // The last two bytes may be the beginning of the end.
        for at in self.scanned.saturating_sub(2)..bytes.len() {
            if bytes[at] != b'\n' {
                continue;
            }
            match &bytes[at + 1..] {
                [b'\n', ..] => return Some(at + 2),
                [b'\r', b'\n', ..] => return Some(at + 3),
                _ => {}
            }
        }
        self.scanned = bytes.len();
        None
    }

    /// Where the body ends, if that has arrived.
    fn body_end(&mut self, length: Option<usize>) -> Result<Option<usize>, FrameError> {
        if let Some(length) = length {
            return match self.received.get(length) {
                None => Ok(None),
                Some(0) => Ok(Some(length)),
                Some(_) => Err(FrameError::Unterminated),
            };
        }
        let fresh = &self.received[self.scanned..];
        let end = fresh.iter().position(|byte| *byte == 0).map(|at| self.scanned + at);
        self.scanned = self.received.len();
        if end.unwrap_or(self.received.len()) > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        Ok(end)
    }
}

fn parse_head(head: &[u8]) -> Result<(Frame, Option<usize>), FrameError> {
    let text = std::str::from_utf8(head).map_err(|_| FrameError::Header)?;
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let name = lines.next().unwrap_or_default();
    let command = COMMANDS.iter().find(|(_, known)| *known == name).ok_or(FrameError::Command)?.0;
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        if headers.len() == MAX_HEADERS {
            return Err(FrameError::TooManyHeaders);
        }
        // What opens a connection is not escaped: a colon in its value stands for itself.
        let (name, value) = line.split_once(':').ok_or(FrameError::Header)?;
        if name.is_empty() || line.contains(['\0', '\r']) {
            return Err(FrameError::Header);
        }
        headers.push((unescape(name, command)?, unescape(value, command)?));
    }
    let frame = Frame { command, headers, body: Bytes::new() };
    let length = frame.header("content-length").map(str::parse).transpose();
    Ok((frame, length.map_err(|_| FrameError::Length)?))
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

/// A header's text with everything escaped that STOMP 1.2 escapes.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '\n', '\r', ':']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            ':' => escaped.push_str("\\c"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// Appends a frame. Headers are escaped unless the command [opens a connection](Command::Stomp): there the
/// caller answers for values without line ends.
pub fn put_frame(out: &mut BytesMut, command: Command, headers: &[(&str, &str)], body: &[u8]) {
    out.put_slice(command.name().as_bytes());
    out.put_u8(b'\n');
    for (name, value) in headers {
        let value = if command.opens() { Cow::Borrowed(*value) } else { escape(value) };
        out.put_slice(name.as_bytes());
        out.put_u8(b':');
        out.put_slice(value.as_bytes());
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
    out.put_slice(body);
    out.put_u8(0);
}
