//! One connection to a STOMP server, sans IO: bytes and times in, events and bytes out. It opens the
//! connection, subscribes, keeps the heart beating, and wraps Records; it reads none.
//!
//! Times are those since the connection was made.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::config::Config;
use super::decoder::FrameDecoder;
use super::frame::{Command, Frame, FrameError, escape, put_frame};
use super::heard::{CONTENT_TYPE, record, said};
use super::heart::Heart;
use crate::limits::{
    CLOSE_GRACE, HANDSHAKE_TIMEOUT, MAX_DESTINATION, MAX_MESSAGE, MAX_MESSAGE_UNPROVEN, WRITE_GATHER,
};

/// The id of the one subscription.
const SUBSCRIPTION: &str = "0";
/// The id of the receipt for it.
const SUBSCRIBED_RECEIPT: &str = "subscribed";
/// The id of the receipt for our last frame.
const LAST_RECEIPT: &str = "last";

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server let us in, and we are subscribed: this destination reaches us. It comes once.
    Up(Arc<str>),
    /// A Record.
    Record {
        /// Where its answer goes.
        reply_to: Arc<str>,
        /// The Record.
        record: Bytes,
    },
    /// A message that is of no use, and why.
    Ignored(&'static str),
    /// The connection is over: what [`Machine::take_out`] still gives is sent, then it is closed.
    End(End),
}

/// Why a connection is over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum End {
    /// R-STOMP.25: the server answered our first frame with an ERROR frame.
    #[error("the server refuses us: {0}")]
    Refused(String),
    /// R-STOMP.25: it sent one later.
    #[error("the server reports an error: {0}")]
    ServerError(String),
    /// What arrived is no frame.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// A frame that does not belong here.
    #[error("an unexpected frame")]
    Unexpected,
    /// The server speaks another version.
    #[error("the server does not speak STOMP 1.2")]
    Version,
    /// R-STOMP.16: neither the server nor the configuration names our destination.
    #[error("there is no destination to subscribe to")]
    NoDestination,
    /// The configuration can't be put into frames.
    #[error("the configuration can't be sent: there is a line end or a NUL in a text")]
    Unsound,
    /// The server did not answer our first frame in time.
    #[error("no answer to the first frame in time")]
    TimedOut,
    /// The server did not confirm our subscription in time.
    #[error("the subscription was not confirmed in time")]
    NotSubscribed,
    /// The server's heart-beats stopped.
    #[error("no heart-beat any more")]
    Dead,
    /// The server has confirmed that we leave, or had the time to.
    #[error("closed")]
    Closed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Opening,
    Subscribing { until: Duration },
    Up,
    Closing { until: Duration },
    Ended,
}

/// The rules of one connection.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    state: State,
    decoder: FrameDecoder,
    heart: Heart,
    /// What we are subscribed to, and whether the server chose it.
    subscribed: Option<(Arc<str>, bool)>,
    /// Queues that we send to have to be called as RabbitMQ calls those that are there.
    to_existing: bool,
    events: VecDeque<Event>,
    out: BytesMut,
}

impl Machine {
    /// Opens with a STOMP frame (R-STOMP.2). The configuration must be [sound](Config::is_sound).
    pub fn new(config: Config) -> Machine {
        let mut machine = Machine {
            state: State::Opening,
            decoder: FrameDecoder::new(MAX_MESSAGE_UNPROVEN),
            heart: Heart::default(),
            subscribed: None,
            to_existing: false,
            events: VecDeque::new(),
            out: BytesMut::new(),
            config,
        };
        machine.open();
        machine
    }

    fn open(&mut self) {
        let config = &self.config;
        let endpoint = escape(config.endpoint.as_str());
        let beats = config.heart_beat.map(|(out, inward)| format!("{out},{inward}"));
        let mut headers = vec![("accept-version", "1.2")];
        // STOMP 1.2 wants the header in any case; without a configured host it is empty of meaning.
        headers.push(("host", config.host.as_deref().unwrap_or("/")));
        if let Some((login, passcode)) = &config.login {
            headers.extend([("login", login.as_str()), ("passcode", passcode.as_str())]);
        }
        headers.push(("endpoint-id", &endpoint));
        if let Some(beats) = &beats {
            headers.push(("heart-beat", beats));
        }
        put_frame(&mut self.out, Command::Stomp, &headers, b"");
    }

