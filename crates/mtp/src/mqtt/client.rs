//! A connection to a broker on a socket: connects, and runs the [`Machine`] for as long as it lasts. When to
//! connect again is [`Retry`](crate::Retry)'s business and the caller's (R-MQTT.10, R-MQTT.33).

use std::fmt;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use usp_proto::link::{Contact, Inbound, LinkId, PeerAuth, ReturnPath};
use usp_proto::record::MqttVersion;

use super::conn::{Conn, Wish};
use super::limits::MAX_EARLY;
use super::machine::{Event, Machine};
use super::meter::Meter;
use super::settings::{Settings, Subscription};
use super::topic::Topic;
#[cfg(feature = "ws")]
use super::websocket;
use crate::dial::Target;
use crate::error::Error;
use crate::limits::HANDSHAKE_TIMEOUT;
use crate::link::{DownGuard, DownReason, LinkHandler, LinkSender, LinkUp, Role, Shared, Side};
use crate::peers::word_of;
use crate::stream::Stream;

/// Where a broker is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BrokerAddress {
    /// Host name or address; an IPv6 address without brackets.
    pub host: String,
    /// TCP port; 1883 and 8883 are usual.
    pub port: u16,
    /// Whether TLS is used.
    pub secure: bool,
}

/// Everything needed to connect to a broker, again and again.
#[derive(Clone, Debug)]
pub struct Client {
    /// Where to.
    pub broker: BrokerAddress,
    /// How to present ourselves.
    pub settings: Settings,
    /// Needed where the address says that TLS is used. Its verifier looks at the broker's certificate.
    pub tls: Option<pki::ClientTls>,
    /// The local address to connect from.
    pub bind: Option<IpAddr>,
    /// The path of the WebSocket by which the broker is spoken to, beginning with `/`; None without one.
    #[cfg(feature = "ws")]
    pub websocket: Option<String>,
    /// What we are to those behind the broker.
    pub role: Role,
    /// Whether the broker's word counts on who sent a Record (R-SEC.9): it lets in nobody without a certificate of
    /// their own, and nobody under another's name (R-SEC.4b, R-SEC.4c). Only with TLS.
    pub trusted: bool,
    /// What counts all that goes through.
    pub meter: Option<Arc<Meter>>,
}

impl Client {
    /// A client without TLS; the other fields may be set afterwards.
    pub fn new(broker: BrokerAddress, settings: Settings, role: Role) -> Client {
        Client {
            broker,
            settings,
            tls: None,
            bind: None,
            #[cfg(feature = "ws")]
            websocket: None,
            role,
            trusted: false,
            meter: None,
        }
    }

    /// Connects, and subscribes: what comes back can send and receive. It does nothing until it is
    /// [run](Session::run).
    ///
    /// # Errors
    /// When nobody is there, the broker refuses us or our subscriptions, or none of our topics is known.
    pub async fn connect(&self) -> Result<Session, Error> {
        let shaking = Box::pin(self.shake());
        let shaken = timeout(HANDSHAKE_TIMEOUT, shaking).await.unwrap_or(Err(Error::TimedOut));
        if let Some(meter) = &self.meter {
            match &shaken {
                Ok(_) => meter.connected(),
                Err(_) => meter.failed(),
            }
        }
        shaken
    }

    async fn shake(&self) -> Result<Session, Error> {
        let target = Target {
            host: &self.broker.host,
            port: self.broker.port,
            secure: self.broker.secure,
            tls: self.tls.as_ref(),
            bind: self.bind,
        };
        let (mut io, peer_addr, peer) = target.open().await?;
        #[cfg(feature = "ws")]
        if let Some(path) = &self.websocket {
            io = websocket::ask(io, &self.broker.host, self.broker.port, path).await?;
        }
        let started = Instant::now();
        let mut machine = Machine::new(Duration::ZERO, self.settings.clone());
        let (mut assigned_client_id, mut response_information) = (None, None);
        let mut early = Vec::new();
        loop {
            flush(&mut io, &mut machine).await?;
            if let Some(meter) = &self.meter {
                meter.add(machine.take_counted());
            }
            while let Some(event) = machine.poll_event() {
                match event {
                    Event::Accepted { assigned_client_id: id, response_information: topic } => {
                        (assigned_client_id, response_information) = (id, topic);
                    }
                    // Retained ones may come before SUBACK.
                    Event::Record { reply_to, record } if early.len() < MAX_EARLY => {
                        early.push((reply_to, record));
                    }
                    Event::Record { .. } => tracing::debug!("a Record before SUBACK was dropped"),
                    Event::Ended(end) => {
                        // The broker is told why, if it still listens.
                        let _ = flush(&mut io, &mut machine).await;
                        return Err(Error::Mqtt(end));
                    }
                    Event::Up { reply_to } => {
                        let (shared, role) = (Shared::brokered(), self.role);
                        let proof = if self.trusted { word_of(&peer) } else { PeerAuth::Unproven };
                        let conn = Conn::new(io, machine, shared, started, self.meter.clone());
                        return Ok(Session {
                            conn,
                            version: self.settings.version.into(),
                            reply_to,
                            peer_addr,
                            peer,
                            proof,
                            role,
                            assigned_client_id,
                            response_information,
                            early,
                        });
                    }
                }
            }
            let mut buffer = [0; 1024];
            match io.read(&mut buffer).await? {
                0 => return Err(Error::Io(std::io::ErrorKind::UnexpectedEof.into())),
                n => machine.handle_input(started.elapsed(), &buffer[..n]),
            }
        }
    }
}

