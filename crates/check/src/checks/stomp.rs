//! STOMP: how the agent opens the connection, subscribes, sends, beats and comes back.

use std::time::Duration;

use bytes::Bytes;
use usp_proto::RecordType;

use super::encoding::get;
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::stomp::{CONTENT_TYPE, Frame, Manners, frame, message};
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(opens, "R-STOMP.2-opens-with-stomp", [Stomp], "The first frame is STOMP, for version 1.2."),
    check!(
        names_itself,
        "R-STOMP.4-names-itself",
        [Stomp],
        "It has the agent's endpoint id, colons escaped."
    ),
    check!(login, "R-STOMP.3-login", [Stomp], "It has the configured user name, and a passcode."),
    check!(host, "R-STOMP.5-host", [Stomp], "It has the configured virtual host."),
    check!(
        no_beats,
        "R-STOMP.9-no-heart-beats",
        [Stomp],
        "It promises no heart-beats where those are not enabled."
    ),
    check!(
        beats,
        "R-STOMP.10-heart-beats",
        [Stomp],
        "It promises the configured heart-beats where they are."
    ),
    check!(
        keeps_beating,
        "R-STOMP.11-obeys-heart-beats",
        [Stomp],
        "They come as often as CONNECTED wants them."
    ),
    check!(subscribes, "R-STOMP.13-subscribes", [Stomp], "SUBSCRIBE has a destination and an id."),
    check!(
        configured,
        "R-STOMP.15-configured-destination",
        [Stomp],
        "Without subscribe-dest the configured destination is subscribed to."
    ),
    check!(
        given,
        "R-STOMP.14-destination-of-the-server",
        [Stomp],
        "The subscribe-dest of CONNECTED is subscribed to."
    ),
    check!(ack, "R-STOMP.17-ack-auto", [Stomp], "Messages of the subscription are not acknowledged."),
    check!(length, "R-STOMP.19-content-length", [Stomp], "SEND has the length of its body."),
    check!(kind, "R-STOMP.20-content-type", [Stomp], "SEND has the content type of a Record."),
    check!(
        reply_to,
        "R-STOMP.21-reply-to-dest",
        [Stomp],
        "SEND says where to answer: where it is subscribed."
    ),
    check!(
        connect_replies,
        "R-STOMP.21-connect-says-where-to-answer",
        [Stomp],
        "The SEND of the Connect record says it, too."
    ),
    check!(
        tells_destination,
        "R-MTP.6-stomp-connect",
        [Stomp],
        "The first Record is a STOMPConnect record with the destination."
    ),
    check!(
        answers_there,
        "R-STOMP.23-answers-where-it-is-told",
        [Stomp],
        "An answer goes to the reply-to-dest of its request."
    ),
    check!(receipt, "R-STOMP.30-receipt", [Stomp], "A RECEIPT frame changes nothing."),
    check!(no_transactions, "R-STOMP.26-no-transactions", [Stomp], "BEGIN, COMMIT and ABORT are never sent."),
    check!(no_acks, "R-STOMP.27-no-acknowledgements", [Stomp], "ACK and NACK are never sent."),
    check!(error, "R-STOMP.25-comes-back-after-error", [Stomp], "After an ERROR frame the agent comes back."),
    check!(
        refused,
        "R-STOMP.7-comes-back-after-refusal",
        [Stomp],
        "After an ERROR in place of CONNECTED it does, too."
    ),
];

/// Below the table of connections.
const CONNECTIONS: &str = "Device.STOMP.Connection.*.";

async fn opens(bench: &mut Bench) -> Result<(), Stop> {
    let opening = bench.opening()?;
    let versions = opening.header("accept-version").unwrap_or_default();
    let has_version = versions.split(',').any(|version| version == "1.2");
    same("command and version 1.2", &("STOMP", true), &(opening.command.as_str(), has_version))
}

async fn names_itself(bench: &mut Bench) -> Result<(), Stop> {
    let expected = frame::escape(bench.agent()?.as_str());
    same("endpoint-id", &Some(expected.as_str()), &bench.opening()?.raw("endpoint-id"))
}

/// What is configured for the agent's connections.
async fn settings(bench: &mut Bench, param: &str) -> Result<Vec<String>, Stop> {
    let mut values = bench.values(&format!("{CONNECTIONS}{param}")).await?;
    values.retain(|value| !value.is_empty());
    Ok(values)
}

async fn setting(bench: &mut Bench, param: &str) -> Result<Vec<String>, Stop> {
    let found = settings(bench, param).await?;
    if found.is_empty() {
        return Err(Stop::Skip(format!("the agent shows no {param} of a STOMP connection")));
    }
    Ok(found)
}

async fn login(bench: &mut Bench) -> Result<(), Stop> {
    let names = setting(bench, "Username").await?;
    let opening = bench.opening()?;
    let (name, has_code) = (opening.header("login").unwrap_or_default(), opening.raw("passcode").is_some());
    holds(
        names.contains(&name) && has_code,
        "login and passcode",
        || format!("one of {names:?}, and a passcode"),
        || format!("{name:?}, and {}", if has_code { "one" } else { "none" }),
    )
}

