//! MQTT over WebSocket (MQTT 5.0 and 3.1.1, section 6), both sides: the opening handshake with the subprotocol `mqtt`,
//! and the bytes of MQTT in binary messages, whose borders mean nothing.

mod handshake;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::Message;
use tungstenite::protocol::Role;

use crate::error::Error;
use crate::limits::READ_BUFFER;
use crate::link::Refusal;
use crate::mqtt::limits::MAX_PACKET;
use crate::stream::Stream;
use crate::ws::close_code::NORMAL;
use crate::ws::enrol::{HeadRead, read_head, write_all};
use crate::ws::handshake::refusal_response;
use crate::ws::wire::{Failed, Got, Wire};

/// Bytes of one message that we send.
const MESSAGE: usize = 64 * 1024;

/// A stream of bytes in the messages of a WebSocket.
pub(crate) struct WebSocket {
    wire: Wire<Stream>,
    /// What is left of the last message.
    rest: Bytes,
    closing: bool,
}

impl WebSocket {
    fn new(io: Stream, role: Role, rest: Vec<u8>) -> WebSocket {
        WebSocket { wire: Wire::new(io, role, rest), rest: Bytes::new(), closing: false }
    }

    /// Messages may be as long as a packet from here on.
    pub(crate) fn let_in(&mut self) {
        self.wire.set_limit(MAX_PACKET);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.poll_flush(cx).map_err(lost)
    }
}

impl AsyncRead for WebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            match this.wire.poll_message(cx) {
                Poll::Ready(Ok(Got::Record(bytes))) => this.rest = bytes,
                Poll::Ready(Ok(Got::Sign)) => {}
                // MQTT-6.0.0-1
                Poll::Ready(Ok(Got::Text)) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Poll::Ready(Ok(Got::Close { .. }) | Err(Failed::Closed)) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(failed)) => return Poll::Ready(Err(lost(failed))),
                Poll::Pending => {
                    // The answer to a ping.
                    if let Poll::Ready(sent) = this.poll_send(cx) {
                        sent?;
                    }
                    this.wire.release();
                    return Poll::Pending;
                }
            }
        }
        let taken = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest[..taken]);
        this.rest.advance(taken);
        if this.rest.is_empty() {
            this.rest = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.wire.is_blocked() {
            ready!(self.poll_send(cx))?;
        }
        let taken = buf.len().min(MESSAGE);
        let message = Message::Binary(Bytes::copy_from_slice(&buf[..taken]));
        Poll::Ready(self.wire.write(cx, message).map(|()| taken).map_err(lost))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closing {
            if self.wire.is_blocked() {
                ready!(self.poll_send(cx))?;
            }
            self.closing = true;
            // Who has closed already needs no answer.
            let _ = self.wire.start_close(cx, NORMAL, "");
        }
        let _ = ready!(self.poll_send(cx));
        self.wire.poll_shutdown(cx)
    }
}

fn lost(failed: Failed) -> io::Error {
    match failed {
        Failed::Closed => io::ErrorKind::BrokenPipe.into(),
        Failed::Lost(kind) => kind.into(),
        Failed::TooLong => io::Error::new(io::ErrorKind::InvalidData, "a message over the limit"),
        Failed::Protocol(what) => io::Error::new(io::ErrorKind::InvalidData, what),
    }
}

/// Asks a broker for a WebSocket at this path.
pub(crate) async fn ask(mut io: Stream, host: &str, port: u16, path: &str) -> Result<Stream, Error> {
    let mut nonce = [0; 16];
    SystemRandom::new().fill(&mut nonce).map_err(|_| Error::Io(io::ErrorKind::Other.into()))?;
    let key = STANDARD.encode(nonce);
    write_all(&mut io, &handshake::request(host, port, path, &key)).await?;
    let (head, rest) = match read_head(&mut io).await? {
        HeadRead::Whole(head, rest) => (head, rest),
        HeadRead::TooLong => return Err(Error::Handshake("the answer is too long")),
        HeadRead::NotHttp => return Err(Error::Handshake("the answer is not HTTP")),
    };
    handshake::check_answer(&head, &key)?;
    let mut socket = WebSocket::new(io, Role::Client, rest);
    socket.let_in();
    Ok(Stream::WebSocket(Box::new(socket)))
}

/// Answers a client that wants a WebSocket at this path; or the refusal that it was answered with.
pub(crate) async fn answer(mut io: Stream, path: &str) -> io::Result<Result<Stream, Refusal>> {
    let asked = match read_head(&mut io).await? {
        HeadRead::Whole(head, rest) => handshake::read_request(&head, path).map(|key| (key, rest)),
        HeadRead::TooLong => Err(Refusal::new(431, "the request's head is too long")),
        HeadRead::NotHttp => Err(Refusal::new(400, "not HTTP")),
    };
    match asked {
        Ok((key, rest)) => {
            write_all(&mut io, &handshake::response(&key)).await?;
            let socket = WebSocket::new(io, Role::Server, rest);
            Ok(Ok(Stream::WebSocket(Box::new(socket))))
        }
        Err(refusal) => {
            write_all(&mut io, &refusal_response(&refusal)).await?;
            drain(&mut io).await;
            Ok(Err(refusal))
        }
    }
}

/// So that the client reads our answer, and no reset.
async fn drain(io: &mut Stream) {
    let mut left = tokio::io::AsyncReadExt::take(io, READ_BUFFER as u64);
    let shut = tokio::io::AsyncWriteExt::shutdown(left.get_mut()).await;
    if shut.is_ok() {
        let _ = tokio::io::copy(&mut left, &mut tokio::io::sink()).await;
    }
}
