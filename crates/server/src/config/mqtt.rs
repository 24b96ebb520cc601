//! `usp.mqtt`: the server's own broker, and brokers of others that it connects to, to reach the agents behind them.

use std::fmt;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context, bail};
use mtp::mqtt::{BrokerAddress, Filter, Topic, Version};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de::value::SeqAccessDeserializer};

use super::Tls;

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
    /// Filters of the topics at which agents are answered; what names another one is dropped. Default: any.
    #[serde(default)]
    pub agents: Vec<String>,
    /// 0, or 1 (default).
    pub qos: Option<u8>,
    /// Seconds of silence after which the broker is pinged; default 60.
    pub keep_alive_seconds: Option<u16>,
    /// The shortest wait before the next attempt, 1 to 3600 seconds; it grows. Default 5.
    pub retry_seconds: Option<u32>,
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

/// Not an untagged enum: that would hide which key is wrong.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<MqttConnect>, D::Error> {
    struct Either;
    impl<'de> Visitor<'de> for Either {
        type Value = Vec<MqttConnect>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the URL of a broker, or a list of tables")
        }

        fn visit_str<E: de::Error>(self, url: &str) -> Result<Self::Value, E> {
            Ok(vec![MqttConnect { url: url.to_owned(), ..MqttConnect::default() }])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(items))
        }
    }
    from.deserialize_any(Either)
}

impl Mqtt {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.broker.public_url {
            told_address(url).context("usp.mqtt.broker.public_url")?;
        }
        for (at, broker) in self.connect.iter().enumerate() {
            broker.check().with_context(|| format!("usp.mqtt.connect of {:?}", broker.url))?;
            if self.connect[..at].iter().any(|other| other.url == broker.url) {
                bail!("usp.mqtt.connect names {:?} twice", broker.url);
            }
        }
        Ok(())
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
    fn check(&self) -> anyhow::Result<()> {
        let address = address_of(&self.url)?;
        if let Some(url) = &self.public_url {
            told_address(url).context("public_url")?;
        }
        if self.trusted && !address.secure {
            bail!("trusted = true needs TLS: the URL must begin with mqtts:// or wss://");
        }
        if !address.secure && !self.allow_plaintext && !is_local(&address.host) {
            bail!("it would speak plaintext over a network: use mqtts://, or say allow_plaintext = true");
        }
        if self.cert.is_some() != self.key.is_some() {
            bail!("cert and key belong together");
        }
        if self.qos() > 1 {
            bail!("qos = {} is neither 0 nor 1", self.qos());
        }
        if !(1..=3600).contains(&self.retry_seconds()) {
            bail!("retry_seconds = {} is not from 1 to 3600", self.retry_seconds());
        }
        self.agent_filters()?;
        if let Some(topic) = &self.topic {
            topic.parse::<Topic>().with_context(|| format!("topic = {topic:?}"))?;
        }
        Ok(())
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

    /// `agents`.
    ///
    /// # Errors
    /// Which is no filter.
    pub fn agent_filters(&self) -> anyhow::Result<Vec<Filter>> {
        let filter = |text: &String| text.parse().with_context(|| format!("agents: {text:?}"));
        self.agents.iter().map(filter).collect()
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

    fn show(&self, text: &mut String) {
        let version = if self.version == MqttVersion::V5 { "5" } else { "\"3.1.1\"" };
        let _ = writeln!(text, "\n[[usp.mqtt.connect]]\nurl = {:?}\nversion = {version}", self.url);
        let files = [("password_file", &self.password_file), ("ca", &self.ca), ("cert", &self.cert)];
        for (key, file) in files.into_iter().chain([("key", &self.key)]) {
            if let Some(file) = file {
                let _ = writeln!(text, "{key} = {file:?}");
            }
        }
        for (key, value) in [
            ("username", &self.username),
            ("client_id", &self.client_id),
            ("topic", &self.topic),
            ("public_url", &self.public_url),
        ] {
            super::show_option(text, key, value.as_deref());
        }
        if !self.agents.is_empty() {
            let _ = writeln!(text, "agents = {:?}", self.agents);
        }
        let _ = writeln!(
            text,
            "qos = {}\nkeep_alive_seconds = {}\nretry_seconds = {}\ntrusted = {}\nallow_plaintext = {}",
            self.qos(),
            self.keep_alive_seconds(),
            self.retry_seconds(),
            self.trusted,
            self.allow_plaintext
        );
    }
}

/// `mqtt://HOST[:PORT]`, `mqtts://HOST[:PORT]`; `ws://HOST[:PORT][/PATH]` and `wss://HOST[:PORT][/PATH]`, of which the
/// path is [`websocket_of`]'s business.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn address_of(url: &str) -> anyhow::Result<BrokerAddress> {
    let (secure, standard, rest) = match url.split_once("://") {
        Some(("mqtt", rest)) => (false, 1883, rest.strip_suffix('/').unwrap_or(rest)),
        Some(("mqtts", rest)) => (true, 8883, rest.strip_suffix('/').unwrap_or(rest)),
        Some(("ws", rest)) => (false, 80, rest.split('/').next().unwrap_or(rest)),
        Some(("wss", rest)) => (true, 443, rest.split('/').next().unwrap_or(rest)),
        _ => bail!("{url:?} does not begin with mqtt://, mqtts://, ws:// or wss://"),
    };
    if websocket_of(url).is_some_and(|path| !path.bytes().all(|byte| byte.is_ascii_graphic())) {
        bail!("{url:?} has a path that can't be asked for");
    }
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').or((port.is_empty()).then_some(""))),
        None => rest.split_once(':').map_or((rest, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some("") => Some(standard),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => None,
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    match port {
        Some(port) if !host.is_empty() && host.chars().all(is_host) => {
            Ok(BrokerAddress { host: host.to_owned(), port, secure })
        }
        _ => bail!("{url:?} does not name a host, and a port from 1 to 65535 if any"),
    }
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

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{address_of, websocket_of};

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
    fn addresses_of_brokers() {
        for (url, expected) in [
            ("mqtt://localhost", Some(("localhost", 1883, false))),
            ("mqtts://broker.example", Some(("broker.example", 8883, true))),
            ("mqtts://192.0.2.7:99/", Some(("192.0.2.7", 99, true))),
            ("mqtt://[2001:db8::1]", Some(("2001:db8::1", 1883, false))),
            ("mqtt://[::1]:18", Some(("::1", 18, false))),
            ("mqtt://[::1]18", None),
            ("mqtt://", None),
            ("mqtt://host:0", None),
            ("mqtt://host:70000", None),
            ("mqtt://host/path", None),
            ("mqtt://user@host", None),
            ("ws://host", Some(("host", 80, false))),
            ("wss://host/a/b", Some(("host", 443, true))),
            ("wss://[::1]:9/a", Some(("::1", 9, true))),
            ("ws://host/a b", None),
            ("ws:///mqtt", None),
            ("http://host", None),
            ("host", None),
        ] {
            let found = address_of(url).ok();
            let found = found.as_ref().map(|one| (one.host.as_str(), one.port, one.secure));
            assert_eq!(found, expected, "{url}");
        }
    }
}
