//! Bytes to a checked Msg: a scan of its upper levels, then prost, then the rules.
//!
//! Header, body and the oneofs down to the kind of notification may occur once each. Deeper down a field
//! that occurs again wins over the earlier one, as protobuf has it: nobody decides by those before
//! everything is decoded.

use prost::Message;

use super::{Body, Msg, MsgError, Request, Response, kind};
use crate::generated::usp_msg as wire_msg;
use crate::generated::usp_msg::body::MsgBody;
use crate::limits::{MAX_MSG_ID_BYTES, MAX_RECORD_BYTES};
use crate::wire::{Value, fields};
use crate::{Malformed, add, delete, get_supported_dm, notify, register, set, shape};

/// See [`Msg::decode`].
pub(super) fn decode(payload: &[u8]) -> Result<Msg, MsgError> {
    let (outline, scanned) = Outline::scan(payload);
    scanned.and_then(|()| checked(payload, &outline)).map_err(|reason| outline.error(reason))
}

/// The `msg_id` of a payload if it is a Request, however broken the rest may be (R-MTP.5).
pub(crate) fn request_id(payload: &[u8]) -> Option<String> {
    let (outline, _) = Outline::scan(payload);
    outline.is_request().then(|| outline.msg_id()).flatten()
}

fn checked(payload: &[u8], outline: &Outline<'_>) -> Result<Msg, Malformed> {
    if payload.len() > MAX_RECORD_BYTES {
        return Err(Malformed::TooLong { what: "Msg", limit: MAX_RECORD_BYTES });
    }
    shape::check(payload)?;
    let msg = wire_msg::Msg::decode(payload).map_err(|_| Malformed::Undecodable("Msg"))?;
    // R-MSG.6, R-MSG.8
    let msg_id = msg.header.ok_or(Malformed::Missing("header"))?.msg_id;
    if msg_id.is_empty() {
        return Err(Malformed::Missing("msg_id"));
    }
    if msg_id.len() > MAX_MSG_ID_BYTES {
        return Err(Malformed::TooLong { what: "msg_id", limit: MAX_MSG_ID_BYTES });
    }
    // R-MSG.7
    let body = msg.body.ok_or(Malformed::Missing("body"))?;
    // R-MSG.10: the body decides, whatever the header calls it.
    let body = match body.msg_body.ok_or_else(|| outline.body.nothing("body"))? {
        MsgBody::Request(request) => {
            Body::Request(check_request(request.req_type.ok_or_else(|| outline.kind.nothing("Request"))?)?)
        }
        MsgBody::Response(response) => Body::Response(check_response(
            response.resp_type.ok_or_else(|| outline.kind.nothing("Response"))?,
        )?),
        MsgBody::Error(error) => Body::Error(error),
    };
    Ok(Msg { msg_id, body })
}

fn check_request(request: Request) -> Result<Request, Malformed> {
    if let Request::Notify(notify) = &request {
        notify::check(notify)?;
    }
    Ok(request)
}

fn check_response(response: Response) -> Result<Response, Malformed> {
    match &response {
        Response::GetSupportedDmResp(answer) => get_supported_dm::check(answer)?,
        Response::SetResp(answer) => set::check(answer)?,
        Response::AddResp(answer) => add::check(answer)?,
        Response::DeleteResp(answer) => delete::check(answer)?,
        Response::RegisterResp(answer) => register::check(answer)?,
        Response::DeregisterResp(answer) => register::check_deregister(answer)?,
        // A result of OperateResp may lack its oneof: the standard's own example does.
        Response::OperateResp(_)
        | Response::GetResp(_)
        | Response::GetInstancesResp(_)
        | Response::NotifyResp(_)
        | Response::GetSupportedProtocolResp(_) => {}
    }
    Ok(response)
}

/// The alternatives of one oneof that were seen on the wire.
#[derive(Default)]
struct Alternatives {
    known: u32,
    first: u32,
    unknown: u32,
}

