//! Records with a session context, as far as an agent needs none for them: how it refuses one, and that it answers
//! without one where it was asked without.

use prost::Message;
use tokio::time::Duration;
use usp_proto::generated::usp_record::record::PayloadSecurity;
use usp_proto::record::{PayloadSarState, SessionContext};
use usp_proto::{Record, RecordType};

use super::encoding::{get, is_ignored, wire_record};
use super::{Check, check, should};
use crate::bench::Bench;
use crate::limits;
use crate::target::Need;
use crate::verdict::{Stop, holds, same};

pub(super) static CHECKS: &[Check] = &[
    check!(
        refused,
        "R-E2E.6a-not-allowed",
        [],
        "A session that is not allowed is refused with a Disconnect record of 7106."
    ),
    should!(reason, "R-MTP.9-says-why", [], "A Disconnect record says why."),
    check!(
        goes_on,
        "R-E2E.6a-goes-on-without",
        [],
        "After a session was refused, what comes without one is answered."
    ),
    check!(same_kind, "R-MSG.0a-without-session", [], "A request without a session is answered without one."),
    check!(tls, "R-E2E.41-tls-needs-a-session", [], "A Record of TLS without a session is not carried out."),
];

/// Where the agent's sessions can be forbidden, they are.
async fn forbid(bench: &mut Bench) -> Result<(), Stop> {
    let has_mode = bench.target()?.offers(Need::Sessions);
    if has_mode {
        let object = bench.session_object().await?;
        bench.change(&object, "SessionMode", "Forbid").await?;
    }
    Ok(())
}

/// Begins a session with a Get in it.
fn begin(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    let mut record = bench.record(get(&id).encode())?;
    record.record_type = RecordType::Session(SessionContext {
        session_id: 0x6375_7370,
        sequence_id: 1,
        expected_id: 1,
        retransmit_id: 0,
        payload_sar_state: PayloadSarState::None,
        payloadrec_sar_state: PayloadSarState::None,
        payload: vec![get(&id).encode()],
    });
    bench.send(record.encode())
}

/// The Disconnect record that answers it. An agent that has sessions and can't forbid them answers otherwise, and is not
/// asked here.
async fn disconnect(bench: &mut Bench) -> Result<(u32, String), Stop> {
    forbid(bench).await?;
    // R-MTP.7: who sends a Disconnect record may close the connection, and need not.
    bench.may_break();
    begin(bench)?;
    let is_meant = |record: &Record| {
        matches!(record.record_type, RecordType::Disconnect { .. } | RecordType::Session(_))
    };
    match bench.other_record(limits::PATIENCE, is_meant).await?.map(|record| record.record_type) {
        Some(RecordType::Disconnect { reason, reason_code }) => Ok((reason_code, reason)),
        Some(_) => Err(Stop::Skip("the agent has sessions".to_owned())),
        None => Err(Stop::fail("the answer to a Record with a session", "a Disconnect record", "none")),
    }
}

async fn refused(bench: &mut Bench) -> Result<(), Stop> {
    same("reason_code", &7106, &disconnect(bench).await?.0)
}

async fn reason(bench: &mut Bench) -> Result<(), Stop> {
    let (_, reason) = disconnect(bench).await?;
    holds(!reason.is_empty(), "reason", || "a text".to_owned(), || "none".to_owned())
}

async fn goes_on(bench: &mut Bench) -> Result<(), Stop> {
    disconnect(bench).await?;
    if bench.gone(limits::SILENCE).await?.is_some() && bench.is_gone() {
        bench.back(limits::RECONNECT).await?;
        bench.greeting().await?;
    }
    bench.get(&[crate::target::ENDPOINT], 0).await.map(drop)
}

async fn same_kind(bench: &mut Bench) -> Result<(), Stop> {
    let id = bench.next_id();
    bench.send_msg(&get(&id))?;
    let arrived = bench.answer(&id, limits::PATIENCE).await?;
    let kind = arrived.map(|arrived| arrived.record.record_type.name());
    same("the kind of Record that brings the answer", &Some("NoSession"), &kind)
}

async fn tls(bench: &mut Bench) -> Result<(), Stop> {
    // R-MTP.7: who sends a Disconnect record may close the connection, and need not.
    bench.may_break();
    let id = bench.next_id();
    let mut record = wire_record(bench, get(&id).encode())?;
    record.payload_security = PayloadSecurity::Tls12.into();
    bench.send(record.encode_to_vec().into())?;
    // Hanging up is as good as silence, too.
    match bench.gone(limits::SILENCE).await? {
        Some(_) if bench.answer(&id, Duration::ZERO).await?.is_none() => Ok(()),
        _ => is_ignored_or_refused(bench).await,
    }
}

/// An Error is as good as silence.
async fn is_ignored_or_refused(bench: &mut Bench) -> Result<(), Stop> {
    match is_ignored(bench).await {
        Err(Stop::Fail(finding)) if finding.seen.starts_with("Error") => Ok(()),
        end => end,
    }
}
