//! Putting the agent together: providers, model, stored tables, journal, machine, links; and what
//! restarts and resets do to them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
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
use mtp::EndpointId;
use pki::session::Crypto;
use tokio::sync::{mpsc, watch};

use crate::audit::AuditLog;
use crate::challenges;
use crate::config::{Config, Policy};
use crate::discovery::advertise::{self, Doors};
use crate::discovery::gateway::Gateway;
use crate::discovery::keep::{Names, Search};
use crate::enrol::Credentials;
use crate::guard;
use crate::guard::limit::{self, Limits};
use crate::identity::Identity;
use crate::limits::{HOOK_TIMEOUT, RESTART_DELAY};
use crate::links::clients::Clients;
use crate::links::{self, Context};
use crate::local_agent;
use crate::providers::device::Restart;
use crate::providers::device_info::host_name_of;
use crate::providers::{self, hooks, support};
use crate::renewal;
use crate::revoked;
use crate::roles;
use crate::services::{self, Services};
use crate::sessions::SessionKeys;
use crate::state::{StateDir, random};
use crate::system::SystemRoot;
use crate::trust::Certificates;

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
    // The file as it was read: what is kept of it has no passphrases any more.
    if config.is_new
        && let Err(error) = challenges::check_told(&now, &identity, &endpoint)
    {
        state.forget_factory_default()?;
        return Err(error);
    }
    let credentials = Credentials::load(state.clone(), root.clone(), &config, endpoint.clone())?;
    let policy = Arc::new(config.policy.clone());
    let restart = Arc::new(OnceLock::new());
    let for_uploads = credentials.clone();
    let upload_tls = Arc::new(move || for_uploads.upload_tls());
    let mut providers = providers::all(&root, &policy, &identity, &restart, upload_tls);
    let gateway = config.discovery.dhcp.then(|| Arc::new(Gateway::default()));
    providers.extend(gateway.clone().map(|gateway| gateway as Arc<dyn Provider>));
    let services = config.services.as_ref().map(Services::new).transpose()?;
    providers.extend(services.iter().flat_map(Services::providers));
    let clients = Arc::new(Clients::default());
    providers.push(clients.clone());
    let providers = limit::limited(providers, &Limits::open(&state.limits(), &policy.guards)?);
    let keys: Arc<dyn Crypto> = Arc::new(SessionKeys::new(credentials.clone()));
    let trust = Certificates::with_lists(credentials.revoked());
    let instance = judging(&config, &state, &identity, &endpoint, Some(keys), trust, providers).await?;
    credentials.attach(&instance);
    let audit = AuditLog::open(&state.audit_log())?;
    instance.audit(audit.clone());
    let (resets, mut was_reset) = mpsc::channel(1);
    let state_path = state.path().to_owned();
    let restarts = Restarts { instance: instance.clone(), policy, state, resets };
    let _ = restart.set(Arc::new(restarts) as Arc<dyn Restart>);
    instance.start().await?;
    let socket = config.services.as_ref().map(|services| services.socket.as_path());
    instance.change(|tree| services::socket::changes(tree, socket)).await?;
    let (stop, stopped) = watch::channel(false);
    if let (Some(services), Some(config)) = (services, &config.services)
        && let Some(own) = instance.with_tree(|tree| tree.model().clone())
    {
        services.open(config, &endpoint, own, stopped.clone())?;
    }
    tracing::info!(%endpoint, controllers = config.controllers.len(), "started");
    if let Some(file) = &config.policy.consent_file {
        tokio::spawn(guard::watch_consent(instance.clone(), file.clone()));
    }
    tokio::spawn(revoked::watch(credentials.clone(), instance.clone()));
    let names = Names { config: config.discovery.clone(), root: root.clone() };
    tokio::spawn(renewal::keep(instance.clone(), credentials.clone(), endpoint.clone(), names.clone()));
    let name = identity.friendly_name.clone().or_else(|| host_name_of(&root));
    let search = Search::new(&config, state_path, root).with_gateway(gateway);
    tokio::spawn(search.keep(instance.clone(), stopped.clone()));
    let listeners = config.listeners;
    let context =
        Context::new(instance.clone(), credentials, endpoint.clone(), listeners.clone(), names, clients);
    let doors = Doors { listeners, ports: context.ports() };
    let advertising = advertise::keep(config.discovery, endpoint, doors, name, stopped.clone());
    let advertising = tokio::spawn(advertising);
    let links = tokio::spawn(links::keep(context, stopped));
    let end = tokio::select! {
        signal = stop_signal() => signal.map(|()| End::Stopped),
        _ = was_reset.recv() => Ok(End::Reset),
        () = instance.failed() => Err(anyhow::anyhow!("the state can't be kept any more")),
    };
    stop.send_replace(true);
    let standing = links.await;
    instance.shut_down().await;
    let _ = advertising.await;
    if let Ok(standing) = standing {
        standing.end().await;
    }
    audit.close();
    end
}

/// The agent's instance over its journal, with keys for end-to-end sessions; it waits for [`Instance::start`]. To it no
/// certificate is revoked.
///
/// # Errors
/// When the configuration does not fit the model, or the journal can't be read.
pub async fn instance(
    config: &Config,
    state: &StateDir,
    identity: &Identity,
    endpoint: &EndpointId,
    keys: Option<Arc<dyn Crypto>>,
    providers: Vec<Arc<dyn Provider>>,
) -> Result<Arc<Instance>> {
    judging(config, state, identity, endpoint, keys, Certificates::default(), providers).await
}

/// The same with what it judges certificates by.
async fn judging(
    config: &Config,
    state: &StateDir,
    identity: &Identity,
    endpoint: &EndpointId,
    keys: Option<Arc<dyn Crypto>>,
    trust: Certificates,
    providers: Vec<Arc<dyn Provider>>,
) -> Result<Arc<Instance>> {
    let kind = kind(config, endpoint, &providers);
    if kind.is_err() && config.is_new {
        // The next start reads the corrected file.
        state.forget_factory_default()?;
    }
    let kind = kind?;
    let folder = state.journal();
    let files = Folder::open(&folder).with_context(|| format!("{}", folder.display()))?;
    let mut machine = AgentMachine::new(
        AgentConfig {
            endpoint: endpoint.clone(),
            versions: Version::SUPPORTED.to_vec(),
            oui: identity.oui.clone().unwrap_or_default(),
            product_class: identity.product_class.clone().unwrap_or_default(),
            serial_number: identity.serial.clone().unwrap_or_default(),
            crypto: keys,
        },
        random()?,
    )
    .with_trust(Arc::new(trust))
    .with_guards(guard::guards(&config.policy));
    if !config.policy.unprotected {
        machine = machine.with_protection();
    }
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
        stored: paths(&["Device.LocalAgent."]).into_iter().chain(paths(&local_agent::STORED)).collect(),
        volatile: paths(&local_agent::VOLATILE),
        defaults: local_agent::defaults(config, endpoint.as_str()).context("the factory default")?,
    };
    let kind = Kind::build(&kind, providers)?.with_fleeting(&local_agent::FLEETING);
    guard::check_targets(&config.policy, kind.model())?;
    if config.is_new {
        roles::check_targets(config, kind.model())?;
    }
    Ok(kind)
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
                if !hooks::run(&words, HOOK_TIMEOUT).await {
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
                hooks::run(&words, HOOK_TIMEOUT).await;
                let _ = resets.send(()).await;
            });
            Ok(())
        })
    }
}
