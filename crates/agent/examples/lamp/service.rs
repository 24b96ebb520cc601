//! The service: the same engine as the agent's, with one provider of its own, and a link to the Broker on which it
//! registers what that provider has.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent::providers::support::catalogue;
use anyhow::Result;
use dm::model::{ModelBuilder, ModelError, Params};
use dm::path::SchemaPath;
use engine::provider::Provider;
use engine::registration::Registration;
use engine::{
    AgentConfig, AgentMachine, CloseReason, FactoryDefault, Host, Instance, InstanceConfig, Journal, Kind,
    KindConfig, Outlet, OutletClosed, SystemClock, Version,
};
use mtp::uds::{Dialer, Reconnect};
use mtp::{
    DownReason, EndpointId, Inbound, LinkHandler, LinkId, LinkSender, LinkUp, Outbound, Role, Verdict,
};
use usp_proto::{Msg, Record, RecordType};

#[path = "provider.rs"]
mod provider;

use provider::{LAMP, Lamp};

/// Connects to the Broker's socket, serves until the connection is gone, and connects again.
///
/// # Errors
/// When the Broker can't be reached the first time.
pub(crate) async fn serve(socket: &Path, name: &str) -> Result<()> {
    let own = EndpointId::receive(name)?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let dialer = Dialer::new(socket, own.clone(), Role::Agent);
    let mut dialled = dialer.connect().await?;
    let broker = dialled.endpoint().clone();
    let registration = Mutex::default();
    let links = Links { registration, instance: instance(own.clone(), &broker, seed).await?, own, broker };
    let mut reconnect = Reconnect::new(seed);
    loop {
        dialled.run(&links).await;
        dialled = loop {
            // R-UDS.5
            tokio::time::sleep(reconnect.next_wait()).await;
            if let Ok(dialled) = dialer.connect().await {
                break dialled;
            }
        };
    }
}

/// The lamp's agent: it has one controller, the Broker, and remembers nothing.
async fn instance(own: EndpointId, broker: &EndpointId, seed: [u8; 32]) -> Result<Arc<Instance>> {
    let providers: Vec<Arc<dyn Provider>> = vec![Arc::new(Lamp::default())];
    let kind = kind(&own, broker, &providers)?;
    let machine = AgentConfig {
        endpoint: own,
        versions: Version::SUPPORTED.to_vec(),
        oui: String::new(),
        product_class: "Lamp".to_owned(),
        serial_number: String::new(),
        crypto: None,
    };
    let config = InstanceConfig {
        kind: Arc::new(kind),
        machine: Box::new(AgentMachine::new(machine, seed)),
        providers,
        defaults: Vec::new(),
        journal: Journal::memory(),
        software_version: "1".to_owned(),
        refresh_first: true,
    };
    let instance = Instance::new(Host::new(Arc::new(SystemClock::new())), config)?;
    instance.start().await?;
    Ok(instance)
}

/// Its data model: the lamp, and what an agent needs.
fn kind(own: &EndpointId, broker: &EndpointId, providers: &[Arc<dyn Provider>]) -> Result<Kind> {
    let controller = "Device.LocalAgent.Controller.1.";
    let kind = KindConfig {
        uri: "urn:example:lamp".to_owned(),
        own: &|model| support(model).expect("the catalogue has these rows"),
        stored: Vec::new(),
        volatile: vec![SchemaPath::parse("Device.LocalAgent.Request.")?],
        defaults: vec![
            FactoryDefault::new("Device.LocalAgent.", "EndpointID", own.as_str()),
            FactoryDefault::new(controller, "EndpointID", broker.as_str()),
            FactoryDefault::new(controller, "Enable", "true"),
        ],
    };
    Ok(Kind::build(&kind, providers)?)
}

/// What every agent has for itself. It is not registered: the Broker asks for it by this link.
fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let rows = catalogue();
    let subscription = [
        "Alias",
        "Enable",
        "Recipient",
        "ID",
        "CreationDate",
        "NotifType",
        "ReferenceList",
        "Persistent",
        "TimeToLive",
        "NotifRetry",
    ];
    let request = ["Alias", "Originator", "Command", "CommandKey", "Status"];
    model
        .add_from(&rows, "Device.LocalAgent.", Params::Only(&["EndpointID"]))?
        .add_from(
            &rows,
            "Device.LocalAgent.Controller.{i}.",
            Params::Only(&["Alias", "Enable", "EndpointID"]),
        )?
        .add_from(&rows, "Device.LocalAgent.Subscription.{i}.", Params::Only(&subscription))?
        .add_from(&rows, "Device.LocalAgent.Request.{i}.", Params::Only(&request))?
        .add_actions(&rows, "Device.LocalAgent.Request.{i}.", &["Cancel()"])?;
    Ok(())
}

struct Links {
    registration: Mutex<Registration>,
    own: EndpointId,
    instance: Arc<Instance>,
    broker: EndpointId,
}

impl LinkHandler for Links {
    fn up(&self, link: LinkUp) {
        link.sender.authorise();
        let outlet = Arc::new(Out(link.sender.clone()));
        self.instance.link_up(self.broker.clone(), link.return_path, link.contact, link.peer, outlet);
        // Behind the Connect record.
        let register = self.registration().register("register", &[LAMP], false);
        let register = register.expect("the path is a literal");
        let record = usp_proto::record::encode_message(&self.own, &self.broker, Version::CURRENT, &register);
        let _ = link.sender.send(record);
    }

    async fn inbound(&self, inbound: Inbound) -> Verdict {
        match message(&inbound).and_then(|msg| self.registration().answer(&msg)) {
            Some(verdicts) => tracing::info!(?verdicts, "the Broker answers"),
            None => self.instance.record(inbound).await,
        }
        Verdict::Accepted
    }

    fn down(&self, link: LinkId, _: DownReason) {
        self.registration().lost();
        self.instance.link_down(link);
    }
}

impl Links {
    fn registration(&self) -> MutexGuard<'_, Registration> {
        self.registration.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message(inbound: &Inbound) -> Option<Msg> {
    match Record::decode(inbound.record.clone()).ok()?.record_type {
        RecordType::NoSession { payload } => Msg::decode(&payload).ok(),
        _ => None,
    }
}

struct Out(LinkSender);

impl Outlet for Out {
    fn send(&self, outbound: Outbound) -> Result<(), OutletClosed> {
        self.0.send(outbound.record).map_err(|_| OutletClosed)
    }

    fn close(&self, reason: CloseReason) {
        self.0.close(mtp::ws::close_code::NORMAL, format!("{reason:?}"));
    }
}
