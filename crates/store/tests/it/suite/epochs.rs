//! What a session that has been followed by another may still report.

use dm::operation::{Operate, Operation};
use fleet::device::{Device, FactsUpdate};
use fleet::event::EventKind;
use fleet::ids::{Epoch, JobId};
use fleet::job::{Accepted, Ending, JobEvent, JobState, StateName};
use fleet::port::{FinishJob, Store, StoreError, Write, Written};

use super::notifications::notification;
use super::{TENANT, add, approved, at, create, get, new_operation, open_session, set};

const DONE: JobEvent = JobEvent::Finish(Ending::Done);

pub(super) async fn run<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-E", 1).await;
    what_the_next_session_has_is_its_own(store, &device).await;
    a_doubt_about_what_is_done_once_is_resolved_late(store, &device).await;
    a_doubt_about_what_was_sent_twice_is_not(store, &device).await;
    what_a_device_said_stays_said(store, &device).await;
}

/// The job, sent in a session, and the epochs of that one and of the next.
async fn overtaken<S: Store>(
    store: &S,
    device: &Device,
    number: i64,
    what: Operation,
) -> (JobId, Epoch, Epoch) {
    let first = open_session(store, device.id, at(number)).await;
    let job = create(store, number.unsigned_abs(), new_operation(device.id, what)).await.id;
    send(store, job, first).await;
    (job, first, open_session(store, device.id, at(number + 1)).await)
}

async fn send<S: Store>(store: &S, job: JobId, epoch: Epoch) {
    let sent = Write::JobSent { tenant: TENANT, job, epoch, at: at(5) };
    store.submit(sent).await.expect("it waits");
}

/// By the write that a session makes of it; the job's state then.
async fn report<S: Store>(
    store: &S,
    job: JobId,
    epoch: Epoch,
    event: JobEvent,
) -> Result<StateName, StoreError> {
    let (tenant, epoch, at) = (TENANT, Some(epoch), at(6));
    let write = match event {
        event @ JobEvent::Finish(_) => Write::FinishJob(Box::new(FinishJob {
            tenant,
            job,
            epoch,
            event,
            outcome: None,
            error: None,
            delta: None,
            facts: FactsUpdate::default(),
            at,
        })),
        event => Write::StepJob { tenant, job, epoch, event, outcome: None, at },
    };
    match store.submit(write).await? {
        Written::Job { job, .. } => Ok(job.state.name()),
        other => panic!("{other:?}"),
    }
}

async fn state<S: Store>(store: &S, job: JobId) -> JobState {
    store.job(TENANT, job).await.expect("readable").expect("known").state
}

async fn what_the_next_session_has_is_its_own<S: Store>(store: &S, device: &Device) {
    let stale = Err(StoreError::StaleEpoch);
    let (job, first, second) = overtaken(store, device, 100, set("Device.Time.", "Enable", "true")).await;
    assert_eq!(report(store, job, first, DONE).await, stale);
    assert_eq!(state(store, job).await, JobState::Queued);
    send(store, job, second).await;
    for event in [JobEvent::Unsend, JobEvent::Expire, JobEvent::Lose, DONE] {
        assert_eq!(report(store, job, first, event.clone()).await, stale, "{event:?}");
        assert_eq!(state(store, job).await, JobState::Sent, "{event:?}");
    }
    assert_eq!(report(store, job, second, DONE).await, Ok(StateName::Done));

    let (job, first, second) = overtaken(store, device, 110, get("Device.")).await;
    assert_eq!(report(store, job, first, DONE).await, stale);
    assert_eq!(report(store, job, second, DONE).await, Ok(StateName::Done));
}

async fn a_doubt_about_what_is_done_once_is_resolved_late<S: Store>(store: &S, device: &Device) {
    let stale = Err(StoreError::StaleEpoch);
    let (job, first, _) = overtaken(store, device, 200, add("Device.T.", "A", "1")).await;
    for event in [JobEvent::Unsend, JobEvent::Expire] {
        assert_eq!(report(store, job, first, event).await, stale);
    }
    assert_eq!(report(store, job, first, DONE).await, Ok(StateName::Done));

    let reboot = Operation::Operate(Operate { command: "Device.Reboot()".to_owned(), ..Operate::default() });
    let (job, first, second) = overtaken(store, device, 210, reboot).await;
    let accepted = JobEvent::Accept(Accepted::default());
    assert_eq!(report(store, job, first, accepted).await, Ok(StateName::Accepted));
    assert_eq!(report(store, job, first, DONE).await, stale, "there is no doubt any more");
    assert_eq!(report(store, job, second, DONE).await, Ok(StateName::Done));
}

async fn a_doubt_about_what_was_sent_twice_is_not<S: Store>(store: &S, device: &Device) {
    let (job, first, second) = overtaken(store, device, 300, set("Device.Time.", "Enable", "true")).await;
    send(store, job, second).await;
    assert_eq!(report(store, job, second, JobEvent::Expire).await, Ok(StateName::InDoubt));
    assert_eq!(report(store, job, first, DONE).await, Err(StoreError::StaleEpoch));
    let failed = JobEvent::Finish(Ending::Failed);
    assert_eq!(report(store, job, second, failed).await, Ok(StateName::Failed));
}

async fn what_a_device_said_stays_said<S: Store>(store: &S, device: &Device) {
    let first = open_session(store, device.id, at(400)).await;
    open_session(store, device.id, at(401)).await;
    let late = notification(device, first, EventKind::ValueChange, "late", 402);
    let answer = store.submit(Write::StoreNotification(Box::new(late))).await;
    assert!(matches!(answer, Ok(Written::Notified { known: false, .. })), "{answer:?}");
}
