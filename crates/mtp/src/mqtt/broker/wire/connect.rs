//! CONNECT of both versions.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{Property, v3_1_1, v5_0};

use super::message::{Message, Properties, exact, properties, qos, topic};
use super::{Fault, code};
use crate::mqtt::{ENDPOINT_ID_PROPERTY, Version};

/// CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version that is spoken.
    pub version: Version,
    /// The client id; may be empty.
    pub client_id: String,
    /// User name.
    pub user_name: Option<String>,
    /// Password; a secret.
    pub password: Option<Vec<u8>>,
    /// The value of the user property `usp-endpoint-id` (R-MQTT.13).
    pub endpoint_id: Option<String>,
    /// Whether an earlier session is to be forgotten.
    pub clean_start: bool,
    /// Seconds between two packets of the client; 0 for no limit.
    pub keep_alive_s: u16,
    /// Seconds that the session is to outlive the connection; `u32::MAX` for ever.
    pub session_expiry_s: u32,
    /// QoS 1 and 2 messages that the client takes unacknowledged.
    pub receive_maximum: u16,
    /// Bytes of a packet that the client takes.
    pub max_packet: u32,
    /// Whether the client asks for Response Information (R-MQTT.12).
    pub wants_response_information: bool,
    /// Whether the client wants to authenticate by AUTH packets.
    pub extended_authentication: bool,
    /// What is published when the connection breaks.
    pub will: Option<Will>,
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("endpoint_id", &self.endpoint_id)
            .finish_non_exhaustive()
    }
}

/// A will.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    /// The message.
    pub message: Message,
    /// How long the broker waits whether the client comes back.
    pub delay: Duration,
}

/// R-MQTT.39, R-MQTT.40: CONNECT of either version.
pub(super) fn parse_connect(first: u8, body: &[u8]) -> Result<Connect, Fault> {
    if first != 0x10 {
        return Err(Fault::new(code::MALFORMED, "flags of CONNECT"));
    }
    // Older and newer protocols have their level behind a name of another length.
    let (Some(b"\0\x04MQTT"), Some(level), Some(flags)) = (body.get(..6), body.get(6), body.get(7)) else {
        return Err(Fault::new(code::VERSION, "not MQTT 3.1.1 or 5.0"));
    };
    let without_will = flags & 0x04 == 0 && flags & 0x38 != 0;
    if flags & 1 != 0 || without_will || flags & 0x18 == 0x18 {
        return Err(Fault::new(code::MALFORMED, "flags of CONNECT"));
    }
    match level {
        4 => connect_3(&exact(v3_1_1::Connect::parse(body), body.len())?),
        5 => connect_5(&exact(v5_0::Connect::parse(body), body.len())?),
        _ => Err(Fault::new(code::VERSION, "not MQTT 3.1.1 or 5.0")),
    }
}

macro_rules! will {
    ($connect:expr, $properties:expr, $delay:expr) => {
        match $connect.will_topic() {
            None => None,
            Some(name) => Some(Will {
                message: Message {
                    topic: topic(name)?,
                    payload: Bytes::copy_from_slice($connect.will_payload().unwrap_or_default()),
                    qos: qos($connect.will_qos()),
                    retain: $connect.will_retain(),
                    properties: $properties,
                },
                delay: $delay,
            }),
        }
    };
}

fn connect_3(connect: &v3_1_1::Connect) -> Result<Connect, Fault> {
    Ok(Connect {
        version: Version::V3_1_1,
        client_id: connect.client_id().to_owned(),
        user_name: connect.user_name().map(str::to_owned),
        password: connect.password().map(<[u8]>::to_vec),
        endpoint_id: None,
        clean_start: connect.clean_session(),
        keep_alive_s: connect.keep_alive(),
        session_expiry_s: if connect.clean_session() { 0 } else { u32::MAX },
        receive_maximum: u16::MAX,
        max_packet: u32::MAX,
        wants_response_information: false,
        extended_authentication: false,
        will: will!(connect, Properties::default(), Duration::ZERO),
    })
}

fn connect_5(connect: &v5_0::Connect) -> Result<Connect, Fault> {
    let delay = connect.will_props().iter().find_map(|prop| match prop {
        Property::WillDelayInterval(delay) => Some(Duration::from_secs(delay.val().into())),
        _ => None,
    });
    let mut read = Connect {
        version: Version::V5,
        client_id: connect.client_id().to_owned(),
        user_name: connect.user_name().map(str::to_owned),
        password: connect.password().map(<[u8]>::to_vec),
        endpoint_id: None,
        clean_start: connect.clean_start(),
        keep_alive_s: connect.keep_alive(),
        session_expiry_s: 0,
        receive_maximum: u16::MAX,
        max_packet: u32::MAX,
        wants_response_information: false,
        extended_authentication: false,
        will: will!(connect, properties(connect.will_props())?, delay.unwrap_or_default()),
    };
    for prop in connect.props() {
        match prop {
            Property::SessionExpiryInterval(value) => read.session_expiry_s = value.val(),
            Property::ReceiveMaximum(value) => read.receive_maximum = value.val(),
            Property::MaximumPacketSize(value) => read.max_packet = value.val(),
            Property::RequestResponseInformation(value) => read.wants_response_information = value.val() == 1,
            Property::AuthenticationMethod(_) => read.extended_authentication = true,
            Property::UserProperty(pair) if pair.key() == ENDPOINT_ID_PROPERTY => {
                read.endpoint_id = Some(pair.val().to_owned());
            }
            _ => {}
        }
    }
    if read.receive_maximum == 0 || read.max_packet == 0 {
        return Err(Fault::new(code::PROTOCOL, "a limit of 0 in CONNECT"));
    }
    Ok(read)
}
