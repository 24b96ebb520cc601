//! What was acknowledged is there after the process was killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use fleet::audit::Chain;
use fleet::event::{EventBody, EventKind};
use fleet::ids::Digest;
use fleet::port::{NewNotification, Store, Write, Written};
use tempfile::TempDir;

use crate::sqlite::open;
use crate::suite::{TENANT, approved, at, log_of, open_session};

/// Names the folder in which the child of this test works.
const FOLDER: &str = "CUSP_STORE_CHILD";
const CALLERS: usize = 8;
const ROUNDS: usize = 4;
const ACKNOWLEDGED: usize = 200;

/// Not a test by itself: in the child it stores notifications, and prints each that was acknowledged, until
/// it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(folder.as_ref());
    let device = approved(&store, "os::00256D-K", 1).await;
    let epoch = open_session(&store, device.id, at(1)).await;
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.push(tokio::spawn(async move {
            for number in 0.. {
                let msg_id = format!("{} {caller} {number}", epoch.0);
                let new = NewNotification {
                    tenant: TENANT,
                    device: device.id,
                    epoch,
                    endpoint: "os::00256D-K".to_owned(),
                    msg_id: msg_id.clone(),
                    digest: Digest([0; 32]),
                    at: at(2),
                    event: EventBody::new(EventKind::ValueChange).at_path(&msg_id),
                    delta: None,
                    finish: None,
                    doubts_model: false,
                };
                let answer = store.submit(Write::StoreNotification(Box::new(new))).await;
                assert!(matches!(answer, Ok(Written::Notified { .. })), "{answer:?}");
                say(&msg_id);
            }
        }));
    }
    for caller in callers {
        caller.await.expect("they run until the process is killed");
    }
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn say(msg_id: &str) {
    println!("stored {msg_id}");
}

#[tokio::test]
async fn acknowledged_notifications_outlive_the_process() {
    let folder = TempDir::new().expect("a folder");
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "durable::child", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test runs again");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut stored = || loop {
            let line = lines.next()?.ok()?;
            // The harness prints the name of the test on the same line as its first output.
            if let Some((_, msg_id)) = line.split_once("stored ") {
                return Some(msg_id.to_owned());
            }
        };
        acknowledged.extend((0..ACKNOWLEDGED).map(|_| stored().expect("the child works until it is killed")));
        child.kill().expect("it runs");
        // What it had printed before it died counts as well.
        acknowledged.extend(std::iter::from_fn(&mut stored));
        child.wait().expect("it was killed");
    }
    let store = open(folder.path());
    let log = log_of(&store).await;
    let found: std::collections::BTreeSet<&str> =
        log.iter().filter_map(|event| event.body.path.as_deref()).collect();
    assert!(acknowledged.len() >= ROUNDS * ACKNOWLEDGED);
    for msg_id in &acknowledged {
        assert!(found.contains(msg_id.as_str()), "{msg_id} was acknowledged and is lost");
    }
    assert!(store.verify_audit(TENANT, Chain(0)).await.expect("readable").is_ok());
}
