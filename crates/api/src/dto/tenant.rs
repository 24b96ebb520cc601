//! Tenants.

use fleet::tenant::Tenant as Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;

/// A tenant.
#[derive(Serialize, ToSchema)]
pub struct Tenant {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Since when; null for the one that was there from the start.
    pub created: Option<String>,
}

impl From<Row> for Tenant {
    fn from(row: Row) -> Self {
        Tenant {
            id: row.id.to_string(),
            name: row.name.to_string(),
            created: (row.created.0 != 0).then(|| time(row.created)),
        }
    }
}

/// Makes a tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantBody {
    /// What it is called: 1 to 64 of `a-z`, `0-9`, `-` and `.`. It is never changed.
    pub name: String,
}
