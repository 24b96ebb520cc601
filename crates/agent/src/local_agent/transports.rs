//! How controllers are reached: `LocalAgent.MTP.`, `LocalAgent.Controller.{i}.MTP.`, and the brokers
//! (`MQTT.Client.`, `STOMP.Connection.`) and sockets (`UnixDomainSockets.`) that their rows refer to.
//!
//! Absent: what this agent does not do, such as retained Records; and the status of single subscriptions. What
//! went through the connections to MQTT brokers is told by [`crate::links::clients`].

mod coap;
mod stomp;

use dm::model::{ModelBuilder, ModelError, Params};
use dm::operation::ObjectAccess;
use mtp::ws::WsUrl;

use super::{AGENT, CONTROLLER, Defaults};
use crate::config::{BrokerUrl, Config, ControllerConfig, ListenerConfig, MqttConfig};
use crate::providers::support::catalogue;

/// The value of `LocalAgent.SupportedProtocols`.
const PROTOCOLS: &str =
    if cfg!(feature = "coap") { "WebSocket,MQTT,STOMP,UDS,CoAP" } else { "WebSocket,MQTT,STOMP,UDS" };
const VERSIONS: &str = "3.1.1,5.0";
const TRANSPORTS: &str = "TCP/IP,TLS";

const MTP: &str = "Device.LocalAgent.MTP.{i}.";
const MQTT: &str = "Device.MQTT.";
const CAPABILITIES: &str = "Device.MQTT.Capabilities.";
const CLIENT: &str = "Device.MQTT.Client.{i}.";
const SOCKETS: &str = "Device.UnixDomainSockets.";

/// The tables that the engine keeps, beside `LocalAgent.`.
pub const STORED: [&str; 3] = [MQTT, stomp::STOMP, SOCKETS];

const CLIENT_PARAMS: [&str; 26] = [
    "Alias",
    "Name",
    "Enable",
    "Status",
    "BrokerAddress",
    "BrokerPort",
    "ProtocolVersion",
    "TransportProtocol",
    "Username",
    "Password",
    "ClientID",
    "KeepAliveTime",
    "CleanStart",
    "CleanSession",
    // Of MQTT 3.1, which this agent does not speak: in the versions that it does, nothing is repeated.
    "MessageRetryTime",
    "WillEnable",
    "WillTopic",
    "WillValue",
    "WillQoS",
    "WillRetain",
    "ConnectRetryTime",
    "ConnectRetryIntervalMultiplier",
    "ConnectRetryMaxInterval",
    "RequestResponseInfo",
    "ResponseInformation",
    "SubscriptionNumberOfEntries",
];

const WEBSOCKET_PARAMS: [&str; 7] = [
    "Host",
    "Port",
    "Path",
    "EnableEncryption",
    "KeepAliveInterval",
    "SessionRetryMinimumWaitInterval",
    "SessionRetryIntervalMultiplier",
];

/// Adds the supported part.
///
/// # Errors
/// When the embedded rows lack something; a test builds the model.
pub(super) fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let rows = catalogue();
    let own = |name: &str| format!("{MTP}{name}.");
    let reply = ["Reference", "ResponseTopicConfigured", "ResponseTopicDiscovered", "PublishQoS"];
    model
        .add_from(&rows, MTP, Params::Only(&["Alias", "Enable", "Status", "Protocol"]))?
        .object_access(MTP, ObjectAccess::AddDelete)?
        .add_from(&rows, &own("WebSocket"), Params::Only(&["Port", "Path", "EnableEncryption"]))?
        // Which address it is at is the configuration's.
        .read_only(&own("WebSocket"))
        .add_from(&rows, &own("MQTT"), Params::Only(&reply))?
        .add_from(&rows, &own("UDS"), Params::Only(&["UnixDomainSocketRef"]))?
        .add_from(&rows, &whose(""), Params::Only(&["Alias", "Enable", "Order", "Protocol"]))?
        .object_access(&whose(""), ObjectAccess::AddDelete)?
        .add_from(&rows, &whose("WebSocket."), Params::Only(&WEBSOCKET_PARAMS))?
        .add_from(&rows, &whose("MQTT."), Params::Only(&["AgentMTPReference", "Topic"]))?
        .add_from(&rows, &whose("UDS."), Params::Only(&["UnixDomainSocketRef", "USPServiceRef"]))?;
    // Where TR-181 has no default, and a port or an interval of nothing is none.
    model.param_default(&whose("WebSocket."), "Port", "443")?.param_default(
        &whose("WebSocket."),
        "KeepAliveInterval",
        "60",
    )?;
    coap::support(model)?;
    let subscription = format!("{CLIENT}Subscription.{{i}}.");
    model
        .add_from(&rows, MQTT, Params::Only(&["ClientNumberOfEntries"]))?
        .add_from(
            &rows,
            CAPABILITIES,
            Params::Only(&["ProtocolVersionsSupported", "TransportProtocolSupported"]),
        )?
        .add_from(&rows, CLIENT, Params::Only(&CLIENT_PARAMS))?
        .object_access(CLIENT, ObjectAccess::AddDelete)?
        .add_from(&rows, &subscription, Params::Only(&["Alias", "Enable", "Topic", "QoS"]))?
        .object_access(&subscription, ObjectAccess::AddDelete)?
        .add_from(&rows, SOCKETS, Params::Only(&["UnixDomainSocketNumberOfEntries"]))?
        .add_from(&rows, &socket_row("{i}"), Params::Only(&["Alias", "Mode", "Path"]))?;
    stomp::support(model)
}

