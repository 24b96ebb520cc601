//! Records to send: constructors, and the way to bytes.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::{PayloadSecurity, Record, RecordType, SessionContext};
use crate::generated::usp_record as wire_record;
use crate::generated::usp_record::record::RecordType as WireType;
use crate::link::{Contact, ReturnPath};
use crate::wire::{length_key_len, put_length_key};
use crate::{EndpointId, Msg, Version};

impl Record {
    /// A Record of any kind, unprotected.
    pub fn new(from: &EndpointId, to: &EndpointId, version: Version, record_type: RecordType) -> Record {
        Record {
            version,
            to_id: to.clone(),
            from_id: from.clone(),
            payload_security: PayloadSecurity::Plaintext,
            mac_signature: Bytes::new(),
            sender_cert: Bytes::new(),
            record_type,
            originator_id: String::new(),
            destination_id: String::new(),
        }
    }

    /// A Record that carries an encoded Msg. [`encode_message`] gets there with one copy less.
    pub fn message(from: &EndpointId, to: &EndpointId, version: Version, payload: Bytes) -> Record {
        Record::new(from, to, version, RecordType::NoSession { payload })
    }

    /// The first Record of an agent on a WebSocket (R-MTP.6).
    pub fn websocket_connect(from: &EndpointId, to: &EndpointId, version: Version) -> Record {
        Record::new(from, to, version, RecordType::WebSocketConnect)
    }

    /// The first Record of an agent to this controller by a transport: what names how it is reached (R-MTP.6).
    /// `None` where the contact is not one of the transport that the path leads by.
    pub fn connect(
        from: &EndpointId,
        to: &EndpointId,
        version: Version,
        path: &ReturnPath,
        contact: &Contact,
    ) -> Option<Record> {
        let kind = match (path, contact) {
            (ReturnPath::WebSocket(_), Contact::Connection) => RecordType::WebSocketConnect,
            (ReturnPath::Uds(_), Contact::Connection) => RecordType::UdsConnect,
            (ReturnPath::Mqtt { .. }, Contact::Mqtt { version, topic }) => {
                RecordType::MqttConnect { version: *version, subscribed_topic: topic.to_string() }
            }
            (ReturnPath::Stomp { .. }, Contact::Stomp { destination }) => {
                RecordType::StompConnect { subscribed_destination: destination.to_string() }
            }
            _ => return None,
        };
        Some(Record::new(from, to, version, kind))
    }

    /// The last Record of an endpoint that leaves, with a code of the error table and a text (R-MTP.9).
    pub fn disconnect(
        from: &EndpointId,
        to: &EndpointId,
        version: Version,
        reason_code: u32,
        reason: &str,
    ) -> Record {
        Record::new(from, to, version, RecordType::Disconnect { reason: reason.to_owned(), reason_code })
    }

    /// The bytes of the Record.
    pub fn encode(&self) -> Bytes {
        Bytes::from(self.to_wire().encode_to_vec())
    }

    fn to_wire(&self) -> wire_record::Record {
        wire_record::Record {
            version: self.version.to_string(),
            to_id: self.to_id.as_str().to_owned(),
            from_id: self.from_id.as_str().to_owned(),
            payload_security: self.payload_security.into(),
            mac_signature: self.mac_signature.clone(),
            sender_cert: self.sender_cert.clone(),
            record_type: Some(self.record_type.to_wire()),
            originator_id: self.originator_id.clone(),
            destination_id: self.destination_id.clone(),
        }
    }
}

impl RecordType {
    fn to_wire(&self) -> WireType {
        match self {
            RecordType::NoSession { payload } => {
                WireType::NoSessionContext(wire_record::NoSessionContextRecord { payload: payload.clone() })
            }
            RecordType::Session(context) => WireType::SessionContext(context.to_wire()),
            RecordType::WebSocketConnect => {
                WireType::WebsocketConnect(wire_record::WebSocketConnectRecord {})
            }
            RecordType::MqttConnect { version, subscribed_topic } => {
                WireType::MqttConnect(wire_record::MqttConnectRecord {
                    version: (*version).into(),
                    subscribed_topic: subscribed_topic.clone(),
                })
            }
            RecordType::StompConnect { subscribed_destination } => {
                WireType::StompConnect(wire_record::StompConnectRecord {
                    version: 0,
                    subscribed_destination: subscribed_destination.clone(),
                })
            }
            RecordType::UdsConnect => WireType::UdsConnect(wire_record::UdsConnectRecord {}),
            RecordType::Disconnect { reason, reason_code } => {
                WireType::Disconnect(wire_record::DisconnectRecord {
                    reason: reason.clone(),
                    reason_code: *reason_code,
                })
            }
        }
    }
}

impl SessionContext {
    fn to_wire(&self) -> wire_record::SessionContextRecord {
        wire_record::SessionContextRecord {
            session_id: self.session_id,
            sequence_id: self.sequence_id,
            expected_id: self.expected_id,
            retransmit_id: self.retransmit_id,
            payload_sar_state: self.payload_sar_state.into(),
            payloadrec_sar_state: self.payloadrec_sar_state.into(),
            payload: self.payload.clone(),
        }
    }
}

/// A Msg in a Record without a session, in one buffer of the right size.
pub fn encode_message(from: &EndpointId, to: &EndpointId, version: Version, msg: &Msg) -> Bytes {
    let version = version.to_string();
    let header = [(1, version.as_str()), (2, to.as_str()), (3, from.as_str())];
    let payload = msg.encoded_len();
    let context = length_key_len(payload) + payload;
    let ids: usize = header.iter().map(|(_, text)| length_key_len(text.len()) + text.len()).sum();
    let mut buf = BytesMut::with_capacity(ids + length_key_len(context) + context);
    for (number, text) in header {
        put_length_key(number, text.len(), &mut buf);
        buf.put_slice(text.as_bytes());
    }
    put_length_key(7, context, &mut buf);
    put_length_key(2, payload, &mut buf);
    msg.encode_into(&mut buf);
    buf.freeze()
}
