//! The states of a job, and what an outcome makes of it.

use dm::operation::{
    CommandResult, CreatedInstance, Deleted, MessageFailure, Outcome, ParamFault, Requested, UpdateFailure,
    UpdatedInstance,
};
use dm::{Code, Fault};
use fleet::job::{
    Accepted, Ending, JobEvent, JobState, OpKind, Priority, StateName, complete, ending_of, event_of,
    transition,
};
use fleet::lane::recover;

fn accepted() -> Accepted {
    Accepted { requests: vec!["Device.LocalAgent.Request.1.".into()], command_key: "k".into() }
}

fn states() -> Vec<JobState> {
    vec![
        JobState::Queued,
        JobState::Sent,
        JobState::Accepted(accepted()),
        JobState::Done,
        JobState::Partial,
        JobState::Failed,
        JobState::Expired,
        JobState::Cancelled,
        JobState::InDoubt,
    ]
}

/// The whole table: what each event makes of each state, `-` for an error. Columns: queued, sent,
/// accepted; all finished states but in_doubt; in_doubt.
fn check(kind: OpKind, event: &JobEvent, expected: [&str; 5]) {
    let [queued, sent, running, over, doubt] = expected;
    for state in states() {
        let expected = match state {
            JobState::Queued => queued,
            JobState::Sent => sent,
            JobState::Accepted(_) => running,
            JobState::InDoubt => doubt,
            _ => over,
        };
        let found = transition(&state, event.clone(), kind);
        let found = found.as_ref().map_or("-", JobState::as_str);
        assert_eq!(found, expected, "{kind:?} {state:?} {event:?}");
    }
}

#[test]
fn the_transition_table() {
    for kind in OpKind::ALL {
        check(kind, &JobEvent::Send, ["sent", "-", "-", "-", "-"]);
        check(kind, &JobEvent::Cancel, ["cancelled", "-", "-", "-", "-"]);
        let early = |word| if kind.is_write() { "-" } else { word };
        check(kind, &JobEvent::Finish(Ending::Done), [early("done"), "done", "done", "-", "done"]);
        check(
            kind,
            &JobEvent::Finish(Ending::Partial),
            [early("partial"), "partial", "partial", "-", "partial"],
        );
        check(kind, &JobEvent::Finish(Ending::Failed), [early("failed"), "failed", "failed", "-", "failed"]);
        let accept = if kind == OpKind::Operate { "accepted" } else { "-" };
        check(kind, &JobEvent::Accept(accepted()), ["-", accept, accept, "-", accept]);
        let lost = if matches!(kind, OpKind::Add | OpKind::Operate) { "in_doubt" } else { "queued" };
        check(kind, &JobEvent::Lose, ["queued", lost, "accepted", "-", "-"]);
        let late = if kind.is_write() { "in_doubt" } else { "expired" };
        check(kind, &JobEvent::Expire, ["expired", late, "in_doubt", "-", "-"]);
        let restarted = recover(&JobState::Sent, kind);
        assert_eq!(restarted.as_str(), lost, "a death of the process is a lost session");
    }
    assert_eq!(recover(&JobState::Accepted(accepted()), OpKind::Operate), JobState::Accepted(accepted()));
}

#[test]
fn words_are_read_back() {
    StateName::ALL.iter().for_each(|one| assert_eq!(StateName::parse(one.as_str()), Ok(*one)));
    OpKind::ALL.iter().for_each(|one| assert_eq!(OpKind::parse(one.as_str()), Ok(*one)));
    Priority::ALL.iter().for_each(|one| assert_eq!(Priority::parse(one.as_str()), Ok(*one)));
    let names: Vec<&str> = states().iter().map(JobState::as_str).collect();
    assert_eq!(
        names,
        ["queued", "sent", "accepted", "done", "partial", "failed", "expired", "cancelled", "in_doubt"]
    );
}

fn fault() -> Fault {
    Fault::new(Code::INVALID_PATH, "no")
}

fn requested<T, E>(result: Result<T, E>) -> Requested<T, E> {
    Requested { path: "Device.".into(), result }
}