/// An object below an MTP of a controller.
fn whose(name: &str) -> String {
    format!("{CONTROLLER}MTP.{{i}}.{name}")
}

/// The rows at the first start. Those of `LocalAgent.MTP.` are the listeners in their order, then the MQTT brokers,
/// then the STOMP servers.
///
/// # Errors
/// When a controller's URL can't be used.
pub(super) fn defaults(rows: &mut Defaults, config: &Config, endpoint: &str) -> Result<(), mtp::Error> {
    rows.set(AGENT, "SupportedProtocols", PROTOCOLS);
    rows.set(CAPABILITIES, "ProtocolVersionsSupported", VERSIONS);
    rows.set(CAPABILITIES, "TransportProtocolSupported", TRANSPORTS);
    let mut sockets = 0;
    for (number, listener) in (1..).zip(&config.listeners) {
        self::listener(rows, number, listener, &mut sockets);
    }
    let brokers = connections(config);
    for (at, broker) in brokers.iter().enumerate() {
        self::broker(rows, (config.listeners.len() + at + 1, at + 1), broker, endpoint);
    }
    let servers = stomp::connections(config);
    for (at, server) in servers.iter().enumerate() {
        let mtp = config.listeners.len() + brokers.len() + at + 1;
        stomp::connection(rows, (mtp, at + 1), server, endpoint);
    }
    coap::sockets(rows, config, config.listeners.len() + brokers.len() + servers.len());
    for (number, controller) in (1..).zip(&config.controllers) {
        let mut next = (1..).map(|mtp| (mtp, format!("{AGENT}Controller.{number}.MTP.{mtp}.")));
        let mut mtp = |rows: &mut Defaults, protocol: &str| {
            let (number, path) = next.next().expect("numbers do not end");
            rows.set(&path, "Enable", "true");
            rows.set(&path, "Order", &number.to_string());
            rows.set(&path, "Protocol", protocol);
            path
        };
        let ControllerConfig { url, mqtt, stomp, coap, socket, .. } = controller;
        if let Some(url) = url {
            let path = mtp(rows, "WebSocket");
            websocket(rows, &path, &url.parse()?);
        }
        if let Some(mqtt) = mqtt {
            let path = format!("{}MQTT.", mtp(rows, "MQTT"));
            let at = brokers.iter().position(|broker| broker.shares_connection(mqtt)).unwrap_or_default();
            rows.set(&path, "AgentMTPReference", &format!("{AGENT}MTP.{}", config.listeners.len() + at + 1));
            rows.set(&path, "Topic", &mqtt.topic);
        }
        if let Some(stomp) = stomp {
            let path = mtp(rows, "STOMP");
            let at = servers.iter().position(|server| server.shares_connection(stomp)).unwrap_or_default();
            stomp::behind(rows, &path, at + 1, stomp);
        }
        if let Some(coap) = coap {
            let path = mtp(rows, "CoAP");
            self::coap::controller(rows, &path, coap)?;
            // There is no Connect record for CoAP: this is how the controller hears where the agent is (R-NOT.5).
            rows.set(&format!("{AGENT}Controller.{number}."), "OnBoardingComplete", "false");
        }
        if let Some(socket) = socket {
            let reference = self::socket(rows, &mut sockets, "Connect", socket);
            let path = format!("{}UDS.", mtp(rows, "UDS"));
            rows.set(&path, "UnixDomainSocketRef", &reference);
        }
    }
    Ok(())
}

