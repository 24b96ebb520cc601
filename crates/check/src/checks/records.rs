//! Records: whose they are, and what is said about bad ones.

use bytes::Bytes;
use prost::Message;
use usp_proto::get::GetResp;
use usp_proto::{EndpointId, Msg, Response};

use super::encoding::{get, is_ignored, wire_record};
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        connect_first,
        "R-MTP.6-connect-first",
        [],
        "The first Record on a connection is a Connect record."
    ),
    check!(
        names_both,
        "R-MTP.4b-answers-name-both-ends",
        [],
        "An answer names the agent as its sender and the controller as its receiver."
    ),
    check!(somebody_else, "R-E2E.1-for-somebody-else", [], "A Record for somebody else is ignored."),
    check!(from_itself, "R-ARC.2-from-itself", [], "A Record from the agent's own id is ignored."),
    check!(
        bad_for_other,
        "R-MTP.5-bad-for-somebody-else",
        [],
        "A bad Record for somebody else is not answered."
    ),
    check!(
        bad_without_sender,
        "R-MTP.5-bad-without-sender",
        [],
        "A bad Record without a sender is not answered."
    ),
    check!(
        bad_response,
        "R-MTP.5-bad-with-response",
        [],
        "A bad Record that carries a response is not answered."
    ),
    check!(
        bad_without_id,
        "R-MTP.5-bad-without-message-id",
        [],
        "A bad Record whose request has no id is not answered."
    ),
    check!(
        empty,
        "R-E2E.26-empty-payload",
        [],
        "A Record without a session and without a payload is not answered."
    ),
];

const OTHER: &str = "proto::cusp-check-nobody";

async fn connect_first(bench: &mut Bench) -> Result<(), Stop> {
    let first = bench.greeting().await?;
    let is_connect = first.as_ref().is_some_and(|record| record.record_type.is_connect());
    let seen = || first.as_ref().map_or("nothing", |record| record.record_type.name()).to_owned();
    holds(is_connect, "the first Record", || "a Connect record".to_owned(), seen)
}

async fn names_both(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    let Some(arrived) = bench.answer(&id, limits::PATIENCE).await? else {
        return Err(Stop::fail("the Get is answered", "an answer", "none"));
    };
    let expected = (bench.agent()?.clone(), bench.controller().clone());
    same("from_id and to_id", &expected, &(arrived.record.from_id, arrived.record.to_id))
}

async fn somebody_else(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = bench.record(get(&id).encode())?;
    record.to_id = other()?;
    bench.send(record.encode())?;
    is_ignored(bench).await
}

async fn from_itself(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = bench.record(get(&id).encode())?;
    record.from_id = bench.agent()?.clone();
    bench.send(record.encode())?;
    is_ignored(bench).await
}

async fn bad_for_other(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.to_id = OTHER.to_owned();
    record.payload_security = 7;
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

async fn bad_without_sender(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.from_id = String::new();
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

async fn bad_response(bench: &mut Bench) -> Result<(), Stop> {
    let msg = Msg::response(bench.next_id(), Response::GetResp(GetResp::default()));
    let mut record = wire_record(bench, msg.encode())?;
    record.payload_security = 7;
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

async fn bad_without_id(bench: &mut Bench) -> Result<(), Stop> {
    let mut record = wire_record(bench, get("").encode())?;
    record.payload_security = 7;
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

async fn empty(bench: &mut Bench) -> Result<(), Stop> {
    let record = wire_record(bench, Bytes::new())?;
    bench.send(record.encode_to_vec().into())?;
    is_ignored(bench).await
}

fn other() -> Result<EndpointId, Stop> {
    EndpointId::receive(OTHER).map_err(|error| Stop::Error(error.to_string()))
}
