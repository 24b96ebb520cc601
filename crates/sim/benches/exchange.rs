//! Requests through a controller machine, a WebSocket on loopback and an agent with the real engine: single
//! Gets, durable Sets, and a Get of the whole device. Both ends run in this process.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/controller.rs"]
mod controller;
#[path = "support/machine.rs"]
mod machine;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use controller::{Controller, Event, Session};
use dm::operation::{Get, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};
use sim::usp::{Options, Report, run};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use usp_endpoint::controller::io::OnboardingPlan;

/// Requests that wait for their answers at the same time.
const OUTSTANDING: u64 = 64;
const GETS: u64 = 100_000;
const SETS: u64 = 50_000;
const WHOLE_GETS: u64 = 2_000;

/// An agent behind a controller.
struct Pair {
    controller: Controller,
    session: Arc<Session>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<Report>>,
}

impl Pair {
    async fn start(journals: Option<PathBuf>) -> Pair {
        let plan = OnboardingPlan { complete: true, ..OnboardingPlan::default() };
        let mut controller = Controller::start(plan).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let (move_every, notify_every) = (None, None);
        let options = Options { journals, move_every, notify_every, ..Options::new(1, controller.url()) };
        let running = tokio::spawn(run(options, async move { drop(stopped.await) }));
        let mut session = None;
        loop {
            match controller.events.recv().await.expect("the agent comes") {
                Event::Up(up) => session = Some(up),
                // Until then the machine has requests of its own under way.
                Event::Onboarded(end) => {
                    end.expect("onboarding works");
                    let session = session.expect("it is up");
                    return Pair { controller, session, stop, running };
                }
                _ => {}
            }
        }
    }

    /// Seconds that so many requests take.
    async fn ask(&mut self, count: u64, outstanding: u64, request: impl Fn(u64) -> Operation) -> f64 {
        let began = Instant::now();
        for number in 0..outstanding {
            self.session.submit(number, request(number));
        }
        let mut next = outstanding;
        let mut answered = 0;
        while answered < count {
            let event = self.controller.events.recv().await.expect("the agent answers");
            let outcome = match event {
                Event::Answered(_, outcome) => outcome,
                Event::Failed(failure) => panic!("{failure:?}"),
                _ => continue,
            };
            assert!(is_good(&outcome), "{outcome:?}");
            answered += 1;
            if next < count {
                self.session.submit(next, request(next));
                next += 1;
            }
        }
        began.elapsed().as_secs_f64()
    }

    async fn stop(self) -> Report {
        self.stop.send(()).expect("the agent runs");
        self.running.await.expect("no panic").expect("a report")
    }
}

fn is_good(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Get(results) => results.iter().all(|result| result.result.is_ok()),
        Outcome::Set(results) => results.iter().all(|result| result.result.is_ok()),
        _ => false,
    }
}

/// Another leaf each time.
fn get(number: u64) -> Operation {
    let leaves = ["Name", "Status", "Type", "MaxMTUSize", "Enable", "Stats.BytesSent", "Stats.PacketsSent"];
    let leaf = leaves[number as usize / 20 % leaves.len()];
    let path = format!("Device.IP.Interface.{}.{leaf}", number % 20 + 1);
    Operation::Get(Get { paths: vec![path], max_depth: 0 })
}

/// Another leaf each time, and another value than it had.
fn set(number: u64) -> Operation {
    let value = (1000 + number / 20 % 500).to_string();
    let setting = ParamSetting { param: "MaxMTUSize".to_owned(), value, required: true };
    let path = format!("Device.IP.Interface.{}.", number % 20 + 1);
    let objects = vec![ObjectSettings { path, params: vec![setting] }];
    Operation::Set(Set { allow_partial: false, objects })
}

fn whole(_: u64) -> Operation {
    Operation::Get(Get { paths: vec!["Device.".to_owned()], max_depth: 0 })
}

#[tokio::main]
async fn main() {
    machine::tell();
    let mut pair = Pair::start(None).await;
    pair.ask(GETS / 10, OUTSTANDING, get).await;
    let seconds = pair.ask(GETS, OUTSTANDING, get).await;
    let rate = GETS as f64 / seconds;
    println!("| Get of one parameter, machine to machine, {OUTSTANDING} outstanding | {rate:.0}/s |");
    pair.ask(WHOLE_GETS / 10, 1, whole).await;
    let seconds = pair.ask(WHOLE_GETS, 1, whole).await;
    let each = seconds * 1000.0 / WHOLE_GETS as f64;
    println!("| Get(\"Device.\") of 250 parameters, machine to machine, one by one | {each:.3} ms |");
    pair.stop().await;

    // Beside the build, because /tmp may be memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is there");
    let mut pair = Pair::start(Some(folder.path().to_owned())).await;
    let seconds = pair.ask(SETS, OUTSTANDING, set).await;
    let report = pair.stop().await;
    println!(
        "| Set of one parameter, machine to machine, durable on the agent, {OUTSTANDING} outstanding | {:.0}/s \
         ({} changes in {} syncs) |",
        SETS as f64 / seconds,
        report.journal_appends,
        report.journal_syncs,
    );
}
