//! Devices: list, one, one that is dialled, its values, its connections.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use dm::Code;
use dm::path::Target;
use fleet::access::Permission;
use fleet::device::Device as Row;
use fleet::filter::Filter;
use fleet::job::MASK;
use fleet::port::{DeviceQuery, DeviceSort, Found, Store, StoreError};
use fleet::twin::{Entry, TwinPath};
use fleet::{DeviceId, service};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Routes, tenants};
use crate::app::App;
use crate::auth::Who;
use crate::catalogue;
use crate::dto::device::{AddBody, Device, PatchBody, Session, TwinItem, TwinPage};
use crate::dto::{operation, time};
use crate::extract::{Body, Id, Params};
use crate::limits;
use crate::models::Ready;
use crate::problem::{Candidate, Problem};
use crate::query::{self, Page};
use crate::tenants::Names;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_add>(post(add::<S>))
        .add::<__path_one>(get(one::<S>))
        .add::<__path_change>(patch(change::<S>))
        .add::<__path_forget>(delete(forget::<S>))
        .add::<__path_remove_dial>(delete(remove_dial::<S>))
        .add::<__path_values>(get(values::<S>))
        .add::<__path_sessions>(get(sessions::<S>))
}

/// The device that a text names: an id, the unique beginning of one, an endpoint id, a serial or a name.
pub(super) async fn resolve<S: Store>(app: &App<S>, who: &Who, text: &str) -> Result<Row, Problem> {
    let reach = who.caller.reach;
    if let Ok(id) = text.parse::<DeviceId>() {
        return app.store().device(reach, id).await?.ok_or_else(|| Problem::not_found("device"));
    }
    match app.store().find_device(reach, text).await? {
        Found::One(device) => Ok(*device),
        Found::None => Err(Problem::not_found("device")),
        Found::Ambiguous(several) => {
            let candidates = several.into_iter().map(|device| {
                let endpoint = device.endpoints().next().map(str::to_owned);
                Candidate { id: device.id.to_string(), name: device.name, endpoint }
            });
            Err(Problem::new(StatusCode::CONFLICT, "ambiguous")
                .detail("several devices go by that name; use the id of one")
                .candidates(candidates.collect()))
        }
    }
}

/// Which devices, in which order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// A filter expression.
    filter: Option<String>,
    /// A part of name, endpoint id, serial, model or address.
    q: Option<String>,
    /// `name`, `model`, `manufacturer`, `serial`, `software`, `last_seen` or `first_seen`; with `-` before
    /// it, backwards.
    sort: Option<String>,
    /// At most so many; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Where the last piece said that the next one begins.
    cursor: Option<String>,
    /// Only these fields of each device, and its id.
    fields: Option<String>,
    /// Only of this tenant.
    tenant: Option<String>,
}

/// Devices.
#[utoipa::path(get, path = "/devices", tag = "devices", operation_id = "list_devices", params(ListQuery),
    responses((status = 200, description = "A piece of the list", body = Page<Device>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<ListQuery>,
) -> Result<Response, Problem> {
    who.caller.need(Permission::Read)?;
    let text = query.q.filter(|text| !text.is_empty());
    if text.as_ref().is_some_and(|text| text.chars().count() > limits::SEARCH_TEXT) {
        return Err(Problem::invalid("q", format_args!("it has at most {} characters", limits::SEARCH_TEXT)));
    }
    let (sort, descending) = sort(query.sort.as_deref().unwrap_or_default())?;
    let reach = tenants::narrowed(&app, &who, query.tenant.as_deref()).await?;
    let rows = app.store().devices(
        reach,
        DeviceQuery {
            filter: filter(query.filter.as_deref())?,
            now: app.now(),
            text,
            sort,
            descending,
            page: query::page(query.limit, query.cursor.as_deref())?,
        },
    );
    let rows = rows.await?;
    let names = app.names(rows.items.iter().map(|row| row.tenant)).await?;
    let page = Page::of(rows, |row| with_name(row, &names));
    match query.fields.as_deref().filter(|fields| !fields.is_empty()) {
        None => Ok(Json(page).into_response()),
        Some(fields) => Ok(Json(only(page, fields)?).into_response()),
    }
}

/// A device as it is told.
pub(super) async fn print<S: Store>(app: &App<S>, row: Row) -> Result<Device, Problem> {
    let names = app.names([row.tenant]).await?;
    Ok(with_name(row, &names))
}

fn with_name(row: Row, names: &Names) -> Device {
    let tenant = names.of(row.tenant).unwrap_or_default();
    Device::new(row, tenant)
}

/// A filter, if there is one.
pub(super) fn filter(text: Option<&str>) -> Result<Option<Filter>, Problem> {
    let text = text.filter(|text| !text.trim().is_empty());
    Ok(text.map(Filter::parse).transpose()?)
}

fn sort(text: &str) -> Result<(DeviceSort, bool), Problem> {
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let sort = match name {
        "" | "name" => DeviceSort::Name,
        "model" => DeviceSort::Model,
        "manufacturer" => DeviceSort::Manufacturer,
        "serial" => DeviceSort::Serial,
        "software" => DeviceSort::Software,
        "last_seen" => DeviceSort::LastSeen,
        "first_seen" => DeviceSort::FirstSeen,
        _ => return Err(Problem::invalid("sort", "there is no such column to sort by")),
    };
    Ok((sort, descending))
}

/// The same page with some fields of each row.
fn only(page: Page<Device>, fields: &str) -> Result<Page<serde_json::Value>, Problem> {
    let wanted: Vec<&str> = fields.split(',').map(str::trim).collect();
    let mut items = Vec::with_capacity(page.items.len());
    for device in page.items {
        let mut row = serde_json::to_value(device).map_err(|error| Problem::internal(&error.to_string()))?;
        if let Some(row) = row.as_object_mut() {
            if let Some(unknown) = wanted.iter().find(|field| !row.contains_key(**field)) {
                return Err(Problem::invalid("fields", format_args!("there is no field {unknown:?}")));
            }
            row.retain(|field, _| field == "id" || wanted.contains(&field.as_str()));
        }
        items.push(row);
    }
    Ok(Page { items, next: page.next })
}

/// Ends the dialling of a device; it is not removed, and may connect by itself.
#[utoipa::path(delete, path = "/devices/{id}/dial", tag = "devices", operation_id = "remove_dial",
    responses((status = 204, description = "Not dialled any more")))]
