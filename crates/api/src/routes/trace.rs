//! Decoded messages of a device, while tracing is on.

use axum::Json;
use axum::extract::State;
use axum::routing::{get, put};
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::port::{Store, Write};
use http::StatusCode;

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::device::{Trace, TraceBody};
use crate::extract::{Body, Id};
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_read>(get(read::<S>)).add::<__path_switch>(put(switch::<S>))
}

/// The last decoded messages of a device.
#[utoipa::path(get, path = "/devices/{id}/trace", tag = "devices", operation_id = "get_trace",
    responses((status = 200, description = "What was recorded", body = Trace)))]
async fn read<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<Json<Trace>, Problem> {
    who.caller.need(Permission::Trace)?;
    let device = devices::resolve(&app, &who, &id).await?;
    Ok(Json(app.gateway().trace(who.caller.tenant, device.id).into()))
}

/// Switches tracing of a device; off forgets what was recorded.
#[utoipa::path(put, path = "/devices/{id}/trace", tag = "devices", operation_id = "switch_trace",
    request_body = TraceBody,
    responses((status = 204, description = "Switched")))]
async fn switch<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    Body(body): Body<TraceBody>,
) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::Trace)?;
    let tenant = who.caller.tenant;
    let device = devices::resolve(&app, &who, &id).await?.id;
    let state = if body.enabled { "on" } else { "off" };
    let entry = AuditEntry::new(who.caller.actor.clone(), "device.trace", device, state);
    app.store().submit(Write::Audit { tenant, at: app.now(), entry }).await?;
    app.gateway().set_trace(tenant, device, body.enabled);
    Ok(StatusCode::NO_CONTENT)
}
