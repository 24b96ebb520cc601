//! Tests: what becomes of jobs when the store fails, and when something outside the machine panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use dm::operation::{Get, ObjectSettings, Operation, Outcome, ParamSetting, Set};
use fleet::Reach;
use fleet::access::Caller;
use fleet::audit::AuditEntry;
use fleet::check::NoSchema;
use fleet::device::Identity;
use fleet::enrolment::Policy;
use fleet::ids::{DeviceId, TenantId};
use fleet::job::{Actor, Job, JobState, Priority};
use fleet::port::{Admit, SessionOpened, Store as _, StoreError, Write, Written};
use fleet::service::{self, NewOperation};
use mtp::mqtt::broker::{Attached, Broker, ConnectFacts, Denied, Gate, Rights};
use mtp::mqtt::{Filter, Topic};
use mtp::{LinkUp, PeerAuth, ReturnPath, Role, SendError, Side};
use store::SqliteStore;
use usp_endpoint::EndpointId;
use usp_endpoint::controller::io::Input;
use usp_endpoint::link::{Contact, LinkId};

use super::session::Session;
use super::{Usp, UspOptions, lock};
use crate::clock::{Clock, chance};
use crate::config::Limits;
use crate::doors::Doors;
use crate::jobs::End;
use crate::metrics::Metrics;

const TENANT: TenantId = TenantId::DEFAULT;

/// What is wrong with the store.
#[derive(Clone, Copy, Default)]
enum Fault {
    #[default]
    None,
    EndsAreFull,
    EndsPanic,
    TakingPanics,
}

/// Nobody comes in; what is attached has a sender that leads nowhere.
struct Nowhere;

impl Gate for Nowhere {
    async fn admit(&self, _: &ConnectFacts, _: Option<Arc<mtp::PeerCertificate>>) -> Result<Rights, Denied> {
        std::future::pending().await
    }
}

/// The role with one device.
struct Bench {
    usp: Usp<SqliteStore>,
    device: DeviceId,
    fault: Arc<Mutex<Fault>>,
    /// How many requests sessions were given.
    asked: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path(), &store::Options::default()).expect("a store");
        let (fault, asked) = (Arc::<Mutex<Fault>>::default(), Arc::<AtomicUsize>::default());
        let (now, seen) = (Arc::clone(&fault), Arc::clone(&asked));
        let options = UspOptions {
            pending: 4,
            endpoint: EndpointId::receive("self::c").expect("an endpoint id"),
            policy: Policy::Open,
            issuer: None,
            sessions: usp_endpoint::session::io::Policy::default(),
            crypto: None,
            session_keys: None,
            inspect: Some(Box::new(move |_, input| {
                seen.fetch_add(usize::from(matches!(input, Input::Submit { .. })), Ordering::SeqCst);
            })),
            before_write: Some(Box::new(move |write| match (*lock(&now), write) {
                (Fault::EndsAreFull, Write::FinishJob(_)) => Err(StoreError::Full),
                (Fault::EndsPanic, Write::FinishJob(_)) | (Fault::TakingPanics, Write::JobSent { .. }) => {
                    panic!("injected")
                }
                _ => Ok(()),
            })),
        };
        let (clock, doors) = (Clock::start(), Doors::new(&Limits::default()));
        let usp = Usp::new(store, clock, options, doors, Arc::new(Metrics::default()));
        let stamp = clock.stamp();
        let admit = Admit {
            tenant: TENANT,
            device: DeviceId::make(stamp),
            identity: Identity::usp("os::d"),
            credential: None,
            name: None,
            at: stamp.at,
            audit: AuditEntry::new(Actor::system(), "device.admit", "os::d", ""),
        };
        let device = admit.device;
        usp.submit(Write::Admit(admit)).await.expect("let in");
        Bench { usp, device, fault, asked, _folder: folder }
    }

    fn set_fault(&self, fault: Fault) {
        *lock(&self.fault) = fault;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The device's next session, on a link whose Records go nowhere.
    async fn session(&self) -> (Arc<Session<SqliteStore>>, Attached) {
        let topic: Topic = "usp/controller".parse().expect("a topic");
        let attached =
            Broker::new(Arc::new(Nowhere), chance()).attach(vec![Filter::below(&topic)], topic.clone());
        let (link, sender) = (attached.link(), attached.sender());
        let opened = SessionOpened {
            tenant: TENANT,
            device: self.device,
            transport: "mqtt".to_owned(),
            peer: "nowhere".to_owned(),
            proven: false,
            fingerprint: None,
            at: self.usp.0.clock.utc(),
        };
        let Ok(Written::Session(epoch)) = self.usp.submit(Write::SessionOpened(opened)).await else {
            panic!("the device is known")
        };
        let up = LinkUp {
            link,
            peer_addr: None,
            eid: None,
            peer: PeerAuth::Unproven,
            return_path: path(link),
            contact: Contact::Connection,
            side: Side::Accepted,
            role: Role::Controller,
            sender,
        };
        let endpoint = EndpointId::receive("os::d").expect("an endpoint id");
        let session = Arc::new(Session::new(&self.usp, (TENANT, self.device), endpoint, epoch, &up));
        self.usp.0.lanes.forget(self.device);
        lock(&self.usp.0.sessions).insert(self.device, Arc::clone(&session));
        (session, attached)
    }

    /// A job that waits in the store; whoever reloads the lane finds it.
    async fn job(&self, operation: Operation) -> Job {
        let new = NewOperation {
            device: self.device,
            tenant: TENANT,
            operation,
            priority: Priority::Person,
            deadline: None,
            idempotency_key: None,
            force: false,
        };
        let (caller, stamp) = (Caller::system(Reach::Platform), self.usp.0.clock.stamp());
        let made = service::create_operation(&self.usp.0.store, &caller, stamp, new, &NoSchema).await;
        made.expect("accepted").job
    }

    async fn load_and_pull(&self) {
        self.usp.reload_lane(TENANT, self.device).await;
        self.usp.pull(self.device).await;
    }

    async fn state(&self, job: &Job) -> JobState {
        self.usp.0.store.job(TENANT, job.id).await.expect("readable").expect("known").state
    }
}

