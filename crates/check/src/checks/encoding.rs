//! Encoding: oneofs, unknown fields, unknown values.

use bytes::Bytes;
use prost::Message;
use usp_proto::generated::{usp_msg as wire, usp_record};
use usp_proto::get::Get;
use usp_proto::{Body, Msg, Request};

use super::{Check, check, code, should};
use crate::bench::{Bench, describe};
use crate::limits;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(field_of_msg, "R-ENC.0-unknown-field", [], "A field of a Message that nobody knows is skipped."),
    check!(field_of_record, "R-ENC.1-unknown-field", [], "A field of a Record that nobody knows is skipped."),
    check!(
        unknown_value,
        "R-ENC.2-unknown-value",
        [],
        "A Record with an unknown enumeration value is answered with an Error of 71xx."
    ),
    check!(no_type, "R-ENC.4-no-record-type", [], "A Record without a type is discarded."),
    check!(other_type, "R-ENC.4-unknown-record-type", [], "A Record of an unknown type is discarded."),
    should!(no_body, "R-ENC.5-empty-body", [], "A Message with an empty body gets 7004."),
    should!(no_request, "R-ENC.5-empty-request", [], "A Message with an empty request gets 7004."),
    should!(
        unknown_request,
        "R-ENC.5-unknown-request",
        [],
        "A Message with a request of an unknown kind gets an Error."
    ),
    should!(two_requests, "R-ENC.3-two-requests", [], "A Message with two requests is not carried out."),
];

/// A field with number 99 and the value 1.
const UNKNOWN_FIELD: &[u8] = &[0x98, 0x06, 0x01];

/// A Get of something that every agent has.
pub(super) fn get(id: &str) -> Msg {
    Msg::request(id, Request::Get(Get::new(["Device.LocalAgent.EndpointID"], 0)))
}

/// The Record as its wire struct, to be made wrong.
pub(super) fn wire_record(bench: &Bench, payload: Bytes) -> Result<usp_record::Record, Stop> {
    let encoded = bench.record(payload)?.encode();
    usp_record::Record::decode(encoded).map_err(|error| Stop::Error(error.to_string()))
}

async fn is_answered(bench: &mut Bench, id: &str) -> Result<(), Stop> {
    match bench.answer(id, limits::PATIENCE).await?.map(|arrived| arrived.msg.body) {
        Some(Body::Response(_)) => Ok(()),
        other => {
            let seen = other.as_ref().map_or_else(|| "nothing".to_owned(), describe);
            Err(Stop::fail("the answer", "GetResp", seen))
        }
    }
}

/// Nothing may come back.
pub(super) async fn is_ignored(bench: &mut Bench) -> Result<(), Stop> {
    match bench.reaction().await? {
        None => Ok(()),
        Some(arrived) => Err(Stop::fail("what the agent says to it", "nothing", describe(&arrived.msg.body))),
    }
}

async fn field_of_msg(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let payload = [&get(&id).encode(), UNKNOWN_FIELD].concat();
    let record = bench.record(payload.into())?.encode();
    bench.send(record)?;
    is_answered(bench, &id).await
}

async fn field_of_record(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let record = bench.record(get(&id).encode())?.encode();
    bench.send([&record, UNKNOWN_FIELD].concat().into())?;
    is_answered(bench, &id).await
}

async fn unknown_value(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.payload_security = 7;
    bench.send(record.encode_to_vec().into())?;
    let answer = bench.answer(&id, limits::PATIENCE).await?.map(|arrived| arrived.msg.body);
    let is_right =
        matches!(&answer, Some(Body::Error(error)) if code::RECORD_ERRORS.contains(&error.err_code));
    let seen = || answer.as_ref().map_or_else(|| "nothing".to_owned(), describe);
    holds(is_right, "the answer", || "an Error of 7100 to 7199".to_owned(), seen)
}

async fn no_type(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.record_type = None;
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

async fn other_type(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.record_type = None;
    bench.send([&record.encode_to_vec(), UNKNOWN_FIELD].concat().into())?;
    is_ignored(bench).await
}

/// Sends a Message with this body, and gives the code of the Error that comes back.
async fn error_for(bench: &mut Bench, body: &[u8]) -> Result<Option<u32>, Stop> {
    let id = bench.next_id();
    let header = wire::Header { msg_id: id.clone(), msg_type: wire::header::MsgType::Get.into() };
    let mut payload = wire::Msg { header: Some(header), body: None }.encode_to_vec();
    let length = u8::try_from(body.len()).map_err(|_| Stop::Error("the body is too long".to_owned()))?;
    payload.extend([0x12, length]);
    payload.extend(body);
    let record = bench.record(payload.into())?.encode();
    bench.send(record)?;
    match bench.answer(&id, limits::PATIENCE).await?.map(|arrived| arrived.msg.body) {
        None => Ok(None),
        Some(Body::Error(error)) => Ok(Some(error.err_code)),
        Some(other) => Err(Stop::fail("the answer", "an Error", describe(&other))),
    }
}

async fn no_body(bench: &mut Bench) -> Result<(), Stop> {
    same("the code of the Error", &Some(code::INVALID_ARGUMENTS), &error_for(bench, &[]).await?)
}

async fn no_request(bench: &mut Bench) -> Result<(), Stop> {
    same("the code of the Error", &Some(code::INVALID_ARGUMENTS), &error_for(bench, &[0x0a, 0x00]).await?)
}

async fn unknown_request(bench: &mut Bench) -> Result<(), Stop> {
    // Field 99 of the request, an empty message.
    let seen = error_for(bench, &[0x0a, 0x03, 0x9a, 0x06, 0x00]).await?;
    holds(seen.is_some(), "the answer", || "an Error".to_owned(), || "none".to_owned())
}

async fn two_requests(bench: &mut Bench) -> Result<(), Stop> {
    // An empty Get, and an empty GetSupportedDM.
    error_for(bench, &[0x0a, 0x04, 0x0a, 0x00, 0x12, 0x00]).await.map(drop)
}
