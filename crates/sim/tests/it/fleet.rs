//! A fleet from its first connection to its report.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dm::operation::{Get, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};
use sim::usp::{Notice as Told, Options, Report, run};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use usp_endpoint::controller::io::{Notice, OnboardingPlan, Subscription, Ticket};

use crate::controller::{Controller, Event, Session};

/// No test waits for this long unless something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running fleet.
struct Fleet {
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<Report>>,
}

impl Fleet {
    fn start(options: Options) -> Fleet {
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(run(options, async move {
            // A test that fails drops the other end; the fleet ends too.
            let _ = stopped.await;
        }));
        Fleet { stop, running }
    }

    async fn stop(self) -> Report {
        self.stop.send(()).expect("the fleet runs");
        self.running.await.expect("no panic").expect("a report")
    }
}

/// Subscribes to the values that move.
fn plan() -> OnboardingPlan {
    let subscription = Subscription {
        id: "values".to_owned(),
        notif_type: "ValueChange".to_owned(),
        reference_list: "Device.IP.Interface.*.Status".to_owned(),
        persistent: true,
        retry: true,
    };
    OnboardingPlan {
        read: vec!["Device.DeviceInfo.".to_owned()],
        schema: true,
        instances: true,
        subscriptions: vec![subscription],
        complete: true,
        ..OnboardingPlan::default()
    }
}

pub(crate) fn quiet(count: usize, url: &str) -> Options {
    Options { rate: 0, move_every: None, notify_every: None, ..Options::new(count, url) }
}

impl Controller {
    pub(crate) async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        let event = event.expect("an event in time").expect("the controller runs");
        if let Event::Failed(failure) = &event {
            panic!("a request got no answer: {failure:?}");
        }
        event
    }

    async fn session(&mut self) -> Arc<Session> {
        loop {
            if let Event::Up(session) = self.next().await {
                return session;
            }
        }
    }

    async fn onboarded(&mut self) {
        loop {
            if let Event::Onboarded(end) = self.next().await {
                return end.expect("onboarding works");
            }
        }
    }

    async fn ask(&mut self, session: &Session, operation: Operation) -> Outcome {
        session.submit(1, operation);
        loop {
            if let Event::Answered(ticket, outcome) = self.next().await {
                assert_eq!(ticket, Ticket(1));
                return outcome;
            }
        }
    }

    async fn get(&mut self, session: &Session, path: &str) -> Vec<(String, String)> {
        let get = Operation::Get(Get { paths: vec![path.to_owned()], max_depth: 0 });
        let Outcome::Get(results) = self.ask(session, get).await else { panic!("a Get's outcome") };
        let objects = results.into_iter().flat_map(|result| result.result.expect("the path is there"));
        let full = |path: &str, (name, value): (String, String)| ([path, &name].concat(), value);
        objects
            .flat_map(|object| object.params.into_iter().map(move |param| full(&object.path, param)))
            .collect()
    }
}

#[tokio::test]
async fn a_fleet_is_onboarded_and_notifies() {
    let mut controller = Controller::start(plan()).await;
    let approved: Arc<Mutex<Vec<String>>> = Arc::default();
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let (to_approve, to_tell) = (approved.clone(), told.clone());
    let fleet = Fleet::start(Options {
        controller: None,
        first: 41,
        notify_every: Some(Duration::from_millis(100)),
        move_every: Some(Duration::from_millis(100)),
        approve: Some(Arc::new(move |ids| to_approve.lock().unwrap().extend(ids))),
        tell: Some(Arc::new(move |notice| to_tell.lock().unwrap().push(notice.clone()))),
        ..quiet(12, &controller.url())
    });
    for _ in 0..12 {
        controller.onboarded().await;
    }
    let mut changes = BTreeSet::new();
    while changes.len() < 2 {
        if let Event::Noticed(Notice::ValueChange { path, value }) = controller.next().await {
            changes.insert((path, value));
        }
    }
    let status = |value: &str| ("Device.IP.Interface.2.Status".to_owned(), value.to_owned());
    assert_eq!(changes, BTreeSet::from([status("Down"), status("Up")]));

    while approved.lock().unwrap().len() < 12 {
        controller.next().await;
    }
    let report = fleet.stop().await;
    assert_eq!((report.agents, report.connected, report.onboarded), (12, 12, 12));
    assert_eq!((report.connects, report.connect_failures, report.disconnects), (12, 0, 0));
    assert_eq!(report.connect_latency.count, 12);
    assert!(report.notifications_answered > 0 && report.notification_latency.count > 0, "{report:?}");
    assert!(report.requests >= 12, "{report:?}");
    assert_eq!(approved.lock().unwrap().iter().filter(|id| *id == "os::02C059-SIM0000041").count(), 1);
    assert!(matches!(told.lock().unwrap().first(), Some(Told::Started { agents: 12, .. })));
}

