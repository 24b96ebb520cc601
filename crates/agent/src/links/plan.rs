//! Which connections and listeners there should be, read from the tables. Nothing here opens one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dm::Value;
use dm::path::ObjectPath;
use dm::tree::{Place, Tree};
use mtp::mqtt::topic::{Filter, Topic};
use mtp::mqtt::{BrokerAddress, Qos, Version};
use mtp::ws::WsUrl;
use mtp::{EndpointId, Schedule};

/// The tables that say it all.
pub(super) const FOLLOWED: [&str; 3] =
    ["Device.LocalAgent.Controller.", "Device.LocalAgent.MTP.", "Device.MQTT."];

const CONTROLLERS: &str = "Device.LocalAgent.Controller.";
const MTPS: &str = "Device.LocalAgent.MTP.";
const CLIENTS: &str = "Device.MQTT.Client.";

/// Everything that the tables ask for.
#[derive(Default, Debug)]
pub struct Plans {
    /// Whom to reach, by path of the row in `LocalAgent.Controller.`.
    pub controllers: BTreeMap<String, Reach>,
    /// Brokers to connect to, by path of the row in `MQTT.Client.`: for the first enabled row of
    /// `LocalAgent.MTP.` that refers to it.
    pub brokers: BTreeMap<String, Broker>,
    /// Sockets for controllers that dial in, by path of the row in `LocalAgent.MTP.`.
    pub listeners: BTreeMap<String, Listen>,
    /// Rows of `MQTT.Client.` and `LocalAgent.MTP.` that are to be used and can't be, and why.
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
            By::Mqtt { .. } => true,
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
    Mqtt {
        /// Path of the broker's row in `MQTT.Client.`.
        broker: String,
        /// What it is subscribed to.
        topic: Arc<str>,
    },
    /// It listens on this host.
    Local(PathBuf),
    /// It listens for CoAP.
    #[cfg(feature = "coap")]
    Coap(mtp::coap::CoapUri),
}

/// A broker, and how to present ourselves to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Broker {
    /// Path of the row in `LocalAgent.MTP.` that refers to it.
    pub mtp: String,
    /// Where.
    pub address: BrokerAddress,
    /// Which version is spoken.
    pub version: Version,
    /// Empty for one that the broker chooses.
    pub client_id: String,
    /// Empty for none.
    pub username: String,
    /// Empty for none; a secret.
    pub password: String,
    /// Seconds; 0 for never.
    pub keep_alive_s: u16,
    /// Whether the broker forgets what it kept for us.
    pub clean_start: bool,
    /// Whether it is asked for Response Information.
    pub request_response_information: bool,
    /// What is subscribed to in any case.
    pub filters: Vec<Filter>,
    /// The topic that answers come to, unless the broker gives another one.
    pub response_topic: Option<Topic>,
    /// Of what is published and subscribed to.
    pub qos: Qos,
    /// When to try again.
    pub schedule: Schedule,
    /// The longest wait of it.
    pub longest_wait: Duration,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker")
            .field("mtp", &self.mtp)
            .field("address", &self.address)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
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
    },
}

