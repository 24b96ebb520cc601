//! WebSocket of an agent that dials: its half of the handshake, and how it tries again.

use std::time::Duration;

use tokio::time::Instant;

use super::notify::within;
use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds, same};
use crate::websocket::{Head, Manners};

pub(super) static CHECKS: &[Check] = &[
    check!(offers, "R-WS.10-offers-the-subprotocol", [Dials], "The agent offers the subprotocol v1.usp."),
    check!(eid, "R-WS.10b-names-itself", [Dials], "The agent says its endpoint id in the request's URI."),
    check!(
        upgrade,
        "R-WS.7-asks-for-an-upgrade",
        [Dials],
        "The agent's request is one for a WebSocket of version 13."
    ),
    check!(key, "R-WS.7-key", [Dials], "The key of the request is sixteen bytes in base64."),
    check!(fresh_key, "R-WS.7-fresh-key", [Dials], "Each request has another key."),
    check!(fresh_masks, "R-WS.15-fresh-masks", [Dials], "Each frame has another mask."),
    check!(
        no_subprotocol,
        "R-WS.12-answer-without-subprotocol",
        [Dials],
        "An answer without the subprotocol ends the connection."
    ),
    check!(
        other_subprotocol,
        "R-WS.12-answer-with-another-subprotocol",
        [Dials],
        "An answer with another subprotocol ends the connection."
    ),
    check!(no_proof, "R-WS.7-answer-without-proof", [Dials], "An answer to another key ends the connection."),
    check!(
        no_extension,
        "R-WS.11b-answer-without-extension",
        [Dials],
        "An answer without the extension is as good."
    ),
    check!(first_retry, "R-WS.19-first-retry", [Dials], "The first retry comes after 5 to 10 seconds."),
    check!(
        second_retry,
        "R-WS.19-second-retry",
        [Dials],
        "The second retry comes 10 to 20 seconds after the first."
    ),
    check!(
        count,
        "R-WS.20-count-starts-again",
        [Dials],
        "After a connection retries begin at 5 to 10 seconds again."
    ),
    check!(
        one,
        "R-WS.4-one-connection",
        [Dials],
        "The agent makes no second connection beside one that stands."
    ),
];

/// How long a second connection is waited for.
const ALONE: Duration = Duration::from_secs(12);

async fn offers(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    let offered: Vec<&str> = head.values("Sec-WebSocket-Protocol").collect();
    holds(
        offered.contains(&"v1.usp"),
        "Sec-WebSocket-Protocol",
        || "v1.usp".to_owned(),
        || format!("{offered:?}"),
    )
}

async fn eid(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    let query = head.target().split_once('?').map_or("", |(_, query)| query);
    let eid = query.split('&').find_map(|item| item.strip_prefix("eid="));
    same("eid in the URI", &Some(bench.agent()?.as_str().to_owned()), &eid.and_then(decoded))
}

/// R-WS.10c: the endpoint id as it is after one round of percent-decoding. Clients may encode more of it than they have
/// to, its colons for one.
fn decoded(eid: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), eid);
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend(plain.as_bytes());
        bytes.push(u8::from_str_radix(encoded.get(..2)?, 16).ok()?);
        rest = &encoded[2..];
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

async fn upgrade(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    let has = |name: &str, wanted: &str| head.values(name).any(|value| value.eq_ignore_ascii_case(wanted));
    let lacks: Vec<&str> = [
        ("GET", head.first.starts_with("GET ") && head.first.ends_with(" HTTP/1.1")),
        ("Host", head.value("Host").is_some()),
        ("Upgrade: websocket", has("Upgrade", "websocket")),
        ("Connection: Upgrade", has("Connection", "Upgrade")),
        ("Sec-WebSocket-Version: 13", has("Sec-WebSocket-Version", "13")),
    ]
    .into_iter()
    .filter(|(_, is_there)| !is_there)
    .map(|(what, _)| what)
    .collect();
    same("what the request lacks", &Vec::new(), &lacks)
}

fn key_of(head: &Head) -> &str {
    head.value("Sec-WebSocket-Key").unwrap_or_default()
}

