//! Devices that ask to be let in, and those that were refused.

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use fleet::access::Permission;
use fleet::port::Store;
use fleet::service;
use http::StatusCode;

use super::{Routes, devices, tenants};
use crate::app::App;
use crate::auth::Who;
use crate::dto::device::Device;
use crate::dto::enrolment::{ApproveBody, Pending, Refused};
use crate::extract::{Id, OptionalBody};
use crate::problem::Problem;
use crate::query::Page;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_approve>(post(approve::<S>))
        .add::<__path_reject>(post(reject::<S>))
        .add::<__path_refused>(get(refused::<S>))
}

/// Devices that ask to be let in, the last seen first.
#[utoipa::path(get, path = "/pending", tag = "enrolment", operation_id = "list_pending",
    responses((status = 200, description = "All of them", body = Page<Pending>)))]
async fn list<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Json<Page<Pending>>, Problem> {
    who.caller.need(Permission::Read)?;
    let rows = app.store().pending(who.caller.reach).await?;
    let names = app.names(rows.iter().map(|(tenant, _)| *tenant)).await?;
    let print = |(tenant, row)| Pending::new(row, names.of(tenant));
    Ok(Json(Page::whole(rows.into_iter().map(print).collect())))
}

/// Lets a pending device in, as it was shown.
#[utoipa::path(post, path = "/pending/{endpoint}/approve", tag = "enrolment",
    operation_id = "approve_pending", request_body = Option<ApproveBody>,
    responses((status = 200, description = "The device", body = Device)))]
async fn approve<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(endpoint): Id,
    OptionalBody(body): OptionalBody<ApproveBody>,
) -> Result<Json<Device>, Problem> {
    let shown = body.fingerprint.map(|text| text.parse()).transpose()?;
    let into = match body.tenant.as_deref() {
        Some(name) => tenants::named(&app, &who, Some(name)).await?,
        None => None,
    };
    let approved = service::approve(app.store(), &who.caller, app.stamp(), &endpoint, shown, body.name, into);
    let device = tenants::told(&app, &who, &endpoint, approved.await).await?;
    app.gateway().approved(device.tenant, device.id, &endpoint);
    Ok(Json(devices::print(&app, device).await?))
}

/// Turns a pending device away.
#[utoipa::path(post, path = "/pending/{endpoint}/reject", tag = "enrolment",
    operation_id = "reject_pending",
    responses((status = 204, description = "Turned away")))]
async fn reject<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(endpoint): Id,
) -> Result<StatusCode, Problem> {
    service::reject(app.store(), &who.caller, app.now(), &endpoint).await?;
    app.gateway().rejected(&endpoint);
    Ok(StatusCode::NO_CONTENT)
}

/// Attempts that were turned away, newest first.
#[utoipa::path(get, path = "/refused", tag = "enrolment", operation_id = "list_refused",
    responses((status = 200, description = "The last of them", body = Page<Refused>)))]
async fn refused<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Json<Page<Refused>>, Problem> {
    who.caller.need(Permission::Read)?;
    let rows = app.store().refused(who.caller.reach).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Refused::from).collect())))
}
