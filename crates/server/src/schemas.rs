//! The models of devices, ready for checks, masks and onboarding: read once, shared by all devices of a kind.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::Imported;
use api::gateway::Schema;
use fleet::ids::{ModelHash, TenantId};
use fleet::model::StoredModel;
use fleet::onboarding::OnboardingPlan;
use fleet::port::StoreError;
use tokio::sync::OnceCell;

use crate::limits::MODELS;
use crate::schema::{CatalogueSchema, DeviceSchema};

/// What is known of a device by its model.
#[derive(Clone)]
pub(crate) struct Known {
    /// What its values are checked against and masked by.
    pub(crate) schema: Schema,
    /// What it is to be told and asked.
    pub(crate) plan: Arc<OnboardingPlan>,
}

impl Known {
    fn new(schema: Schema, model: Option<&StoredModel>) -> Known {
        Known { schema, plan: Arc::new(OnboardingPlan::compute(model)) }
    }
}

/// What is known of models, by their hash.
#[derive(Default)]
pub(crate) struct Schemas(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Counts uses, so that the one longest unused is known.
    clock: u64,
    /// Counts how often the imported data models have changed.
    age: u64,
    imported: Imported,
    models: BTreeMap<(TenantId, ModelHash), Model>,
}

struct Model {
    used: u64,
    /// Empty while it is read, by one for all who want it.
    known: Arc<OnceCell<Known>>,
}

impl Model {
    /// Whether a session has it, so that forgetting it would free nothing.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.known) > 1
            || self.known.get().is_some_and(|known| Arc::strong_count(&known.schema) > 1)
    }
}

impl Schemas {
    /// How often the imported data models have changed: what was given before is out of date.
    pub(crate) fn age(&self) -> u64 {
        self.kept().age
    }

    /// Forgets what was put together with other imported data models.
    pub(crate) fn change(&self, imported: Imported) {
        let mut kept = self.kept();
        kept.age += 1;
        kept.imported = imported;
        kept.models.clear();
    }

    /// What is known without a device's model.
    pub(crate) fn catalogue(&self) -> Known {
        Known::new(Arc::new(CatalogueSchema::new(self.kept().imported.clone())), None)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device's own model, which `read` brings from the store unless it is here; the catalogue where the
    /// store has none.
    ///
    /// # Errors
    /// When it can't be read: what is secret is not known then, and is asked again next time.
    pub(crate) async fn of(
        &self,
        tenant: TenantId,
        hash: ModelHash,
        read: impl Future<Output = Result<Option<StoredModel>, StoreError>>,
    ) -> Result<Known, StoreError> {
        let (cell, imported) = self.cell((tenant, hash));
        let build = async {
            // Nothing is kept of a model that is not there.
            let stored = read.await.map_err(Some)?.ok_or(None)?;
            let build = move || Known::new(Arc::new(DeviceSchema::new(&stored, imported)), Some(&stored));
            let built = tokio::task::spawn_blocking(build).await;
            built.map_err(|_| Some(StoreError::Failed("preparing a supported model panicked".to_owned())))
        };
        match cell.get_or_try_init(|| build).await {
            Ok(known) => Ok(known.clone()),
            Err(None) => Ok(self.catalogue()),
            Err(Some(error)) => Err(error),
        }
    }

    fn cell(&self, key: (TenantId, ModelHash)) -> (Arc<OnceCell<Known>>, Imported) {
        let mut kept = self.kept();
        kept.clock += 1;
        let used = kept.clock;
        if let Some(model) = kept.models.get_mut(&key) {
            model.used = used;
            return (Arc::clone(&model.known), kept.imported.clone());
        }
        let cell = Arc::default();
        kept.models.insert(key, Model { used, known: Arc::clone(&cell) });
        while kept.models.len() > MODELS {
            let idle = kept.models.iter().filter(|(_, model)| !model.is_in_use());
            let Some(oldest) = idle.min_by_key(|(_, model)| model.used).map(|(key, _)| *key) else { break };
            kept.models.remove(&oldest);
        }
        (cell, kept.imported.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dm::operation::{ParamAccess, SchemaObject, SchemaParam, SchemaResult};
    use dm::value::Type;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const PIN: (&str, &str) = ("Device.X_EX_Box.", "Pin");

    fn model() -> StoredModel {
        let pin = SchemaParam {
            name: PIN.1.into(),
            access: ParamAccess::WriteOnly,
            value_type: Some(Type::String),
            value_change: None,
        };
        let object = SchemaObject { path: PIN.0.into(), params: vec![pin], ..SchemaObject::default() };
        StoredModel::new(SchemaResult { model_uri: String::new(), objects: vec![object] }).expect("small")
    }

    fn hash(number: u8) -> ModelHash {
        ModelHash([number; 32])
    }

    async fn known(schemas: &Schemas, number: u8, reads: &AtomicUsize) -> Known {
        let read = async {
            reads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok(Some(model()))
        };
        schemas.of(TenantId::DEFAULT, hash(number), read).await.expect("it can be read")
    }

    async fn of(schemas: &Schemas, number: u8, reads: &AtomicUsize) -> Schema {
        known(schemas, number, reads).await.schema
    }

    #[tokio::test]
    async fn what_a_device_is_to_be_told_is_computed_once_for_its_model() {
        let (schemas, reads) = (Schemas::default(), AtomicUsize::new(0));
        let (one, other) = (known(&schemas, 1, &reads).await.plan, known(&schemas, 1, &reads).await.plan);
        assert!(Arc::ptr_eq(&one, &other) && !one.ask_model);
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(schemas.catalogue().plan.ask_model, "of a device whose model is not known");
    }

    #[tokio::test]
    async fn all_who_want_a_model_at_once_share_one() {
        let (schemas, reads) = (Schemas::default(), AtomicUsize::new(0));
        let (one, other) = tokio::join!(of(&schemas, 1, &reads), of(&schemas, 1, &reads));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
        assert!(Arc::ptr_eq(&one, &other));
        assert!(Arc::ptr_eq(&one, &of(&schemas, 1, &reads).await));
    }

    #[tokio::test]
    async fn a_model_that_can_not_be_read_is_asked_for_again() {
        let (schemas, reads) = (Schemas::default(), AtomicUsize::new(0));
        let broken = async { Err(StoreError::Failed("the disk".to_owned())) };
        assert!(schemas.of(TenantId::DEFAULT, hash(1), broken).await.is_err());
        let missing = schemas.of(TenantId::DEFAULT, hash(1), async { Ok(None) }).await.expect("none is none");
        assert!(!missing.schema.is_secret(PIN.0, PIN.1), "by the catalogue");
        assert!(of(&schemas, 1, &reads).await.is_secret(PIN.0, PIN.1), "by its own model");
    }

    #[tokio::test]
    async fn the_models_longest_unused_are_forgotten_but_not_those_in_use() {
        let (schemas, reads) = (Schemas::default(), AtomicUsize::new(0));
        let held = of(&schemas, 0, &reads).await;
        for number in 1..=64 {
            of(&schemas, number, &reads).await;
        }
        assert_eq!(reads.load(Ordering::Relaxed), 65);
        assert!(Arc::ptr_eq(&held, &of(&schemas, 0, &reads).await));
        of(&schemas, 64, &reads).await;
        assert_eq!(reads.load(Ordering::Relaxed), 65, "those are here");
        of(&schemas, 1, &reads).await;
        assert_eq!(reads.load(Ordering::Relaxed), 66, "that one had to go");
    }
}
