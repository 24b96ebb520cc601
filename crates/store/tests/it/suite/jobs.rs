//! Jobs, from the request to the end.

use dm::operation::{
    CommandResult, MessageFailure, ObjectValues, Operate, Operation, Outcome, Requested, UpdatedInstance,
};
use dm::{Code, Fault, UtcTime};
use fleet::Error;
use fleet::Reach;
use fleet::access::{Caller, Role};
use fleet::check::NoSchema;
use fleet::device::{Device, FactsUpdate};
use fleet::ids::{Epoch, JobId};
use fleet::job::{self, Accepted, Ending, JobEvent, JobState, MASK, Priority, StateName};
use fleet::port::{FinishJob, JobQuery, PageRequest, Store, StoreError, Write, Written};
use fleet::service::{self, NewOperation};
use fleet::twin::Delta;
use fleet::{TenantId, limits};

use super::{
    TENANT, add, approved, at, caller, close_session, create, get, log_of, new_operation, open_session, set,
    stamp,
};

pub(super) async fn run<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-J", 1).await;
    let epoch = open_session(store, device.id, at(2)).await;
    a_read_and_its_answer(store, &device, epoch).await;
    idempotency(store, &device).await;
    cancelling(store, &device, epoch).await;
    secrets_are_forgotten(store, &device, epoch).await;
    a_command_that_takes_long(store, &device, epoch).await;
    deadlines(store, &device, epoch).await;
    permissions(store, &device).await;
    lists(store, &device).await;
    lost_sessions(store, &device, epoch).await;
    long_lists(store).await;
}

/// A page of long answers has fewer of them: nobody is to hold hundreds in memory at once.
async fn long_lists<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-LONG", 900).await;
    let epoch = open_session(store, device.id, at(900)).await;
    let params = vec![("A".to_owned(), "x".repeat(3 << 20))];
    let object = ObjectValues { path: "Device.".to_owned(), params };
    let outcome = Outcome::Get(vec![Requested { path: "Device.".to_owned(), result: Ok(vec![object]) }]);
    let mut made = Vec::new();
    for number in 901..904 {
        let job = create(store, number, new_operation(device.id, get("Device."))).await;
        send(store, job.id, epoch).await.expect("it is queued");
        let event = JobEvent::Finish(Ending::Done);
        let finish = finish(job.id, event, Some(outcome.clone()), at(905));
        store.submit(Write::FinishJob(Box::new(finish))).await.expect("it was sent");
        made.insert(0, job.id);
    }
    for reach in [Reach::Tenant(TENANT), Reach::Platform] {
        let (mut listed, mut sizes) = (Vec::new(), Vec::new());
        let mut page = PageRequest::first(50);
        loop {
            let query = JobQuery { device: Some(device.id), page, ..JobQuery::default() };
            let piece = store.jobs(reach, query).await.expect("a page");
            sizes.push(piece.items.len());
            listed.extend(piece.items.into_iter().map(|job| job.id));
            let Some(next) = piece.next else { break };
            page = PageRequest { limit: 50, cursor: Some(next) };
        }
        assert_eq!((&listed, sizes), (&made, vec![2, 1]));
    }
}

fn finish(job: JobId, event: JobEvent, outcome: Option<Outcome>, when: UtcTime) -> FinishJob {
    let facts = FactsUpdate::default();
    FinishJob { tenant: TENANT, job, epoch: None, event, outcome, error: None, delta: None, facts, at: when }
}

async fn state<S: Store>(store: &S, job: JobId) -> JobState {
    store.job(TENANT, job).await.expect("readable").expect("known").state
}

async fn send<S: Store>(store: &S, job: JobId, epoch: Epoch) -> Result<Written, StoreError> {
    store.submit(Write::JobSent { tenant: TENANT, job, epoch, at: at(20) }).await
}

