//! Which connections and listeners there should be, read from the tables. Nothing here opens one.

mod mqtt;
mod stomp;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dm::Value;
use dm::path::ObjectPath;
use dm::tree::{Place, Tree};
use mtp::ws::WsUrl;
use mtp::{EndpointId, Schedule};

use crate::limits::MAX_BROKERS;
pub use mqtt::Mqtt;
pub use stomp::Stomp;

/// The tables that say it all.
pub(super) const FOLLOWED: [&str; 4] =
    ["Device.LocalAgent.Controller.", "Device.LocalAgent.MTP.", "Device.MQTT.", "Device.STOMP."];

const CONTROLLERS: &str = "Device.LocalAgent.Controller.";
const MTPS: &str = "Device.LocalAgent.MTP.";
/// Which a device that is no USP Broker does not have.
pub(super) const SERVICES: &str = "Device.USPServices.USPService.";
/// Whose rows are connections to brokers, and have a status.
const CONNECTIONS: [&str; 2] = ["Device.MQTT.Client.", "Device.STOMP.Connection."];

/// Everything that the tables ask for.
#[derive(Default, Debug)]
pub struct Plans {
    /// Whom to reach, by path of the row in `LocalAgent.Controller.`.
    pub controllers: BTreeMap<String, Reach>,
    /// Brokers to connect to, by path of the row in `MQTT.Client.` or `STOMP.Connection.`: for the first enabled
    /// row of `LocalAgent.MTP.` that refers to it.
    pub brokers: BTreeMap<String, Broker>,
    /// Sockets for controllers that dial in, by path of the row in `LocalAgent.MTP.`.
    pub listeners: BTreeMap<String, Listen>,
    /// Rows of brokers and of `LocalAgent.MTP.` that are to be used and can't be, and why.
    pub misconfigured: BTreeMap<String, &'static str>,
}

/// A controller, and how it can be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Who.
    pub controller: EndpointId,
    /// Its enabled MTPs that can be used, by `Order`. One is used at a time.
    pub ways: Vec<Way>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Path of the row in `LocalAgent.Controller.{i}.MTP.`.
    pub row: String,
    /// How.
    pub by: By,
}

impl Way {
    /// Whether it goes through what controllers share, and waits until that is there.
    pub(super) fn is_shared(&self) -> bool {
        match self.by {
            By::Broker { .. } => true,
            #[cfg(feature = "coap")]
            By::Coap(_) => true,
            By::WebSocket { .. } | By::Local(_) => false,
        }
    }
}

/// A transport, and where the controller is in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// It listens, and we dial.
    WebSocket {
        /// Where.
        url: WsUrl,
        /// When to try again.
        schedule: Schedule,
        /// Between pings.
        keep_alive: Duration,
    },
    /// It is behind a broker.
    Broker {
        /// Path of the broker's row.
        broker: String,
        /// The topic or destination that it is subscribed to.
        address: Arc<str>,
    },
    /// It listens on this host.
    Local(PathBuf),
    /// It listens for CoAP.
    #[cfg(feature = "coap")]
    Coap(mtp::coap::CoapUri),
}

/// A broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broker {
    /// Path of the row in `LocalAgent.MTP.` that refers to it.
    pub mtp: String,
    /// Which, and how to present ourselves to it.
    pub server: Server,
}

/// A broker, by what is spoken with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Server {
    /// An MQTT broker.
    Mqtt(Mqtt),
    /// A STOMP server.
    Stomp(Stomp),
}

impl Server {
    /// Whether TLS is spoken with it.
    pub(super) fn is_secure(&self) -> bool {
        match self {
            Server::Mqtt(mqtt) => mqtt.address.secure,
            Server::Stomp(stomp) => stomp.address.secure,
        }
    }
}

impl Broker {
    /// Follows another plan in what needs no new connection: when to try again, and what holds from the next one
    /// on.
    pub(super) fn follow(&mut self, other: &Broker) {
        match (&mut self.server, &other.server) {
            (Server::Mqtt(own), Server::Mqtt(other)) => own.follow(other),
            (Server::Stomp(own), Server::Stomp(other)) => {
                (own.schedule, own.heart_beat) = (other.schedule, other.heart_beat);
            }
            (Server::Mqtt(_), Server::Stomp(_)) | (Server::Stomp(_), Server::Mqtt(_)) => {}
        }
    }
}

/// A socket for controllers that dial in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listen {
    /// The entry of the configuration with this number, from 0: the table does not know addresses.
    WebSocket(usize),
    /// The file of a UNIX domain socket.
    Local(PathBuf),
    /// A UDP socket for CoAP, which controllers are reached by, too.
    #[cfg(feature = "coap")]
    Coap {
        /// Its port.
        port: u16,
        /// The segments of the path of our resource.
        path: Vec<String>,
        /// Whether it speaks DTLS.
        secure: bool,
    },
}

