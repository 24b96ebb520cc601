//! The suite on SQLite, and what only SQLite's files can show.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use fleet::access::{EnrolmentToken, SecretHash};
use fleet::audit::{Break, Chain};
use fleet::ids::{Seq, TenantId};
use fleet::job::JobState;
use fleet::port::{Enrol, Seal, Store, StoreError, Write, Written};
use fleet::service::NewOperation;
use rusqlite::Connection;
use store::{Error, FILE, Options, SqliteStore, restore};
use tempfile::TempDir;

use crate::suite::{
    self, TENANT, approved, at, audit, close_session, create, get, log_of, new_operation, open_session, set,
};

pub(crate) fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, &Options::default()).expect("a store that is whole and free")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite() {
    let folder = TempDir::new().expect("a folder");
    let mut number = 0;
    suite::run(|| {
        number += 1;
        open(&folder.path().join(number.to_string()))
    })
    .await;
}

#[tokio::test]
async fn a_store_is_open_once_and_is_found_as_it_was_left() {
    let folder = TempDir::new().expect("a folder");
    let first = open(folder.path());
    let device = approved(&first, "os::00256D-1", 1).await;
    let again = SqliteStore::open(folder.path(), &Options::default());
    assert!(matches!(again, Err(Error::InUse(_))));
    let log = log_of(&first).await;
    drop(first);
    let second = open(folder.path());
    assert_eq!(second.device(TENANT, device.id).await, Ok(Some(device)));
    assert_eq!(log_of(&second).await, log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_share_commits_and_keep_the_order_of_each_caller() {
    const CALLERS: usize = 64;
    const EACH: usize = 25;
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    let mut callers = Vec::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.push(tokio::spawn(async move {
            for number in 0..EACH {
                let mut entry = audit();
                entry.target = format!("{caller} {number}");
                let write = Write::Audit { tenant: TENANT, at: at(1), entry };
                assert_eq!(store.submit(write).await, Ok(Written::Done));
                // One that fails, in between.
                let device = fleet::DeviceId::from_bytes([1; 16]);
                let bad = close_session(device, fleet::Epoch(1), at(1));
                assert_eq!(store.submit(bad).await, Err(StoreError::NotFound("device")));
            }
        }));
    }
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    let (commits, writes) = store.commits();
    assert_eq!(writes, (CALLERS * EACH * 2) as u64);
    assert!(commits < writes / 2, "{commits} commits for {writes} writes");
    let tip = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");
    assert_eq!(tip.seq, Seq((CALLERS * EACH) as u64));
    let mut next = [0; CALLERS];
    let connection = Connection::open(folder.path().join(FILE)).expect("readable");
    let mut statement = connection.prepare("SELECT target FROM audit ORDER BY seq").expect("a table");
    let targets = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    for target in targets {
        let target = target.expect("a row");
        let (caller, number) = target.split_once(' ').expect("two numbers");
        let place = &mut next[caller.parse::<usize>().expect("a number")];
        assert_eq!(number.parse(), Ok(*place));
        *place += 1;
    }
    assert_eq!(next, [EACH; CALLERS]);
}

#[tokio::test]
async fn a_commit_says_how_far_the_log_reaches() {
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    let mut positions = store.positions();
    assert_eq!(*positions.borrow_and_update(), Seq(0));
    let device = approved(&store, "os::00256D-1", 1).await;
    // One event for its first attempt, one for the approval; whoever was answered can see them.
    assert!(positions.has_changed().expect("the store is open"));
    assert_eq!(*positions.borrow_and_update(), Seq(2));
    suite::done(&store, Write::Audit { tenant: TENANT, at: at(3), entry: audit() }).await;
    assert!(!positions.has_changed().expect("the store is open"), "nothing was appended");
    suite::seen(&store, "os::00256D-1", Some(fleet::ids::Fingerprint([1; 32])), at(4)).await;
    assert_eq!(*positions.borrow_and_update(), Seq(3));
    open_session(&store, device.id, at(5)).await;
    assert_eq!(*positions.borrow_and_update(), Seq(4));
    // Refused after it had appended its event: nothing of it stands.
    refused_enrolment(&store, device.id).await;
    assert!(!positions.has_changed().expect("the store is open"));
    assert_eq!(store.last_event().await, Ok(Seq(4)));
    let mut waiting = positions.clone();
    let (changed, _) = tokio::join!(waiting.changed(), open_session(&store, device.id, at(6)));
    changed.expect("the store is open");
    drop(store);
    let store = open(folder.path());
    assert_eq!(*store.positions().borrow(), store.last_event().await.expect("readable"));
}

#[tokio::test]
async fn a_write_that_fails_half_done_leaves_its_commit_to_the_others() {
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    let device = approved(&store, "os::00256D-1", 1).await;
    let job = create(&store, 10, new_operation(device.id, get("Device."))).await;
    let cancel = || Write::CancelJob { tenant: TENANT, job: job.id, at: at(11), audit: audit() };
    assert!(matches!(store.submit(cancel()).await, Ok(Written::Job { .. })));
    let (before, (commits, _)) = (log_of(&store).await.len(), store.commits());
    let tip = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");

    // As long as somebody else writes, what is submitted gathers.
    let other = Connection::open(folder.path().join(FILE)).expect("writable");
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let note = |target: &str| {
        let entry = fleet::audit::AuditEntry { target: target.to_owned(), ..audit() };
        store.submit(Write::Audit { tenant: TENANT, at: at(12), entry })
    };
    let free = async { other.execute_batch("ROLLBACK").expect("it began") };
    let (first, seen, second, wrong, third, ()) = tokio::join!(
        note("first"),
        suite::seen(&store, "os::00256D-2", None, at(13)),
        note("second"),
        // It has appended to the audit log when it finds that the job is over.
        store.submit(cancel()),
        note("third"),
        free
    );
    let over = StoreError::Unexpected("a job that is cancelled cannot be cancelled".to_owned());
    assert_eq!(
        (first, seen, second, wrong, third),
        (Ok(Written::Done), (), Ok(Written::Done), Err(over), Ok(Written::Done))
    );
    assert!(store.commits().0 - commits <= 2, "the later ones gathered");
    let now = store.verify_audit(TENANT, Chain(0)).await.expect("readable").expect("whole");
    assert_eq!(now.seq.0 - tip.seq.0, 3);
    assert_eq!(log_of(&store).await.len() - before, 1, "what was seen is told once");
    assert_eq!(store.last_event().await, Ok(*store.positions().borrow()));
    let targets =
        "SELECT group_concat(target, ' ') FROM (SELECT target FROM audit ORDER BY seq DESC LIMIT 3)";
    let targets: String = other.query_row(targets, [], |row| row.get(0)).expect("rows");
    assert_eq!(targets, "third second first");
}

/// A token whose tag finds no room on its device.
async fn refused_enrolment(store: &SqliteStore, device: fleet::DeviceId) {
    let tags: Vec<String> = (0..fleet::limits::TAGS).map(|number| number.to_string()).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    suite::rename(store, device, "full", &tags).await;
    let hash = SecretHash::of("full");
    let token = EnrolmentToken {
        id: fleet::EnrolmentId::make(suite::stamp(at(5), 1)),
        name: String::new(),
        hash,
        uses_left: 1,
        group: Some("one more".to_owned()),
        endpoint: None,
        created: at(5),
        expires: at(100),
    };
    suite::done(store, Write::PutEnrolmentToken { tenant: TENANT, token, audit: audit() }).await;
    let enrol = Enrol {
        tenant: TENANT,
        token: hash,
        endpoint: "os::00256D-1".to_owned(),
        device,
        issued: suite::issued(3),
        at: at(6),
    };
    let refused = store.submit(Write::Enrol(enrol)).await;
    assert_eq!(refused, Err(StoreError::Conflict("the device has too many tags")));
    let token = store.enrolment_token(hash, at(6)).await.expect("readable");
    assert_eq!(token.map(|(_, token)| token.uses_left), Some(1));
}

#[tokio::test]
async fn a_changed_audit_row_is_found() {
    for (change, expected) in [
        ("UPDATE audit SET detail = 'other' WHERE seq = 3", Break::Changed(Seq(3))),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", Break::Changed(Seq(2))),
        ("DELETE FROM audit WHERE seq = 2", Break::Order { expected: Seq(2), found: Seq(3) }),
        ("DELETE FROM audit WHERE seq = 1", Break::Order { expected: Seq(1), found: Seq(2) }),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 4", Break::Changed(Seq(4))),
        ("UPDATE audit SET prev_hash = zeroblob(32) WHERE seq = 4", Break::Link(Seq(4))),
    ] {
        let folder = TempDir::new().expect("a folder");
        let store = open(folder.path());
        for second in 0..5 {
            suite::done(&store, Write::Audit { tenant: TENANT, at: at(second), entry: audit() }).await;
        }
        drop(store);
        let connection = Connection::open(folder.path().join(FILE)).expect("writable");
        assert_eq!(connection.execute(change, []), Ok(1));
        drop(connection);
        let store = open(folder.path());
        assert_eq!(store.verify_audit(TENANT, Chain(0)).await, Ok(Err(expected)), "{change}");
    }
}

#[tokio::test]
async fn a_backup_is_the_store_at_one_moment() {
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder.path().join("one"));
    let device = approved(&store, "os::00256D-1", 1).await;
    let copy = folder.path().join("copy.db");
    store.backup(&copy).await.expect("a copy");
    assert!(matches!(store.backup(&copy).await, Err(Error::Exists(_))));
    open_session(&store, device.id, at(50)).await;

    assert!(matches!(restore(&copy, &folder.path().join("one")), Err(Error::InUse(_))));
    drop(store);
    assert!(matches!(restore(&copy, &folder.path().join("one")), Err(Error::Exists(_))));
    restore(&copy, &folder.path().join("two")).expect("a fresh folder");
    let restored = open(&folder.path().join("two"));
    assert_eq!(restored.device(TENANT, device.id).await, Ok(Some(device)));
    open_session(&restored, restored_id(&restored).await, at(60)).await;

    std::fs::write(folder.path().join("bad.db"), b"SQLite format 3\0 and then nothing").expect("writable");
    assert!(restore(&folder.path().join("bad.db"), &folder.path().join("three")).is_err());
    assert!(!folder.path().join("three").join(FILE).exists());
}

