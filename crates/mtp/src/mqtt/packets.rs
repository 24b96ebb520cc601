//! The packets of both versions of MQTT, as far as USP uses them: what we send, and what is read from those
//! that arrive. The bytes are `mqtt-protocol-core`'s business.

use bytes::Bytes;
use mqtt_protocol_core::mqtt::packet::{
    ContentType, MaximumPacketSize, Packet, Property, Qos as CoreQos, ReceiveMaximum,
    RequestResponseInformation, ResponseTopic, SubEntry, SubOpts, UserProperty, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, DisconnectReasonCode, MqttError, SubackReasonCode, SubackReturnCode,
};

use super::limits::{MAX_FILTERS, MAX_PACKET, RECEIVE_MAXIMUM};
use super::settings::{Qos, Settings, Version};
use super::topic::{Filter, Topic};
use super::{CONTENT_TYPES, ENDPOINT_ID_PROPERTY, SUBSCRIBE_PROPERTY, reply_to};

/// What a packet from the broker says.
pub(super) enum Heard {
    Accepted(Acceptance),
    Refused {
        code: u8,
        reason: String,
    },
    /// For each filter of this SUBSCRIBE, whether it was granted.
    Subscribed {
        id: u16,
        granted: Vec<bool>,
    },
    Published {
        reply_to: Option<Topic>,
        content_type: Option<String>,
        payload: Bytes,
        /// The packet id that wants a PUBACK, or a PUBREC.
        id: Option<u16>,
        exactly_once: bool,
    },
    /// The broker has what we published with QoS 2: PUBREC.
    Recorded(u16),
    /// It will not repeat what it published with QoS 2: PUBREL.
    Released(u16),
    Disconnected {
        code: u8,
        reason: String,
    },
    Other,
}

/// What CONNACK grants.
#[derive(Default)]
pub(super) struct Acceptance {
    pub(super) assigned_client_id: Option<String>,
    pub(super) offered: Vec<String>,
    pub(super) response_information: Option<String>,
    pub(super) best_qos: Option<Qos>,
}

/// R-MQTT.6 to R-MQTT.8, R-MQTT.12 to R-MQTT.14.
pub(super) fn connect(settings: &Settings) -> Result<Packet, MqttError> {
    let id = settings.connect_client_id();
    macro_rules! filled {
        ($builder:expr) => {{
            let mut builder =
                $builder.client_id(id)?.clean_start(settings.clean_start).keep_alive(settings.keep_alive_s);
            if let Some(name) = &settings.username {
                builder = builder.user_name(name)?;
            }
            if let Some(password) = &settings.password {
                builder = builder.password(password.as_str())?;
            }
            if let Some(will) = &settings.will {
                let qos = core_qos(will.qos);
                builder = builder.will_message(will.topic.as_str(), will.value.as_str(), qos, will.retain)?;
            }
            builder
        }};
    }
    Ok(match settings.version {
        Version::V3_1_1 => filled!(v3_1_1::Connect::builder()).build()?.into(),
        Version::V5 => {
            let mut props = vec![
                Property::from(UserProperty::new(ENDPOINT_ID_PROPERTY, settings.eid.as_str())?),
                ReceiveMaximum::new(RECEIVE_MAXIMUM)?.into(),
                MaximumPacketSize::new(u32::try_from(MAX_PACKET).unwrap_or(u32::MAX))?.into(),
            ];
            if settings.request_response_information {
                props.push(RequestResponseInformation::new(1)?.into());
            }
            filled!(v5_0::Connect::builder()).props(props).build()?.into()
        }
    })
}

/// R-MQTT.15
pub(super) fn subscribe(version: Version, id: u16, filters: &[(Filter, Qos)]) -> Result<Packet, MqttError> {
    let entry = |(filter, qos): &(Filter, Qos)| {
        SubEntry::new(filter.as_str(), SubOpts::new().set_qos(core_qos(*qos)))
    };
    let entries: Result<Vec<_>, _> = filters.iter().map(entry).collect();
    Ok(match version {
        Version::V3_1_1 => v3_1_1::Subscribe::builder().packet_id(id).entries(entries?).build()?.into(),
        Version::V5 => v5_0::Subscribe::builder().packet_id(id).entries(entries?).build()?.into(),
    })
}

