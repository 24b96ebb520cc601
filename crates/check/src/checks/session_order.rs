//! Records within an end-to-end session: numbers, order, repetition and segments.

use std::time::Duration;

use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};
use usp_proto::session::Reassembler;

use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        adopted,
        "R-E2E.4-session-is-adopted",
        [Sessions, Proof],
        "A session that we begin is answered in it."
    ),
    check!(
        first_is_one,
        "R-E2E.14-first-is-one",
        [Sessions, Proof],
        "The agent's first Record has number 1."
    ),
    check!(counts, "R-E2E.15-counts-by-one", [Sessions, Proof], "Each further Record has the next number."),
    check!(
        advertises,
        "R-E2E.17-says-what-it-expects",
        [Sessions, Proof],
        "Each Record says which one of ours is expected."
    ),
    check!(
        one_security,
        "R-E2E.18-one-payload-security",
        [Sessions, Proof],
        "All Records of a session have its payload_security."
    ),
    check!(
        in_it,
        "R-MSG.0a-within-a-session",
        [Sessions, Proof],
        "A request in a session is answered in it."
    ),
    check!(
        early,
        "R-E2E.20-early-waits",
        [Sessions, Proof],
        "A Record that is early waits for those before."
    ),
    check!(late, "R-E2E.20-late-is-dropped", [Sessions, Proof], "A Record that is late is not carried out."),
    check!(
        twice,
        "R-E2E.25-duplicate-is-ignored",
        [Sessions, Proof],
        "A Record that comes twice is carried out once."
    ),
    check!(
        advances,
        "R-E2E.20-expected-id-advances",
        [Sessions, Proof],
        "A Record without payload counts like any other."
    ),
    check!(
        sends_again,
        "R-E2E.20-sends-again",
        [Sessions, Proof],
        "A Record that is asked for is sent again as it was."
    ),
    check!(
        keeps,
        "R-E2E.16-keeps-what-is-not-confirmed",
        [Sessions, Proof],
        "An older Record that is not confirmed can be asked for."
    ),
    check!(
        joins,
        "R-E2E.20-segments-are-joined",
        [Sessions, Proof],
        "A Message in several Records is carried out."
    ),
    check!(
        joins_late,
        "R-E2E.20-segments-in-any-order",
        [Sessions, Proof],
        "Its Records may come in another order."
    ),
    check!(
        cuts,
        "R-E2E.20-segments-that-fit",
        [Sessions, Proof],
        "No Record is longer than MaxUSPRecordSize, and its segments are a Message."
    ),
];

async fn adopted(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let id = bench.session_id()?;
    let ids: Vec<u64> = bench.session_records().map(|(.., context)| context.session_id).collect();
    holds(
        ids.iter().all(|seen| *seen == id),
        "session_id of the answer",
        || id.to_string(),
        || format!("{ids:?}"),
    )
}

/// Numbers of the agent's Records, each once, in the order in which they came first.
fn numbers(bench: &Bench) -> Vec<u64> {
    let mut numbers: Vec<u64> = Vec::new();
    for (.., context) in bench.session_records() {
        if !numbers.contains(&context.sequence_id) {
            numbers.push(context.sequence_id);
        }
    }
    numbers
}

async fn first_is_one(bench: &mut Bench) -> Result<(), Stop> {
    bench.open_session(PayloadSecurity::Plaintext).await?;
    let (_, context) = bench.get_in_session()?;
    bench.say_in_session(context)?;
    let first = bench.session_heard(limits::PATIENCE, |_| true).await?;
    same("the first sequence_id", &Some(1), &first.map(|(_, context)| context.sequence_id))
}

async fn counts(bench: &mut Bench) -> Result<(), Stop> {
    bench.open_session(PayloadSecurity::Plaintext).await?;
    for _ in 0..3 {
        let (_, context) = bench.get_in_session()?;
        let before = bench.session_records().count();
        bench.say_in_session(context)?;
        let deadline = tokio::time::Instant::now() + limits::PATIENCE;
        while bench.session_records().count() == before && tokio::time::Instant::now() < deadline {
            bench.pause(limits::POLL).await?;
        }
    }
    let seen = numbers(bench);
    let expected: Vec<u64> = (1..).take(seen.len()).collect();
    same("sequence ids", &expected, &seen)?;
    holds(seen.len() >= 3, "Records of the agent", || "three".to_owned(), || seen.len().to_string())
}

async fn advertises(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    bench.forget_session_records();
    let (id, context) = bench.get_in_session()?;
    let next = context.sequence_id + 1;
    bench.say_in_session(context)?;
    bench.must_answer(&id).await?;
    let seen = bench.session_records().last().map(|(.., context)| context.expected_id);
    same("expected_id of the answer", &Some(next), &seen)
}

async fn one_security(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    bench.ask_in_session().await?;
    let other = bench
        .session_records()
        .find(|(_, record, _)| record.payload_security != PayloadSecurity::Plaintext)
        .map(|(_, record, _)| record.payload_security);
    same("another payload_security", &None, &other)
}

async fn in_it(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, context) = bench.get_in_session()?;
    bench.say_in_session(context)?;
    let kind = bench.answer(&id, limits::PATIENCE).await?.map(|arrived| arrived.record.record_type.name());
    same("the kind of Record that brings the answer", &Some("Session"), &kind)
}

