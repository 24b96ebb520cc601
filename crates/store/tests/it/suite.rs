//! What every store must do, written against the port alone.

use std::collections::BTreeSet;

use dm::UtcTime;
use dm::operation::{Add, Get, ObjectSettings, Operation, ParamSetting, Set};
use fleet::Reach;
use fleet::access::Caller;
use fleet::audit::AuditEntry;
use fleet::certificate::IssuedCertificate;
use fleet::check::NoSchema;
use fleet::device::Device;
use fleet::enrolment::{PendingDevice, Shown};
use fleet::event::{Event, EventKind};
use fleet::ids::{DeviceId, Epoch, Fingerprint, Seq, Stamp, TenantId};
use fleet::job::{Actor, Job, Priority};
use fleet::port::{Patch, SessionClosed, SessionOpened, Store, Write, Written};
use fleet::service::{self, NewOperation};

mod access;
mod certificates;
mod datamodel;
mod devices;
mod enrolment;
mod epochs;
mod expected;
mod jobs;
mod log;
mod logins;
mod notifications;
mod tenants;
mod twin;

pub(crate) const TENANT: TenantId = TenantId::DEFAULT;

/// Runs everything, each part on a store of its own.
pub(crate) async fn run<S: Store>(mut make: impl FnMut() -> S) {
    enrolment::run(&make()).await;
    devices::run(&make()).await;
    jobs::run(&make()).await;
    jobs::queue_is_bounded(&make()).await;
    epochs::run(&make()).await;
    notifications::run(&make()).await;
    twin::run(&make()).await;
    log::run(&make()).await;
    log::pruning(&make()).await;
    access::run(&make()).await;
    certificates::run(&make()).await;
    expected::run(&make()).await;
    datamodel::run(&make()).await;
    tenants::run(&make()).await;
    logins::run(&make()).await;
}

/// A time, in seconds after a day in 2026.
pub(crate) fn at(seconds: i64) -> UtcTime {
    UtcTime((1_790_000_000 + seconds) * 1_000_000)
}

/// A stamp whose chance is a number.
pub(crate) fn stamp(at: UtcTime, number: u64) -> Stamp {
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&number.to_be_bytes());
    Stamp { at, chance }
}

pub(crate) fn audit() -> AuditEntry {
    AuditEntry::new(Actor::user("alice"), "test.act", "target", "detail")
}

pub(crate) fn caller() -> Caller {
    Caller::system(Reach::Platform)
}

/// Puts a device on the list and approves it.
pub(crate) async fn approved<S: Store>(store: &S, endpoint: &str, number: u64) -> Device {
    seen(store, endpoint, None, at(0)).await;
    service::approve(store, &caller(), stamp(at(1), number), endpoint, Some(Shown::Plain), None, None)
        .await
        .expect("it is on the list")
}

pub(crate) async fn seen<S: Store>(
    store: &S,
    endpoint: &str,
    fingerprint: Option<Fingerprint>,
    when: UtcTime,
) {
    let pending = PendingDevice {
        endpoint: endpoint.to_owned(),
        transport: "websocket".to_owned(),
        peer: "127.0.0.1:4000".to_owned(),
        proven: fingerprint.is_some(),
        fingerprint,
        first_seen: when,
        last_seen: when,
        attempts: 1,
        changed: false,
    };
    done(store, Write::SeenPending { tenant: TenantId::PLATFORM, pending }).await;
}

/// Those who ask to be let in.
pub(crate) async fn pending<S: Store>(store: &S) -> Vec<PendingDevice> {
    let rows = store.pending(Reach::Platform).await.expect("a list");
    rows.into_iter().map(|(_, row)| row).collect()
}

/// A certificate whose fingerprint is this byte 32 times, good until 1,000 seconds are over.
pub(crate) fn issued(number: u8) -> IssuedCertificate {
    let fingerprint = Fingerprint([number; 32]);
    IssuedCertificate { serial: format!("4A:{number:02X}"), fingerprint, expires: at(1000) }
}

pub(crate) async fn done<S: Store>(store: &S, write: Write) {
    assert_eq!(store.submit(write).await, Ok(Written::Done));
}

pub(crate) async fn open_session<S: Store>(store: &S, device: DeviceId, when: UtcTime) -> Epoch {
    let opened = SessionOpened {
        tenant: TENANT,
        device,
        transport: "websocket".to_owned(),
        peer: "192.0.2.7:5000".to_owned(),
        proven: true,
        fingerprint: None,
        at: when,
    };
    match store.submit(Write::SessionOpened(opened)).await {
        Ok(Written::Session(epoch)) => epoch,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn close_session(device: DeviceId, epoch: Epoch, when: UtcTime) -> Write {
    Write::SessionClosed(SessionClosed { tenant: TENANT, device, epoch, at: when, reason: "gone".to_owned() })
}

pub(crate) fn get(path: &str) -> Operation {
    Operation::Get(Get { paths: vec![path.to_owned()], max_depth: 0 })
}

pub(crate) fn set(path: &str, param: &str, value: &str) -> Operation {
    Operation::Set(Set { allow_partial: false, objects: vec![settings(path, param, value)] })
}

pub(crate) fn add(path: &str, param: &str, value: &str) -> Operation {
    Operation::Add(Add { allow_partial: false, objects: vec![settings(path, param, value)] })
}

fn settings(path: &str, param: &str, value: &str) -> ObjectSettings {
    let params = vec![ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true }];
    ObjectSettings { path: path.to_owned(), params }
}

pub(crate) fn new_operation(device: DeviceId, operation: Operation) -> NewOperation {
    NewOperation {
        device,
        tenant: TENANT,
        operation,
        priority: Priority::Person,
        deadline: None,
        idempotency_key: None,
        force: false,
    }
}

pub(crate) async fn create<S: Store>(store: &S, number: u64, new: NewOperation) -> Job {
    let when = at(i64::try_from(number).expect("small"));
    let created = service::create_operation(store, &caller(), stamp(when, number), new, &NoSchema).await;
    created.expect("the store has room").job
}

pub(crate) async fn rename<S: Store>(store: &S, device: DeviceId, name: &str, tags: &[&str]) {
    let tags: BTreeSet<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let (name, tags) = (Some(name.to_owned()), Some(tags));
    let patch = Patch { tenant: TENANT, device, name, tags, at: at(2), audit: audit() };
    assert!(matches!(store.submit(Write::PatchDevice(patch)).await, Ok(Written::Device(_))));
}

/// All events so far, oldest first.
pub(crate) async fn log_of<S: Store>(store: &S) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::new();
    loop {
        let after = all.last().map_or(Seq(0), |last| last.seq);
        let piece = store.events_after(Reach::Platform, after, 100).await.expect("the log is readable");
        if piece.is_empty() {
            return all;
        }
        all.extend(piece);
    }
}

pub(crate) async fn kinds_of<S: Store>(store: &S) -> Vec<EventKind> {
    log_of(store).await.into_iter().map(|event| event.body.kind).collect()
}