async fn host(bench: &mut Bench) -> Result<(), Stop> {
    let hosts = setting(bench, "VirtualHost").await?;
    let seen = bench.opening()?.header("host").unwrap_or_default();
    holds(hosts.contains(&seen), "host", || format!("one of {hosts:?}"), || format!("{seen:?}"))
}

/// Whether heart-beats are enabled.
async fn are_enabled(bench: &mut Bench) -> Result<bool, Stop> {
    Ok(settings(bench, "EnableHeartbeats").await?.iter().any(|value| value == "true" || value == "1"))
}

async fn no_beats(bench: &mut Bench) -> Result<(), Stop> {
    if are_enabled(bench).await? {
        return Err(Stop::Skip("EnableHeartbeats is true".to_owned()));
    }
    let promised = bench.opening()?.header("heart-beat");
    let is_none = promised.as_deref().is_none_or(|promised| promised == "0,0");
    holds(is_none, "heart-beat", || "none, or 0,0".to_owned(), || promised.unwrap_or_default())
}

/// What the agent promises and wants, milliseconds.
async fn promised(bench: &mut Bench) -> Result<(u32, u32), Stop> {
    if !are_enabled(bench).await? {
        return Err(Stop::Skip("EnableHeartbeats is not true".to_owned()));
    }
    let header = bench.opening()?.header("heart-beat").unwrap_or_default();
    let pair = header.split_once(',').and_then(|(out, back)| Some((out.parse().ok()?, back.parse().ok()?)));
    pair.ok_or_else(|| Stop::fail("heart-beat", "two numbers", header))
}

async fn beats(bench: &mut Bench) -> Result<(), Stop> {
    let (out, back) = promised(bench).await?;
    for (param, seen) in [("OutgoingHeartbeat", out), ("IncomingHeartbeat", back)] {
        let found = setting(bench, param).await?;
        let expected = || format!("one of {found:?}");
        holds(found.contains(&seen.to_string()), param, expected, || seen.to_string())?;
    }
    Ok(())
}

async fn keeps_beating(bench: &mut Bench) -> Result<(), Stop> {
    const WANTED: u32 = 2_000;
    let (out, _) = promised(bench).await?;
    if out == 0 {
        return Err(Stop::Skip("the agent promises none (OutgoingHeartbeat)".to_owned()));
    }
    bench.anew_by_stomp(Manners { wants_beats: Some(WANTED), ..Manners::default() }).await?;
    bench.first_record(limits::PATIENCE).await?;
    let wait = Duration::from_millis(u64::from(out.max(WANTED)) * 3 / 2);
    for _ in 0..2 {
        let came = bench.sign_of_life(wait).await?;
        let expected = || format!("one within {} s", wait.as_secs_f64());
        holds(came, "a heart-beat", expected, || "none".to_owned())?;
    }
    Ok(())
}

async fn subscribes(bench: &mut Bench) -> Result<(), Stop> {
    let subscribed = bench.subscribed()?;
    let is_whole = !subscribed.id.is_empty() && !subscribed.destination.is_empty();
    holds(is_whole, "SUBSCRIBE", || "a destination and an id".to_owned(), || format!("{subscribed:?}"))
}

async fn configured(bench: &mut Bench) -> Result<(), Stop> {
    let found = bench.values("Device.LocalAgent.MTP.*.STOMP.Destination").await?;
    if found.iter().all(String::is_empty) {
        return Err(Stop::Skip("the agent shows no configured destination".to_owned()));
    }
    let seen = bench.subscribe_frame()?.header("destination").unwrap_or_default();
    holds(found.contains(&seen), "the destination", || format!("one of {found:?}"), || seen.clone())
}

async fn given(bench: &mut Bench) -> Result<(), Stop> {
    let destination = "/queue/cusp-check-gave-this".to_owned();
    let manners = Manners { subscribe_dest: Some(destination.clone()), ..Manners::default() };
    bench.anew_by_stomp(manners).await?;
    let seen = bench.subscribe_frame()?.header("destination");
    same("the destination", &Some(destination), &seen)
}

async fn ack(bench: &mut Bench) -> Result<(), Stop> {
    let mode = bench.subscribe_frame()?.header("ack");
    let is_auto = mode.as_deref().is_none_or(|mode| mode == "auto");
    holds(is_auto, "ack", || "auto".to_owned(), || mode.unwrap_or_default())
}

/// The SEND that brings the answer to a Get.
async fn asked(bench: &mut Bench) -> Result<Frame, Stop> {
    let id = bench.next_id();
    bench.forget_stomp_frames();
    bench.send_msg(&get(&id))?;
    sent(bench, &id).await
}