/// R-MQTT.34
pub(super) fn unsubscribe(version: Version, id: u16, filters: &[Filter]) -> Result<Packet, MqttError> {
    let entries: Vec<&str> = filters.iter().map(Filter::as_str).collect();
    Ok(match version {
        Version::V3_1_1 => v3_1_1::Unsubscribe::builder().packet_id(id).entries(entries)?.build()?.into(),
        Version::V5 => v5_0::Unsubscribe::builder().packet_id(id).entries(entries)?.build()?.into(),
    })
}

/// R-MQTT.18, R-MQTT.22 to R-MQTT.24, R-MQTT.27. `id` is for QoS 1 and 2.
pub(super) fn publish(
    version: Version,
    to: &Topic,
    own: &Topic,
    (qos, id): (Qos, Option<u16>),
    record: &[u8],
) -> Result<Packet, MqttError> {
    macro_rules! filled {
        ($builder:expr, $topic:expr) => {{
            let builder = $builder.topic_name($topic)?.payload(record);
            match id {
                Some(id) => builder.qos(core_qos(qos)).packet_id(id),
                None => builder.qos(CoreQos::AtMostOnce),
            }
        }};
    }
    Ok(match version {
        Version::V3_1_1 => {
            let name = reply_to::join(to, own).map_err(|_| MqttError::TopicNameInvalid)?;
            filled!(v3_1_1::Publish::builder(), name.as_str()).build()?.into()
        }
        Version::V5 => {
            let props: Vec<Property> =
                vec![ContentType::new(CONTENT_TYPES[0])?.into(), ResponseTopic::new(own.as_str())?.into()];
            filled!(v5_0::Publish::builder(), to.as_str()).props(props).build()?.into()
        }
    })
}

/// What is said about the delivery of a PUBLISH.
#[derive(Clone, Copy)]
pub(super) enum Word {
    /// We have what came with QoS 1 (R-MQTT.20).
    Puback,
    /// We have what came with QoS 2,
    Pubrec,
    /// and know that it will not be repeated.
    Pubcomp,
    /// We will not repeat what we published with QoS 2.
    Pubrel,
}

/// Built here, because the core panics on the packet id 0.
pub(super) fn say(version: Version, word: Word, id: u16) -> Result<Packet, MqttError> {
    macro_rules! built {
        ($packet:ident) => {
            match version {
                Version::V3_1_1 => v3_1_1::$packet::builder().packet_id(id).build()?.into(),
                Version::V5 => v5_0::$packet::builder().packet_id(id).build()?.into(),
            }
        };
    }
    Ok(match word {
        Word::Puback => built!(Puback),
        Word::Pubrec => built!(Pubrec),
        Word::Pubcomp => built!(Pubcomp),
        Word::Pubrel => built!(Pubrel),
    })
}

/// R-MQTT.35
pub(super) fn disconnect(version: Version) -> Result<Packet, MqttError> {
    Ok(match version {
        Version::V3_1_1 => v3_1_1::Disconnect::builder().build()?.into(),
        Version::V5 => {
            let code = DisconnectReasonCode::NormalDisconnection;
            v5_0::Disconnect::builder().reason_code(code).build()?.into()
        }
    })
}

