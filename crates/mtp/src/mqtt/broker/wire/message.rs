//! A message, and what the parsers of packets share.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{Property, Qos as CoreQos};
use mqtt_protocol_core::mqtt::result_code::MqttError;

use super::{Fault, Qos, code};
use crate::mqtt::Topic;
use crate::mqtt::broker::limits::{MAX_TOPIC, MAX_TOPIC_LEVELS};

/// A message on its way through the broker.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published to.
    pub topic: Topic,
    /// What it carries; a Record, from an Endpoint.
    pub payload: Bytes,
    /// How surely it is delivered at best.
    pub qos: Qos,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// What 5.0 says about it.
    pub properties: Properties,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Message");
        debug.field("topic", &self.topic).field("bytes", &self.payload.len()).field("qos", &self.qos);
        debug.field("retain", &self.retain).field("properties", &self.properties).finish()
    }
}

/// The properties of a message that travel with it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties {
    /// Payload Format Indicator.
    pub payload_format: Option<u8>,
    /// Message Expiry Interval, seconds.
    pub expiry_s: Option<u32>,
    /// Content Type.
    pub content_type: Option<Arc<str>>,
    /// Response Topic.
    pub response_topic: Option<Topic>,
    /// Correlation Data.
    pub correlation: Option<Bytes>,
    /// User properties, in their order.
    pub user: Vec<(Box<str>, Box<str>)>,
}

pub(super) fn properties(props: &[Property]) -> Result<Properties, Fault> {
    let mut read = Properties::default();
    for prop in props {
        match prop {
            Property::PayloadFormatIndicator(value) => read.payload_format = Some(value.val()),
            Property::MessageExpiryInterval(value) => read.expiry_s = Some(value.val()),
            Property::ContentType(value) => read.content_type = Some(value.val().into()),
            Property::ResponseTopic(value) => {
                let parsed = topic(value.val());
                read.response_topic =
                    Some(parsed.map_err(|_| Fault::new(code::PROTOCOL, "the response topic"))?);
            }
            Property::CorrelationData(value) => read.correlation = Some(Bytes::copy_from_slice(value.val())),
            Property::UserProperty(pair) => read.user.push((pair.key().into(), pair.val().into())),
            _ => {}
        }
    }
    Ok(read)
}

pub(super) fn topic(name: &str) -> Result<Topic, Fault> {
    let bounded = name.len() <= MAX_TOPIC && name.split('/').count() <= MAX_TOPIC_LEVELS;
    let parsed = if bounded { name.parse().ok() } else { None };
    parsed.ok_or(Fault::new(code::TOPIC, "the topic name"))
}

pub(super) fn qos(qos: CoreQos) -> Qos {
    match qos {
        CoreQos::AtMostOnce => Qos::AtMostOnce,
        CoreQos::AtLeastOnce => Qos::AtLeastOnce,
        CoreQos::ExactlyOnce => Qos::ExactlyOnce,
    }
}

/// What was parsed, if that was all there is.
pub(super) fn exact<T>(parsed: Result<(T, usize), MqttError>, length: usize) -> Result<T, Fault> {
    let (packet, read) = parsed.map_err(fault)?;
    if read == length { Ok(packet) } else { Err(Fault::new(code::MALFORMED, "bytes behind the packet")) }
}

pub(super) fn fault(error: MqttError) -> Fault {
    match error {
        MqttError::ProtocolError => Fault::new(code::PROTOCOL, "the packet breaks the protocol"),
        MqttError::ClientIdentifierNotValid => Fault::new(code::CLIENT_ID, "the client id"),
        MqttError::BadUserNameOrPassword => Fault::new(code::CREDENTIALS, "the user name or the password"),
        _ => Fault::new(code::MALFORMED, "the packet is malformed"),
    }
}
