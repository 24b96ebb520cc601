//! Bytes to a checked Record: a scan of its fields, then prost, then the rules.

use bytes::Bytes;
use prost::Message;

use super::{MqttVersion, PayloadSarState, PayloadSecurity, Record, RecordError, RecordType, SessionContext};
use crate::generated::usp_record as wire_record;
use crate::generated::usp_record::record::RecordType as WireType;
use crate::limits::{MAX_PAYLOAD_ELEMENTS, MAX_RECORD_BYTES};
use crate::wire::{Value, fields};
use crate::{EndpointId, Malformed, msg};

impl Record {
    /// Decodes and checks. The payload shares the buffer.
    #[expect(clippy::needless_pass_by_value, reason = "the payload goes on sharing the buffer")]
    pub fn decode(record: Bytes) -> Result<Record, RecordError> {
        if record.len() > MAX_RECORD_BYTES {
            let reason = Malformed::TooLong { what: "Record", limit: MAX_RECORD_BYTES };
            return Err(RecordError { reason, from_id: None, to_id: None, request_msg_id: None });
        }
        let (outline, scanned) = Outline::scan(&record);
        let decoded = scanned.and_then(|()| {
            let decoded = wire_record::Record::decode(record.clone());
            check(decoded.map_err(|_| Malformed::Undecodable("Record"))?)
        });
        decoded.map_err(|reason| outline.error(reason))
    }

    /// Whom an encoded Record is from, if it says so once, as [`Record::decode`] reads it. Its other fields are
    /// not judged, and its payload not looked into (R-SEC.4c).
    pub fn sender(record: &[u8]) -> Option<EndpointId> {
        let (outline, scanned) = Outline::scan(record);
        scanned.ok().and_then(|()| id(outline.from_id))
    }
}

/// What a Record says before anything is believed: enough to refuse what prost would hide, and to
/// answer what is refused.
#[derive(Default)]
struct Outline<'a> {
    from_id: Option<&'a [u8]>,
    to_id: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
    seen: u32,
    payload_elements: usize,
}

/// Names of the fields, for errors. Those of the oneof share one.
const FIELDS: [&str; 16] = [
    "",
    "version",
    "to_id",
    "from_id",
    "payload_security",
    "mac_signature",
    "sender_cert",
    "record_type",
    "record_type",
    "record_type",
    "record_type",
    "record_type",
    "record_type",
    "record_type",
    "originator_id",
    "destination_id",
];

impl<'a> Outline<'a> {
    /// Reads to the end even after a fault, so that an answer finds its ids.
    fn scan(record: &'a [u8]) -> (Outline<'a>, Result<(), Malformed>) {
        let mut outline = Outline::default();
        let mut verdict = Ok(());
        for field in fields(record) {
            let found = match field {
                Ok(field) => outline.field(field.number, field.value),
                Err(_) => Err(Malformed::Undecodable("Record")),
            };
            verdict = verdict.and(found);
        }
        (outline, verdict)
    }

    fn field(&mut self, number: u32, value: Value<'a>) -> Result<(), Malformed> {
        let name = FIELDS.get(number as usize).copied().unwrap_or_default();
        if name.is_empty() {
            return Ok(());
        }
        // R-ENC.3: the alternatives of the oneof count as one field.
        let bit = if (7..=13).contains(&number) { 1 << 7 } else { 1 << number };
        if self.seen & bit != 0 {
            self.forget(number);
            return Err(Malformed::Repeated(name));
        }
        self.seen |= bit;
        match (number, value) {
            (2, Value::Bytes(id)) => self.to_id = Some(id),
            (3, Value::Bytes(id)) => self.from_id = Some(id),
            (7, Value::Bytes(context)) => self.payload = payload(context)?,
            (8, Value::Bytes(context)) => {
                self.payload_elements = fields(context).filter(|f| f.is_ok_and(|f| f.number == 7)).count();
            }
            _ => {}
        }
        if self.payload_elements > MAX_PAYLOAD_ELEMENTS {
            return Err(Malformed::TooManyElements { what: "Record", limit: MAX_PAYLOAD_ELEMENTS });
        }
        Ok(())
    }

    /// What occurs twice says nothing.
    fn forget(&mut self, number: u32) {
        match number {
            2 => self.to_id = None,
            3 => self.from_id = None,
            7..=13 => self.payload = None,
            _ => {}
        }
    }

