//! A small agent that is a client of the bench's broker over memory. It keeps the rules of MQTT and of USP, but for those
//! that its [`Habits`] give up.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use check::Bench;
use check::mqtt::{self, Version};
use check::websocket::Io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use usp_proto::record::MqttVersion;
use usp_proto::{Record, RecordType};

use super::habits::Habits;
use crate::agent::{AGENT, CONTROLLER, id, over};
use crate::clock;
use crate::responder::{Values, reply};
use crate::socket::Trust;

const OWN: &str = "agents/a1";
const PEER: &str = "controllers/check";

const VALUES: &Values = &[
    ("Device.MQTT.Client.*.Username", "box"),
    ("Device.MQTT.Client.*.KeepAliveTime", "60"),
    ("Device.MQTT.Client.*.ConnectRetryTime", "5"),
    ("Device.MQTT.Client.*.ConnectRetryIntervalMultiplier", "2000"),
];

/// A bench whose broker has such an agent.
pub(crate) fn bench(mut habits: Habits) -> Bench {
    let tls = habits.trust.as_mut().map(Trust::certificates);
    let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
    let link = mqtt::accept(accepted, PEER.parse().unwrap(), tls);
    tokio::spawn(async move {
        let (mut number, mut failures, mut chosen) = (0, 0, None);
        loop {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            if connections.send(Box::new(theirs)).await.is_err() {
                return;
            }
            let io: Option<Box<dyn Io>> = match &habits.trust {
                None => Some(Box::new(ours)),
                Some(trust) => trust.shake(ours, true).await.map(|(io, _)| io),
            };
            let Some(io) = io else {
                clock::pass(habits.first_retry).await;
                continue;
            };
            let mut client = Client::new(io, &habits, number, chosen.clone());
            let _ = client.run().await;
            failures = if client.is_up { 0 } else { failures + 1 };
            chosen = client.chosen.take().filter(|_| habits.keeps_chosen);
            drop(client);
            clock::pass(habits.first_retry * habits.backoff.pow(failures)).await;
            number += 1;
        }
    });
    over(link)
}

/// The connection is over.
struct Over;

struct Client<'a> {
    io: Box<dyn Io>,
    habits: &'a Habits,
    number: u32,
    chosen: Option<String>,
    is_up: bool,
    reply_to: String,
    filters: Vec<String>,
    qos: u8,
    keep_alive: Duration,
    /// Messages that the broker may still get.
    room: u16,
    waiting: VecDeque<Bytes>,
}