impl Alternatives {
    /// R-ENC.3: counts a field; `numbers` are the known alternatives.
    fn see(
        &mut self,
        number: u32,
        numbers: std::ops::RangeInclusive<u32>,
        name: &'static str,
    ) -> Result<(), Malformed> {
        if !numbers.contains(&number) {
            self.unknown = if number > *numbers.end() { number } else { self.unknown };
            return Ok(());
        }
        self.known += 1;
        if self.known > 1 {
            return Err(Malformed::Repeated(name));
        }
        self.first = number;
        Ok(())
    }

    /// What a oneof without a known alternative is: a message of the future, or an empty one.
    fn nothing(&self, what: &'static str) -> Malformed {
        match self.unknown {
            0 => Malformed::EmptyOneof(what),
            number => Malformed::UnknownKind { what, number },
        }
    }
}

/// What a Msg says before anything is believed.
#[derive(Default)]
struct Outline<'a> {
    headers: u32,
    msg_ids: u32,
    msg_id: &'a [u8],
    msg_type: u64,
    bodies: u32,
    body: Alternatives,
    kind: Alternatives,
    notification: Alternatives,
}

impl<'a> Outline<'a> {
    /// Reads on after a fault, so that an answer finds its id.
    fn scan(payload: &'a [u8]) -> (Outline<'a>, Result<(), Malformed>) {
        let mut outline = Outline::default();
        let verdict = each(payload, |number, value| match (number, value) {
            (1, Value::Bytes(header)) => outline.header(header),
            (2, Value::Bytes(body)) => outline.body(body),
            _ => Ok(()),
        });
        (outline, verdict)
    }

    fn header(&mut self, header: &'a [u8]) -> Result<(), Malformed> {
        self.headers += 1;
        let read = each(header, |number, value| match (number, value) {
            (1, Value::Bytes(id)) => {
                self.msg_ids += 1;
                self.msg_id = id;
                if self.msg_ids > 1 { Err(Malformed::Repeated("msg_id")) } else { Ok(()) }
            }
            (2, Value::Varint(msg_type)) => {
                self.msg_type = msg_type;
                Ok(())
            }
            _ => Ok(()),
        });
        // R-MSG.6
        if self.headers > 1 { Err(Malformed::Repeated("header")) } else { read }
    }

    fn body(&mut self, body: &'a [u8]) -> Result<(), Malformed> {
        self.bodies += 1;
        // R-MSG.7
        if self.bodies > 1 {
            return Err(Malformed::Repeated("body"));
        }
        each(body, |number, value| {
            self.body.see(number, 1..=3, "kind of body")?;
            match (number, value) {
                (1 | 2, Value::Bytes(inner)) => self.kind(number, inner),
                _ => Ok(()),
            }
        })
    }

    fn kind(&mut self, part: u32, inner: &'a [u8]) -> Result<(), Malformed> {
        each(inner, |number, value| {
            self.kind.see(number, 1..=11, "kind of message")?;
            match (part, number, value) {
                (1, 8, Value::Bytes(notify)) => {
                    each(notify, |number, _| self.notification.see(number, 3..=8, "kind of notification"))
                }
                _ => Ok(()),
            }
        })
    }

    fn msg_id(&self) -> Option<String> {
        let usable = self.msg_ids == 1 && (1..=MAX_MSG_ID_BYTES).contains(&self.msg_id.len());
        std::str::from_utf8(self.msg_id).ok().filter(|_| usable).map(str::to_owned)
    }

    fn is_request(&self) -> bool {
        match (self.bodies, self.body.known, self.body.unknown) {
            (1, 1, _) => self.body.first == 1,
            // Nothing contradicts the header.
            (0 | 1, 0, 0) => kind::is_request(self.msg_type),
            _ => false,
        }
    }

    fn error(&self, reason: Malformed) -> MsgError {
        MsgError { reason, msg_id: self.msg_id(), is_request: self.is_request() }
    }
}

/// Visits every field, past the first fault, which is what it returns.
fn each<'a>(
    message: &'a [u8],
    mut visit: impl FnMut(u32, Value<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut verdict = Ok(());
    for field in fields(message) {
        let found = match field {
            Ok(field) => visit(field.number, field.value),
            Err(_) => Err(Malformed::Undecodable("Msg")),
        };
        verdict = verdict.and(found);
    }
    verdict
}
