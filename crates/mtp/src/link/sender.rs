//! The half of a link that others hold: its bounded send queue, and the wishes (close, ping, authorise)
//! that its task carries out. One lock, held for a few instructions, never over an await.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use usp_proto::link::{LinkId, ReturnPath};

use super::DownReason;
use crate::limits::{
    BROKER_QUEUE_BYTES, BROKER_QUEUE_RECORDS, MAX_MESSAGE, MAX_MISSED_PINGS, MAX_PROBES, SEND_QUEUE_BYTES,
    SEND_QUEUE_RECORDS,
};

/// Talks to the peer of one link. Cheap to clone; holding one does not keep the link open.
#[derive(Clone)]
pub struct LinkSender(pub(crate) Arc<Shared>);

/// Why a Record was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// The link is gone, or closing.
    #[error("the link is closed")]
    Closed,
    /// Too much is waiting already.
    #[error("the link's send queue is full")]
    Full,
    /// The Record is longer than any message may be.
    #[error("the Record is too long for one message")]
    TooLong,
    /// The return path leads to another link, or a broker was not told to whom the Record goes.
    #[error("the return path does not lead through this link")]
    NoWay,
}

impl LinkSender {
    /// Which link.
    pub fn link(&self) -> LinkId {
        self.0.link
    }

    /// Queues a Record for the one peer of this link. It leaves in order, in one message.
    ///
    /// # Errors
    /// When the link is closed, its queue full, the Record too long, or the link one to a broker.
    pub fn send(&self, record: Bytes) -> Result<(), SendError> {
        match &self.0.way {
            Way::Peer => self.queue(None, record),
            Way::Broker => Err(SendError::NoWay),
            Way::Through(through) => self.queue(Some(through.to.clone()), record),
        }
    }

    /// Queues a Record for whoever the return path leads to. It leaves in order, in one message.
    ///
    /// # Errors
    /// When the path leads elsewhere, the link is closed, its queue full, or the Record too long.
    pub fn send_to(&self, path: &ReturnPath, record: Bytes) -> Result<(), SendError> {
        let to = path.address();
        if path.link() != self.0.link || to.is_some() == matches!(self.0.way, Way::Peer) {
            return Err(SendError::NoWay);
        }
        self.queue(to, record)
    }

    fn queue(&self, to: Option<Arc<str>>, record: Bytes) -> Result<(), SendError> {
        let mut state = self.0.lock();
        if state.closed || state.close.is_some() {
            return Err(SendError::Closed);
        }
        let (records, bytes) = match &self.0.way {
            Way::Peer => (SEND_QUEUE_RECORDS, SEND_QUEUE_BYTES),
            Way::Broker => (BROKER_QUEUE_RECORDS, BROKER_QUEUE_BYTES),
            Way::Through(through) => {
                drop(state);
                return LinkSender(through.broker.clone()).queue(to, record);
            }
        };
        if record.len() > MAX_MESSAGE {
            return Err(SendError::TooLong);
        }
        let room = state.queued_bytes + record.len() <= bytes || state.queue.is_empty();
        if state.queue.len() >= records || !room {
            return Err(SendError::Full);
        }
        state.queued_bytes += record.len();
        state.queue.push_back((to, record));
        state.wake();
        Ok(())
    }

    /// Closes the link with an RFC 6455 close code (a UNIX domain socket tells its peer the reason from 1002 on), after what is queued has left. The first call counts.
    pub fn close(&self, code: u16, reason: impl Into<Cow<'static, str>>) {
        let mut state = self.0.lock();
        if state.close.is_some() || state.closed {
            return;
        }
        let reason = reason.into();
        state.close = Some((code, reason.clone()));
        state.wake();
        drop(state);
        if let Way::Through(through) = &self.0.way {
            through.close(self.0.link, DownReason::ClosedByUs { code, reason });
        }
    }

    /// The peer is known now: its messages may be as long as
    /// [`MAX_MESSAGE`](crate::limits::MAX_MESSAGE).
    pub fn authorise(&self) {
        let mut state = self.0.lock();
        if state.authorised {
            return;
        }
        state.authorised = true;
        state.wake();
        drop(state);
        if let Way::Through(through) = &self.0.way
            && let Some(let_in) = &through.watch
        {
            let_in();
        }
    }

    /// Sends a ping now, outside the keep-alive schedule.
    pub fn ping(&self) {
        let mut state = self.0.lock();
        state.ping = true;
        state.wake();
    }

