//! What was acknowledged is there after the power failed: on a file layer that forgets what was not
//! synced, wholly or in part.

use std::path::Path;
use std::sync::{Arc, Mutex};

use fleet::audit::Chain;
use fleet::event::{Event, EventBody, EventKind};
use fleet::ids::{DeviceId, Digest, Epoch};
use fleet::port::{NewNotification, Store, StoreError, Write, Written};
use rusqlite::{Connection, OpenFlags};
use store::{FILE, Options, SqliteStore};
use tempfile::TempDir;

use crate::sqlite::open;
use crate::suite::{TENANT, approved, at, log_of, open_session};

mod layer;

const CALLERS: usize = 16;
const CUTS: u64 = 12;
const BETWEEN_CUTS: usize = 60;

/// Which of the writes that were not synced survive: none, or some.
fn survivors(cut: u64) -> impl FnMut() -> bool {
    // Odd cuts keep about half, in a pattern that differs from cut to cut.
    let mut state = cut.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        cut % 2 == 1 && state.is_multiple_of(2)
    }
}

fn notification(device: DeviceId, epoch: Epoch, msg_id: &str) -> Write {
    Write::StoreNotification(Box::new(NewNotification {
        tenant: TENANT,
        device,
        epoch,
        endpoint: "os::00256D-P".to_owned(),
        msg_id: msg_id.to_owned(),
        digest: Digest([0; 32]),
        at: at(2),
        event: EventBody::new(EventKind::ValueChange).at_path(msg_id),
        delta: None,
        finish: None,
        doubts_model: false,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn acknowledged_notifications_outlive_the_power() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { vfs: Some(layer::register().to_owned()), ..Options::default() };
    let store = SqliteStore::open(folder.path(), &options).expect("a fresh store");
    let device = approved(&store, "os::00256D-P", 1).await.id;
    let epoch = open_session(&store, device, at(1)).await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let (store, acknowledged, said) = (store.clone(), Arc::clone(&acknowledged), said.clone());
        callers.push(tokio::spawn(async move {
            for number in 0.. {
                let msg_id = format!("{caller} {number}");
                let answer = store.submit(notification(device, epoch, &msg_id)).await;
                assert!(matches!(answer, Ok(Written::Notified { .. })), "{answer:?}");
                acknowledged.lock().expect("no holder panics").push(msg_id);
                if said.send(()).is_err() {
                    break;
                }
            }
        }));
    }
    let mut most = 0;
    for cut in 0..CUTS {
        for _ in 0..BETWEEN_CUTS {
            heard.recv().await.expect("the callers work");
        }
        // In this order: what is acknowledged by now must be in what is on the disk by then.
        let promised = acknowledged.lock().expect("no holder panics").clone();
        let after = TempDir::new().expect("a folder");
        layer::cut(folder.path(), after.path(), survivors(cut));
        let restarted = open(after.path());
        let log = log_of(&restarted).await;
        let found: std::collections::BTreeSet<&str> =
            log.iter().filter_map(|event| event.body.path.as_deref()).collect();
        for msg_id in &promised {
            assert!(found.contains(msg_id.as_str()), "cut {cut}: {msg_id} was acknowledged and is lost");
        }
        assert!(restarted.verify_audit(TENANT, Chain(0)).await.expect("readable").is_ok());
        most = most.max(promised.len());
    }
    drop(heard);
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    assert!(most >= BETWEEN_CUTS * usize::try_from(CUTS).expect("small"));
}

/// What can't be written is not acknowledged, what was acknowledged stays and can be read, and with room on the
/// disk the same store goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_loses_none() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { vfs: Some(layer::register().to_owned()), ..Options::default() };
    let store = SqliteStore::open(folder.path(), &options).expect("a fresh store");
    let device = approved(&store, "os::00256D-P", 1).await.id;
    let epoch = open_session(&store, device, at(1)).await;
    let told = async || {
        let log = log_of(&store).await;
        paths(&log)
    };
    assert_eq!(store.ready(), Ok(()));
    let before = store.submit(notification(device, epoch, "before")).await;
    assert!(matches!(before, Ok(Written::Notified { .. })), "{before:?}");
    layer::fill(folder.path(), true);
    for number in 0..3 {
        let refused = store.submit(notification(device, epoch, &format!("refused {number}"))).await;
        assert_eq!(refused, Err(StoreError::Full));
        assert_eq!(told().await, ["before"]);
        assert_eq!(store.ready(), Err(StoreError::Full));
        // What changes nothing does not make it ready.
        let idle = store.submit(Write::ExpireJobs { at: at(2) }).await;
        assert_eq!((idle, store.ready()), (Err(StoreError::Full), Err(StoreError::Full)));
    }
    layer::fill(folder.path(), false);
    let idle = store.submit(Write::ExpireJobs { at: at(3) }).await;
    assert_eq!((idle, store.ready()), (Ok(Written::Jobs(Vec::new())), Ok(())));
    let after = store.submit(notification(device, epoch, "after")).await;
    assert!(matches!(after, Ok(Written::Notified { .. })), "{after:?}");
    assert_eq!(told().await, ["before", "after"]);
    let cut = TempDir::new().expect("a folder");
    layer::cut(folder.path(), cut.path(), || false);
    assert_eq!(paths(&log_of(&open(cut.path())).await), ["before", "after"]);
}

/// Of the value changes in the log.
fn paths(log: &[Event]) -> Vec<String> {
    let changes = log.iter().filter(|event| event.body.kind == EventKind::ValueChange);
    changes.filter_map(|event| event.body.path.clone()).collect()
}

/// The layer does what it is for: without syncs the same rows are lost.
#[test]
fn the_layer_forgets_what_was_not_synced() {
    let count_after = |synchronous: &str| {
        let folder = TempDir::new().expect("a folder");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let file = folder.path().join(FILE);
        let connection =
            Connection::open_with_flags_and_vfs(&file, flags, layer::register()).expect("a fresh file");
        connection.pragma_update(None, "journal_mode", "wal").expect("a setting");
        connection
            .execute_batch("CREATE TABLE t (n INTEGER); PRAGMA wal_checkpoint(TRUNCATE);")
            .expect("a table");
        connection.pragma_update(None, "synchronous", synchronous).expect("a setting");
        connection.execute_batch("INSERT INTO t VALUES (1);").expect("a row");
        let after = TempDir::new().expect("a folder");
        layer::cut(folder.path(), after.path(), || false);
        count(&after.path().join(FILE))
    };
    assert_eq!(count_after("full"), 1);
    assert_eq!(count_after("normal"), 0);
    assert_eq!(count_after("off"), 0);
}

fn count(file: &Path) -> i64 {
    let connection = Connection::open(file).expect("readable");
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("the table was synced")
}
