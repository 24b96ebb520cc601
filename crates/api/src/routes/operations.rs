//! Operations on a device: stored as a job, told to its lane, and waited for.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use dm::Operation;
use fleet::access::Permission;
use fleet::job::Priority;
use fleet::port::Store;
use fleet::service::{self, Created, NewOperation};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::job::Job;
use crate::dto::operation::{
    DeleteBody, GetBody, InstancesBody, IntoOperation, OperateBody, SchemaBody, SetBody,
};
use crate::extract::{self, Body, Id, Params};
use crate::guard::Asker;
use crate::problem::Problem;
use crate::{duration, limits};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_get>(post(get::<S>))
        .add::<__path_instances>(post(instances::<S>))
        .add::<__path_schema>(post(schema::<S>))
        .add::<__path_set>(post(set::<S>))
        .add::<__path_add>(post(add::<S>))
        .add::<__path_delete>(post(delete::<S>))
        .add::<__path_operate>(post(operate::<S>))
}

/// How an operation is to be run.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct RunQuery {
    /// How long the answer may be held back for the outcome (`30s`); 5m at most.
    wait: Option<String>,
    /// After how long the job expires if the device has not answered (`1h`); 24h if absent, 30d at most.
    expires_in: Option<String>,
    /// Write even what the device's model does not know; owners only.
    force: Option<bool>,
}

/// The caller's own name for this request.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it only describes the header, which is read by name")]
pub(super) struct RunHeaders {
    /// The same key with the same body is the same job; with another body it is a conflict.
    #[param(rename = "Idempotency-Key")]
    idempotency_key: Option<String>,
}

/// What the handlers below have in common.
struct Run {
    who: Who,
    device: String,
    query: RunQuery,
    headers: HeaderMap,
    asker: Asker,
}

impl Run {
    async fn operation<S: Store>(self, app: &App<S>, operation: Operation) -> Result<Response, Problem> {
        let wait = self.wait()?;
        self.who.caller.need(if operation.is_write() { Permission::Write } else { Permission::Query })?;
        let device = devices::resolve(app, &self.who, &self.device).await?;
        let tenant = device.tenant;
        let schema = app.gateway().schema(tenant, &device).await?;
        let stamp = app.stamp();
        let new = NewOperation {
            device: device.id,
            tenant,
            operation,
            priority: Priority::Person,
            deadline: Some(stamp.at + lifetime(self.query.expires_in.as_deref())?),
            idempotency_key: idempotency_key(&self.headers)?,
            force: self.query.force.unwrap_or(false),
        };
        let Created { mut job, existing } =
            service::create_operation(app.store(), &self.who.caller, stamp, new, schema.as_ref()).await?;
        if !existing {
            app.gateway().tell(tenant, device.id, service::job_ref(&job));
        }
        if !wait.is_zero() && !job.state.is_finished() {
            tokio::select! {
                () = app.gateway().wait(tenant, job.id, wait) => {}
                () = self.asker.gone() => {}
            }
            if let Some(now) = app.store().job(tenant, job.id).await? {
                job = now;
            }
        }
        Ok(answer(job.state.is_finished(), Job::new(job, &app.known())))
    }

    fn wait(&self) -> Result<Duration, Problem> {
        let Some(text) = &self.query.wait else { return Ok(Duration::ZERO) };
        duration::parse(text)
            .filter(|wait| *wait <= limits::WAIT)
            .ok_or_else(|| Problem::invalid("wait", "a duration such as `30s`, up to `5m`"))
    }
}

/// After how long a job expires.
pub(super) fn lifetime(expires_in: Option<&str>) -> Result<Duration, Problem> {
    let Some(text) = expires_in else { return Ok(limits::JOB_LIFETIME) };
    duration::parse(text)
        .ok_or_else(|| Problem::invalid("expires_in", "a duration such as `1h`, up to `30d`"))
}

/// The caller's own name for a request, if it has one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "idempotency-key";
    if !headers.contains_key(NAME) {
        return Ok(None);
    }
    let key = extract::text(headers, NAME);
    let key = key.ok_or_else(|| Problem::invalid("Idempotency-Key", "it is printable ASCII"))?;
    Ok(Some(key.to_owned()))
}

/// 200 with the outcome, or 202 where there is none yet.
fn answer(finished: bool, job: Job) -> Response {
    let status = if finished { StatusCode::OK } else { StatusCode::ACCEPTED };
    let place = HeaderValue::try_from(format!("/api/v1/jobs/{}", job.id)).expect("an id is printable");
    (status, [(header::LOCATION, place)], Json(job)).into_response()
}

/// A handler of one operation: its description, its body, and how the body makes the operation.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident, $path:literal, $id:literal, $body:ident, $make:path) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "operations", operation_id = $id,
            params(RunQuery, RunHeaders), request_body = $body,
            responses(
                (status = 200, description = "The job, finished", body = Job),
                (status = 202, description = "The job, under way", body = Job)))]
        async fn $name<S: Store>(
            State(app): State<App<S>>,
            who: Who,
            Id(device): Id,
            Params(query): Params<RunQuery>,
            headers: HeaderMap,
            asker: Asker,
            Body(body): Body<$body>,
        ) -> Result<Response, Problem> {
            Run { who, device, query, headers, asker }.operation(&app, $make(body)?).await
        }
    };
}

operation! {
    /// Reads values from a device.
    get, "/devices/{id}/get", "get", GetBody, IntoOperation::into_operation
}
operation! {
    /// Reads which rows a device has.
    instances, "/devices/{id}/instances", "instances", InstancesBody, IntoOperation::into_operation
}
operation! {
    /// Reads what a device supports.
    schema, "/devices/{id}/schema", "schema", SchemaBody, IntoOperation::into_operation
}
operation! {
    /// Changes parameters of a device.
    set, "/devices/{id}/set", "set", SetBody, SetBody::into_set
}
operation! {
    /// Makes rows in a device.
    add, "/devices/{id}/add", "add", SetBody, SetBody::into_add
}
operation! {
    /// Removes rows from a device.
    delete, "/devices/{id}/delete", "delete", DeleteBody, IntoOperation::into_operation
}
operation! {
    /// Runs a command of a device.
    operate, "/devices/{id}/operate", "operate", OperateBody, IntoOperation::into_operation
}
