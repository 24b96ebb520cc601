//! One connection after its upgrade: one task that reads, writes and closes. No timer runs while it is
//! idle; the shared keep-alive wakes it.

use std::borrow::Cow;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tungstenite::Message;
use usp_proto::EndpointId;
use usp_proto::link::{Contact, Inbound, PeerAuth, ReturnPath};

use super::close_code;
use super::wire::{Failed, Got, Wire};
use crate::limits::{CLOSE_GRACE, MAX_MESSAGE};
use crate::link::{DownGuard, DownReason, LinkHandler, LinkSender, LinkUp, Out, Role, Shared, Side, Verdict};

/// What is known about a link when it stands.
pub(crate) struct Facts {
    pub(crate) peer_addr: SocketAddr,
    pub(crate) eid: Option<EndpointId>,
    pub(crate) peer: PeerAuth,
    pub(crate) side: Side,
    pub(crate) role: Role,
}

/// What ends the link.
enum End {
    Unacceptable(&'static str),
    PeerClosed { code: u16, reason: String },
    CloseWish,
    Dead,
    Failed(Failed),
}

struct Conn<S> {
    wire: Wire<S>,
    shared: Arc<Shared>,
}

/// Runs a link until it is gone. Not an `async fn`: its arguments would be held a second time, by every
/// idle link.
pub(crate) fn run<S, H>(
    wire: Wire<S>,
    shared: Arc<Shared>,
    facts: Facts,
    handler: &H,
) -> impl Future<Output = DownReason>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: LinkHandler,
{
    let link = shared.link;
    let return_path = ReturnPath::WebSocket(link);
    let peer = facts.peer.clone();
    let up = Box::new(LinkUp {
        link,
        peer_addr: Some(facts.peer_addr),
        eid: facts.eid,
        peer: facts.peer,
        return_path: return_path.clone(),
        contact: Contact::Connection,
        side: facts.side,
        role: facts.role,
        sender: LinkSender(shared.clone()),
    });
    let mut conn = Conn { wire, shared };
    async move {
        let mut guard = DownGuard { handler, shared: conn.shared.clone(), reason: None };
        handler.up(*up);
        let end = loop {
            let record = match poll_fn(|cx| conn.poll(cx)).await {
                Ok(record) => record,
                Err(end) => break end,
            };
            let inbound = Inbound { link, peer: peer.clone(), return_path: return_path.clone(), record };
            match conn.deliver(inbound, handler).await {
                Ok(Verdict::Accepted) => {}
                Ok(Verdict::Undecodable) => break End::Unacceptable("the Record can't be decoded"),
                Err(end) => break end,
            }
        };
        // Boxed: how a link ends must not make it larger while it is idle.
        let (reason, at_fault) = Box::pin(conn.end(end)).await;
        guard.reason = Some(reason.clone());
        drop(guard);
        if at_fault {
            Box::pin(conn.linger()).await;
        }
        reason
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conn<S> {
    /// Writes what is to be written, then reads.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, End>> {
        loop {
            if let Some(end) = self.poll_out(cx) {
                return Poll::Ready(Err(end));
            }
            let got = match self.wire.poll_message(cx) {
                Poll::Ready(got) => got,
                Poll::Pending => {
                    self.wire.release();
                    return Poll::Pending;
                }
            };
            if got.is_ok() {
                self.shared.heard();
            }
            return Poll::Ready(match got {
                Ok(Got::Sign) => continue,
                Ok(Got::Record(record)) => Ok(record),
                Ok(Got::Text) => Err(End::Unacceptable("only binary frames carry Records")),
                Ok(Got::Close { code, reason }) => Err(End::PeerClosed { code, reason }),
                Err(failed) => Err(End::Failed(failed)),
            });
        }
    }

    /// Moves the queue towards the socket, as far as the socket takes it. Whatever happens, this task is
    /// woken for the next change of the queue.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let attention = self.shared.attend(cx.waker());
        if attention.dead {
            return Some(End::Dead);
        }
        if attention.close {
            return Some(End::CloseWish);
        }
        if attention.authorised {
            self.wire.set_limit(MAX_MESSAGE);
        }
        match self.poll_queue(cx) {
            Poll::Ready(Err(failed)) => Some(End::Failed(failed)),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    /// Ready when the queue is empty and flushed. R-WS.14, R-WS.14a: one Record, one binary frame.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        loop {
            if self.wire.is_blocked() {
                ready!(self.wire.poll_flush(cx))?;
            }
            match self.shared.next() {
                Out::Record { to, record } => {
                    debug_assert!(to.is_none(), "a WebSocket has one peer");
                    self.wire.write(cx, Message::Binary(record))?;
                }
                Out::Ping => self.wire.write(cx, Message::Ping(Bytes::new()))?,
                Out::Nothing if self.wire.is_blocked() => {}
                Out::Nothing => return self.wire.poll_flush(cx),
            }
        }
    }

    /// Hands a Record over. Sending goes on meanwhile; reading does not. What ends the link waits until
    /// the handler is done.
    async fn deliver<H: LinkHandler>(&mut self, inbound: Inbound, handler: &H) -> Result<Verdict, End> {
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
        match end {
            Some(end) => Err(end),
            None => Ok(verdict),
        }
    }

    /// Closes as the case demands. True when the peer was at fault: it may still be sending, and must
    /// be [lingered](Conn::linger) for.
    async fn end(&mut self, end: End) -> (DownReason, bool) {
        match end {
            End::PeerClosed { code, reason } => {
                self.finish_close().await;
                (DownReason::ClosedByPeer { code, reason }, false)
            }
            End::CloseWish => {
                let (code, reason) = self.shared.close_wish();
                self.close(code, &reason).await;
                (DownReason::ClosedByUs { code, reason }, false)
            }
            // R-WS.16.
            End::Unacceptable(why) => {
                self.refuse(close_code::UNACCEPTABLE, why).await;
                (DownReason::ClosedByUs { code: close_code::UNACCEPTABLE, reason: Cow::Borrowed(why) }, true)
            }
            End::Failed(Failed::TooLong) => {
                self.refuse(close_code::TOO_LONG, "the message is too long").await;
                (DownReason::TooLong { limit: self.wire.limit() }, true)
            }
            End::Failed(Failed::Protocol(what)) => {
                self.refuse(close_code::PROTOCOL, "protocol violation").await;
                (DownReason::Protocol(what), true)
            }
            End::Dead => (DownReason::Dead, false),
            End::Failed(Failed::Lost(kind)) => (DownReason::Lost(kind), false),
            End::Failed(Failed::Closed) => (DownReason::Lost(std::io::ErrorKind::UnexpectedEof), false),
        }
    }

    /// R-WS.8: sends what is queued and a close frame, then waits for the peer's.
    async fn close(&mut self, code: u16, reason: &str) {
        let closing = async {
            if poll_fn(|cx| self.poll_queue(cx)).await.is_err() || !self.send_close(code, reason).await {
                return;
            }
            // Records that crossed our close frame have nobody to go to any more.
            while poll_fn(|cx| self.wire.poll_message(cx)).await.is_ok() {}
            self.finish_close().await;
        };
        // A peer that does not answer in time has been told.
        let _ = timeout(CLOSE_GRACE, closing).await;
    }

    /// Says why, and that nothing more will come. What the peer still sends is not read as frames.
    async fn refuse(&mut self, code: u16, reason: &str) {
        let refusing = async {
            if self.send_close(code, reason).await {
                let _ = poll_fn(|cx| self.wire.poll_shutdown(cx)).await;
            }
        };
        let _ = timeout(CLOSE_GRACE, refusing).await;
    }

    /// Drops what the peer still sends, for a while, so that it gets to read our close frame.
    async fn linger(&mut self) {
        let mut dropped = 0;
        let _ = timeout(CLOSE_GRACE, poll_fn(|cx| self.wire.poll_linger(cx, &mut dropped))).await;
    }

    async fn send_close(&mut self, code: u16, reason: &str) -> bool {
        poll_fn(|cx| if self.wire.is_blocked() { self.wire.poll_flush(cx) } else { Poll::Ready(Ok(())) })
            .await
            .is_ok()
            && poll_fn(|cx| Poll::Ready(self.wire.start_close(cx, code, reason))).await.is_ok()
            && poll_fn(|cx| self.wire.poll_flush(cx)).await.is_ok()
    }

    /// Flushes our half of the close handshake and shuts the socket down.
    async fn finish_close(&mut self) {
        let finishing = async {
            // The connection counts as closed already; what can't be flushed now is lost either way.
            let _ = poll_fn(|cx| self.wire.poll_flush(cx)).await;
            let _ = poll_fn(|cx| self.wire.poll_shutdown(cx)).await;
        };
        let _ = timeout(CLOSE_GRACE, finishing).await;
    }
}