impl<'a> Client<'a> {
    fn new(io: Box<dyn Io>, habits: &'a Habits, number: u32, chosen: Option<String>) -> Client<'a> {
        let keep_alive = Duration::from_secs(habits.keep_alive_s.into());
        let (reply_to, filters, waiting) = (OWN.to_owned(), Vec::new(), VecDeque::new());
        Client {
            io,
            habits,
            number,
            chosen,
            is_up: false,
            reply_to,
            filters,
            qos: 1,
            keep_alive,
            room: 99,
            waiting,
        }
    }

    async fn run(&mut self) -> Result<(), Over> {
        self.connect().await?;
        let (mut read, mut ping) = (BytesMut::new(), Instant::now() + self.keep_alive);
        loop {
            while let Some((first, body)) = packet(&mut read) {
                self.hear(first, body).await?;
            }
            ping = ping.min(Instant::now() + self.keep_alive);
            tokio::select! {
                got = self.io.read_buf(&mut read) => if !matches!(got, Ok(1..)) { return Err(Over) },
                () = clock::reach(ping) => {
                    self.write(0xC0, &[]).await?;
                    ping = Instant::now() + self.keep_alive;
                }
            }
        }
    }

    fn is_5(&self) -> bool {
        self.habits.version == Version::V5
    }

    async fn write(&mut self, first: u8, body: &[u8]) -> Result<(), Over> {
        let mut bytes = vec![first];
        length(&mut bytes, body.len());
        bytes.extend(body);
        self.io.write_all(&bytes).await.map_err(|_| Over)
    }

    async fn connect(&mut self) -> Result<(), Over> {
        let mut body = b"\0\x04MQTT".to_vec();
        body.push(if self.is_5() { 5 } else { 4 });
        body.push(if self.habits.user_name.is_some() { 0x82 } else { 0x02 });
        body.put_u16(self.habits.keep_alive_s);
        if self.is_5() {
            let mut props = Vec::new();
            if self.habits.asks_for_information {
                props.extend([0x19, 1]);
            }
            if self.habits.names_itself {
                props.push(0x26);
                text(&mut props, "usp-endpoint-id");
                text(&mut props, AGENT);
            }
            length(&mut body, props.len());
            body.extend(props);
        }
        let usual = if self.is_5() { String::new() } else { AGENT.to_owned() };
        let mut client_id = self.chosen.clone().unwrap_or(usual);
        if self.habits.counts_in_id {
            client_id = format!("box-{}", self.number);
        }
        text(&mut body, self.habits.client_id.unwrap_or(&client_id));
        if let Some(name) = self.habits.user_name {
            text(&mut body, name);
        }
        self.write(0x10, &body).await
    }

    async fn hear(&mut self, first: u8, mut body: Bytes) -> Result<(), Over> {
        match first >> 4 {
            2 if !self.filters.is_empty() => {
                if self.habits.minds_connack {
                    Err(Over)
                } else {
                    Ok(())
                }
            }
            2 => self.accepted(body).await,
            9 => {
                let code = body[body.len() - 1];
                if code >= 0x80 && self.habits.minds_refusal {
                    if self.habits.says_good_bye {
                        self.write(0xE0, &[]).await?;
                    }
                    return Err(Over);
                }
                self.begin().await
            }
            3 => {
                let name = take_text(&mut body);
                let packet_id = (first & 0x06 != 0).then(|| body.get_u16());
                if let Some(id) = packet_id.filter(|_| self.habits.acknowledges) {
                    self.write(0x40, &id.to_be_bytes()).await?;
                }
                let props = if self.is_5() { properties(&mut body) } else { Vec::new() };
                self.record(&name, &props, body).await
            }
            4 => {
                self.room += 1;
                match self.waiting.pop_front() {
                    Some(bytes) => self.send(bytes).await,
                    None => Ok(()),
                }
            }
            13 => Ok(()),
            14 => Err(Over),
            _ => {
                if self.habits.minds_reserved {
                    Err(Over)
                } else {
                    Ok(())
                }
            }
        }
    }

    async fn accepted(&mut self, mut body: Bytes) -> Result<(), Over> {
        let code = body[1];
        body.advance(2);
        if code != 0 {
            return Err(Over);
        }
        self.filters = Vec::new();
        let props = if self.is_5() { properties(&mut body) } else { Vec::new() };
        let mut information = None;
        for (kind, value) in props {
            match kind {
                0x12 => self.chosen = Some(value),
                0x1A => information = Some(value),
                0x26 if self.habits.takes_offers => self.filters.push(value),
                0x13 if self.habits.obeys_keep_alive => {
                    self.keep_alive = Duration::from_secs(value.parse().unwrap());
                }
                0x24 if self.habits.obeys_maximum_qos => self.qos = value.parse().unwrap(),
                0x21 if self.habits.obeys_receive_maximum => self.room = value.parse().unwrap(),
                _ => {}
            }
        }
        if let Some(topic) = information.filter(|_| self.habits.takes_information) {
            self.reply_to = topic;
        }
        let own = match self.habits.version {
            _ if self.reply_to != OWN && !self.habits.subscribes_to_information => "agents/none".to_owned(),
            _ if !self.habits.subscribes_to_own => "agents/none".to_owned(),
            Version::V5 => self.reply_to.clone(),
            Version::V3_1_1 => format!("{}/#", self.reply_to),
        };
        self.filters.push(own);
        let mut body = vec![0, 1];
        if self.is_5() {
            body.push(0);
        }
        for filter in &self.filters {
            text(&mut body, filter);
            body.push(1);
        }
        self.write(0x82, &body).await?;
        if self.habits.waits_for_suback { Ok(()) } else { self.begin().await }
    }

    /// The Connect record.
    async fn begin(&mut self) -> Result<(), Over> {
        if self.is_up {
            return Ok(());
        }
        self.is_up = true;
        let version = MqttVersion::from(self.habits.version);
        let subscribed_topic =
            if self.habits.tells_topic { self.reply_to.clone() } else { "elsewhere".to_owned() };
        let kind = RecordType::MqttConnect { version, subscribed_topic };
        let record = Record::new(&id(AGENT), &id(CONTROLLER), usp_proto::Version::CURRENT, kind).encode();
        self.publish(PEER, &record, self.habits.connect_says_reply_to).await
    }

    async fn record(&mut self, name: &str, props: &[(u8, String)], payload: Bytes) -> Result<(), Over> {
        let prop =
            |wanted: u8| props.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| value.as_str());
        if prop(0x03) != Some("usp.msg") && self.is_5() && !self.habits.knows_long_type {
            return Ok(());
        }
        let mark = "/reply-to=";
        let appended = if self.habits.minds_last { name.rsplit_once(mark) } else { name.split_once(mark) };
        let appended = appended.map(|(_, topic)| topic.replace("%2F", "/"));
        let told = prop(0x08).map(str::to_owned).or(appended).unwrap_or_else(|| PEER.to_owned());
        let to = if self.habits.minds_reply_to { told } else { PEER.to_owned() };
        let Some(answer) = Record::decode(payload).ok().and_then(|record| reply(record, VALUES)) else {
            return Ok(());
        };
        self.publish(&to, &answer, self.habits.says_reply_to).await
    }

