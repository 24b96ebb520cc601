//! The transports beside WebSocket: opened with everything else, each run by a task of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use fleet::port::Store;
use mtp::mqtt::broker::{ListenConfig, Listener};
use mtp::mqtt::{Client, Qos, Settings, Topic, Version};
use mtp::{Places, Role};
use mtp::{stomp, uds};
use pki::{Ca, ClientTls, ControllerVerifier, Identity, ServerTls, Trust};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use usp_endpoint::EndpointId;

use crate::config::{Config, MqttConnect, StompConnect, Uds};
use crate::data_dir::DataDir;
use crate::tasks::Tasks;
use crate::usp::Usp;
use crate::usp::broker::{self, Agents, Broker, Mqtt, Server, Stomp};
#[cfg(feature = "coap")]
use crate::usp::coap::CoapListener;
use crate::usp::local::LocalDoor;
use crate::usp::own_broker::OwnBroker;
use crate::usp::presence::{Presence, SILENCE};

/// What was opened.
pub(crate) struct Transports {
    own_broker: Option<OwnBroker>,
    brokers: Vec<Broker>,
    local: Option<(uds::Listener, BTreeSet<u32>)>,
    #[cfg(feature = "coap")]
    coap: Vec<CoapListener>,
}

/// TLS of the listeners here, of those that have any.
pub(crate) struct ListenersTls {
    pub(crate) broker: Option<ServerTls>,
    /// For DTLS.
    #[cfg(feature = "coap")]
    pub(crate) coap: Option<ServerTls>,
}

impl Transports {
    /// Reads credentials and opens sockets. Brokers are connected to later: one that is away stops nothing.
    pub(crate) async fn open(
        config: &Config,
        tls: ListenersTls,
        places: &Places,
        folder: &DataDir,
        ca: &Ca,
        endpoint: &EndpointId,
    ) -> anyhow::Result<Transports> {
        let broker = |one: &MqttConnect| {
            broker_of(one, folder, ca, endpoint).with_context(|| format!("usp.mqtt.connect of {:?}", one.url))
        };
        let mut brokers = config.usp.mqtt.connect.iter().map(broker).collect::<anyhow::Result<Vec<_>>>()?;
        for one in &config.usp.stomp.connect {
            let server = stomp_of(one, folder, ca, endpoint);
            brokers.push(server.with_context(|| format!("usp.stomp.connect of {:?}", one.url))?);
        }
        let own_broker = own_broker(config, tls.broker, places, endpoint).await?;
        let uds = &config.usp.uds;
        let local = match &uds.listen {
            Some(path) => {
                let listener =
                    listen(path, uds, endpoint).with_context(|| format!("usp.uds.listen = {path:?}"))?;
                Some((listener, allowed(uds)))
            }
            None => None,
        };
        #[cfg(feature = "coap")]
        let coap = CoapListener::open_all(&config.usp.coap, tls.coap).await?;
        Ok(Transports {
            own_broker,
            brokers,
            local,
            #[cfg(feature = "coap")]
            coap,
        })
    }

    /// Where CoAP is spoken, plain or over DTLS.
    #[cfg(feature = "coap")]
    pub(crate) fn coap_address(&self, secure: bool) -> Option<SocketAddr> {
        self.coap.iter().find(|coap| coap.is_secure() == secure).map(CoapListener::address)
    }

    /// Where CoAP is spoken: nowhere.
    #[cfg(not(feature = "coap"))]
    #[expect(clippy::unused_self, reason = "the same as of a program that speaks it")]
    pub(crate) fn coap_address(&self, _: bool) -> Option<SocketAddr> {
        None
    }

    /// Where our own broker listens.
    pub(crate) fn broker_address(&self) -> Option<SocketAddr> {
        self.own_broker.as_ref().and_then(OwnBroker::address)
    }

    /// Where it listens for WebSockets.
    pub(crate) fn broker_websocket(&self) -> Option<SocketAddr> {
        self.own_broker.as_ref().and_then(OwnBroker::websocket)
    }