#[tokio::test]
async fn a_device_is_read_and_written() {
    let mut controller = Controller::start(OnboardingPlan::default()).await;
    let fleet = Fleet::start(quiet(1, &controller.url()));
    let session = controller.session().await;
    let all = controller.get(&session, "Device.").await;
    assert_eq!(all.len(), 250);
    let value = |path: &str| all.iter().find(|(known, _)| known == path).map(|(_, value)| value.as_str());
    assert_eq!(value("Device.DeviceInfo.SerialNumber"), Some("SIM0000001"));
    assert_eq!(value("Device.LocalAgent.EndpointID"), Some("os::02C059-SIM0000001"));

    let setting = ParamSetting { param: "MaxMTUSize".to_owned(), value: "1400".to_owned(), required: true };
    let object = ObjectSettings { path: "Device.IP.Interface.7.".to_owned(), params: vec![setting] };
    let set = Operation::Set(Set { allow_partial: false, objects: vec![object] });
    controller.ask(&session, set).await;
    let read = controller.get(&session, "Device.IP.Interface.7.MaxMTUSize").await;
    assert_eq!(read, [("Device.IP.Interface.7.MaxMTUSize".to_owned(), "1400".to_owned())]);
    fleet.stop().await;
}

#[tokio::test]
async fn counters_move() {
    let mut controller = Controller::start(OnboardingPlan::default()).await;
    let moving = Some(Duration::from_millis(20));
    let fleet = Fleet::start(Options { move_every: moving, ..quiet(1, &controller.url()) });
    let session = controller.session().await;
    let read = |values: Vec<(String, String)>| values[0].1.parse::<u64>().expect("a number");
    let before = read(controller.get(&session, "Device.IP.Interface.1.Stats.BytesReceived").await);
    let after = loop {
        let now = read(controller.get(&session, "Device.IP.Interface.1.Stats.BytesReceived").await);
        if now != before {
            break now;
        }
    };
    assert!(after > before);
    fleet.stop().await;
}

#[tokio::test]
async fn agents_with_journals_remember_and_count_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let journals = Some(folder.path().to_owned());
    for is_first in [true, false] {
        let mut controller = Controller::start(plan()).await;
        let options = Options { journals: journals.clone(), ..quiet(1, &controller.url()) };
        let fleet = Fleet::start(options);
        if is_first {
            controller.onboarded().await;
        } else {
            // It remembers, and does not ask again.
            let session = controller.session().await;
            let path = "Device.LocalAgent.Controller.1.OnBoardingComplete";
            assert_eq!(controller.get(&session, path).await[0].1, "true");
        }
        let report = fleet.stop().await;
        assert_eq!(report.onboarded, 1);
        // Reading needs no sync; being onboarded does.
        assert!(!is_first || report.journal_syncs > 0, "{report:?}");
    }
}

#[tokio::test]
async fn options_that_make_no_sense() {
    let cases = [
        (Options::new(0, "ws://127.0.0.1:1/usp"), "a fleet needs at least one agent"),
        (Options { first: 0, ..Options::new(1, "ws://127.0.0.1:1/usp") }, "agents are counted from 1"),
        (Options::new(1, "http://127.0.0.1:1/usp"), "http://127.0.0.1:1/usp"),
        (Options::new(1, "mqtt://127.0.0.1:1/usp"), "mqtt://127.0.0.1:1/usp"),
        (Options::new(1, "mqtt://127.0.0.1:1"), "a broker does not say who the controller is: name it"),
        (Options { controller: Some("x".to_owned()), ..Options::new(1, "ws://127.0.0.1:1/usp") }, "x"),
    ];
    for (options, expected) in cases {
        let error = run(options, std::future::pending()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