async fn remove_dial<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let device = resolve(&app, &who, &id).await?;
    service::remove_dialled(app.store(), &who.caller, app.now(), &device).await?;
    app.gateway().dials_changed(device.tenant);
    Ok(StatusCode::NO_CONTENT)
}

/// Has a device dialled where it listens, and lets it in if nobody knows it.
#[utoipa::path(post, path = "/devices", tag = "devices", operation_id = "add_device", request_body = AddBody,
    responses((status = 201, description = "The device", body = Device)))]
async fn add<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<AddBody>,
) -> Result<(StatusCode, Json<Device>), Problem> {
    who.caller.need(Permission::Enrol)?;
    let AddBody { endpoint, connect, tenant } = body;
    let tenant = tenants::owner(&app, &who, tenant.as_deref()).await?;
    app.gateway().can_dial(&endpoint, &connect)?;
    let added = service::add_dialled(app.store(), &who.caller, app.stamp(), tenant, &endpoint, &connect);
    let device = tenants::told(&app, &who, &endpoint, added.await).await?;
    app.gateway().dials_changed(tenant);
    Ok((StatusCode::CREATED, Json(print(&app, device).await?)))
}

/// One device, by id, unique beginning of an id, endpoint id, serial or name.
#[utoipa::path(get, path = "/devices/{id}", tag = "devices", operation_id = "get_device",
    responses((status = 200, description = "The device", body = Device)))]
async fn one<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<Json<Device>, Problem> {
    who.caller.need(Permission::Read)?;
    let device = resolve(&app, &who, &id).await?;
    Ok(Json(print(&app, device).await?))
}

/// Changes a device's name or tags, or gives it to another tenant.
#[utoipa::path(patch, path = "/devices/{id}", tag = "devices", operation_id = "change_device",
    request_body = PatchBody,
    responses((status = 200, description = "The device as it is now", body = Device)))]
async fn change<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    Body(body): Body<PatchBody>,
) -> Result<Json<Device>, Problem> {
    who.caller.need(Permission::ManageDevices)?;
    let mut device = resolve(&app, &who, &id).await?;
    // Before it goes anywhere: a request is carried out whole, or not at all.
    service::check_patch(body.name.as_deref(), body.tags.as_ref())?;
    if let Some(name) = &body.tenant {
        who.caller.reach.need_platform()?;
        let to = service::tenant_named(app.store(), &who.caller, Some(name)).await?;
        let to = to.filter(|to| to.id != device.tenant);
        if let Some(to) = to {
            device = service::move_device(app.store(), &who.caller, app.now(), &device, &to).await?;
            app.gateway().moved(device.id);
        }
    }
    if body.tenant.is_none() || body.name.is_some() || body.tags.is_some() {
        let changed =
            service::patch_device(app.store(), &who.caller, app.now(), &device, body.name, body.tags);
        device = changed.await?;
    }
    Ok(Json(print(&app, device).await?))
}

