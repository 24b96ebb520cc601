//! `[controller.mqtt]`: a controller behind a broker.

use std::fmt;

use anyhow::{Context, Result, bail};
use mtp::mqtt::topic::{Filter, Topic};
use serde::Deserialize;

use super::BrokerUrl;

/// How a controller is reached through a broker. Controllers that differ in nothing but their topic share a
/// connection.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// `mqtt://…`, or `mqtts://…` with TLS.
    pub broker: String,
    /// The controller's topic, where notifications go.
    pub topic: String,
    /// The topic that answers come to, unless the broker gives another one; made of the agent's endpoint id
    /// where it is absent.
    pub response_topic: Option<String>,
    /// More filters to subscribe to.
    #[serde(default)]
    pub subscribe: Vec<String>,
    /// The version that is spoken.
    #[serde(default)]
    pub version: MqttVersion,
    /// User name.
    pub username: Option<String>,
    /// Password; a secret.
    pub password: Option<String>,
    /// Client id; chosen by the broker where it is absent, in 5.0.
    pub client_id: Option<String>,
    /// Seconds without a packet after which a ping is sent; 0 for never.
    #[serde(default = "a_minute")]
    pub keep_alive: u16,
    /// QoS of what is published and subscribed to, 0 or 1.
    #[serde(default = "at_least_once")]
    pub qos: u8,
}

/// A version of MQTT, as TR-181 calls it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
pub enum MqttVersion {
    /// 3.1.1.
    #[serde(rename = "3.1.1")]
    V3_1_1,
    /// 5.0.
    #[default]
    #[serde(rename = "5.0")]
    V5,
}

fn a_minute() -> u16 {
    60
}

fn at_least_once() -> u8 {
    1
}

impl MqttVersion {
    /// The value of `MQTT.Client.{i}.ProtocolVersion`.
    pub fn name(self) -> &'static str {
        match self {
            MqttVersion::V3_1_1 => "3.1.1",
            MqttVersion::V5 => "5.0",
        }
    }
}

impl MqttConfig {
    /// Whether both use the same connection to the broker.
    pub fn shares_connection(&self, other: &MqttConfig) -> bool {
        MqttConfig { topic: String::new(), ..self.clone() }
            == MqttConfig { topic: String::new(), ..other.clone() }
    }

    /// The topic that answers come to.
    pub fn response_topic(&self, endpoint: &str) -> String {
        self.response_topic.clone().unwrap_or_else(|| format!("usp/agents/{endpoint}"))
    }

    pub(super) fn check(&self) -> Result<()> {
        BrokerUrl::mqtt(&self.broker).with_context(|| format!("mqtt.broker: {:?}", self.broker))?;
        for topic in [Some(&self.topic), self.response_topic.as_ref()].into_iter().flatten() {
            topic.parse::<Topic>().with_context(|| format!("mqtt: {topic:?}"))?;
        }
        for filter in &self.subscribe {
            filter.parse::<Filter>().with_context(|| format!("mqtt.subscribe: {filter:?}"))?;
        }
        if self.qos > 1 {
            bail!("mqtt.qos: 0 or 1");
        }
        Ok(())
    }
}

impl fmt::Debug for MqttConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttConfig")
            .field("broker", &self.broker)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
