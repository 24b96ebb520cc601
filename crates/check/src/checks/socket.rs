//! WebSocket, whoever made the connection: frames and how connections end.

use bytes::Bytes;
use tokio::time::Duration;
use usp_proto::Msg;

use super::encoding::get;
use super::{Check, check, should};
use crate::bench::{Bench, describe};
use crate::limits;
use crate::verdict::{Stop, holds, same};
use crate::websocket::{Frame, Manners, Side, frame};

pub(super) static CHECKS: &[Check] = &[
    check!(binary, "R-WS.14-binary-frames", [WebSocket], "Records come in binary frames."),
    should!(whole, "R-WS.14a-whole-frames", [WebSocket], "A Record comes in one frame."),
    check!(fragments, "R-WS.14b-fragments", [WebSocket], "A Record in several frames is put together."),
    check!(
        ping_between,
        "R-WS.14b-ping-between-fragments",
        [WebSocket],
        "A Ping between the frames of a Record is answered, and the Record is put together."
    ),
    check!(
        ping,
        "R-WS.17-ping-is-answered",
        [WebSocket],
        "A Ping is answered with a Pong that has its payload."
    ),
    check!(pong, "R-WS.13-pong-is-ignored", [WebSocket], "A Pong that nobody asked for is ignored."),
    check!(pings, "R-WS.17-pings", [WebSocket], "The agent sends a Ping within its keep-alive interval."),
    check!(close, "R-WS.8-close-is-answered", [WebSocket], "A Close frame is answered with one."),
    check!(text, "R-WS.16-text-frame", [WebSocket], "A text frame closes the connection with 1003."),
    check!(garbage, "R-WS.16-no-record", [WebSocket], "What is no Record closes the connection with 1003."),
    check!(
        masks,
        "R-WS.15-masks-where-it-belongs",
        [WebSocket],
        "Clients mask their frames, and servers don't."
    ),
    check!(
        wrong_mask,
        "R-WS.15-wrong-mask",
        [WebSocket],
        "A server's masked frame, or a client's without a mask, ends the connection."
    ),
    check!(reserved, "R-WS.15-reserved-bits", [WebSocket], "A frame with reserved bits ends the connection."),
    check!(opcode, "R-WS.15-reserved-opcode", [WebSocket], "A frame of an unknown kind ends the connection."),
    check!(long_ping, "R-WS.15-long-ping", [WebSocket], "A Ping of more than 125 bytes ends the connection."),
    check!(
        part_of_ping,
        "R-WS.15-fragmented-ping",
        [WebSocket],
        "A Ping in several frames ends the connection."
    ),
    check!(
        stray,
        "R-WS.15-stray-continuation",
        [WebSocket],
        "The continuation of nothing ends the connection."
    ),
    check!(
        interrupted,
        "R-WS.15-interrupted-message",
        [WebSocket],
        "A new message within another ends the connection."
    ),
    check!(
        again,
        "R-MTP.8-connect-each-time",
        [WebSocket],
        "The first Record of each connection is a Connect record."
    ),
];

/// The longest keep-alive interval that is waited for, with what an agent may be late.
const KEEP_ALIVE: Duration = Duration::from_secs(70);

/// Asks something, and waits for the answer.
async fn answered(bench: &mut Bench, id: &str) -> Result<(), Stop> {
    match bench.answer(id, limits::PATIENCE).await?.map(|arrived| arrived.msg.body) {
        Some(usp_proto::Body::Response(_)) => Ok(()),
        other => {
            let seen = other.as_ref().map_or_else(|| "nothing".to_owned(), describe);
            Err(Stop::fail("the answer to a Get", "GetResp", seen))
        }
    }
}

/// The data frames of an answer.
async fn data(bench: &mut Bench) -> Result<Vec<Frame>, Stop> {
    bench.socket()?;
    bench.forget_frames();
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    answered(bench, &id).await?;
    Ok(bench.frames().filter(|frame| !frame.is_control()).cloned().collect())
}

