//! Decoded messages of a device, while tracing is on.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::port::{Store, Write};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::device::{Trace, TraceBody};
use crate::extract::{Body, Id, Params};
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_read>(get(read::<S>)).add::<__path_switch>(put(switch::<S>))
}

/// How a trace is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TraceQuery {
    /// `json` (the default), or `jsonl`: a recording that can be replayed, one Record a line.
    format: Option<String>,
}

/// The last messages of a device, secrets masked.
#[utoipa::path(get, path = "/devices/{id}/trace", tag = "devices", operation_id = "get_trace",
    params(TraceQuery),
    responses((status = 200, description = "What was recorded; with `format=jsonl` as application/jsonl",
        body = Trace)))]
async fn read<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    Params(query): Params<TraceQuery>,
) -> Result<Response, Problem> {
    who.caller.need(Permission::Trace)?;
    let device = devices::resolve(&app, &who, &id).await?;
    let trace = app.gateway().trace(device.tenant, device.id);
    match query.format.as_deref() {
        None | Some("json") => Ok(Json(Trace::from(trace)).into_response()),
        Some("jsonl") => {
            let lines: String = trace.items.iter().map(|item| format!("{}\n", item.line)).collect();
            Ok(([(header::CONTENT_TYPE, "application/jsonl")], lines).into_response())
        }
        Some(_) => Err(Problem::invalid("format", "json or jsonl")),
    }
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
    let device = devices::resolve(&app, &who, &id).await?;
    let (tenant, device) = (device.tenant, device.id);
    let state = if body.enabled { "on" } else { "off" };
    let entry = AuditEntry::new(who.caller.actor.clone(), "device.trace", device, state);
    app.store().submit(Write::Audit { tenant, at: app.now(), entry }).await?;
    if app.gateway().set_trace(tenant, device, body.enabled) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "full")
        .detail("too many devices are traced; switch another one off first"))
}