/// Reads the tables.
pub fn plans(tree: &Tree) -> Plans {
    let mut plans = Plans::default();
    for mtp in rows(tree, MTPS).filter(|row| is_on(tree, row)) {
        let path = mtp.text(tree.model());
        let planned = match tree.text_of(&mtp, "Protocol").as_str() {
            "MQTT" => broker(tree, &mtp, &mut plans, "MQTT", |own, row| {
                mqtt::read(tree, own, row).map(Server::Mqtt)
            }),
            "STOMP" => broker(tree, &mtp, &mut plans, "STOMP", |own, row| {
                stomp::read(tree, own, row).map(Server::Stomp)
            }),
            "UDS" => socket(tree, &mtp, "Listen").map(|file| {
                plans.listeners.insert(path.clone(), Listen::Local(file));
            }),
            "WebSocket" => {
                let number = mtp.rows().last().map_or(0, |number| number.get());
                let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
                plans.listeners.insert(path.clone(), Listen::WebSocket(at));
                Ok(())
            }
            #[cfg(feature = "coap")]
            "CoAP" => coap_listener(tree, &mtp, &plans).map(|listen| {
                plans.listeners.insert(path.clone(), listen);
            }),
            _ => Err("no protocol that this agent speaks"),
        };
        if let Err(why) = planned {
            plans.misconfigured.insert(path, why);
        }
    }
    for row in rows(tree, CONTROLLERS).filter(|row| is_on(tree, row)) {
        if let Ok(controller) = EndpointId::receive(&tree.text_of(&row, "EndpointID")) {
            let ways = ways(tree, &row, &plans.brokers);
            plans.controllers.insert(row.text(tree.model()), Reach { controller, ways });
        }
    }
    plans
}

/// The broker that a row of `LocalAgent.MTP.` refers to, as `read` makes it of the object below that row and of
/// what is referred to.
fn broker(
    tree: &Tree,
    mtp: &Place,
    plans: &mut Plans,
    object: &str,
    read: impl Fn(&Place, &Place) -> Result<Server, &'static str>,
) -> Result<(), &'static str> {
    let own = below(tree, mtp, object).ok_or("no object of this protocol here")?;
    let row = referred(tree, &own, "Reference").ok_or("no connection is referred to")?;
    if !is_on(tree, &row) {
        return Ok(());
    }
    let path = row.text(tree.model());
    if plans.brokers.contains_key(&path) || plans.misconfigured.contains_key(&path) {
        return Err("another MTP uses this connection");
    }
    if plans.brokers.len() >= MAX_BROKERS {
        return Err("there are as many connections to brokers as this agent makes");
    }
    match read(&own, &row) {
        Ok(server) => {
            plans.brokers.insert(path, Broker { mtp: mtp.text(tree.model()), server });
        }
        Err(why) => {
            plans.misconfigured.insert(path, why);
        }
    }
    Ok(())
}

/// The MTPs of a controller, by `Order`; equal ones as their rows are numbered.
fn ways(tree: &Tree, controller: &Place, brokers: &BTreeMap<String, Broker>) -> Vec<Way> {
    let Some(table) = below(tree, controller, "MTP") else { return Vec::new() };
    let rows = tree.rows(&table).into_iter().map(|number| table.row(number));
    let mut rows: Vec<Place> = rows.filter(|row| is_on(tree, row)).collect();
    rows.sort_by_key(|row| number(tree, row, "Order").unwrap_or(u32::MAX));
    let ways = rows.iter().filter_map(|row| {
        let by = match tree.text_of(row, "Protocol").as_str() {
            "WebSocket" => websocket(tree, row)?,
            "MQTT" => mqtt::behind(tree, row, brokers)?,
            "STOMP" => stomp::behind(tree, row, brokers)?,
            "UDS" => By::Local(socket(tree, row, "Connect").ok()?),
            #[cfg(feature = "coap")]
            "CoAP" => By::Coap(coap(tree, row)?),
            _ => return None,
        };
        Some(Way { row: row.text(tree.model()), by })
    });
    ways.collect()
}

fn websocket(tree: &Tree, mtp: &Place) -> Option<By> {
    let ws = below(tree, mtp, "WebSocket")?;
    let secure = tree.value_of(&ws, "EnableEncryption") != Some(&Value::Bool(false));
    let host = Some(tree.text_of(&ws, "Host")).filter(|host| !host.is_empty())?;
    let port = number(tree, &ws, "Port").and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or(if secure { 443 } else { 80 });
    let path = tree.text_of(&ws, "Path");
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (path, None),
    };
    let usual = Schedule::default();
    // A row that a controller adds begins with zeros, which none of these may be.
    let said = |name| number(tree, &ws, name).filter(|number| *number > 0);
    Some(By::WebSocket {
        url: WsUrl { secure, host, port, path, query },
        schedule: Schedule {
            minimum_wait_s: said("SessionRetryMinimumWaitInterval").unwrap_or(usual.minimum_wait_s),
            multiplier: said("SessionRetryIntervalMultiplier").unwrap_or(usual.multiplier),
        },
        keep_alive: Duration::from_secs(said("KeepAliveInterval").unwrap_or(60).into()),
    })
}

