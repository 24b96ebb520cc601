//! Supported models, merged with the catalogue.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use fleet::access::Permission;
use fleet::port::Store;
use fleet::{ModelHash, Reach};
use http::{HeaderValue, header};

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::model::Model;
use crate::extract::Id;
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_of_device>(get(of_device::<S>)).add::<__path_one>(get(one::<S>))
}

/// The supported model of a device.
#[utoipa::path(get, path = "/devices/{id}/model", tag = "models", operation_id = "get_device_model",
    responses((status = 200, description = "The model", body = Model)))]
async fn of_device<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<Response, Problem> {
    who.caller.need(Permission::Read)?;
    let device = devices::resolve(&app, &who, &id).await?;
    match device.model {
        Some(hash) => print(&app, device.tenant.into(), hash).await,
        None => Err(Problem::not_found("model: the device has not told what it supports")),
    }
}

/// A supported model by its hash.
#[utoipa::path(get, path = "/models/{hash}", tag = "models", operation_id = "get_model",
    responses((status = 200, description = "The model", body = Model)))]
async fn one<S: Store>(State(app): State<App<S>>, who: Who, Id(hash): Id) -> Result<Response, Problem> {
    who.caller.need(Permission::Read)?;
    let hash = hash.parse().map_err(|_| Problem::not_found("model"))?;
    print(&app, who.caller.reach, hash).await
}

async fn print<S: Store>(app: &App<S>, reach: Reach, hash: ModelHash) -> Result<Response, Problem> {
    let ready = app.models().get(app.store(), app.library().models(), reach, hash).await?;
    let ready = ready.ok_or_else(|| Problem::not_found("model"))?;
    let body = serde_json::to_vec(&ready.model).map_err(|error| Problem::internal(&error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}