async fn key(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    let key = key_of(&head);
    let letters = key.strip_suffix("==").unwrap_or_default();
    let is_base64 = letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    // Of the last letter two bits count.
    let ends = letters.ends_with(['A', 'Q', 'g', 'w']);
    holds(
        letters.len() == 22 && is_base64 && ends,
        "Sec-WebSocket-Key",
        || "16 bytes".to_owned(),
        || key.to_owned(),
    )
}

async fn fresh_key(bench: &mut Bench) -> Result<(), Stop> {
    let before = bench.head()?;
    bench.anew(Manners::default()).await?;
    let after = bench.head()?;
    holds(
        key_of(&before) != key_of(&after),
        "Sec-WebSocket-Key",
        || "another one".to_owned(),
        || key_of(&after).to_owned(),
    )
}

async fn fresh_masks(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?;
    bench.forget_frames();
    for _ in 0..3 {
        bench.get(&[crate::target::ENDPOINT], 0).await?;
    }
    let mut masks: Vec<_> = bench.frames().filter_map(|frame| frame.mask).collect();
    let sent = masks.len();
    masks.sort_unstable();
    masks.dedup();
    same("different masks", &sent, &masks.len())?;
    holds(sent >= 3, "masked frames", || "three".to_owned(), || sent.to_string())
}

/// Shakes hands like this: the agent may not go on.
async fn refuses(bench: &mut Bench, manners: Manners) -> Result<(), Stop> {
    bench.anew(manners).await?;
    // It comes, or the connection goes: a busy machine may take a while for either.
    let first = bench.first_record(limits::HANDSHAKE).await?;
    let seen = || {
        first
            .as_ref()
            .map_or("nothing, and it stays connected", |record| record.record_type.name())
            .to_owned()
    };
    let gone = bench.is_gone();
    holds(
        gone && first.is_none(),
        "what the agent does after that answer",
        || "it ends the connection".to_owned(),
        seen,
    )
}

async fn no_subprotocol(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Manners { subprotocol: None, ..Manners::default() }).await
}

async fn other_subprotocol(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Manners { subprotocol: Some("v9.usp"), ..Manners::default() }).await
}

async fn no_proof(bench: &mut Bench) -> Result<(), Stop> {
    refuses(bench, Manners { proves: false, ..Manners::default() }).await
}

async fn no_extension(bench: &mut Bench) -> Result<(), Stop> {
    bench.anew(Manners { extension: false, ..Manners::default() }).await?;
    let first = bench.first_record(limits::PATIENCE).await?;
    holds(
        first.is_some(),
        "what the agent does after that answer",
        || "it sends a Record".to_owned(),
        || "nothing".to_owned(),
    )
}

/// The windows that are looked at are those of the default settings.
async fn usual_retries(bench: &mut Bench) -> Result<(), Stop> {
    let own = bench.own_row().await?;
    for (param, usual) in
        [("SessionRetryMinimumWaitInterval", "5"), ("SessionRetryIntervalMultiplier", "2000")]
    {
        let seen = bench.value(&format!("{own}MTP.1.WebSocket.{param}")).await?;
        if seen.as_deref().is_some_and(|seen| seen != usual) {
            return Err(Stop::Skip(format!("{param} of the controller is not {usual}")));
        }
    }
    Ok(())
}

async fn returns(bench: &mut Bench) -> Result<Instant, Stop> {
    let back = bench.back(limits::RECONNECT).await?;
    back.ok_or_else(|| Stop::fail("the agent comes back", "within a minute", "no"))
}

async fn first_retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    let gone = bench.cut().await?;
    within(gone, returns(bench).await?, 5, 10)
}

async fn second_retry(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    let socket = bench.socket()?;
    socket.set_manners(Manners { refuse: true, ..Manners::default() });
    bench.cut().await?;
    let first = bench.next_head(limits::RECONNECT).await?;
    socket.set_manners(Manners::default());
    within(first, returns(bench).await?, 10, 20)
}

async fn count(bench: &mut Bench) -> Result<(), Stop> {
    usual_retries(bench).await?;
    bench.cut().await?;
    returns(bench).await?;
    // A session stands once the agent has spoken.
    bench.first_record(limits::PATIENCE).await?;
    let gone = bench.cut().await?;
    within(gone, returns(bench).await?, 5, 10)
}

async fn one(bench: &mut Bench) -> Result<(), Stop> {
    bench.socket()?;
    bench.pause(ALONE).await?;
    same("connections beside the first", &0, &bench.ups())
}
