//! The client's side of one connection to a broker, without a socket: CONNECT, SUBSCRIBE, then Records. Bytes,
//! time and Records go in; bytes, events and the next deadline come out. It ends once, and for good.

mod subscribing;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, Event as CoreEvent, TimerKind};
use mqtt_protocol_core::mqtt::packet::{GenericPacketTrait, Packet};
use mqtt_protocol_core::mqtt::result_code::MqttError;
use mqtt_protocol_core::mqtt::{Connection, Version as CoreVersion, role};

use super::CONTENT_TYPES;
use super::limits::{MAX_IN_FLIGHT, MAX_PACKET, MAX_UNSENT, PING_PATIENCE};
use super::meter::Counted;
use super::packets::{self, Heard, Word};
use super::settings::{Qos, Settings, Version};
use super::topic::{Filter, Topic};

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The broker accepted us.
    Accepted {
        /// The client id that it chose, to be used from now on (R-MQTT.9).
        assigned_client_id: Option<String>,
        /// Its Response Information (R-MQTT.12).
        response_information: Option<String>,
    },
    /// Records may be sent: at least our own topic is subscribed to.
    Up {
        /// Our "reply to" topic.
        reply_to: Topic,
    },
    /// A Record arrived.
    Record {
        /// Where its sender wants the answer.
        reply_to: Topic,
        /// The Record, encoded.
        record: Bytes,
    },
    /// It is over. What is still to be transmitted should be, before the connection is closed.
    Ended(End),
}

/// Why a connection to a broker ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// The settings can't be put into a packet.
    Unusable(String),
    /// The broker refused CONNECT.
    Refused {
        /// The return or reason code of CONNACK.
        code: u8,
        /// What it means.
        reason: String,
    },
    /// R-MQTT.16: there is nothing to subscribe to; the MTP is disabled until the configuration changes.
    NoTopics,
    /// Nobody could answer us: no topic of ours is known, or it can't be written into a 3.1.1 topic name.
    NoReplyTo,
    /// R-MQTT.17: the broker did not grant what we need.
    NotSubscribed(String),
    /// The broker said good-bye (5.0).
    ClosedByBroker {
        /// The reason code of DISCONNECT.
        code: u8,
        /// What it means.
        reason: String,
    },
    /// We said good-bye.
    ClosedByUs,
    /// The broker sent what it may not.
    Protocol(String),
    /// The broker sent a packet over [`MAX_PACKET`](super::limits::MAX_PACKET).
    TooLong,
    /// No answer to a ping.
    Dead,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Unusable(what) => write!(f, "the settings can't be sent: {what}"),
            End::Refused { code, reason } => write!(f, "refused by the broker: {reason} (code {code})"),
            End::NoTopics => f.write_str("no topic is configured or offered to subscribe to"),
            End::NoReplyTo => f.write_str("no topic is known that answers could go to"),
            End::NotSubscribed(what) => write!(f, "the broker did not grant the subscription to {what}"),
            End::ClosedByBroker { code, reason } => write!(f, "closed by the broker: {reason} (code {code})"),
            End::ClosedByUs => f.write_str("closed"),
            End::Protocol(what) => write!(f, "protocol violation: {what}"),
            End::TooLong => write!(f, "packet longer than {MAX_PACKET} bytes"),
            End::Dead => f.write_str("no answer to a ping"),
        }
    }
}

/// Why a Record was not published.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unsent {
    /// Not now: see [`Machine::is_ready`].
    #[error("the connection takes no Record now")]
    NotReady,
    /// The topic can't be published to, or is too long together with ours.
    #[error("not a topic to publish to")]
    Topic,
    /// The broker takes no packet of that size.
    #[error("the broker takes no packet of that size")]
    TooLong,
}

/// How a broker that knows no 5.0 refuses it: the CONNACK of 3.1.1, which is none in 5.0.
const OLD_REFUSAL: [u8; 4] = [0x20, 2, 0, 1];

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Subscribing,
    Up,
    Ended,
}

/// One connection. Times are those of one monotonic clock.
pub struct Machine {
    core: Connection<role::Client>,
    settings: Settings,
    state: State,
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    events: VecDeque<Event>,
    ping_at: Option<Duration>,
    dead_at: Option<Duration>,
    /// Packet ids in use.
    in_flight: usize,
    qos: Qos,
    /// The most that the broker can do.
    best_qos: Qos,
    /// What it offered to subscribe to.
    offered: Vec<String>,
    response_information: Option<String>,
    /// What is subscribed to, or asked for.
    filters: Vec<(Filter, Qos)>,
    /// By packet id: what the SUBSCRIBE asks for that is not answered yet.
    asked: BTreeMap<u16, Vec<Filter>>,
    /// Other filters were asked for than the latest SUBSCRIBE has.
    changed: bool,
    /// QoS 2 was asked for once: it may still come.
    exactly_once: bool,
    reply_to: Option<Topic>,
    counted: Counted,
}

