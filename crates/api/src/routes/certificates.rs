//! Certificates that devices are proven by.

use axum::Json;
use axum::extract::State;
use axum::routing::{get, post};
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::certificate::{Certificate as Row, CertificateQuery, RevocationReason, fingerprint};
use fleet::port::{Store, StoreError, Write, Written};
use http::StatusCode;
use serde::Deserialize;

use super::Routes;
use crate::app::App;
use crate::auth::Who;
use crate::dto::certificate::{Certificate, RevokeBody};
use crate::extract::{Id, OptionalBody, Params};
use crate::problem::Problem;
use crate::query::{Page, page};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_list>(get(list::<S>)).add::<__path_revoke>(post(revoke::<S>))
}

/// Which certificates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    device: Option<String>,
    revoked: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Certificates that prove devices, or did: by device, the newest first.
#[utoipa::path(get, path = "/certificates", tag = "enrolment", operation_id = "list_certificates",
    params(
        ("device" = Option<String>, Query, description = "Of the device with this id"),
        ("revoked" = Option<bool>, Query, description = "Only those that are revoked, or only those that are not"),
        ("limit" = Option<usize>, Query, description = "At most so many rows"),
        ("cursor" = Option<String>, Query, description = "From here on"),
    ),
    responses((status = 200, description = "A piece of the list", body = Page<Certificate>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<Query>,
) -> Result<Json<Page<Certificate>>, Problem> {
    who.caller.need(Permission::Read)?;
    let device = query.device.map(|id| id.parse()).transpose()?;
    let page = page(query.limit, query.cursor.as_deref())?;
    let query = CertificateQuery { device, revoked: query.revoked, page };
    let rows = app.store().certificates(who.caller.reach, query).await?;
    let names = app.names(rows.items.iter().map(|row| row.tenant)).await?;
    let print = |row: Row| {
        let tenant = names.of(row.tenant);
        Certificate::new(row, tenant)
    };
    Ok(Json(Page::of(rows, print)))
}

/// Ends a certificate: the connection that stands on it is closed, and no other is let in by it.
#[utoipa::path(post, path = "/certificates/{fingerprint}/revoke", tag = "enrolment",
    operation_id = "revoke_certificate", request_body = Option<RevokeBody>,
    responses((status = 204, description = "It counts no more")))]
async fn revoke<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Id(id): Id,
    OptionalBody(body): OptionalBody<RevokeBody>,
) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::Enrol)?;
    let fingerprint = fingerprint(&id)?;
    let word = body.reason.unwrap_or_default();
    let reason = if word.is_empty() { RevocationReason::default() } else { RevocationReason::parse(&word)? };
    let owner = app.store().credential(fingerprint).await?.map(|(tenant, _)| tenant);
    let owner = owner.filter(|owner| who.caller.reach.covers(*owner));
    let (tenant, at) = (owner.ok_or_else(|| Problem::not_found("certificate"))?, app.now());
    let audit = AuditEntry::new(who.caller.actor.clone(), "credential.revoke", fingerprint, reason.as_str());
    let write = Write::RevokeCertificate { tenant, fingerprint, reason, at, audit };
    let Written::Device(device) = app.store().submit(write).await? else {
        return Err(StoreError::Failed("a revocation was answered with something else".to_owned()).into());
    };
    app.gateway().revoked(tenant, device.id, fingerprint).await;
    Ok(StatusCode::NO_CONTENT)
}
