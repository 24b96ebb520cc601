//! The transports beside WebSocket: opened with everything else, each run by a task of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use fleet::port::Store;
use mtp::Role;
use mtp::mqtt::broker::ListenConfig;
use mtp::mqtt::{Client, Qos, Settings, Topic, Version};
use mtp::{stomp, uds};
use pki::{Ca, ClientTls, ControllerVerifier, Identity, ServerTls, Trust};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use usp_endpoint::EndpointId;

use crate::config::{Config, MqttConnect, StompConnect, Uds};
use crate::data_dir::DataDir;
use crate::usp::Usp;
use crate::usp::broker::{self, Agents, Broker, Mqtt, Server, Stomp};
use crate::usp::local::LocalDoor;
use crate::usp::own_broker::OwnBroker;

/// What was opened.
pub(crate) struct Transports {
    own_broker: Option<OwnBroker>,
    brokers: Vec<Broker>,
    local: Option<(uds::Listener, BTreeSet<u32>)>,
}

impl Transports {
    /// Reads credentials and opens sockets. Brokers are connected to later: one that is away stops nothing.
    pub(crate) async fn open(
        config: &Config,
        broker_tls: Option<ServerTls>,
        max_connections: usize,
        folder: &DataDir,
        ca: &Ca,
        endpoint: &EndpointId,
    ) -> anyhow::Result<Transports> {
        let broker = |one: &MqttConnect| {
            broker_of(one, folder, ca, endpoint).with_context(|| format!("usp.mqtt.connect of {:?}", one.url))
        };
        let mut brokers = config.usp.mqtt.connect.iter().map(broker).collect::<anyhow::Result<Vec<_>>>()?;
        for one in &config.usp.stomp.connect {
            let server = stomp_of(one, ca, endpoint);
            brokers.push(server.with_context(|| format!("usp.stomp.connect of {:?}", one.url))?);
        }
        let own_broker = match config.usp.mqtt.broker.listen {
            Some(listen) => {
                let limits = ListenConfig { max_connections, connect_timeout: config.limits.handshake() };
                let opened = OwnBroker::open(listen, broker_tls, limits, endpoint).await;
                Some(opened.with_context(|| format!("usp.mqtt.broker.listen = \"{listen}\""))?)
            }
            None => None,
        };
        let uds = &config.usp.uds;
        let local = match &uds.listen {
            Some(path) => {
                let listener =
                    listen(path, uds, endpoint).with_context(|| format!("usp.uds.listen = {path:?}"))?;
                Some((listener, allowed(uds)))
            }
            None => None,
        };
        Ok(Transports { own_broker, brokers, local })
    }

    /// Where our own broker listens.
    pub(crate) fn broker_address(&self) -> Option<SocketAddr> {
        self.own_broker.as_ref().map(OwnBroker::address)
    }

    /// Runs them until the word is given.
    pub(crate) fn spawn<S: Store>(self, usp: &Usp<S>, stop: &watch::Sender<bool>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if let Some(broker) = self.own_broker {
            tasks.spawn(broker.run(usp.clone(), stop.subscribe()));
        }
        for broker in self.brokers {
            tasks.spawn(broker::run(usp.clone(), broker, stop.subscribe()));
        }
        if let Some((listener, uids)) = self.local {
            let door = Arc::new(LocalDoor::new(usp.clone(), uids));
            let mut stopped = stop.subscribe();
            tasks.spawn(listener.run(Arc::new(usp.clone()), door, async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            }));
        }
        tasks
    }
}

