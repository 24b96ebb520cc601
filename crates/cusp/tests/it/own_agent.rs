//! Every check of `cusp check` against `cusp-agent`, all as processes: what the one proves of others holds for ours.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::check::{Killed, cusp};
use crate::fake::run;
use crate::real::site::{agent_program, free};

/// What is skipped, by the reasons' beginnings: no agent here is restarted, and those of STOMP have heart-beats.
const SKIPPED: &[&str] =
    &["the agent has no Device.Reboot()", "the profile allows no restart", "EnableHeartbeats is true"];

/// How many checks may fail once: as many as two agents that were late for all of their own.
const MAX_SECOND_RUNS: usize = 16;

/// The profile; roles serve for a vendor's table.
const PROFILE: &str = "profile.toml";
const TABLE: &str = "[table]\npath = \"Device.LocalAgent.ControllerTrust.Role.\"\nsettings = { Name = \"one\" }\n\
                     change = [\"Name\", \"another\"]\n";

/// How agents are reached, and how many in each way: the checks wait more than they work.
const AGENTS: &[(Way, usize)] = &[
    (Way::Dials, 6),
    (Way::Listens, 4),
    (Way::DialsSecurely, 2),
    (Way::ListensSecurely, 2),
    (Way::Mqtt5, 5),
    (Way::Mqtt3, 4),
    (Way::MqttSecurely, 1),
    (Way::Stomp, 8),
    (Way::UnixDials, 2),
    (Way::UnixListens, 2),
];

/// How an agent is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Dials,
    Listens,
    DialsSecurely,
    ListensSecurely,
    Mqtt5,
    Mqtt3,
    MqttSecurely,
    Stomp,
    UnixDials,
    UnixListens,
}

impl Way {
    /// Where a check belongs, by what it says that it lacks elsewhere; anywhere if that is empty.
    fn suits(self, lacks: &str) -> bool {
        let needs = |what: &str| lacks.contains(what);
        match () {
            () if needs("--listen wss://") => self == Way::DialsSecurely,
            () if needs("--connect wss://") => self == Way::ListensSecurely,
            () if needs("--broker mqtts://") => self == Way::MqttSecurely,
            () if needs("MQTT 5.0") => self == Way::Mqtt5,
            () if needs("STOMP") => self == Way::Stomp,
            () if needs("MQTT") => self == Way::Mqtt3,
            () if needs("--listen unix:") => self == Way::UnixDials,
            () if needs("--connect unix:") => self == Way::UnixListens,
            () if needs("UNIX domain socket") => matches!(self, Way::UnixDials | Way::UnixListens),
            () if needs("--listen") || needs("--keys") => self == Way::Dials,
            () if needs("--connect") => self == Way::Listens,
            () if needs("WebSocket") => matches!(self, Way::Dials | Way::Listens),
            () => !self.is_secure(),
        }
    }

    /// Whether it goes over TLS: such agents run the checks of that alone.
    fn is_secure(self) -> bool {
        matches!(self, Way::DialsSecurely | Way::ListensSecurely | Way::MqttSecurely)
    }

    /// Whether it goes through a broker of the bench.
    fn is_brokered(self) -> bool {
        matches!(self, Way::Mqtt5 | Way::Mqtt3 | Way::MqttSecurely | Way::Stomp)
    }

    /// Whether the agent listens.
    fn listens(self) -> bool {
        matches!(self, Way::Listens | Way::ListensSecurely | Way::UnixListens)
    }
}

/// By a broker that is not trusted nothing is protected, not even by its TLS.
const UNPROTECTED: &str = "[policy]\nunprotected = true";

/// One agent, the checks that it is put to, and how it is reached.
struct Group {
    number: usize,
    ids: Vec<String>,
    way: Way,
}

impl Group {
    fn name(&self) -> String {
        format!("os::012345-{}", self.number)
    }

    /// Where the bench or the agent listens.
    fn url(&self, folder: &Path) -> String {
        let [addr, _] = free();
        match self.way {
            Way::Dials | Way::Listens => format!("ws://{addr}/usp"),
            Way::DialsSecurely | Way::ListensSecurely => format!("wss://{addr}/usp"),
            Way::Mqtt5 | Way::Mqtt3 => format!("mqtt://{addr}"),
            Way::MqttSecurely => format!("mqtts://{addr}"),
            Way::Stomp => format!("stomp://{addr}"),
            Way::UnixDials | Way::UnixListens => {
                format!("unix:{}", folder.join(format!("{}.sock", self.number)).display())
            }
        }
    }

    /// What the agent's configuration says of the way, below its controller.
    fn way_of_agent(&self, url: &str) -> String {
        let addr = url.trim_start_matches("wss://").trim_start_matches("ws://").trim_end_matches("/usp");
        let path = url.trim_start_matches("unix:");
        match self.way {
            Way::Dials | Way::DialsSecurely => format!("url = {url:?}"),
            Way::Listens => format!("[[listen]]\naddress = {addr:?}\ntls = false"),
            Way::ListensSecurely => format!("[[listen]]\naddress = {addr:?}\ntls = true"),
            Way::Mqtt5 | Way::Mqtt3 | Way::MqttSecurely => format!(
                "[controller.mqtt]\nbroker = {url:?}\ntopic = \"usp/controllers/proto::cusp-check\"\n\
                 username = \"box\"\npassword = \"secret\"\nversion = {:?}\n{UNPROTECTED}",
                if self.way == Way::Mqtt3 { "3.1.1" } else { "5.0" },
            ),
            Way::Stomp => format!(
                "[controller.stomp]\nserver = {url:?}\ndestination = \"/queue/usp/controllers/proto::cusp-check\"\n\
                 username = \"box\"\npassword = \"secret\"\nhost = \"usp\"\n\
                 outgoing_heartbeat = 1000\nincoming_heartbeat = 0\n{UNPROTECTED}"
            ),
            Way::UnixDials => format!("socket = {path:?}"),
            Way::UnixListens => format!("[[listen]]\nsocket = {path:?}"),
        }
    }

