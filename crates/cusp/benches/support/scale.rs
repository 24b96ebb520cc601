//! Many agents of one server, each side a process of its own: what they weigh while nothing happens, how fast they
//! come back after a power cut, and how fast all of them run a command.
//!
//! `cargo bench -p cusp --bench server -- memory tls 15000` prints one row. The first word is `memory`, `storm`,
//! `schedule` (a storm in which each agent waits first) or `operate`; the second `plain`, `tls`, `mutual`, `mqtt` or
//! `mutual-mqtt`; then how many agents, 15,000 if it is not said: a process may need 20,000 descriptors for that.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::QUIET;
use crate::http::Connection;
use crate::process::{Over, Process, Server};

/// Agents, unless something else is said.
const COUNT: usize = 15_000;
/// Fleets that come one after the other, to see what grows.
const STEPS: usize = 3;
/// How many new devices come in a second, so that what they leave in caches and the allocator is comparable.
const RATE: u32 = 500;
/// How long nothing happens before memory is looked at.
const IDLE: Duration = Duration::from_secs(30);
/// What the timers of `operate` wait for: the shortest that the data model has.
const DELAY: Duration = Duration::from_secs(1);
/// How long a command of all agents may take altogether.
const PATIENCE: Duration = Duration::from_secs(300);

/// What agents take that are connected and quiet, and how that grows with their number.
fn memory(over: Over, count: usize) {
    let server = Server::over(over);
    sleep(Duration::from_secs(3));
    let none = server.process.pss();
    let (mut fleets, mut weights) = (Vec::new(), vec![none]);
    for step in 0..STEPS {
        let first = (step * count / STEPS + 1).to_string();
        let more = count * (step + 1) / STEPS - count * step / STEPS;
        fleets.push(server.fleet(more, RATE, &[&QUIET[..], &["--first", &first]].concat()));
        server.connected(count * (step + 1) / STEPS);
        server.settle();
        sleep(IDLE);
        weights.push(server.process.pss());
    }
    let per = |more: u64, agents: usize| more as f64 / agents as f64;
    let last = per(weights[STEPS].saturating_sub(weights[STEPS - 1]), count / STEPS);
    let each = per(weights[STEPS].saturating_sub(none), count);
    let grown: Vec<String> = weights.iter().map(ToString::to_string).collect();
    println!(
        "| server memory per connected agent, {count} quiet agents, {} | {each:.1} KiB, the last third {last:.1} KiB each \
         (PSS with none, a third, two, all: {} KiB) |",
        name(over),
        grown.join(", ")
    );
    let fleet: u64 = fleets.iter().map(Process::pss).sum();
    println!(
        "| the same {count} agents in {STEPS} `cusp sim` processes, {} | {} MB |",
        name(over),
        fleet * 1024 / 1_000_000
    );
}

/// All agents lose power at once and come back.
fn storm(over: Over, count: usize, comeback: &str) {
    let server = Server::over(over);
    let cut = ["--power-cut", "10s", "--comeback", comeback];
    let report = server.report(count, RATE, &[&QUIET[..], &cut].concat());
    let cut = &report["power_cut"];
    let figure = |name: &str| cut[name].as_f64().unwrap_or_default();
    let percentile = |name: &str, which: &str| cut[name][which].as_f64().unwrap_or_default();
    println!(
        "| power cut of {count} agents, {}, back {} | {:.0} agents/s connected and their Boot! stored and acknowledged \
         ({} of {count} within {:.1} s); {} failed attempts, {} agents waited twice, the longest away {:.1} s; connecting p50 \
         {:.0} ms, p99 {:.0} ms; Boot! p50 {:.0} ms, p99 {:.0} ms |",
        name(over),
        if comeback == "at-once" { "at once" } else { "by the schedule" },
        figure("agents_per_s"),
        figure("acknowledged"),
        figure("acknowledged_s"),
        figure("failed_attempts"),
        figure("over_window"),
        figure("longest_away_s"),
        percentile("connect_latency", "p50_ms"),
        percentile("connect_latency", "p99_ms"),
        percentile("boot_latency", "p50_ms"),
        percentile("boot_latency", "p99_ms"),
    );
}

