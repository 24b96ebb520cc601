//! `kill -9` in the middle of work, again and again: what was accepted and what was acknowledged is there
//! afterwards.
//!
//! `CUSP_KILL_ROUNDS` says how often (20), `CUSP_KILL_SEED` repeats the kill points of an earlier run.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::http::Method;

use super::agent::{self, Memory, NOTIFIED};
use super::api::{Api, PATIENCE};
use super::random::Random;
use super::site::Site;

const AGENT: &str = "os::00256D-0001";
const ROUNDS: u64 = 20;
/// Acknowledgements and accepted jobs before a kill, at most.
const PROGRESS: u64 = 60;
/// How long after the last of them, at most.
const AFTERWARDS_MICROS: u64 = 4_000;

#[test]
fn what_was_accepted_or_acknowledged_survives_kill_9() {
    let rounds = std::env::var("CUSP_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let mut random = Random::seeded("CUSP_KILL_SEED");
    let site = Site::new("open");
    let mut memory = Memory::default();
    let mut jobs = Vec::new();
    let device = first_contact(&site, &mut memory);
    for _ in 0..rounds.unwrap_or(ROUNDS) {
        let server = site.serve();
        let (progress, seen) = channel();
        let agent = spawn_agent(&site, true, memory, &progress);
        let writers =
            [set(), operate()].map(|(verb, body)| spawn_writer(&site, &device, verb, body, &progress));
        drop(progress);
        wait(&seen, random.below(PROGRESS) + 1);
        linger(&seen, Duration::from_micros(random.below(AFTERWARDS_MICROS)));
        server.kill();
        // The receiver stands until all have seen the end, so that nothing that was told to us is lost.
        memory = agent.join().expect("the agent does not panic");
        jobs.extend(writers.into_iter().flat_map(|writer| writer.join().expect("a writer does not panic")));
    }
    settle(&site, memory, &device, &jobs);
}

/// The device is let in; its id.
fn first_contact(site: &Site, memory: &mut Memory) -> String {
    let server = site.serve();
    let (progress, _seen) = channel();
    let agent = spawn_agent(site, false, std::mem::take(memory), &progress);
    let seen = site.api().until("/devices", |list| list["items"][0]["online"] == true);
    server.kill();
    *memory = agent.join().expect("the agent does not panic");
    seen["items"][0]["id"].as_str().expect("an id").to_owned()
}

fn spawn_agent(site: &Site, fresh: bool, memory: Memory, progress: &Sender<()>) -> JoinHandle<Memory> {
    let (url, progress) = (site.agent_url(), progress.clone());
    std::thread::spawn(move || agent::connect(&url, AGENT, fresh, memory, &progress))
}

/// Asks for the same again and again until the server is gone; the ids of the jobs that it accepted.
fn spawn_writer(
    site: &Site,
    device: &str,
    verb: &str,
    body: Value,
    progress: &Sender<()>,
) -> JoinHandle<Vec<String>> {
    let (api, path, progress) =
        (site.api(), format!("/devices/{device}/{verb}?force=true"), progress.clone());
    std::thread::spawn(move || {
        let mut accepted = Vec::new();
        while let Some(answer) = api.attempt(Method::POST, &path, Some(&body)) {
            match answer.status {
                200..300 => accepted.push(answer.body["id"].as_str().expect("an id").to_owned()),
                // The lane is full: what was not accepted is not promised.
                409 => {
                    assert_eq!(answer.body["detail"], "too many operations wait for this device");
                    continue;
                }
                status => panic!("{path}: {status} {}", answer.body),
            }
            let _ = progress.send(());
        }
        accepted
    })
}

fn set() -> (&'static str, Value) {
    let params = json!([{ "param": "FriendlyName", "value": "x" }]);
    ("set", json!({ "objects": [{ "path": "Device.DeviceInfo.", "params": params }] }))
}

fn operate() -> (&'static str, Value) {
    ("operate", json!({ "command": "Device.SelfTestDiagnostics()" }))
}

fn wait(seen: &Receiver<()>, count: u64) {
    for _ in 0..count {
        seen.recv_timeout(PATIENCE).expect("the server works");
    }
}

/// Lets work go on for so long, so that kills hit any moment and not only those after an answer.
fn linger(seen: &Receiver<()>, time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if seen.recv_timeout(left).is_err() {
            return;
        }
    }
}

/// The last start: everything comes to its end, and is counted.
fn settle(site: &Site, memory: Memory, device: &str, jobs: &[String]) {
    let server = site.serve();
    let api = site.api();
    let (progress, seen) = channel();
    let open = memory.open.len();
    let agent = spawn_agent(site, false, memory, &progress);
    wait(&seen, u64::try_from(open).expect("a small number"));
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for job in jobs {
        let ended = |job: &Value| !["queued", "sent"].contains(&job["state"].as_str().unwrap_or_default());
        let path = format!("/jobs/{job}");
        let Some(job) = api.becomes(&path, ended) else {
            let open: Vec<String> = ["queued", "sent"]
                .iter()
                .flat_map(|state| api.get(&format!("/jobs?state={state}"))["items"].as_array().cloned())
                .flatten()
                .map(|job| format!("{} {} {} {}", job["id"], job["kind"], job["state"], job["updated"]))
                .collect();
            let online = &api.get(&format!("/devices/{device}"))["online"];
            panic!("{path} has not ended; online: {online}; {open:#?}; {:#?}", server.told());
        };
        *states.entry(job["state"].as_str().expect("a state").to_owned()).or_default() += 1;
        // A command may or may not have run when the server died; a Set is sent again.
        let legal: &[&str] = if job["kind"] == "set" { &["done"] } else { &["done", "in_doubt"] };
        assert!(legal.iter().any(|state| job["state"] == *state), "{job}");
    }
    assert!(states.get("done").is_some_and(|done| *done > 0), "{states:?}");
    let logged = notified(&api, device);
    // The server's death is the end of the agent's connection.
    let verified = site.cusp(&["audit", "verify"]);
    let rows = verified.trim_start_matches("the audit log is whole: ").trim_end_matches(" rows\n");
    assert!(rows.parse::<usize>().expect("a count") >= jobs.len(), "{verified} for {} jobs", jobs.len());
    server.kill();
    let memory = agent.join().expect("the agent does not panic");
    assert!(memory.open.is_empty(), "not acknowledged: {:?}", memory.open);
    for number in 1..=memory.last {
        assert_eq!(logged.get(&number.to_string()), Some(&1), "notification {number} of {}", memory.last);
    }
    assert!(memory.last > 0 && logged.len() as u64 == memory.last, "{} of {}", logged.len(), memory.last);
}

/// The values that the event log has, and how often.
fn notified(api: &Api, device: &str) -> BTreeMap<String, usize> {
    let mut values = BTreeMap::new();
    for event in api.rows(&format!("/devices/{device}/events")) {
        if event["kind"] == "value_change" && event["duplicate"] == false {
            assert_eq!(event["path"], NOTIFIED);
            *values.entry(event["params"]["value"].as_str().expect("a value").to_owned()).or_default() += 1;
        }
    }
    values
}