impl Machine {
    /// Starts with CONNECT.
    pub fn new(now: Duration, settings: Settings) -> Machine {
        let version = match settings.version {
            Version::V3_1_1 => CoreVersion::V3_1_1,
            Version::V5 => CoreVersion::V5_0,
        };
        let limit = u32::try_from(MAX_PACKET).unwrap_or(u32::MAX);
        let mut core =
            Connection::with_options(version, ConnectionOptions::new().maximum_packet_size_recv(limit));
        core.set_pingresp_recv_timeout(u64::try_from(PING_PATIENCE.as_millis()).unwrap_or(u64::MAX));
        let mut machine = Machine {
            core,
            qos: settings.qos,
            settings,
            state: State::Connecting,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            events: VecDeque::new(),
            ping_at: None,
            dead_at: None,
            in_flight: 0,
            best_qos: Qos::ExactlyOnce,
            offered: Vec::new(),
            response_information: None,
            filters: Vec::new(),
            asked: BTreeMap::new(),
            changed: false,
            exactly_once: false,
            reply_to: None,
            counted: Counted::default(),
        };
        match packets::connect(&machine.settings) {
            Ok(packet) => machine.send(now, packet),
            Err(error) => machine.end(End::Unusable(format!("CONNECT: {error:?}"))),
        }
        machine
    }

    /// Bytes from the broker.
    pub fn handle_input(&mut self, now: Duration, data: &[u8]) {
        if self.state == State::Connecting
            && self.settings.version == Version::V5
            && data.starts_with(&OLD_REFUSAL)
        {
            let reason = "the broker doesn't speak MQTT 5.0".to_owned();
            return self.end(End::Refused { code: OLD_REFUSAL[3], reason });
        }
        let mut cursor = Cursor::new(data);
        while self.state != State::Ended && cursor.position() < data.len() as u64 {
            let events = self.core.recv(&mut cursor);
            self.act(now, events);
        }
    }

