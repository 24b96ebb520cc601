//! A small agent on a WebSocket of its own, dialling or listening over memory. It keeps the rules of RFC 6455 and of
//! USP, but for those that its [`Habits`] give up.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use check::websocket::{self, Certificates, Frame, Head, Io, Side, WsUrl, frame};
use check::{Bench, Link};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use usp_proto::get::GetResp;
use usp_proto::{Record, Response, Version};

use super::habits::Habits;
use super::trust::{Peer, Trust};
use crate::agent::{AGENT, CONTROLLER, id, over};
use crate::clock;
use crate::responder::{answer, reply};

/// A bench with such an agent at the other end.
pub(crate) fn bench(side: Side, mut habits: Habits) -> Bench {
    let own = habits.trust.as_mut().map(Trust::certificates);
    over(match side {
        Side::AgentDials => dials(&habits, own),
        Side::AgentListens => listens(habits, own),
    })
}

fn dials(habits: &Habits, tls: Option<Certificates>) -> Link {
    let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
    let link = websocket::accept(accepted, "/usp", id(CONTROLLER), tls);
    for _ in 0..if habits.dials_twice { 2 } else { 1 } {
        let (connections, habits) = (connections.clone(), habits.clone());
        tokio::spawn(async move {
            let (mut number, mut failures) = (0, 0);
            loop {
                let (ours, theirs) = tokio::io::duplex(1 << 16);
                if connections.send(Box::new(theirs)).await.is_err() {
                    return;
                }
                let stood = dialled(ours, &habits, number).await.is_some();
                failures = if stood && !habits.keeps_count { 0 } else { failures + 1 };
                clock::pass(habits.first_retry * habits.backoff.pow(failures)).await;
                number += 1;
            }
        });
    }
    link
}

/// One connection; `Some` when a session stood.
async fn dialled(io: DuplexStream, habits: &Habits, number: u32) -> Option<()> {
    let (mut io, peer) = secured(io, habits, true).await?;
    let fresh = if habits.fresh_key { number } else { 0 };
    let key = if habits.whole_key { format!("{fresh:A>21}A==") } else { "c2hvcnQ=".to_owned() };
    let eid = if habits.encodes_colons { AGENT.replace(':', "%3A") } else { AGENT.to_owned() };
    let target = if habits.names_itself { format!("/usp?eid={eid}") } else { "/usp".to_owned() };
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: c\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: {}\r\n",
        habits.version
    );
    if habits.subprotocol {
        request.push_str("Sec-WebSocket-Protocol: v1.usp\r\n");
    }
    request.push_str("Sec-WebSocket-Extensions: bbf-usp-protocol; eid=\"os::012345-A1\"\r\n\r\n");
    io.write_all(request.as_bytes()).await.ok()?;
    let (answer, read) = head(&mut io).await.ok()?;
    let is_proven = answer.value("Sec-WebSocket-Accept") == Some(&mtp::ws::handshake::accept_key(&key));
    let speaks_usp = answer.value("Sec-WebSocket-Protocol") == Some("v1.usp");
    let has_extension = answer.value("Sec-WebSocket-Extensions").is_some();
    if !answer.is_upgrade()
        || habits.minds_subprotocol && !speaks_usp
        || habits.minds_proof && !is_proven
        || habits.needs_extension && !has_extension
    {
        return None;
    }
    Session::new(io, peer, read, true, habits, number).run(None).await;
    Some(())
}

fn listens(habits: Habits, tls: Option<Certificates>) -> Link {
    let (habits, number) = (Arc::new(habits), Arc::new(Mutex::new(0)));
    // Ends the connection before.
    let newest: Arc<Mutex<Option<oneshot::Sender<()>>>> = Arc::default();
    let url: WsUrl = "ws://agent.example/usp".parse().unwrap();
    let connect = move || {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (habits, newest) = (habits.clone(), newest.clone());
        let number = {
            let mut number = number.lock().unwrap();
            *number += 1;
            *number - 1
        };
        tokio::spawn(async move { answered(ours, &habits, number, &newest).await });
        std::future::ready(Ok(Box::new(theirs) as Box<dyn Io>))
    };
    websocket::dial_by(connect, url, id(CONTROLLER), tls)
}

