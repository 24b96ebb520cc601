//! The agent as USP Broker: USP Services on this device connect to its socket, register parts of the data model,
//! and their parts appear in the agent's own (TR-369 section 4.6).
//!
//! [`hub`] hosts the machine that speaks with them. Each service has a [`slot`]: a provider of the engine whose
//! part of the model comes and goes, and whose calls are messages to the service. So splitting requests,
//! permissions, transactions over several services, subscriptions and Request rows are the engine's, as for
//! every other provider.

pub mod config;
mod edits;
mod hub;
mod learn;
mod links;
mod operate;
mod paths;
mod report;
mod serve;
mod slot;
pub mod socket;
mod table;

use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, Result};
use dm::model::Model;
use engine::broker::Broker;
use engine::provider::Provider;
use mtp::uds::{AdmitLocal, ListenConfig, Listener};
use mtp::{EndpointId, Role};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::state::random;
use config::ServicesConfig;
use hub::Hub;
use links::Links;
use slot::Slot;
use table::Table;

/// The places for services, each a provider.
#[derive(Debug)]
pub struct Services {
    slots: Vec<Arc<Slot>>,
    table: Arc<Table>,
}

impl Services {
    /// Places for as many services as may be there at once; nobody is there yet.
    ///
    /// # Errors
    /// When the configuration trusts whom there can't be.
    pub fn new(config: &ServicesConfig) -> Result<Services> {
        let (hub, table) = (Arc::new(OnceLock::new()), Arc::new(Table::new(config.trust()?)));
        let slot = |place| Arc::new(Slot::new(place, hub.clone(), table.clone()));
        Ok(Services { slots: (0..engine::MAX_SERVICES).map(slot).collect(), table })
    }

    /// What the agent's instance needs of them.
    pub fn providers(&self) -> Vec<Arc<dyn Provider>> {
        let slots = self.slots.iter().map(|slot| slot.clone() as Arc<dyn Provider>);
        slots.chain([self.table.clone() as Arc<dyn Provider>]).collect()
    }

    /// Listens for services until `stopped` turns true. `own` is the model of the agent without any.
    ///
    /// # Errors
    /// When the socket can't be opened.
    pub fn open(
        self,
        config: &ServicesConfig,
        endpoint: &EndpointId,
        own: Arc<Model>,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<JoinHandle<()>> {
        let mut how = ListenConfig::new(endpoint.clone(), Role::Controller);
        how.mode = config.mode;
        how.max_connections = engine::MAX_SERVICES;
        let path = &config.socket;
        let listener = Listener::bind(path, how).with_context(|| format!("{}", path.display()))?;
        let mut machine = Broker::new(endpoint.clone(), own, random()?);
        if let Some(trust) = config.trust()? {
            machine = machine.with_trust(trust);
        }
        let (hub, time) = Hub::start(machine, self.slots);
        tracing::info!(path = %path.display(), "USP Services may connect");
        Ok(tokio::spawn(async move {
            let stop = async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            };
            listener.run(Arc::new(Links(hub)), Arc::new(AdmitLocal), stop).await;
            time.abort();
        }))
    }
}