    fn error(&self, reason: Malformed) -> RecordError {
        RecordError {
            reason,
            from_id: id(self.from_id),
            to_id: id(self.to_id),
            request_msg_id: self.payload.and_then(msg::request_id),
        }
    }
}

fn id(bytes: Option<&[u8]>) -> Option<EndpointId> {
    EndpointId::receive(std::str::from_utf8(bytes?).ok()?).ok()
}

/// The payload of a NoSessionContextRecord; refused when it occurs twice.
fn payload(context: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    for field in fields(context).flatten() {
        if let (2, Value::Bytes(payload)) = (field.number, field.value) {
            if found.is_some() {
                return Err(Malformed::Repeated("payload"));
            }
            found = Some(payload);
        }
    }
    Ok(found)
}

fn check(record: wire_record::Record) -> Result<Record, Malformed> {
    let version = required(record.version, "version")?;
    let to_id = endpoint(&record.to_id, "to_id")?;
    let from_id = endpoint(&record.from_id, "from_id")?;
    let payload_security = PayloadSecurity::try_from(record.payload_security)
        .map_err(|_| unknown("payload_security", record.payload_security))?;
    // R-ENC.3, R-ENC.4: prost keeps nothing of an alternative that it does not know.
    let record_type = record_type(record.record_type.ok_or(Malformed::EmptyOneof("record_type"))?)?;
    Ok(Record {
        version: version.parse()?,
        to_id,
        from_id,
        payload_security,
        mac_signature: record.mac_signature,
        sender_cert: record.sender_cert,
        record_type,
        originator_id: record.originator_id,
        destination_id: record.destination_id,
    })
}

fn record_type(record_type: WireType) -> Result<RecordType, Malformed> {
    Ok(match record_type {
        WireType::NoSessionContext(context) if context.payload.is_empty() => {
            return Err(Malformed::Missing("payload"));
        }
        WireType::NoSessionContext(context) => RecordType::NoSession { payload: context.payload },
        WireType::SessionContext(context) => RecordType::Session(session(context)?),
        WireType::WebsocketConnect(_) => RecordType::WebSocketConnect,
        WireType::MqttConnect(connect) => RecordType::MqttConnect {
            version: MqttVersion::try_from(connect.version)
                .map_err(|_| unknown("mqtt_connect.version", connect.version))?,
            subscribed_topic: required(connect.subscribed_topic, "subscribed_topic")?,
        },
        WireType::StompConnect(connect) if connect.version != 0 => {
            return Err(unknown("stomp_connect.version", connect.version));
        }
        WireType::StompConnect(connect) => RecordType::StompConnect {
            subscribed_destination: required(connect.subscribed_destination, "subscribed_destination")?,
        },
        WireType::UdsConnect(_) => RecordType::UdsConnect,
        WireType::Disconnect(leave) => {
            RecordType::Disconnect { reason: leave.reason, reason_code: leave.reason_code }
        }
    })
}

fn session(context: wire_record::SessionContextRecord) -> Result<SessionContext, Malformed> {
    let state =
        |value, field: &'static str| PayloadSarState::try_from(value).map_err(|_| unknown(field, value));
    Ok(SessionContext {
        session_id: context.session_id,
        sequence_id: context.sequence_id,
        expected_id: context.expected_id,
        retransmit_id: context.retransmit_id,
        payload_sar_state: state(context.payload_sar_state, "payload_sar_state")?,
        payloadrec_sar_state: state(context.payloadrec_sar_state, "payloadrec_sar_state")?,
        payload: context.payload,
    })
}

/// R-MTP.4b seen from the receiver: what is required can't be empty.
fn required(text: String, field: &'static str) -> Result<String, Malformed> {
    if text.is_empty() { Err(Malformed::Missing(field)) } else { Ok(text) }
}

fn endpoint(text: &str, field: &'static str) -> Result<EndpointId, Malformed> {
    if text.is_empty() {
        return Err(Malformed::Missing(field));
    }
    EndpointId::receive(text).map_err(|error| match error {
        Malformed::EndpointId { why, .. } => Malformed::EndpointId { field, why },
        other => other,
    })
}

/// R-ENC.2
fn unknown(field: &'static str, value: i32) -> Malformed {
    Malformed::UnknownEnum { field, value }
}
