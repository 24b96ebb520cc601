//! `cusp check` against a simulated agent and against `cusp-agent`, all as processes.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::fake::run;
use crate::real::site::{agent_program, free};

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cusp(args: &[&str]) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cusp"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["CUSP_URL", "CUSP_TOKEN"] {
        command.env_remove(name);
    }
    Killed(command.spawn().expect("the program starts"))
}

#[test]
fn an_agent_that_connects_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let page = page.to_str().expect("a plain name");
    let mut check =
        cusp(&["check", "--listen", "ws://127.0.0.1:0/usp", "--html", page, "R-GET.2", "R-GET.3"]);
    let mut said = BufReader::new(check.0.stderr.take().expect("it is piped"));
    let mut line = String::new();
    said.read_line(&mut line).expect("text");
    let address = line.trim().strip_prefix("waiting for the agent at ").expect("it says where it listens");
    let _agent = cusp(&["sim", "usp", "--count", "1", "--to", address]);
    let mut tap = String::new();
    check.0.stdout.take().expect("it is piped").read_to_string(&mut tap).expect("text");
    assert_eq!(
        tap,
        "TAP version 14\n1..2\nok 1 - R-GET.2-parent-is-the-resolved-path\nok 2 - R-GET.3-that-parameter-alone\n"
    );
    assert_eq!(check.0.wait().expect("it ends").code(), Some(0));
    assert!(std::fs::read_to_string(page).expect("the page").contains("2 passed, 0 failed, 0 warnings"));
}

#[test]
fn what_can_not_be_checked_is_wrong_usage() {
    for (args, says) in [
        (["--list", "R-NOPE"], "no check has such an id"),
        (["--listen", "wss://127.0.0.1:0/usp"], "TLS is not offered yet"),
        (["--listen", "ws://agent.example:8183/usp"], "an address to listen at is ws://IP:PORT/PATH"),
        (["--connect", "http://127.0.0.1/"], "is no address"),
        (["--connect", "wss://127.0.0.1/"], "TLS is not offered yet"),
    ] {
        let ran = run(&[&["check"], &args[..]].concat(), &[], "");
        assert_eq!(ran.code, Some(2), "{args:?}");
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

/// What does not pass on `cusp-agent`: the check, how it ends, and why.
const NOT_PASSED: &[(&str, &str, &str)] = &[
    // It takes no roles from the certificates of those who signed for a controller.
    ("R-SEC.1a-roles-are-shown", "warn", "parameters that controllers lack"),
];

/// Agents that are checked beside each other: the checks wait more than they work.
const AGENTS: usize = 20;

/// An agent that knows one controller, which it dials or which dials it.
fn agent(folder: &Path, number: usize, way: &str) -> Killed {
    let file = folder.join(format!("agent-{number}.toml"));
    let data = folder.join(format!("agent-{number}"));
    let text = format!(
        "data_dir = {data:?}\n[agent]\nendpoint = \"os::012345-{number}\"\noui = \"012345\"\nserial = \"{number}\"\n\
         [[controller]]\nendpoint = \"proto::cusp-check\"\n{way}\n"
    );
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new(agent_program());
    command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Killed(command.spawn().expect("the program starts"))
}

/// Runs checks against an agent of their own; `dialled` says who dials whom.
fn ran(folder: &Path, number: usize, ids: &[String], dialled: bool) -> Vec<Value> {
    let [addr, _] = free();
    let url = format!("ws://{addr}/usp");
    let mut args = vec!["check", "--json"];
    let listen = format!("[[listen]]\naddress = \"{addr}\"\ntls = false\n");
    let mut running = Vec::new();
    if dialled {
        running.push(agent(folder, number, &listen));
        args.extend(["--agent", "AGENT", "--connect", &url]);
    } else {
        args.extend(["--listen", &url]);
    }
    let name = format!("os::012345-{number}");
    let args: Vec<&str> = args.into_iter().map(|arg| if arg == "AGENT" { &name } else { arg }).collect();
    let mut check = cusp(&[&args[..], &ids.iter().map(String::as_str).collect::<Vec<_>>()].concat());
    let mut said = BufReader::new(check.0.stderr.take().expect("it is piped"));
    if !dialled {
        let mut line = String::new();
        said.read_line(&mut line).expect("text");
        running.push(agent(folder, number, &format!("url = \"{url}\"")));
    }
    let mut json = String::new();
    check.0.stdout.take().expect("it is piped").read_to_string(&mut json).expect("text");
    let report: Value = serde_json::from_str(&json).unwrap_or_else(|_| {
        let mut rest = String::new();
        let _ = said.read_to_string(&mut rest);
        panic!("no report: {rest}")
    });
    report["checks"].as_array().expect("a list").clone()
}

/// Each check once; those of a group one after another.
#[test]
fn our_own_agent_passes() {
    let listed = run(&["check", "--list", "--json"], &[], "").stdout;
    let listed: Value = serde_json::from_str(&listed).expect("a list");
    let listed = listed.as_array().expect("a list");
    // Every second agent listens, and some checks are of one kind of agents alone.
    let mut groups = vec![Vec::new(); AGENTS];
    for (at, check) in listed.iter().enumerate() {
        let needs = check["skipped_if"].to_string();
        let number = match (needs.contains("this needs --listen"), needs.contains("this needs --connect")) {
            (true, _) => at / 2 * 2,
            (_, true) => at / 2 * 2 + 1,
            _ => at,
        };
        groups[number % AGENTS].push(check["id"].as_str().expect("an id").to_owned());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let checked: Vec<Value> = std::thread::scope(|scope| {
        let running: Vec<_> = groups
            .iter()
            .enumerate()
            .map(|(number, ids)| {
                let folder = folder.path();
                scope.spawn(move || ran(folder, number, ids, number % 2 == 1))
            })
            .collect();
        running.into_iter().flat_map(|group| group.join().expect("a report")).collect()
    });
    assert_eq!(checked.len(), listed.len());
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let mut not_passed: Vec<(String, String, String)> = checked
        .iter()
        .filter(|check| check["verdict"] != "pass")
        .map(|check| (text(&check["id"]), text(&check["verdict"]), text(&check["detail"]["reason"])))
        .collect();
    not_passed.sort();
    let expected: Vec<_> = NOT_PASSED
        .iter()
        .map(|(id, how, why)| ((*id).to_owned(), (*how).to_owned(), (*why).to_owned()))
        .collect();
    assert_eq!(
        not_passed,
        expected,
        "{:#?}",
        checked.iter().filter(|check| check["verdict"] != "pass").collect::<Vec<_>>()
    );
}
