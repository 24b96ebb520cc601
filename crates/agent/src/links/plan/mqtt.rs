//! MQTT brokers: rows of `MQTT.Client.`, and controllers behind them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dm::Value;
use dm::tree::{Place, Tree};
use mtp::Schedule;
use mtp::mqtt::topic::Topic;
use mtp::mqtt::{BrokerAddress, Qos, Subscription, Version, Will};

use super::{Broker, By, Server, below, is_on, number, referred};

/// A broker, and how to present ourselves to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mqtt {
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
    pub filters: Vec<Subscription>,
    /// What the broker publishes when the connection breaks; or why it could not.
    pub will: Result<Option<Will>, &'static str>,
    /// The topic that answers come to, unless the broker gives another one.
    pub response_topic: Option<Topic>,
    /// Of what is published and subscribed to.
    pub qos: Qos,
    /// When to try again.
    pub schedule: Schedule,
    /// The longest wait of it.
    pub longest_wait: Duration,
}

impl fmt::Debug for Mqtt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt")
            .field("address", &self.address)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

pub(super) fn read(tree: &Tree, own: &Place, client: &Place) -> Result<Mqtt, &'static str> {
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
    Ok(Mqtt {
        will: will(tree, client),
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
        qos: qos(tree, own, "PublishQoS").unwrap_or(Qos::AtMostOnce),
        schedule: Schedule {
            minimum_wait_s: number(tree, client, "ConnectRetryTime").unwrap_or(usual.minimum_wait_s),
            multiplier: number(tree, client, "ConnectRetryIntervalMultiplier").unwrap_or(usual.multiplier),
        },
        longest_wait: Duration::from_secs(
            number(tree, client, "ConnectRetryMaxInterval").unwrap_or(30_720).into(),
        ),
    })
}

impl Mqtt {
    /// Follows another plan in what needs no new connection: what the next CONNECT says (TR-181: such a change is
    /// communicated with it, and `ForceReconnect()` makes one), when to try again, and, where our own topic does not
    /// depend on them, the subscriptions.
    pub(super) fn follow(&mut self, other: &Mqtt) {
        self.schedule = other.schedule;
        self.longest_wait = other.longest_wait;
        self.client_id.clone_from(&other.client_id);
        self.keep_alive_s = other.keep_alive_s;
        self.clean_start = other.clean_start;
        self.request_response_information = other.request_response_information;
        self.will.clone_from(&other.will);
        if self.response_topic.is_some() {
            self.filters.clone_from(&other.filters);
        }
    }
}

fn filters(tree: &Tree, table: &Place) -> Result<Vec<Subscription>, &'static str> {
    let rows = tree.rows(table).into_iter().map(|number| table.row(number));
    let read = |row: Place| {
        let filter = tree.text_of(&row, "Topic").parse().map_err(|_| "a subscription's topic is none")?;
        Ok(Subscription { filter, qos: qos(tree, &row, "QoS") })
    };
    rows.filter(|row| is_on(tree, row)).map(read).collect()
}

fn will(tree: &Tree, client: &Place) -> Result<Option<Will>, &'static str> {
    if tree.value_of(client, "WillEnable") != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let value = tree.text_of(client, "WillValue");
    if value.is_empty() {
        return Err("a will without a value");
    }
    Ok(Some(Will {
        topic: tree.text_of(client, "WillTopic").parse().map_err(|_| "the will's topic is none")?,
        value,
        qos: qos(tree, client, "WillQoS").unwrap_or(Qos::AtMostOnce),
        retain: tree.value_of(client, "WillRetain") == Some(&Value::Bool(true)),
    }))
}

fn qos(tree: &Tree, row: &Place, name: &str) -> Option<Qos> {
    match number(tree, row, name)? {
        0 => Some(Qos::AtMostOnce),
        1 => Some(Qos::AtLeastOnce),
        _ => Some(Qos::ExactlyOnce),
    }
}

/// By the broker of the MTP that a controller's MTP refers to, or of the first one.
pub(super) fn behind(tree: &Tree, mtp: &Place, brokers: &BTreeMap<String, Broker>) -> Option<By> {
    let mqtt = below(tree, mtp, "MQTT")?;
    let topic: Topic = tree.text_of(&mqtt, "Topic").parse().ok()?;
    let own = referred(tree, &mqtt, "AgentMTPReference").map(|row| row.text(tree.model()));
    let is_usable = |broker: &Broker| {
        matches!(broker.server, Server::Mqtt(_)) && own.as_ref().is_none_or(|own| broker.mtp == *own)
    };
    let usable = brokers.iter().filter(|(_, broker)| is_usable(broker));
    let (broker, _) = usable.min_by_key(|(_, broker)| mtp_number(&broker.mtp))?;
    Some(By::Broker { broker: broker.clone(), address: topic.shared() })
}

fn mtp_number(path: &str) -> u32 {
    path.trim_end_matches('.').rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}
