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
use usp_proto::link::{Inbound, LinkId, PeerAuth, ReturnPath};

use super::close_code;
use super::wire::{Failed, Got, Wire};
use crate::limits::{CLOSE_GRACE, MAX_MESSAGE};
use crate::link::{DownReason, LinkHandler, LinkSender, LinkUp, Out, Role, Shared, Side, Verdict};

/// What is known about a link when it stands.
pub(crate) struct Facts {
    pub(crate) peer_addr: SocketAddr,
    pub(crate) eid: Option<EndpointId>,
    pub(crate) peer: PeerAuth,
    pub(crate) side: Side,
    pub(crate) role: Role,
}

/// Something that ends the link, or a Record.
enum Event {
    Record(Bytes),
    Text,
    PeerClosed { code: u16, reason: String },
    CloseWish,
    Dead,
    Failed(Failed),
}

struct Conn<S> {
    wire: Wire<S>,
    shared: Arc<Shared>,
}

/// Runs a link until it is gone.
pub(crate) async fn run<S, H>(wire: Wire<S>, shared: Arc<Shared>, facts: Facts, handler: &H) -> DownReason
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: LinkHandler,
{
    let link = shared.link;
    let return_path = ReturnPath::WebSocket(link);
    let peer = facts.peer.clone();
    let sender = LinkSender(shared.clone());
    let mut guard = DownGuard { handler, shared: shared.clone(), reason: None };
    handler.up(LinkUp {
        link,
        peer_addr: facts.peer_addr,
        eid: facts.eid,
        peer: facts.peer,
        return_path: return_path.clone(),
        side: facts.side,
        role: facts.role,
        sender,
    });
    let mut conn = Conn { wire, shared };
    let reason = loop {
        let event = match poll_fn(|cx| conn.poll(cx)).await {
            Event::Record(record) => {
                let inbound = Inbound { link, peer: peer.clone(), return_path: return_path.clone(), record };
                match conn.deliver(inbound, handler).await {
                    Ok(Verdict::Accepted) => continue,
                    // R-WS.16.
                    Ok(Verdict::Undecodable) => {
                        break Box::pin(conn.refuse(close_code::UNACCEPTABLE, "the Record can't be decoded"))
                            .await;
                    }
                    Err(event) => event,
                }
            }
            event => event,
        };
        break Box::pin(conn.end(event)).await;
    };
    guard.reason = Some(reason.clone());
    reason
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conn<S> {
    /// Writes what is to be written, then reads.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.poll_out(cx) {
                return Poll::Ready(event);
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
                Ok(Got::Record(record)) => Event::Record(record),
                Ok(Got::Text) => Event::Text,
                Ok(Got::Close { code, reason }) => Event::PeerClosed { code, reason },
                Err(failed) => Event::Failed(failed),
            });
        }
    }

    /// Moves the queue towards the socket, as far as the socket takes it. Whatever happens, this task is
    /// woken for the next change of the queue.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        let attention = self.shared.attend(cx.waker());
        if attention.dead {
            return Some(Event::Dead);
        }
        if attention.close {
            return Some(Event::CloseWish);
        }
        if attention.authorised {
            self.wire.set_limit(MAX_MESSAGE);
        }
        match self.poll_queue(cx) {
            Poll::Ready(Err(failed)) => Some(Event::Failed(failed)),
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
                Out::Record(record) => self.wire.write(cx, Message::Binary(record))?,
                Out::Ping => self.wire.write(cx, Message::Ping(Bytes::new()))?,
                Out::Nothing if self.wire.is_blocked() => {}
                Out::Nothing => return self.wire.poll_flush(cx),
            }
        }
    }

    /// Hands a Record over. Sending goes on meanwhile; reading does not. What ends the link waits until
    /// the handler is done.
    async fn deliver<H: LinkHandler>(&mut self, inbound: Inbound, handler: &H) -> Result<Verdict, Event> {
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
            Some(event) => Err(event),
            None => Ok(verdict),
        }
    }

    async fn end(&mut self, event: Event) -> DownReason {
        match event {
            Event::PeerClosed { code, reason } => {
                self.finish_close().await;
                DownReason::ClosedByPeer { code, reason }
            }
            Event::CloseWish => {
                let (code, reason) = self.shared.close_wish();
                self.close(code, &reason).await;
                DownReason::ClosedByUs { code, reason }
            }
            Event::Text => self.refuse(close_code::UNACCEPTABLE, "only binary frames carry Records").await,
            Event::Dead => DownReason::Dead,
            Event::Failed(Failed::TooLong) => {
                self.refuse(close_code::TOO_LONG, "the message is too long").await;
                DownReason::TooLong { limit: self.wire.limit() }
            }
            Event::Failed(Failed::Protocol(what)) => {
                self.refuse(close_code::PROTOCOL, "protocol violation").await;
                DownReason::Protocol(what)
            }
            Event::Failed(Failed::Lost(kind)) => DownReason::Lost(kind),
            Event::Failed(Failed::Closed) => DownReason::Lost(std::io::ErrorKind::UnexpectedEof),
            Event::Record(_) => unreachable!("a Record ends nothing"),
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

    /// Closes for the peer's fault, without reading what it still sends as frames.
    async fn refuse(&mut self, code: u16, reason: &'static str) -> DownReason {
        let refusing = async {
            if self.send_close(code, reason).await {
                let _ = poll_fn(|cx| self.wire.poll_shutdown(cx)).await;
                let mut dropped = 0;
                poll_fn(|cx| self.wire.poll_linger(cx, &mut dropped)).await;
            }
        };
        let _ = timeout(CLOSE_GRACE, refusing).await;
        DownReason::ClosedByUs { code, reason: Cow::Borrowed(reason) }
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

/// Says `down` exactly once, also when the handler panics or the task is dropped.
struct DownGuard<'h, H: LinkHandler> {
    handler: &'h H,
    shared: Arc<Shared>,
    reason: Option<DownReason>,
}

impl<H: LinkHandler> Drop for DownGuard<'_, H> {
    fn drop(&mut self) {
        self.shared.gone();
        let panicked = std::thread::panicking();
        let broken = if panicked { DownReason::Panicked } else { DownReason::Aborted };
        let link: LinkId = self.shared.link;
        let reason = self.reason.take().unwrap_or(broken);
        tracing::debug!(link = link.0, %reason, "link down");
        self.handler.down(link, reason);
    }
}
