//! The models of devices, ready for checks and masks: read once, shared by all devices of a kind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use api::gateway::Schema;
use fleet::ids::{ModelHash, TenantId};
use fleet::port::Store;

use crate::limits::MODELS;
use crate::schema::{CatalogueSchema, DeviceSchema};

/// What is known of models, by their hash.
pub(crate) struct Schemas<S: Store> {
    store: S,
    ready: Mutex<BTreeMap<(TenantId, ModelHash), Schema>>,
}

impl<S: Store> Schemas<S> {
    /// Nothing read yet.
    pub(crate) fn new(store: S) -> Self {
        Schemas { store, ready: Mutex::default() }
    }

    /// A device's own model; the catalogue where it is not known, or can't be read.
    pub(crate) async fn of(&self, tenant: TenantId, model: Option<ModelHash>) -> Schema {
        let Some(hash) = model else { return Arc::new(CatalogueSchema) };
        let ready = || self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = ready().get(&(tenant, hash)) {
            return Arc::clone(known);
        }
        let stored = match self.store.model(tenant, hash).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Arc::new(CatalogueSchema),
            Err(error) => {
                tracing::warn!(%error, "a supported model could not be read");
                return Arc::new(CatalogueSchema);
            }
        };
        let schema: Schema = Arc::new(DeviceSchema::new(&stored));
        let mut ready = ready();
        if ready.len() >= MODELS {
            ready.pop_first();
        }
        ready.insert((tenant, hash), Arc::clone(&schema));
        schema
    }
}