async fn flush(io: &mut Stream, machine: &mut Machine) -> std::io::Result<()> {
    while let Some(bytes) = machine.poll_transmit() {
        io.write_all(&bytes).await?;
    }
    io.flush().await
}

/// A connection that is subscribed.
pub struct Session {
    conn: Conn,
    version: MqttVersion,
    reply_to: Topic,
    peer_addr: SocketAddr,
    peer: PeerAuth,
    proof: PeerAuth,
    role: Role,
    assigned_client_id: Option<String>,
    response_information: Option<String>,
    early: Vec<(Topic, Bytes)>,
}

impl Session {
    /// The id of the link.
    pub fn link(&self) -> LinkId {
        self.conn.shared.link
    }

    /// The topic that reaches us: the `subscribed_topic` of our Connect records.
    pub fn reply_to(&self) -> &Topic {
        &self.reply_to
    }

    /// The client id that the broker chose, to be kept and used from now on (R-MQTT.9).
    pub fn assigned_client_id(&self) -> Option<&str> {
        self.assigned_client_id.as_deref()
    }

    /// The Response Information of the broker (R-MQTT.12), as it gave it.
    pub fn response_information(&self) -> Option<&str> {
        self.response_information.as_deref()
    }

    /// How to change what it is subscribed to, while it runs.
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions { shared: self.conn.shared.clone(), wish: self.conn.wish.clone() }
    }

    /// What the broker's certificate proved: who it is, and nothing about those behind it.
    pub fn broker(&self) -> &PeerAuth {
        &self.peer
    }

    /// How to talk through it; the handler gets the same one in `up`.
    pub fn sender(&self) -> LinkSender {
        LinkSender(self.conn.shared.clone())
    }

    /// Runs the link until it is gone. Dropping the future drops the connection. While the handler holds a
    /// Record, nothing is read and no ping is sent: the keep-alive time is what it has.
    ///
    /// Of each Record nothing is proved ([`PeerAuth::Unproven`]), because a broker passes on what it was given;
    /// unless it is one that is [trusted](Client::trusted).
    pub async fn run<H: LinkHandler>(self, handler: &H) -> DownReason {
        let mut conn = self.conn;
        let link = conn.shared.link;
        let mut guard = DownGuard { handler, shared: conn.shared.clone(), reason: None };
        handler.up(LinkUp {
            link,
            peer_addr: Some(self.peer_addr),
            eid: None,
            peer: self.peer,
            return_path: path(link, &self.reply_to),
            contact: Contact::Mqtt { version: self.version, topic: self.reply_to.shared() },
            side: Side::Dialled,
            role: self.role,
            sender: LinkSender(conn.shared.clone()),
        });
        let mut early = self.early.into_iter();
        let end = loop {
            let (reply_to, record) = match early.next() {
                Some(early) => early,
                None => match poll_fn(|cx| conn.poll(cx)).await {
                    Ok(record) => record,
                    Err(end) => break end,
                },
            };
            let peer = self.proof.clone();
            let inbound = Inbound { link, peer, return_path: path(link, &reply_to), record };
            // What can't be decoded is dropped; the others behind the broker are not to suffer from it.
            if let Err(end) = conn.deliver(inbound, handler).await {
                break end;
            }
        };
        let reason = Box::pin(conn.end(end)).await;
        guard.reason = Some(reason.clone());
        reason
    }
}

fn path(link: LinkId, topic: &Topic) -> ReturnPath {
    ReturnPath::Mqtt { link, topic: topic.shared() }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("link", &self.link()).finish_non_exhaustive()
    }
}

/// Changes what a link that runs is subscribed to.
#[derive(Clone)]
pub struct Subscriptions {
    shared: Arc<Shared>,
    wish: Arc<Wish>,
}

impl Subscriptions {
    /// R-MQTT.34: subscribes to what is new among these filters, and gives up what is not among them any more. Of
    /// several changes the last counts. Where our "reply to" topic follows from the filters alone, the link may end.
    pub fn change(&self, filters: Vec<Subscription>) {
        self.wish.set(filters);
        self.shared.nudge();
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscriptions").field(&self.shared.link).finish()
    }
}
