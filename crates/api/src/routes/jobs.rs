//! Queued and finished operations.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get};
use fleet::access::Permission;
use fleet::job::StateName;
use fleet::port::{JobQuery, Store};
use fleet::{JobId, service};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::job::Job;
use crate::extract::{Id, Params};
use crate::problem::Problem;
use crate::query::{self, Page};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_one>(get(one::<S>))
        .add::<__path_cancel>(delete(cancel::<S>))
}

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Of one device.
    device: Option<String>,
    /// In one state.
    state: Option<String>,
    /// At most so many; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Where the last piece said that the next one begins.
    cursor: Option<String>,
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/jobs", tag = "jobs", operation_id = "list_jobs", params(ListQuery),
    responses((status = 200, description = "A piece of the list", body = Page<Job>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<ListQuery>,
) -> Result<Json<Page<Job>>, Problem> {
    who.caller.need(Permission::Read)?;
    let page = query::page(query.limit, query.cursor.as_deref())?;
    let state = match query.state.as_deref().filter(|state| !state.is_empty()) {
        Some(word) => {
            Some(StateName::parse(word).map_err(|_| Problem::invalid("state", "there is no such state"))?)
        }
        None => None,
    };
    let device = match query.device.as_deref().filter(|device| !device.is_empty()) {
        Some(text) => Some(devices::resolve(&app, &who, text).await?.id),
        None => None,
    };
    let rows = app.store().jobs(who.caller.reach, JobQuery { device, state, page }).await?;
    let known = app.known();
    Ok(Json(Page::of(rows, |row| Job::new(row, &known))))
}

fn parse(id: &str) -> Result<JobId, Problem> {
    id.parse().map_err(|_| Problem::not_found("job"))
}

/// One job.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", operation_id = "get_job",
    responses((status = 200, description = "The job", body = Job)))]
async fn one<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<Json<Job>, Problem> {
    who.caller.need(Permission::Read)?;
    let job = app.store().job(who.caller.reach, parse(&id)?).await?;
    Ok(Json(Job::new(job.ok_or_else(|| Problem::not_found("job"))?, &app.known())))
}

/// Withdraws a job that has not been sent.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", operation_id = "cancel_job",
    responses((status = 200, description = "The job as it is now", body = Job)))]
async fn cancel<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<Json<Job>, Problem> {
    let job = service::cancel_job(app.store(), &who.caller, app.now(), parse(&id)?).await?;
    app.gateway().withdraw(job.tenant, job.device, job.id);
    Ok(Json(Job::new(job, &app.known())))
}
