//! Putting the agent together: providers, model, stored tables, journal, machine, links; and what
//! restarts and resets do to them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::schema::Protocol;
use dm::{Code, Fault};
use engine::journal::Folder;
use engine::provider::{Pending, Provider};
use engine::{
    AgentConfig, AgentMachine, Boot, Host, Instance, InstanceConfig, Journal, Kind, KindConfig, SystemClock,
    Version,
};
use mtp::ws::{ListenConfig, Listener};
use mtp::{Admission, Candidate, EndpointId, PeerAuth, Refusal, Role};
use pki::{DeviceVerifier, ServerTls};
use tokio::sync::{mpsc, watch};

use crate::config::{Config, ListenerConfig, Policy};
use crate::discovery::advertise;
use crate::discovery::gateway::Gateway;
use crate::discovery::keep::{Names, Search};
use crate::enrol::Credentials;
use crate::identity::Identity;
use crate::limits::RESTART_DELAY;
use crate::links::{self, Links};
use crate::local_agent;
use crate::providers::certificates::{self, Certificates};
use crate::providers::device::Restart;
use crate::providers::device_info::host_name_of;
use crate::providers::{self, hooks, support};
use crate::state::{StateDir, random};
use crate::system::SystemRoot;

/// Why [`run`] came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// A signal.
    Stopped,
    /// The agent was reset: it has to start anew.
    Reset,
}

/// Runs the agent until a signal or a factory reset ends it: then with a good-bye to every controller, and
/// with everything that it remembers on stable storage.
///
/// # Errors
/// When it can't start, or its journal can't be written any more.
pub async fn run(path: &Path, root: SystemRoot) -> Result<End> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let now = Config::parse(&text).with_context(|| format!("{}", path.display()))?;
    let state = StateDir::open(&now.data_dir)?;
    let config = state.factory_default(&now, &text)?;
    let identity = Arc::new(Identity::detect(&config.agent, &root));
    // Once for each: a container has none of them, and somebody will look for them in the page.
    for what in identity.unknown() {
        tracing::info!(what, "the system does not tell, and neither does the configuration");
    }
    let endpoint = identity.endpoint(&config.agent, || state.made_up_uuid())?;
    let credentials = Credentials::load(state.clone(), root.clone(), &config, endpoint.clone())?;
    let policy = Arc::new(config.policy.clone());
    let restart = Arc::new(OnceLock::new());
    let for_uploads = credentials.clone();
    let upload_tls = Arc::new(move || for_uploads.upload_tls());
    let mut providers = providers::all(&root, &policy, &identity, &restart, upload_tls);
    providers.push(Arc::new(Certificates::new(credentials.clone())));
    let gateway = config.discovery.dhcp.then(|| Arc::new(Gateway::default()));
    providers.extend(gateway.clone().map(|gateway| gateway as Arc<dyn Provider>));
    let instance = instance(&config, &state, &identity, &endpoint, providers).await?;
    let (resets, mut was_reset) = mpsc::channel(1);
    let state_path = state.path().to_owned();
    let restarts = Restarts { instance: instance.clone(), policy, state, resets };
    let _ = restart.set(Arc::new(restarts) as Arc<dyn Restart>);
    instance.start().await?;
    tracing::info!(%endpoint, controllers = config.controllers.len(), "started");
    let mut listening = Vec::new();
    for listener in &config.listeners {
        let port = listen(listener, &instance, &credentials, &endpoint).await?;
        listening.push((listener, port));
    }
    tokio::spawn(certificates::keep_references(instance.clone(), credentials.clone()));
    let (stop, stopped) = watch::channel(false);
    let name = identity.friendly_name.clone().or_else(|| host_name_of(&root));
    let advertiser = advertise::advertiser(&config.discovery, &endpoint, &listening, name);
    let advertising = advertiser.map(|advertiser| tokio::spawn(advertiser.run(links::told(stopped.clone()))));
    let search = Search::new(&config, state_path, root.clone()).with_gateway(gateway);
    tokio::spawn(search.keep(instance.clone(), stopped.clone()));
    let names = Names { config: config.discovery.clone(), root };
    let links = tokio::spawn(links::keep(instance.clone(), credentials, endpoint, names, stopped));
    let end = tokio::select! {
        signal = stop_signal() => signal.map(|()| End::Stopped),
        _ = was_reset.recv() => Ok(End::Reset),
        () = instance.failed() => Err(anyhow::anyhow!("the state can't be kept any more")),
    };
    stop.send_replace(true);
    let _ = links.await;
    instance.shut_down().await;
    if let Some(advertising) = advertising {
        let _ = advertising.await;
    }
    end
}

/// The agent's instance over its journal; it waits for [`Instance::start`].
///
/// # Errors
/// When the configuration does not fit the model, or the journal can't be read.
pub async fn instance(
    config: &Config,
    state: &StateDir,
    identity: &Identity,
    endpoint: &EndpointId,
    providers: Vec<Arc<dyn Provider>>,
) -> Result<Arc<Instance>> {
    let kind = kind(config, endpoint, &providers)?;
    let folder = state.journal();
    let files = Folder::open(&folder).with_context(|| format!("{}", folder.display()))?;
    let machine = AgentMachine::new(
        AgentConfig {
            endpoint: endpoint.clone(),
            versions: Version::SUPPORTED.to_vec(),
            oui: identity.oui.clone().unwrap_or_default(),
            product_class: identity.product_class.clone().unwrap_or_default(),
            serial_number: identity.serial.clone().unwrap_or_default(),
        },
        random()?,
    );
    let host = Host::new(Arc::new(SystemClock::new()));
    let config = InstanceConfig {
        kind: Arc::new(kind),
        machine: Box::new(machine),
        providers,
        defaults: Vec::new(),
        journal: Journal::open(files)?,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        refresh_first: true,
    };
    Ok(Instance::new(host, config)?)
}

