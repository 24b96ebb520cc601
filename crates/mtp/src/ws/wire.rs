//! Frames over a stream: `tungstenite`'s protocol state, polled by one task. Between two messages there is
//! none: an idle link has no buffer at all. It knows frames; it does not know links.

mod scan;

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error as WsError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use self::scan::FrameScan;
use crate::limits::{MAX_CLOSE_REASON, MAX_LINGER, MAX_MESSAGE_UNPROVEN, READ_BUFFER, WRITE_GATHER};

/// What came in.
#[derive(Debug)]
pub(crate) enum Got {
    Record(Bytes),
    Text,
    Sign,
    Close { code: u16, reason: String },
}

/// Why nothing more will come.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The close handshake is done.
    Closed,
    Lost(io::ErrorKind),
    TooLong,
    Protocol(String),
}

/// One side of a WebSocket connection after the upgrade.
pub(crate) struct Wire<S> {
    io: S,
    /// The protocol's state and buffers, while something is under way.
    ws: Option<Box<WebSocketContext>>,
    scan: FrameScan,
    role: Role,
    limit: usize,
    /// Something waits to be flushed.
    dirty: bool,
    /// The socket took less than we had.
    blocked: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// `rest` is what was read after the head of the handshake.
    pub(crate) fn new(io: S, role: Role, rest: Vec<u8>) -> Wire<S> {
        let limit = MAX_MESSAGE_UNPROVEN;
        let mut scan = FrameScan::default();
        scan.feed(&rest);
        let ws = (!rest.is_empty()).then(|| state(rest, role, limit));
        Wire { io, ws, scan, role, limit, dirty: false, blocked: false }
    }

