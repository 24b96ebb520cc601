//! MQTT brokers: rows of `MQTT.Client.`, and controllers behind them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use dm::Value;
use dm::tree::{Place, Tree};
use mtp::Schedule;
use mtp::mqtt::topic::{Filter, Topic};
use mtp::mqtt::{BrokerAddress, Qos, Version};

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
