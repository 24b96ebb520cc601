//! What happened: of one device, of all, and as it happens.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use fleet::Seq;
use fleet::access::Permission;
use fleet::event::EventKind;
use fleet::port::Store;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, devices};
use crate::app::App;
use crate::auth::Who;
use crate::dto::event::Event;
use crate::extract::{self, Id, Params};
use crate::problem::Problem;
use crate::query::{self, Page, PageQuery};
use crate::stream::{self, Wanted};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_of_device>(get(of_device::<S>))
        .add::<__path_log>(get(log::<S>))
        .add::<__path_follow>(get(follow::<S>))
}

/// Events of a device, newest first.
#[utoipa::path(get, path = "/devices/{id}/events", tag = "events", operation_id = "list_device_events",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, description = "A piece of the list", body = Page<Event>)))]
async fn of_device<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<Event>>, Problem> {
    who.caller.need(Permission::Read)?;
    let page = query::page(query.limit, query.cursor.as_deref())?;
    let device = devices::resolve(&app, &who, &id).await?;
    let rows = app.store().events(device.tenant, Some(device.id), page).await?;
    let known = app.known();
    Ok(Json(Page::of(rows, |row| Event::new(row, &known))))
}

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LogQuery {
    /// What follows this position, oldest first. 0 is before the first event.
    after: Option<u64>,
    /// At most so many; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Without `after`: where the last piece said that the next one begins.
    cursor: Option<String>,
}

/// The event log: newest first, or with `after` what follows a position, oldest first.
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "list_events", params(LogQuery),
    responses((status = 200, description = "A piece of the log; `next` is the position to read on after, \
        or the next cursor", body = Page<Event>)))]
async fn log<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<LogQuery>,
) -> Result<Json<Page<Event>>, Problem> {
    who.caller.need(Permission::Read)?;
    let reach = who.caller.reach;
    let known = app.known();
    let print = |row| Event::new(row, &known);
    let Some(after) = query.after else {
        let page = query::page(query.limit, query.cursor.as_deref())?;
        let rows = app.store().events(reach, None, page).await?;
        return Ok(Json(Page::of(rows, print)));
    };
    let limit = query::limit(query.limit)?;
    let rows = app.store().events_after(reach, Seq(after), limit).await?;
    let next = (rows.len() == limit).then(|| rows.last().map(|last| last.seq.0.to_string())).flatten();
    Ok(Json(Page { items: rows.into_iter().map(print).collect(), next }))
}

/// Which events are followed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct FollowQuery {
    /// Only of devices that match this filter expression.
    filter: Option<String>,
    /// Only of this device.
    device: Option<String>,
    /// Only of these kinds, separated by commas.
    kind: Option<String>,
    /// From this position on; from now if absent. `Last-Event-ID` wins.
    after: Option<u64>,
}

/// Events as they are stored: server-sent events, each with its position as `id`. Resume with
/// `Last-Event-ID`.
#[utoipa::path(get, path = "/events/stream", tag = "events", operation_id = "follow_events",
    params(FollowQuery, ("Last-Event-ID" = Option<u64>, Header, description = "The last event received")),
    responses((status = 200, description = "`event` is the kind, `data` an Event", body = Event,
        content_type = "text/event-stream")))]
async fn follow<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.caller.need(Permission::Read)?;
    let device = match query.device.as_deref().filter(|device| !device.is_empty()) {
        Some(text) => Some(devices::resolve(&app, &who, text).await?.id),
        None => None,
    };
    let wanted =
        Wanted { filter: devices::filter(query.filter.as_deref())?, device, kinds: kinds(query.kind)? };
    let after = match extract::text(&headers, "last-event-id").filter(|id| !id.is_empty()) {
        Some(id) => Some(id.parse().map_err(|_| Problem::invalid("Last-Event-ID", "it is a number"))?),
        None => query.after,
    };
    stream::open(app, who, wanted, after.map(Seq)).await
}

fn kinds(list: Option<String>) -> Result<Vec<EventKind>, Problem> {
    let list = list.unwrap_or_default();
    let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
    words
        .map(|word| {
            EventKind::parse(word).map_err(|_| Problem::invalid("kind", format_args!("there is no {word:?}")))
        })
        .collect()
}
