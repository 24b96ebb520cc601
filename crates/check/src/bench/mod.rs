//! The bench: one agent under test, and everything a check does with it.
//!
//! It matches answers by message id, answers notifications unless a check wants them unanswered, keeps the
//! transcript, and takes back what a check made in the agent.

mod ask;
mod clean;
mod connection;
mod mqtt;
mod news;
mod rows;
mod session;
mod socket;
mod stomp;
mod uds;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use usp_proto::exchange::{Direction, Entry};
use usp_proto::record::encode_message;
use usp_proto::{Body, EndpointId, Msg, Record, RecordType, Request, Response, Version};

use crate::keys::Keys;
use crate::limits;
use crate::link::{Arrival, Link, Unsent, Way};
use crate::profile::Profile;
use crate::target::Target;
use crate::uds::Value;
use crate::verdict::Stop;
use crate::websocket::Frame;
use crate::websocket::frame::PING;

pub(crate) use ask::{describe, unexpected};
use connection::Connections;
use mqtt::MqttState;
pub(crate) use mqtt::reply_to;
pub(crate) use news::News;
pub use rows::Row;
pub(crate) use rows::Subject;
use session::SessionState;
use socket::SocketState;
use stomp::StompState;

/// What a bench has to know beforehand.
#[derive(Clone, Debug)]
pub struct BenchConfig {
    /// Who we are: a controller that the agent serves.
    pub controller: EndpointId,
    /// Who the agent is, if that is known; otherwise it says so itself by its Connect record.
    pub agent: Option<EndpointId>,
    /// A text that no other run has: it keeps names of rows apart.
    pub run: String,
    /// How long an answer may take.
    pub patience: Duration,
    /// What the vendor says beforehand.
    pub profile: Profile,
    /// Our credential in end-to-end sessions.
    pub keys: Option<Arc<Keys>>,
}

/// A Message that came, with the Record that brought it.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The Message.
    pub msg: Msg,
    /// Its envelope.
    pub record: Record,
    /// The Message as it came.
    pub payload: Bytes,
    /// When it came.
    pub at: Instant,
}

/// One agent under test.
pub struct Bench {
    config: BenchConfig,
    agent: Option<EndpointId>,
    link: Link,
    target: Option<Target>,
    asked: u64,
    rows: u64,
    answers: VecDeque<Arrived>,
    news: VecDeque<Arrived>,
    /// Records that carry no Message of their own: of sessions, and Disconnect.
    others: VecDeque<Record>,
    /// Whether notifications that want an answer get one.
    answering: bool,
    greeting: Option<Record>,
    is_up: bool,
    /// Why nobody could be dialled, the last time.
    away: Option<String>,
    /// Requests up to this number belong to earlier checks: what still answers them is late.
    stale: u64,
    /// How long the agent may take to adopt changes of its subscriptions.
    adoption: Duration,
    /// What is known of connections, and of those of a transport.
    connections: Connections,
    socket: SocketState,
    mqtt: MqttState,
    stomp: StompState,
    /// What came by a UNIX domain socket.
    values: Vec<Value>,
    session: SessionState,
    /// The certificate that the agent signs Records with, DER.
    agent_cert: Option<Vec<u8>>,
    /// A command was started since the check began.
    has_operated: bool,
    /// Records of the agent that could not be decoded, since the check began.
    broken: Vec<String>,
    clean_up: Vec<String>,
    /// Values of rows that we did not make, as they were: object, parameter, value.
    restores: Vec<(String, String, String)>,
    /// What could not be taken back.
    left: Vec<String>,
    transcript: Vec<Entry>,
    transcript_bytes: usize,
    began: Instant,
}

impl Bench {
    /// A bench over a link on which nothing has happened yet.
    pub fn new(config: BenchConfig, link: Link) -> Bench {
        Bench {
            agent: config.agent.clone(),
            config,
            link,
            target: None,
            asked: 0,
            rows: 0,
            answers: VecDeque::new(),
            news: VecDeque::new(),
            others: VecDeque::new(),
            answering: true,
            greeting: None,
            is_up: false,
            away: None,
            stale: 0,
            adoption: Duration::ZERO,
            connections: Connections::default(),
            socket: SocketState::default(),
            mqtt: MqttState::default(),
            stomp: StompState::default(),
            values: Vec::new(),
            session: SessionState::default(),
            agent_cert: None,
            has_operated: false,
            broken: Vec::new(),
            clean_up: Vec::new(),
            restores: Vec::new(),
            left: Vec::new(),
            transcript: Vec::new(),
            transcript_bytes: 0,
            began: Instant::now(),
        }
    }

