//! How the bench's broker receives an agent. The default is right.

use mtp::mqtt::Version;

use super::packet::{Properties, property};

/// What the broker does from now on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manners {
    /// Refuses CONNECT with this code of 5.0.
    pub refusal: Option<u8>,
    /// Response Information in CONNACK.
    pub response_information: Option<String>,
    /// Filters in the user property `subscribe-topic` of CONNACK.
    pub offers: Vec<String>,
    /// More properties of CONNACK.
    pub maximum_qos: Option<u8>,
    /// Whether messages can be retained.
    pub retain: bool,
    /// How many messages of `QoS` 1 are taken unacknowledged.
    pub receive_maximum: Option<u16>,
    /// Seconds of keep-alive in place of the agent's.
    pub keep_alive_s: Option<u16>,
    /// How SUBSCRIBE is answered.
    pub subscriptions: Subscriptions,
    /// Whether messages of `QoS` 1 are acknowledged.
    pub acknowledges: bool,
}

/// How SUBSCRIBE is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subscriptions {
    /// Every filter is granted.
    Granted,
    /// None is.
    Refused,
    /// Not at all.
    Unanswered,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners {
            refusal: None,
            response_information: None,
            offers: Vec::new(),
            maximum_qos: None,
            retain: true,
            receive_maximum: None,
            keep_alive_s: None,
            subscriptions: Subscriptions::Granted,
            acknowledges: true,
        }
    }
}

impl Manners {
    /// The code of a refusal as the version has it (MQTT 3.1.1, table 3.1).
    pub(super) fn code(&self, version: Version) -> u8 {
        match (self.refusal, version) {
            (None, _) => 0,
            (Some(code), Version::V5) => code,
            // Server unavailable.
            (Some(_), Version::V3_1_1) => 3,
        }
    }

    /// Properties of CONNACK; the id is one that we choose for the client.
    pub(super) fn properties(&self, client_id: Option<&str>) -> Properties {
        let mut properties = Properties::default();
        if let Some(id) = client_id {
            properties = properties.text(property::ASSIGNED_CLIENT_ID, id);
        }
        if let Some(topic) = &self.response_information {
            properties = properties.text(property::RESPONSE_INFORMATION, topic);
        }
        for offer in &self.offers {
            properties = properties.user(mtp::mqtt::SUBSCRIBE_PROPERTY, offer);
        }
        if let Some(qos) = self.maximum_qos {
            properties = properties.byte(property::MAXIMUM_QOS, qos);
        }
        if !self.retain {
            properties = properties.byte(property::RETAIN_AVAILABLE, 0);
        }
        if let Some(maximum) = self.receive_maximum {
            properties = properties.short(property::RECEIVE_MAXIMUM, maximum);
        }
        if let Some(seconds) = self.keep_alive_s {
            properties = properties.short(property::SERVER_KEEP_ALIVE, seconds);
        }
        properties
    }
}
