//! A controller in a few lines, on a real WebSocket, UNIX domain socket or broker, and the real program that it
//! talks to.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dm::operation::{Add, Get, ObjectSettings, ParamSetting, Set};
use dm::{Operation, Outcome};
use mtp::mqtt::{BrokerAddress, Client, Settings, Version as MqttVersion};
use mtp::stomp;
use mtp::uds;
use mtp::ws::{Dialer, ListenConfig, Listener};
use mtp::{
    AdmitAll, DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, ReturnPath, Role,
    Verdict,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use usp_endpoint::translate;
use usp_proto::notify::Notification;
use usp_proto::{Body, Msg, Record, RecordType, Request, Response, Version};

pub(crate) const AGENT: &str = "proto:lab:agent";
pub(crate) const CONTROLLER: &str = "proto::controller";
/// Where the agent is subscribed, unless it is told otherwise.
pub(crate) const AGENT_TOPIC: &str = "usp/agents/proto:lab:agent";

/// The longest wait for what has to come. A machine under load is slow; what takes longer never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for what has to come; `what` is said where it does not.
pub(crate) async fn soon<T>(what: &str, coming: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, coming).await {
        Ok(came) => came,
        Err(_) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// What happens at the controller's end.
pub(crate) enum Event {
    Up(LinkSender, ReturnPath),
    Record(Box<Record>),
    Down,
}

pub(crate) struct Witness(pub(crate) mpsc::UnboundedSender<Event>);

impl LinkHandler for Witness {
    fn up(&self, link: LinkUp) {
        link.sender.authorise();
        let _ = self.0.send(Event::Up(link.sender, link.return_path));
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
    /// A Connect Record by way of a broker: the version of MQTT, and where the agent is subscribed.
    Connect(MqttVersion, String),
    /// A Connect Record by way of a STOMP server: where the agent is subscribed.
    StompConnect(String),
    /// A Connect Record by a UNIX domain socket.
    LocalConnect,
    /// The reason code of a Disconnect Record.
    Disconnect(u32),
    /// The connection is gone.
    Down,
}

pub(crate) struct Controller {
    pub(crate) port: u16,
    endpoint: EndpointId,
    /// Whom it speaks with.
    pub(crate) agent: EndpointId,
    events: mpsc::UnboundedReceiver<Event>,
    link: Option<LinkSender>,
    /// How the agent is reached by it.
    path: Option<ReturnPath>,
    /// The agent's topic or destination, behind a broker.
    to: Option<Arc<str>>,
    asked: Vec<Request>,
    /// The subscriptions that notified.
    pub(crate) notified: Vec<String>,
    /// What they said.
    pub(crate) notices: Vec<Notification>,
}

/// A controller's side of a broker.
pub(crate) fn client(port: u16, version: MqttVersion, endpoint: &str) -> Client {
    let mut settings = Settings::new(version, id(endpoint));
    settings.response_topic = Some(format!("usp/controllers/{endpoint}").parse().expect("a topic"));
    let address = BrokerAddress { host: "127.0.0.1".to_owned(), port, secure: false };
    Client::new(address, settings, Role::Controller)
}

pub(crate) fn id(text: &str) -> EndpointId {
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
        Controller { port, ..Controller::hearing(CONTROLLER, events) }
    }

    /// Connected to an agent that listens for WebSockets at this port.
    pub(crate) async fn call(port: u16) -> Controller {
        let url = format!("ws://127.0.0.1:{port}/usp").parse().expect("a URL");
        let link = Dialer::new(url, id(CONTROLLER), Role::Controller).connect().await.expect("a link");
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Witness(sender)).await });
        let mut controller = Controller::hearing(CONTROLLER, events);
        controller.connected().await;
        controller
    }

    /// Connected to an agent that listens at this UNIX domain socket.
    pub(crate) async fn dial(path: &Path) -> Controller {
        let link = uds::Dialer::new(path, id(CONTROLLER), Role::Controller).connect().await.expect("a link");
        assert_eq!(link.endpoint(), &id(AGENT));
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Witness(sender)).await });
        let mut controller = Controller::hearing(CONTROLLER, events);
        controller.connected().await;
        controller
    }

    /// Listening at this UNIX domain socket.
    pub(crate) fn listen_at(path: &Path) -> Controller {
        let how = uds::ListenConfig::new(id(CONTROLLER), Role::Controller);
        let listener = uds::Listener::bind(path, how).expect("a socket");
        let (sender, events) = mpsc::unbounded_channel();
        let handler = Arc::new(Witness(sender));
        tokio::spawn(listener.run(handler, Arc::new(uds::AdmitLocal), std::future::pending()));
        Controller::hearing(CONTROLLER, events)
    }

    /// Subscribed at a broker of this port.
    pub(crate) async fn behind(port: u16, endpoint: &str) -> Controller {
        Controller::through(&client(port, MqttVersion::V5, endpoint)).await
    }

    /// The same, with settings of one's own.
    pub(crate) async fn through(client: &Client) -> Controller {
        let session = client.connect().await.expect("the broker lets it in");
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move { session.run(&Witness(sender)).await });
        let endpoint = client.settings.eid.clone();
        let to = Some(AGENT_TOPIC.into());
        let mut controller = Controller { to, ..Controller::hearing(endpoint.as_str(), events) };
        controller.connected().await;
        controller
    }

    /// The same behind a STOMP server, where the agent is reached at this destination.
    pub(crate) async fn behind_stomp(client: &stomp::Client, agent: &str) -> Controller {
        let session = client.connect().await.expect("the server lets it in");
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move { session.run(&Witness(sender)).await });
        let endpoint = client.config.endpoint.clone();
        let to = Some(agent.into());
        let mut controller = Controller { to, ..Controller::hearing(endpoint.as_str(), events) };
        controller.connected().await;
        controller
    }

    /// One whose links come by a channel.
    pub(crate) fn hearing(endpoint: &str, events: mpsc::UnboundedReceiver<Event>) -> Controller {
        let (endpoint, asked, notified) = (id(endpoint), Vec::new(), Vec::new());
        let notices = Vec::new();
        Controller {
            port: 0,
            endpoint,
            agent: id(AGENT),
            events,
            link: None,
            path: None,
            to: None,
            asked,
            notified,
            notices,
        }
    }

    /// Closes the connection from this end.
    pub(crate) fn hang_up(&self) {
        if let Some(link) = &self.link {
            link.close(1000, "enough");
        }
    }

    /// Whether nothing has come since.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// Waits for the agent.
    pub(crate) async fn connected(&mut self) {
        while self.link.is_none() {
            if let Event::Up(link, path) = self.event().await {
                (self.link, self.path) = (Some(link), Some(path));
            }
        }
    }

    /// Waits until the agent's connection is gone.
    pub(crate) async fn gone(&mut self) {
        while self.link.is_some() {
            let _ = self.hear().await;
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
        self.send_raw(Record::message(&self.endpoint, &self.agent, Version::CURRENT, msg.encode()).encode());
    }

    /// Sends what may be no Record at all.
    pub(crate) fn send_raw(&self, record: Bytes) {
        let (Some(link), Some(path)) = (&self.link, &self.path) else { return };
        let _ = match &self.to {
            Some(address) => link.send_to(&path.to(address.clone()), record),
            None => link.send(record),
        };
    }

    async fn event(&mut self) -> Event {
        soon("something from the agent", self.events.recv()).await.expect("the listener runs")
    }

    /// The next thing of interest; notifications are acknowledged on the way.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            match self.event().await {
                Event::Up(link, path) => (self.link, self.path) = (Some(link), Some(path)),
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
                    RecordType::MqttConnect { version, subscribed_topic } => {
                        let version = match version {
                            mtp::MqttVersion::V311 => MqttVersion::V3_1_1,
                            mtp::MqttVersion::V5 => MqttVersion::V5,
                        };
                        return Heard::Connect(version, subscribed_topic);
                    }
                    RecordType::StompConnect { subscribed_destination } => {
                        return Heard::StompConnect(subscribed_destination);
                    }
                    RecordType::UdsConnect => return Heard::LocalConnect,
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
                self.notified.push(notify.subscription_id.clone());
                let resp = Response::NotifyResp(notify.response());
                self.tell(&Msg::response(msg_id, resp));
                self.notices.extend(notify.notification);
                None
            }
            // For a Broker; to anyone else it is a matter of indifference.
            Body::Request(Request::Register(_)) => None,
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

    /// Waits for a Connect Record by way of a broker; gives the version and the agent's topic.
    pub(crate) async fn greeted(&mut self) -> (MqttVersion, String) {
        match self.hear().await {
            Heard::Connect(version, topic) => (version, topic),
            other => panic!("a Connect Record was expected: {other:?}"),
        }
    }

    /// The same by way of a STOMP server; gives the agent's destination.
    pub(crate) async fn greeted_by_stomp(&mut self) -> String {
        match self.hear().await {
            Heard::StompConnect(destination) => destination,
            other => panic!("a Connect Record was expected: {other:?}"),
        }
    }

    /// Subscribes to changes of `Controller.1.ControllerCode`, under the id `code`.
    pub(crate) async fn watch_code(&mut self) {
        let wanted = [
            ("Enable", "true"),
            ("ID", "code"),
            ("NotifType", "ValueChange"),
            ("ReferenceList", "Device.LocalAgent.Controller.1.ControllerCode"),
        ];
        let added = self.ask(add("Device.LocalAgent.Subscription.", &wanted)).await;
        assert!(matches!(&added, Outcome::Add(rows) if rows[0].result.is_ok()), "{added:?}");
    }

    /// Waits until a subscription has notified.
    pub(crate) async fn notified_by(&mut self, subscription: &str) {
        while !self.notified.iter().any(|known| known == subscription) {
            match self.event().await {
                Event::Record(record) => match record.record_type {
                    RecordType::NoSession { payload } => drop(self.message(&payload)),
                    other => panic!("a notification was expected: {other:?}"),
                },
                Event::Up(..) | Event::Down => panic!("a notification was expected"),
            }
        }
    }

    /// The value of one parameter.
    pub(crate) async fn value(&mut self, path: &str) -> String {
        let get = Get { paths: vec![path.to_owned()], max_depth: 0 };
        let found = self.ask(Operation::Get(get)).await;
        let Outcome::Get(results) = &found else { panic!("{found:?}") };
        let objects = results[0].result.as_ref().expect(path);
        objects[0].params.first().map(|(_, value)| value.to_string()).expect("a value")
    }

    /// Asks until a parameter has this value.
    pub(crate) async fn until(&mut self, path: &str, expected: &str) {
        let mut last = None;
        let asking = async {
            while last.as_deref() != Some(expected) {
                last = Some(self.value(path).await);
            }
        };
        if timeout(PATIENCE, asking).await.is_err() {
            panic!("{path} is {last:?} and not {expected:?} after {PATIENCE:?}");
        }
    }

    /// Sets one parameter.
    pub(crate) async fn set(&mut self, object: &str, param: &str, value: &str) {
        let answer = self.ask(set(object, param, value)).await;
        let Outcome::Set(results) = &answer else { panic!("{answer:?}") };
        assert!(results.iter().all(|result| result.result.is_ok()), "{answer:?}");
    }
}