#[test]
fn every_level_of_an_outcome_counts() {
    let flaw = || vec![ParamFault { param: "A".into(), fault: fault() }];
    let updated = |errors| requested(Ok(vec![UpdatedInstance { errors, ..UpdatedInstance::default() }]));
    let created = |errors| requested(Ok(CreatedInstance { errors, ..CreatedInstance::default() }));
    let stuck = || vec![("Device.T.1.".to_owned(), fault())];
    let deleted = |affected: &[&str], unaffected| {
        let affected = affected.iter().map(|path| (*path).to_owned()).collect();
        requested(Ok(Deleted { affected, unaffected }))
    };
    let refused = || requested(Err(UpdateFailure { fault: fault(), instances: Vec::new() }));
    for (outcome, expected) in [
        (Outcome::Get(vec![requested(Ok(vec![]))]), Ending::Done),
        (Outcome::Get(vec![requested(Ok(vec![])), requested(Err(fault()))]), Ending::Partial),
        (Outcome::Get(vec![requested(Err(fault()))]), Ending::Failed),
        (Outcome::Get(vec![]), Ending::Done),
        (Outcome::Set(vec![updated(vec![])]), Ending::Done),
        (Outcome::Set(vec![updated(flaw())]), Ending::Partial),
        (Outcome::Set(vec![updated(vec![]), refused()]), Ending::Partial),
        (Outcome::Set(vec![refused()]), Ending::Failed),
        (Outcome::Add(vec![created(flaw())]), Ending::Partial),
        (Outcome::Add(vec![created(vec![]), requested(Err(fault()))]), Ending::Partial),
        (Outcome::Delete(vec![deleted(&[], vec![])]), Ending::Done),
        (Outcome::Delete(vec![deleted(&["Device.T.2."], stuck())]), Ending::Partial),
        (Outcome::Delete(vec![deleted(&[], stuck())]), Ending::Failed),
        (Outcome::Operate(vec![]), Ending::Done),
        (Outcome::Operate(vec![requested(Err(fault()))]), Ending::Failed),
        (Outcome::Failed(MessageFailure { fault: fault(), params: vec![] }), Ending::Failed),
    ] {
        assert_eq!(ending_of(&outcome), expected, "{outcome:?}");
        assert_eq!(event_of(&outcome, "k"), JobEvent::Finish(expected));
    }
}

#[test]
fn a_started_command_is_accepted() {
    let started = || requested(Ok(CommandResult::Started("Device.LocalAgent.Request.1.".into())));
    let outcome = Outcome::Operate(vec![started(), requested(Err(fault()))]);
    assert_eq!(event_of(&outcome, "k"), JobEvent::Accept(accepted()));
}

#[test]
fn a_command_on_several_objects_ends_with_the_last() {
    let started = |row: &str| requested(Ok(CommandResult::Started(row.into())));
    let done = || requested(Ok(CommandResult::Output(vec![("Status".into(), "Complete".into())])));
    let failed = || requested::<CommandResult, Fault>(Err(fault()));
    let both = Outcome::Operate(vec![
        started("Device.LocalAgent.Request.1."),
        started("Device.LocalAgent.Request.2."),
    ]);
    let (one, event) = complete(Some(&both), "k", "Device.LocalAgent.Request.2", done());
    assert_eq!(one, Outcome::Operate(vec![started("Device.LocalAgent.Request.1."), done()]));
    assert_eq!(event, JobEvent::Accept(accepted()));
    let (all, event) = complete(Some(&one), "k", "Device.LocalAgent.Request.1.", failed());
    assert_eq!((all, event), (Outcome::Operate(vec![failed(), done()]), JobEvent::Finish(Ending::Partial)));
    // It overtook its answer; or the device names a row that it never told.
    let early = complete(None, "k", "Device.LocalAgent.Request.1.", done());
    assert_eq!(early, (Outcome::Operate(vec![done()]), JobEvent::Finish(Ending::Done)));
    let alone = Outcome::Operate(vec![started("Device.LocalAgent.Request.1.")]);
    let (_, event) = complete(Some(&alone), "k", "Device.LocalAgent.Request.9.", done());
    assert_eq!(event, JobEvent::Finish(Ending::Done));
}