fn broker_of(
    config: &MqttConnect,
    folder: &DataDir,
    ca: &Ca,
    endpoint: &EndpointId,
) -> anyhow::Result<Broker> {
    let address = config.address()?;
    let version = Version::from(config.version);
    let topic = config.topic(endpoint.as_str());
    let topic: Topic = topic.parse().with_context(|| format!("topic {topic:?}"))?;
    let client_id_file = client_id_file(folder.path(), &config.url);
    let mut settings = Settings::new(version, endpoint.clone());
    settings.client_id = config.client_id.clone().or_else(|| kept(&client_id_file));
    settings.username.clone_from(&config.username);
    settings.keep_alive_s = config.keep_alive_seconds();
    settings.response_topic = Some(topic);
    settings.qos = if config.qos() == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
    let tls = address.secure.then(|| tls_of([&config.ca, &config.cert, &config.key], ca)).transpose()?;
    let mut client = Client::new(address, settings, Role::Controller);
    (client.tls, client.trusted) = (tls, config.trusted);
    Ok(Broker {
        name: config.url.clone(),
        server: Server::Mqtt(Mqtt { client, client_id_file }),
        password_file: config.password_file.clone(),
        retry_seconds: config.retry_seconds(),
        agents: Agents::Topics(config.agent_filters()?),
    })
}

fn stomp_of(config: &StompConnect, ca: &Ca, endpoint: &EndpointId) -> anyhow::Result<Broker> {
    let address = config.address()?;
    let beat = config.heart_beat_seconds() * 1000;
    let presented = stomp::Config {
        host: config.host.clone(),
        heart_beat: (beat > 0).then_some((beat, beat)),
        destination: Some(config.destination(endpoint.as_str())),
        makes_queues: false,
        ..stomp::Config::new(endpoint.clone())
    };
    let tls = address.secure.then(|| tls_of([&config.ca, &config.cert, &config.key], ca)).transpose()?;
    let mut client = stomp::Client::new(address, presented, Role::Controller);
    client.tls = tls;
    Ok(Broker {
        name: config.url.clone(),
        server: Server::Stomp(Stomp { client, username: config.username.clone() }),
        password_file: config.password_file.clone(),
        retry_seconds: config.retry_seconds(),
        agents: Agents::Destinations(config.agent_patterns()?),
    })
}

/// The broker's certificate has to be of the internal CA or of a configured one, and for its host (R-SEC.4a). The
/// files are those of the CA, of our certificate, and of its key.
fn tls_of([roots, cert, key]: [&Option<PathBuf>; 3], ca: &Ca) -> anyhow::Result<ClientTls> {
    let mut trust = Trust { roots: vec![ca.certificate().clone()], ..Trust::default() };
    if let Some(file) = roots {
        let pem = std::fs::read(file).with_context(|| file.display().to_string())?;
        trust.roots.extend(pki::pem::certificates(&pem)?);
    }
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => {
            let named = || format!("{} and {}", cert.display(), key.display());
            Some(Identity::load(cert, key).with_context(named)?)
        }
        _ => None,
    };
    let verifier = ControllerVerifier::new(&trust, None, true, pki::provider())?;
    Ok(ClientTls::new(identity.as_ref(), verifier)?)
}

/// One file for each broker, whatever is in its URL.
fn client_id_file(folder: &Path, url: &str) -> std::path::PathBuf {
    let hash: String = Sha256::digest(url).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("mqtt-client-{hash}"))
}

fn kept(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().filter(|id| !id.is_empty())
}

fn listen(path: &Path, config: &Uds, endpoint: &EndpointId) -> anyhow::Result<uds::Listener> {
    let mut how = uds::ListenConfig::new(endpoint.clone(), Role::Controller);
    how.mode = config.mode().unwrap_or(how.mode);
    let listener = uds::Listener::bind(path, how)?;
    if config.owner.is_some() || config.group.is_some() {
        std::os::unix::fs::chown(path, config.owner, config.group).context("owner and group")?;
    }
    tracing::info!(path = %path.display(), "listening for agents of this host");
    Ok(listener)
}

fn allowed(config: &Uds) -> BTreeSet<u32> {
    if config.uids.is_empty() {
        return BTreeSet::from([rustix::process::geteuid().as_raw()]);
    }
    config.uids.iter().copied().collect()
}
