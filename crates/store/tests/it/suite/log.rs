//! The event log, the audit log, and retention.

use fleet::Reach;
use fleet::audit::{Chain, Tip};
use fleet::event::EventKind;
use fleet::ids::Seq;
use fleet::port::{PageRequest, Prune, Store, StoreError, Write, Written};
use fleet::service;

use super::{
    TENANT, approved, at, audit, caller, close_session, create, done, get, log_of, new_operation,
    open_session,
};

pub(super) async fn run<S: Store>(store: &S) {
    assert_eq!(store.last_event().await, Ok(Seq(0)));
    let device = approved(store, "os::00256D-L", 1).await;
    let other = approved(store, "os::00256D-O", 2).await;
    for round in 0..5 {
        let epoch = open_session(store, device.id, at(10 + round)).await;
        done(store, close_session(device.id, epoch, at(10 + round))).await;
    }
    let log = log_of(store).await;
    assert!(log.is_sorted_by(|left, right| left.seq < right.seq));
    assert_eq!(store.last_event().await, Ok(log.last().expect("not empty").seq));
    assert_eq!(store.events_after(Reach::Platform, log[2].seq, 2).await, Ok(log[3..5].to_vec()));

    let mut page = PageRequest::first(3);
    let mut found = Vec::new();
    loop {
        let piece = store.events(TENANT, Some(device.id), page.clone()).await.expect("a page");
        found.extend(piece.items);
        match piece.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    let mut expected: Vec<_> = log.iter().filter(|event| event.device == Some(device.id)).cloned().collect();
    expected.reverse();
    assert_eq!(found, expected);
    assert_eq!(
        store.events(TENANT, Some(other.id), PageRequest::first(9)).await.expect("a page").items.len(),
        1
    );

    let tip = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");
    assert_eq!(tip.seq, Seq(2));
    let rows = store.audit(TENANT, PageRequest::first(1)).await.expect("a page");
    assert_eq!((rows.items[0].action.as_str(), rows.items[0].hash), ("device.approve", tip.hash));
    assert!(rows.next.is_some());
}

/// Old rows go, the rest stays readable, and the audit chain still holds.
pub(super) async fn pruning<S: Store>(store: &S) {
    let day = 86_400;
    let device = approved(store, "os::00256D-P", 1).await;
    let epoch = open_session(store, device.id, at(10)).await;
    done(store, close_session(device.id, epoch, at(11))).await;
    let job = create(store, 20, new_operation(device.id, get("Device."))).await;
    service::cancel_job(store, &caller(), at(21), job.id).await.expect("queued");
    let waiting = create(store, 22, new_operation(device.id, get("Device."))).await;
    let before = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");
    let late = 100 * day;
    open_session(store, device.id, at(late)).await;
    let prune = Write::Prune(Prune { audit_days: Some(30), ..Prune::defaults(at(late + 1)) });
    let Ok(Written::Count(count)) = store.submit(prune.clone()).await else { panic!("not pruned") };
    assert!(count > 0);
    assert_eq!(store.submit(prune.clone()).await, Ok(Written::Count(0)));
    let kinds: Vec<_> = log_of(store).await.into_iter().map(|event| event.body.kind).collect();
    assert_eq!(kinds, [EventKind::Online]);
    assert_eq!(store.job(TENANT, job.id).await, Ok(None));
    assert!(store.job(TENANT, waiting.id).await.expect("readable").is_some(), "what waits is not pruned");
    let sessions = store.sessions(TENANT, device.id, 10).await.expect("readable");
    assert_eq!(sessions.len(), 1);
    assert_eq!(store.audit(TENANT, PageRequest::first(9)).await.expect("a page").items, []);
    assert_eq!(store.verify_audit(TENANT, Chain(0)).await, Ok(Ok(before)));
    done(store, Write::Audit { tenant: TENANT, at: at(late + 2), entry: audit() }).await;
    let after = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");
    assert_eq!(after.seq, Seq(before.seq.0 + 1));
    // Nothing is pruned that is kept for ever.
    let keep =
        Prune { at: at(late * 9), events_days: None, jobs_days: None, sessions_days: None, audit_days: None };
    assert_eq!(store.submit(Write::Prune(keep)).await, Ok(Written::Count(0)));
    let stranger = fleet::TenantId::from_bytes([3; 16]);
    assert_eq!(store.verify_audit(stranger, Chain(0)).await, Ok(Ok(Tip::EMPTY)));
    assert_eq!(
        store.submit(close_session(device.id, epoch, at(late + 3))).await,
        Err(StoreError::StaleEpoch)
    );
}
