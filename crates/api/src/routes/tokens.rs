//! API tokens.

use axum::Json;
use axum::extract::State;
use axum::routing::{delete, get};
use fleet::TokenId;
use fleet::access::Permission;
use fleet::audit::AuditEntry;
use fleet::port::{Store, Write};
use http::StatusCode;

use super::{Routes, tenants};
use crate::app::App;
use crate::auth::{self, Who};
use crate::dto::access::{CreatedToken, TokenBody, TokenInfo, role};
use crate::duration;
use crate::extract::{Body, Id, Params};
use crate::problem::Problem;
use crate::query::{Page, PageQuery, page};

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_list>(get(list::<S>))
        .add::<__path_create>(axum::routing::post(create::<S>))
        .add::<__path_revoke>(delete(revoke::<S>))
}

/// API tokens, newest first, without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "access", operation_id = "list_tokens",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, description = "A piece of the list", body = Page<TokenInfo>)))]
async fn list<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<TokenInfo>>, Problem> {
    who.caller.need(Permission::ManageAccess)?;
    let page = page(query.limit, query.cursor.as_deref())?;
    let rows = app.store().tokens(who.caller.reach, page).await?;
    let names = app.names(rows.items.iter().map(|(tenant, _)| *tenant)).await?;
    Ok(Json(Page::of(rows, |(tenant, token)| TokenInfo::new(token, names.of(tenant)))))
}

/// Makes an API token; its secret is told this once.
#[utoipa::path(post, path = "/tokens", tag = "access", operation_id = "create_token",
    request_body = TokenBody,
    responses((status = 200, description = "Made", body = CreatedToken)))]
async fn create<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<TokenBody>,
) -> Result<Json<CreatedToken>, Problem> {
    let lifetime = match &body.expires_in {
        Some(text) => {
            Some(duration::parse(text).ok_or_else(|| Problem::invalid("expires_in", "such as `30d`"))?)
        }
        None => None,
    };
    let role = role(&body.role)?;
    let reach = tenants::narrowed(&app, &who, body.tenant.as_deref()).await?;
    let minted = auth::create_token(app.store(), &who.caller, app.stamp(), reach, &body.name, role, lifetime);
    let minted = minted.await?;
    let names = app.names([reach.home()]).await?;
    Ok(Json(CreatedToken::new(minted, names.of(reach.home()))))
}

/// Ends an API token.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "access", operation_id = "revoke_token",
    responses((status = 204, description = "Ended")))]
async fn revoke<S: Store>(State(app): State<App<S>>, who: Who, Id(id): Id) -> Result<StatusCode, Problem> {
    who.caller.need(Permission::ManageAccess)?;
    let token: TokenId = id.parse().map_err(|_| Problem::not_found("token"))?;
    let audit = AuditEntry::new(who.caller.actor.clone(), "token.revoke", token, "");
    let reach = who.caller.reach;
    app.store().submit(Write::RevokeToken { reach, token, at: app.now(), audit }).await?;
    Ok(StatusCode::NO_CONTENT)
}
