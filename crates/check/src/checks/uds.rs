//! UNIX domain sockets: frames, handshakes and errors, on whichever side the agent is.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::time::Instant;

use super::encoding::get;
use super::notify::within;
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::uds::frame::{self, SYNC};
use crate::uds::{Manners, Value, kind};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        first,
        "R-UDS.16-handshake-first",
        [UnixDials],
        "The first frame of an agent that dials is its Handshake."
    ),
    check!(
        answers,
        "R-UDS.17-answers-the-handshake",
        [UnixListens],
        "An agent that listens answers a Handshake with its own, before anything else."
    ),
    check!(names, "R-UDS.12-handshake-names-it", [Unix], "The Handshake has the agent's endpoint id."),
    check!(records, "R-UDS.22-records-alone", [Unix], "A Record travels in a value of type 3."),
    check!(
        connect,
        "R-MTP.6-uds-connect",
        [Unix],
        "The first Record of a connection is a UDSConnect record."
    ),
    check!(unknown, "R-UDS.15-unknown-value", [Unix], "A value of an unknown type is skipped."),
    check!(again, "R-UDS.19-second-handshake", [Unix], "A second Handshake is ignored."),
    check!(
        too_soon,
        "R-UDS.20-record-before-handshake",
        [UnixListens],
        "A Record before the Handshake is ignored."
    ),
    check!(
        no_endpoint,
        "R-UDS.21-handshake-without-endpoint",
        [Unix],
        "A Handshake that names no endpoint is answered with an Error."
    ),
    check!(
        silent,
        "R-UDS.18-no-handshake",
        [UnixDials],
        "An agent whose Handshake is not answered ends the connection after 30 seconds."
    ),
    check!(sync, "R-UDS.24-wrong-sync", [Unix], "A frame that begins otherwise gets an Error and ends it."),
    check!(overrun, "R-UDS.24-value-too-long", [Unix], "A value that is longer than its frame, too."),
    check!(oversize, "R-UDS.24-oversized-frame", [Unix], "A frame of four gigabytes, too."),
    check!(garbage, "R-UDS.23-no-record", [Unix], "A Record that can't be decoded, too."),
    check!(error, "R-UDS.25-error-ends-it", [Unix], "An Error ends the connection."),
    check!(retry, "R-UDS.5-first-retry", [UnixDials], "An agent that dials comes back after 1 to 5 seconds."),
    check!(
        retry_again,
        "R-UDS.5-later-retries",
        [UnixDials],
        "It does so each time, however often it was refused."
    ),
];

async fn fresh(bench: &mut Bench) -> Result<Vec<Value>, Stop> {
    bench.unix()?;
    bench.cut().await?;
    bench.forget_values();
    let back = bench.back(limits::RECONNECT).await?;
    back.ok_or_else(|| Stop::Error("the agent did not come back".to_owned()))?;
    bench.first_record(limits::PATIENCE).await?;
    Ok(bench.unix_values().to_vec())
}

async fn first(bench: &mut Bench) -> Result<(), Stop> {
    let kinds: Vec<u8> = fresh(bench).await?.iter().map(|value| value.kind).collect();
    same("the type of the first value", &Some(kind::HANDSHAKE), &kinds.first().copied())
}

async fn answers(bench: &mut Bench) -> Result<(), Stop> {
    first(bench).await
}

async fn names(bench: &mut Bench) -> Result<(), Stop> {
    let values = fresh(bench).await?;
    let shaken = values.iter().find(|value| value.kind == kind::HANDSHAKE);
    let seen = shaken.map(|value| String::from_utf8_lossy(&value.bytes).into_owned());
    same("the endpoint id in the Handshake", &Some(bench.agent()?.as_str().to_owned()), &seen)
}

async fn asks(bench: &mut Bench) -> Result<String, Stop> {
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    Ok(id)
}

async fn must_answer(bench: &mut Bench, id: &str) -> Result<(), Stop> {
    let answer = bench.answer(id, limits::PATIENCE).await?;
    holds(answer.is_some(), "a Get", || "answered".to_owned(), || "not answered".to_owned())
}

async fn records(bench: &mut Bench) -> Result<(), Stop> {
    bench.forget_values();
    let id = asks(bench).await?;
    must_answer(bench, &id).await?;
    // What comes beside the answer may come behind it.
    bench.pause(limits::POLL).await?;
    let kinds: Vec<u8> = bench.unix_values().iter().map(|value| value.kind).collect();
    same("types of the values", &vec![kind::RECORD; kinds.len()], &kinds)
}

async fn connect(bench: &mut Bench) -> Result<(), Stop> {
    fresh(bench).await?;
    let kind = bench.greeting().await?.map(|record| record.record_type.name());
    same("the first Record", &Some("UdsConnect"), &kind)
}

/// Frames with a Get, whose answer has to come.
async fn passes(bench: &mut Bench, frames: impl Fn(Bytes) -> Vec<Bytes>) -> Result<(), Stop> {
    let id = bench.next_id();
    let record = bench.record(get(&id).encode())?.encode();
    for bytes in frames(record) {
        bench.unix()?.send(bytes).map_err(Stop::Error)?;
    }
    must_answer(bench, &id).await
}

async fn unknown(bench: &mut Bench) -> Result<(), Stop> {
    passes(bench, |record| {
        vec![frame::encode(&[Value::new(200, &b"what is this"[..]), Value::new(kind::RECORD, record)])]
    })
    .await
}

