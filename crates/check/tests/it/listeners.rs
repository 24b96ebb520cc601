//! The bench's brokers and sockets over the system's sockets, against the transports of an agent.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use check::{Link, mqtt, outside, stomp, uds};
use mtp::mqtt::broker::{Broker, ConnectFacts, Denied, Gate, ListenConfig, Listener, Rights};
use mtp::mqtt::{BrokerAddress, Client, Settings, Version};
use mtp::{
    DownReason, Inbound, LinkHandler, LinkId, LinkUp, MqttVersion, PeerAuth, PeerCertificate, ReturnPath,
    Role, Verdict,
};
use usp_proto::{Record, RecordType, Version as UspVersion};

use crate::agent::{AGENT, CONTROLLER, id, stranger};

const PEER: &str = "usp/check";
const OWN: &str = "usp/a1";

/// Says who it is, and no more.
struct Greets;

impl LinkHandler for Greets {
    fn up(&self, link: LinkUp) {
        let version = MqttVersion::V5;
        let (kind, path) = match &link.return_path {
            ReturnPath::Mqtt { link, .. } => (
                RecordType::MqttConnect { version, subscribed_topic: OWN.to_owned() },
                ReturnPath::Mqtt { link: *link, topic: PEER.into() },
            ),
            ReturnPath::Stomp { link, .. } => (
                RecordType::StompConnect { subscribed_destination: OWN.to_owned() },
                ReturnPath::Stomp { link: *link, destination: PEER.into() },
            ),
            path => (RecordType::UdsConnect, path.clone()),
        };
        let record = Record::new(&id(AGENT), &id(CONTROLLER), UspVersion::CURRENT, kind);
        link.sender.send_to(&path, record.encode()).unwrap();
    }

    async fn inbound(&self, _: Inbound) -> Verdict {
        Verdict::Accepted
    }

    fn down(&self, _: LinkId, _: DownReason) {}
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// The agent comes, and says who it is.
async fn meets(link: Link) {
    let mut bench = stranger(link);
    bench.meet(Duration::from_secs(30)).await.unwrap();
    assert_eq!(bench.agent().unwrap().as_str(), AGENT);
}

fn mqtt_agent(addr: SocketAddr) {
    let broker = BrokerAddress { host: addr.ip().to_string(), port: addr.port(), secure: false };
    let response_topic = Some(OWN.parse().unwrap());
    let settings = Settings { response_topic, ..Settings::new(Version::V5, id(AGENT)) };
    let client = Client::new(broker, settings, Role::Agent);
    tokio::spawn(async move { client.connect().await.unwrap().run(&Greets).await });
}

#[tokio::test]
async fn an_agent_comes_to_our_broker() {
    let (link, addr) = mqtt::listen(anywhere(), PEER.parse().unwrap(), None).await.unwrap();
    mqtt_agent(addr);
    meets(link).await;
}

/// Lets everybody in, and lets them do everything.
struct Open;

impl Gate for Open {
    fn admit(
        &self,
        facts: &ConnectFacts,
        _: Option<Arc<PeerCertificate>>,
    ) -> impl Future<Output = Result<Rights, Denied>> + Send {
        let all = || vec!["#".parse().unwrap()];
        let rights = Rights {
            identity: facts.client_id.as_str().into(),
            endpoint: None,
            proof: PeerAuth::Unproven,
            subscribe: all(),
            publish: all(),
            offered: Vec::new(),
            response_information: None,
            retain: false,
            waits: false,
        };
        std::future::ready(Ok(rights))
    }
}

#[tokio::test]
async fn an_agent_is_met_behind_a_broker_of_others() {
    let listener = Listener::bind(anywhere(), None, ListenConfig::default()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(listener.run(Broker::new(Arc::new(Open), [3; 32]), std::future::pending()));
    let broker =
        outside::Broker { host: addr.ip().to_string(), port: addr.port(), username: None, password: None };
    let topic = PEER.parse().unwrap();
    let mut link = outside::mqtt(broker, &id(CONTROLLER), topic, None);
    // We are subscribed before the agent speaks.
    assert!(matches!(link.arrivals.recv().await, Some(check::Arrival::Up)));
    mqtt_agent(addr);
    assert!(matches!(link.arrivals.recv().await, Some(check::Arrival::Record(_))));
    link.wire.send("what reaches the agent".into()).unwrap();
}

#[tokio::test]
async fn an_agent_comes_to_our_stomp_server() {
    let (link, addr) = stomp::listen(anywhere(), PEER, None).await.unwrap();
    let server = mtp::stomp::ServerAddress { host: addr.ip().to_string(), port: addr.port(), secure: false };
    let destination = Some(OWN.to_owned());
    let config = mtp::stomp::Config { destination, ..mtp::stomp::Config::new(id(AGENT)) };
    let client = mtp::stomp::Client::new(server, config, Role::Agent);
    tokio::spawn(async move { client.connect().await.unwrap().run(&Greets).await });
    meets(link).await;
}

fn socket(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("usp.sock")
}

#[tokio::test]
async fn an_agent_comes_to_our_socket() {
    let folder = tempfile::tempdir().unwrap();
    let link = uds::listen(&socket(&folder), &id(CONTROLLER)).unwrap();
    let dialler = mtp::uds::Dialer::new(socket(&folder), id(AGENT), Role::Agent);
    tokio::spawn(async move { dialler.connect().await.unwrap().run(&Greets).await });
    meets(link).await;
}

#[tokio::test]
async fn an_agent_that_listens_at_a_socket_is_met() {
    let folder = tempfile::tempdir().unwrap();
    let config = mtp::uds::ListenConfig::new(id(AGENT), Role::Agent);
    let listener = mtp::uds::Listener::bind(socket(&folder), config).unwrap();
    let admission = Arc::new(mtp::uds::AdmitLocal);
    tokio::spawn(listener.run(Arc::new(Greets), admission, std::future::pending()));
    meets(uds::dial(socket(&folder), &id(CONTROLLER))).await;
}
