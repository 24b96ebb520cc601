//! Devices that are expected: let in at first contact without a person.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post};
use fleet::access::{EnrolmentToken, Permission, SecretHash};
use fleet::audit::AuditEntry;
use fleet::enrolment::{ExpectedDevice, ExpectedKind};
use fleet::port::{PutExpected, Store, StoreError, Write, Written};
use fleet::{EnrolmentId, limits as bounds, service};
use http::StatusCode;

use super::{Routes, tenants};
use crate::app::App;
use crate::auth::Who;
use crate::dto::expected::{ExpectBody, Expected, ExpectedBody, ExpectedCount};
use crate::extract::{Body, Id, Params};
use crate::problem::Problem;
use crate::query::{Page, PageQuery, page};
use crate::{duration, limits};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_expect>(post(expect::<S>))
        .add::<__path_remove>(delete(remove::<S>))
}

/// Devices that are expected and have not come yet.
#[utoipa::path(get, path = "/expected", tag = "enrolment", operation_id = "list_expected",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many rows"),
        ("cursor" = Option<String>, Query, description = "From here on"),
    ),
    responses((status = 200, description = "A piece of the list", body = Page<Expected>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<Expected>>, Problem> {
    who.caller.need(Permission::Read)?;
    let page = page(query.limit, query.cursor.as_deref())?;
    let rows = app.store().expected_devices(who.caller.reach, page).await?;
    let names = app.names(rows.items.iter().map(|(tenant, _)| *tenant)).await?;
    Ok(Json(Page::of(rows, |(tenant, row)| Expected::new(row, names.of(tenant)))))
}

/// Expects devices: each is let in at first contact if a trusted CA vouches for its endpoint id, or by its
/// token.
#[utoipa::path(post, path = "/expected", tag = "enrolment", operation_id = "expect_devices",
    request_body = ExpectBody,
    responses((status = 200, description = "They are expected", body = ExpectedCount)))]
async fn expect<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<ExpectBody>,
) -> Result<Json<ExpectedCount>, Problem> {
    who.caller.need(Permission::Enrol)?;
    if body.devices.is_empty() || body.devices.len() > bounds::EXPECTED_AT_ONCE {
        return Err(Problem::invalid("devices", "there are 1 to 1000 at a time"));
    }
    let lifetime = match &body.ttl {
        Some(ttl) => duration::parse(ttl).filter(|ttl| !ttl.is_zero() && *ttl <= limits::ENROLMENT_LIFETIME),
        None => Some(limits::ENROLMENT_LIFETIME),
    };
    let lifetime = lifetime.ok_or_else(|| Problem::invalid("ttl", "it is between 1s and 30d"))?;
    let at = app.now();
    let (mut devices, mut tokens) = (Vec::new(), Vec::new());
    for row in body.devices {
        if let Some(token) = &row.token {
            tokens.push(EnrolmentToken {
                id: EnrolmentId::make(app.stamp()),
                name: String::new(),
                hash: SecretHash::of(good_token(token)?),
                uses_left: 1,
                group: row.group.clone(),
                endpoint: Some(row.endpoint.clone().ok_or_else(|| {
                    Problem::invalid("token", "it goes with an endpoint id, not with a serial number")
                })?),
                created: at,
                expires: at + lifetime,
            });
        }
        devices.push(device(row, at)?);
    }
    let tenant = tenants::owner(&app, &who, body.tenant.as_deref()).await?;
    let target = match devices.as_slice() {
        [one] => one.value.clone(),
        several => format!("{} devices", several.len()),
    };
    let detail = format!("{} device(s), {} token(s)", devices.len(), tokens.len());
    let audit = AuditEntry::new(who.caller.actor.clone(), "enrolment.expect", "devices", detail);
    let put = PutExpected { tenant, devices, tokens, at, audit };
    let taken = app.store().submit(Write::PutExpected(put)).await;
    match tenants::told(&app, &who, &target, taken.map_err(fleet::Error::from)).await? {
        Written::Count(expected) => Ok(Json(ExpectedCount { expected })),
        _ => Err(StoreError::Failed("a list was answered with something else".to_owned()).into()),
    }
}

/// Expects a device no more; a token that it was given is ended by itself.
#[utoipa::path(delete, path = "/expected/{id}", tag = "enrolment", operation_id = "unexpect_device",
    responses((status = 204, description = "It is not expected")))]
async fn remove<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::Enrol)?;
    let audit = AuditEntry::new(who.caller.actor.clone(), "enrolment.unexpect", &id, "");
    let reach = who.caller.reach;
    app.store().submit(Write::RemoveExpected { reach, value: id, at: app.now(), audit }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret of others' making is kept as a plain hash: it must be one that can't be guessed.
fn good_token(token: &str) -> Result<&str, Problem> {
    let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
    if printable && (20..=128).contains(&token.len()) {
        return Ok(token);
    }
    Err(Problem::invalid("token", "it has 20 to 128 printable characters"))
}

fn device(row: ExpectedBody, at: dm::UtcTime) -> Result<ExpectedDevice, Problem> {
    let (kind, value) = match (row.endpoint, row.serial) {
        (Some(endpoint), None) => (ExpectedKind::Endpoint, endpoint),
        (None, Some(serial)) => (ExpectedKind::Serial, serial),
        _ => return Err(Problem::invalid("devices", "each has an endpoint id or a serial number")),
    };
    let plain = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    if !plain(&value) || value.len() > bounds::ENDPOINT {
        return Err(Problem::invalid(kind.as_str(), "it has 1 to 512 bytes, none of them blank"));
    }
    if let Some(group) = &row.group {
        service::check_tag("group", group)?;
    }
    let name =
        row.name.map(|name| name.chars().filter(|c| !c.is_control()).take(bounds::DEVICE_NAME).collect());
    Ok(ExpectedDevice { kind, value, name, group: row.group, at })
}
