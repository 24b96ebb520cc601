//! Agents behind Debian's STOMP servers, and what those who share one can do to each other.

#[expect(dead_code, reason = "what MQTT and TLS need of them is used elsewhere")]
#[path = "../../../mtp/tests/it/daemons/mod.rs"]
mod daemons;

use std::time::{Duration, SystemTime};

use daemons::{ActiveMq, RabbitMq};
use pki::{Ca, ServerNames, Validity};
use requirement::requirement;
use serde_json::{Value, json};
use server::config::{PolicyName, StompConnect};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use usp_proto::{EndpointId, Record, Version};

use crate::agent::elsewhere::stomp_client;
use crate::agent::{Agent, reply};
use crate::world::{PATIENCE, Running, World, id};

const CLOCK: &str = "Device.Time.CurrentLocalTime";

/// Who meets in one part of a test. They are others in each: agents live on, and their queues with them.
struct Part {
    port: u16,
    controller: EndpointId,
    agent: String,
    odd: String,
}

impl Part {
    fn new(port: u16, name: &str) -> Part {
        let controller = id(&format!("self::controller-{name}"));
        Part { port, controller, agent: format!("os::00256D-{name}"), odd: format!("os::00256D-{name}-odd") }
    }

    async fn agent(&self) -> Agent {
        Agent::behind_stomp(&stomp_client(self.port, &self.agent), &self.controller).await
    }

    fn queue(&self) -> String {
        format!("/queue/usp.controllers.{}", self.controller)
    }
}

fn world(policy: PolicyName, part: &Part) -> World {
    let mut world = World::new(policy);
    world.config.usp.endpoint = Some(part.controller.to_string());
    let port = part.port;
    let file = world.folder.path().join("password");
    std::fs::write(&file, "guest\n").expect("written");
    world.config.usp.stomp.connect = vec![StompConnect {
        url: format!("stomp://127.0.0.1:{port}"),
        username: Some("guest".to_owned()),
        password_file: Some(file),
        retry_seconds: Some(1),
        ..StompConnect::default()
    }];
    world
}

/// Until the server has its connection.
async fn connected(server: &Running) {
    let is_up = |text: &str| {
        text.lines().any(|line| line.starts_with("cusp_broker_connected{") && line.ends_with(" 1"))
    };
    let up = async { while !is_up(&server.api.text("GET", "/metrics").await) {} };
    tokio::time::timeout(PATIENCE, up).await.expect("a connection to the STOMP server");
}

async fn get(server: &Running, device: &str) -> Value {
    let path = format!("/devices/{device}/get?wait=20s");
    server.api.post(&path, Some(json!({ "paths": [CLOCK] }))).await.body
}

async fn from_pending_to_read(port: u16) {
    let part = Part::new(port, "read");
    let world = world(PolicyName::Approve, &part);
    let server = world.serve().await;
    connected(&server).await;
    let mut agent = part.agent().await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    let row = &pending["items"][0];
    assert_eq!(
        json!([row["transport"], row["endpoint"], row["proven"]]),
        json!(["stomp", part.agent, false])
    );
    let device = server.approve(&part.agent).await;
    let (asked, request) = agent.request(|_| true).await;
    agent.respond(&asked, reply(&request));
    let told = agent.value_change("Device.DeviceInfo.SerialNumber", "7");
    agent.answer_to(&told).await;
    agent.keep_answering();
    server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    let job = get(&server, &device).await;
    let value = &job["outcome"]["results"][0]["objects"][0]["params"]["CurrentLocalTime"];
    assert_eq!((&job["state"], value), (&json!("done"), &json!("value of CurrentLocalTime")), "{job}");
    let sessions = server.api.get(&format!("/devices/{device}/sessions")).await;
    assert_eq!(sessions.items()[0]["transport"], "stomp", "{sessions:?}");
    server.stop().await;
}

/// A client that says what a library would not.
struct Liar(BufReader<TcpStream>);

impl Liar {
    async fn connect(port: u16) -> Liar {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        let mut liar = Liar(BufReader::new(socket));
        let hello = "STOMP\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0";
        liar.say(hello.as_bytes(), "CONNECTED").await;
        liar
    }

    /// Says it, and waits for a frame with these words.
    async fn say(&mut self, frame: &[u8], answer: &str) {
        self.0.write_all(frame).await.expect("written");
        let heard = self.hears().await;
        assert!(heard.contains(answer), "{heard}");
    }

