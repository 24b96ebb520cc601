//! `usp.mqtt`: the server's own broker, and brokers of others that it connects to, to reach the agents behind them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use mtp::mqtt::{BrokerAddress, Filter, Topic, Version};
use serde::Deserialize;

use super::Tls;
use super::connect::{self, ByUrl, one_or_many};
use crate::usp::presence::SILENCE;

/// Where agents are answered unless the configuration says where else.
const AGENTS: &str = "usp/agents/#";

/// USP over MQTT.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// Our own broker.
    pub broker: MqttBroker,
    /// The brokers of others: a list of tables, or the URL of the only one.
    #[serde(deserialize_with = "one_or_many")]
    pub connect: Vec<MqttConnect>,
}

/// The server's own broker; off without an address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MqttBroker {
    /// Where agents connect.
    pub listen: Option<SocketAddr>,
    /// Where they connect that speak MQTT over WebSocket.
    pub websocket: Option<SocketAddr>,
    /// Certificate and key.
    pub tls: Option<Tls>,
    /// What devices are told; default from `listen`.
    pub public_url: Option<String>,
    /// Speak plaintext even where others can reach it.
    pub allow_plaintext: bool,
}

/// A broker, and how we present ourselves to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConnect {
    /// `mqtt://HOST[:1883]`, or `mqtts://HOST[:8883]` with TLS; `ws://HOST[:80][/PATH]` or `wss://HOST[:443][/PATH]` by a
    /// WebSocket.
    pub url: String,
    /// `5` (default) or `"3.1.1"`.
    #[serde(default)]
    pub version: MqttVersion,
    /// User name.
    pub username: Option<String>,
    /// A file whose first line is the password; read anew for each connection.
    pub password_file: Option<PathBuf>,
    /// Default: what the broker gives us (5), our endpoint id (3.1.1).
    pub client_id: Option<String>,
    /// The topic that agents send to. Default `usp/controllers/` and our endpoint id.
    pub topic: Option<String>,
    /// Filters of the topics at which agents are answered; a Record that names another one is dropped. Default
    /// `usp/agents/#`.
    #[serde(default)]
    pub agents: Vec<String>,
    /// 0, or 1 (default).
    pub qos: Option<u8>,
    /// Seconds of silence after which the broker is pinged; default 60.
    pub keep_alive_seconds: Option<u16>,
    /// The shortest wait before the next attempt, 1 to 3600 seconds; it grows. Default 5.
    pub retry_seconds: Option<u32>,
    /// How long a device may be silent before it is asked whether it is there, seconds up to a day; 0 for ever. Default
    /// 900.
    pub silence_seconds: Option<u32>,
    /// Whether the broker's word counts on who sent a Record (R-SEC.9). Only with TLS.
    #[serde(default)]
    pub trusted: bool,
    /// CAs of the broker's certificate beside the internal one, PEM.
    pub ca: Option<PathBuf>,
    /// The chain that we show to the broker, PEM; with `key`.
    pub cert: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Where devices reach the broker, if not by `url`.
    pub public_url: Option<String>,
    /// Speak plaintext with a broker that is not on this host.
    #[serde(default)]
    pub allow_plaintext: bool,
}

/// The version of MQTT.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub enum MqttVersion {
    /// 5.0.
    #[default]
    V5,
    /// 3.1.1.
    V3,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

impl TryFrom<NumberOrText> for MqttVersion {
    type Error = String;

    fn try_from(named: NumberOrText) -> Result<MqttVersion, String> {
        match named {
            NumberOrText::Number(5) => Ok(MqttVersion::V5),
            NumberOrText::Text(text) if matches!(text.as_str(), "5" | "5.0") => Ok(MqttVersion::V5),
            NumberOrText::Text(text) if text == "3.1.1" => Ok(MqttVersion::V3),
            NumberOrText::Number(other) => Err(format!("version = {other} is neither 5 nor \"3.1.1\"")),
            NumberOrText::Text(other) => Err(format!("version = {other:?} is neither 5 nor \"3.1.1\"")),
        }
    }
}

impl From<MqttVersion> for Version {
    fn from(version: MqttVersion) -> Version {
        match version {
            MqttVersion::V5 => Version::V5,
            MqttVersion::V3 => Version::V3_1_1,
        }
    }
}

