//! One connection of an admitted client: one task that reads, writes and closes. It has no timer: the listener's
//! sweep ends the silent ones.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;
use usp_proto::EndpointId;

use super::limits::READ_BYTES;
use super::machine::{Arrived, Chunk, ConnId};
use super::rights::Gate;
use super::shared::{Deliveries, Hub};
use super::wire::Decoder;
use crate::limits::{CLOSE_GRACE, MAX_LINGER};
use crate::stream::Stream;

/// A connection that is admitted.
pub(super) struct Opened<G> {
    pub(super) io: Stream,
    pub(super) id: ConnId,
    /// Whose it is, if it is an Endpoint's.
    pub(super) endpoint: Option<EndpointId>,
    pub(super) decoder: Decoder,
    /// What came behind CONNECT.
    pub(super) rest: Vec<u8>,
    pub(super) hub: Arc<Hub<G>>,
}

struct Conn<G: Gate> {
    io: Stream,
    id: ConnId,
    endpoint: Option<EndpointId>,
    decoder: Decoder,
    /// It was not let in when this was last looked at.
    waits: bool,
    hub: Arc<Hub<G>>,
    writing: Chunk,
}

/// Why there is no more to read.
enum Over {
    /// The machine has ended it.
    Closing,
    Lost,
}

/// The machine forgets the connection, whatever happens to the task.
impl<G: Gate> Drop for Conn<G> {
    fn drop(&mut self) {
        self.hub.forget(self.id);
        if let Some(endpoint) = &self.endpoint {
            self.hub.gate.left(endpoint);
        }
    }
}

/// Runs a connection until it is gone. Not an `async fn`: its argument would be held a second time, by every idle
/// connection; what is rare is boxed.
pub(super) fn run<G: Gate>(opened: Opened<G>) -> impl Future<Output = ()> {
    let Opened { io, id, endpoint, decoder, rest, hub } = opened;
    if let Some(endpoint) = &endpoint {
        hub.gate.joined(endpoint);
    }
    let mut conn = Conn { io, id, endpoint, decoder, waits: true, hub, writing: Chunk::default() };
    let mut deliveries = conn.take_in(&rest);
    async move {
        loop {
            for (sender, arrived) in std::mem::take(&mut deliveries) {
                if let Err(TrySendError::Full(arrived)) = sender.try_send(arrived) {
                    Box::pin(conn.wait_for(&sender, arrived)).await;
                }
            }
            match poll_fn(|cx| conn.poll(cx)).await {
                Ok(next) => deliveries = next,
                Err(Over::Closing) => return Box::pin(conn.close()).await,
                Err(Over::Lost) => return,
            }
        }
    }
}

impl<G: Gate> Conn<G> {
    /// Writes what is to be written, then reads, unless too much waits for the client.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Deliveries, Over>> {
        loop {
            // Before anything is looked at: what comes later wakes this task.
            self.hub.watch(self.id, cx.waker());
            let written = match self.poll_write(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Over::Lost)),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            if self.is(|machine, id| machine.is_closing(id)) {
                return Poll::Ready(Err(Over::Closing));
            }
            if !written && self.is(|machine, id| machine.is_congested(id)) {
                return Poll::Pending;
            }
            self.admit();
            let mut room = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {
                    let deliveries = self.take_in(read.filled());
                    if !deliveries.is_empty() {
                        return Poll::Ready(Ok(deliveries));
                    }
                }
                Ok(()) | Err(_) => return Poll::Ready(Err(Over::Lost)),
            }
        }
    }

    /// Lets long packets in once the client does not wait any more: before anything is read, because a message of a
    /// WebSocket is measured by its head, and before what came with CONNECT is looked at.
    fn admit(&mut self) {
        if self.waits && !self.is(|machine, id| machine.is_waiting(id)) {
            self.waits = false;
            self.decoder.admit();
            self.io.let_in();
        }
    }

    /// Gives the packets to the machine. After the end of the protocol nothing is looked at any more.
    fn take_in(&mut self, mut data: &[u8]) -> Deliveries {
        self.admit();
        let mut all = Vec::new();
        let id = self.id;
        while !data.is_empty() {
            let packet = match self.decoder.read(&mut data) {
                Ok(None) => break,
                Ok(Some(packet)) => Ok(packet),
                Err(fault) => Err(fault),
            };
            let (open, deliveries) = self.hub.act(|machine, now| {
                match packet {
                    Ok(packet) => machine.receive(now, id, packet),
                    Err(fault) => machine.fault(now, id, fault),
                }
                !machine.is_closing(id)
            });
            all.extend(deliveries);
            if !open {
                break;
            }
        }
        all
    }

    /// Hands a Record over to somebody who has no room for it now. Sending goes on meanwhile; reading does not.
    async fn wait_for(&mut self, to: &Sender<Arrived>, arrived: Arrived) {
        let id = self.id;
        self.hub.act_now(|machine, now| machine.hold_up(now, id, true));
        let mut sending = pin!(to.send(arrived));
        // Whoever was attached and is gone misses nothing.
        let _ = poll_fn(|cx| {
            self.hub.watch(id, cx.waker());
            let sent = sending.as_mut().poll(cx);
            let _ = self.poll_write(cx);
            sent
        })
        .await;
        self.hub.act_now(|machine, now| machine.hold_up(now, id, false));
    }

    /// Writes the last words. A client that takes nothing any more will not be waited for.
    async fn close(&mut self) {
        let _ = timeout(CLOSE_GRACE, poll_fn(|cx| self.poll_write(cx))).await;
        part(&mut self.io).await;
    }

    /// Ready when there is nothing to write.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.writing.head.has_remaining() || self.writing.payload.has_remaining() {
                let head = !self.writing.head.is_empty();
                let part = if head { &mut self.writing.head } else { &mut self.writing.payload };
                let written = ready!(Pin::new(&mut self.io).poll_write(cx, part))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                part.advance(written);
            }
            self.writing = Chunk::default();
            let id = self.id;
            match self.hub.act_now(|machine, now| machine.poll_transmit(now, id)) {
                Some(chunk) => self.writing = chunk,
                None => return Pin::new(&mut self.io).poll_flush(cx),
            }
        }
    }

    fn is(&self, question: impl FnOnce(&super::Machine, ConnId) -> bool) -> bool {
        let id = self.id;
        self.hub.act(|machine, _| question(machine, id)).0
    }
}

/// Shuts our direction down and drops what still comes for a while, so that the peer reads our last words and no
/// reset.
pub(super) async fn part(io: &mut Stream) {
    let parting = async {
        if io.shutdown().await.is_ok() {
            let mut left = tokio::io::AsyncReadExt::take(io, MAX_LINGER as u64);
            let _ = tokio::io::copy(&mut left, &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(CLOSE_GRACE, parting).await;
}