    /// The time that [`Machine::poll_timeout`] told has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.state == State::Ended {
            return;
        }
        if self.dead_at.is_some_and(|at| at <= now) {
            self.end(End::Dead);
        } else if self.ping_at.is_some_and(|at| at <= now) {
            self.ping_at = None;
            let events = self.core.notify_timer_fired(TimerKind::PingreqSend);
            self.act(now, events);
        }
    }

    /// When to call [`Machine::handle_timeout`]: for the next ping, or for the missing answer to one.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.state == State::Ended { None } else { self.ping_at.into_iter().chain(self.dead_at).min() }
    }

    /// What to write next, in order.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        let bytes = self.unsent.pop_front()?;
        self.unsent_bytes -= bytes.len();
        Some(bytes)
    }

    /// What happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether a Record would be taken: the connection is up, and not too much is under way.
    pub fn is_ready(&self) -> bool {
        self.state == State::Up
            && self.in_flight < MAX_IN_FLIGHT
            && self.unsent_bytes < MAX_UNSENT
            && self.core.get_receive_maximum_vacancy_for_send() != Some(0)
    }

    /// Publishes a Record.
    ///
    /// # Errors
    /// When it can't be; the connection goes on.
    pub fn publish(&mut self, now: Duration, topic: &str, record: &[u8]) -> Result<(), Unsent> {
        let sent = self.try_publish(now, topic, record);
        match sent {
            Ok(()) => self.counted.published += 1,
            Err(Unsent::Topic | Unsent::TooLong) => self.counted.unpublished += 1,
            Err(Unsent::NotReady) => {}
        }
        sent
    }

    /// What was counted since the last call.
    pub fn take_counted(&mut self) -> Counted {
        std::mem::take(&mut self.counted)
    }

    fn try_publish(&mut self, now: Duration, topic: &str, record: &[u8]) -> Result<(), Unsent> {
        let own = self.reply_to.clone().filter(|_| self.is_ready()).ok_or(Unsent::NotReady)?;
        let topic: Topic = topic.parse().map_err(|_| Unsent::Topic)?;
        let id = match self.qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce | Qos::ExactlyOnce => {
                Some(self.core.acquire_packet_id().map_err(|_| Unsent::NotReady)?)
            }
        };
        let sent = packets::publish(self.settings.version, &topic, &own, (self.qos, id), record)
            .map_err(|_| Unsent::Topic)
            .and_then(|packet| self.send_publish(now, packet));
        match (&sent, id) {
            (Ok(()), Some(_)) => self.in_flight += 1,
            (Err(_), Some(id)) => drop(self.core.release_packet_id(id)),
            (_, None) => {}
        }
        sent
    }

    /// Sends a ping now; the answer is due as for those of the keep-alive.
    pub fn ping(&mut self, now: Duration) {
        if self.state == State::Up {
            let events = self.core.notify_timer_fired(TimerKind::PingreqSend);
            self.act(now, events);
        }
    }

    /// R-MQTT.35: says good-bye. Nothing is taken any more.
    pub fn close(&mut self) {
        self.leave(End::ClosedByUs);
    }

    fn send_publish(&mut self, now: Duration, packet: Packet) -> Result<(), Unsent> {
        let events = self.core.send(packet);
        if events.iter().any(|event| matches!(event, CoreEvent::NotifyError(_))) {
            // The only thing that is wrong with a sound PUBLISH on a connection that is ready is its size.
            return Err(Unsent::TooLong);
        }
        self.act(now, events);
        Ok(())
    }

    fn send(&mut self, now: Duration, packet: Packet) {
        let events = self.core.send(packet);
        self.act(now, events);
    }

    fn act(&mut self, now: Duration, events: Vec<CoreEvent>) {
        for event in events {
            match event {
                CoreEvent::RequestSendPacket { packet, .. } => self.transmit(&packet),
                CoreEvent::NotifyPacketReceived(packet) => {
                    self.counted.packets_in += 1;
                    self.hear(now, packets::read(&packet));
                }
                CoreEvent::NotifyPacketIdReleased(_) => self.in_flight = self.in_flight.saturating_sub(1),
                CoreEvent::RequestTimerReset { kind, duration_ms } => {
                    self.set_timer(kind, Some(now + Duration::from_millis(duration_ms)));
                }
                CoreEvent::RequestTimerCancel(kind) => self.set_timer(kind, None),
                CoreEvent::NotifyError(MqttError::PacketTooLarge) => self.end(End::TooLong),
                CoreEvent::NotifyError(error) => self.end(End::Protocol(format!("{error:?}"))),
                // It comes with an error, or with a packet that ended us.
                CoreEvent::RequestClose => {}
            }
        }
    }

    fn transmit(&mut self, packet: &Packet) {
        let bytes = Bytes::from(packet.to_continuous_buffer());
        self.counted.packets_out += 1;
        self.unsent_bytes += bytes.len();
        self.unsent.push_back(bytes);
    }

    fn set_timer(&mut self, kind: TimerKind, at: Option<Duration>) {
        match kind {
            TimerKind::PingreqSend => self.ping_at = at,
            TimerKind::PingrespRecv => self.dead_at = at,
            // A broker's timer.
            TimerKind::PingreqRecv => {}
        }
    }

    fn hear(&mut self, now: Duration, heard: Heard) {
        match (heard, self.state) {
            (_, State::Ended) | (Heard::Other, _) => {}
            (Heard::Accepted(acceptance), State::Connecting) => self.accepted(now, acceptance),
            (Heard::Refused { code, reason }, State::Connecting) => self.end(End::Refused { code, reason }),
            (Heard::Subscribed { id, granted }, State::Subscribing | State::Up) => {
                self.subscribed(now, id, &granted);
            }
            (Heard::Published { exactly_once: true, .. }, _) if !self.exactly_once => {
                self.surprise("PUBLISH with QoS 2");
            }
            (
                Heard::Published { reply_to, content_type, payload, id, exactly_once },
                State::Subscribing | State::Up,
            ) => {
                self.counted.heard += 1;
                if let Some(id) = id {
                    self.say(now, if exactly_once { Word::Pubrec } else { Word::Puback }, id);
                }
                self.published(reply_to, content_type.as_deref(), payload);
            }
            (Heard::Recorded(id), _) => self.say(now, Word::Pubrel, id),
            (Heard::Released(id), _) => self.say(now, Word::Pubcomp, id),
            (Heard::Disconnected { code, reason }, _) => self.end(End::ClosedByBroker { code, reason }),
            (Heard::Accepted(_) | Heard::Refused { .. }, _) => self.surprise("a second CONNACK"),
            (Heard::Subscribed { .. }, _) => self.surprise("SUBACK without SUBSCRIBE"),
            (Heard::Published { .. }, _) => self.surprise("PUBLISH before CONNACK"),
        }
    }

    /// R-MQTT.27a. What is no Record, and what could not be answered, is dropped.
    fn published(&mut self, reply_to: Option<Topic>, content_type: Option<&str>, record: Bytes) {
        if self.state == State::Ended {
            return;
        }
        if content_type.is_some_and(|kind| !CONTENT_TYPES.contains(&kind)) {
            tracing::debug!(content_type, "a message that is no Record was dropped");
            return;
        }
        match reply_to {
            Some(reply_to) => self.events.push_back(Event::Record { reply_to, record }),
            None => tracing::debug!("a Record without a reply-to topic was dropped"),
        }
    }

    fn say(&mut self, now: Duration, word: Word, id: u16) {
        match packets::say(self.settings.version, word, id) {
            Ok(packet) => self.send(now, packet),
            Err(_) => self.surprise("the packet id 0"),
        }
    }

    fn surprise(&mut self, what: &str) {
        self.leave(End::Protocol(what.to_owned()));
    }

    /// Says good-bye if the broker has accepted us, and ends.
    fn leave(&mut self, end: End) {
        let accepted = matches!(self.state, State::Subscribing | State::Up);
        if let Ok(packet) = packets::disconnect(self.settings.version)
            && accepted
        {
            for event in self.core.send(packet) {
                if let CoreEvent::RequestSendPacket { packet, .. } = event {
                    self.transmit(&packet);
                }
            }
        }
        self.end(end);
    }

    fn end(&mut self, end: End) {
        if self.state != State::Ended {
            self.state = State::Ended;
            self.events.push_back(Event::Ended(end));
        }
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("settings", &self.settings).finish_non_exhaustive()
    }
}