impl ByUrl for MqttConnect {
    fn by_url(url: &str) -> MqttConnect {
        MqttConnect { url: url.to_owned(), ..MqttConnect::default() }
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn check(&self) -> anyhow::Result<()> {
        let address = parse(&self.url)?;
        address.check_plaintext("mqtt", self.allow_plaintext)?;
        if let Some(url) = &self.public_url {
            told_address(url).context("public_url")?;
        }
        connect::check_trusted(self.trusted, &address, "mqtts:// or wss://")?;
        connect::check_identity(self.cert.as_ref(), self.key.as_ref())?;
        if self.qos() > 1 {
            bail!("qos = {} is neither 0 nor 1", self.qos());
        }
        connect::check_retry(self.retry_seconds())?;
        if self.silence() > Some(Duration::from_secs(86_400)) {
            bail!("silence_seconds is more than a day");
        }
        self.agent_filters()?;
        if let Some(topic) = &self.topic {
            topic.parse::<Topic>().with_context(|| format!("topic = {topic:?}"))?;
        }
        Ok(())
    }

    /// Whether both lead to one topic of one listener of one broker. Each would deliver what the other does: what one of
    /// them believes, and the other does not, would count.
    fn hears_the_same_as(&self, other: &MqttConnect) -> bool {
        let site = |one: &MqttConnect| {
            let BrokerAddress { host, port, .. } = one.address().ok()?;
            Some(connect::site(&host, port))
        };
        site(self) == site(other) && self.topic == other.topic
    }
}

impl Mqtt {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.broker.public_url {
            told_address(url).context("usp.mqtt.broker.public_url")?;
        }
        connect::check_all("usp.mqtt.connect", &self.connect)
    }

    pub(super) fn show(&self, text: &mut String) {
        if self.broker.is_on() {
            text.push_str("\n[usp.mqtt.broker]\n");
            for (key, listen) in [("listen", self.broker.listen), ("websocket", self.broker.websocket)] {
                if let Some(listen) = listen {
                    let _ = writeln!(text, "{key} = \"{listen}\"");
                }
            }
            super::show_option(text, "public_url", self.broker.public_url.as_deref());
            super::show_tls(text, self.broker.tls.as_ref(), self.broker.allow_plaintext);
        }
        for broker in &self.connect {
            broker.show(text);
        }
    }
}

impl MqttBroker {
    /// Whether there is one.
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.websocket.is_some()
    }
}

impl MqttConnect {
    /// What it is called, and remembered by: its URL; with its topic, where that is another than usual.
    pub fn name(&self) -> String {
        self.topic.as_ref().map_or_else(|| self.url.clone(), |topic| format!("{} {topic}", self.url))
    }

    /// Where the broker is.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn address(&self) -> anyhow::Result<BrokerAddress> {
        address_of(&self.url)
    }

    /// The path of the WebSocket, where the URL names one.
    pub fn websocket(&self) -> Option<String> {
        websocket_of(&self.url)
    }

    /// The topic that agents send to, when we are this endpoint.
    pub fn topic(&self, endpoint: &str) -> String {
        self.topic.clone().unwrap_or_else(|| format!("usp/controllers/{endpoint}"))
    }

    /// `agents`; never empty.
    ///
    /// # Errors
    /// Which is no filter.
    pub fn agent_filters(&self) -> anyhow::Result<Vec<Filter>> {
        connect::agents(&self.agents, AGENTS)
    }

    /// `qos`.
    pub fn qos(&self) -> u8 {
        self.qos.unwrap_or(1)
    }

    /// `keep_alive_seconds`.
    pub fn keep_alive_seconds(&self) -> u16 {
        self.keep_alive_seconds.unwrap_or(60)
    }

    /// `retry_seconds`.
    pub fn retry_seconds(&self) -> u32 {
        self.retry_seconds.unwrap_or(5)
    }

    /// `silence_seconds`; `None` for ever.
    pub fn silence(&self) -> Option<Duration> {
        let seconds = self.silence_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Some(seconds.unwrap_or(SILENCE)).filter(|silence| !silence.is_zero())
    }

    fn show(&self, text: &mut String) {
        let version = if self.version == MqttVersion::V5 { "5" } else { "\"3.1.1\"" };
        let _ = writeln!(text, "\n[[usp.mqtt.connect]]\nurl = {:?}\nversion = {version}", self.url);
        let files = [
            ("password_file", &self.password_file),
            ("ca", &self.ca),
            ("cert", &self.cert),
            ("key", &self.key),
        ];
        let texts = [
            ("username", &self.username),
            ("client_id", &self.client_id),
            ("topic", &self.topic),
            ("public_url", &self.public_url),
        ];
        connect::show(text, &files, &texts, &self.agents);
        let _ = writeln!(
            text,
            "qos = {}\nkeep_alive_seconds = {}\nretry_seconds = {}\nsilence_seconds = {}\ntrusted = {}\nallow_plaintext = {}",
            self.qos(),
            self.keep_alive_seconds(),
            self.retry_seconds(),
            self.silence().unwrap_or_default().as_secs(),
            self.trusted,
            self.allow_plaintext
        );
    }
}