    /// Changes the limit for incoming messages; one that is under way is measured by it, too.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        if self.limit != limit {
            self.limit = limit;
            if let Some(ws) = &mut self.ws {
                ws.set_config(|c| {
                    c.max_message_size = Some(limit);
                    c.max_frame_size = Some(limit);
                });
            }
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got, Failed>> {
        let mut io = Io { io: &mut self.io, scan: &mut self.scan, cx };
        let ws = match &mut self.ws {
            Some(ws) => ws,
            None => match io.first_bytes() {
                Ok(bytes) => self.ws.insert(state(bytes, self.role, self.limit)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(e) => return Poll::Ready(Err(Failed::Lost(e.kind()))),
            },
        };
        // R-WS.14b: fragments are reassembled, R-WS.13: pings are answered, inside `read`.
        let message = match ws.read(&mut io) {
            Ok(message) => message,
            Err(e) => return failed(e).map(|failed| failed.map_or_else(|| Ok(Got::Text), Err)),
        };
        // The answer to a ping or a close waits inside the protocol state.
        self.dirty |= matches!(message, Message::Ping(_) | Message::Close(_));
        Poll::Ready(Ok(match message {
            Message::Binary(record) => Got::Record(record),
            Message::Text(_) => Got::Text,
            Message::Close(frame) => {
                let (code, reason) = frame.map_or((super::close_code::NONE, String::new()), |frame| {
                    (frame.code.into(), frame.reason.as_str().to_owned())
                });
                Got::Close { code, reason }
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Got::Sign,
        }))
    }

    /// Takes one message; it leaves with the next flush at the latest. Must not be called while
    /// [`Wire::is_blocked`].
    pub(crate) fn write(&mut self, cx: &mut Context<'_>, message: Message) -> Result<(), Failed> {
        self.dirty = true;
        let (role, limit) = (self.role, self.limit);
        let ws = self.ws.get_or_insert_with(|| state(Vec::new(), role, limit));
        let mut io = Io { io: &mut self.io, scan: &mut self.scan, cx };
        match ws.write(&mut io, message) {
            Ok(()) => Ok(()),
            Err(e) => match failed(e) {
                Poll::Pending => {
                    self.blocked = true;
                    Ok(())
                }
                Poll::Ready(failed) => Err(failed.unwrap_or(Failed::Closed)),
            },
        }
    }

    /// Whether the socket took less than we had, and [`Wire::poll_flush`] must finish first.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        if let (true, Some(ws)) = (self.dirty, &mut self.ws)
            && let Err(e) = ws.flush(&mut Io { io: &mut self.io, scan: &mut self.scan, cx })
        {
            return Poll::Ready(Err(ready!(failed(e)).unwrap_or(Failed::Closed)));
        }
        self.dirty = false;
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Gives state and buffers back, if nothing is under way in either direction. Call it when reading is
    /// pending: then everything that was read has been taken.
    pub(crate) fn release(&mut self) {
        let idle = self.scan.between_messages() && !self.dirty;
        // What is closing has something to remember.
        if idle && self.ws.as_ref().is_some_and(|ws| ws.can_write()) {
            self.ws = None;
        }
    }

    /// Queues a close frame; flush it.
    pub(crate) fn start_close(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        reason: &str,
    ) -> Result<(), Failed> {
        let mut end = reason.len().min(MAX_CLOSE_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason[..end].to_owned().into() };
        self.write(cx, Message::Close(Some(frame)))
    }

    /// Shuts our direction down.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    /// Reads and drops what the peer still sends, up to a bound: closing a socket with unread bytes would
    /// reset it, and the peer would never see our close code.
    pub(crate) fn poll_linger(&mut self, cx: &mut Context<'_>, dropped: &mut usize) -> Poll<()> {
        let mut buf = [0; READ_BUFFER];
        while *dropped < MAX_LINGER {
            let mut buf = ReadBuf::new(&mut buf);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => *dropped += buf.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

/// Fresh state, with what was read already.
fn state(read: Vec<u8>, role: Role, limit: usize) -> Box<WebSocketContext> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_GATHER)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit));
    Box::new(WebSocketContext::from_partially_read(read, role, Some(config)))
}

/// Pending for "would block"; `None` for text that is not UTF-8, which is still a text frame.
fn failed(e: WsError) -> Poll<Option<Failed>> {
    Poll::Ready(Some(match e {
        WsError::Io(e) if e.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
        WsError::Io(e) => Failed::Lost(e.kind()),
        WsError::ConnectionClosed | WsError::AlreadyClosed => Failed::Closed,
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Failed::TooLong,
        WsError::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Failed::Lost(io::ErrorKind::UnexpectedEof)
        }
        WsError::Utf8(_) => return Poll::Ready(None),
        e => Failed::Protocol(e.to_string()),
    }))
}

/// The stream as `tungstenite` wants it: it reads and writes, or would block and wakes this task.
struct Io<'a, 'cx, S> {
    io: &'a mut S,
    scan: &'a mut FrameScan,
    cx: &'a mut Context<'cx>,
}

impl<S: AsyncRead + Unpin> Io<'_, '_, S> {
    /// What comes first after silence, in a buffer that exists only when there is something.
    fn first_bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut room = [MaybeUninit::uninit(); READ_BUFFER];
        let mut buf = ReadBuf::uninit(&mut room);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Poll::Ready(Ok(())) => {
                self.scan.feed(buf.filled());
                let mut bytes = Vec::with_capacity(READ_BUFFER);
                bytes.extend_from_slice(buf.filled());
                Ok(bytes)
            }
            Poll::Ready(Err(e)) => Err(e),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncRead + Unpin> Read for Io<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buf) {
            Poll::Ready(Ok(())) => {
                self.scan.feed(buf.filled());
                Ok(buf.filled().len())
            }
            Poll::Ready(Err(e)) => Err(e),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncWrite + Unpin> Write for Io<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match Pin::new(&mut *self.io).poll_write(self.cx, buf) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match Pin::new(&mut *self.io).poll_flush(self.cx) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

#[cfg(test)]
mod tests;
