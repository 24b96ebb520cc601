//! The scripted agent on transports beside WebSocket.

use std::collections::BTreeMap;

use mtp::mqtt::{BrokerAddress, Client, Settings, Version as MqttVersion};
use mtp::stomp::{self, ServerAddress};
use mtp::{DownReason, Peers, Role, uds};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use usp_proto::{EndpointId, Record, Version};

use super::{Agent, Ear, Heard};
use crate::world::{CONTROLLER, id};

/// A client of a broker on this host for an agent of this id; without TLS.
pub(crate) fn client(port: u16, version: MqttVersion, eid: &str) -> Client {
    let address = BrokerAddress { host: "127.0.0.1".to_owned(), port, secure: false };
    let mut settings = Settings::new(version, id(eid));
    settings.response_topic = Some(format!("usp/agents/{eid}").parse().expect("a topic"));
    Client::new(address, settings, Role::Agent)
}

/// A client of a STOMP server on this host for an agent of this id; without TLS.
pub(crate) fn stomp_client(port: u16, eid: &str) -> stomp::Client {
    let login = Some(("guest".to_owned(), "guest".to_owned()));
    let destination = Some(format!("/queue/usp.agents.{eid}"));
    let config = stomp::Config { login, destination, ..stomp::Config::new(id(eid)) };
    stomp::Client::new(
        ServerAddress { host: "127.0.0.1".to_owned(), port, secure: false },
        config,
        Role::Agent,
    )
}

impl Agent {
    /// Behind a STOMP server, and announced to this controller's destination.
    pub(crate) async fn behind_stomp(client: &stomp::Client, controller: &EndpointId) -> Agent {
        let session = client.connect().await.expect("the server lets us in");
        let (ear, heard) = mpsc::unbounded_channel();
        let peers = Peers::known(Ear(ear));
        let destination = format!("/queue/usp.controllers.{controller}");
        peers.set_known(&BTreeMap::from([(controller.clone(), destination.into())]));
        tokio::spawn(async move { session.run(&peers).await });
        let agent = Agent::heard(client.config.endpoint.as_str(), controller, heard).await;
        agent.announce_again();
        agent
    }

    /// Behind a broker, and announced to the server's topic.
    pub(crate) async fn behind(client: &Client) -> Agent {
        Agent::behind_for(client, &id(CONTROLLER)).await
    }

    /// The same for a server of this id.
    pub(crate) async fn behind_for(client: &Client, controller: &EndpointId) -> Agent {
        let agent = Agent::quiet(client, controller).await;
        agent.announce_again();
        agent
    }

    /// Behind a broker, and silent.
    pub(crate) async fn quiet(client: &Client, controller: &EndpointId) -> Agent {
        Agent::to(client, controller, &format!("usp/controllers/{controller}")).await
    }

    /// Behind a broker, and silent, for a controller at any topic.
    pub(crate) async fn to(client: &Client, controller: &EndpointId, topic: &str) -> Agent {
        Agent::with_task(client, controller, topic).await.0
    }

    /// Behind a broker, announced, and with the task of its connection.
    pub(crate) async fn severable(client: &Client) -> (Agent, JoinHandle<DownReason>) {
        let topic = format!("usp/controllers/{CONTROLLER}");
        let (agent, task) = Agent::with_task(client, &id(CONTROLLER), &topic).await;
        agent.announce_again();
        (agent, task)
    }

    async fn with_task(
        client: &Client,
        controller: &EndpointId,
        topic: &str,
    ) -> (Agent, JoinHandle<DownReason>) {
        let session = client.connect().await.expect("the broker lets us in");
        let (ear, heard) = mpsc::unbounded_channel();
        let peers = Peers::known(Ear(ear));
        peers.set_known(&BTreeMap::from([(controller.clone(), topic.into())]));
        let task = tokio::spawn(async move { session.run(&peers).await });
        (Agent::heard(client.settings.eid.as_str(), controller, heard).await, task)
    }

    /// Over a UNIX domain socket, and announced.
    pub(crate) async fn local(dialer: &uds::Dialer) -> Agent {
        let link = dialer.connect().await.expect("the server lets us in");
        let (ear, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move { link.run(&Ear(ear)).await });
        let agent = Agent::heard(dialer.own_id.as_str(), &id(CONTROLLER), heard).await;
        agent.announce_again();
        agent
    }

    async fn heard(eid: &str, controller: &EndpointId, mut heard: mpsc::UnboundedReceiver<Heard>) -> Agent {
        let Some(Heard::Up(up)) = heard.recv().await else { panic!("a link begins with being up") };
        let (mut agent, _) = Agent::on(id(eid), controller.clone(), up.sender.clone());
        (agent.heard, agent.up) = (heard, Some(up));
        agent
    }

    /// The Disconnect record.
    pub(crate) fn good_bye(&self) {
        let record = Record::disconnect(&self.eid, &self.controller, Version::CURRENT, 0, "off to sleep");
        self.raw(record.encode());
    }

    /// As many empty Records as its queue takes.
    pub(crate) fn shout(&self) {
        let record = Record::message(&self.eid, &self.controller, Version::CURRENT, Vec::new().into());
        while self.sender.send(record.encode()).is_ok() {}
    }

    /// The Connect record of the transport.
    pub(crate) fn announce_again(&self) {
        let up = self.up.as_ref().expect("made here");
        let connect =
            Record::connect(&self.eid, &self.controller, Version::CURRENT, &up.return_path, &up.contact);
        self.raw(connect.expect("a contact of this transport").encode());
    }
}
