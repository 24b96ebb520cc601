//! The task of one connection to a broker: moves bytes between socket and [`Machine`], Records between the
//! machine and the link's users, and closes.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use usp_proto::link::Inbound;

use super::limits::MAX_PACKET;
use super::machine::{End, Event, Machine};
use super::meter::Meter;
use super::settings::Subscription;
use super::topic::Topic;
use crate::limits::{CLOSE_GRACE, READ_BUFFER};
use crate::link::{DownReason, LinkHandler, Out, Shared};
use crate::stream::Stream;

/// What ends the link.
pub(super) enum Over {
    /// The machine says so.
    Ended(End),
    CloseWish,
    Dead,
    Lost(std::io::ErrorKind),
}

/// What the holders of a link wish to be subscribed to: the latest filters that were asked for.
#[derive(Default)]
pub(super) struct Wish(Mutex<Option<Vec<Subscription>>>);

impl Wish {
    pub(super) fn set(&self, filters: Vec<Subscription>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(filters);
    }

    fn take(&self) -> Option<Vec<Subscription>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Socket, machine and queue of one link.
pub(super) struct Conn {
    io: Stream,
    machine: Machine,
    pub(super) shared: Arc<Shared>,
    pub(super) wish: Arc<Wish>,
    meter: Option<Arc<Meter>>,
    started: Instant,
    /// What is being written.
    writing: Bytes,
    timer: Pin<Box<Sleep>>,
}

impl Conn {
    /// The machine's time counts from `started`.
    pub(super) fn new(
        io: Stream,
        machine: Machine,
        shared: Arc<Shared>,
        started: Instant,
        meter: Option<Arc<Meter>>,
    ) -> Conn {
        let timer = Box::pin(sleep_until(started));
        Conn { io, machine, shared, wish: Arc::default(), meter, started, writing: Bytes::new(), timer }
    }

    /// Writes what is to be written, then looks at the clock, then reads.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(Topic, Bytes), Over>> {
        loop {
            while let Some(event) = self.machine.poll_event() {
                match event {
                    Event::Record { reply_to, record } => return Poll::Ready(Ok((reply_to, record))),
                    Event::Ended(end) => return Poll::Ready(Err(Over::Ended(end))),
                    Event::Accepted { .. } | Event::Up { .. } => {}
                }
            }
            if let Some(over) = self.poll_out(cx) {
                return Poll::Ready(Err(over));
            }
            // Before reading: a broker that always has something to say is to be pinged, too.
            if self.poll_timer(cx).is_ready() {
                continue;
            }
            if let Err(kind) = ready!(self.poll_read(cx)) {
                return Poll::Ready(Err(Over::Lost(kind)));
            }
        }
    }

    /// Hands a Record over. Sending goes on meanwhile; reading does not. What ends the link waits until
    /// the handler is done.
    pub(super) async fn deliver<H: LinkHandler>(
        &mut self,
        inbound: Inbound,
        handler: &H,
    ) -> Result<(), Over> {
        let mut handling = pin!(handler.inbound(inbound));
        let mut over = None;
        poll_fn(|cx| {
            let verdict = handling.as_mut().poll(cx);
            if over.is_none() {
                over = self.poll_out(cx);
            }
            verdict
        })
        .await;
        over.map_or(Ok(()), Err)
    }

    /// Closes as the case demands, with a DISCONNECT where the protocol has one (R-MQTT.35).
    pub(super) async fn end(&mut self, over: Over) -> DownReason {
        let reason = match over {
            Over::Lost(kind) => return DownReason::Lost(kind),
            Over::Dead | Over::Ended(End::Dead) => return DownReason::Dead,
            Over::CloseWish => {
                let (code, reason) = self.shared.close_wish();
                // A broker that takes nothing any more will not be waited for.
                let _ = timeout(CLOSE_GRACE, poll_fn(|cx| self.poll_drained(cx))).await;
                self.machine.close();
                DownReason::ClosedByUs { code, reason }
            }
            Over::Ended(End::ClosedByBroker { code, reason }) => {
                DownReason::ClosedByPeer { code: u16::from(code), reason }
            }
            Over::Ended(End::TooLong) => DownReason::TooLong { limit: MAX_PACKET },
            Over::Ended(end) => DownReason::Protocol(end.to_string()),
        };
        let _ = timeout(CLOSE_GRACE, poll_fn(|cx| self.poll_finish(cx))).await;
        reason
    }