fn path(link: LinkId) -> ReturnPath {
    ReturnPath::Mqtt { link, topic: "usp/device".into() }
}

fn get() -> Operation {
    Operation::Get(Get { paths: vec!["Device.Time.".to_owned()], ..Get::default() })
}

fn set() -> Operation {
    let params = vec![ParamSetting { param: "Enable".to_owned(), value: "true".to_owned(), required: true }];
    let objects = vec![ObjectSettings { path: "Device.Time.".to_owned(), params }];
    Operation::Set(Set { objects, ..Set::default() })
}

/// A device may publish and leave: what it said is heard, in a session whose link is gone.
#[tokio::test]
async fn what_waits_for_a_device_that_has_left_is_not_sent() {
    let bench = Bench::new().await;
    let (session, attached) = bench.session().await;
    drop(attached);
    while !session.sender.is_closed() {
        tokio::task::yield_now().await;
    }
    let job = bench.job(set()).await;
    bench.load_and_pull().await;
    assert_eq!((bench.asked(), bench.state(&job).await), (0, JobState::Queued));
}

#[tokio::test]
async fn a_read_whose_end_the_full_store_does_not_take_is_asked_again_when_lanes_resume_and_not_before() {
    let bench = Bench::new().await;
    let (session, _attached) = bench.session().await;
    let job = bench.job(get()).await;
    bench.load_and_pull().await;
    assert_eq!(bench.asked(), 1);
    bench.set_fault(Fault::EndsAreFull);
    for asked in 1..4 {
        session.finish(&bench.usp, &job, End::Answered(Outcome::Get(Vec::new())), None).await;
        assert_eq!(bench.asked(), asked, "not at the speed of the line");
        bench.usp.resume().await;
        assert_eq!(bench.asked(), asked + 1);
    }
    bench.set_fault(Fault::None);
    session.finish(&bench.usp, &job, End::Answered(Outcome::Get(Vec::new())), None).await;
    bench.usp.resume().await;
    assert_eq!((bench.state(&job).await, bench.asked()), (JobState::Done, 4));
}

/// It is counted, the session ends, and the next one has the whole lane.
async fn after_a_panic(bench: &Bench, session: &Arc<Session<SqliteStore>>, job: &Job) {
    assert_eq!(bench.usp.0.metrics.panics.get(), 1);
    assert_eq!(session.sender.send_to(&path(session.link), Bytes::new()), Err(SendError::Closed));
    session.link_down(&bench.usp, "closed").await;
    assert_eq!(bench.state(job).await, JobState::Queued);
    bench.set_fault(Fault::None);
    let before = bench.asked();
    let (_session, _attached) = bench.session().await;
    bench.load_and_pull().await;
    assert_eq!(bench.asked(), before + 1);
}

#[tokio::test]
async fn a_panic_while_a_job_is_taken_ends_the_session_and_no_more() {
    let bench = Bench::new().await;
    let (session, _attached) = bench.session().await;
    let job = bench.job(set()).await;
    bench.set_fault(Fault::TakingPanics);
    bench.load_and_pull().await;
    assert_eq!(bench.asked(), 0);
    after_a_panic(&bench, &session, &job).await;
}

#[tokio::test]
async fn a_panic_while_the_end_of_a_job_is_stored_ends_the_session_and_no_more() {
    let bench = Bench::new().await;
    let (session, _attached) = bench.session().await;
    let job = bench.job(get()).await;
    bench.load_and_pull().await;
    bench.set_fault(Fault::EndsPanic);
    let end = End::Answered(Outcome::Get(Vec::new()));
    session.spawn_finish(&bench.usp, Arc::new(job.clone()), end, session.hold());
    let counted = async {
        while bench.usp.0.metrics.panics.get() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), counted).await.expect("the panic is counted");
    after_a_panic(&bench, &session, &job).await;
}