async fn binary(bench: &mut Bench) -> Result<(), Stop> {
    // A Connect record or a notification may be among them.
    let mut kinds: Vec<u8> =
        data(bench).await?.iter().map(|frame| frame.opcode).filter(|kind| *kind != 0).collect();
    kinds.dedup();
    same("opcodes of messages", &vec![frame::BINARY], &kinds)
}

async fn whole(bench: &mut Bench) -> Result<(), Stop> {
    let all = data(bench).await?.iter().all(|frame| frame.fin && frame.opcode != frame::CONTINUATION);
    holds(all, "the frames of a Record", || "one".to_owned(), || "several".to_owned())
}

/// A Get, cut into three parts.
fn parts(bench: &mut Bench) -> Result<(String, [Bytes; 3]), Stop> {
    let id = bench.next_id();
    let msg: Msg = get(&id);
    let record = bench.record(msg.encode())?.encode();
    let third = record.len() / 3;
    Ok((id, [record.slice(..third), record.slice(third..2 * third), record.slice(2 * third..)]))
}

async fn fragments(bench: &mut Bench) -> Result<(), Stop> {
    let socket = bench.socket()?;
    let (id, [first, second, third]) = parts(bench)?;
    for frame in [
        Frame { fin: false, ..Frame::new(frame::BINARY, first) },
        Frame { fin: false, ..Frame::new(frame::CONTINUATION, second) },
        Frame::new(frame::CONTINUATION, third),
    ] {
        socket.send(frame).map_err(Stop::Error)?;
    }
    answered(bench, &id).await
}

async fn ping_between(bench: &mut Bench) -> Result<(), Stop> {
    let socket = bench.socket()?;
    let (id, [first, second, third]) = parts(bench)?;
    let rest = Bytes::from([second, third].concat());
    socket.send(Frame { fin: false, ..Frame::new(frame::BINARY, first) }).map_err(Stop::Error)?;
    socket.send(Frame::new(frame::PING, "between")).map_err(Stop::Error)?;
    is_ponged(bench, "between").await?;
    socket.send(Frame::new(frame::CONTINUATION, rest)).map_err(Stop::Error)?;
    answered(bench, &id).await
}

async fn is_ponged(bench: &mut Bench, payload: &'static str) -> Result<(), Stop> {
    let pong = bench.frame(limits::PATIENCE, |frame| frame.opcode == frame::PONG).await?;
    same("the payload of the Pong", &Some(Bytes::from(payload)), &pong.map(|pong| pong.payload))
}

async fn ping(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?.send(Frame::new(frame::PING, "are you there")).map_err(Stop::Error)?;
    is_ponged(bench, "are you there").await
}

async fn pong(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?.send(Frame::new(frame::PONG, "I am there")).map_err(Stop::Error)?;
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    answered(bench, &id).await
}

async fn pings(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?;
    let ping = bench.frame(KEEP_ALIVE, |frame| frame.opcode == frame::PING).await?;
    let expected = || format!("one within {} s", KEEP_ALIVE.as_secs());
    holds(ping.is_some(), "Pings of the agent", expected, || "none".to_owned())
}

async fn closes(bench: &mut Bench) -> Result<Option<Frame>, Stop> {
    bench.frame(limits::PATIENCE, |frame| frame.opcode == frame::CLOSE).await
}

async fn close(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?.close(1000).map_err(Stop::Error)?;
    let answer = closes(bench).await?;
    holds(
        answer.is_some(),
        "the answer to a Close frame",
        || "a Close frame".to_owned(),
        || "none".to_owned(),
    )
}

async fn closes_with_1003(bench: &mut Bench, frame: Frame) -> Result<(), Stop> {
    bench.socket()?.send(frame).map_err(Stop::Error)?;
    let code = closes(bench).await?.map(|frame| frame.close_code());
    same("the code of the Close frame", &Some(Some(1003)), &code)
}

