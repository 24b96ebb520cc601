//! A controller in a few lines, on a real WebSocket, and the real program that it talks to.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use dm::{Operation, Outcome};
use mtp::ws::{ListenConfig, Listener};
use mtp::{
    AdmitAll, DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Role, Verdict,
};
use tokio::sync::mpsc;
use usp_endpoint::translate;
use usp_proto::{Body, Msg, Record, RecordType, Request, Response, Version};

const AGENT: &str = "proto:lab:agent";
const CONTROLLER: &str = "proto::controller";

/// What happens at the controller's end.
pub(crate) enum Event {
    Up(LinkSender),
    Record(Box<Record>),
    Down,
}

struct Witness(mpsc::UnboundedSender<Event>);

impl LinkHandler for Witness {
    fn up(&self, link: LinkUp) {
        link.sender.authorise();
        let _ = self.0.send(Event::Up(link.sender));
    }

    async fn inbound(&self, inbound: Inbound) -> Verdict {
        let record = Record::decode(inbound.record).expect("an agent sends Records");
        let _ = self.0.send(Event::Record(Box::new(record)));
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {
        let _ = self.0.send(Event::Down);
    }
}

/// What came of a wait.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The answer to the request of this number.
    Answer(u64, Outcome),
    /// The reason code of a Disconnect Record.
    Disconnect(u32),
    /// The connection is gone.
    Down,
}

pub(crate) struct Controller {
    pub(crate) port: u16,
    events: mpsc::UnboundedReceiver<Event>,
    link: Option<LinkSender>,
    asked: Vec<Request>,
}

fn id(text: &str) -> EndpointId {
    EndpointId::receive(text).expect("an id")
}

impl Controller {
    pub(crate) async fn listen() -> Controller {
        let how = ListenConfig::new("/usp", id(CONTROLLER), Role::Controller);
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None, how).await.expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let (sender, events) = mpsc::unbounded_channel();
        let handler = Arc::new(Witness(sender));
        tokio::spawn(listener.run(handler, Arc::new(AdmitAll), std::future::pending()));
        Controller { port, events, link: None, asked: Vec::new() }
    }

    /// Waits for the agent.
    pub(crate) async fn connected(&mut self) {
        while self.link.is_none() {
            if let Event::Up(link) = self.events.recv().await.expect("the listener runs") {
                self.link = Some(link);
            }
        }
    }

    /// Sends a request; gives its number. Nothing happens if the agent is gone.
    pub(crate) fn send(&mut self, operation: Operation) -> u64 {
        let request = translate::request(operation);
        let number = self.asked.len() as u64;
        self.tell(&Msg::request(number.to_string(), request.clone()));
        self.asked.push(request);
        number
    }

    fn tell(&self, msg: &Msg) {
        let record = Record::message(&id(CONTROLLER), &id(AGENT), Version::CURRENT, msg.encode());
        if let Some(link) = &self.link {
            let _ = link.send(record.encode());
        }
    }

    /// The next thing of interest; notifications are acknowledged on the way.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            match self.events.recv().await.expect("the listener runs") {
                Event::Up(link) => self.link = Some(link),
                Event::Down => {
                    self.link = None;
                    return Heard::Down;
                }
                Event::Record(record) => match record.record_type {
                    RecordType::NoSession { payload } => {
                        if let Some(heard) = self.message(&payload) {
                            return heard;
                        }
                    }
                    RecordType::Disconnect { reason_code, .. } => return Heard::Disconnect(reason_code),
                    _ => {}
                },
            }
        }
    }

    fn message(&mut self, payload: &Bytes) -> Option<Heard> {
        let Msg { msg_id, body } = Msg::decode(payload).expect("an agent sends messages");
        let request = |msg_id: &str| {
            let number: u64 = msg_id.parse().expect("the number of a request");
            (number, &self.asked[usize::try_from(number).expect("few")])
        };
        match body {
            Body::Request(Request::Notify(notify)) => {
                let resp = Response::NotifyResp(notify.response());
                self.tell(&Msg::response(msg_id, resp));
                None
            }
            Body::Request(other) => panic!("an agent does not ask for {}", other.name()),
            Body::Response(response) => {
                let (number, request) = request(&msg_id);
                Some(Heard::Answer(number, translate::outcome(request, response).expect("it fits")))
            }
            Body::Error(error) => {
                let number = request(&msg_id).0;
                Some(Heard::Answer(number, Outcome::Failed(translate::message_failure(&error))))
            }
        }
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&mut self, operation: Operation) -> Outcome {
        let asked = self.send(operation);
        loop {
            match self.hear().await {
                Heard::Answer(number, outcome) if number == asked => return outcome,
                Heard::Answer(..) => {}
                other => panic!("an answer was expected: {other:?}"),
            }
        }
    }
}

/// Tells whoever runs the tests.
pub(crate) fn note(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stderr(), "{text}")
}

/// The program, running.
pub(crate) struct Program(Child);

impl Program {
    /// Starts it over a folder, with one controller on this port.
    pub(crate) fn start(folder: &Path, port: u16) -> Program {
        Program::start_by(&[], folder, port)
    }

    /// The same, run by these words.
    pub(crate) fn start_by(words: &[&str], folder: &Path, port: u16) -> Program {
        let more =
            format!("[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{port}/usp\"\n");
        Program::start_with(words, folder, &more)
    }

    /// The same with a configuration that goes on like this.
    pub(crate) fn start_with(words: &[&str], folder: &Path, more: &str) -> Program {
        let config = folder.join("agent.toml");
        let data = folder.join("data");
        let text = format!("data_dir = {data:?}\n[agent]\nendpoint = {AGENT:?}\n{more}");
        std::fs::write(&config, text).expect("a configuration");
        let log = std::fs::File::options().append(true).create(true).open(config.with_extension("log"));
        let mut line = words.to_vec();
        line.push(env!("CARGO_BIN_EXE_cusp-agent"));
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).arg("--config").arg(config).stdin(Stdio::null());
        Program(command.stderr(log.expect("a file")).spawn().expect("the program"))
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it is ours");
    }

    /// SIGTERM; gives how it ended.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    }

    pub(crate) fn ended(mut self) -> ExitStatus {
        self.0.wait().expect("it is ours")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed must not leave it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
