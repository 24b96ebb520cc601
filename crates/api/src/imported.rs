//! Data models that people imported, ready for use: descriptions, and facts where the compiled-in catalogue
//! has none.

use std::sync::{Arc, PoisonError, RwLock};

use dm::schema::{Facts, ImportError, ImportLimits, ImportedModel, Protocol, Row, import};
use fleet::datamodel::{DataModel, id_of};
use fleet::port::Store;
use fleet::{ModelHash, TenantId};
use tokio::sync::{Mutex, Semaphore};

use crate::limits;
use crate::problem::Problem;

/// The imported models, the latest first.
#[derive(Clone, Default, Debug)]
pub struct Imported(Arc<Vec<(ModelHash, Arc<ImportedModel>)>>);

impl Imported {
    /// The definition at a path in `{i}` form, from the latest USP model that has it, else from any.
    pub fn row(&self, path: &str) -> Option<&Row> {
        let of = |usp: bool| {
            let models = self.0.iter().filter(move |(_, model)| (model.protocol() == Protocol::Usp) == usp);
            models.filter_map(|(_, model)| model.row(path)).next()
        };
        of(true).or_else(|| of(false))
    }

    /// Whether one of them says that the parameter at a path in `{i}` form is secured or hidden.
    pub fn is_secret(&self, path: &str) -> bool {
        matches!(self.row(path).map(|row| &row.facts), Some(Facts::Param(facts)) if facts.secured || facts.hidden)
    }
}

/// The models in use, and the place where one at a time is read.
pub(crate) struct Library {
    models: RwLock<Imported>,
    importing: Semaphore,
    /// Held while the models are brought in line with the store, so that the last one to look wins.
    reloading: Mutex<()>,
}

impl Default for Library {
    fn default() -> Self {
        Library { models: RwLock::default(), importing: Semaphore::new(1), reloading: Mutex::default() }
    }
}

impl Library {
    /// What is in use now.
    pub(crate) fn models(&self) -> Imported {
        self.models.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads a data-model file: its facts and its text. One at a time, beside the threads that serve.
    pub(crate) async fn read(
        &self,
        body: impl Future<Output = Result<bytes::Bytes, Problem>>,
    ) -> Result<(ImportedModel, String), Problem> {
        let _alone = self.importing.try_acquire().map_err(|_| {
            Problem::new(http::StatusCode::SERVICE_UNAVAILABLE, "busy")
                .detail("another data model is being imported")
                .retry_after(5)
        })?;
        let xml = body.await?;
        let read = move || {
            let limits = ImportLimits { bytes: limits::DATA_MODEL_BYTES, ..ImportLimits::default() };
            let model = import(&xml, &limits).map_err(|error| refused(&error))?;
            let text = model.to_text();
            Ok((model, text))
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Problem::internal("reading a data model panicked"))?
    }

    /// Brings what is in use in line with what is stored. What can't be read any more is left out, and said
    /// in the log.
    pub(crate) async fn reload<S: Store>(&self, store: &S, tenant: TenantId) -> Result<(), Problem> {
        let _alone = self.reloading.lock().await;
        let known = self.models();
        let mut models = Vec::new();
        for DataModel { id, name, .. } in store.data_models(tenant).await? {
            if let Some((_, model)) = known.0.iter().find(|(known, _)| *known == id) {
                models.push((id, Arc::clone(model)));
                continue;
            }
            let Some(text) = store.data_model_text(tenant, id).await? else { continue };
            let parsed = tokio::task::spawn_blocking(move || ImportedModel::from_text(&text)).await;
            match parsed {
                Ok(Ok(model)) => models.push((id, Arc::new(model))),
                Ok(Err(error)) => tracing::warn!(%id, name, %error, "a data model can't be read any more"),
                Err(_) => tracing::warn!(%id, name, "reading a data model panicked"),
            }
        }
        *self.models.write().unwrap_or_else(PoisonError::into_inner) = Imported(Arc::new(models));
        Ok(())
    }
}

/// The name of a model's text.
pub(crate) fn name_of(text: &str) -> Result<ModelHash, Problem> {
    id_of(text).map_err(|error| too_large(&error.to_string()))
}

fn refused(error: &ImportError) -> Problem {
    match error {
        ImportError::TooBig { .. } => too_large(&error.to_string()),
        _ => Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, "not-a-model").detail(error.to_string()),
    }
}

fn too_large(why: &str) -> Problem {
    Problem::new(http::StatusCode::PAYLOAD_TOO_LARGE, "too-large").detail(why)
}