async fn text(bench: &mut Bench) -> Result<(), Stop> {
    closes_with_1003(bench, Frame::new(frame::TEXT, "Good morning")).await
}

async fn garbage(bench: &mut Bench) -> Result<(), Stop> {
    // A field whose length goes beyond the end.
    closes_with_1003(bench, Frame::new(frame::BINARY, &[0x0a, 0x7f, 0x00][..])).await
}

async fn masks(bench: &mut Bench) -> Result<(), Stop> {
    let expected = bench.side() == Some(Side::AgentDials);
    let masked: Vec<bool> = data(bench).await?.iter().map(|frame| frame.mask.is_some()).collect();
    holds(
        masked.iter().all(|masked| *masked == expected),
        "whether frames are masked",
        || expected.to_string(),
        || format!("{masked:?}"),
    )
}

/// Sends bytes that break the protocol: the connection has to end (RFC 6455, section 7.1.7).
async fn ends(bench: &mut Bench, frames: &[Frame]) -> Result<(), Stop> {
    let socket = bench.socket()?;
    // As a client's they are masked.
    let is_client = bench.side() == Some(Side::AgentListens);
    for frame in frames {
        let mask = frame.mask.or_else(|| is_client.then_some([1, 2, 3, 4]));
        socket.send_raw(Frame { mask, ..frame.clone() }.encode()).map_err(Stop::Error)?;
    }
    let gone = bench.gone(limits::PATIENCE).await?;
    holds(gone.is_some(), "the connection", || "ended by the agent".to_owned(), || "open".to_owned())
}

async fn wrong_mask(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let record = bench.record(get(&id).encode())?.encode();
    let is_client = bench.side() == Some(Side::AgentListens);
    let frame = Frame { mask: (!is_client).then_some([1, 2, 3, 4]), ..Frame::new(frame::BINARY, record) };
    bench.socket()?.send_raw(frame.encode()).map_err(Stop::Error)?;
    let gone = bench.gone(limits::PATIENCE).await?;
    holds(gone.is_some(), "the connection", || "ended by the agent".to_owned(), || "open".to_owned())
}

fn a_get(bench: &mut Bench) -> Result<Bytes, Stop> {
    let id = bench.next_id();
    Ok(bench.record(get(&id).encode())?.encode())
}

async fn reserved(bench: &mut Bench) -> Result<(), Stop> {
    let record = a_get(bench)?;
    ends(bench, &[Frame { reserved: 0x40, ..Frame::new(frame::BINARY, record) }]).await
}

async fn opcode(bench: &mut Bench) -> Result<(), Stop> {
    ends(bench, &[Frame::new(0x3, "what is this")]).await
}

async fn long_ping(bench: &mut Bench) -> Result<(), Stop> {
    ends(bench, &[Frame::new(frame::PING, vec![7; 126])]).await
}

async fn part_of_ping(bench: &mut Bench) -> Result<(), Stop> {
    ends(bench, &[Frame { fin: false, ..Frame::new(frame::PING, "are you") }]).await
}

async fn stray(bench: &mut Bench) -> Result<(), Stop> {
    let record = a_get(bench)?;
    ends(bench, &[Frame::new(frame::CONTINUATION, record)]).await
}

async fn interrupted(bench: &mut Bench) -> Result<(), Stop> {
    let record = a_get(bench)?;
    let first = Frame { fin: false, ..Frame::new(frame::BINARY, record.clone()) };
    ends(bench, &[first, Frame::new(frame::BINARY, record)]).await
}

async fn again(bench: &mut Bench) -> Result<(), Stop> {
    bench.anew(Manners::default()).await?;
    let first = bench.greeting().await?;
    let is_connect = first.as_ref().is_some_and(|record| record.record_type.is_connect());
    let seen = || first.as_ref().map_or("nothing", |record| record.record_type.name()).to_owned();
    holds(is_connect, "the first Record", || "a Connect record".to_owned(), seen)
}
