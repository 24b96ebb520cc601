//! The audit log.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use fleet::access::Permission;
use fleet::audit::AuditRow;
use fleet::port::Store;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, tenants};
use crate::app::App;
use crate::auth::Who;
use crate::dto::access::Audited;
use crate::extract::Params;
use crate::problem::Problem;
use crate::query::{self, Page};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_list>(get(list::<S>))
}

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// At most so many; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Where the last piece said that the next one begins.
    cursor: Option<String>,
    /// Only that of this tenant.
    tenant: Option<String>,
}

/// The audit log, newest first: one's tenant's, or for the platform that of all.
#[utoipa::path(get, path = "/audit", tag = "access", operation_id = "list_audit",
    params(LogQuery),
    responses((status = 200, description = "A piece of the log", body = Page<Audited>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<LogQuery>,
) -> Result<Json<Page<Audited>>, Problem> {
    who.caller.need(Permission::ReadAudit)?;
    let reach = tenants::narrowed(&app, &who, query.tenant.as_deref()).await?;
    let page = query::page(query.limit, query.cursor.as_deref())?;
    let rows = app.store().audit(reach, page).await?;
    let names = app.names(rows.items.iter().map(|row| row.tenant)).await?;
    let print = |row: AuditRow| {
        let tenant = names.of(row.tenant);
        Audited::new(row, tenant)
    };
    Ok(Json(Page::of(rows, print)))
}