async fn early(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (first, before) = bench.get_in_session()?;
    let (second, after) = bench.get_in_session()?;
    bench.say_in_session(after)?;
    let soon = bench.answer(&second, limits::SILENCE).await?;
    holds(
        soon.is_none(),
        "a Get before whose Record one is missing",
        || "not answered yet".to_owned(),
        || "answered".to_owned(),
    )?;
    bench.say_in_session(before)?;
    bench.must_answer(&first).await?;
    bench.must_answer(&second).await.map(drop)
}

/// Nothing may answer this Get.
async fn unanswered(bench: &mut Bench, id: &str, which: &str) -> Result<(), Stop> {
    let answer = bench.answer(id, limits::SILENCE).await?;
    holds(answer.is_none(), which, || "not answered".to_owned(), || "answered".to_owned())
}

async fn late(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, mut context) = bench.get_in_session()?;
    // The number of our first Record, and another payload.
    context.sequence_id = 1;
    bench.say_in_session(context)?;
    unanswered(bench, &id, "a Get with the number of an earlier Record").await
}

async fn twice(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, context) = bench.get_in_session()?;
    bench.say_in_session(context.clone())?;
    bench.must_answer(&id).await?;
    bench.say_in_session(context)?;
    unanswered(bench, &id, "the same Record again").await
}

async fn advances(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    bench.confirm()?;
    bench.ask_in_session().await.map(drop)
}

/// How often the agent may be asked for the same Record.
async fn may_repeat(bench: &mut Bench) -> Result<(), Stop> {
    let object = bench.session_object().await?;
    bench.change(&object, "MaxRetransmitTries", "5").await
}

/// Asks for a Record of the agent that has come.
async fn ask_again(bench: &mut Bench, number: u64) -> Result<(), Stop> {
    let bytes = |bench: &Bench| {
        let found = bench.session_records().find(|(.., context)| context.sequence_id == number);
        found.map(|(_, record, _)| record.encode())
    };
    let first =
        bytes(bench).ok_or_else(|| Stop::Error(format!("the agent's Record {number} did not come")))?;
    bench.forget_session_records();
    let mut context = bench.in_session(Vec::new())?;
    // Nothing is confirmed, or the agent need not have it.
    (context.expected_id, context.retransmit_id) = (1, number);
    bench.say_in_session(context)?;
    let id = bench.session_id()?;
    let is_it = |context: &SessionContext| context.session_id == id && context.sequence_id == number;
    let again = bench.session_heard(limits::PATIENCE, is_it).await?;
    holds(again.is_some(), "the Record that is asked for", || "sent again".to_owned(), || "not".to_owned())?;
    same("the Record as it came again", &Some(first), &bytes(bench))
}

/// A session whose first Record we ask with, and do not confirm the answer.
async fn unconfirmed(bench: &mut Bench, requests: usize) -> Result<(), Stop> {
    may_repeat(bench).await?;
    bench.open_session(PayloadSecurity::Plaintext).await?;
    for _ in 0..requests {
        let (id, mut context) = bench.get_in_session()?;
        context.expected_id = 1;
        bench.say_in_session(context)?;
        bench.must_answer(&id).await?;
    }
    Ok(())
}

async fn sends_again(bench: &mut Bench) -> Result<(), Stop> {
    // The oldest an agent may send again by itself.
    unconfirmed(bench, 2).await?;
    let last = numbers(bench).into_iter().max().unwrap_or(1);
    ask_again(bench, last).await
}

async fn keeps(bench: &mut Bench) -> Result<(), Stop> {
    unconfirmed(bench, 3).await?;
    ask_again(bench, 1).await
}

async fn joins(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, contexts) = bench.segmented_get(24)?;
    for context in contexts {
        bench.say_in_session(context)?;
    }
    bench.must_answer(&id).await.map(drop)
}

async fn joins_late(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, contexts) = bench.segmented_get(24)?;
    for context in contexts.into_iter().rev() {
        bench.say_in_session(context)?;
    }
    bench.must_answer(&id).await.map(drop)
}

/// The smallest that may be configured.
const LEAST: usize = 512;

/// With a certificate and a signature in it.
const LEAST_SIGNED: usize = 1536;

/// How long all segments of a long answer may take.
const LONG: Duration = Duration::from_secs(30);

async fn cuts(bench: &mut Bench) -> Result<(), Stop> {
    let object = bench.session_object().await?;
    bench.stand_session().await?;
    let is_signed = bench.session_records().any(|(_, record, _)| !record.sender_cert.is_empty());
    let most = if is_signed { LEAST_SIGNED } else { LEAST };
    bench.change(&object, "MaxUSPRecordSize", &most.to_string()).await?;
    bench.stand_session().await?;
    bench.forget_session_records();
    let id = bench.ask_much_in_session()?;
    let arrived = bench.answer(&id, LONG).await?;
    let longest = bench.session_records().map(|(_, record, _)| record.encode().len()).max().unwrap_or(0);
    holds(
        longest <= most,
        "the longest Record",
        || format!("{most} bytes at most"),
        || format!("{longest} bytes"),
    )?;
    let begun =
        bench.session_records().any(|(.., context)| context.payload_sar_state == PayloadSarState::Begin);
    holds(begun, "a long answer", || "several segments".to_owned(), || "one Record".to_owned())?;
    let mut joined = Reassembler::new(limits::MAX_FRAME);
    for (.., context) in bench.session_records() {
        joined
            .push(context)
            .map_err(|fault| Stop::fail("segments", "parts of one Message, in order", fault.to_string()))?;
    }
    holds(arrived.is_some(), "the joined segments", || "the answer".to_owned(), || "none".to_owned())
}
