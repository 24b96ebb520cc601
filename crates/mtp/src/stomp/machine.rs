//! One connection to a STOMP server, sans IO: bytes and times in, events and bytes out. It opens the
//! connection, subscribes, keeps the heart beating, and wraps Records; it reads none.
//!
//! Times are those since the connection was made.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use usp_proto::EndpointId;

use super::frame::{Command, Frame, FrameDecoder, FrameError, escape, put_frame};
use super::heart::Heart;
use crate::limits::{CLOSE_GRACE, HANDSHAKE_TIMEOUT, MAX_ERROR_TEXT, MAX_MESSAGE_UNPROVEN};

/// What a body with a Record is called (R-STOMP.20).
pub const CONTENT_TYPE: &str = "application/vnd.bbf.usp.msg";
/// The id of the one subscription.
const SUBSCRIPTION: &str = "0";
/// The id of the receipt for our last frame.
const LAST_RECEIPT: &str = "last";

/// What a client brings along.
#[derive(Clone)]
pub struct Config {
    /// Our id (R-STOMP.4).
    pub endpoint: EndpointId,
    /// The virtual host, if one is configured (R-STOMP.5).
    pub host: Option<String>,
    /// User name and password, unless a client certificate speaks for us (R-STOMP.3); the second is a
    /// secret.
    pub login: Option<(String, String)>,
    /// How often we promise to send something, and want to hear something, in milliseconds; 0 is never.
    /// `None` when heart-beats are disabled (R-STOMP.8, R-STOMP.9, R-STOMP.10).
    pub heart_beat: Option<(u32, u32)>,
    /// Our own destination, used unless the server assigns one (R-STOMP.14, R-STOMP.15).
    pub destination: Option<String>,
}

impl Config {
    /// Whether every text may stand in a header: those of the first frame are not escaped, so they can't
    /// have line ends, and no text can have a NUL.
    pub fn is_sound(&self) -> bool {
        let (login, passcode) = self.login.as_ref().map_or(("", ""), |(login, code)| (login, code));
        let host = self.host.as_deref().unwrap_or_default();
        let destination = self.destination.as_deref().unwrap_or_default();
        [login, passcode, host].iter().all(|text| !text.contains(['\n', '\r', '\0']))
            && !destination.contains('\0')
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("endpoint", &self.endpoint)
            .field("host", &self.host)
            .field("heart_beat", &self.heart_beat)
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server let us in, and we subscribed: this destination reaches us.
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
    /// R-STOMP.25: the server sent an ERROR frame.
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
    /// The server did not answer our first frame in time.
    #[error("no answer to the first frame in time")]
    TimedOut,
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

    /// The longest Record that is taken from now on, bytes.
    pub fn set_limit(&mut self, record_bytes: usize) {
        self.decoder.set_limit(record_bytes);
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
            State::Up => self.heart.timeout(),
            State::Closing { until } => Some(until),
            State::Ended => None,
        }
    }

    /// The time of [`Machine::timeout`] has come; calls that are too early do nothing.
    pub fn expired(&mut self, now: Duration) {
        if self.timeout().is_none_or(|at| now < at) {
            return;
        }
        match self.state {
            State::Opening => self.end(End::TimedOut),
            State::Closing { .. } => self.end(End::Closed),
            State::Up if self.heart.is_dead(now) => self.end(End::Dead),
            State::Up => {
                // A line end is a heart-beat.
                self.out.extend_from_slice(b"\n");
                self.heart.sent(now);
            }
            State::Ended => {}
        }
    }

    /// A Record to send (R-STOMP.18). Nothing leaves before [`Event::Up`] or after the end.
    pub fn send(&mut self, now: Duration, destination: &str, record: &[u8]) {
        let (State::Up, Some((own, _))) = (self.state, &self.subscribed) else { return };
        let length = record.len().to_string();
        // R-STOMP.19, R-STOMP.20, R-STOMP.21.
        let headers = [
            ("destination", destination),
            ("content-length", &length),
            ("content-type", CONTENT_TYPE),
            ("reply-to-dest", own),
        ];
        put_frame(&mut self.out, Command::Send, &headers, record);
        self.heart.sent(now);
    }

    /// Our configured destination has changed. R-STOMP.29: unless the server chose the one in force, we
    /// subscribe anew; true when the one in force is another now.
    pub fn set_destination(&mut self, now: Duration, destination: &str) -> bool {
        self.config.destination = Some(destination.to_owned());
        match (self.state, &self.subscribed) {
            (State::Up, Some((own, false))) if **own != *destination => {}
            _ => return false,
        }
        put_frame(&mut self.out, Command::Unsubscribe, &[("id", SUBSCRIPTION)], b"");
        self.subscribe(destination, false);
        self.heart.sent(now);
        true
    }

    /// We leave (R-STOMP.28): the server is asked to confirm, and [`End::Closed`] comes when it has, or after
    /// [`CLOSE_GRACE`].
    pub fn close(&mut self, now: Duration) {
        if matches!(self.state, State::Opening | State::Up) {
            put_frame(&mut self.out, Command::Disconnect, &[("receipt", LAST_RECEIPT)], b"");
            self.state = State::Closing { until: now + CLOSE_GRACE };
        }
    }

    /// Bytes to write.
    pub fn take_out(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    fn frame(&mut self, now: Duration, frame: &Frame) {
        match (self.state, frame.command) {
            (_, Command::Error) => self.end(End::ServerError(said(frame))),
            (State::Opening, Command::Connected) => self.connected(now, frame),
            (State::Up, Command::Message) => {
                let event = record(frame).unwrap_or_else(Event::Ignored);
                self.events.push_back(event);
            }
            (State::Closing { .. }, Command::Receipt) if frame.header("receipt-id") == Some(LAST_RECEIPT) => {
                self.end(End::Closed);
            }
            // R-STOMP.30; and what crossed our last frame.
            (State::Up, Command::Receipt) | (State::Closing { .. }, _) => {}
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
        self.state = State::Up;
        self.subscribe(&destination, by_server);
        let own: Arc<str> = destination.into();
        self.events.push_back(Event::Up(own));
    }

    /// R-STOMP.12, R-STOMP.13, R-STOMP.17.
    fn subscribe(&mut self, destination: &str, by_server: bool) {
        let headers = [("id", SUBSCRIPTION), ("destination", destination), ("ack", "auto")];
        put_frame(&mut self.out, Command::Subscribe, &headers, b"");
        self.subscribed = Some((destination.into(), by_server));
    }

    fn end(&mut self, end: End) {
        self.state = State::Ended;
        self.events.push_back(Event::End(end));
    }
}

/// The Record of a MESSAGE, or why there is none.
fn record(frame: &Frame) -> Result<Event, &'static str> {
    match frame.header("content-type") {
        Some(CONTENT_TYPE) => {}
        // Since USP 1.2 errors travel as Records; these are neither sent nor answered.
        Some("application/vnd.bbf.usp.error") => return Err("a deprecated error message"),
        _ => return Err("not of the content type of USP"),
    }
    let reply_to = frame.header("reply-to-dest").filter(|reply_to| !reply_to.is_empty());
    let reply_to = reply_to.ok_or("without reply-to-dest")?.into();
    Ok(Event::Record { reply_to, record: frame.body.clone() })
}

/// What an ERROR frame says, in one line.
fn said(frame: &Frame) -> String {
    let body = String::from_utf8_lossy(&frame.body);
    let text = frame.header("message").unwrap_or_else(|| body.lines().next().unwrap_or_default());
    text[..text.floor_char_boundary(MAX_ERROR_TEXT)].replace(char::is_control, " ")
}
