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
use usp_proto::{Record, Version};

use crate::agent::elsewhere::stomp_client;
use crate::agent::{Agent, reply};
use crate::world::{AGENT, CONTROLLER, PATIENCE, Running, World, id};

const CLOCK: &str = "Device.Time.CurrentLocalTime";

fn world(policy: PolicyName, port: u16) -> World {
    let mut world = World::new(policy);
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
    let world = world(PolicyName::Approve, port);
    let server = world.serve().await;
    connected(&server).await;
    let mut agent = Agent::behind_stomp(&stomp_client(port, AGENT)).await;
    let pending = server.until("/pending", |answer| !answer.items().is_empty()).await;
    let row = &pending["items"][0];
    assert_eq!(json!([row["transport"], row["endpoint"], row["proven"]]), json!(["stomp", AGENT, false]));
    let device = server.approve(AGENT).await;
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

/// A client that sends what a library would not: this Connect Record with each of these destinations for its answer.
async fn lie(port: u16, eid: &str, destinations: &[&str]) {
    let mut socket = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection"));
    let hello = "STOMP\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0";
    socket.write_all(hello.as_bytes()).await.expect("written");
    let mut heard = Vec::new();
    socket.read_until(0, &mut heard).await.expect("an answer");
    assert!(heard.starts_with(b"CONNECTED"), "{}", String::from_utf8_lossy(&heard));
    let record = Record::disconnect(&id(eid), &id(CONTROLLER), Version::CURRENT, 0, "");
    for destination in destinations {
        let path = mtp::ReturnPath::Stomp { link: mtp::LinkId(0), destination: (*destination).into() };
        let contact = mtp::Contact::Stomp { destination: (*destination).into() };
        let connect = Record::connect(&record.from_id, &record.to_id, Version::CURRENT, &path, &contact);
        let bytes = connect.expect("a Connect Record").encode();
        let head = format!(
            "SEND\ndestination:/queue/usp.controllers.{CONTROLLER}\ncontent-length:{}\n\
             content-type:application/vnd.bbf.usp.msg\nreply-to-dest:{destination}\n\n",
            bytes.len()
        );
        socket.write_all(&[head.as_bytes(), &bytes, b"\0"].concat()).await.expect("written");
    }
    // The server has taken them all in when it confirms this.
    socket.write_all(b"DISCONNECT\nreceipt:done\n\n\0").await.expect("written");
    heard.clear();
    socket.read_until(0, &mut heard).await.expect("an answer");
    assert!(String::from_utf8_lossy(&heard).contains("receipt-id:done"), "{heard:?}");
}

/// One device that names where nobody may send to would end the connection of all.
async fn a_wrong_destination_hurts_nobody(port: u16) {
    let world = world(PolicyName::Open, port);
    let server = world.serve().await;
    connected(&server).await;
    let own = format!("/queue/usp.controllers.{CONTROLLER}");
    lie(port, "os::00256D-0003", &["/nowhere/x", "/queue/elsewhere", &own, "/queue/usp.agents.a,b"]).await;
    // The server keeps no order between clients, but this one is answered long after those were heard.
    let agent = Agent::behind_stomp(&stomp_client(port, AGENT)).await;
    let device = server.device(AGENT).await;
    agent.keep_answering();
    assert_eq!(get(&server, &device).await["state"], "done");
    assert_eq!(server.api.get("/devices").await.items().len(), 1);
    let metrics = server.api.text("GET", "/metrics").await;
    assert!(metrics.contains("cusp_links_opened_total 1\n"), "{metrics}");
    server.stop().await;
}

async fn it_is_back_after_a_restart(port: u16, restart: impl FnOnce()) {
    let world = world(PolicyName::Open, port);
    let server = world.serve().await;
    connected(&server).await;
    Agent::behind_stomp(&stomp_client(port, AGENT)).await.keep_answering();
    let device = server.device(AGENT).await;
    let online = |wanted| {
        let (server, path) = (&server, format!("/devices/{device}"));
        async move { server.until(&path, |one| one.body["online"] == wanted).await }
    };
    online(true).await;
    restart();
    online(false).await;
    connected(&server).await;
    Agent::behind_stomp(&stomp_client(port, AGENT)).await.keep_answering();
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