async fn restored_id(store: &SqliteStore) -> fleet::DeviceId {
    let page = store.devices(TENANT, fleet::port::DeviceQuery::default()).await.expect("a page");
    page.items[0].id
}

#[tokio::test]
async fn a_damaged_or_later_store_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    for number in 0..200 {
        approved(&store, &format!("os::00256D-{number}"), number).await;
    }
    drop(store);
    let file = folder.path().join(FILE);
    let whole = std::fs::read(&file).expect("readable");
    let mut bytes = whole.clone();
    for byte in &mut bytes[8192..16384] {
        *byte ^= 0x55;
    }
    std::fs::write(&file, bytes).expect("writable");
    let options = Options { full_check: true, ..Options::default() };
    assert!(SqliteStore::open(folder.path(), &options).is_err());

    std::fs::write(&file, whole).expect("writable");
    let connection = Connection::open(&file).expect("writable");
    connection.pragma_update(None, "user_version", 9999).expect("writable");
    drop(connection);
    let later = SqliteStore::open(folder.path(), &Options::default());
    assert!(matches!(later, Err(Error::TooNew { found: 9999, known: 8 })), "{later:?}");
}

/// A seal that only has to be told from plain text.
#[derive(Debug)]
struct Turn;

impl Seal for Turn {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        [context, &plain.iter().map(|byte| !byte).collect::<Vec<_>>()].concat()
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        Some(sealed.strip_prefix(context)?.iter().map(|byte| !byte).collect())
    }
}