/// Removes a device and all that is known of it. Only by its id.
#[utoipa::path(delete, path = "/devices/{id}", tag = "devices", operation_id = "remove_device",
    responses((status = 204, description = "Removed")))]
async fn forget<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::ManageDevices)?;
    let device: DeviceId = id.parse().map_err(|_| Problem::not_found("device"))?;
    let device = app.store().device(who.caller.reach, device).await?;
    let device = device.ok_or_else(|| Problem::not_found("device"))?;
    service::forget_device(app.store(), &who.caller, app.now(), &device).await?;
    app.gateway().forgotten(device.tenant, device.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Which part of the last known tree.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ValuesQuery {
    /// An object (ending in a dot) or a parameter; everything if absent.
    path: Option<String>,
    /// Levels below the path; 0 or absent for all.
    depth: Option<usize>,
    /// At most so many; 50 if absent, 500 at most.
    limit: Option<usize>,
    /// Where the last piece said that the next one begins.
    cursor: Option<String>,
}

/// The last known values of a device, in the order of paths.
#[utoipa::path(get, path = "/devices/{id}/params", tag = "devices", operation_id = "list_params",
    params(ValuesQuery),
    responses((status = 200, description = "A piece of the tree", body = TwinPage)))]
async fn values<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    Params(query): Params<ValuesQuery>,
) -> Result<Json<TwinPage>, Problem> {
    who.caller.need(Permission::Read)?;
    let prefix = query.path.unwrap_or_default();
    check_place(&prefix)?;
    let page = query::page(query.limit, query.cursor.as_deref())?;
    let after = page.cursor.map(|cursor| parse_place(&cursor.0)).transpose()?;
    let device = resolve(&app, &who, &id).await?;
    let tenant = device.tenant;
    let model = match device.model {
        Some(hash) => app.models().get(app.store(), app.library().models(), tenant.into(), hash).await?,
        None => None,
    };
    let twin = app.store().twin(tenant, device.id).await?;
    let rows = twin.read(&prefix, query.depth.unwrap_or(0));
    let mut rows = rows.skip_while(|(path, _)| after.as_ref().is_some_and(|after| *path <= after));
    let items: Vec<TwinItem> = rows
        .by_ref()
        .take(page.limit)
        .map(|(path, entry)| item(path.as_str(), entry, model.as_deref()))
        .collect();
    let next = rows.next().and(items.last()).map(|last| query::encode(last.path.as_bytes()));
    Ok(Json(TwinPage { items, next, truncated: twin.is_truncated() }))
}

/// Names and numbers only: the twin is looked up, not searched.
fn check_place(path: &str) -> Result<(), Problem> {
    if path.is_empty() {
        return Ok(());
    }
    let parsed = operation::parse(path)?;
    let place = matches!(parsed.target, Target::Object | Target::Param(_));
    if place && parsed.concrete_object().is_some() {
        return Ok(());
    }
    Err(Problem::invalid("path", "it is the path of one object or parameter")
        .code(Code::INVALID_PATH_SYNTAX.0))
}

/// The last path of the piece before.
fn parse_place(cursor: &[u8]) -> Result<TwinPath, Problem> {
    let path = std::str::from_utf8(cursor).ok().and_then(TwinPath::parse);
    path.ok_or_else(|| StoreError::BadCursor.into())
}

fn item(path: &str, entry: &Entry, model: Option<&Ready>) -> TwinItem {
    let param = model.and_then(|model| model.param(path));
    let known = catalogue::item(&catalogue::generalise(path));
    let secret = param.is_some_and(|param| param.secured) || known.is_some_and(|item| item.is_secret());
    let value = if secret && !entry.value.is_empty() { MASK } else { &entry.value };
    let kind = match (param, known) {
        _ if path.ends_with('.') => None,
        (Some(param), _) => Some(param.value.kind.clone()),
        (None, known) => known.map(|item| item.ty().name().to_owned()),
    };
    TwinItem {
        path: path.to_owned(),
        value: value.to_owned(),
        kind,
        writable: param.map(|param| param.access != "readOnly"),
        at: time(entry.at),
        source: entry.source.as_str().to_owned(),
    }
}

/// The connections of a device, newest first.
#[utoipa::path(get, path = "/devices/{id}/sessions", tag = "devices", operation_id = "list_sessions",
    responses((status = 200, description = "The last of them", body = Page<Session>)))]
async fn sessions<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
) -> Result<Json<Page<Session>>, Problem> {
    who.caller.need(Permission::Read)?;
    let device = resolve(&app, &who, &id).await?;
    let rows = app.store().sessions(device.tenant, device.id, limits::PAGE_DEFAULT).await?;
    Ok(Json(Page::whole(rows.into_iter().map(Session::from).collect())))
}
