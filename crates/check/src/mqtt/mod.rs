//! The bench's own MQTT broker, for one agent at a time: it is broker and controller at once, and can break the rules
//! of both when a check wants it. That is why it is not the product's; it shares the reading of packets with that.
//!
//! Whatever the agent publishes is taken for a Record to us: which topic it chose is for the checks to judge.

mod manners;
pub mod packet;
mod speaker;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mtp::mqtt::CONTENT_TYPES;
use tokio::sync::mpsc;

pub use manners::{Manners, Subscriptions};
pub use mtp::mqtt::broker::wire::{Connect, Incoming, Publish, Want};
pub use mtp::mqtt::{Topic, Version};

use crate::hub::{self, Hub, Out, lock};
use crate::link::{self, Link};
use crate::websocket::{Certificates, Io, Shown};
use speaker::Served;

/// The id that a client gets which has none.
pub const CHOSEN_CLIENT_ID: &str = "cusp-check-chose-this";

/// Serves agents at this address, which publish to `topic`; port 0 picks one. Must be called inside a tokio runtime.
///
/// # Errors
/// When the address is taken or not ours.
pub async fn listen(
    addr: SocketAddr,
    topic: Topic,
    tls: Option<Certificates>,
) -> io::Result<(Link, SocketAddr)> {
    let (connections, addr) = hub::tcp(addr).await?;
    Ok((accept(connections, topic, tls), addr))
}

/// The same over connections that somebody else makes.
pub fn accept(connections: mpsc::Receiver<Box<dyn Io>>, topic: Topic, tls: Option<Certificates>) -> Link {
    let (hub, arrivals) = Hub::new();
    let manners = Arc::<Mutex<Manners>>::default();
    let is_secure = tls.is_some();
    let (given, own) = (manners.clone(), topic.clone());
    let task = hub.accept(connections, tls, move || Served::new(given.clone(), own.clone()));
    let broker = Broker { hub: hub.clone(), manners, topic, is_secure };
    Link { wire: Box::new(hub::Way { hub, task }), arrivals, way: link::Way::Mqtt(broker) }
}

/// What a check can do with the broker beside sending Records.
#[derive(Clone)]
pub struct Broker {
    hub: Arc<Hub>,
    manners: Arc<Mutex<Manners>>,
    topic: Topic,
    is_secure: bool,
}

impl Broker {
    /// The topic where we are found.
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Whether it goes over TLS.
    pub fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// What the broker does from now on.
    pub fn set_manners(&self, manners: Manners) {
        *lock(&self.manners) = manners;
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn send(&self, bytes: Bytes) -> Result<(), String> {
        Ok(self.hub.out(Out::Raw(bytes))?)
    }

    /// Publishes a Record whose answer goes to `reply_to`; with `QoS` 1 where there is an id.
    ///
    /// # Errors
    /// When no connection stands.
    pub fn publish(
        &self,
        version: Version,
        to: &Topic,
        reply_to: &Topic,
        id: Option<u16>,
        record: &[u8],
    ) -> Result<(), String> {
        self.send(speaker::publish(version, to, reply_to, CONTENT_TYPES[0], id, record))
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
