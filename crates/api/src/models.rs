//! Supported models ready for use: read once, merged with the catalogue once, kept while they are asked
//! for. A model never changes under its hash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fleet::port::Store;
use fleet::{ModelHash, Reach};

use crate::catalogue;
use crate::dto::model::{Model, ModelParam};
use crate::imported::Imported;
use crate::limits;
use crate::problem::Problem;

/// A model and where its objects stand.
pub(crate) struct Ready {
    pub(crate) model: Model,
    index: BTreeMap<String, usize>,
}

impl Ready {
    fn new(model: Model) -> Self {
        let index = model.objects.iter().enumerate();
        Ready { index: index.map(|(at, object)| (object.path.clone(), at)).collect(), model }
    }

    /// The parameter of a full path with row numbers.
    pub(crate) fn param(&self, path: &str) -> Option<&ModelParam> {
        let general = catalogue::generalise(path);
        let (object, name) = general.split_at(general.rfind('.')? + 1);
        let object = &self.model.objects[*self.index.get(object)?];
        object.params.iter().find(|param| param.name == name)
    }
}

/// The models asked for last.
#[derive(Default)]
pub(crate) struct Models(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    clock: u64,
    /// Counts how often the imported data models have changed.
    age: u64,
    models: BTreeMap<(Reach, ModelHash), (u64, Arc<Ready>)>,
}

impl Models {
    /// A model by its hash; `None` if the store has none within reach.
    pub(crate) async fn get<S: Store>(
        &self,
        store: &S,
        imported: Imported,
        reach: Reach,
        hash: ModelHash,
    ) -> Result<Option<Arc<Ready>>, Problem> {
        let (ready, age) = self.kept(reach, hash);
        if ready.is_some() {
            return Ok(ready);
        }
        let Some(stored) = store.model(reach, hash).await? else { return Ok(None) };
        let ready = tokio::task::spawn_blocking(move || Arc::new(Ready::new(Model::new(&stored, &imported))))
            .await
            .map_err(|_| Problem::internal("merging a model with the catalogue panicked"))?;
        self.keep(reach, hash, age, Arc::clone(&ready));
        Ok(Some(ready))
    }

    /// Forgets what was merged with data models that are others now.
    pub(crate) fn forget(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.age += 1;
        kept.models.clear();
    }

    /// What is kept, and the age that it is of.
    fn kept(&self, reach: Reach, hash: ModelHash) -> (Option<Arc<Ready>>, u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let (clock, age) = (kept.clock, kept.age);
        let found = kept.models.get_mut(&(reach, hash)).map(|(used, ready)| {
            *used = clock;
            Arc::clone(ready)
        });
        (found, age)
    }

    fn keep(&self, reach: Reach, hash: ModelHash, age: u64, ready: Arc<Ready>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.age != age {
            return;
        }
        kept.clock += 1;
        let clock = kept.clock;
        kept.models.insert((reach, hash), (clock, ready));
        while kept.models.len() > limits::MODELS_READY {
            let oldest = kept.models.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            let Some(oldest) = oldest else { return };
            kept.models.remove(&oldest);
        }
    }
}
