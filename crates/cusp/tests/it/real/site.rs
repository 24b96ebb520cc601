//! A folder with a configuration, and the processes that run on it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};

use super::api::Api;
use crate::fake::run;
use crate::ports::free_port;

/// The server's own Endpoint.
pub(crate) const CONTROLLER: &str = "self::controller";

/// A data folder, a configuration with ports that stay the same, and a token.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    http: SocketAddr,
    websocket: SocketAddr,
    token: String,
    /// `ws` or `wss`.
    scheme: &'static str,
}

impl Site {
    /// With this enrolment policy, in plaintext on loopback.
    pub(crate) fn new(policy: &str) -> Site {
        Site::with(policy, false)
    }

    /// For devices with certificates, under TLS.
    pub(crate) fn secure(policy: &str) -> Site {
        Site::with(policy, true)
    }

    fn with(policy: &str, secure: bool) -> Site {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [http, websocket] = free();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder");
        let (mut tls, mut scheme) = (String::new(), "ws");
        if secure {
            std::fs::write(data.join("endpoint"), CONTROLLER).expect("written");
            let (made, data) = (folder.path().join("made"), data.display().to_string());
            std::fs::create_dir(&made).expect("a folder");
            let ran = run(&["init", &made.display().to_string(), "--data", &data], &[], "");
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            (tls, scheme) =
                (format!("tls = {{ cert = \"{data}/server.pem\", key = \"{data}/server.key\" }}\n"), "wss");
        }
        let text = format!(
            "data = {data:?}\n[http]\nlisten = \"{http}\"\n[usp]\nendpoint = \"{CONTROLLER}\"\n\
             [usp.websocket]\nlisten = \"{websocket}\"\n{tls}[enrolment]\npolicy = \"{policy}\"\n",
        );
        std::fs::write(folder.path().join("cusp.toml"), text).expect("written");
        let mut site = Site { folder, http, websocket, token: String::new(), scheme };
        let made = site.cusp(&["token", "create", "--role", "owner"]);
        made.trim().clone_into(&mut site.token);
        site
    }

    /// The same, with CoAP at this address of the server.
    pub(crate) fn with_coap(policy: &str, listen: SocketAddr) -> Site {
        let site = Site::new(policy);
        let file = site.folder.path().join("cusp.toml");
        let text = std::fs::read_to_string(&file).expect("written before");
        std::fs::write(&file, format!("{text}[usp.coap]\nlisten = \"{listen}\"\n")).expect("written");
        site
    }

    /// Adds CoAP over DTLS at this address of a server with certificates.
    pub(crate) fn configure_coaps(&self, listen: SocketAddr) {
        let data = self.folder.path().join("data").display().to_string();
        self.configure(&format!(
            "[usp.coap]\nsecure_listen = \"{listen}\"\n\
             tls = {{ cert = \"{data}/server.pem\", key = \"{data}/server.key\" }}\n"
        ));
    }

    /// Starts `cusp-agent`, which is reached and reaches the server by CoAP alone.
    pub(crate) fn agent_by_coap(&self, endpoint: &str, server: SocketAddr, port: u16) -> Process {
        let file = self.folder.path().join("agent.toml");
        let text = format!(
            "data_dir = {:?}\n[agent]\nendpoint = \"{endpoint}\"\n[[controller]]\nendpoint = \"{CONTROLLER}\"\n\
             [controller.coap]\nurl = \"coap://{server}/usp\"\nport = {port}\n[policy]\nunprotected = true\n",
            self.folder.path().join("agent"),
        );
        std::fs::write(&file, text).expect("written");
        Process::start(Command::new(agent_program()).arg("--config").arg(&file))
    }

    /// Runs a local command on the data folder; what it prints.
    pub(crate) fn cusp(&self, args: &[&str]) -> String {
        let config = self.folder.path().join("cusp.toml");
        let with = [args, &["--config", config.to_str().expect("a plain name")]].concat();
        let ran = run(&with, &[], "");
        assert_eq!(ran.code, Some(0), "{with:?}: {}", ran.stderr);
        ran.stdout
    }

    /// A name beside the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a client's command on the server that runs; what it prints.
    pub(crate) fn client(&self, args: &[&str]) -> String {
        let url = format!("http://{}", self.http);
        let ran = run(args, &[("CUSP_URL", &url), ("CUSP_TOKEN", &self.token)], "");
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// A file beside the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        file
    }

