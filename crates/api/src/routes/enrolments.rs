//! One-time tokens that let devices in.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get, post};
use fleet::EnrolmentId;
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::port::{Store, Write};
use http::StatusCode;

use super::{Routes, tenants};
use crate::app::App;
use crate::auth::{self, NewEnrolment, Who};
use crate::dto::enrolment::{CreatedEnrolment, Enrolment, EnrolmentBody};
use crate::duration;
use crate::extract::{Body, Id, Params};
use crate::problem::Problem;
use crate::query::{Page, PageQuery, page};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_create>(post(create::<S>))
        .add::<__path_revoke>(delete(revoke::<S>))
}

/// Enrolment tokens that still let someone in, newest first, without their secrets.
#[utoipa::path(get, path = "/enrolments", tag = "enrolment", operation_id = "list_enrolments",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, description = "A piece of the list", body = Page<Enrolment>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<Enrolment>>, Problem> {
    who.caller.need(Permission::Enrol)?;
    let page = page(query.limit, query.cursor.as_deref())?;
    let rows = app.store().enrolment_tokens(who.caller.reach, app.now(), page).await?;
    let names = app.names(rows.items.iter().map(|(tenant, _)| *tenant)).await?;
    Ok(Json(Page::of(rows, |(tenant, row)| Enrolment::new(row, names.of(tenant)))))
}

/// Makes an enrolment token; its secret is told this once.
#[utoipa::path(post, path = "/enrolments", tag = "enrolment", operation_id = "create_enrolment",
    request_body = EnrolmentBody,
    responses((status = 200, description = "Made", body = CreatedEnrolment)))]
async fn create<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<EnrolmentBody>,
) -> Result<Json<CreatedEnrolment>, Problem> {
    let lifetime = duration::parse(&body.ttl);
    let new = NewEnrolment {
        name: body.name.unwrap_or_default(),
        lifetime: lifetime.ok_or_else(|| Problem::invalid("ttl", "a duration such as `1h`"))?,
        uses: body.uses.unwrap_or(1),
        group: body.group,
        endpoint: body.endpoint,
    };
    let tenant = tenants::owner(&app, &who, body.tenant.as_deref()).await?;
    let minted = auth::create_enrolment(app.store(), &who.caller, app.stamp(), tenant, new).await?;
    Ok(Json(minted.into()))
}

/// Ends an enrolment token.
#[utoipa::path(delete, path = "/enrolments/{id}", tag = "enrolment", operation_id = "revoke_enrolment",
    responses((status = 204, description = "Ended")))]
async fn revoke<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::Enrol)?;
    let token: EnrolmentId = id.parse().map_err(|_| Problem::not_found("enrolment token"))?;
    let audit = AuditEntry::new(who.caller.actor.clone(), "enrolment.revoke", token, "");
    let reach = who.caller.reach;
    app.store().submit(Write::RevokeEnrolmentToken { reach, token, at: app.now(), audit }).await?;
    Ok(StatusCode::NO_CONTENT)
}