    /// Waits until the agent is connected and its id known.
    ///
    /// # Errors
    /// When it does not come within `patience`, or does not say who it is.
    pub async fn meet(&mut self, patience: Duration) -> Result<(), Stop> {
        let deadline = Instant::now() + patience;
        while !self.is_up || self.agent.is_none() {
            if !self.pump(deadline).await? {
                return Err(Stop::Error(match &self.away {
                    _ if self.is_up => {
                        "the agent is connected, but sends no Connect record: say who it is".to_owned()
                    }
                    Some(why) => format!("no agent connects: {why}"),
                    None => "no agent connects".to_owned(),
                }));
            }
        }
        Ok(())
    }

    /// Waits for the connection if there is none, and for the first Record on it.
    pub(crate) async fn greeting(&mut self) -> Result<Option<Record>, Stop> {
        let deadline = Instant::now() + self.config.patience;
        while self.greeting.is_none() && self.pump(deadline).await? {}
        Ok(self.greeting.clone())
    }

    /// Who we are.
    pub fn controller(&self) -> &EndpointId {
        &self.config.controller
    }

    /// Who the agent is.
    ///
    /// # Errors
    /// Before [`Bench::meet`].
    pub fn agent(&self) -> Result<&EndpointId, Stop> {
        self.agent.as_ref().ok_or_else(|| Stop::Error("the agent's id is not known yet".to_owned()))
    }

    /// What the vendor says beforehand.
    pub(crate) fn profile(&self) -> &Profile {
        &self.config.profile
    }

    /// What the agent supports.
    ///
    /// # Errors
    /// Before it was discovered.
    pub fn target(&self) -> Result<&Target, Stop> {
        self.target.as_ref().ok_or_else(|| Stop::Error("the agent's model is not known yet".to_owned()))
    }

    pub(crate) fn set_target(&mut self, target: Target) {
        self.target = Some(target);
    }

    /// Lets this much time pass; what comes meanwhile is kept.
    pub(crate) async fn pause(&mut self, time: Duration) -> Result<(), Stop> {
        let deadline = Instant::now() + time;
        while self.pump(deadline).await? {}
        Ok(())
    }

    /// Leaves notifications unanswered from now on, until the check ends.
    pub(crate) fn leave_unanswered(&mut self) {
        self.answering = false;
    }

