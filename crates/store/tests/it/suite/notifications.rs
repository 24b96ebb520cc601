//! Notifications: stored once, and in doubt twice.

use fleet::device::{Device, FactsUpdate};
use fleet::event::{EventBody, EventKind};
use fleet::ids::{Digest, Epoch};
use fleet::job::{Ending, JobEvent, JobState};
use fleet::port::{FinishJob, NewNotification, Store, StoreError, Write, Written};
use fleet::twin::{Delta, Source};

use super::{TENANT, approved, at, create, get, log_of, new_operation, open_session};

pub(super) fn notification(
    device: &Device,
    epoch: Epoch,
    kind: EventKind,
    msg_id: &str,
    seconds: i64,
) -> NewNotification {
    NewNotification {
        tenant: TENANT,
        device: device.id,
        epoch,
        endpoint: "os::00256D-N".to_owned(),
        msg_id: msg_id.to_owned(),
        digest: Digest([1; 32]),
        at: at(seconds),
        event: EventBody::new(kind).at_path("Device.X"),
        delta: None,
        finish: None,
        doubts_model: false,
    }
}

/// Stored anew and unmarked, stored anew and marked, or recognised.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    New,
    Marked,
    Known,
}

async fn fate<S: Store>(store: &S, new: NewNotification) -> Fate {
    let before = log_of(store).await.len();
    let answer = store.submit(Write::StoreNotification(Box::new(new))).await;
    let log = log_of(store).await;
    match answer {
        Ok(Written::Notified { seq, known: true }) => {
            assert!(log.len() == before && log.iter().any(|event| event.seq == seq));
            Fate::Known
        }
        Ok(Written::Notified { seq, known: false }) => {
            let last = log.last().expect("it was stored");
            assert_eq!((log.len(), last.seq), (before + 1, seq));
            if last.body.duplicate { Fate::Marked } else { Fate::New }
        }
        other => panic!("{other:?}"),
    }
}

pub(super) async fn run<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-N", 1).await;
    let first = open_session(store, device.id, at(0)).await;
    let change = |msg_id, seconds| notification(&device, first, EventKind::ValueChange, msg_id, seconds);
    assert_eq!(fate(store, change("1", 10)).await, Fate::New);
    assert_eq!(fate(store, change("1", 20)).await, Fate::Known);
    assert_eq!(fate(store, change("2", 20)).await, Fate::New);
    let other_text = NewNotification { digest: Digest([2; 32]), ..change("1", 21) };
    assert_eq!(fate(store, other_text).await, Fate::New);
    let other_endpoint = NewNotification { endpoint: "os::00256D-M".to_owned(), ..change("1", 22) };
    assert_eq!(fate(store, other_endpoint).await, Fate::New);
    // A retry in a later session, up to three hours after.
    let second = open_session(store, device.id, at(100)).await;
    assert_eq!(fate(store, NewNotification { epoch: second, ..change("1", 10_000) }).await, Fate::Known);
    assert_eq!(
        fate(store, NewNotification { epoch: second, ..change("1", 10_000 + 3 * 3600) }).await,
        Fate::New
    );

    // A device without a clock begins anew with its ids.
    let boot = |epoch, seconds| notification(&device, epoch, EventKind::Boot, "1", seconds);
    let boot = |epoch, seconds| NewNotification { digest: Digest([3; 32]), ..boot(epoch, seconds) };
    assert_eq!(fate(store, boot(second, 30_000)).await, Fate::New);
    assert_eq!(fate(store, boot(second, 30_010)).await, Fate::Known);
    assert_eq!(fate(store, change("2", 30_020)).await, Fate::New, "the window has passed");
    assert_eq!(fate(store, change("2", 30_021)).await, Fate::Known);
    let third = open_session(store, device.id, at(30_030)).await;
    assert_eq!(fate(store, boot(third, 30_040)).await, Fate::Marked);
    assert_eq!(fate(store, change("2", 30_050)).await, Fate::Marked);
    assert_eq!(fate(store, change("2", 30_051)).await, Fate::Known);

    what_it_carries(store, &device, third).await;
    doubts(store, &device, third).await;
    let stranger = NewNotification { tenant: fleet::TenantId::from_bytes([9; 16]), ..change("9", 1) };
    let answer = store.submit(Write::StoreNotification(Box::new(stranger))).await;
    assert_eq!(answer, Err(StoreError::NotFound("device")));
}