async fn answered(
    io: DuplexStream,
    habits: &Habits,
    number: u32,
    newest: &Mutex<Option<oneshot::Sender<()>>>,
) -> Option<()> {
    let (mut io, peer) = secured(io, habits, false).await?;
    let (request, read) = head(&mut io).await.ok()?;
    let offered = request.value("Sec-WebSocket-Protocol");
    let is_refused = habits.minds_no_subprotocol && offered.is_none()
        || habits.minds_other_subprotocol && offered.is_some_and(|offered| offered != "v1.usp")
        || habits.minds_key
            && request.value("Sec-WebSocket-Key").is_none()
            && request.value("Upgrade").is_some()
        || habits.minds_version
            && request.value("Sec-WebSocket-Version").is_some_and(|version| version != "13")
        || habits.minds_upgrade && request.value("Upgrade").is_none()
        || habits.minds_path && !request.target().starts_with("/usp?")
        || habits.needs_extension && request.value("Sec-WebSocket-Extensions").is_none();
    if is_refused && habits.hangs_up {
        return None;
    }
    if is_refused {
        io.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok()?;
        return None;
    }
    let key = request.value("Sec-WebSocket-Key").unwrap_or_default();
    let accept = mtp::ws::handshake::accept_key(if habits.proves { key } else { "another" });
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
    );
    if habits.subprotocol {
        answer.push_str("Sec-WebSocket-Protocol: v1.usp\r\n");
    }
    if habits.answers_extension {
        answer.push_str("Sec-WebSocket-Extensions: bbf-usp-protocol; eid=\"os::012345-A1\"\r\n");
    }
    answer.push_str("\r\n");
    io.write_all(answer.as_bytes()).await.ok()?;
    let (ending, end) = oneshot::channel();
    let before = newest.lock().unwrap().replace(ending);
    // What is dropped ends the connection before.
    let _kept = before.filter(|_| habits.keeps_both);
    Session::new(io, peer, read, false, habits, number).run(Some(end)).await;
    Some(())
}

/// Puts TLS below, where there is any; what the peer's certificate says.
async fn secured(io: DuplexStream, habits: &Habits, is_client: bool) -> Option<(Box<dyn Io>, Peer)> {
    match &habits.trust {
        None => Some((Box::new(io), Peer::default())),
        Some(trust) => trust.shake(io, is_client).await,
    }
}

async fn head(io: &mut Box<dyn Io>) -> io::Result<(Head, BytesMut)> {
    let mut read = BytesMut::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = read.split_to(end + 4);
            return Ok((Head::parse(std::str::from_utf8(&head[..end]).unwrap()), read));
        }
        if io.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// After the handshake.
struct Session<'a> {
    io: Box<dyn Io>,
    peer: Peer,
    read: BytesMut,
    is_client: bool,
    habits: &'a Habits,
    /// How many connections there were before.
    number: u32,
    message: Option<BytesMut>,
    /// Answers that wait.
    lying: Vec<Bytes>,
    sent: u32,
}

/// The session is over.
struct Over;

