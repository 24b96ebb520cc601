//! Every check of `cusp check` against `cusp-agent`, all as processes: what the one proves of others holds for ours.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::check::{Killed, cusp};
use crate::fake::run;
use crate::real::site::{agent_program, free};

/// What does not pass: the check, how it ends, and why.
const NOT_PASSED: &[(&str, &str, &str)] = &[
    // It has them where a signature or its transport protects them.
    ("R-E2E.6a-not-allowed", "skipped", "the agent has sessions"),
    ("R-E2E.6a-goes-on-without", "skipped", "the agent has sessions"),
    ("R-MTP.9-says-why", "skipped", "the agent has sessions"),
];

/// Agents that are checked beside each other: the checks wait more than they work.
const AGENTS: usize = 20;

/// Of these so many with TLS, which run the checks of that alone.
const SECURE: usize = 4;

/// One agent, the checks that it is put to, and how it is reached.
struct Group {
    number: usize,
    ids: Vec<String>,
    /// Whether the agent listens.
    listens: bool,
    secure: bool,
}

impl Group {
    fn new(at: usize, first: usize) -> Group {
        // Every second one listens.
        Group { number: first + at, ids: Vec::new(), listens: at % 2 == 1, secure: at >= AGENTS - SECURE }
    }

    fn name(&self) -> String {
        format!("os::012345-{}", self.number)
    }

    /// Starts the agent; it knows one controller, which it dials or which dials it.
    fn agent(&self, folder: &Path, way: &str) -> Killed {
        let number = self.number;
        let file = folder.join(format!("agent-{number}.toml"));
        let data = folder.join(format!("agent-{number}"));
        let ca = if self.secure { format!("ca = {:?}\n", folder.join("ca.pem")) } else { String::new() };
        let text = format!(
            "data_dir = {data:?}\n[agent]\nendpoint = \"{}\"\noui = \"012345\"\nserial = \"{number}\"\n\
             [[controller]]\nendpoint = \"proto::cusp-check\"\n{ca}{way}\n",
            self.name()
        );
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(agent_program());
        command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Killed(command.spawn().expect("the program starts"))
    }

    /// Runs the checks; what the report says of each.
    fn ran(&self, folder: &Path) -> Vec<Value> {
        let [addr, _] = free();
        let scheme = if self.secure { "wss" } else { "ws" };
        let (url, name) = (format!("{scheme}://{addr}/usp"), self.name());
        let mut args = vec!["check", "--json"];
        if self.secure {
            args.extend(["--tls", folder.to_str().expect("a plain name")]);
        }
        let mut running = Vec::new();
        if self.listens {
            let listen = format!("[[listen]]\naddress = \"{addr}\"\ntls = {}\n", self.secure);
            running.push(self.agent(folder, &listen));
            args.extend(["--agent", &name, "--connect", &url]);
        } else {
            args.extend(["--listen", &url]);
        }
        args.extend(self.ids.iter().map(String::as_str));
        let mut check = cusp(&args);
        let mut said = BufReader::new(check.0.stderr.take().expect("it is piped"));
        if !self.listens {
            let mut line = String::new();
            said.read_line(&mut line).expect("text");
            running.push(self.agent(folder, &format!("url = \"{url}\"")));
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
}

/// Shares the checks out to agents with numbers from `first`; some are of one kind of agents alone.
fn groups(listed: &[Value], first: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = (0..AGENTS).map(|at| Group::new(at, first)).collect();
    for (at, check) in listed.iter().enumerate() {
        let needs = check["skipped_if"].to_string();
        let secure = needs.contains("wss://");
        let of_side = |side: usize| at / 2 * 2 + side;
        let at = match (needs.contains("this needs --listen"), needs.contains("this needs --connect")) {
            (true, _) => of_side(0),
            (_, true) => of_side(1),
            _ => at,
        };
        let number = if secure { AGENTS - SECURE + at % SECURE } else { at % (AGENTS - SECURE) };
        groups[number].ids.push(check["id"].as_str().expect("an id").to_owned());
    }
    groups
}

/// Runs each check once; those of a group one after another, the groups beside each other.
fn report(folder: &Path, listed: &[Value], first: usize) -> Vec<Value> {
    let mut groups = groups(listed, first);
    groups.retain(|group| !group.ids.is_empty());
    std::thread::scope(|scope| {
        let running: Vec<_> = groups.iter().map(|group| scope.spawn(move || group.ran(folder))).collect();
        running.into_iter().flat_map(|group| group.join().expect("a report")).collect()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Whether a check ended as it should.
fn is_right(check: &Value) -> bool {
    let known = NOT_PASSED.iter().find(|(id, ..)| *id == text(&check["id"]));
    match known {
        Some((_, how, why)) => text(&check["verdict"]) == *how && text(&check["detail"]["reason"]) == *why,
        None => check["verdict"] == "pass",
    }
}

#[test]
fn our_own_agent_passes() {
    let listed = run(&["check", "--list", "--json"], &[], "").stdout;
    let listed: Value = serde_json::from_str(&listed).expect("a list");
    let listed = listed.as_array().expect("a list");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    // Makes the CA that agents trust, and gives up at once.
    let dir = folder.to_str().expect("a plain name");
    run(&["check", "--tls", dir, "--listen", "wss://127.0.0.1:0/", "--wait", "0s"], &[], "");
    let checked = report(folder, listed, 0);
    assert_eq!(checked.len(), listed.len());
    let wrong: Vec<&Value> = checked.iter().filter(|check| !is_right(check)).collect();
    // Many measure time, and a machine that stood still for a while is not the agent's fault: once more, with agents
    // that have not been asked anything.
    let ids: Vec<&str> = wrong.iter().map(|check| text(&check["id"])).collect();
    let again: Vec<Value> =
        listed.iter().filter(|check| ids.contains(&text(&check["id"]))).cloned().collect();
    let still: Vec<Value> =
        report(folder, &again, AGENTS).into_iter().filter(|check| !is_right(check)).collect();
    assert!(still.is_empty(), "twice: {still:#?}");
}