    /// Sends a ping and waits for any sign of life; false when there was none within `patience`.
    /// An Endpoint behind a broker can't be pinged: it counts as alive for a while after its last Record.
    /// When [`MAX_PROBES`] others wait already, it does not: an open link then counts as alive.
    pub async fn answers_ping(&self, patience: Duration) -> bool {
        let answered = {
            let mut state = self.0.lock();
            if let Way::Through(through) = &self.0.way {
                return !state.closed && through.is_fresh();
            }
            let Some(answered) = state.probe() else { return !state.closed };
            state.ping = true;
            state.wake();
            answered
        };
        matches!(tokio::time::timeout(patience, answered).await, Ok(Ok(())))
    }

    /// As [`LinkSender::answers_ping`], but for an Endpoint behind a broker from which nothing came for a while: it is
    /// sent this Record, and any Record that comes from where it is is an answer. Where nothing can be sent, or too many
    /// wait already, it counts as alive.
    pub async fn answers(&self, patience: Duration, question: impl FnOnce() -> Bytes) -> bool {
        match &self.0.way {
            Way::Through(through) if !through.is_fresh() => self.answers_question(patience, question).await,
            _ => self.answers_ping(patience).await,
        }
    }

    /// The same, whenever something came from it last.
    pub(crate) async fn answers_question(
        &self,
        patience: Duration,
        question: impl FnOnce() -> Bytes,
    ) -> bool {
        let answered = {
            let mut state = self.0.lock();
            let Some(answered) = state.probe() else { return !state.closed };
            answered
        };
        match self.send(question()) {
            Ok(()) => matches!(tokio::time::timeout(patience, answered).await, Ok(Ok(()))),
            Err(SendError::Closed) => false,
            Err(SendError::Full | SendError::TooLong | SendError::NoWay) => true,
        }
    }

    /// Whether the link is gone.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }
}

impl fmt::Debug for LinkSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LinkSender").field(&self.0.link).finish()
    }
}

/// What the task of a link and everybody else share.
pub(crate) struct Shared {
    pub(crate) link: LinkId,
    way: Way,
    state: Mutex<State>,
}

/// Whom a link leads to.
enum Way {
    /// Its one peer.
    Peer,
    /// A broker: many Endpoints are reached through it, each by an address.
    #[cfg_attr(
        not(any(feature = "coap", feature = "mqtt", feature = "stomp")),
        expect(dead_code, reason = "no transport of this build has a broker")
    )]
    Broker,
    /// One Endpoint behind a broker.
    #[cfg_attr(
        not(any(feature = "coap", feature = "mqtt", feature = "stomp")),
        expect(dead_code, reason = "no transport of this build has a broker")
    )]
    Through(Box<Through>),
}

/// Told when an Endpoint behind a broker is authorised. Must not block.
pub(crate) type LetIn = Box<dyn Fn() + Send + Sync>;

/// How an Endpoint behind a broker is reached.
struct Through {
    broker: Arc<Shared>,
    to: Arc<str>,
    heard: Mutex<Instant>,
    /// How long it counts as alive after that.
    fresh: Duration,
    /// Somebody tells when it is gone: until then it is there. They want to know when it is authorised.
    watch: Option<LetIn>,
    on_close: Arc<dyn Fn(LinkId, DownReason) + Send + Sync>,
    /// Links are closed from threads that belong to no runtime, too.
    runtime: Handle,
}

impl Through {
    /// Not by whoever asks for it: it may hold what its user needs to be told.
    fn close(&self, link: LinkId, reason: DownReason) {
        let on_close = Arc::clone(&self.on_close);
        self.runtime.spawn(async move { on_close(link, reason) });
    }

    fn is_fresh(&self) -> bool {
        self.watch.is_some()
            || self.heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < self.fresh
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Option<Arc<str>>, Bytes)>,
    queued_bytes: usize,
    close: Option<(u16, Cow<'static, str>)>,
    waker: Option<Waker>,
    probes: Vec<oneshot::Sender<()>>,
    missed_pings: u8,
    ping: bool,
    authorised: bool,
    dead: bool,
    closed: bool,
}

/// What the task should do next.
#[derive(Debug)]
pub(crate) enum Out {
    /// To whom, on a link to a broker, and what.
    Record {
        to: Option<Arc<str>>,
        record: Bytes,
    },
    Ping,
    Nothing,
}

/// What the task must know before it does anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    pub(crate) authorised: bool,
    pub(crate) dead: bool,
    pub(crate) close: bool,
}

impl Shared {
    /// Of a link with one peer.
    pub(crate) fn new() -> Arc<Shared> {
        Shared::with(Way::Peer)
    }

    /// Of a link to a broker.
    #[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
    pub(crate) fn brokered() -> Arc<Shared> {
        Shared::with(Way::Broker)
    }