impl<'a> Session<'a> {
    fn new(
        io: Box<dyn Io>,
        peer: Peer,
        read: BytesMut,
        is_client: bool,
        habits: &'a Habits,
        number: u32,
    ) -> Session<'a> {
        Session { io, peer, read, is_client, habits, number, message: None, lying: Vec::new(), sent: 0 }
    }

    async fn run(mut self, end: Option<oneshot::Receiver<()>>) {
        let end = async move {
            match end {
                // A newer connection takes its place; or nobody ever ends it.
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::pin!(end);
        if self.number == 0 || self.habits.connects_each_time {
            let record = Record::websocket_connect(&id(AGENT), &id(CONTROLLER), Version::CURRENT);
            if self.say(record.encode()).await.is_err() {
                return;
            }
        } else if self.say(answer("unasked", Response::GetResp(GetResp::default()))).await.is_err() {
            return;
        }
        let mut pings = tokio::time::interval(Duration::from_secs(60));
        pings.tick().await;
        loop {
            while let Some(frame) = Frame::decode(&mut self.read, 1 << 20).unwrap() {
                if self.hear(frame).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                read = self.io.read_buf(&mut self.read) => if !matches!(read, Ok(1..)) { return },
                _ = pings.tick(), if self.habits.pings => if self.send(Frame::new(frame::PING, "")).await.is_err() { return },
                () = &mut end => {
                    let _ = self.send(Frame::close(1008)).await;
                    return;
                }
            }
        }
    }

    async fn send(&mut self, frame: Frame) -> Result<(), Over> {
        self.sent += u32::from(self.habits.fresh_masks);
        let masks = self.is_client == self.habits.masks;
        let frame = Frame { mask: masks.then(|| self.sent.to_be_bytes()), ..frame };
        self.io.write_all(&frame.encode()).await.map_err(|_| Over)
    }

    async fn say(&mut self, record: Bytes) -> Result<(), Over> {
        if !self.habits.binary {
            return self.send(Frame::new(frame::TEXT, record)).await;
        }
        if !self.habits.whole {
            self.send(Frame { fin: false, ..Frame::new(frame::BINARY, record.slice(..1)) }).await?;
            return self.send(Frame::new(frame::CONTINUATION, record.slice(1..))).await;
        }
        self.send(Frame::new(frame::BINARY, record)).await
    }

    async fn close(&mut self, code: u16) -> Result<(), Over> {
        self.send(Frame::close(code)).await?;
        Err(Over)
    }

    /// Whether RFC 6455 forbids this frame here, and we mind.
    fn is_wrong(&self, frame: &Frame) -> bool {
        let habits = self.habits;
        let is_known = matches!(frame.opcode, 0..=2 | 8..=10);
        habits.minds_masks && frame.mask.is_some() == self.is_client
            || habits.minds_reserved && frame.reserved != 0
            || habits.minds_opcode && !is_known
            || habits.minds_long_control && frame.is_control() && frame.payload.len() > 125
            || habits.minds_parts_of_control && frame.is_control() && !frame.fin
            || habits.minds_stray && frame.opcode == frame::CONTINUATION && self.message.is_none()
            || habits.minds_interruption && matches!(frame.opcode, 1 | 2) && self.message.is_some()
    }

    async fn hear(&mut self, frame: Frame) -> Result<(), Over> {
        if self.is_wrong(&frame) {
            return self.close(1002).await;
        }
        match frame.opcode {
            frame::PING if self.habits.ponging => {
                if !self.habits.control_between {
                    self.message = None;
                }
                for answer in std::mem::take(&mut self.lying) {
                    self.say(answer).await?;
                }
                let payload = if self.habits.pongs_payload { frame.payload } else { Bytes::new() };
                self.send(Frame::new(frame::PONG, payload)).await
            }
            frame::PONG if self.habits.minds_pongs => self.close(1002).await,
            frame::CLOSE => {
                if self.habits.answers_close {
                    self.send(Frame::new(frame::CLOSE, frame.payload)).await?;
                }
                Err(Over)
            }
            frame::TEXT => self.close(self.habits.code_of_text).await,
            frame::BINARY | frame::CONTINUATION => self.data(frame).await,
            _ => Ok(()),
        }
    }

    async fn data(&mut self, frame: Frame) -> Result<(), Over> {
        if frame.opcode == frame::CONTINUATION && self.message.is_none() {
            return Ok(());
        }
        let mut message = if frame.opcode == frame::BINARY {
            BytesMut::new()
        } else {
            self.message.take().unwrap_or_default()
        };
        message.extend_from_slice(&frame.payload);
        if !frame.fin {
            self.message = self.habits.reassembles.then_some(message);
            return Ok(());
        }
        match Record::decode(message.freeze()) {
            Ok(record) => self.record(record).await,
            Err(_) => self.close(self.habits.code_of_garbage).await,
        }
    }

    async fn record(&mut self, record: Record) -> Result<(), Over> {
        if !self.peer.speaks_for(&record.from_id) {
            return Ok(());
        }
        match reply(record, &[]) {
            Some(answer) if self.habits.dawdles => {
                self.lying.push(answer);
                Ok(())
            }
            Some(answer) => self.say(answer).await,
            None => Ok(()),
        }
    }
}