    async fn hears(&mut self) -> String {
        let mut heard = Vec::new();
        let frame = tokio::time::timeout(PATIENCE, self.0.read_until(0, &mut heard)).await;
        frame.expect("in time").expect("an answer");
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// A Connect Record, which is to be answered there; the server has it when this returns.
    async fn greets(&mut self, part: &Part, destination: &str) {
        let path = mtp::ReturnPath::Stomp { link: mtp::LinkId(0), destination: destination.into() };
        let contact = mtp::Contact::Stomp { destination: destination.into() };
        let connect = Record::connect(&id(&part.odd), &part.controller, Version::CURRENT, &path, &contact);
        let bytes = connect.expect("a Connect Record").encode();
        let head = format!(
            "SEND\ndestination:{}\ncontent-length:{}\nreceipt:taken\n\
             content-type:application/vnd.bbf.usp.msg\nreply-to-dest:{destination}\n\n",
            part.queue(),
            bytes.len()
        );
        self.say(&[head.as_bytes(), &bytes, b"\0"].concat(), "receipt-id:taken").await;
    }
}

/// One device that names where nobody may send to would end the connection of all.
async fn a_wrong_destination_hurts_nobody(port: u16) {
    let part = Part::new(port, "wrong");
    let world = world(PolicyName::Open, &part);
    let server = world.serve().await;
    connected(&server).await;
    let own = part.queue();
    let mut liar = Liar::connect(port).await;
    for destination in ["/nowhere/x", "/queue/elsewhere", &own, "/queue/usp.agents.a,b"] {
        liar.greets(&part, destination).await;
    }
    // The server keeps no order between clients, but this one is answered long after those were heard.
    let agent = part.agent().await;
    let device = server.device(&part.agent).await;
    agent.keep_answering();
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
    let metrics = server.api.text("GET", "/metrics").await;
    assert!(metrics.contains("cusp_links_opened_total 1\n"), "{metrics}");
    server.stop().await;
}

/// Nor does one whose queue is not what RabbitMQ makes of such a name: to ask for it as usual is an error there.
async fn an_odd_queue_hurts_nobody(port: u16) {
    let part = Part::new(port, "queue");
    let world = world(PolicyName::Open, &part);
    let server = world.serve().await;
    connected(&server).await;
    let mut liar = Liar::connect(port).await;
    let destination = format!("/queue/usp.agents.{}", part.odd);
    let subscribe = format!(
        "SUBSCRIBE\nid:0\ndestination:{destination}\ndurable:false\nauto-delete:true\nreceipt:odd\n\n\0"
    );
    liar.say(subscribe.as_bytes(), "receipt-id:odd").await;
    liar.greets(&part, &destination).await;
    // The server has asked it something, and still has its connection.
    let heard = liar.hears().await;
    assert!(heard.trim_start().starts_with("MESSAGE"), "{heard}");
    let agent = part.agent().await;
    let device = server.device(&part.agent).await;
    agent.keep_answering();
    assert_eq!(get(&server, &device).await["state"], "done");
    let metrics = server.api.text("GET", "/metrics").await;
    assert!(metrics.contains("cusp_links_opened_total 2\n"), "{metrics}");
    server.stop().await;
}

/// The word of a server that is trusted counts as proof, and nothing less does from then on. `port` is for devices, the
/// other one has a certificate of the CA.
async fn a_trusted_server_vouches_for_its_clients(port: u16, secure_port: u16, ca: &Ca) {
    let part = Part::new(port, "trusted");
    let mut world = world(PolicyName::Approve, &part);
    let file = world.folder.path().join("ca.pem");
    std::fs::write(&file, ca.certificate_pem()).expect("written");
    let how = &mut world.config.usp.stomp.connect[0];
    (how.url, how.trusted, how.ca) = (format!("stomps://127.0.0.1:{secure_port}"), true, Some(file));
    let server = world.serve().await;
    connected(&server).await;
    let agent = part.agent().await;
    let device = server.approve(&part.agent).await;
    agent.keep_answering();
    let shown = server.until(&format!("/devices/{device}"), |one| one.body["onboarded"] == true).await;
    assert_eq!((&shown["online"], &shown["proven"]), (&json!(true), &json!(true)));
    let plain = crate::agent::dialer(&server, &part.agent).connect().await;
    assert!(matches!(plain, Err(mtp::Error::Refused { status: 403, .. })), "{plain:?}");
    server.refusal("showed none").await;
    assert_eq!(get(&server, &device).await["state"], "done");
    server.stop().await;
}

async fn it_is_back_after_a_restart(port: u16, restart: impl FnOnce()) {
    let part = Part::new(port, "back");
    let world = world(PolicyName::Open, &part);
    let server = world.serve().await;
    connected(&server).await;
    part.agent().await.keep_answering();
    let device = server.device(&part.agent).await;
    let online = |wanted| {
        let (server, path) = (&server, format!("/devices/{device}"));
        async move { server.until(&path, |one| one.body["online"] == wanted).await }
    };
    online(true).await;
    restart();
    online(false).await;
    connected(&server).await;
    part.agent().await.keep_answering();
    online(true).await;
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.7", "R-STOMP.18", "R-STOMP.23")]
async fn agents_behind_rabbitmq() {
    let valid = Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let ca = Ca::create("Test CA", valid).expect("a CA");
    let names = ServerNames { ips: vec![[127, 0, 0, 1].into()], ..ServerNames::default() };
    let identity = ca.issue_server(&names, valid).expect("a certificate");
    let mut server = RabbitMq::start_stomp(&identity.chain_pem(), &identity.key_pem());
    from_pending_to_read(server.port).await;
    a_wrong_destination_hurts_nobody(server.port).await;
    an_odd_queue_hurts_nobody(server.port).await;
    a_trusted_server_vouches_for_its_clients(server.port, server.secure_port, &ca).await;
    let port = server.port;
    it_is_back_after_a_restart(port, || server.restart()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[requirement("R-STOMP.7", "R-STOMP.18", "R-STOMP.23")]
async fn agents_behind_activemq() {
    let mut server = ActiveMq::start();
    from_pending_to_read(server.port).await;
    a_wrong_destination_hurts_nobody(server.port).await;
    let port = server.port;
    it_is_back_after_a_restart(port, || server.restart()).await;
}