/// The socket of the first row that asks for one.
#[cfg(feature = "coap")]
fn coap_listener(tree: &Tree, mtp: &Place, plans: &Plans) -> Result<Listen, &'static str> {
    let own = below(tree, mtp, "CoAP").ok_or("no CoAP here")?;
    if plans.listeners.values().any(|other| matches!(other, Listen::Coap { .. })) {
        return Err("another MTP speaks CoAP");
    }
    let secure = encrypted(tree, &own).ok_or("CoAP with encryption, which this agent does not speak")?;
    let port = number(tree, &own, "Port").map_or(Ok(coap_port(secure)), u16::try_from);
    let path = mtp::coap::uri::segments(&tree.text_of(&own, "Path")).map_err(|_| "the path is none")?;
    Ok(Listen::Coap { port: port.map_err(|_| "the port is none")?, path, secure })
}

#[cfg(feature = "coap")]
fn coap(tree: &Tree, mtp: &Place) -> Option<mtp::coap::CoapUri> {
    let coap = below(tree, mtp, "CoAP")?;
    let secure = encrypted(tree, &coap)?;
    let host = Some(tree.text_of(&coap, "Host")).filter(|host| !host.is_empty())?;
    let port = number(tree, &coap, "Port").map_or(Ok(coap_port(secure)), u16::try_from).ok()?;
    let path = mtp::coap::uri::segments(&tree.text_of(&coap, "Path")).ok()?;
    Some(mtp::coap::CoapUri { secure, host, port, path })
}

/// Whether DTLS is asked for; `None` where it is and there is none.
#[cfg(feature = "coap")]
fn encrypted(tree: &Tree, coap: &Place) -> Option<bool> {
    let secure = tree.value_of(coap, "EnableEncryption") != Some(&Value::Bool(false));
    (!secure || cfg!(feature = "coap-dtls")).then_some(secure)
}

#[cfg(feature = "coap")]
fn coap_port(secure: bool) -> u16 {
    if secure { mtp::coap::uri::SECURE_PORT } else { mtp::coap::uri::PORT }
}

/// The file of the socket that an MTP refers to, if it is one to be used in this way.
fn socket(tree: &Tree, mtp: &Place, mode: &str) -> Result<PathBuf, &'static str> {
    let uds = below(tree, mtp, "UDS").ok_or("no UDS here")?;
    let row = referred(tree, &uds, "UnixDomainSocketRef").ok_or("no socket is referred to")?;
    if tree.text_of(&row, "Mode") != mode {
        return Err("the socket is for the other side");
    }
    Ok(PathBuf::from(tree.text_of(&row, "Path")))
}

fn rows(tree: &Tree, table: &str) -> impl Iterator<Item = Place> {
    let table = place(tree, table);
    let rows = table.map(|table| tree.rows(&table).into_iter().map(move |number| table.row(number)));
    rows.into_iter().flatten()
}

pub(super) fn place(tree: &Tree, path: &str) -> Option<Place> {
    Place::of(tree.model(), &ObjectPath::parse(path).ok()?)
}

/// The rows of brokers: of `MQTT.Client.` and `STOMP.Connection.`.
pub(super) fn connections(tree: &Tree) -> impl Iterator<Item = Place> {
    CONNECTIONS.into_iter().flat_map(|table| rows(tree, table))
}

/// The rows of `LocalAgent.Controller.`.
pub(super) fn controllers(tree: &Tree) -> impl Iterator<Item = Place> {
    rows(tree, CONTROLLERS)
}

/// The rows of `USPServices.USPService.`.
pub(super) fn services(tree: &Tree) -> impl Iterator<Item = Place> {
    rows(tree, SERVICES)
}

/// The rows of `LocalAgent.MTP.`.
pub(super) fn mtps(tree: &Tree) -> impl Iterator<Item = Place> {
    rows(tree, MTPS)
}

pub(super) fn below(tree: &Tree, row: &Place, name: &str) -> Option<Place> {
    Some(row.child(tree.model().find_child(row.object, name)?))
}

/// The row that a parameter refers to.
pub(super) fn referred(tree: &Tree, row: &Place, name: &str) -> Option<Place> {
    let path = Some(tree.text_of(row, name)).filter(|path| !path.is_empty())?;
    place(tree, &format!("{}.", path.trim_end_matches('.'))).filter(|row| tree.exists(row))
}

pub(super) fn is_on(tree: &Tree, row: &Place) -> bool {
    tree.value_of(row, "Enable") == Some(&Value::Bool(true))
}

fn number(tree: &Tree, row: &Place, name: &str) -> Option<u32> {
    match tree.value_of(row, name) {
        Some(Value::Uint(number)) => u32::try_from(*number).ok(),
        _ => None,
    }
}