/// One for each connection to a broker.
fn connections(config: &Config) -> Vec<&MqttConfig> {
    let mut distinct: Vec<&MqttConfig> = Vec::new();
    for mqtt in config.controllers.iter().filter_map(|controller| controller.mqtt.as_ref()) {
        if !distinct.iter().any(|known| known.shares_connection(mqtt)) {
            distinct.push(mqtt);
        }
    }
    distinct
}

fn listener(rows: &mut Defaults, number: usize, config: &ListenerConfig, sockets: &mut usize) {
    let mtp = format!("{AGENT}MTP.{number}.");
    rows.set(&mtp, "Enable", "true");
    rows.set(&mtp, "Status", "Down");
    if let Some(path) = &config.socket {
        rows.set(&mtp, "Protocol", "UDS");
        let reference = socket(rows, sockets, "Listen", path);
        rows.set(&format!("{mtp}UDS."), "UnixDomainSocketRef", &reference);
    }
    if let Some(address) = config.address {
        rows.set(&mtp, "Protocol", "WebSocket");
        let ws = format!("{mtp}WebSocket.");
        rows.set(&ws, "Port", &address.port().to_string());
        rows.set(&ws, "Path", &config.path);
        rows.set(&ws, "EnableEncryption", flag(config.tls));
    }
}

/// Adds a socket, and gives the reference to it.
fn socket(rows: &mut Defaults, sockets: &mut usize, mode: &str, path: &std::path::Path) -> String {
    *sockets += 1;
    let row = socket_row(&sockets.to_string());
    rows.set(&row, "Mode", mode);
    rows.set(&row, "Path", &path.display().to_string());
    row.trim_end_matches('.').to_owned()
}

fn socket_row(number: &str) -> String {
    format!("{SOCKETS}UnixDomainSocket.{number}.")
}

fn websocket(rows: &mut Defaults, mtp: &str, url: &WsUrl) {
    let ws = format!("{mtp}WebSocket.");
    rows.set(&ws, "Host", &url.host);
    rows.set(&ws, "Port", &url.port.to_string());
    // The table has no other place for the query.
    let query = url.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    rows.set(&ws, "Path", &format!("{}{query}", url.path));
    rows.set(&ws, "EnableEncryption", flag(url.secure));
    rows.set(&ws, "KeepAliveInterval", "60");
}

fn broker(rows: &mut Defaults, (mtp, client): (usize, usize), config: &MqttConfig, endpoint: &str) {
    let Ok(url) = BrokerUrl::mqtt(&config.broker) else { return };
    let mtp = format!("{AGENT}MTP.{mtp}.");
    rows.set(&mtp, "Enable", "true");
    rows.set(&mtp, "Protocol", "MQTT");
    rows.set(&mtp, "Status", "Down");
    let own = format!("{mtp}MQTT.");
    let path = format!("{MQTT}Client.{client}.");
    rows.set(&own, "Reference", path.trim_end_matches('.'));
    rows.set(&own, "ResponseTopicConfigured", &config.response_topic(endpoint));
    rows.set(&own, "ResponseTopicDiscovered", "");
    rows.set(&own, "PublishQoS", &config.qos.to_string());
    for (param, value) in [
        ("Name", format!("controllers-{client}")),
        ("Enable", "true".to_owned()),
        ("Status", "Disabled".to_owned()),
        ("BrokerAddress", url.host.clone()),
        ("BrokerPort", url.port.to_string()),
        ("ProtocolVersion", config.version.name().to_owned()),
        ("TransportProtocol", if url.secure { "TLS" } else { "TCP/IP" }.to_owned()),
        ("Username", config.username.clone().unwrap_or_default()),
        ("ClientID", config.client_id.clone().unwrap_or_default()),
        ("KeepAliveTime", config.keep_alive.to_string()),
        ("RequestResponseInfo", "true".to_owned()),
        ("ResponseInformation", String::new()),
    ] {
        rows.set(&path, param, &value);
    }
    rows.secret(&path, "Password", config.password.as_deref().unwrap_or_default());
    for (number, filter) in (1..).zip(&config.subscribe) {
        let subscription = format!("{path}Subscription.{number}.");
        rows.set(&subscription, "Enable", "true");
        rows.set(&subscription, "Topic", filter);
        rows.set(&subscription, "QoS", &config.qos.to_string());
    }
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}