    async fn publish(&mut self, to: &str, record: &[u8], says_reply_to: bool) -> Result<(), Over> {
        let mut body = Vec::new();
        let escaped =
            if self.habits.escapes { self.reply_to.replace('/', "%2F") } else { self.reply_to.clone() };
        match self.habits.version {
            Version::V3_1_1 if says_reply_to => text(&mut body, &format!("{to}/reply-to={escaped}")),
            _ => text(&mut body, to),
        }
        if self.qos == 1 {
            body.put_u16(9);
        }
        if self.is_5() {
            let mut props = vec![0x03];
            text(&mut props, self.habits.content_type);
            if says_reply_to {
                props.push(0x08);
                text(&mut props, &self.reply_to);
            }
            length(&mut body, props.len());
            body.extend(props);
        }
        body.extend(record);
        let first = 0x30 | self.qos << 1 | u8::from(self.habits.retains);
        let mut bytes = vec![first];
        length(&mut bytes, body.len());
        bytes.extend(body);
        self.send(bytes.into()).await
    }

    /// Now, or when the broker takes it.
    async fn send(&mut self, publish: Bytes) -> Result<(), Over> {
        if self.qos == 0 && self.habits.needs_qos_1 && self.is_up {
            return Ok(());
        }
        if self.qos == 1 && self.room == 0 {
            self.waiting.push_back(publish);
            return Ok(());
        }
        self.room = self.room.saturating_sub(u16::from(self.qos));
        self.io.write_all(&publish).await.map_err(|_| Over)
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.put_u16(text.len().try_into().unwrap());
    out.extend(text.as_bytes());
}

fn length(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value % 0x80) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_text(body: &mut Bytes) -> String {
    let length = body.get_u16().into();
    String::from_utf8(body.split_to(length).to_vec()).unwrap()
}

fn take_length(body: &mut Bytes) -> usize {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = body.get_u8();
        value |= usize::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return value;
        }
    }
}

/// Properties as texts; of user properties the value.
fn properties(body: &mut Bytes) -> Vec<(u8, String)> {
    let length = take_length(body);
    let mut props = body.split_to(length);
    let mut read = Vec::new();
    while props.has_remaining() {
        let kind = props.get_u8();
        let value = match kind {
            0x24 | 0x25 => props.get_u8().to_string(),
            0x13 | 0x21 => props.get_u16().to_string(),
            0x26 => {
                take_text(&mut props);
                take_text(&mut props)
            }
            _ => take_text(&mut props),
        };
        read.push((kind, value));
    }
    read
}

/// The next whole packet.
fn packet(read: &mut BytesMut) -> Option<(u8, Bytes)> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *read.get(at)?;
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    if read.len() < at + length {
        return None;
    }
    let first = read[0];
    read.advance(at);
    Some((first, read.split_to(length).freeze()))
}