/// One command of all agents: accepted by each, and its end, which each tells a second later, stored with the job.
async fn operate(over: Over, count: usize) {
    let server = Server::over(over);
    let fleet = server.fleet(count, RATE, &QUIET);
    server.connected(count);
    server.settle();
    sleep(Duration::from_secs(10));
    let processor = || [server.process.processor(), fleet.processor()];
    let used = processor();
    let finished = || server.metric("cusp_jobs_finished_total");
    let before = finished();
    let mut connection = Connection::open(&server.http, &server.token).await;
    let body = format!(
        "{{\"command\":\"Device.ScheduleTimer()\",\"args\":{{\"DelaySeconds\":\"{}\"}}}}",
        DELAY.as_secs()
    );
    let began = Instant::now();
    let (mut jobs, mut cursor) = (0, String::new());
    loop {
        let place = format!("/operations/operate?filter=online&limit=500{cursor}");
        let piece: Value = serde_json::from_slice(&connection.post(&place, &body).await).expect("JSON");
        jobs += piece["jobs"].as_array().map_or(0, Vec::len);
        let Some(next) = piece["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let asked = began.elapsed();
    while finished() - before < jobs as f64 {
        assert!(began.elapsed() < PATIENCE, "{} of {jobs} came to an end", finished() - before);
        sleep(Duration::from_millis(20));
    }
    let took = began.elapsed().saturating_sub(DELAY);
    let now = processor();
    let each = |side: usize| (now[side] - used[side]).as_secs_f64() * 1e6 / jobs as f64;
    println!(
        "| one Operate to {jobs} agents, {}, results stored | {:.0}/s ({:.1} s, without the second that the command takes by \
         itself; jobs stored within {:.1} s); processor time of each: server {:.0} us, simulator {:.0} us |",
        name(over),
        jobs as f64 / took.as_secs_f64(),
        took.as_secs_f64(),
        asked.as_secs_f64(),
        each(0),
        each(1)
    );
}

fn name(over: Over) -> &'static str {
    match over {
        Over::Plain => "plain WebSocket",
        Over::Tls => "WebSocket with TLS",
        Over::Mutual => "WebSocket with mutual TLS",
        Over::Mqtt => "the server's own broker",
        Over::MutualMqtt => "the server's own broker with mutual TLS",
    }
}

/// A row.
async fn run(part: &str, over: Over, count: usize) {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!(
        "{part} over {}; the load before was {}",
        name(over),
        load.split(' ').next().unwrap_or_default()
    );
    match part {
        "memory" => memory(over, count),
        "storm" => storm(over, count, "at-once"),
        "schedule" => storm(over, count, "schedule"),
        _ => operate(over, count).await,
    }
}

/// The parts, and over what each is measured if nothing is said.
const PARTS: [(&str, &[Over]); 4] = [
    ("memory", &[Over::Plain, Over::Tls, Over::Mqtt]),
    ("storm", &[Over::Plain, Over::Mutual, Over::Mqtt]),
    ("schedule", &[Over::Plain]),
    ("operate", &[Over::Plain]),
];

/// Whether one of these parts is asked for.
pub(crate) fn is_asked(words: &[String]) -> bool {
    PARTS.iter().any(|(part, _)| words.iter().any(|word| word == part))
}

/// The parts that are asked for; all of them when none is.
pub(crate) async fn run_all(words: &[String]) {
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let count = words.iter().find_map(|word| word.parse().ok()).filter(|_| is_asked(words)).unwrap_or(COUNT);
    let named = [
        ("plain", Over::Plain),
        ("tls", Over::Tls),
        ("mutual", Over::Mutual),
        ("mqtt", Over::Mqtt),
        ("mutual-mqtt", Over::MutualMqtt),
    ];
    let named = named.iter().find(|(word, _)| has(word)).map(|(_, over)| *over);
    for (part, usual) in PARTS {
        if is_asked(words) && !has(part) {
            continue;
        }
        for over in named.as_slice().iter().chain(usual.iter().filter(|_| named.is_none())) {
            run(part, *over, count).await;
        }
    }
}
