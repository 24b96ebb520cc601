//! The task of one connection to a STOMP server: moves bytes between socket and [`Machine`], Records between
//! the machine and the link's users, and closes.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use usp_proto::link::Inbound;

use super::frame::FrameError;
use super::machine::{End, Event, Machine};
use crate::limits::{CLOSE_GRACE, READ_BUFFER};
use crate::link::{DownReason, LinkHandler, Out, Shared};
use crate::stream::Stream;

/// RFC 6455 close code of a close without a code: STOMP has none.
const NO_CODE: u16 = 1005;

/// What ends the link.
pub(super) enum Over {
    /// The machine says so.
    Ended(End),
    CloseWish,
    Lost(ErrorKind),
}

/// Socket, machine and queue of one link.
pub(super) struct Conn {
    io: Stream,
    pub(super) machine: Machine,
    pub(super) shared: Arc<Shared>,
    started: Instant,
    /// What is being written.
    writing: Bytes,
    timer: Pin<Box<Sleep>>,
}

impl Conn {
    /// The machine's time counts from now.
    pub(super) fn new(io: Stream, machine: Machine) -> Conn {
        let started = Instant::now();
        Conn {
            io,
            machine,
            shared: Shared::brokered(),
            started,
            writing: Bytes::new(),
            timer: Box::pin(sleep_until(started)),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Writes what is to be written, then reads, then looks at the clock.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Over>> {
        loop {
            match self.machine.poll(self.now()) {
                Some(Event::End(end)) => return Poll::Ready(Err(Over::Ended(end))),
                Some(Event::Ignored(why)) => {
                    tracing::debug!(link = self.shared.link.0, why, "a message was ignored");
                    continue;
                }
                Some(event) => return Poll::Ready(Ok(event)),
                None => {}
            }
            if let Some(over) = self.poll_out(cx) {
                return Poll::Ready(Err(over));
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(kind)) => return Poll::Ready(Err(Over::Lost(kind))),
                Poll::Pending => {}
            }
            ready!(self.poll_timer(cx));
        }
    }

    /// Hands a Record over. Sending and our heart-beats go on meanwhile; reading does not. What ends the link
    /// waits until the handler is done.
    pub(super) async fn deliver<H: LinkHandler>(
        &mut self,
        inbound: Inbound,
        handler: &H,
    ) -> Result<(), Over> {
        self.machine.pause();
        let mut handling = pin!(handler.inbound(inbound));
        let mut over = None;
        poll_fn(|cx| {
            let verdict = handling.as_mut().poll(cx);
            while over.is_none() {
                over = self.poll_out(cx);
                if over.is_none() && self.poll_timer(cx).is_pending() {
                    break;
                }
            }
            verdict
        })
        .await;
        self.machine.resume(self.now());
        over.map_or(Ok(()), Err)
    }

    /// Closes as the case demands: where we do it, what is queued leaves first, and the server confirms our
    /// DISCONNECT (R-STOMP.28), which it does after everything before it.
    pub(super) async fn end(&mut self, over: Over) -> DownReason {
        let reason = match over {
            Over::Lost(kind) => return DownReason::Lost(kind),
            Over::CloseWish => {
                let (code, reason) = self.shared.close_wish();
                // A server that takes nothing any more will not be waited for.
                let _ = timeout(CLOSE_GRACE, self.leave()).await;
                return DownReason::ClosedByUs { code, reason };
            }
            Over::Ended(End::ServerError(text)) => DownReason::ClosedByPeer { code: NO_CODE, reason: text },
            Over::Ended(End::Frame(FrameError::TooLong { limit })) => DownReason::TooLong { limit },
            Over::Ended(End::Dead) => DownReason::Dead,
            Over::Ended(end) => DownReason::Protocol(end.to_string()),
        };
        let _ = timeout(CLOSE_GRACE, poll_fn(|cx| self.poll_finish(cx))).await;
        reason
    }

    async fn leave(&mut self) {
        poll_fn(|cx| self.poll_until(cx, Conn::is_drained)).await;
        self.machine.close(self.now());
        poll_fn(|cx| self.poll_until(cx, |_| false)).await;
        poll_fn(|cx| self.poll_finish(cx)).await;
    }

    /// Moves the queue into the machine and from there to the socket, as far as both take it. Whatever
    /// happens, this task is woken for the next change of the queue.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<Over> {
        if self.shared.attend(cx.waker()).close {
            return Some(Over::CloseWish);
        }
        // A server that never stops talking must not keep us from beating.
        self.machine.beat(self.now());
        match self.poll_queue(cx) {
            Poll::Ready(Err(kind)) => Some(Over::Lost(kind)),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    /// Ready when there is nothing that could be written now.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErrorKind>> {
        loop {
            if self.writing.is_empty() {
                self.fill();
                self.writing = self.machine.take_out();
            }
            if self.writing.is_empty() {
                return Pin::new(&mut self.io).poll_flush(cx).map_err(|e| e.kind());
            }
            let written =
                ready!(Pin::new(&mut self.io).poll_write(cx, &self.writing)).map_err(|e| e.kind())?;
            if written == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero));
            }
            self.writing.advance(written);
        }
    }

    /// True when the link's queue is empty.
    fn fill(&mut self) -> bool {
        let now = self.now();
        while self.machine.is_ready() {
            match self.shared.next() {
                Out::Nothing => return true,
                // A server that does not beat never answers: as long as the connection stands, it counts as alive.
                Out::Ping if self.machine.ping(now) => {}
                Out::Ping => self.shared.heard(),
                Out::Record { to, record } => {
                    let to = to.as_deref().unwrap_or_default();
                    if !self.machine.send(now, to, &record) {
                        tracing::warn!(link = self.shared.link.0, destination = to, "a Record was not sent");
                    }
                }
            }
        }
        false
    }

    fn is_drained(&mut self) -> bool {
        self.writing.is_empty() && self.fill()
    }

    /// Writes and reads until `done`, or until the connection is over. Records that cross our good-bye have
    /// nobody to go to any more.
    fn poll_until(&mut self, cx: &mut Context<'_>, done: fn(&mut Conn) -> bool) -> Poll<()> {
        loop {
            while let Some(event) = self.machine.poll(self.now()) {
                match event {
                    Event::End(_) => return Poll::Ready(()),
                    Event::Record { .. } => {
                        tracing::debug!(link = self.shared.link.0, "a Record came too late");
                    }
                    Event::Up(_) | Event::Ignored(_) => {}
                }
            }
            if matches!(self.poll_queue(cx), Poll::Ready(Err(_))) || done(self) {
                return Poll::Ready(());
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(())) => continue,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            ready!(self.poll_timer(cx));
        }
    }

    /// Writes the machine's last words and shuts the socket down.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.poll_queue(cx)) {
            Ok(()) => Pin::new(&mut self.io).poll_shutdown(cx).map(|_| ()),
            Err(_) => Poll::Ready(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ErrorKind>> {
        let mut room = [0; 4 * READ_BUFFER];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)).map_err(|e| e.kind())?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(ErrorKind::UnexpectedEof));
        }
        self.shared.heard();
        self.machine.receive(self.now(), buffer.filled());
        Poll::Ready(Ok(()))
    }

    /// Ready when the machine was told that its time has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.machine.timeout() else { return Poll::Pending };
        let at = self.started + at;
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.machine.expired(self.now());
        Poll::Ready(())
    }
}
