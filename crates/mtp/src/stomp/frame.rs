//! Frames of STOMP 1.2: command, headers, body, and how they are written. How they are read stands in
//! [`decoder`](super::decoder), what is sent when in [`machine`](super::machine).

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

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
pub(super) const COMMANDS: [(Command, &str); 9] = [
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
    pub(super) fn opens(self) -> bool {
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
    /// Why it is of no use, though the next one can be read: only in a [`Command::Message`], whose headers and
    /// body were written by somebody behind the server. There is no body then, and headers may be missing.
    pub fault: Option<FrameError>,
}

impl fmt::Debug for Frame {
    /// Headers and bodies may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &names)
            .field("bytes", &self.body.len())
            .field("fault", &self.fault)
            .finish()
    }
}

impl Frame {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Why bytes are no frame. In a MESSAGE most of these spoil only that one; otherwise the stream can't go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// The first line is no command that is known here.
    #[error("an unknown command")]
    Command,
    /// Command and headers are over [`MAX_HEAD`](crate::limits::MAX_HEAD) bytes.
    #[error("the frame's head is too long")]
    HeadTooLong,
    /// More than [`MAX_HEADERS`](crate::limits::MAX_HEADERS) headers.
    #[error("the frame has too many headers")]
    TooManyHeaders,
    /// A line without a colon or a name, a control character, or something that is not UTF-8.
    #[error("a header can't be read")]
    Header,
    /// A backslash before something that STOMP 1.2 does not escape.
    #[error("an undefined escape in a header")]
    Escape,
    /// `content-length` is no number. Nobody knows where such a frame ends.
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
