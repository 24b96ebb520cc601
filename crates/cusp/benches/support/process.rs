//! The processes that are measured: a server and simulated fleets, each the real binary.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use pki::{Ca, SealKey, ServerNames, Validity};
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

    /// Processor time that it took so far, of all its threads.
    pub(crate) fn processor(&self) -> Duration {
        /// What `/proc` counts in, on every Linux: a hundredth of a second.
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).expect("it runs");
        // The name in brackets may hold anything; user and system time are the 12th and 13th field behind it.
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks: u32 =
            fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().expect("a number")).sum();
        TICK * ticks
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How agents reach the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// WebSocket without TLS.
    Plain,
    /// WebSocket with TLS; agents show no certificate.
    Tls,
    /// The same, and each agent shows a certificate of its own.
    Mutual,
    /// The server's own MQTT broker, without TLS.
    Mqtt,
    /// The same with TLS and a certificate of each agent.
    MutualMqtt,
}

impl Over {
    fn is_mqtt(self) -> bool {
        matches!(self, Over::Mqtt | Over::MutualMqtt)
    }

    fn is_mutual(self) -> bool {
        matches!(self, Over::Mutual | Over::MutualMqtt)
    }

    fn is_secure(self) -> bool {
        self == Over::Tls || self.is_mutual()
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
    over: Over,
    folder: TempDir,
}

/// The endpoint id of the server.
const ENDPOINT: &str = "self::bench";

impl Server {
    pub(crate) fn start() -> Server {
        Server::over(Over::Plain)
    }

    pub(crate) fn over(over: Over) -> Server {
        // Beside the build, because /tmp may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the target folder is there");
        let (config, data) = (folder.path().join("cusp.toml"), folder.path().join("data"));
        let tls = if over.is_secure() { certificates(folder.path(), over) } else { String::new() };
        let (web_socket, broker) = if over.is_mqtt() { ("", tls.as_str()) } else { (tls.as_str(), "") };
        let mut text = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[usp]\nendpoint = \"{ENDPOINT}\"\n\
             [usp.websocket]\nlisten = \"127.0.0.1:0\"\n{web_socket}[enrolment]\npolicy = \"open\"\n"
        );
        if over.is_mqtt() {
            text += &format!("[usp.mqtt.broker]\nlisten = \"127.0.0.1:0\"\n{broker}");
        }
        fs::write(&config, text).expect("the configuration is written");
        let mut command = Command::new(CUSP);
        command.arg("serve").arg("--config").arg(&config).arg("--data").arg(&data).stderr(Stdio::null());
        let process = Process::spawn(command.env("CUSP_LOG", "warn"));
        let listeners = until(|| read_json(&data.join("listeners.json")));
        let address = |name: &str| listeners[name].as_str().expect("it listens").to_owned();
        let usp = match over {
            Over::Plain => format!("ws://{}/usp", address("usp.websocket")),
            Over::Tls | Over::Mutual => format!("wss://{}/usp", address("usp.websocket")),
            Over::Mqtt => format!("mqtt://{}", address("usp.mqtt.broker")),
            Over::MutualMqtt => format!("mqtts://{}", address("usp.mqtt.broker")),
        };
        let made =
            Command::new(CUSP).args(["token", "create", "--role", "owner", "--data"]).arg(&data).output();
        let token = String::from_utf8(made.expect("a token").stdout).expect("text").trim().to_owned();
        Server { process, http: address("http"), usp, token, over, folder }
    }

    /// `cusp sim usp` with a fleet of this server.
    fn sim(&self, count: usize, rate: u32, arguments: &[&str]) -> Command {
        let (count, rate) = (count.to_string(), rate.to_string());
        let mut command = Command::new(CUSP);
        command.args(["sim", "usp", "--count", &count, "--rate", &rate, "--to", &self.usp]).args(arguments);
        if self.over.is_mqtt() {
            command.args(["--controller", ENDPOINT]);
        }
        if self.over.is_secure() {
            command.arg("--ca").arg(self.folder("ca.pem"));
        }
        if self.over.is_mutual() {
            command.arg("--certificates").arg(self.folder("devices"));
        }
        command
    }

    /// A fleet of so many agents, as fast as `rate` a second; `arguments` of `cusp sim usp` beside.
    pub(crate) fn fleet(&self, count: usize, rate: u32, arguments: &[&str]) -> Process {
        Process::spawn(self.sim(count, rate, arguments).stderr(Stdio::null()))
    }

    /// A fleet that ends by itself, and what it reports.
    pub(crate) fn report(&self, count: usize, rate: u32, arguments: &[&str]) -> Value {
        let ended = self.sim(count, rate, arguments).arg("--json").output().expect("the program starts");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{told}");
        serde_json::from_slice(&ended.stdout).expect("JSON")
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

/// A CA, a certificate of the server, and for agents with certificates their CA; gives the lines that say so.
fn certificates(folder: &Path, over: Over) -> String {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let validity = Validity::lasting(SystemTime::now(), DAY);
    let ca = Ca::create("Bench", validity).expect("a CA");
    let names = ServerNames { ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)], ..ServerNames::default() };
    let identity = ca.issue_server(&names, validity).expect("a certificate");
    let file = |name: &str| folder.join(name);
    identity.save(&file("cert.pem"), &file("key.pem")).expect("saved");
    fs::write(file("ca.pem"), ca.certificate_pem()).expect("saved");
    let mut fields = format!("cert = {:?}, key = {:?}", file("cert.pem"), file("key.pem"));
    if over.is_mutual() {
        let devices = file("devices");
        fs::create_dir(&devices).expect("a folder");
        let seal = SealKey::load_or_create(&devices.join("seal.key")).expect("a key");
        Ca::load_or_create(&devices, &seal, "Devices", validity).expect("a CA");
        fields += &format!(", client_ca = {:?}", devices.join("ca.pem"));
    }
    format!("tls = {{ {fields} }}\n")
}

fn read_json(file: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}
