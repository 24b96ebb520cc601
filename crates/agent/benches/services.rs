//! What the USP Broker adds to a request: a Get of one value that a USP Service keeps, asked by a controller of the
//! service itself, and by a controller of the agent beside it. One after another, over UNIX domain sockets; the agent is
//! the real program, a process of its own.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

#[path = "../examples/lamp/service.rs"]
mod lamp;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/peer.rs"]
mod peer;

use std::path::PathBuf;
use std::time::Instant;

use dm::operation::Get;
use dm::{Operation, Outcome};
use peer::{CONTROLLER, Controller, Heard, Program};

const LAMP: &str = "proto::lamp";
const BRIGHTNESS: &str = "Device.X_CUSP_Lamp.Brightness";
const ROUNDS: u32 = 10;
const GETS: u32 = 2_000;

fn serve(socket: PathBuf) {
    tokio::spawn(async move { lamp::serve(&socket, LAMP).await.expect("it is there") });
}

async fn is_there(controller: &mut Controller) -> bool {
    let get = Get { paths: vec![BRIGHTNESS.to_owned()], max_depth: 0 };
    let outcome = controller.ask(Operation::Get(get)).await;
    matches!(&outcome, Outcome::Get(results) if results[0].result.is_ok())
}

async fn connected(controller: &mut Controller) {
    controller.connected().await;
    let said = controller.hear().await;
    assert!(matches!(said, Heard::LocalConnect), "{said:?}");
}

/// Microseconds of one Get.
async fn time(controller: &mut Controller) -> f64 {
    let began = Instant::now();
    for _ in 0..GETS {
        assert!(is_there(controller).await);
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(GETS)
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);

    let mut direct = Controller::listen_at(&at("direct.sock"));
    direct.agent = peer::id(LAMP);
    serve(at("direct.sock"));
    connected(&mut direct).await;

    let mut outside = Controller::listen_at(&at("controller.sock"));
    let text = format!(
        "[[controller]]\nendpoint = {CONTROLLER:?}\nsocket = {:?}\n[services]\nsocket = {:?}\n",
        at("controller.sock"),
        at("broker.sock"),
    );
    let program = Program::start_with(&[], folder.path(), &text);
    connected(&mut outside).await;
    serve(at("broker.sock"));
    while !is_there(&mut outside).await {}

    let (mut alone, mut through) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(time(&mut direct).await);
        through.push(time(&mut outside).await);
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let (alone, through) = (median(alone), median(through));
    println!(
        "| added by the USP Broker to a Get of one value of a service, one by one | {:.0} us ({through:.0} us through it, \
         {alone:.0} us without) |",
        through - alone
    );
    drop(program);
}
