//! What a fleet weighs, idle: the simulator in this process, the controller in a child, so that the one is not
//! counted with the other. `cargo bench -p sim --bench fleet -- 10000 60`: agents and seconds of idleness.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/controller.rs"]
mod controller;
#[path = "support/machine.rs"]
mod machine;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use controller::{Controller, Event};
use sim::usp::{Notice, Options, run};
use tokio::sync::Notify;
use usp_endpoint::controller::io::{OnboardingPlan, Subscription};

/// Set in the child.
const ROLE: &str = "SIM_BENCH_CONTROLLER";

/// The subscriptions of a device that a server manages.
fn plan() -> OnboardingPlan {
    let subscription = |id: &str, kind: &str, references: &str| Subscription {
        id: id.to_owned(),
        notif_type: kind.to_owned(),
        reference_list: references.to_owned(),
        persistent: true,
        retry: true,
    };
    OnboardingPlan {
        read: vec!["Device.DeviceInfo.".to_owned(), "Device.LocalAgent.".to_owned()],
        schema: false,
        instances: true,
        subscriptions: vec![
            subscription("boot", "Event", "Device.Boot!"),
            subscription("periodic", "Event", "Device.LocalAgent.Periodic!"),
            subscription("transfer", "Event", "Device.LocalAgent.TransferComplete!"),
            subscription("operation", "OperationComplete", "Device."),
            subscription("creation", "ObjectCreation", "Device."),
            subscription("deletion", "ObjectDeletion", "Device."),
            subscription(
                "values",
                "ValueChange",
                "Device.DeviceInfo.SoftwareVersion,Device.IP.Interface.*.Status",
            ),
        ],
        id_prefix: String::new(),
        boot_parameters: vec!["Device.DeviceInfo.SoftwareVersion".to_owned()],
        complete: true,
    }
}

/// The child: a controller that onboards whoever comes, until its parent ends.
async fn control() {
    sim::descriptors::raise();
    let mut controller = Controller::start(plan()).await;
    println!("{}", controller.url());
    while let Some(event) = controller.events.recv().await {
        if let Event::Onboarded(Err(error)) = event {
            println!("{error}");
        }
    }
}

struct Server(Child);

impl Server {
    fn start() -> (Server, String) {
        let program = std::env::current_exe().expect("this program has a path");
        let child = Command::new(program).env(ROLE, "1").stdout(Stdio::piped()).spawn();
        let mut child = child.expect("this program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let url = lines.next().expect("it says where it listens").expect("text");
        (Server(child), url)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn measure(count: usize, idle: Duration) {
    let (_server, url) = Server::start();
    let complete = Arc::new(Notify::new());
    let seen = complete.clone();
    let options = Options {
        rate: 0,
        move_every: None,
        notify_every: None,
        tell: Some(Arc::new(move |notice| {
            println!("{notice}");
            if let Notice::Progress(progress) = notice
                && progress.connected == count
                && progress.requests_per_s == 0.0
            {
                seen.notify_one();
            }
        })),
        ..Options::new(count, url)
    };
    let end = async {
        complete.notified().await;
        tokio::time::sleep(idle).await;
    };
    let report = run(options, end).await.expect("a report");
    println!("{}", serde_json::to_string_pretty(&report).expect("a report is JSON"));
}

#[tokio::main]
async fn main() {
    if std::env::var_os(ROLE).is_some() {
        return control().await;
    }
    machine::tell();
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(10_000);
    let idle = Duration::from_secs(numbers.next().unwrap_or(60));
    measure(usize::try_from(count).expect("a count fits"), idle).await;
}
