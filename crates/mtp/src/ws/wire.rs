//! Frames over a stream: `tungstenite`'s protocol state, polled by one task, with buffers that go back
//! when they are not needed. It knows frames; it does not know links.

mod scan;

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::Message;
use tungstenite::error::{CapacityError, Error as WsError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};

use self::scan::FrameScan;
use crate::limits::{
    KEPT_BUFFER, MAX_CLOSE_REASON, MAX_LINGER, MAX_MESSAGE_UNPROVEN, READ_BUFFER, WRITE_GATHER,
};

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
    ws: WebSocketContext,
    scan: FrameScan,
    role: Role,
    limit: usize,
    /// The largest message since the buffers were last fresh.
    largest: usize,
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
        let ws = WebSocketContext::from_partially_read(rest, role, Some(config(limit)));
        Wire { io, ws, scan, role, limit, largest: 0, dirty: false, blocked: false }
    }

    /// Changes the limit for incoming messages; one that is under way is measured by it, too.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        if self.limit != limit {
            self.limit = limit;
            self.ws.set_config(|c| {
                c.max_message_size = Some(limit);
                c.max_frame_size = Some(limit);
            });
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got, Failed>> {
        // R-WS.14b: fragments are reassembled, R-WS.13: pings are answered, inside `read`.
        let mut io = Io { io: &mut self.io, scan: &mut self.scan, cx };
        let message = match self.ws.read(&mut io) {
            Ok(message) => message,
            Err(e) => return failed(e).map(|failed| failed.map_or_else(|| Ok(Got::Text), Err)),
        };
        self.largest = self.largest.max(message.len());
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
        self.largest = self.largest.max(message.len());
        self.dirty = true;
        let mut io = Io { io: &mut self.io, scan: &mut self.scan, cx };
        match self.ws.write(&mut io, message) {
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
        if !self.dirty {
            return Poll::Ready(Ok(()));
        }
        let mut io = Io { io: &mut self.io, scan: &mut self.scan, cx };
        if let Err(e) = self.ws.flush(&mut io) {
            return Poll::Ready(Err(ready!(failed(e)).unwrap_or(Failed::Closed)));
        }
        self.dirty = false;
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Gives the buffers back, if a large message grew them and nothing is under way in either
    /// direction. Call it when reading is pending: then everything that was read has been taken.
    pub(crate) fn release(&mut self) {
        let idle = self.scan.between_messages() && !self.dirty && self.ws.can_write();
        if self.largest > KEPT_BUFFER && idle {
            self.ws = WebSocketContext::new(self.role, Some(config(self.limit)));
            self.largest = 0;
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

fn config(limit: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_GATHER)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
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