/// Reads what the broker sent.
pub(super) fn read(packet: &Packet) -> Heard {
    match packet {
        Packet::V3_1_1Connack(connack) => match connack.return_code() {
            ConnectReturnCode::Accepted => Heard::Accepted(Acceptance::default()),
            code => Heard::Refused { code: code as u8, reason: refusal(code).to_owned() },
        },
        Packet::V5_0Connack(connack) => match connack.reason_code() {
            ConnectReasonCode::Success => Heard::Accepted(acceptance(connack.props())),
            code => Heard::Refused { code: code as u8, reason: words(&code, connack.props()) },
        },
        Packet::V3_1_1Suback(suback) => {
            let granted = |code: &SubackReturnCode| *code != SubackReturnCode::Failure;
            let granted = suback.return_codes().iter().map(granted).collect();
            Heard::Subscribed { id: suback.packet_id(), granted }
        }
        Packet::V5_0Suback(suback) => {
            let granted = |code: &SubackReasonCode| (*code as u8) < 0x80;
            let granted = suback.reason_codes().iter().map(granted).collect();
            Heard::Subscribed { id: suback.packet_id(), granted }
        }
        Packet::V3_1_1Pubrec(pubrec) => Heard::Recorded(pubrec.packet_id()),
        // The core has given up what the broker refuses.
        Packet::V5_0Pubrec(pubrec) if pubrec.reason_code().is_none_or(|code| (code as u8) < 0x80) => {
            Heard::Recorded(pubrec.packet_id())
        }
        Packet::V3_1_1Pubrel(pubrel) => Heard::Released(pubrel.packet_id()),
        Packet::V5_0Pubrel(pubrel) => Heard::Released(pubrel.packet_id()),
        Packet::V3_1_1Publish(publish) => Heard::Published {
            id: publish.packet_id(),
            exactly_once: publish.qos() == CoreQos::ExactlyOnce,
            reply_to: reply_to::split(publish.topic_name()),
            content_type: None,
            payload: Bytes::copy_from_slice(publish.payload().as_slice()),
        },
        Packet::V5_0Publish(publish) => published(publish),
        Packet::V5_0Disconnect(disconnect) => {
            let code = disconnect.reason_code().unwrap_or(DisconnectReasonCode::NormalDisconnection);
            let props = disconnect.props().as_deref().unwrap_or_default();
            Heard::Disconnected { code: code as u8, reason: words(&code, props) }
        }
        _ => Heard::Other,
    }
}

fn acceptance(props: &[Property]) -> Acceptance {
    let mut acceptance = Acceptance::default();
    for prop in props {
        match prop {
            Property::AssignedClientIdentifier(id) => {
                acceptance.assigned_client_id = Some(id.val().to_owned());
            }
            Property::ResponseInformation(topic) => {
                acceptance.response_information = Some(topic.val().to_owned());
            }
            Property::MaximumQos(qos) => {
                acceptance.best_qos = Some(if qos.val() == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce });
            }
            Property::UserProperty(pair)
                if pair.key() == SUBSCRIBE_PROPERTY && acceptance.offered.len() < MAX_FILTERS =>
            {
                acceptance.offered.push(pair.val().to_owned());
            }
            _ => {}
        }
    }
    acceptance
}

/// R-MQTT.26: the reply-to topic is a property.
fn published(publish: &v5_0::Publish) -> Heard {
    let (mut reply_to, mut content_type) = (None, None);
    for prop in publish.props() {
        match prop {
            Property::ResponseTopic(topic) => reply_to = topic.val().parse().ok(),
            Property::ContentType(text) => content_type = Some(text.val().to_owned()),
            _ => {}
        }
    }
    Heard::Published {
        id: publish.packet_id(),
        exactly_once: publish.qos() == CoreQos::ExactlyOnce,
        reply_to,
        content_type,
        payload: Bytes::copy_from_slice(publish.payload().as_slice()),
    }
}

/// A reason code in words, with what the broker says beyond it.
fn words(code: &impl std::fmt::Debug, props: &[Property]) -> String {
    let said = props.iter().find_map(|prop| match prop {
        Property::ReasonString(text) => Some(text.val()),
        _ => None,
    });
    match said {
        Some(said) => format!("{code:?}: {said}"),
        None => format!("{code:?}"),
    }
}

/// MQTT 3.1.1, table 3.1.
fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::Accepted => "accepted",
        ConnectReturnCode::UnacceptableProtocolVersion => "the broker doesn't speak MQTT 3.1.1",
        ConnectReturnCode::IdentifierRejected => "the broker doesn't allow this client id",
        ConnectReturnCode::ServerUnavailable => "the broker is not available",
        ConnectReturnCode::BadUserNameOrPassword => "bad user name or password",
        ConnectReturnCode::NotAuthorized => "not authorized",
    }
}

fn core_qos(qos: Qos) -> CoreQos {
    match qos {
        Qos::AtMostOnce => CoreQos::AtMostOnce,
        Qos::AtLeastOnce => CoreQos::AtLeastOnce,
        Qos::ExactlyOnce => CoreQos::ExactlyOnce,
    }
}