    /// The next id for a Message.
    pub(crate) fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("{}{}", self.id_prefix(), self.asked)
    }

    /// What all ids of this run begin with.
    fn id_prefix(&self) -> String {
        format!("check-{}-", self.config.run)
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, record: Bytes) -> Result<(), Stop> {
        self.remember(Direction::Out, &record);
        match self.link.wire.send(record) {
            // The next arrival tells of it, and the check waits for one.
            Err(Unsent::Gone) if self.is_up => Ok(()),
            sent => sent.map_err(|unsent| Stop::Error(unsent.to_string())),
        }
    }

    /// Sends a Message in a Record without a session.
    pub(crate) fn send_msg(&mut self, msg: &Msg) -> Result<(), Stop> {
        self.has_operated |= matches!(msg.body, Body::Request(Request::Operate(_)));
        let record = encode_message(&self.config.controller, self.agent()?, Version::CURRENT, msg);
        self.send(record)
    }

    /// A Record of us to the agent that carries this.
    pub(crate) fn record(&self, payload: Bytes) -> Result<Record, Stop> {
        Ok(Record::message(&self.config.controller, self.agent()?, Version::CURRENT, payload))
    }

    /// Takes one arrival; false when none came by the deadline.
    async fn pump(&mut self, deadline: Instant) -> Result<bool, Stop> {
        let Ok(arrival) = timeout_at(deadline, self.link.arrivals.recv()).await else { return Ok(false) };
        match arrival {
            None => Err(Stop::Error("the transport is closed".to_owned())),
            Some(Arrival::Up) => {
                self.up();
                Ok(true)
            }
            Some(Arrival::Away(why)) => {
                self.connections.has_failed = true;
                self.away = Some(why);
                Ok(true)
            }
            Some(Arrival::Down(why)) => self.down(why).await.map(|()| true),
            Some(Arrival::Record(record)) => {
                self.take(record)?;
                Ok(true)
            }
            Some(arrival) => {
                self.transport_arrival(arrival);
                Ok(true)
            }
        }
    }

    /// The same where the agent has to say something: over a WebSocket it is pinged meanwhile.
    async fn pump_pinging(&mut self, deadline: Instant) -> Result<bool, Stop> {
        loop {
            let next = deadline.min(Instant::now() + limits::NUDGE);
            if self.pump(next).await? {
                return Ok(true);
            }
            if next == deadline {
                return Ok(false);
            }
            if let Way::WebSocket(socket) = &self.link.way {
                // Whether there is a connection is heard otherwise.
                let _ = socket.send(Frame::new(PING, "cusp check"));
            }
        }
    }

    /// What a transport tells beside Records.
    fn transport_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Head(head) => self.take_head(head),
            Arrival::Frame(frame) => self.take_frame(frame),
            Arrival::Mqtt(packet) => self.take_packet(packet),
            Arrival::Stomp(frame) => self.take_stomp(frame),
            Arrival::Beat => self.stomp.beats += 1,
            Arrival::Unix(values) => self.take_values(values),
            Arrival::Certificate(certificate) => self.connections.certificate = certificate,
            Arrival::Replaced(_) => self.connections.has_replaced = true,
            Arrival::Broken(why) => self.broken.push(why),
            Arrival::Up | Arrival::Record(_) | Arrival::Down(_) | Arrival::Away(_) => {}
        }
    }

    fn take(&mut self, bytes: Bytes) -> Result<(), Stop> {
        self.remember(Direction::In, &bytes);
        let record = match Record::decode(bytes) {
            Ok(record) => record,
            Err(error) => {
                self.broken.push(format!("a Record that is wrong: {}", error.reason));
                return Ok(());
            }
        };
        self.greeting.get_or_insert_with(|| record.clone());
        self.agent.get_or_insert_with(|| record.from_id.clone());
        if self.take_in_session(&record)? {
            return Ok(());
        }
        let RecordType::NoSession { payload } = record.record_type.clone() else {
            push(&mut self.others, record);
            return Ok(());
        };
        match Msg::decode(&payload) {
            Ok(msg) => self.sort(Arrived { msg, record, payload, at: Instant::now() }),
            Err(error) => {
                self.broken.push(format!("a Message that is wrong: {}", error.reason));
                Ok(())
            }
        }
    }

    fn sort(&mut self, arrived: Arrived) -> Result<(), Stop> {
        let Body::Request(request) = &arrived.msg.body else {
            let number =
                arrived.msg.msg_id.strip_prefix(&self.id_prefix()).and_then(|rest| rest.parse().ok());
            if number.is_some_and(|number: u64| number <= self.stale) {
                return Ok(());
            }
            push(&mut self.answers, arrived);
            return Ok(());
        };
        let answer = match request {
            Request::Notify(notify) if notify.send_resp => {
                Some(Msg::response(arrived.msg.msg_id.clone(), Response::NotifyResp(notify.response())))
            }
            _ => None,
        };
        push(&mut self.news, arrived);
        match answer {
            Some(answer) if self.answering => self.send_msg(&answer),
            _ => Ok(()),
        }
    }

    fn remember(&mut self, direction: Direction, record: &Bytes) {
        self.transcript_bytes += record.len();
        if self.transcript.len() < limits::MAX_TRANSCRIPT
            && self.transcript_bytes <= limits::MAX_TRANSCRIPT_BYTES
        {
            let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.transcript.push(Entry::described(direction, micros, record.clone()));
        }
    }
}

fn push<T>(queue: &mut VecDeque<T>, arrived: T) {
    if queue.len() == limits::MAX_UNCLAIMED {
        queue.pop_front();
    }
    queue.push_back(arrived);
}