/// The model of this system, and the stored tables as the configuration has them.
///
/// # Errors
/// When the configuration does not fit the model.
pub fn kind(config: &Config, endpoint: &EndpointId, providers: &[Arc<dyn Provider>]) -> Result<Kind> {
    let own = |model: &mut ModelBuilder| {
        local_agent::support(model).expect("the embedded rows have the local agent, a test builds the model");
    };
    let paths = |paths: &[&str]| -> Vec<SchemaPath> {
        paths.iter().map(|path| SchemaPath::parse(path).expect("literals")).collect()
    };
    let kind = KindConfig {
        uri: support::catalogue().model_uri(Protocol::Usp).unwrap_or_default().to_owned(),
        own: &own,
        stored: paths(&["Device.LocalAgent."]),
        volatile: paths(&local_agent::VOLATILE),
        defaults: local_agent::defaults(config, endpoint.as_str()).context("the factory default")?,
    };
    Ok(Kind::build(&kind, providers)?)
}

/// Listens; gives the port.
async fn listen(
    config: &ListenerConfig,
    instance: &Arc<Instance>,
    credentials: &Credentials,
    endpoint: &EndpointId,
) -> Result<u16> {
    if !config.tls && !config.address.ip().is_loopback() {
        bail!("listen: {}: without TLS only on this host itself", config.address);
    }
    let roots = credentials.roots()?;
    let tls = match config.tls {
        true => {
            Some(ServerTls::new(&credentials.own(), DeviceVerifier::new(&roots, true, pki::provider())?)?)
        }
        false => None,
    };
    let how = ListenConfig::new(&config.path, endpoint.clone(), Role::Agent);
    let listener = Listener::bind(config.address, tls, how).await;
    let listener = listener.with_context(|| format!("listen: {}", config.address))?;
    let port = listener.local_addr()?.port();
    let handler = Arc::new(Links::new(instance.clone(), None));
    tokio::spawn(listener.run(handler, Arc::new(Doorkeeper { tls: config.tls }), std::future::pending()));
    Ok(port)
}

/// Who may dial in. TLS alone proves only that a peer holds some key: a controller's certificate must be
/// of a CA that this agent trusts. Without TLS only this host itself reaches the socket.
struct Doorkeeper {
    tls: bool,
}

impl Admission for Doorkeeper {
    async fn admit(&self, candidate: &Candidate) -> Result<(), Refusal> {
        match &candidate.peer {
            PeerAuth::Certificate(certificate) if certificate.trusted => Ok(()),
            PeerAuth::Unproven if !self.tls => Ok(()),
            _ => Err(Refusal::new(403, "a certificate of a trusted CA is needed")),
        }
    }
}

async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// What restarts do to this agent.
struct Restarts {
    instance: Arc<Instance>,
    policy: Arc<Policy>,
    state: StateDir,
    resets: mpsc::Sender<()>,
}

impl Restart for Restarts {
    fn reboot(&self, boot: Boot) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            let internal = |error: engine::EngineError| Fault::new(Code::INTERNAL_ERROR, error.to_string());
            self.instance.remember_boot(&boot).await.map_err(internal)?;
            let (instance, words) = (self.instance.clone(), self.policy.reboot.clone());
            tokio::spawn(async move {
                tokio::time::sleep(RESTART_DELAY).await;
                if !hooks::run(&words).await {
                    // The next start will not be the one that was asked for.
                    let local = Boot {
                        cause: "LocalReboot".to_owned(),
                        command_key: String::new(),
                        reason: String::new(),
                        firmware_updated: false,
                    };
                    let _ = instance.remember_boot(&local).await;
                }
            });
            Ok(())
        })
    }

    fn factory_reset(&self, boot: Boot) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            let (instance, words) = (self.instance.clone(), self.policy.factory_reset.clone());
            let (state, resets) = (self.state.clone(), self.resets.clone());
            tokio::spawn(async move {
                tokio::time::sleep(RESTART_DELAY).await;
                let reset = async {
                    state.forget_factory_default()?;
                    anyhow::Ok(instance.factory_reset(&boot).await?)
                };
                if let Err(error) = reset.await {
                    tracing::error!(error = format!("{error:#}"), "the agent's state could not be reset");
                }
                hooks::run(&words).await;
                let _ = resets.send(()).await;
            });
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mtp::{Admission, Candidate, PeerAuth, PeerCertificate};

    use super::Doorkeeper;

    #[tokio::test]
    async fn only_certificates_of_a_trusted_ca_open_a_tls_listener() {
        let shown = |trusted| {
            PeerAuth::Certificate(Arc::new(PeerCertificate { trusted, ..PeerCertificate::default() }))
        };
        for (tls, peer, admitted) in [
            (true, shown(true), true),
            (true, shown(false), false),
            (true, PeerAuth::Unproven, false),
            (false, PeerAuth::Unproven, true),
        ] {
            let candidate = Candidate { peer_addr: ([127, 0, 0, 1], 4).into(), eid: None, peer };
            assert_eq!(Doorkeeper { tls }.admit(&candidate).await.is_ok(), admitted, "{candidate:?}");
        }
    }
}
