//! The bench's own STOMP server, for one agent at a time: it is server and controller at once, and can break the rules of
//! both when a check wants it.
//!
//! Whatever the agent sends is taken for a Record to us: which destination it chose is for the checks to judge.

pub mod frame;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

pub use frame::Frame;

use crate::hub::{self, Hub, Out, Said, Speaker, lock};
use crate::link::{self, Arrival, Link};
use crate::websocket::{Certificates, Io, Shown};

/// What marks a Record (R-STOMP.20).
pub const CONTENT_TYPE: &str = "application/vnd.bbf.usp.msg";

/// What the server does from now on. The default is right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manners {
    /// Answers the first frame with ERROR.
    pub refuses: bool,
    /// The header `subscribe-dest` of CONNECTED.
    pub subscribe_dest: Option<String>,
    /// How often signs of life are wanted, milliseconds.
    pub wants_beats: Option<u32>,
}

/// Serves agents at this address, which send to `destination`; port 0 picks one. Must be called inside a tokio runtime.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn listen(
    addr: SocketAddr,
    destination: &str,
    tls: Option<Certificates>,
) -> io::Result<(Link, SocketAddr)> {
    let (connections, addr) = hub::tcp(addr).await?;
    Ok((accept(connections, destination, tls), addr))
}

/// The same over connections that somebody else makes.
pub fn accept(
    connections: mpsc::Receiver<Box<dyn Io>>,
    destination: &str,
    tls: Option<Certificates>,
) -> Link {
    let (hub, arrivals) = Hub::new();
    let (is_secure, destination) = (tls.is_some(), destination.to_owned());
    let server = Server { hub: hub.clone(), manners: Arc::default(), destination, is_secure };
    let served = Served { manners: server.manners.clone(), own: server.destination.clone(), agent: None };
    let task = hub.accept(connections, tls, move || served.clone());
    Link { wire: Box::new(hub::Way { hub, task }), arrivals, way: link::Way::Stomp(server) }
}

/// What a check can do with the server beside sending Records.
#[derive(Clone)]
pub struct Server {
    hub: Arc<Hub>,
    manners: Arc<Mutex<Manners>>,
    destination: String,
    is_secure: bool,
}

impl Server {
    /// Whether it goes over TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The destination where we are found.
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// What the server does from now on.
    pub fn set_manners(&self, manners: Manners) {
        *lock(&self.manners) = manners;
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn send(&self, frame: &Frame) -> Result<(), String> {
        Ok(self.hub.out(Out::Raw(frame.encode()))?)
    }

    /// Shows this certificate from now on.
    pub(crate) fn show(&self, shown: Shown) {
        self.hub.show(shown);
    }

    /// Ends the connection without a word.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn cut(&self) -> Result<(), String> {
        Ok(self.hub.out(Out::Cut)?)
    }
}

/// MESSAGE with a Record, whose answer goes to `reply_to`.
pub fn message(to: &Subscribed, reply_to: &str, record: &Bytes) -> Frame {
    let (length, reply_to) = (record.len().to_string(), frame::escape(reply_to));
    let headers = [
        ("subscription", to.id.as_str()),
        ("message-id", "1"),
        ("destination", to.destination.as_str()),
        ("content-type", CONTENT_TYPE),
        ("content-length", &length),
        ("reply-to-dest", &reply_to),
    ];
    Frame { body: record.clone(), ..Frame::new("MESSAGE", &headers) }
}

/// What an agent subscribed to, as it wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscribed {
    /// The id of the subscription.
    pub id: String,
    /// The destination.
    pub destination: String,
}

/// One connection.
#[derive(Clone)]
struct Served {
    manners: Arc<Mutex<Manners>>,
    own: String,
    agent: Option<Subscribed>,
}

impl Served {
    fn take(&mut self, frame: Frame, said: &mut Said) {
        let manners = lock(&self.manners).clone();
        match frame.command.as_str() {
            "STOMP" | "CONNECT" => connected(&manners, said),
            "SUBSCRIBE" => {
                let of = |name: &str| frame.raw(name).unwrap_or_default().to_owned();
                self.agent = Some(Subscribed { id: of("id"), destination: of("destination") });
            }
            "DISCONNECT" => said.end = Some("the agent said good-bye".to_owned()),
            _ => {}
        }
        if let Some(receipt) = frame.raw("receipt") {
            let receipt = Frame::new("RECEIPT", &[("receipt-id", receipt)]);
            said.bytes.extend_from_slice(&receipt.encode());
        }
        let is_subscribed = frame.command == "SUBSCRIBE";
        let record = (frame.command == "SEND").then(|| frame.body.clone());
        said.arrivals.push(Arrival::Stomp(frame));
        if is_subscribed {
            said.arrivals.push(Arrival::Up);
        }
        said.arrivals.extend(record.map(Arrival::Record));
    }
}

fn connected(manners: &Manners, said: &mut Said) {
    if manners.refuses {
        let error = Frame::new("ERROR", &[("message", "not now")]);
        said.bytes.extend_from_slice(&error.encode());
        said.end = Some("we refused it".to_owned());
        return;
    }
    let beats = format!("0,{}", manners.wants_beats.unwrap_or(0));
    let mut answer = Frame::new("CONNECTED", &[("version", "1.2"), ("heart-beat", &beats)]);
    if let Some(destination) = &manners.subscribe_dest {
        answer.headers.push(("subscribe-dest".to_owned(), destination.clone()));
    }
    said.bytes.extend_from_slice(&answer.encode());
}

impl Speaker for Served {
    fn hear(&mut self, read: &mut BytesMut, said: &mut Said) {
        let mut beats = 0;
        while said.end.is_none() {
            match frame::decode(read, &mut beats) {
                Ok(Some(frame)) => self.take(frame, said),
                Ok(None) => break,
                Err(why) => {
                    said.arrivals.push(Arrival::Broken(format!("a frame that is wrong (R-STOMP.22): {why}")));
                    said.end = Some(why);
                }
            }
        }
        if beats > 0 {
            said.arrivals.push(Arrival::Beat);
        }
    }

    fn record(&mut self, record: Bytes, said: &mut Said) {
        // An agent that is subscribed to nothing hears nothing, and the check says that it does not answer.
        let Some(agent) = &self.agent else { return };
        said.bytes.extend_from_slice(&message(agent, &self.own, &record).encode());
    }
}