    /// Of a link with one Endpoint behind a broker, at this address, which counts as alive for so long after a Record;
    /// with `watch` where somebody tells when it is gone.
    #[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
    pub(crate) fn through(
        broker: Arc<Shared>,
        to: Arc<str>,
        fresh: Duration,
        watch: Option<LetIn>,
        on_close: impl Fn(LinkId, DownReason) + Send + Sync + 'static,
    ) -> Arc<Shared> {
        let (heard, on_close) = (Mutex::new(Instant::now()), Arc::new(on_close));
        let runtime = Handle::current();
        Shared::with(Way::Through(Box::new(Through { broker, to, heard, fresh, watch, on_close, runtime })))
    }

    fn with(way: Way) -> Arc<Shared> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let link = LinkId(NEXT.fetch_add(1, Ordering::Relaxed));
        Arc::new(Shared { link, way, state: Mutex::default() })
    }

    /// Remembers whom to wake, and says what is up.
    pub(crate) fn attend(&self, waker: &Waker) -> Attention {
        let mut state = self.lock();
        if !state.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.waker = Some(waker.clone());
        }
        Attention { authorised: state.authorised, dead: state.dead, close: state.close.is_some() }
    }

    /// The next thing to send; a ping goes before Records.
    pub(crate) fn next(&self) -> Out {
        let mut state = self.lock();
        if std::mem::take(&mut state.ping) {
            return Out::Ping;
        }
        match state.queue.pop_front() {
            Some((to, record)) => {
                state.queued_bytes -= record.len();
                Out::Record { to, record }
            }
            None => {
                // An idle link has no use for the room.
                state.queue = VecDeque::new();
                Out::Nothing
            }
        }
    }

    /// As if its last Record were long ago.
    #[cfg(test)]
    pub(crate) fn age(&self) {
        if let Way::Through(through) = &self.way {
            let long_ago =
                Instant::now().checked_sub(2 * through.fresh).expect("the machine runs for longer");
            *through.heard.lock().unwrap_or_else(PoisonError::into_inner) = long_ago;
        }
    }

    /// With what to close.
    pub(crate) fn close_wish(&self) -> (u16, Cow<'static, str>) {
        self.lock().close.clone().unwrap_or((1000, Cow::Borrowed("")))
    }

    /// Whether somebody has said that the peer is known.
    #[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
    pub(crate) fn is_authorised(&self) -> bool {
        self.lock().authorised
    }

    /// Of an Endpoint behind a broker: its address, and how long ago its last Record was.
    #[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
    pub(crate) fn through_whom(&self) -> Option<(Arc<str>, Duration)> {
        let Way::Through(through) = &self.way else { return None };
        let heard = through.heard.lock().unwrap_or_else(PoisonError::into_inner);
        Some((through.to.clone(), heard.elapsed()))
    }

    /// Of an Endpoint behind a broker: whether it counts as alive.
    #[cfg(any(feature = "coap", feature = "mqtt", feature = "stomp"))]
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(&self.way, Way::Through(through) if through.is_fresh())
    }

    /// Something came from the peer.
    pub(crate) fn heard(&self) {
        if let Way::Through(through) = &self.way {
            *through.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        let mut state = self.lock();
        state.missed_pings = 0;
        for probe in std::mem::take(&mut state.probes) {
            // Whoever stopped waiting does not need the answer.
            let _ = probe.send(());
        }
    }

    /// Wakes the task of the link, which has something else to look at.
    #[cfg(feature = "mqtt")]
    pub(crate) fn nudge(&self) {
        self.lock().wake();
    }

    /// The keep-alive came by: asks for a ping, or gives the peer up. False when the link is gone.
    pub(crate) fn keep_alive(&self) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        if state.missed_pings >= MAX_MISSED_PINGS {
            state.dead = true;
        } else {
            state.missed_pings += 1;
            state.ping = true;
        }
        state.wake();
        true
    }

    /// The link is gone; nothing is taken any more.
    pub(crate) fn gone(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue = VecDeque::new();
        state.queued_bytes = 0;
        state.waker = None;
        state.probes = Vec::new();
    }

    /// A panic elsewhere can't leave the state half changed: every change is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Told at the next sign of life; `None` where nobody can be, or enough are.
    fn probe(&mut self) -> Option<oneshot::Receiver<()>> {
        self.probes.retain(|probe| !probe.is_closed());
        if self.closed || self.probes.len() >= MAX_PROBES {
            return None;
        }
        let (probe, answered) = oneshot::channel();
        self.probes.push(probe);
        Some(answered)
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
