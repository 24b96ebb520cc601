//! What a session knows of its device: the row that it found, read once, and what follows from the device's model.

use api::gateway::Schema;
use fleet::ids::{ModelHash, Seq};
use fleet::port::{Store, StoreError};

use super::session::Session;
use super::{Usp, lock};
use crate::schemas::Known;

/// What the session found the device to be.
#[derive(Clone, Copy, Default)]
pub(super) struct Found {
    /// Whether there is such a device.
    pub(super) known: bool,
    pub(super) onboarded: bool,
    pub(super) model: Option<ModelHash>,
    pub(super) model_doubt: Option<Seq>,
}

/// What is known by the device's model.
#[derive(Default)]
pub(super) struct OwnModel {
    /// What it has told in this session.
    told: Option<ModelHash>,
    /// With the age of the imported models that it was put together with; everything is masked before it has been
    /// read.
    ready: Option<(u64, Known)>,
}

impl<S: Store> Session<S> {
    /// The device's row, read once.
    pub(super) async fn found(&self, usp: &Usp<S>) -> Result<Found, StoreError> {
        let read = || async {
            let device = usp.0.store.device(self.tenant, self.device).await?;
            let found = |device: fleet::device::Device| Found {
                known: true,
                onboarded: device.onboarded,
                model: device.model,
                model_doubt: device.model_doubt,
            };
            Ok(device.map(found).unwrap_or_default())
        };
        self.found.get_or_try_init(read).await.copied()
    }

    /// What is secret of what the device says.
    ///
    /// # Errors
    /// When its model can't be read: nothing that it says can be kept then. Asked again next time.
    pub(super) async fn schema(&self, usp: &Usp<S>) -> Result<Schema, StoreError> {
        Ok(self.known(usp).await?.schema)
    }

    /// What is known by its model.
    ///
    /// # Errors
    /// When that can't be read. Asked again next time.
    pub(super) async fn known(&self, usp: &Usp<S>) -> Result<Known, StoreError> {
        if let Some(known) = self.kept(usp) {
            return Ok(known);
        }
        let age = usp.0.schemas.age();
        let told = lock(&self.model).told;
        let model = match told {
            Some(told) => Some(told),
            None => self.found(usp).await?.model,
        };
        let known = usp.known(self.tenant, model).await?;
        let mut own = lock(&self.model);
        if own.told != told {
            // It has told another one meanwhile, which the next one who asks is given.
            return Ok(known);
        }
        own.ready.take_if(|(of, _)| *of != age);
        Ok(own.ready.get_or_insert((age, known)).1.clone())
    }

    /// The device has told its model, which is stored.
    pub(super) fn told(&self, model: ModelHash) {
        *lock(&self.model) = OwnModel { told: Some(model), ready: None };
    }

    /// What has been read before, unless data models were imported since.
    fn kept(&self, usp: &Usp<S>) -> Option<Known> {
        let age = usp.0.schemas.age();
        lock(&self.model).ready.as_ref().filter(|(of, _)| *of == age).map(|(_, known)| known.clone())
    }

    pub(super) fn kept_schema(&self, usp: &Usp<S>) -> Option<Schema> {
        self.kept(usp).map(|known| known.schema)
    }
}
