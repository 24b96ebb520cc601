//! A small agent that is a client of the bench's STOMP server over memory. It keeps the rules of STOMP and of USP, but for
//! those that its [`Habits`] give up.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use check::Bench;
use check::stomp::{self, Frame, frame};
use check::websocket::Io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use usp_proto::{Record, RecordType, Version};

use super::Habits;
use crate::agent::{AGENT, CONTROLLER, id, over};
use crate::clock;
use crate::responder::reply;

const PEER: &str = "/queue/check";

const VALUES: [(&str, &str); 6] = [
    ("Device.STOMP.Connection.*.Username", "box"),
    ("Device.STOMP.Connection.*.VirtualHost", "usp"),
    ("Device.LocalAgent.MTP.*.STOMP.Destination", "/queue/a1"),
    ("Device.STOMP.Connection.*.OutgoingHeartbeat", "1000"),
    ("Device.STOMP.Connection.*.IncomingHeartbeat", "0"),
    ("Device.STOMP.Connection.*.EnableHeartbeats", "true"),
];

/// A bench whose server has such an agent.
pub(crate) fn bench(habits: Habits) -> Bench {
    let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
    let link = stomp::accept(accepted, PEER, None);
    tokio::spawn(async move {
        loop {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            if connections.send(Box::new(theirs)).await.is_err() {
                return;
            }
            let mut client =
                Client { io: ours, habits: &habits, own: habits.destination.to_owned(), is_up: false };
            let end = client.run().await;
            let gives_up = match (end, client.is_up) {
                (Err(Over::Error), true) => habits.gives_up_after_error,
                (Err(Over::Error), false) => habits.gives_up_after_refusal,
                _ => false,
            };
            drop(client);
            if gives_up {
                // For longer than anybody waits.
                clock::pass(Duration::from_secs(3600)).await;
            }
            clock::pass(habits.retry).await;
        }
    });
    over(link)
}

/// Why the connection is over.
enum Over {
    /// It broke.
    Gone,
    /// The server sent ERROR.
    Error,
}

struct Client<'a> {
    io: DuplexStream,
    habits: &'a Habits,
    own: String,
    is_up: bool,
}

impl Client<'_> {
    async fn run(&mut self) -> Result<(), Over> {
        self.open().await?;
        let mut read = BytesMut::new();
        let mut beat = Instant::now() + Duration::from_secs(2);
        loop {
            while let Some(frame) = frame::decode(&mut read, &mut 0).map_err(|_| Over::Gone)? {
                self.hear(frame).await?;
            }
            tokio::select! {
                got = self.io.read_buf(&mut read) => if !matches!(got, Ok(1..)) { return Err(Over::Gone) },
                () = clock::reach(beat), if self.habits.beats_on && self.habits.beats.is_some() => {
                    self.io.write_all(b"\n").await.map_err(|_| Over::Gone)?;
                    beat = Instant::now() + Duration::from_secs(2);
                }
            }
        }
    }

    async fn send(&mut self, frame: Frame) -> Result<(), Over> {
        self.io.write_all(&frame.encode()).await.map_err(|_| Over::Gone)
    }

    async fn open(&mut self) -> Result<(), Over> {
        let endpoint = if self.habits.escapes { frame::escape(AGENT) } else { AGENT.to_owned() };
        let mut headers =
            vec![("accept-version", "1.2"), ("host", self.habits.host), ("endpoint-id", endpoint.as_str())];
        if self.habits.login {
            headers.extend([("login", "box"), ("passcode", "secret")]);
        }
        headers.extend(self.habits.beats.map(|beats| ("heart-beat", beats)));
        self.send(Frame::new(self.habits.command, &headers)).await
    }

    async fn hear(&mut self, frame: Frame) -> Result<(), Over> {
        match frame.command.as_str() {
            "CONNECTED" => self.subscribe(&frame).await,
            "ERROR" => Err(Over::Error),
            "RECEIPT" if self.habits.minds_receipt => Err(Over::Gone),
            "MESSAGE" => self.record(&frame).await,
            _ => Ok(()),
        }
    }

    async fn subscribe(&mut self, connected: &Frame) -> Result<(), Over> {
        self.is_up = true;
        if let Some(given) = connected.header("subscribe-dest").filter(|_| self.habits.takes_given) {
            self.own = given;
        }
        let own = self.own.clone();
        let mut headers = vec![("destination", own.as_str()), ("ack", self.habits.ack)];
        if self.habits.has_id {
            headers.push(("id", "0"));
        }
        self.send(Frame::new("SUBSCRIBE", &headers)).await?;
        let subscribed_destination = if self.habits.tells_destination { own } else { "elsewhere".to_owned() };
        let kind = RecordType::StompConnect { subscribed_destination };
        let record = Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, kind).encode();
        self.say(PEER, record, self.habits.connect_reply_to).await
    }

    async fn record(&mut self, message: &Frame) -> Result<(), Over> {
        if self.habits.acknowledges {
            self.send(Frame::new("ACK", &[("id", "1")])).await?;
        }
        if self.habits.begins {
            self.send(Frame::new("BEGIN", &[("transaction", "1")])).await?;
        }
        let told = message.header("reply-to-dest").filter(|_| self.habits.minds_reply_to);
        let values = if self.habits.has_beats { &VALUES[..] } else { &VALUES[..5] };
        let record = Record::decode(message.body.clone()).ok();
        match record.and_then(|record| reply(record, values)) {
            Some(answer) => self.say(told.as_deref().unwrap_or(PEER), answer, true).await,
            None => Ok(()),
        }
    }

    async fn say(&mut self, to: &str, record: Bytes, says_reply_to: bool) -> Result<(), Over> {
        let (length, own) = (record.len().to_string(), self.own.clone());
        let mut headers = vec![("destination", to), ("content-type", self.habits.content_type)];
        if self.habits.says_length {
            headers.push(("content-length", &length));
        }
        if says_reply_to {
            headers.push(("reply-to-dest", self.habits.reply_to.unwrap_or(&own)));
        }
        let frame = Frame { body: record, ..Frame::new("SEND", &headers) };
        self.send(frame).await
    }
}