    /// Moves the queue into the machine and from there to the socket, as far as both take it. Whatever
    /// happens, this task is woken for the next change of the queue.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Option<Over> {
        let attention = self.shared.attend(cx.waker());
        if attention.dead {
            return Some(Over::Dead);
        }
        if attention.close {
            return Some(Over::CloseWish);
        }
        if let Some(filters) = self.wish.take() {
            self.machine.follow(self.started.elapsed(), filters);
        }
        let written = self.poll_queue(cx);
        self.count();
        match written {
            Poll::Ready(Err(kind)) => Some(Over::Lost(kind)),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        }
    }

    fn count(&mut self) {
        if let Some(meter) = &self.meter {
            meter.add(self.machine.take_counted());
        }
    }

    /// Ready when there is nothing that could be written now.
    fn poll_queue(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), std::io::ErrorKind>> {
        loop {
            self.fill();
            if !self.write_next() {
                return Pin::new(&mut self.io).poll_flush(cx).map_err(|e| e.kind());
            }
            let written =
                ready!(Pin::new(&mut self.io).poll_write(cx, &self.writing)).map_err(|e| e.kind())?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero));
            }
            self.writing.advance(written);
        }
    }

    /// Whether there is something to write.
    fn write_next(&mut self) -> bool {
        while self.writing.is_empty() {
            match self.machine.poll_transmit() {
                Some(bytes) => self.writing = bytes,
                None => return false,
            }
        }
        true
    }

    /// True when the link's queue is empty.
    fn fill(&mut self) -> bool {
        let now = self.started.elapsed();
        while self.machine.is_ready() {
            match self.shared.next() {
                Out::Nothing => return true,
                Out::Ping => self.machine.ping(now),
                Out::Record { to, record } => {
                    let to = to.as_deref().unwrap_or_default();
                    if let Err(error) = self.machine.publish(now, to, &record) {
                        tracing::warn!(link = self.shared.link.0, topic = to, %error, "a Record was not published");
                    }
                }
            }
        }
        false
    }

    /// Ready when everything that was queued has left, acknowledged or not; acknowledgements are read.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.poll_queue(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) if self.fill() => return Poll::Ready(()),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            // Records that cross our good-bye have nobody to go to any more.
            if ready!(self.poll_read(cx)).is_err() {
                return Poll::Ready(());
            }
            while let Some(event) = self.machine.poll_event() {
                if matches!(event, Event::Ended(_)) {
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Writes the machine's last words and shuts the socket down.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.write_next() {
            match ready!(Pin::new(&mut self.io).poll_write(cx, &self.writing)) {
                Ok(written) if written > 0 => self.writing.advance(written),
                _ => return Poll::Ready(()),
            }
        }
        Pin::new(&mut self.io).poll_shutdown(cx).map(|_| ())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), std::io::ErrorKind>> {
        let mut room = [0; 4 * READ_BUFFER];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer)).map_err(|e| e.kind())?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(std::io::ErrorKind::UnexpectedEof));
        }
        self.shared.heard();
        self.machine.handle_input(self.started.elapsed(), buffer.filled());
        self.count();
        Poll::Ready(Ok(()))
    }

    /// Ready when the machine was told that its time has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.machine.poll_timeout() else { return Poll::Pending };
        let at = self.started + at;
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.machine.handle_timeout(self.started.elapsed());
        Poll::Ready(())
    }
}
