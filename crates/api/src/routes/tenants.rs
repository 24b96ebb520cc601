//! Tenants.

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use fleet::access::Permission;
use fleet::port::{Store, StoreError};
use fleet::{Reach, TenantId, service};
use http::StatusCode;

use super::Routes;
use crate::app::App;
use crate::auth::Who;
use crate::dto::tenant::{Tenant, TenantBody};
use crate::extract::Body;
use crate::problem::Problem;
use crate::query::Page;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_list>(get(list::<S>)).add::<__path_create>(post(create::<S>))
}

/// The tenants within reach, by name: all of them for the platform, itself for a tenant.
#[utoipa::path(get, path = "/tenants", tag = "access", operation_id = "list_tenants",
    responses((status = 200, description = "All of them", body = Page<Tenant>)))]
async fn list<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Json<Page<Tenant>>, Problem> {
    who.caller.need(Permission::Read)?;
    let rows = service::tenants(app.store(), &who.caller).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Tenant::from).collect())))
}

/// Makes a tenant; the platform's owners only.
#[utoipa::path(post, path = "/tenants", tag = "access", operation_id = "create_tenant",
    request_body = TenantBody,
    responses((status = 201, description = "Made", body = Tenant)))]
async fn create<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<TenantBody>,
) -> Result<(StatusCode, Json<Tenant>), Problem> {
    let name = body.name.parse()?;
    let tenant = service::create_tenant(app.store(), &who.caller, app.stamp(), name).await?;
    Ok((StatusCode::CREATED, Json(tenant.into())))
}

/// The tenant that is meant by a name: the caller's own where there is none, and for the platform none.
pub(super) async fn named<S: Store>(
    app: &App<S>,
    who: &Who,
    name: Option<&str>,
) -> Result<Option<TenantId>, Problem> {
    let found = service::tenant_named(app.store(), &who.caller, name).await?;
    Ok(found.map(|tenant| tenant.id))
}

/// The same, for what must belong to a tenant: the platform's goes to the default one.
pub(super) async fn owner<S: Store>(
    app: &App<S>,
    who: &Who,
    name: Option<&str>,
) -> Result<TenantId, Problem> {
    Ok(named(app, who, name).await?.unwrap_or(TenantId::DEFAULT))
}

/// The caller's reach, or of it one tenant that is named.
pub(super) async fn narrowed<S: Store>(
    app: &App<S>,
    who: &Who,
    name: Option<&str>,
) -> Result<Reach, Problem> {
    Ok(named(app, who, name).await?.map_or(who.caller.reach, Reach::Tenant))
}

/// What came of wanting a device; if it is another tenant's, that is written down.
pub(super) async fn told<S: Store, T>(
    app: &App<S>,
    who: &Who,
    endpoint: &str,
    result: Result<T, fleet::Error>,
) -> Result<T, Problem> {
    if let Err(fleet::Error::Store(error @ StoreError::Taken)) = &result {
        service::note_taken(app.store(), &who.caller, app.now(), endpoint, &error.to_string()).await?;
    }
    Ok(result?)
}
