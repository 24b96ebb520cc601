//! The whole server, as a process of its own: what connected devices weigh, and what goes through REST, jobs,
//! store and twin. `cargo bench -p cusp --bench server -- 10000 60`: devices and seconds of idleness.
//!
//! Parts of many agents are run alone by name: `support/scale.rs` has them.
//! With `CUSP_AGENT=path` it also times a cold read of the tree of this machine, through the same way.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

#[path = "support/http.rs"]
mod http;
#[path = "../../sim/benches/support/machine.rs"]
mod machine;
#[path = "support/process.rs"]
mod process;
#[path = "support/scale.rs"]
mod scale;

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use http::{Connection, Run};
use process::{Process, Server};

/// Requests that wait for their answers at the same time.
const OUTSTANDING: usize = 64;
/// Agents that these are spread over.
const AGENTS: usize = 20;
const GETS: usize = 20_000;
const SETS: usize = 20_000;
/// Agents that each have something to notify once a second.
const NOTIFIERS: usize = 8_000;
/// How long notifications are counted.
const COUNTED: Duration = Duration::from_secs(15);
/// Nothing moves in the agents.
const QUIET: [&str; 4] = ["--move-every", "0s", "--notify-every", "0s"];

/// What devices take that are connected, on the server and in the simulator; `arguments` of `cusp sim usp` say
/// what moves in them.
fn memory(count: usize, idle: Duration, what: &str, arguments: &[&str]) {
    let server = Server::start();
    sleep(Duration::from_secs(3));
    let before = server.process.pss();
    let fleet = server.fleet(count, 500, arguments);
    server.connected(count);
    server.settle();
    sleep(idle);
    let (after, fleet) = (server.process.pss(), fleet.pss());
    let each = (after as f64 - before as f64) / count as f64;
    println!(
        "| server memory per connected agent, {count} {what} agents, after {} s | {each:.1} KiB \
         (PSS {after} KiB against {before} KiB with none) |",
        idle.as_secs()
    );
    println!("| {count} {what} agents in one `cusp sim` process | {} MB |", fleet * 1024 / 1_000_000);
}

/// Gets and Sets over REST: each is a job with its audit row, and what it brings goes into the twin.
async fn operations() {
    let server = Server::start();
    let journals = server.folder("journals");
    let journals = journals.to_str().expect("a plain name");
    let _fleet = server.fleet(AGENTS, 0, &[&QUIET[..], &["--journals", journals]].concat());
    server.connected(AGENTS);
    server.settle();
    let list = server.get("/devices?limit=100");
    let rows = list["items"].as_array().expect("a list");
    let ids: Vec<String> = rows.iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids.len(), AGENTS);
    let mut connections = Vec::new();
    for _ in 0..OUTSTANDING {
        connections.push(Connection::open(&server.http, &server.token).await);
    }
    let of = ids.clone();
    let get = move |number: usize| {
        let interface = number / AGENTS % 20 + 1;
        let body = format!("{{\"paths\":[\"Device.IP.Interface.{interface}.Stats.BytesSent\"]}}");
        (format!("/devices/{}/get?wait=30s", of[number % AGENTS]), body)
    };
    let (_, connections) = Run::new(connections, GETS / 10, get.clone()).await;
    let (run, connections) = Run::new(connections, GETS, get).await;
    tell("Get of one parameter over REST, with job, audit and twin", &run);
    let set = move |number: usize| {
        let (interface, mtu) = (number / AGENTS % 20 + 1, 1000 + number / (20 * AGENTS) % 400);
        let body = format!(
            "{{\"objects\":[{{\"path\":\"Device.IP.Interface.{interface}.\",\
             \"params\":[{{\"param\":\"MaxMTUSize\",\"value\":\"{mtu}\"}}]}}]}}"
        );
        (format!("/devices/{}/set?wait=30s", ids[number % AGENTS]), body)
    };
    let (run, _) = Run::new(connections, SETS, set).await;
    tell("Set of one parameter over REST, durable on server and agent", &run);
}

fn tell(what: &str, run: &Run) {
    println!(
        "| {what}, {OUTSTANDING} outstanding | {:.0}/s (p50 {:.1} ms, p99 {:.1} ms) |",
        run.rate(),
        run.percentile(50),
        run.percentile(99)
    );
}

/// How many notifications a second are stored and acknowledged, when more are offered.
fn notifications() {
    let server = Server::start();
    let _fleet = server.fleet(NOTIFIERS, 500, &["--move-every", "0s", "--notify-every", "1s"]);
    // Not all of them: a server that is busy with what the first ones notify lets the last ones wait.
    server.connected(NOTIFIERS / 2);
    sleep(COUNTED);
    let counted = || server.metric("cusp_notifications_total");
    let (began, before) = (Instant::now(), counted());
    sleep(COUNTED);
    let rate = (counted() - before) / began.elapsed().as_secs_f64();
    println!("| notifications stored and acknowledged, {NOTIFIERS} agents with one a second | {rate:.0}/s |");
}

/// The whole tree of this machine, when its agent has read nothing of it for a while.
async fn cold(agent: &str) {
    let server = Server::start();
    let (config, state) = (server.folder("agent.toml"), server.folder("agent"));
    let text = format!(
        "data_dir = \"{}\"\n[[controller]]\nendpoint = \"self::bench\"\nurl = \"{}\"\n",
        state.display(),
        server.usp
    );
    fs::write(&config, text).expect("the configuration is written");
    let mut command = Command::new(agent);
    let _agent = Process::spawn(command.arg("--config").arg(&config).stderr(Stdio::null()));
    server.connected(1);
    server.settle();
    let list = server.get("/devices");
    let place = format!("/devices/{}/get?wait=30s", list["items"][0]["id"].as_str().expect("an id"));
    let mut times = Vec::new();
    for _ in 0..5 {
        sleep(Duration::from_secs(10));
        // The server closes a connection that is idle for so long.
        let mut connection = Connection::open(&server.http, &server.token).await;
        let began = Instant::now();
        let body = connection.post(&place, "{\"paths\":[\"Device.\"]}").await;
        times.push((began.elapsed(), body.len()));
    }
    times.sort_unstable();
    let (median, bytes) = times[times.len() / 2];
    println!(
        "| Get(\"Device.\") of this machine's tree over REST, cold | {:.1} ms (median of {}; {bytes} bytes of JSON) |",
        median.as_secs_f64() * 1000.0,
        times.len()
    );
}

#[tokio::main]
async fn main() {
    machine::tell();
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if scale::is_asked(&words) {
        return scale::run_all(&words).await;
    }
    let mut numbers = words.iter().filter_map(|word| word.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(10_000);
    let idle = Duration::from_secs(numbers.next().unwrap_or(60));
    operations().await;
    notifications();
    if let Ok(agent) = std::env::var("CUSP_AGENT") {
        cold(&agent).await;
    }
    let count = usize::try_from(count).expect("a count fits");
    memory(count, idle, "quiet", &QUIET);
    // Counters move every 30 s, and each agent notifies once a minute.
    memory(count, idle, "usual", &[]);
    scale::run_all(&words).await;
}
