//! A small agent on a UNIX domain socket, dialling or listening over memory. It keeps the rules of the transport, but for
//! those that its [`Habits`] give up.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use check::Bench;
use check::uds::{self, Value, frame, kind};
use check::websocket::{Io, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use usp_proto::get::GetResp;
use usp_proto::{EndpointId, Record, RecordType, Response, Version};

use super::Habits;
use crate::agent::{AGENT, CONTROLLER, id, over};
use crate::clock;
use crate::responder::{answer, reply};

/// A bench with such an agent at the other end.
pub(crate) fn bench(habits: Habits) -> Bench {
    over(match habits.side {
        Side::AgentDials => {
            let (connections, accepted) = mpsc::channel::<Box<dyn Io>>(1);
            let link = uds::accept(accepted, &id(CONTROLLER));
            tokio::spawn(async move {
                let mut wait = habits.retry_s;
                loop {
                    let (ours, theirs) = tokio::io::duplex(1 << 16);
                    if connections.send(Box::new(theirs)).await.is_err() {
                        return;
                    }
                    let _ = Conn::new(ours, &habits).run().await;
                    clock::pass(Duration::from_secs(wait)).await;
                    wait *= habits.backoff;
                }
            });
            link
        }
        Side::AgentListens => {
            let connect = move || {
                let (ours, theirs) = tokio::io::duplex(1 << 16);
                let habits = habits.clone();
                tokio::spawn(async move { Conn::new(ours, &habits).run().await });
                std::future::ready(Ok(Box::new(theirs) as Box<dyn Io>))
            };
            uds::dial_by(connect, &id(CONTROLLER))
        }
    })
}

/// The connection is over.
struct Over;

struct Conn<'a> {
    io: DuplexStream,
    habits: &'a Habits,
    has_shaken: bool,
}

impl<'a> Conn<'a> {
    fn new(io: DuplexStream, habits: &'a Habits) -> Conn<'a> {
        Conn { io, habits, has_shaken: false }
    }

    async fn run(mut self) -> Result<(), Over> {
        let deadline = Instant::now() + Duration::from_secs(self.habits.waits_s);
        if self.habits.side == Side::AgentDials {
            self.shake().await?;
        }
        let mut read = BytesMut::new();
        loop {
            while let Some(values) = self.next(&mut read).await? {
                for value in values {
                    self.hear(value).await?;
                }
            }
            let reading = self.io.read_buf(&mut read);
            let got = if self.has_shaken {
                reading.await
            } else {
                timeout_at(deadline, reading).await.map_err(|_| Over)?
            };
            if !matches!(got, Ok(1..)) {
                return Err(Over);
            }
        }
    }

    /// The values of the next frame.
    async fn next(&mut self, read: &mut BytesMut) -> Result<Option<Vec<Value>>, Over> {
        let habits = self.habits;
        if read.len() < 8 {
            return Ok(None);
        }
        let length = (&read[4..]).get_u32();
        if !habits.minds_sync && read[..4] != frame::SYNC || !habits.minds_length && length == u32::MAX {
            read.clear();
            return Ok(None);
        }
        // The bench's own decoder minds values that are too long.
        let mut copy = read.clone();
        match frame::decode(&mut copy) {
            Ok(values) => {
                *read = copy;
                Ok(values)
            }
            Err(_) if !habits.minds_overrun && length == 6 => {
                read.clear();
                Ok(None)
            }
            Err(why) => self.fail(&why).await,
        }
    }

    async fn fail<T>(&mut self, why: &str) -> Result<T, Over> {
        self.send(kind::ERROR, Bytes::copy_from_slice(why.as_bytes())).await?;
        Err(Over)
    }

    async fn send(&mut self, kind: u8, bytes: Bytes) -> Result<(), Over> {
        self.io.write_all(&frame::encode(&[Value::new(kind, bytes)])).await.map_err(|_| Over)
    }

    async fn shake(&mut self) -> Result<(), Over> {
        let name = if self.habits.names_itself { AGENT } else { CONTROLLER };
        if !self.habits.handshakes_first {
            self.connect().await?;
        }
        self.send(kind::HANDSHAKE, Bytes::from_static(name.as_bytes())).await
    }

    async fn connect(&mut self) -> Result<(), Over> {
        let record = match self.habits.connects_each_time {
            true => {
                Record::new(&id(AGENT), &id(CONTROLLER), Version::CURRENT, RecordType::UdsConnect).encode()
            }
            false => answer("unasked", Response::GetResp(GetResp::default())),
        };
        self.send(kind::RECORD, record).await
    }

    async fn hear(&mut self, value: Value) -> Result<(), Over> {
        match value.kind {
            kind::HANDSHAKE if self.has_shaken => {
                if self.habits.ignores_second {
                    Ok(())
                } else {
                    Err(Over)
                }
            }
            kind::HANDSHAKE => {
                let named =
                    std::str::from_utf8(&value.bytes).ok().and_then(|id| EndpointId::receive(id).ok());
                if named.is_none() && self.habits.minds_endpoint {
                    return self.fail("no endpoint id").await;
                }
                self.has_shaken = true;
                if self.habits.side == Side::AgentListens {
                    self.shake().await?;
                }
                if self.habits.handshakes_first { self.connect().await } else { Ok(()) }
            }
            kind::ERROR => {
                if self.habits.minds_error {
                    Err(Over)
                } else {
                    Ok(())
                }
            }
            kind::RECORD if self.has_shaken || !self.habits.waits_for_handshake => {
                let Ok(record) = Record::decode(value.bytes) else {
                    return if self.habits.minds_records { self.fail("no Record").await } else { Ok(()) };
                };
                match reply(record, &[]) {
                    Some(answer) => {
                        let other = self.habits.kind_of_records;
                        self.send(kind::RECORD, answer).await?;
                        if other == kind::RECORD {
                            Ok(())
                        } else {
                            self.send(other, Bytes::from_static(b"-")).await
                        }
                    }
                    None => Ok(()),
                }
            }
            kind::RECORD => Ok(()),
            _ => {
                if self.habits.skips_unknown {
                    Ok(())
                } else {
                    Err(Over)
                }
            }
        }
    }
}