/// To set one parameter.
pub(crate) fn set(object: &str, param: &str, value: &str) -> Operation {
    let params = vec![ParamSetting { param: param.to_owned(), value: value.to_owned(), required: true }];
    let objects = vec![ObjectSettings { path: object.to_owned(), params }];
    Operation::Set(Set { allow_partial: false, objects })
}

/// To add one row.
pub(crate) fn add(table: &str, params: &[(&str, &str)]) -> Operation {
    let param = |(param, value): &(&str, &str)| ParamSetting {
        param: (*param).to_owned(),
        value: (*value).to_owned(),
        required: true,
    };
    let objects = vec![ObjectSettings { path: table.to_owned(), params: params.iter().map(param).collect() }];
    Operation::Add(Add { allow_partial: false, objects })
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
        let controller =
            format!("[[controller]]\nendpoint = {CONTROLLER:?}\nurl = \"ws://127.0.0.1:{port}/usp\"\n");
        Program::start_with(words, folder, &controller)
    }

    /// The same, with these lines of configuration beside the agent's own. By brokers that are not trusted
    /// nothing is protected.
    pub(crate) fn start_with(words: &[&str], folder: &Path, lines: &str) -> Program {
        let config = folder.join("agent.toml");
        let is_brokered = ["[controller.mqtt]", "[controller.stomp]"].iter().any(|way| lines.contains(way));
        let is_trusted = lines.contains("MTP-and-broker");
        let policy = if is_brokered && !is_trusted { "\n[policy]\nunprotected = true\n" } else { "" };
        let text =
            format!("data_dir = {:?}\n[agent]\nendpoint = {AGENT:?}\n{lines}{policy}", folder.join("data"));
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