    /// Bytes arrived.
    pub fn receive(&mut self, now: Duration, bytes: &[u8]) {
        if self.state != State::Ended {
            self.heart.heard(now);
            self.decoder.push(bytes);
        }
    }

    /// The next event, if what arrived holds one.
    pub fn poll(&mut self, now: Duration) -> Option<Event> {
        while self.events.is_empty() && self.state != State::Ended {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.frame(now, &frame),
                Ok(None) => break,
                Err(error) => self.end(End::Frame(error)),
            }
        }
        self.events.pop_front()
    }

    /// When [`Machine::expired`] is to be called.
    pub fn timeout(&self) -> Option<Duration> {
        match self.state {
            State::Opening => Some(HANDSHAKE_TIMEOUT),
            State::Subscribing { until } => self.heart.timeout().into_iter().chain([until]).min(),
            State::Up => self.heart.timeout(),
            State::Closing { until } => Some(until),
            State::Ended => None,
        }
    }

    /// The time of [`Machine::timeout`] has come; calls that are too early do nothing.
    pub fn expired(&mut self, now: Duration) {
        self.beat(now);
        match self.state {
            State::Opening if now >= HANDSHAKE_TIMEOUT => self.end(End::TimedOut),
            State::Subscribing { until } if now >= until => self.end(End::NotSubscribed),
            State::Subscribing { .. } | State::Up if self.heart.is_dead(now) => self.end(End::Dead),
            State::Closing { until } if now >= until => self.end(End::Closed),
            _ => {}
        }
    }

    /// Sends a heart-beat if one is due, and judges nobody: for a host that does not read for now.
    pub fn beat(&mut self, now: Duration) {
        if self.is_let_in() && self.heart.is_due(now) {
            self.put_beat(now);
        }
    }

    /// Sends a heart-beat now. STOMP knows no question: true when the server's own heart-beats will show that
    /// it lives.
    pub fn ping(&mut self, now: Duration) -> bool {
        if self.is_let_in() {
            self.put_beat(now);
        }
        self.heart.is_heard()
    }

    /// Nothing is read until [`Machine::resume`]: the server can't be blamed for its silence.
    pub fn pause(&mut self) {
        self.heart.pause();
    }

    /// What arrives is read again; the server has its whole time.
    pub fn resume(&mut self, now: Duration) {
        self.heart.resume(now);
    }

    /// Whether a Record would be sent, and not too much waits already.
    pub fn is_ready(&self) -> bool {
        self.state == State::Up && self.out.len() < WRITE_GATHER
    }

    /// The destination that the server assigned, if it did (R-STOMP.6).
    pub fn assigned(&self) -> Option<&Arc<str>> {
        self.subscribed.as_ref().filter(|(_, by_server)| *by_server).map(|(own, _)| own)
    }

    /// Sends a Record (R-STOMP.18). False when it can't be: before [`Event::Up`], after the end, or to something
    /// that is no destination.
    #[must_use]
    pub fn send(&mut self, now: Duration, destination: &str, record: &[u8]) -> bool {
        let (State::Up, Some((own, _))) = (self.state, &self.subscribed) else { return false };
        if !is_destination(destination) {
            return false;
        }
        let destination = if self.to_existing { existing(destination) } else { destination.into() };
        let length = record.len().to_string();
        // R-STOMP.19, R-STOMP.20, R-STOMP.21.
        let headers = [
            ("destination", &*destination),
            ("content-length", &length),
            ("content-type", CONTENT_TYPE),
            ("reply-to-dest", own),
        ];
        put_frame(&mut self.out, Command::Send, &headers, record);
        self.heart.sent(now);
        true
    }

    /// We leave (R-STOMP.28): the server is asked to confirm, and [`End::Closed`] comes when it has, or after
    /// [`CLOSE_GRACE`].
    pub fn close(&mut self, now: Duration) {
        if matches!(self.state, State::Opening | State::Subscribing { .. } | State::Up) {
            put_frame(&mut self.out, Command::Disconnect, &[("receipt", LAST_RECEIPT)], b"");
            self.state = State::Closing { until: now + CLOSE_GRACE };
        }
    }

    /// Bytes to write.
    pub fn take_out(&mut self) -> Bytes {
        // An idle link has no use for the room.
        std::mem::take(&mut self.out).freeze()
    }

    fn frame(&mut self, now: Duration, frame: &Frame) {
        match (self.state, frame.command) {
            (_, Command::Error) => {
                let secret = self.config.login.as_ref().map(|(_, passcode)| passcode.as_str());
                let said = said(frame, secret);
                let is_first = self.state == State::Opening;
                self.end(if is_first { End::Refused(said) } else { End::ServerError(said) });
            }
            (State::Opening, Command::Connected) => self.connected(now, frame),
            (State::Subscribing { .. } | State::Up, Command::Message) => {
                // It proves the subscription as well as the receipt, which may come later.
                self.confirmed();
                let event = match record(frame) {
                    Ok((reply_to, record)) => Event::Record { reply_to, record },
                    Err(why) => Event::Ignored(why),
                };
                self.events.push_back(event);
            }
            (State::Subscribing { .. }, Command::Receipt) if receipt(frame) == Some(SUBSCRIBED_RECEIPT) => {
                self.confirmed();
            }
            (State::Closing { .. }, Command::Receipt) if receipt(frame) == Some(LAST_RECEIPT) => {
                self.end(End::Closed);
            }
            // R-STOMP.30; and what crossed our last frame.
            (State::Subscribing { .. } | State::Up, Command::Receipt) | (State::Closing { .. }, _) => {}
            _ => self.end(End::Unexpected),
        }
    }

    fn connected(&mut self, now: Duration, frame: &Frame) {
        if frame.header("version") != Some("1.2") {
            return self.end(End::Version);
        }
        // R-STOMP.6, R-STOMP.14, R-STOMP.15.
        let assigned = frame.header("subscribe-dest").filter(|assigned| !assigned.is_empty());
        let configured = self.config.destination.clone().filter(|own| !own.is_empty());
        let (destination, by_server) = match (assigned, configured) {
            (Some(assigned), _) => (assigned.to_owned(), true),
            (None, Some(configured)) => (configured, false),
            (None, None) => {
                put_frame(&mut self.out, Command::Disconnect, &[], b"");
                return self.end(End::NoDestination);
            }
        };
        self.heart = Heart::new(now, self.config.heart_beat, frame.header("heart-beat"));
        let is_rabbit = frame.header("server").is_some_and(|server| server.starts_with("RabbitMQ/"));
        self.to_existing = is_rabbit && !self.config.makes_queues;
        self.decoder.set_limit(MAX_MESSAGE);
        self.subscribe(now, &destination, by_server);
    }

    /// R-STOMP.12, R-STOMP.13, R-STOMP.17. Servers confirm only what asks for it (R-STOMP.30).
    fn subscribe(&mut self, now: Duration, destination: &str, by_server: bool) {
        let headers = [
            ("id", SUBSCRIPTION),
            ("destination", destination),
            ("ack", "auto"),
            ("receipt", SUBSCRIBED_RECEIPT),
        ];
        put_frame(&mut self.out, Command::Subscribe, &headers, b"");
        self.heart.sent(now);
        self.subscribed = Some((destination.into(), by_server));
        self.state = State::Subscribing { until: now + HANDSHAKE_TIMEOUT };
    }

    fn confirmed(&mut self) {
        if let (State::Subscribing { .. }, Some((own, _))) = (self.state, &self.subscribed) {
            self.events.push_back(Event::Up(own.clone()));
            self.state = State::Up;
        }
    }

    /// Whether the server has accepted us, and we have not left.
    fn is_let_in(&self) -> bool {
        matches!(self.state, State::Subscribing { .. } | State::Up)
    }

    /// A line end is a heart-beat. What waits to be written beats as well.
    fn put_beat(&mut self, now: Duration) {
        if self.out.is_empty() {
            self.out.extend_from_slice(b"\n");
        }
        self.heart.sent(now);
    }

    fn end(&mut self, end: End) {
        self.state = State::Ended;
        self.events.push_back(Event::End(end));
    }
}

/// Whether something can be sent to, or subscribed to, by this name.
pub fn is_destination(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_DESTINATION && !text.contains('\0')
}

/// RabbitMQ's name for a queue that is not to be made: `/amq/queue/NAME` for `/queue/NAME`.
fn existing(destination: &str) -> Cow<'_, str> {
    match destination.strip_prefix("/queue/").filter(|name| !name.contains('/')) {
        Some(name) => Cow::Owned(format!("/amq/queue/{name}")),
        None => Cow::Borrowed(destination),
    }
}

fn receipt(frame: &Frame) -> Option<&str> {
    frame.header("receipt-id")
}
