//! One command for many devices: a job for each of those that a filter matches, a piece of the list at a time.
//! Nothing is kept of it but the jobs.

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use fleet::access::Permission;
use fleet::device::Device;
use fleet::job::Priority;
use fleet::port::{DeviceQuery, DeviceSort, Store, StoreError};
use fleet::service::{self, NewOperation};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::operations::{self, RunHeaders};
use super::{Routes, devices, tenants};
use crate::app::App;
use crate::auth::Who;
use crate::dto::operation::{IntoOperation, OperateBody};
use crate::extract::{Body, Params};
use crate::problem::Problem;
use crate::query;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_operate_many>(post(operate_many::<S>))
}

/// The longest name of a request: that of each job has the device behind it.
const LONGEST_KEY: usize = 64;

/// Which devices, and until when.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ManyQuery {
    /// A filter expression.
    filter: String,
    /// Only of this tenant.
    tenant: Option<String>,
    /// At most so many devices; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Where the last piece said that the next one begins.
    cursor: Option<String>,
    /// After how long a job expires if its device has not answered (`1h`); 24h if absent, 30d at most.
    expires_in: Option<String>,
}

/// What became of a piece of the list.
#[derive(Serialize, ToSchema)]
struct Started {
    /// The jobs: one for each device that takes the command.
    jobs: Vec<StartedJob>,
    /// Devices that got none.
    refused: Vec<RefusedDevice>,
    /// Where the next piece begins; null at the end.
    next: Option<String>,
}

/// A job of one of the devices.
#[derive(Serialize, ToSchema)]
struct StartedJob {
    /// The device.
    device: String,
    /// Its job.
    job: String,
}

/// A device that got no job.
#[derive(Serialize, ToSchema)]
struct RefusedDevice {
    /// The device.
    device: String,
    /// Why.
    reason: String,
}

/// Runs a command of each device that a filter matches. Ask again with `next` until there is none; with the same
/// `Idempotency-Key`, a piece that is asked for again makes no second job.
#[utoipa::path(post, path = "/operations/operate", tag = "operations", operation_id = "operate_many",
    params(ManyQuery, RunHeaders), request_body = OperateBody,
    responses((status = 202, description = "The jobs of a piece of the list", body = Started)))]
async fn operate_many<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<ManyQuery>,
    headers: HeaderMap,
    Body(body): Body<OperateBody>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    who.caller.need(Permission::Write)?;
    let filter = devices::filter(Some(&query.filter))?
        .ok_or_else(|| Problem::invalid("filter", "an expression that says which devices are meant"))?;
    let lifetime = operations::lifetime(query.expires_in.as_deref())?;
    let key = operations::idempotency_key(&headers)?;
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
        return Err(Problem::invalid("Idempotency-Key", "1 to 64 characters for many devices"));
    }
    let operation = body.into_operation()?;
    let wanted = DeviceQuery {
        filter: Some(filter),
        now: app.now(),
        // The only order that devices can't change by what they are told.
        sort: DeviceSort::FirstSeen,
        page: query::page(query.limit, query.cursor.as_deref())?,
        ..DeviceQuery::default()
    };
    let reach = tenants::narrowed(&app, &who, query.tenant.as_deref()).await?;
    let page = app.store().devices(reach, wanted).await?;
    let new = |device: &Device| {
        let stamp = app.stamp();
        let new = NewOperation {
            device: device.id,
            tenant: device.tenant,
            operation: operation.clone(),
            priority: Priority::Campaign,
            deadline: Some(stamp.at + lifetime),
            idempotency_key: key.as_ref().map(|key| format!("{key}/{}", device.id)),
            force: false,
        };
        (stamp, new)
    };
    // All at once: the store commits together what comes together.
    let making = page.items.iter().map(|device| {
        let (app, caller, (stamp, new)) = (&app, &who.caller, new(device));
        async move {
            let schema = app.gateway().schema(device.tenant, device).await?;
            service::create_operation(app.store(), caller, stamp, new, schema.as_ref()).await
        }
    });
    let mut started = Started { jobs: Vec::new(), refused: Vec::new(), next: None };
    let mut broken = None;
    for (device, made) in page.items.iter().zip(join_all(making).await) {
        match made {
            Ok(created) => {
                if !created.existing {
                    app.gateway().tell(device.tenant, device.id, service::job_ref(&created.job));
                }
                let (device, job) = (device.id.to_string(), created.job.id.to_string());
                started.jobs.push(StartedJob { device, job });
            }
            // No device's fault: the piece is asked for again.
            Err(
                error @ (fleet::Error::BadRow { .. }
                | fleet::Error::Store(
                    StoreError::Busy | StoreError::Full | StoreError::Closed | StoreError::Failed(_),
                )),
            ) => broken = Some(error),
            Err(error) => {
                started
                    .refused
                    .push(RefusedDevice { device: device.id.to_string(), reason: error.to_string() });
            }
        }
    }
    if let Some(error) = broken {
        return Err(error.into());
    }
    started.next = page.next.map(|at| query::encode(&at.0));
    Ok((StatusCode::ACCEPTED, Json(started)))
}