    /// Runs them until the word is given.
    pub(crate) fn spawn<S: Store>(
        self,
        usp: &Usp<S>,
        stop: &watch::Sender<bool>,
        watched: &Tasks,
    ) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        if let Some(broker) = self.own_broker {
            let running = broker.run(usp.clone(), stop.subscribe());
            tasks.spawn(watched.clone().once("the MQTT broker", running));
        }
        for broker in self.brokers {
            let name = format!("the connection to {}", broker.name);
            let (usp, stop, broker) = (usp.clone(), stop.subscribe(), Arc::new(Mutex::new(broker)));
            tasks.spawn(watched.clone().keep(name, move || {
                let (usp, stop, broker) = (usp.clone(), stop.clone(), Arc::clone(&broker));
                async move { broker::run(usp, &mut *broker.lock().await, stop).await }
            }));
        }
        if let Some((listener, uids)) = self.local {
            let door = Arc::new(LocalDoor::new(usp.clone(), uids));
            let mut stopped = stop.subscribe();
            let running = listener.run(Arc::new(usp.clone()), door, async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            });
            tasks.spawn(watched.clone().once("the UNIX domain socket", running));
        }
        #[cfg(feature = "coap")]
        for coap in self.coap {
            let running = coap.run(usp.clone(), stop.subscribe());
            tasks.spawn(watched.clone().once("a CoAP listener", running));
        }
        tasks
    }
}

async fn own_broker(
    config: &Config,
    tls: Option<ServerTls>,
    places: &Places,
    endpoint: &EndpointId,
) -> anyhow::Result<Option<OwnBroker>> {
    let broker = &config.usp.mqtt.broker;
    if !broker.is_on() {
        return Ok(None);
    }
    let connect_timeout = config.limits.handshake();
    let mut opened = OwnBroker::new(endpoint)?;
    if let Some(listen) = broker.listen {
        let limits = ListenConfig { places: places.clone(), connect_timeout, websocket: None };
        let plain = Listener::bind(listen, tls.clone(), limits).await;
        opened.plain = Some(plain.with_context(|| format!("usp.mqtt.broker.listen = \"{listen}\""))?);
    }
    if let Some(listen) = broker.websocket {
        let path = Some(OwnBroker::WEBSOCKET_PATH.to_owned());
        let limits = ListenConfig { places: places.clone(), connect_timeout, websocket: path };
        let bound = Listener::bind(listen, tls, limits).await;
        opened.websocket = Some(bound.with_context(|| format!("usp.mqtt.broker.websocket = \"{listen}\""))?);
    }
    Ok(Some(opened))
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
    let client_id_file = client_id_file(folder.path(), &config.name());
    let mut settings = Settings::new(version, endpoint.clone());
    settings.client_id = config.client_id.clone().or_else(|| kept(&client_id_file));
    settings.username.clone_from(&config.username);
    settings.keep_alive_s = config.keep_alive_seconds();
    settings.response_topic = Some(topic);
    settings.qos = if config.qos() == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce };
    let tls = address.secure.then(|| tls_of([&config.ca, &config.cert, &config.key], ca)).transpose()?;
    let mut client = Client::new(address, settings, Role::Controller);
    (client.tls, client.trusted, client.websocket) = (tls, config.trusted, config.websocket());
    Ok(Broker {
        name: config.name(),
        server: Server::Mqtt(Mqtt { client, client_id_file }),
        password_file: config.password_file.clone(),
        retry_seconds: config.retry_seconds(),
        agents: Agents::Topics(config.agent_filters()?),
        presence: Presence::open(devices_file(folder.path(), &config.name()), config.silence()),
    })
}

fn stomp_of(
    config: &StompConnect,
    folder: &DataDir,
    ca: &Ca,
    endpoint: &EndpointId,
) -> anyhow::Result<Broker> {
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
    (client.tls, client.trusted) = (tls, config.trusted);
    Ok(Broker {
        name: config.url.clone(),
        server: Server::Stomp(Stomp { client, username: config.username.clone() }),
        password_file: config.password_file.clone(),
        retry_seconds: config.retry_seconds(),
        agents: Agents::Destinations(config.agent_patterns()?),
        presence: Presence::open(devices_file(folder.path(), &config.url), Some(SILENCE)),
    })
}

/// One file for each broker.
fn devices_file(folder: &Path, url: &str) -> PathBuf {
    folder.join(format!("broker-devices-{}", short_hash(url)))
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
    folder.join(format!("mqtt-client-{}", short_hash(url)))
}

fn short_hash(url: &str) -> String {
    Sha256::digest(url).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
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
