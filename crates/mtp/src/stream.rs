//! A socket with or without TLS, and with or without a WebSocket in it. The TLS state is boxed, so that a plain link does not pay for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Either kind of stream, of either side.
pub(crate) enum Stream {
    Plain(TcpStream),
    Accepted(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    Dialled(Box<tokio_rustls::client::TlsStream<TcpStream>>),
    #[cfg(all(feature = "mqtt", feature = "ws"))]
    WebSocket(Box<crate::mqtt::websocket::WebSocket>),
}

#[cfg(feature = "broker")]
impl Stream {
    /// The peer may send as much at a time as anybody may.
    pub(crate) fn let_in(&mut self) {
        #[cfg(feature = "ws")]
        if let Stream::WebSocket(socket) = self {
            socket.let_in();
        }
    }
}

macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Accepted(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
            Stream::Dialled(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
            #[cfg(all(feature = "mqtt", feature = "ws"))]
            Stream::WebSocket(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(cx))
    }
}
