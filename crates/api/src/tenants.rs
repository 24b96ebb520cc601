//! What tenants are called: read when one is met for the first time, and kept, because no name ever changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use fleet::TenantId;
use fleet::port::Store;
use fleet::tenant::TenantName;

use crate::problem::Problem;

/// Names by id.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<BTreeMap<TenantId, TenantName>>);

impl Names {
    /// What a tenant is called that owns something.
    pub(crate) fn name(&self, tenant: TenantId) -> Result<&TenantName, Problem> {
        self.0
            .get(&tenant)
            .ok_or_else(|| Problem::internal("something belongs to a tenant that is not there"))
    }

    /// What a tenant is called; `None` for the platform.
    pub(crate) fn of(&self, tenant: TenantId) -> Option<String> {
        self.0.get(&tenant).map(|name| name.as_str().to_owned())
    }
}

/// The names that are known.
#[derive(Default)]
pub(crate) struct KnownNames(RwLock<Names>);

impl KnownNames {
    /// Names, those of these tenants among them.
    pub(crate) async fn with<S: Store>(
        &self,
        store: &S,
        wanted: impl IntoIterator<Item = TenantId>,
    ) -> Result<Names, Problem> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if wanted.into_iter().all(|id| id == TenantId::PLATFORM || known.0.contains_key(&id)) {
            return Ok(known);
        }
        let all = store.tenants().await?.into_iter().map(|tenant| (tenant.id, tenant.name));
        let names = Names(Arc::new(all.collect()));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = names.clone();
        Ok(names)
    }
}