async fn sent(bench: &mut Bench, id: &str) -> Result<Frame, Stop> {
    let Some(arrived) = bench.answer(id, limits::PATIENCE).await? else {
        return Err(Stop::fail("the Get is answered", "an answer", "none"));
    };
    let brings = |frame: &&Frame| {
        let record = usp_proto::Record::decode(frame.body.clone()).map(|record| record.record_type);
        matches!(record, Ok(RecordType::NoSession { payload }) if payload == arrived.payload)
    };
    let found = bench.stomp_frames().find(brings).cloned();
    found.ok_or_else(|| Stop::Error("the frame with the answer was lost".to_owned()))
}

async fn length(bench: &mut Bench) -> Result<(), Stop> {
    let frame = asked(bench).await?;
    same("content-length", &Some(frame.body.len().to_string()), &frame.header("content-length"))
}

async fn kind(bench: &mut Bench) -> Result<(), Stop> {
    same("content-type", &Some(CONTENT_TYPE.to_owned()), &asked(bench).await?.header("content-type"))
}

async fn reply_to(bench: &mut Bench) -> Result<(), Stop> {
    let own = bench.subscribe_frame()?.header("destination");
    same("reply-to-dest", &own, &asked(bench).await?.header("reply-to-dest"))
}

/// The first SEND of a fresh connection.
async fn first(bench: &mut Bench) -> Result<Frame, Stop> {
    bench.anew_by_stomp(Manners::default()).await?;
    bench.first_record(limits::PATIENCE).await?;
    let first = bench.stomp_frames().find(|frame| frame.command == "SEND").cloned();
    first.ok_or_else(|| Stop::fail("the first SEND", "a Connect record", "none"))
}

async fn connect_replies(bench: &mut Bench) -> Result<(), Stop> {
    let said = first(bench).await?.header("reply-to-dest");
    same("reply-to-dest", &bench.subscribe_frame()?.header("destination"), &said)
}

async fn tells_destination(bench: &mut Bench) -> Result<(), Stop> {
    let record = usp_proto::Record::decode(first(bench).await?.body).map(|record| record.record_type);
    let told = match record {
        Ok(RecordType::StompConnect { subscribed_destination }) => Some(subscribed_destination),
        _ => None,
    };
    same("the destination in the Connect record", &bench.subscribe_frame()?.header("destination"), &told)
}

async fn answers_there(bench: &mut Bench) -> Result<(), Stop> {
    const ELSEWHERE: &str = "/queue/cusp-check-elsewhere";
    let (id, to) = (bench.next_id(), bench.subscribed()?);
    let record: Bytes = bench.record(get(&id).encode())?.encode();
    bench.forget_stomp_frames();
    bench.server()?.send(&message(&to, ELSEWHERE, &record)).map_err(Stop::Error)?;
    same("the destination", &Some(ELSEWHERE.to_owned()), &sent(bench, &id).await?.header("destination"))
}

async fn receipt(bench: &mut Bench) -> Result<(), Stop> {
    bench.server()?.send(&Frame::new("RECEIPT", &[("receipt-id", "unasked")])).map_err(Stop::Error)?;
    asked(bench).await.map(drop)
}

/// Commands that may not be seen while something is asked.
async fn never(bench: &mut Bench, commands: &[&str]) -> Result<(), Stop> {
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    sent(bench, &id).await?;
    // What acknowledges a message comes behind its answer.
    bench.pause(limits::SILENCE).await?;
    let is_one = |frame: &&Frame| commands.contains(&frame.command.as_str());
    let seen: Vec<String> = bench.stomp_frames().filter(is_one).map(|frame| frame.command.clone()).collect();
    same("frames of these commands", &Vec::new(), &seen)
}

async fn no_transactions(bench: &mut Bench) -> Result<(), Stop> {
    never(bench, &["BEGIN", "COMMIT", "ABORT"]).await
}

async fn no_acks(bench: &mut Bench) -> Result<(), Stop> {
    never(bench, &["ACK", "NACK"]).await
}

async fn returns(bench: &mut Bench) -> Result<(), Stop> {
    let back = bench.back(limits::STOMP_RECONNECT).await?;
    let seconds = limits::STOMP_RECONNECT.as_secs();
    holds(back.is_some(), "the agent comes back", || format!("within {seconds} s"), || "no".to_owned())
}

async fn error(bench: &mut Bench) -> Result<(), Stop> {
    bench.server()?.send(&Frame::new("ERROR", &[("message", "this is a check")])).map_err(Stop::Error)?;
    // A server closes behind it.
    if bench.gone(limits::SILENCE).await?.is_none() {
        bench.cut().await?;
    }
    returns(bench).await
}

async fn refused(bench: &mut Bench) -> Result<(), Stop> {
    let server = bench.server()?;
    server.set_manners(Manners { refuses: true, ..Manners::default() });
    bench.cut().await?;
    if bench.failed(limits::STOMP_RECONNECT).await? {
        server.set_manners(Manners::default());
        return returns(bench).await;
    }
    Err(Stop::fail("the agent comes back", "before it is refused", "no"))
}