async fn a_read_and_its_answer<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let job = create(store, 10, new_operation(device.id, get("Device.DeviceInfo."))).await;
    let waiting = store.queued_jobs(TENANT, device.id, 10).await.expect("readable");
    assert_eq!(waiting.iter().map(|one| one.id).collect::<Vec<_>>(), [job.id]);
    assert_eq!(send(store, job.id, Epoch(epoch.0 + 1)).await, Err(StoreError::StaleEpoch));
    send(store, job.id, epoch).await.expect("it is queued");
    assert_eq!(store.queued_jobs(TENANT, device.id, 10).await, Ok(Vec::new()));
    let params = vec![("SerialNumber".to_owned(), "42".to_owned())];
    let object = ObjectValues { path: "Device.DeviceInfo.".to_owned(), params };
    let outcome =
        Outcome::Get(vec![Requested { path: "Device.DeviceInfo.".to_owned(), result: Ok(vec![object]) }]);
    let delta = Delta::of_outcome(&job.operation, &outcome, at(21));
    let facts = FactsUpdate::from_params([("Device.DeviceInfo.SerialNumber", "42")]);
    let event = job::event_of(&outcome, "");
    let finish =
        FinishJob { delta: Some(delta), facts, ..finish(job.id, event, Some(outcome.clone()), at(21)) };
    let Ok(Written::Job { job: finished, .. }) =
        store.submit(Write::FinishJob(Box::new(finish.clone()))).await
    else {
        panic!("it was sent")
    };
    assert_eq!((&finished.state, &finished.outcome), (&JobState::Done, &Some(outcome)));
    assert_eq!(store.job(TENANT, job.id).await, Ok(Some(*finished)));
    let twin = store.twin(TENANT, device.id).await.expect("readable");
    assert_eq!(
        twin.get("Device.DeviceInfo.SerialNumber").map(|one| (&*one.value, one.at)),
        Some(("42", at(21)))
    );
    let now = store.device(TENANT, device.id).await.expect("readable").expect("known");
    assert_eq!((now.facts.serial.as_str(), now.last_seen), ("42", Some(at(21))));
    // An answer that comes twice changes nothing.
    let twice = store.submit(Write::FinishJob(Box::new(finish))).await;
    assert_eq!(twice, Err(StoreError::Unexpected("a job that is done cannot be finished".to_owned())));
    let states: Vec<String> = log_of(store)
        .await
        .into_iter()
        .filter(|event| event.body.job == Some(job.id))
        .map(|event| event.body.params[1].1.clone())
        .collect();
    assert_eq!(states, ["queued", "done"]);
}

async fn idempotency<S: Store>(store: &S, device: &Device) {
    let reboot = Operation::Operate(Operate {
        command: "Device.Reboot()".to_owned(),
        send_resp: true,
        ..Operate::default()
    });
    let keyed = |operation: &Operation| NewOperation {
        idempotency_key: Some("k1".to_owned()),
        ..new_operation(device.id, operation.clone())
    };
    let ask = async |number, operation: &Operation| {
        service::create_operation(store, &caller(), stamp(at(30), number), keyed(operation), &NoSchema).await
    };
    let first = ask(30, &reboot).await.expect("new");
    let second = ask(31, &reboot).await.expect("the same again");
    assert_eq!((first.existing, second.existing, first.job.id), (false, true, second.job.id));
    let conflict = StoreError::Conflict("this idempotency key was used for another operation");
    assert_eq!(ask(32, &get("Device.")).await, Err(Error::Store(conflict)));
    // Another actor's key is another key.
    let other = Caller { actor: fleet::job::Actor::user("bob"), ..caller() };
    let bobs = service::create_operation(store, &other, stamp(at(30), 33), keyed(&reboot), &NoSchema).await;
    assert!(!bobs.expect("new").existing);
}

async fn cancelling<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let job = create(store, 40, new_operation(device.id, get("Device."))).await;
    let cancelled = service::cancel_job(store, &caller(), at(41), job.id).await.expect("queued");
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(send(store, job.id, epoch).await.is_err());
    let job = create(store, 42, new_operation(device.id, get("Device."))).await;
    send(store, job.id, epoch).await.expect("queued");
    let late = service::cancel_job(store, &caller(), at(43), job.id).await;
    let why = StoreError::Unexpected("a job that is sent cannot be cancelled".to_owned());
    assert_eq!(late, Err(Error::Store(why)));
    let finish = finish(job.id, JobEvent::Finish(Ending::Done), None, at(44));
    store.submit(Write::FinishJob(Box::new(finish))).await.expect("sent");
    let unknown = JobId::make(stamp(at(0), 999));
    assert_eq!(service::cancel_job(store, &caller(), at(45), unknown).await, Err(Error::NotFound("job")));
}

async fn secrets_are_forgotten<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let operation = set("Device.WiFi.AccessPoint.1.Security.", "KeyPassphrase", "open sesame");
    let masked = set("Device.WiFi.AccessPoint.1.Security.", "KeyPassphrase", MASK);
    let job = create(store, 50, new_operation(device.id, operation.clone())).await;
    let Ok(Written::Job { job: sent, .. }) = send(store, job.id, epoch).await else { panic!("queued") };
    assert_eq!(sent.operation, operation);
    let row = UpdatedInstance {
        path: "Device.WiFi.AccessPoint.1.Security.".to_owned(),
        ..UpdatedInstance::default()
    };
    let outcome = Outcome::Set(vec![Requested { path: row.path.clone(), result: Ok(vec![row]) }]);
    let finish = finish(job.id, job::event_of(&outcome, ""), Some(outcome), at(51));
    store.submit(Write::FinishJob(Box::new(finish))).await.expect("sent");
    let job = store.job(TENANT, job.id).await.expect("readable").expect("known");
    assert_eq!((job.operation, job.state), (masked.clone(), JobState::Done));
    // A withdrawn one forgets as well.
    let job = create(store, 52, new_operation(device.id, operation)).await;
    let job = service::cancel_job(store, &caller(), at(53), job.id).await.expect("queued");
    assert_eq!(job.operation, masked);
}

