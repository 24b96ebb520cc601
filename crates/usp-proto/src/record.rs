//! The Record: the checked envelope of everything that travels between two Endpoints.
//!
//! It does not decide whether a Record is for us, whom to believe, or whether a kind is supported: a
//! session or a payload under TLS decodes here, and is answered by whoever holds the endpoint.
//!
//! Protobuf lets a field occur again and keeps the last one. A Record whose fields 1 to 15 occur twice is
//! refused instead: a proxy that reads the first `from_id` and we who read the last would disagree about
//! who speaks. Unknown fields are skipped, as proto3 has it.

mod build;
mod decode;
mod fault;

use std::fmt;

use bytes::Bytes;

pub use crate::generated::usp_record::mqtt_connect_record::MqttVersion;
pub use crate::generated::usp_record::record::PayloadSecurity;
pub use crate::generated::usp_record::session_context_record::PayloadSarState;
pub use build::encode_message;
pub use fault::RecordError;

use crate::{EndpointId, Version};

/// A Record that keeps the rules.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What the sender speaks.
    pub version: Version,
    /// The receiver.
    pub to_id: EndpointId,
    /// The sender, as it says itself.
    pub from_id: EndpointId,
    /// How the payload is protected.
    pub payload_security: PayloadSecurity,
    /// MAC or signature over the other fields; empty without one.
    pub mac_signature: Bytes,
    /// The sender's certificate or chain as PEM; empty without one.
    pub sender_cert: Bytes,
    /// What the Record is for.
    pub record_type: RecordType,
    /// Whom a broker forwards for, as it came (1.5); empty without one.
    pub originator_id: String,
    /// Whom a broker shall forward to, as it came (1.5); empty without one.
    pub destination_id: String,
}

/// What a Record is for.
#[derive(Clone, PartialEq, Eq)]
pub enum RecordType {
    /// A Message that stands alone.
    NoSession {
        /// The encoded Msg; never empty.
        payload: Bytes,
    },
    /// A part of an end-to-end session.
    Session(SessionContext),
    /// An agent is present on this WebSocket.
    WebSocketConnect,
    /// An agent is present on an MQTT topic.
    MqttConnect {
        /// The version of MQTT that it speaks.
        version: MqttVersion,
        /// The topic that reaches it; never empty.
        subscribed_topic: String,
    },
    /// An agent is present on a STOMP destination. The only version is 1.2.
    StompConnect {
        /// The destination that reaches it; never empty.
        subscribed_destination: String,
    },
    /// An agent is present on this UNIX domain socket.
    UdsConnect,
    /// The sender is leaving, or ends a session.
    Disconnect {
        /// Why, for people; may be empty.
        reason: String,
        /// Why, as a code of the error table; may be 0.
        reason_code: u32,
    },
}

/// A part of an end-to-end session. The numbers are as they came: the session judges them.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionContext {
    /// The session.
    pub session_id: u64,
    /// Number of this Record in it.
    pub sequence_id: u64,
    /// Number of the Record that the sender waits for.
    pub expected_id: u64,
    /// Number of a Record to send again; 0 is none.
    pub retransmit_id: u64,
    /// Place of this payload in its Message.
    pub payload_sar_state: PayloadSarState,
    /// Place of this payload in its TLS record.
    pub payloadrec_sar_state: PayloadSarState,
    /// The payload, in pieces; may be empty.
    pub payload: Vec<Bytes>,
}

impl RecordType {
    /// A short name for logs and traces.
    pub fn name(&self) -> &'static str {
        match self {
            RecordType::NoSession { .. } => "NoSession",
            RecordType::Session(_) => "Session",
            RecordType::WebSocketConnect => "WebSocketConnect",
            RecordType::MqttConnect { .. } => "MqttConnect",
            RecordType::StompConnect { .. } => "StompConnect",
            RecordType::UdsConnect => "UdsConnect",
            RecordType::Disconnect { .. } => "Disconnect",
        }
    }

    /// Whether it announces an agent (R-MTP.6).
    pub fn is_connect(&self) -> bool {
        matches!(
            self,
            RecordType::WebSocketConnect
                | RecordType::MqttConnect { .. }
                | RecordType::StompConnect { .. }
                | RecordType::UdsConnect
        )
    }

    /// Whether the sender leaves (R-MTP.7).
    pub fn is_disconnect(&self) -> bool {
        matches!(self, RecordType::Disconnect { .. })
    }
}

// Payloads hold values, and some values are secrets: only their lengths are shown.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("version", &format_args!("{}", self.version))
            .field("to_id", &self.to_id)
            .field("from_id", &self.from_id)
            .field("payload_security", &self.payload_security)
            .field("mac_signature", &Length(self.mac_signature.len()))
            .field("sender_cert", &Length(self.sender_cert.len()))
            .field("record_type", &self.record_type)
            .field("originator_id", &self.originator_id)
            .field("destination_id", &self.destination_id)
            .finish()
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(self.name());
        match self {
            RecordType::NoSession { payload } => shown.field("payload", &Length(payload.len())),
            RecordType::Session(context) => shown.field("context", context),
            RecordType::WebSocketConnect | RecordType::UdsConnect => &mut shown,
            RecordType::MqttConnect { version, subscribed_topic } => {
                shown.field("version", version).field("subscribed_topic", subscribed_topic)
            }
            RecordType::StompConnect { subscribed_destination } => {
                shown.field("subscribed_destination", subscribed_destination)
            }
            RecordType::Disconnect { reason, reason_code } => {
                shown.field("reason", reason).field("reason_code", reason_code)
            }
        };
        shown.finish()
    }
}

impl fmt::Debug for SessionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionContext")
            .field("session_id", &self.session_id)
            .field("sequence_id", &self.sequence_id)
            .field("expected_id", &self.expected_id)
            .field("retransmit_id", &self.retransmit_id)
            .field("payload_sar_state", &self.payload_sar_state)
            .field("payloadrec_sar_state", &self.payloadrec_sar_state)
            .field("payload", &Length(self.payload.iter().map(Bytes::len).sum()))
            .finish()
    }
}

/// So many bytes that are not shown.
pub(crate) struct Length(pub(crate) usize);

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}