/// Reads the tables.
pub fn plans(tree: &Tree) -> Plans {
    let mut plans = Plans::default();
    for mtp in rows(tree, MTPS).filter(|row| is_on(tree, row)) {
        let path = mtp.text(tree.model());
        let planned = match tree.text_of(&mtp, "Protocol").as_str() {
            "MQTT" => broker(tree, &mtp, &mut plans),
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

/// The brokers' client that a row of `LocalAgent.MTP.` refers to.
fn broker(tree: &Tree, mtp: &Place, plans: &mut Plans) -> Result<(), &'static str> {
    let own = below(tree, mtp, "MQTT").ok_or("no MQTT here")?;
    let client = referred(tree, &own, "Reference").ok_or("no MQTT client is referred to")?;
    if !is_on(tree, &client) {
        return Ok(());
    }
    let path = client.text(tree.model());
    if plans.brokers.contains_key(&path) || plans.misconfigured.contains_key(&path) {
        return Err("another MTP uses this MQTT client");
    }
    match connection(tree, mtp, &own, &client) {
        Ok(broker) => plans.brokers.insert(path, broker).map_or((), drop),
        Err(why) => plans.misconfigured.insert(path, why).map_or((), drop),
    }
    Ok(())
}

fn connection(tree: &Tree, mtp: &Place, own: &Place, client: &Place) -> Result<Broker, &'static str> {
    let text = |name: &str| tree.text_of(client, name);
    let is = |name: &str, usual| tree.value_of(client, name).map_or(usual, |it| *it == Value::Bool(true));
    let version = match text("ProtocolVersion").as_str() {
        "3.1.1" => Version::V3_1_1,
        "5.0" | "" => Version::V5,
        _ => return Err("a version of MQTT that this agent does not speak"),
    };
    let secure = match text("TransportProtocol").as_str() {
        "TLS" => true,
        "TCP/IP" | "" => false,
        _ => return Err("a transport that this agent does not speak"),
    };
    let host = Some(text("BrokerAddress")).filter(|host| !host.is_empty()).ok_or("no broker's address")?;
    let port = number(tree, client, "BrokerPort").and_then(|port| u16::try_from(port).ok());
    let filters = below(tree, client, "Subscription").map(|table| filters(tree, &table)).transpose()?;
    let response_topic = match tree.text_of(own, "ResponseTopicConfigured") {
        empty if empty.is_empty() => None,
        topic => Some(topic.parse().map_err(|_| "the response topic is none")?),
    };
    let usual = Schedule::default();
    Ok(Broker {
        mtp: mtp.text(tree.model()),
        address: BrokerAddress { host, port: port.unwrap_or(if secure { 8883 } else { 1883 }), secure },
        version,
        client_id: text("ClientID"),
        username: text("Username"),
        password: tree.value_of(client, "Password").map(|it| it.expose().into()).unwrap_or_default(),
        keep_alive_s: number(tree, client, "KeepAliveTime")
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(60),
        clean_start: match version {
            Version::V3_1_1 => is("CleanSession", true),
            Version::V5 => is("CleanStart", true),
        },
        request_response_information: is("RequestResponseInfo", false),
        filters: filters.unwrap_or_default(),
        response_topic,
        // What is to be delivered exactly once is delivered at least once: more is not spoken.
        qos: match number(tree, own, "PublishQoS") {
            None | Some(0) => Qos::AtMostOnce,
            Some(_) => Qos::AtLeastOnce,
        },
        schedule: Schedule {
            minimum_wait_s: number(tree, client, "ConnectRetryTime").unwrap_or(usual.minimum_wait_s),
            multiplier: number(tree, client, "ConnectRetryIntervalMultiplier").unwrap_or(usual.multiplier),
        },
        longest_wait: Duration::from_secs(
            number(tree, client, "ConnectRetryMaxInterval").unwrap_or(30_720).into(),
        ),
    })
}

fn filters(tree: &Tree, table: &Place) -> Result<Vec<Filter>, &'static str> {
    let rows = tree.rows(table).into_iter().map(|number| table.row(number));
    let topics = rows.filter(|row| is_on(tree, row)).map(|row| tree.text_of(&row, "Topic"));
    topics.map(|topic| topic.parse().map_err(|_| "a subscription's topic is none")).collect()
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
            "MQTT" => behind(tree, row, brokers)?,
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
    let usual = Schedule::default();
    Some(By::WebSocket {
        url: WsUrl { secure, host, port, path, query: None },
        schedule: Schedule {
            minimum_wait_s: number(tree, &ws, "SessionRetryMinimumWaitInterval")
                .unwrap_or(usual.minimum_wait_s),
            multiplier: number(tree, &ws, "SessionRetryIntervalMultiplier").unwrap_or(usual.multiplier),
        },
        keep_alive: Duration::from_secs(number(tree, &ws, "KeepAliveInterval").unwrap_or(60).into()),
    })
}

/// The socket of the first row that asks for one.
#[cfg(feature = "coap")]
fn coap_listener(tree: &Tree, mtp: &Place, plans: &Plans) -> Result<Listen, &'static str> {
    let own = below(tree, mtp, "CoAP").ok_or("no CoAP here")?;
    if plans.listeners.values().any(|other| matches!(other, Listen::Coap { .. })) {
        return Err("another MTP speaks CoAP");
    }
    if tree.value_of(&own, "EnableEncryption") != Some(&Value::Bool(false)) {
        return Err("CoAP with encryption, which this agent does not speak");
    }
    let port = number(tree, &own, "Port").map_or(Ok(mtp::coap::uri::PORT), u16::try_from);
    let path = mtp::coap::uri::segments(&tree.text_of(&own, "Path")).map_err(|_| "the path is none")?;
    Ok(Listen::Coap { port: port.map_err(|_| "the port is none")?, path })
}

#[cfg(feature = "coap")]
fn coap(tree: &Tree, mtp: &Place) -> Option<mtp::coap::CoapUri> {
    let coap = below(tree, mtp, "CoAP")?;
    if tree.value_of(&coap, "EnableEncryption") != Some(&Value::Bool(false)) {
        return None;
    }
    let host = Some(tree.text_of(&coap, "Host")).filter(|host| !host.is_empty())?;
    let port = number(tree, &coap, "Port").map_or(Ok(mtp::coap::uri::PORT), u16::try_from).ok()?;
    let path = mtp::coap::uri::segments(&tree.text_of(&coap, "Path")).ok()?;
    Some(mtp::coap::CoapUri { secure: false, host, port, path })
}

/// By the broker of the MTP that it refers to, or of the first one.
fn behind(tree: &Tree, mtp: &Place, brokers: &BTreeMap<String, Broker>) -> Option<By> {
    let mqtt = below(tree, mtp, "MQTT")?;
    let topic: Topic = tree.text_of(&mqtt, "Topic").parse().ok()?;
    let own = referred(tree, &mqtt, "AgentMTPReference").map(|row| row.text(tree.model()));
    let mut usable = brokers.iter().filter(|(_, broker)| own.as_ref().is_none_or(|own| broker.mtp == *own));
    let (broker, _) = usable.by_ref().min_by_key(|(_, broker)| mtp_number(&broker.mtp))?;
    Some(By::Mqtt { broker: broker.clone(), topic: topic.shared() })
}

fn mtp_number(path: &str) -> u32 {
    path.trim_end_matches('.').rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
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

/// All rows of `MQTT.Client.` and of `LocalAgent.MTP.`: those with a status.
pub(super) fn with_status(tree: &Tree) -> impl Iterator<Item = Place> {
    rows(tree, CLIENTS).chain(rows(tree, MTPS))
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