    /// Adds lines at the end of the server's configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let file = self.folder.path().join("cusp.toml");
        let text = std::fs::read_to_string(&file).expect("it was written");
        std::fs::write(&file, format!("{text}{lines}")).expect("written");
    }

    /// The URL that agents dial.
    pub(crate) fn agent_url(&self) -> String {
        format!("{}://{}/usp", self.scheme, self.websocket)
    }

    /// The certificate of the server's CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("data/ca/ca.pem")
    }

    /// Requests with the owner's token.
    pub(crate) fn api(&self) -> Api {
        Api::new(self.http, &self.token)
    }

    /// Starts `cusp serve`; it listens when this returns.
    pub(crate) fn serve(&self) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cusp"));
        command.arg("serve").arg("--config").arg(self.folder.path().join("cusp.toml")).env_clear();
        let process = Process::start(&mut command);
        process.until("Cusp is at ");
        process
    }

    /// Starts `cusp-agent` with this endpoint id, for this server.
    pub(crate) fn agent(&self, endpoint: &str) -> Process {
        self.agent_with(endpoint, "")
    }

    /// The same, with more about the controller in its configuration.
    pub(crate) fn agent_with(&self, endpoint: &str, more: &str) -> Process {
        self.agent_by(endpoint, &format!("url = \"{}\"\n{more}", self.agent_url()))
    }

    /// The same, with nothing about the controller but these lines. By a broker that is not trusted nothing is
    /// protected.
    pub(crate) fn agent_by(&self, endpoint: &str, lines: &str) -> Process {
        let file = self.folder.path().join("agent.toml");
        let is_brokered = ["[controller.stomp]", "[controller.mqtt]"].iter().any(|by| lines.contains(by))
            && !lines.contains("MTP-and-broker");
        let policy = if is_brokered { "\n[policy]\nunprotected = true\n" } else { "" };
        let text = format!(
            "data_dir = {:?}\n[agent]\nendpoint = \"{endpoint}\"\n[[controller]]\nendpoint = \"{CONTROLLER}\"\n\
             {lines}{policy}",
            self.folder.path().join("agent")
        );
        std::fs::write(&file, text).expect("written");
        Process::start(Command::new(agent_program()).arg("--config").arg(&file))
    }
}

impl Site {
    /// Starts the example service of the agent, at this socket of a Broker.
    pub(crate) fn lamp(&self, socket: &Path) -> Process {
        let program = agent_program().with_file_name("examples").join("lamp");
        assert!(
            program.is_file(),
            "there is no {}: run `cargo build -p agent --example lamp` first",
            program.display()
        );
        Process::start(Command::new(program).arg(socket))
    }
}

/// The agent that was built into the same folder as `cusp`.
pub(crate) fn agent_program() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_cusp")).with_file_name("cusp-agent");
    assert!(program.is_file(), "there is no {}: run `cargo build -p agent` first", program.display());
    program
}

/// Two ports that nobody uses: a server that is started again must be found where it was.
pub(crate) fn free() -> [SocketAddr; 2] {
    let first = free_port();
    let other = std::iter::repeat_with(free_port).find(|port| *port != first).expect("there are many");
    [first, other].map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A process whose output is kept; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    told: Arc<Mutex<Vec<String>>>,
    lines: Mutex<std::sync::mpsc::Receiver<String>>,
}

impl Process {
    fn start(command: &mut Command) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let told = Arc::default();
        let (sender, lines) = std::sync::mpsc::channel();
        let kept = Arc::clone(&told);
        std::thread::spawn(move || keep(stderr, &kept, &sender));
        Process { child, told, lines: Mutex::new(lines) }
    }

    /// Waits until it says a line that begins so.
    fn until(&self, beginning: &str) {
        let lines = self.lines.lock().expect("one reader");
        loop {
            match lines.recv_timeout(super::api::PATIENCE) {
                Ok(line) if line.starts_with(beginning) => return,
                Ok(_) => {}
                Err(_) => panic!("it never said {beginning:?}: {:?}", self.told()),
            }
        }
    }

    /// Waits until it says a line that holds this.
    pub(crate) fn until_told(&self, text: &str) {
        let lines = self.lines.lock().expect("one reader");
        while lines.recv_timeout(super::api::PATIENCE).is_ok_and(|line| !line.contains(text)) {}
        drop(lines);
        assert!(self.told().iter().any(|line| line.contains(text)), "{text}: {:?}", self.told());
    }

    /// What it said until now.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().expect("no reader panics").clone()
    }

    /// SIGKILL, and nothing before it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was ours");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(stderr: ChildStderr, told: &Mutex<Vec<String>>, lines: &std::sync::mpsc::Sender<String>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        told.lock().expect("no reader panics").push(line.clone());
        let _ = lines.send(line);
    }
}