#[tokio::test]
async fn secrets_that_wait_are_sealed_in_the_file() {
    let folder = TempDir::new().expect("a folder");
    let options = Options { seal: Arc::new(Turn), ..Options::default() };
    let store = SqliteStore::open(folder.path(), &options).expect("a fresh store");
    let device = approved(&store, "os::00256D-1", 1).await;
    let operation = set("Device.Users.User.1.", "Password", "open sesame");
    let job = create(&store, 10, new_operation(device.id, operation.clone())).await;
    let plain = create(&store, 11, new_operation(device.id, get("Device.Secretless."))).await;
    let read = store.job(TENANT, job.id).await.expect("readable").expect("known");
    assert_eq!(read.operation, operation);
    drop(store);
    let holds = |text: &str| {
        let bytes = std::fs::read(folder.path().join(FILE)).expect("readable");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(!holds("open sesame"));
    assert!(holds("Device.Secretless."), "{plain:?}");
    // Without the key the job is there, and cannot be read.
    let store = open(folder.path());
    assert!(matches!(store.job(TENANT, job.id).await, Err(StoreError::Failed(_))));
    assert!(store.job(TENANT, plain.id).await.expect("readable").is_some());
}

#[tokio::test]
async fn a_store_of_every_earlier_form_is_brought_up() {
    let forms = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut seen = 0;
    for entry in std::fs::read_dir(forms).expect("fixtures") {
        let fixture = entry.expect("a file").path();
        let folder = TempDir::new().expect("a folder");
        let connection = Connection::open(folder.path().join(FILE)).expect("a fresh file");
        connection.execute_batch(&std::fs::read_to_string(&fixture).expect("text")).expect("a whole store");
        drop(connection);
        let options = Options { full_check: true, ..Options::default() };
        let store = SqliteStore::open(folder.path(), &options).expect("a known form");
        check_fixture(&store).await;
        seen += 1;
    }
    assert_eq!(seen, 2);
}

/// What the fixtures hold: a device with a tag and a session, a queued Get, a folded twin, an owner.
/// What came later is there, and empty.
async fn check_fixture(store: &SqliteStore) {
    let page = store.devices(TENANT, fleet::port::DeviceQuery::default()).await.expect("a page");
    let device = &page.items[0];
    assert_eq!(device.endpoints().collect::<Vec<_>>(), ["os::00256D-FIXTURE"]);
    assert!(device.online && device.tags.contains("fixture"));
    let waiting = store.queued_jobs(TENANT, device.id, 10).await.expect("readable");
    assert_eq!(waiting.len(), 1);
    let job = store.job(TENANT, waiting[0].id).await.expect("readable").expect("known");
    assert_eq!(job.operation, get("Device.DeviceInfo."));
    let twin = store.twin(TENANT, device.id).await.expect("readable");
    assert_eq!(twin.get("Device.Hosts.Host.1.HostName").map(|one| &*one.value), Some("fixture"));
    assert!(store.verify_audit(TENANT, Chain(0)).await.expect("readable").is_ok());
    assert_eq!(store.dials(TENANT).await, Ok(Vec::new()));
    let found = fleet::port::DeviceQuery { text: Some("d-fixt".to_owned()), ..Default::default() };
    assert_eq!(store.devices(TENANT, found).await.expect("a page").items, std::slice::from_ref(device));
    let users = store.users(TenantId::PLATFORM).await.expect("readable");
    assert_eq!(users[0].name, "alice");
    assert_eq!(store.submit(Write::Recover { at: at(1000) }).await, Ok(Written::Count(0)));
    let stranger = TenantId::from_bytes([8; 16]);
    assert!(
        store.devices(stranger, fleet::port::DeviceQuery::default()).await.expect("a page").items.is_empty()
    );
}

/// A folder whose keys were not kept, for one: the server must start all the same, and other jobs go on.
#[tokio::test]
async fn a_job_that_cannot_be_read_holds_up_no_other() {
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    let device = approved(&store, "os::00256D-1", 1).await;
    let epoch = open_session(&store, device.id, at(2)).await;
    let new =
        || NewOperation { deadline: Some(at(90)), ..new_operation(device.id, set("Device.A.", "B", "1")) };
    let mut jobs = Vec::new();
    for number in 10..14 {
        jobs.push(create(&store, number, new()).await.id);
    }
    for job in [jobs[0], jobs[1]] {
        let sent = store.submit(Write::JobSent { tenant: TENANT, job, epoch, at: at(3) }).await;
        assert!(matches!(sent, Ok(Written::Job { .. })), "{sent:?}");
    }
    drop(store);
    let connection = Connection::open(folder.path().join(FILE)).expect("writable");
    for job in [jobs[0], jobs[2]] {
        let broken = connection.execute("UPDATE jobs SET request = x'00' WHERE id = ?", [job.to_bytes()]);
        assert_eq!(broken, Ok(1));
    }
    drop(connection);

    let store = open(folder.path());
    assert_eq!(store.submit(Write::Recover { at: at(4) }).await, Ok(Written::Count(2)));
    let found =
        async |at: usize| store.job(TENANT, jobs[at]).await.map(|job| job.expect("it is there").state);
    assert_eq!((found(0).await, found(1).await), (Ok(JobState::InDoubt), Ok(JobState::Queued)));
    let expired = store.submit(Write::ExpireJobs { at: at(90) }).await;
    let Ok(Written::Jobs(expired)) = expired else { panic!("{expired:?}") };
    let expired: BTreeSet<_> = expired.into_iter().map(|(_, _, job)| job).collect();
    assert_eq!(expired, BTreeSet::from([jobs[1], jobs[2], jobs[3]]));
    let states = [found(0).await, found(1).await, found(2).await, found(3).await];
    assert_eq!(states, [JobState::InDoubt, JobState::Expired, JobState::Failed, JobState::Expired].map(Ok));
}

/// Opens nothing that another has sealed.
#[derive(Debug)]
struct OtherKey;

impl Seal for OtherKey {
    fn seal(&self, _: &[u8], plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }

    fn open(&self, _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

#[tokio::test]
async fn a_secret_whose_key_is_lost_is_over_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let store = open(folder.path());
    let device = approved(&store, "os::00256D-1", 1).await;
    let job = create(&store, 10, new_operation(device.id, set("Device.A.", "B", "secret"))).await.id;
    drop(store);
    let connection = Connection::open(folder.path().join(FILE)).expect("writable");
    // As of a parameter that the device's model calls secured.
    let sealed =
        connection.execute("UPDATE jobs SET sealed = 1, masked = request WHERE id = ?", [job.to_bytes()]);
    assert_eq!(sealed, Ok(1));
    drop(connection);
    let options = Options { seal: Arc::new(OtherKey), ..Options::default() };
    let store = SqliteStore::open(folder.path(), &options).expect("a store");
    assert_eq!(store.submit(Write::Recover { at: at(4) }).await, Ok(Written::Count(0)));
    let found = store.job(TENANT, job).await.expect("readable").expect("it is there");
    assert_eq!((found.state, found.operation), (JobState::Failed, set("Device.A.", "B", "secret")));
    let why = found.error.map(|error| error.message);
    assert_eq!(
        why.as_deref(),
        Some("it can't be read any more: the store failed: a sealed request cannot be opened")
    );
}
