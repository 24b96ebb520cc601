//! How end-to-end sessions begin, are replaced and end.

use usp_proto::RecordType;
use usp_proto::record::{PayloadSarState, PayloadSecurity, SessionContext};

use super::{Check, check};
use crate::bench::Bench;
use crate::limits;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        replaced,
        "R-E2E.6-another-session-replaces",
        [Sessions, Proof],
        "A session with another id takes the place of the first, and is counted from 1."
    ),
    check!(
        only_one,
        "R-E2E.5-one-session",
        [Sessions, Proof],
        "What comes in a session that was replaced is not carried out."
    ),
    check!(id_zero, "R-E2E.3-session-id-zero", [Sessions, Proof], "A session with the id 0 is not adopted."),
    check!(
        unknown_number,
        "R-E2E.24-session-from-the-middle",
        [Sessions, Proof],
        "A Record from the middle of an unknown session is not carried out."
    ),
    check!(
        restarts,
        "R-E2E.21-unknown-record-restarts",
        [Sessions, Proof],
        "An agent that is asked for a Record that it never sent begins a new session."
    ),
    check!(
        own_ids,
        "R-E2E.3-ids-of-its-own",
        [Sessions, Proof],
        "The id of a session that the agent begins is new and above 1."
    ),
    check!(
        lying,
        "R-E2E.21-lying-segments-restart",
        [Sessions, Proof],
        "Segments that do not fit together end in a new session."
    ),
    check!(
        other_security,
        "R-E2E.19-another-security",
        [Sessions, Proof],
        "A Record with another payload_security is not carried out."
    ),
    check!(
        near_end,
        "R-E2E.8-numbers-run-out",
        [Sessions, Proof],
        "A number close to the largest ends in a new session."
    ),
    check!(
        ended,
        "R-E2E.6b-ends-with-7105",
        [Sessions, Proof],
        "A session that is no longer allowed ends with a Disconnect record of 7105."
    ),
    check!(
        closed,
        "R-E2E.6a-closed-to-later-records",
        [Sessions, Proof],
        "After that a Record of the session gets a Disconnect record of 7106."
    ),
];

async fn replaced(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    bench.ask_in_session().await?;
    bench.replace_session()?;
    bench.forget_session_records();
    let (_, context) = bench.get_in_session()?;
    let id = bench.session_id()?;
    bench.say_in_session(context)?;
    let first = bench.session_heard(limits::PATIENCE, |context| context.session_id == id).await?;
    same("the first sequence_id in the new session", &Some(1), &first.map(|(_, context)| context.sequence_id))
}

/// Nothing may answer this Get.
async fn unanswered(bench: &mut Bench, id: &str, which: &str) -> Result<(), Stop> {
    let answer = bench.answer(id, limits::SILENCE).await?;
    holds(answer.is_none(), which, || "not answered".to_owned(), || "answered".to_owned())
}

/// What the agent says to a Record that may not be carried out: its answer may come in any session.
async fn carried_out(bench: &mut Bench, msg_id: &str) -> Result<bool, Stop> {
    let carries = |context: &SessionContext| {
        let joined: Vec<u8> = context.payload.concat();
        joined.windows(msg_id.len()).any(|part| part == msg_id.as_bytes())
    };
    let heard = bench.session_heard(limits::SILENCE, carries).await?;
    Ok(heard.is_some() || bench.answer(msg_id, limits::POLL).await?.is_some())
}

async fn is_not_carried_out(bench: &mut Bench, msg_id: &str, which: &str) -> Result<(), Stop> {
    let carried_out = carried_out(bench, msg_id).await?;
    holds(!carried_out, which, || "not answered".to_owned(), || "answered".to_owned())
}

async fn only_one(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let old = bench.session_id()?;
    bench.replace_session()?;
    bench.ask_in_session().await?;
    let (id, mut context) = bench.get_in_session()?;
    (context.session_id, context.sequence_id) = (old, 2);
    bench.say_in_session(context)?;
    is_not_carried_out(bench, &id, "a Get in the session that was replaced").await
}