async fn a_command_that_takes_long<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let ping = Operate {
        command: "Device.IP.Diagnostics.IPPing()".to_owned(),
        send_resp: true,
        ..Operate::default()
    };
    let job = create(store, 60, new_operation(device.id, Operation::Operate(ping.clone()))).await;
    let key = job.id.to_string();
    send(store, job.id, epoch).await.expect("queued");
    let started = Ok(CommandResult::Started("Device.LocalAgent.Request.1.".to_owned()));
    let outcome = Outcome::Operate(vec![Requested { path: ping.command.clone(), result: started }]);
    let event = job::event_of(&outcome, &key);
    let accepted =
        Accepted { requests: vec!["Device.LocalAgent.Request.1.".to_owned()], command_key: key.clone() };
    assert_eq!(event, JobEvent::Accept(accepted.clone()));
    let step = Write::StepJob {
        tenant: TENANT,
        job: job.id,
        epoch: Some(epoch),
        event,
        outcome: Some(Box::new(outcome)),
        at: at(61),
    };
    store.submit(step).await.expect("sent");
    assert_eq!(state(store, job.id).await, JobState::Accepted(accepted));
    let found = store.job_by_command_key(TENANT, device.id, &key).await.expect("readable").expect("accepted");
    assert_eq!(found.id, job.id);
    let output = Ok(CommandResult::Output(vec![("SuccessCount".to_owned(), "3".to_owned())]));
    let outcome = Outcome::Operate(vec![Requested { path: ping.command, result: output }]);
    let finish = finish(job.id, JobEvent::Finish(Ending::Done), Some(outcome.clone()), at(62));
    store.submit(Write::FinishJob(Box::new(finish))).await.expect("accepted");
    let job = store.job(TENANT, job.id).await.expect("readable").expect("known");
    assert_eq!((job.state, job.outcome), (JobState::Done, Some(outcome)));
    assert_eq!(store.job_by_command_key(TENANT, device.id, &key).await, Ok(None));
}

async fn deadlines<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let soon = |operation| NewOperation { deadline: Some(at(90)), ..new_operation(device.id, operation) };
    let queued = create(store, 70, soon(get("Device."))).await;
    let read = create(store, 71, soon(get("Device."))).await;
    let write = create(store, 72, soon(set("Device.Time.", "Enable", "true"))).await;
    let later = create(store, 73, NewOperation { deadline: Some(at(900)), ..soon(get("Device.")) }).await;
    send(store, read.id, epoch).await.expect("queued");
    send(store, write.id, epoch).await.expect("queued");
    let Ok(Written::Jobs(mut expired)) = store.submit(Write::ExpireJobs { at: at(90) }).await else {
        panic!()
    };
    expired.sort();
    assert_eq!(expired.iter().map(|one| one.2).collect::<Vec<_>>(), [queued.id, read.id, write.id]);
    assert_eq!(state(store, queued.id).await, JobState::Expired);
    assert_eq!(state(store, read.id).await, JobState::Expired);
    assert_eq!(state(store, write.id).await, JobState::InDoubt);
    assert_eq!(state(store, later.id).await, JobState::Queued);
    assert_eq!(store.submit(Write::ExpireJobs { at: at(91) }).await, Ok(Written::Jobs(Vec::new())));
    let error = store.job(TENANT, queued.id).await.expect("readable").expect("known").error;
    assert_eq!(error.map(|error| error.message), Some("the device was not reached in time".to_owned()));
    // A late answer resolves the doubt.
    let fault = Fault::new(Code::REQUEST_DENIED, "no");
    let outcome = Outcome::Failed(MessageFailure { fault, params: Vec::new() });
    let finish = finish(write.id, job::event_of(&outcome, ""), Some(outcome), at(92));
    store.submit(Write::FinishJob(Box::new(finish))).await.expect("in doubt");
    assert_eq!(state(store, write.id).await, JobState::Failed);
}