    /// Starts the agent; it knows one controller, which it dials or which dials it.
    fn agent(&self, folder: &Path, url: &str) -> Killed {
        let number = self.number;
        let file = folder.join(format!("agent-{number}.toml"));
        let (data, ca) = (folder.join(format!("agent-{number}")), folder.join("ca.pem"));
        let text = format!(
            "data_dir = {data:?}\n[agent]\nendpoint = \"{}\"\noui = \"012345\"\nserial = \"{number}\"\n\
             [[controller]]\nendpoint = \"proto::cusp-check\"\nca = {ca:?}\n{}\n",
            self.name(),
            self.way_of_agent(url),
        );
        std::fs::write(&file, text).expect("written");
        let mut command = Command::new(agent_program());
        command.arg("--config").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Killed(command.spawn().expect("the program starts"))
    }

    /// Runs the checks; what the report says of each.
    fn ran(&self, folder: &Path) -> Vec<Value> {
        let (url, name) = (self.url(folder), self.name());
        let dir = folder.to_str().expect("a plain name");
        let profile = folder.join(PROFILE);
        let mut args = vec!["check", "--json", "--profile", profile.to_str().expect("a plain name")];
        args.extend([if self.way.is_secure() { "--tls" } else { "--keys" }, dir]);
        args.extend(match self.way {
            way if way.is_brokered() => ["--broker", &url],
            way if way.listens() => ["--connect", &url],
            _ => ["--listen", &url],
        });
        let mut running = Vec::new();
        if self.way.listens() {
            running.push(self.agent(folder, &url));
            args.extend(["--agent", &name]);
        }
        args.extend(self.ids.iter().map(String::as_str));
        let mut check = cusp(&args);
        let mut said = BufReader::new(check.0.stderr.take().expect("it is piped"));
        if !self.way.listens() {
            let mut line = String::new();
            said.read_line(&mut line).expect("text");
            running.push(self.agent(folder, &url));
        }
        let mut json = String::new();
        check.0.stdout.take().expect("it is piped").read_to_string(&mut json).expect("text");
        let mut rest = String::new();
        let _ = said.read_to_string(&mut rest);
        match serde_json::from_str::<Value>(&json) {
            Ok(report) => report["checks"].as_array().expect("a list").clone(),
            Err(_) => self.ids.iter().map(|id| no_report(id, &rest)).collect(),
        }
    }
}

/// How a check ended that an agent was never asked for: on a machine that stood still it came too late.
fn no_report(id: &str, why: &str) -> Value {
    json!({ "id": id, "verdict": "error", "detail": { "reason": format!("no report: {why}") } })
}

/// Shares the checks out to agents with numbers from `first`: each to the one of those that suit it which has the
/// fewest.
fn groups(listed: &[Value], first: usize) -> Vec<Group> {
    let ways = AGENTS.iter().flat_map(|(way, count)| std::iter::repeat_n(*way, *count));
    let mut groups: Vec<Group> =
        ways.enumerate().map(|(at, way)| Group { number: first + at, ids: Vec::new(), way }).collect();
    for check in listed {
        let lacks = check["skipped_if"].to_string();
        let suiting = groups.iter_mut().filter(|group| group.way.suits(&lacks));
        let fewest = suiting.min_by_key(|group| group.ids.len()).expect("an agent of each kind");
        fewest.ids.push(text(&check["id"]).to_owned());
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
    match text(&check["verdict"]) {
        "pass" => true,
        "skipped" => SKIPPED.iter().any(|reason| text(&check["detail"]["reason"]).starts_with(reason)),
        _ => false,
    }
}

#[expect(clippy::print_stderr, reason = "what needed a second run is said even when that went well")]
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
    std::fs::write(folder.join(PROFILE), TABLE).expect("written");
    let checked = report(folder, listed, 0);
    assert_eq!(checked.len(), listed.len());
    let wrong: Vec<&Value> = checked.iter().filter(|check| !is_right(check)).collect();
    // Many measure time, and a machine that stood still for a while is not the agent's fault: once more, with agents
    // that have not been asked anything. That they are few shows that it was no fault of the agent.
    if !wrong.is_empty() {
        eprintln!("needed a second run: {wrong:#?}");
    }
    assert!(wrong.len() <= MAX_SECOND_RUNS, "{} of {} failed at once", wrong.len(), listed.len());
    let ids: Vec<&str> = wrong.iter().map(|check| text(&check["id"])).collect();
    let again: Vec<Value> =
        listed.iter().filter(|check| ids.contains(&text(&check["id"]))).cloned().collect();
    let still: Vec<Value> =
        report(folder, &again, listed.len()).into_iter().filter(|check| !is_right(check)).collect();
    assert!(still.is_empty(), "twice: {still:#?}");
}