/// A model is in doubt until it has been asked for since the last event that said so.
async fn doubts<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let doubt = async || store.device(TENANT, device.id).await.expect("readable").expect("known").model_doubt;
    let tell = async |msg_id, doubts_model| {
        let new = notification(device, epoch, EventKind::ObjectCreation, msg_id, 50_000);
        let new = NewNotification { doubts_model, ..new };
        match store.submit(Write::StoreNotification(Box::new(new))).await {
            Ok(Written::Notified { seq, .. }) => seq,
            other => panic!("{other:?}"),
        }
    };
    let confirm = async |answers| {
        let write = Write::ModelConfirmed { tenant: TENANT, device: device.id, answers };
        assert_eq!(store.submit(write).await, Ok(Written::Done));
    };
    assert_eq!(doubt().await, None);
    let first = tell("200", true).await;
    tell("201", false).await;
    assert_eq!(doubt().await, Some(first));
    let second = tell("202", true).await;
    confirm(first).await;
    assert_eq!(doubt().await, Some(second), "it was asked for before the second");
    confirm(second).await;
    assert_eq!(doubt().await, None);
    let third = tell("203", true).await;
    let (problems, answers) = (Vec::new(), Some(third));
    let onboarded = Write::Onboarded { tenant: TENANT, device: device.id, problems, answers, at: at(50_001) };
    assert_eq!(store.submit(onboarded).await, Ok(Written::Done));
    assert_eq!(doubt().await, None);
}

/// The event, the values and the end of a job are one write.
async fn what_it_carries<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let job = create(store, 40_000, new_operation(device.id, get("Device."))).await;
    let finish = FinishJob {
        tenant: TENANT,
        job: job.id,
        epoch: None,
        event: JobEvent::Finish(Ending::Done),
        outcome: None,
        error: None,
        delta: None,
        facts: FactsUpdate::default(),
        at: at(40_001),
    };
    let mut delta = Delta::new(at(40_001), Source::Notified);
    delta.put("Device.IP.Interface.1.Status", "Up");
    let sent = Write::JobSent { tenant: TENANT, job: job.id, epoch, at: at(40_000) };
    store.submit(sent).await.expect("it waits");
    let mut new = notification(device, epoch, EventKind::OperationComplete, "77", 40_001);
    new.delta = Some(delta.clone());
    new.finish = Some(finish);
    let answer = store.submit(Write::StoreNotification(Box::new(new.clone()))).await;
    assert!(matches!(answer, Ok(Written::Notified { known: false, .. })));
    let job = store.job(TENANT, job.id).await.expect("readable").expect("known");
    assert_eq!(job.state, JobState::Done);
    let twin = store.twin(TENANT, device.id).await.expect("readable");
    assert_eq!(twin.get("Device.IP.Interface.1.Status").map(|one| &*one.value), Some("Up"));
    let log = log_of(store).await;
    let stored = log.iter().find(|event| event.body.kind == EventKind::OperationComplete).expect("stored");
    assert_eq!((stored.body.job, stored.body.path.as_deref()), (Some(job.id), Some("Device.X")));
    // A completion of a job that is over is stored, and leaves the job alone.
    new.msg_id = "78".to_owned();
    let answer = store.submit(Write::StoreNotification(Box::new(new))).await;
    assert!(matches!(answer, Ok(Written::Notified { known: false, .. })));
}