async fn permissions<S: Store>(store: &S, device: &Device) {
    let viewer = Caller { roles: vec![Role::Viewer], ..caller() };
    let operator = Caller { roles: vec![Role::Operator], ..caller() };
    let ask = async |who: &Caller, operation, force| {
        let new = NewOperation { force, ..new_operation(device.id, operation) };
        service::create_operation(store, who, stamp(at(95), 95), new, &NoSchema).await.map(|_| ())
    };
    assert_eq!(ask(&viewer, get("Device."), false).await, Err(Error::Forbidden("query")));
    assert_eq!(ask(&viewer, set("Device.", "A", "1"), false).await, Err(Error::Forbidden("write")));
    assert_eq!(ask(&operator, set("Device.", "A", "1"), true).await, Err(Error::Forbidden("force")));
    let stranger = Caller { reach: Reach::Tenant(TenantId::make(stamp(at(0), 5))), ..caller() };
    let hidden = Err(Error::NotFound("device"));
    assert_eq!(ask(&stranger, get("Device."), false).await, hidden);
}

async fn lists<S: Store>(store: &S, device: &Device) {
    let mut query = JobQuery { page: PageRequest::first(4), ..JobQuery::default() };
    let mut ids = Vec::new();
    loop {
        let page = store.jobs(TENANT, query.clone()).await.expect("a page");
        ids.extend(page.items.into_iter().map(|job| job.id));
        match page.next {
            Some(next) => query.page.cursor = Some(next),
            None => break,
        }
    }
    assert!(ids.len() > 8 && ids.is_sorted_by(|left, right| left > right), "newest first, each once");
    let done =
        JobQuery { state: Some(StateName::Done), device: Some(device.id), page: PageRequest::first(50) };
    let done = store.jobs(TENANT, done).await.expect("a page").items;
    assert!(!done.is_empty() && done.iter().all(|job| job.state == JobState::Done));
}

/// What was under way when a session ended: what can be repeated waits again, the rest is in doubt.
async fn lost_sessions<S: Store>(store: &S, device: &Device, epoch: Epoch) {
    let operations = [get("Device."), set("Device.", "A", "1"), add("Device.T.", "A", "1")];
    let mut jobs = Vec::new();
    for (number, operation) in (100..).zip(operations) {
        let priority = Priority::Background;
        let job =
            create(store, number, NewOperation { priority, ..new_operation(device.id, operation) }).await;
        send(store, job.id, epoch).await.expect("queued");
        jobs.push(job.id);
    }
    store.submit(close_session(device.id, epoch, at(110))).await.expect("it is the present one");
    let states = async || {
        let mut states = Vec::new();
        for job in &jobs {
            states.push(state(store, *job).await);
        }
        states
    };
    assert_eq!(states().await, [JobState::Queued, JobState::Queued, JobState::InDoubt]);
    // The same after the death of the process.
    let epoch = open_session(store, device.id, at(120)).await;
    send(store, jobs[0], epoch).await.expect("queued");
    assert_eq!(store.submit(Write::Recover { at: at(130) }).await, Ok(Written::Count(1)));
    assert_eq!(states().await, [JobState::Queued, JobState::Queued, JobState::InDoubt]);
    let now = store.device(TENANT, device.id).await.expect("readable").expect("known");
    assert!(!now.online);
}

pub(super) async fn queue_is_bounded<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-Q", 1).await;
    for number in 0..limits::LANE_QUEUE as u64 {
        create(store, 10 + number, new_operation(device.id, get("Device."))).await;
    }
    let new = new_operation(device.id, get("Device."));
    let full = service::create_operation(store, &caller(), stamp(at(900), 900), new, &NoSchema).await;
    let why = StoreError::Conflict("too many operations wait for this device");
    assert_eq!(full, Err(Error::Store(why)));
    more_may_wait_than_a_lane_holds(store).await;
}

/// A write that was under way when the server died waits again, beside as many as may wait: whoever reads
/// what waits must see that there is one more.
async fn more_may_wait_than_a_lane_holds<S: Store>(store: &S) {
    let device = approved(store, "os::00256D-R", 2).await;
    let epoch = open_session(store, device.id, at(2000)).await;
    let write = || new_operation(device.id, set("Device.Time.", "Enable", "true"));
    let job = create(store, 2001, write()).await.id;
    let sent = Write::JobSent { tenant: TENANT, job, epoch, at: at(2002) };
    assert!(matches!(store.submit(sent).await, Ok(Written::Job { .. })));
    for number in 0..limits::LANE_QUEUE as u64 {
        create(store, 2010 + number, write()).await;
    }
    assert_eq!(store.submit(Write::Recover { at: at(3000) }).await, Ok(Written::Count(1)));
    let waiting = store.queued_jobs(TENANT, device.id, limits::LANE_QUEUE + 1).await.expect("a list");
    assert_eq!((waiting.len(), waiting[0].id), (257, job));
}
