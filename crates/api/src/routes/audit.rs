//! The audit log.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use fleet::access::Permission;
use fleet::port::Store;

use super::Routes;
use crate::app::App;
use crate::auth::Who;
use crate::dto::access::Audited;
use crate::extract::Params;
use crate::problem::Problem;
use crate::query::{self, Page, PageQuery};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_list>(get(list::<S>))
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "access", operation_id = "list_audit",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, description = "A piece of the log", body = Page<Audited>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<Audited>>, Problem> {
    who.caller.need(Permission::ReadAudit)?;
    let page = query::page(query.limit, query.cursor.as_deref())?;
    let rows = app.store().audit(who.caller.tenant, page).await?;
    Ok(Json(Page::of(rows, Audited::from)))
}
