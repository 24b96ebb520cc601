//! The processes that are measured: a server and simulated fleets, each the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const CUSP: &str = env!("CARGO_BIN_EXE_cusp");
/// How long a process may take to get where it should be.
const PATIENCE: Duration = Duration::from_secs(300);

/// A child that ends with its owner.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Process {
        Process(command.stdout(Stdio::null()).spawn().expect("the program starts"))
    }

    /// Proportional set size, KiB.
    pub(crate) fn pss(&self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).expect("it runs");
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).expect("a Pss line");
        line.trim().trim_end_matches("kB").trim().parse().expect("a number")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server with a store of its own, that lets every device in.
pub(crate) struct Server {
    pub(crate) process: Process,
    /// `address:port` of the API.
    pub(crate) http: String,
    /// Where agents dial.
    pub(crate) usp: String,
    /// Of an owner.
    pub(crate) token: String,
    folder: TempDir,
}

impl Server {
    pub(crate) fn start() -> Server {
        // Beside the build, because /tmp may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is there");
        let (config, data) = (folder.path().join("cusp.toml"), folder.path().join("data"));
        let text = "[http]\nlisten = \"127.0.0.1:0\"\n[usp]\nendpoint = \"self::bench\"\n\
                    [usp.websocket]\nlisten = \"127.0.0.1:0\"\n[enrolment]\npolicy = \"open\"\n";
        fs::write(&config, text).expect("the configuration is written");
        let mut command = Command::new(CUSP);
        command.arg("serve").arg("--config").arg(&config).arg("--data").arg(&data).stderr(Stdio::null());
        let process = Process::spawn(command.env("CUSP_LOG", "warn"));
        let listeners = until(|| read_json(&data.join("listeners.json")));
        let address = |name: &str| listeners[name].as_str().expect("it listens").to_owned();
        let (http, usp) = (address("http"), format!("ws://{}/usp", address("usp.websocket")));
        let made =
            Command::new(CUSP).args(["token", "create", "--role", "owner", "--data"]).arg(&data).output();
        let token = String::from_utf8(made.expect("a token").stdout).expect("text").trim().to_owned();
        Server { process, http, usp, token, folder }
    }

    /// A fleet of so many agents, as fast as `rate` a second; `arguments` of `cusp sim usp` beside.
    pub(crate) fn fleet(&self, count: usize, rate: u32, arguments: &[&str]) -> Process {
        let (count, rate) = (count.to_string(), rate.to_string());
        let mut command = Command::new(CUSP);
        command.args(["sim", "usp", "--count", &count, "--rate", &rate, "--to", &self.usp]).args(arguments);
        Process::spawn(command.stderr(Stdio::null()))
    }

    /// A folder that goes with the server.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// One of the counters of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = ureq::get(format!("http://{}/metrics", self.http)).call().expect("it answers");
        let text = text.into_body().read_to_string().expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).expect("it is counted")
    }

    /// What a GET below `/api/v1` answers.
    pub(crate) fn get(&self, place: &str) -> Value {
        let url = format!("http://{}/api/v1{place}", self.http);
        let call = ureq::get(url).header("Authorization", format!("Bearer {}", self.token)).call();
        serde_json::from_str(&call.expect("it answers").into_body().read_to_string().expect("text"))
            .expect("JSON")
    }

    /// Waits until so many devices have a session.
    pub(crate) fn connected(&self, devices: usize) {
        until(|| (self.metric("cusp_sessions") >= devices as f64).then_some(()));
    }

    /// Waits until devices are asked nothing more: they are onboarded. Answers to notifications do not count.
    pub(crate) fn settle(&self) {
        let asked = || self.metric("cusp_records_out_total") - self.metric("cusp_notifications_total");
        let mut before = asked();
        until(|| {
            sleep(Duration::from_secs(2));
            let now = asked();
            ((now - std::mem::replace(&mut before, now)).abs() < 20.0).then_some(())
        });
    }
}

/// Asks until there is an answer.
fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it takes too long");
        sleep(Duration::from_millis(100));
    }
}

fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}
