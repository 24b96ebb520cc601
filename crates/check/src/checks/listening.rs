//! WebSocket of an agent that listens: what it refuses, and how it answers.

use usp_proto::{Msg, Request};

use super::{Check, check, should};
use crate::bench::Bench;
use crate::limits;
use crate::target::ENDPOINT;
use crate::verdict::{Stop, holds, same};
use crate::websocket::{EXPECTED, Head, Manners};

pub(super) static CHECKS: &[Check] = &[
    check!(
        echoes,
        "R-WS.11-answers-the-subprotocol",
        [Listens],
        "The agent answers with the subprotocol v1.usp."
    ),
    check!(
        proves,
        "R-WS.7-proves-that-it-read",
        [Listens],
        "The agent's answer proves that it read the key."
    ),
    check!(
        no_subprotocol,
        "R-WS.12a-request-without-subprotocol",
        [Listens],
        "A request without a subprotocol is refused."
    ),
    check!(
        other_subprotocol,
        "R-WS.12a-request-with-another-subprotocol",
        [Listens],
        "A request that offers another subprotocol alone is refused."
    ),
    check!(no_key, "R-WS.7-request-without-key", [Listens], "A request without a key is refused."),
    check!(
        version,
        "R-WS.7-request-of-another-version",
        [Listens],
        "A request of another version is refused."
    ),
    check!(
        no_upgrade,
        "R-WS.7-request-without-upgrade",
        [Listens],
        "A request for something else gets no WebSocket."
    ),
    check!(path, "R-WS.2-another-path", [Listens], "A path that names no endpoint gets no WebSocket."),
    check!(
        no_extension,
        "R-WS.11c-request-without-extension",
        [Listens],
        "A request without the extension is as good."
    ),
    should!(
        extension,
        "R-WS.11a-answers-the-extension",
        [Listens],
        "The agent answers the extension with its endpoint id."
    ),
    check!(one, "R-WS.4-one-of-two", [Listens], "Of two connections of one controller one stays."),
];

async fn echoes(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    same("Sec-WebSocket-Protocol", &Some("v1.usp"), &head.value("Sec-WebSocket-Protocol"))
}

async fn proves(bench: &mut Bench) -> Result<(), Stop> {
    let head = bench.head()?;
    same("Sec-WebSocket-Accept", &head.value(EXPECTED), &head.value("Sec-WebSocket-Accept"))
}

/// Asks like this; the answer, or nothing where the agent hangs up instead.
async fn answer(bench: &mut Bench, manners: Manners) -> Result<Option<Head>, Stop> {
    bench.socket()?.set_manners(manners);
    bench.cut().await?;
    bench.next_answer(limits::RECONNECT).await
}

/// Asks like this; the answer.
async fn asked(bench: &mut Bench, manners: Manners) -> Result<Head, Stop> {
    let answer = answer(bench, manners).await?;
    answer.ok_or_else(|| Stop::fail("the answer", "one", "the agent hangs up"))
}

async fn refused(bench: &mut Bench, manners: Manners) -> Result<(), Stop> {
    let upgrade = answer(bench, manners).await?.filter(Head::is_upgrade);
    let seen = || upgrade.as_ref().map_or_else(String::new, |head| head.first.clone());
    holds(upgrade.is_none(), "the answer", || "no 101".to_owned(), seen)
}

async fn no_subprotocol(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { subprotocol: None, ..Manners::default() }).await
}

async fn other_subprotocol(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { subprotocol: Some("v9.usp"), ..Manners::default() }).await
}

async fn no_key(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { key: false, ..Manners::default() }).await
}

async fn version(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { version: "12", ..Manners::default() }).await
}

async fn no_upgrade(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { upgrade: false, ..Manners::default() }).await
}

async fn path(bench: &mut Bench) -> Result<(), Stop> {
    refused(bench, Manners { path: Some("/cusp-check/no-such-endpoint"), ..Manners::default() }).await
}

async fn no_extension(bench: &mut Bench) -> Result<(), Stop> {
    let head = asked(bench, Manners { extension: false, ..Manners::default() }).await?;
    holds(head.is_upgrade(), "the answer", || "101".to_owned(), || head.first.clone())
}

async fn extension(bench: &mut Bench) -> Result<(), Stop> {
    let head = asked(bench, Manners::default()).await?;
    let own = format!("\"{}\"", bench.agent()?);
    let mut values = head.values("Sec-WebSocket-Extensions");
    let has = values.any(|value| value.starts_with(mtp::ws::EXTENSION) && value.ends_with(&own));
    holds(
        has,
        "Sec-WebSocket-Extensions",
        || format!("bbf-usp-protocol; eid={own}"),
        || head.value("Sec-WebSocket-Extensions").unwrap_or("nothing").to_owned(),
    )
}

async fn one(bench: &mut Bench) -> Result<(), Stop> {
    let socket = bench.socket()?;
    socket.again();
    let head = bench.next_head(limits::RECONNECT).await.and(bench.head())?;
    if !head.is_upgrade() {
        return Ok(());
    }
    // Which of the two goes is the agent's affair; it may want to hear from the newcomer first.
    bench.back(limits::HANDSHAKE).await?;
    let id = bench.next_id();
    bench.send_msg(&Msg::request(id, Request::Get(usp_proto::get::Get::new([ENDPOINT], 0))))?;
    let one_is_gone = bench.one_of_two_goes(limits::HANDSHAKE).await?;
    holds(one_is_gone, "connections", || "one".to_owned(), || "two".to_owned())
}