async fn again(bench: &mut Bench) -> Result<(), Stop> {
    let id = Bytes::copy_from_slice(bench.controller().as_str().as_bytes());
    passes(bench, move |record| {
        let handshake = frame::encode(&[Value::new(kind::HANDSHAKE, id.clone())]);
        vec![handshake, frame::encode(&[Value::new(kind::RECORD, record)])]
    })
    .await
}

/// A connection where nobody shakes hands until a check does.
async fn unshaken(bench: &mut Bench, manners: Manners) -> Result<(), Stop> {
    bench.unix()?.set_manners(manners);
    bench.forget_values();
    bench.cut().await.map(drop)
}

async fn too_soon(bench: &mut Bench) -> Result<(), Stop> {
    unshaken(bench, Manners::Silent).await?;
    // It is dialled again.
    bench.pause(2 * limits::REDIAL).await?;
    let id = bench.next_id();
    let record = bench.record(get(&id).encode())?.encode();
    let socket = bench.unix()?;
    socket.send(frame::encode(&[Value::new(kind::RECORD, record)])).map_err(Stop::Error)?;
    bench.pause(limits::SILENCE).await?;
    let own = Bytes::copy_from_slice(bench.controller().as_str().as_bytes());
    socket.send(frame::encode(&[Value::new(kind::HANDSHAKE, own)])).map_err(Stop::Error)?;
    let answer = bench.answer(&id, limits::SILENCE).await?;
    holds(
        answer.is_none(),
        "a Get before the Handshake",
        || "not answered".to_owned(),
        || "answered".to_owned(),
    )
}

/// The agent has to send an Error, and the connection to end.
async fn ends_with_error(bench: &mut Bench) -> Result<(), Stop> {
    let error = bench.unix_value(limits::PATIENCE, |value| value.kind == kind::ERROR).await?;
    holds(error.is_some(), "the answer to it", || "an Error".to_owned(), || "none".to_owned())
}

async fn no_endpoint(bench: &mut Bench) -> Result<(), Stop> {
    unshaken(bench, Manners::NoEndpoint).await?;
    ends_with_error(bench).await
}

async fn silent(bench: &mut Bench) -> Result<(), Stop> {
    unshaken(bench, Manners::Silent).await?;
    // It dials, and waits for our Handshake.
    let began = bench.back(limits::RECONNECT).await?;
    let began = began.ok_or_else(|| Stop::Error("the agent did not come back".to_owned()))?;
    bench.forget_end();
    let gone = bench.gone(2 * limits::RECONNECT).await?;
    let gone = gone.ok_or_else(|| Stop::fail("the connection", "ended by the agent", "open"))?;
    within(began, gone, 30, 30)
}

async fn breaks(bench: &mut Bench, bytes: Bytes) -> Result<(), Stop> {
    bench.forget_values();
    bench.unix()?.send(bytes).map_err(Stop::Error)?;
    ends_with_error(bench).await
}

async fn sync(bench: &mut Bench) -> Result<(), Stop> {
    let mut wrong = BytesMut::from(&b"_USB"[..]);
    wrong.put_slice(&frame::encode(&[Value::new(200, &b"x"[..])])[4..]);
    breaks(bench, wrong.freeze()).await
}

/// A header that promises so many bytes, and what follows it.
fn header(length: u32, rest: &[u8]) -> Bytes {
    let mut out = BytesMut::from(&SYNC[..]);
    out.put_u32(length);
    out.put_slice(rest);
    out.freeze()
}

async fn overrun(bench: &mut Bench) -> Result<(), Stop> {
    // Six bytes, of which a value claims a hundred.
    breaks(bench, header(6, &[kind::RECORD, 0, 0, 0, 100, 1])).await
}

async fn oversize(bench: &mut Bench) -> Result<(), Stop> {
    breaks(bench, header(u32::MAX, &[kind::RECORD])).await
}

async fn garbage(bench: &mut Bench) -> Result<(), Stop> {
    // A field whose length goes beyond the end.
    breaks(bench, frame::encode(&[Value::new(kind::RECORD, &[0x0a, 0x7f, 0x00][..])])).await
}

async fn error(bench: &mut Bench) -> Result<(), Stop> {
    let socket = bench.unix()?;
    socket.send(frame::encode(&[Value::new(kind::ERROR, &b"this is a check"[..])])).map_err(Stop::Error)?;
    let gone = bench.gone(limits::PATIENCE).await?;
    holds(gone.is_some(), "the connection", || "ended by the agent".to_owned(), || "open".to_owned())
}

async fn returns(bench: &mut Bench, gone: Instant) -> Result<Instant, Stop> {
    let back = bench.back(limits::RECONNECT).await?;
    let back = back.ok_or_else(|| Stop::fail("the agent comes back", "within a minute", "no"))?;
    within(gone, back, 1, 5).map(|()| back)
}

async fn retry(bench: &mut Bench) -> Result<(), Stop> {
    bench.unix()?;
    let gone = bench.cut().await?;
    returns(bench, gone).await.map(drop)
}

async fn retry_again(bench: &mut Bench) -> Result<(), Stop> {
    bench.unix()?;
    for _ in 0..3 {
        // A connection that never spoke.
        let gone = bench.cut().await?;
        returns(bench, gone).await?;
    }
    Ok(())
}