async fn id_zero(bench: &mut Bench) -> Result<(), Stop> {
    bench.open_session(PayloadSecurity::Plaintext).await?;
    let (id, mut context) = bench.get_in_session()?;
    context.session_id = 0;
    bench.say_in_session(context)?;
    is_not_carried_out(bench, &id, "a Get in a session with the id 0").await
}

async fn unknown_number(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, mut context) = bench.get_in_session()?;
    (context.session_id, context.sequence_id) = (context.session_id + 7, 5);
    bench.say_in_session(context)?;
    is_not_carried_out(bench, &id, "a Get in the middle of a session that nobody began").await
}

/// Waits for a session that the agent begins after this one failed.
async fn begins_another(bench: &mut Bench, after: &str) -> Result<SessionContext, Stop> {
    let old = bench.session_id()?;
    let is_new = |context: &SessionContext| context.session_id != old && context.sequence_id == 1;
    let heard = bench.session_heard(limits::PATIENCE, is_new).await?;
    let none =
        || Stop::fail(format!("what the agent does after {after}"), "begin another session", "nothing");
    Ok(heard.ok_or_else(none)?.1)
}

/// Asks for a Record that was never sent.
async fn ask_for_nothing(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let mut context = bench.in_session(Vec::new())?;
    context.retransmit_id = 4_000;
    bench.say_in_session(context)
}

async fn restarts(bench: &mut Bench) -> Result<(), Stop> {
    ask_for_nothing(bench).await?;
    begins_another(bench, "it was asked for a Record that it never sent").await.map(drop)
}

async fn own_ids(bench: &mut Bench) -> Result<(), Stop> {
    ask_for_nothing(bench).await?;
    let id = begins_another(bench, "it was asked for a Record that it never sent").await?.session_id;
    holds(id > 1, "session_id of the agent's session", || "above 1".to_owned(), || id.to_string())
}

async fn lying(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (_, mut context) = bench.get_in_session()?;
    // The end of what never began.
    (context.payload_sar_state, context.payloadrec_sar_state) =
        (PayloadSarState::Complete, PayloadSarState::Complete);
    bench.say_in_session(context)?;
    begins_another(bench, "a last segment without a first").await.map(drop)
}

async fn other_security(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (id, context) = bench.get_in_session()?;
    let mut record = bench.session_record(context)?;
    record.payload_security = PayloadSecurity::Tls12;
    bench.sign(&mut record)?;
    bench.send(record.encode())?;
    is_not_carried_out(bench, &id, "a Get under TLS12 in a plain session").await
}

async fn near_end(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    let (_, mut context) = bench.get_in_session()?;
    context.sequence_id = u64::MAX - 5_000;
    bench.say_in_session(context)?;
    begins_another(bench, "a number within 10,000 of the largest").await.map(drop)
}

/// Forbids the session that stands.
async fn forbid(bench: &mut Bench) -> Result<(), Stop> {
    let object = bench.session_object().await?;
    match bench.set(false, &[(&object, &[("SessionMode", "Forbid", true)])]).await? {
        Ok(_) => Ok(()),
        Err(error) => Err(Stop::Error(format!("SessionMode can't be Forbid: {}", error.err_code))),
    }
}

async fn disconnected(bench: &mut Bench) -> Result<Option<u32>, Stop> {
    let is_it = |record: &usp_proto::Record| record.record_type.is_disconnect();
    let record = bench.other_record(limits::PATIENCE, is_it).await?;
    Ok(record.and_then(|record| match record.record_type {
        RecordType::Disconnect { reason_code, .. } => Some(reason_code),
        _ => None,
    }))
}

async fn ended(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    forbid(bench).await?;
    same("the code of the Disconnect record", &Some(7105), &disconnected(bench).await?)
}

async fn closed(bench: &mut Bench) -> Result<(), Stop> {
    bench.stand_session().await?;
    forbid(bench).await?;
    // That the session ended is another check's.
    bench.pause(limits::SILENCE).await?;
    bench.forget_other_records();
    let (id, context) = bench.get_in_session()?;
    bench.say_in_session(context)?;
    same("the code of the Disconnect record", &Some(7106), &disconnected(bench).await?)?;
    unanswered(bench, &id, "a Get in a session that is not allowed").await
}
