//! What a connection to a broker is configured with: the protocol's part of `Device.MQTT.Client.{i}.`.

use std::fmt;
use std::str::FromStr;

use usp_proto::EndpointId;
use usp_proto::record::MqttVersion;

use super::topic::{Filter, Topic, TopicError};

/// The version of MQTT that is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Version {
    /// 3.1.1.
    V3_1_1,
    /// 5.0.
    V5,
}

impl From<Version> for MqttVersion {
    fn from(version: Version) -> MqttVersion {
        match version {
            Version::V3_1_1 => MqttVersion::V311,
            Version::V5 => MqttVersion::V5,
        }
    }
}

/// How surely a Record is delivered to the broker, and by it (R-MQTT.20).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Qos {
    /// At most once.
    AtMostOnce,
    /// At least once.
    AtLeastOnce,
    /// Exactly once.
    ExactlyOnce,
}

/// A filter to subscribe to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Which topics.
    pub filter: Filter,
    /// How surely the broker is to deliver; `None`: as [`Settings::qos`] says.
    pub qos: Option<Qos>,
}

impl From<Filter> for Subscription {
    fn from(filter: Filter) -> Subscription {
        Subscription { filter, qos: None }
    }
}

impl FromStr for Subscription {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Subscription, TopicError> {
        Ok(Filter::from_str(text)?.into())
    }
}

/// What the broker publishes for us when the connection breaks.
#[derive(Clone, PartialEq, Eq)]
pub struct Will {
    /// Where.
    pub topic: Topic,
    /// What; it may be anything.
    pub value: String,
    /// How surely.
    pub qos: Qos,
    /// Whether the broker keeps it.
    pub retain: bool,
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Will").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// How to present ourselves to a broker, and what to ask of it.
#[derive(Clone)]
pub struct Settings {
    /// The version that is spoken.
    pub version: Version,
    /// Our endpoint id.
    pub eid: EndpointId,
    /// The configured client id, or the one that the broker assigned at an earlier connection; a caller
    /// keeps what [`Event::Accepted`](super::machine::Event::Accepted) says (R-MQTT.9, R-MQTT.11).
    pub client_id: Option<String>,
    /// User name (R-MQTT.7).
    pub username: Option<String>,
    /// Password; a secret.
    pub password: Option<String>,
    /// Seconds without a packet after which a ping is sent; 0 for never (R-MQTT.14).
    pub keep_alive_s: u16,
    /// Whether the broker forgets what it kept for this client id.
    pub clean_start: bool,
    /// Whether the broker is asked for Response Information (5.0 only; R-MQTT.12).
    pub request_response_information: bool,
    /// Filters to subscribe to.
    pub filters: Vec<Subscription>,
    /// What is published when the connection breaks.
    pub will: Option<Will>,
    /// The topic that others answer to, unless the broker gives another one.
    pub response_topic: Option<Topic>,
    /// For what we publish and subscribe to; lowered to what the broker can do.
    pub qos: Qos,
}

impl Settings {
    /// The defaults of the data model: no credentials, a ping per minute, QoS 0, and nothing to subscribe
    /// to but what the broker offers.
    pub fn new(version: Version, eid: EndpointId) -> Settings {
        Settings {
            version,
            eid,
            client_id: None,
            username: None,
            password: None,
            keep_alive_s: 60,
            clean_start: true,
            request_response_information: true,
            filters: Vec::new(),
            will: None,
            response_topic: None,
            qos: Qos::AtMostOnce,
        }
    }

    /// R-MQTT.8: the configured id; without one nothing in 5.0, so that the broker assigns one, and the
    /// endpoint id in 3.1.1.
    pub fn connect_client_id(&self) -> &str {
        match (&self.client_id, self.version) {
            (Some(id), _) if !id.is_empty() => id,
            (_, Version::V5) => "",
            (_, Version::V3_1_1) => self.eid.as_str(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("version", &self.version)
            .field("eid", &self.eid)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("filters", &self.filters)
            .field("response_topic", &self.response_topic)
            .finish_non_exhaustive()
    }
}
