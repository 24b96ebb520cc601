//! Runs a link of a protocol that is a stream of bytes: one task that reads, writes and closes. What the
//! bytes mean is a [`Protocol`]'s business.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use usp_proto::link::{Inbound, ReturnPath};

use super::{DownGuard, DownReason, LinkHandler, LinkUp, Out, Shared, Verdict};
use crate::limits::{CLOSE_GRACE, MAX_LINGER, MAX_MESSAGE, WRITE_GATHER};

/// Bytes of one read; they lie on the stack, so that an idle link has none of them.
const READ_BYTES: usize = 8 * 1024;
/// RFC 6455 close code of what can't be used.
const UNACCEPTABLE: u16 = 1003;

/// A protocol of a stream, sans IO.
pub(crate) trait Protocol {
    /// Bytes arrived.
    fn receive(&mut self, bytes: &[u8]);
    /// What they held.
    fn poll(&mut self) -> Option<Got>;
    /// A Record leaves.
    fn send(&mut self, record: &Bytes);
    /// We close, after everything else has left: 1000 and 1001 in peace, others for a reason of the peer's.
    fn close(&mut self, code: u16, reason: &str);
    /// Bytes to write.
    fn take_out(&mut self) -> Bytes;
    /// The longest Record that is taken from now on, bytes.
    fn set_limit(&mut self, record_bytes: usize);
}

/// What a protocol gives.
pub(crate) enum Got {
    /// A Record, and where its answer goes.
    Record(ReturnPath, Bytes),
    /// The link is over; what there is to be written still leaves.
    End(DownReason),
}

struct Driver<S, P> {
    io: S,
    protocol: P,
    shared: Arc<Shared>,
    out: Bytes,
}

/// Runs a link until it is gone.
pub(crate) async fn drive<S, P, H>(
    io: S,
    protocol: P,
    shared: Arc<Shared>,
    up: LinkUp,
    handler: &H,
) -> DownReason
where
    S: AsyncRead + AsyncWrite + Unpin,
    P: Protocol,
    H: LinkHandler,
{
    let mut guard = DownGuard { handler, shared: shared.clone(), reason: None };
    let (link, peer) = (up.link, up.peer.clone());
    let mut driver = Driver { io, protocol, shared, out: Bytes::new() };
    handler.up(up);
    let reason = loop {
        let (return_path, record) = match poll_fn(|cx| driver.poll(cx)).await {
            Ok(got) => got,
            Err(reason) => break reason,
        };
        let inbound = Inbound { link, peer: peer.clone(), return_path, record };
        match driver.deliver(inbound, handler).await {
            Ok(Verdict::Accepted) => {}
            Ok(Verdict::Undecodable) => break unacceptable(),
            Err(reason) => break reason,
        }
    };
    driver.finish(&reason).await;
    guard.reason = Some(reason.clone());
    drop(guard);
    driver.linger().await;
    reason
}

impl<S: AsyncRead + AsyncWrite + Unpin, P: Protocol> Driver<S, P> {
    /// Writes what is to be written, then reads.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(ReturnPath, Bytes), DownReason>> {
        loop {
            if let Some(reason) = self.poll_out(cx) {
                return Poll::Ready(Err(reason));
            }
            match self.protocol.poll() {
                Some(Got::Record(path, record)) => return Poll::Ready(Ok((path, record))),
                Some(Got::End(reason)) => return Poll::Ready(Err(reason)),
                None => {}
            }
            let mut room = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                Ok(()) if read.filled().is_empty() => return Poll::Ready(Err(closed_by_peer())),
                Ok(()) => {
                    self.shared.heard();
                    self.protocol.receive(read.filled());
                }
                Err(error) => return Poll::Ready(Err(DownReason::Lost(error.kind()))),
            }
        }
    }

    /// Moves the queue towards the socket, as far as the socket takes it. Whatever happens, this task is
    /// woken for the next change of the queue.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<DownReason> {
        let attention = self.shared.attend(cx.waker());
        if attention.dead {
            return Some(DownReason::Dead);
        }
        if attention.close {
            let (code, reason) = self.shared.close_wish();
            return Some(DownReason::ClosedByUs { code, reason });
        }
        if attention.authorised {
            self.protocol.set_limit(MAX_MESSAGE);
        }
        match self.poll_queue(cx) {
            Poll::Ready(Err(error)) => Some(DownReason::Lost(error.kind())),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    /// Ready when the queue is empty and written.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_write(cx))?;
            let mut gathered = 0;
            while gathered < WRITE_GATHER {
                match self.shared.next() {
                    Out::Record { record, .. } => {
                        gathered += record.len();
                        self.protocol.send(&record);
                    }
                    // The kernel says at once when the other process is gone: an open link is alive.
                    Out::Ping => self.shared.heard(),
                    Out::Nothing => break,
                }
            }
            self.out = self.protocol.take_out();
            if self.out.is_empty() {
                return Pin::new(&mut self.io).poll_flush(cx);
            }
        }
    }

    /// Ready when nothing is left of what was taken for writing.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        self.out = Bytes::new();
        Poll::Ready(Ok(()))
    }

    /// Hands a Record over. Sending goes on meanwhile; reading does not. What ends the link waits until
    /// the handler is done.
    async fn deliver<H: LinkHandler>(
        &mut self,
        inbound: Inbound,
        handler: &H,
    ) -> Result<Verdict, DownReason> {
        let mut handling = pin!(handler.inbound(inbound));
        let mut end = None;
        let verdict = poll_fn(|cx| {
            let verdict = handling.as_mut().poll(cx);
            if end.is_none() {
                end = self.poll_out(cx);
            }
            verdict
        })
        .await;
        end.map_or(Ok(verdict), Err)
    }

    /// What still has to be said leaves, and then our direction is closed.
    async fn finish(&mut self, reason: &DownReason) {
        let finishing = async {
            if let DownReason::ClosedByUs { code, reason } = reason {
                poll_fn(|cx| self.poll_queue(cx)).await?;
                self.protocol.close(*code, reason);
            }
            poll_fn(|cx| self.poll_write(cx)).await?;
            self.out = self.protocol.take_out();
            poll_fn(|cx| self.poll_write(cx)).await?;
            poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await
        };
        // A peer that does not read can't be told more.
        let _ = timeout(CLOSE_GRACE, finishing).await;
    }

    /// Drops what the peer still sends, for a while: to close on it would take back what it has not read.
    async fn linger(&mut self) {
        let mut dropped = 0;
        let lingering = poll_fn(|cx| {
            while dropped < MAX_LINGER {
                let mut room = [0; READ_BYTES];
                let mut read = ReadBuf::new(&mut room);
                match ready!(Pin::new(&mut self.io).poll_read(cx, &mut read)) {
                    Ok(()) if !read.filled().is_empty() => dropped += read.filled().len(),
                    Ok(()) | Err(_) => break,
                }
            }
            Poll::Ready(())
        });
        let _ = timeout(CLOSE_GRACE, lingering).await;
    }
}

fn closed_by_peer() -> DownReason {
    DownReason::ClosedByPeer { code: 1005, reason: String::new() }
}

fn unacceptable() -> DownReason {
    DownReason::ClosedByUs { code: UNACCEPTABLE, reason: Cow::Borrowed("the Record can't be decoded") }
}