/// The usual ones, without and with TLS.
const PORTS: [u16; 2] = [1883, 8883];
/// Those of WebSockets.
const WEB_PORTS: [u16; 2] = [80, 443];

/// `mqtt://HOST[:PORT]`, `mqtts://HOST[:PORT]`; `ws://HOST[:PORT][/PATH]` and `wss://HOST[:PORT][/PATH]`, of which the
/// path is [`websocket_of`]'s business.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn address_of(url: &str) -> anyhow::Result<BrokerAddress> {
    let connect::Address { host, port, secure } = parse(url)?;
    Ok(BrokerAddress { host, port, secure })
}

fn parse(url: &str) -> anyhow::Result<connect::Address> {
    let Some(path) = websocket_of(url) else { return connect::address_of(url, "mqtt", PORTS) };
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!("{url:?} has a path that can't be asked for");
    }
    connect::address_of(url.strip_suffix(&path).unwrap_or(url), "ws", WEB_PORTS)
}

/// Of a broker that devices are told.
fn told_address(url: &str) -> anyhow::Result<BrokerAddress> {
    if websocket_of(url).is_some() {
        bail!("devices are told mqtt:// or mqtts://");
    }
    address_of(url)
}

/// The path of the WebSocket that a URL names: `/mqtt` unless it says otherwise.
pub(crate) fn websocket_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("ws://").or_else(|| url.strip_prefix("wss://"))?;
    Some(rest.find('/').map_or("/mqtt", |at| &rest[at..]).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Mqtt, MqttConnect, address_of, websocket_of};

    /// A trusted connection and another one to the same topic: what anybody says there would be proven.
    #[test]
    fn one_topic_of_one_broker_is_heard_once() {
        let one = |url: &str, topic: Option<&str>, trusted: bool| MqttConnect {
            topic: topic.map(str::to_owned),
            trusted,
            allow_plaintext: true,
            ..<MqttConnect as super::ByUrl>::by_url(url)
        };
        // (URL and topic of the second one, whether both may be)
        for (url, topic, fine) in [
            ("mqtts://broker.example.com", None, false),
            ("mqtts://BROKER.example.com.:8883", None, false),
            ("wss://broker.example.com:8883/mqtt", None, false),
            ("mqtts://broker.example.com", Some("usp/controllers/other"), true),
            ("mqtts://broker.example.com:8884", None, true),
            ("mqtts://other.example.com", None, true),
        ] {
            for trusted in [true, false] {
                let first = one("mqtts://broker.example.com", None, trusted);
                let connect = vec![first, one(url, topic, !trusted)];
                let checked = Mqtt { connect, ..Mqtt::default() }.check();
                assert_eq!(checked.is_ok(), fine, "{url} {topic:?}: {checked:?}");
            }
        }
        let here = ["mqtt://localhost", "mqtt://127.0.0.1", "mqtt://127.0.0.2:1883", "mqtt://[::1]"];
        for url in &here[1..] {
            let connect = vec![one(here[0], None, false), one(url, None, false)];
            assert!(Mqtt { connect, ..Mqtt::default() }.check().is_err(), "{url}");
        }
    }

    #[test]
    fn paths_of_websockets() {
        for (url, expected) in [
            ("mqtts://host/", None),
            ("ws://host", Some("/mqtt")),
            ("wss://host:1/", Some("/")),
            ("wss://host/a/b?c", Some("/a/b?c")),
        ] {
            assert_eq!(websocket_of(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn addresses_of_brokers_by_websocket() {
        for (url, expected) in [
            ("mqtts://host", Some(("host", 8883, true))),
            ("ws://host", Some(("host", 80, false))),
            ("wss://host/a/b", Some(("host", 443, true))),
            ("wss://[::1]:9/a", Some(("::1", 9, true))),
            ("ws://host/a b", None),
            ("ws:///mqtt", None),
            ("http://host", None),
        ] {
            let found = address_of(url).ok();
            let found = found.as_ref().map(|one| (one.host.as_str(), one.port, one.secure));
            assert_eq!(found, expected, "{url}");
        }
    }
}
