//! Signing in and out, and one's own password.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use fleet::TenantId;
use fleet::access::{Login, SecretHash, User};
use fleet::audit::AuditEntry;
use fleet::job::Actor;
use fleet::port::{Store, Write, Written};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::Routes;
use crate::app::{App, Peer};
use crate::auth::{Credential, Key, Secret, Who, check_rules, cleared_cookie, login_cookie};
use crate::dto::access::{LoginBody, Me, PasswordBody};
use crate::extract::Body;
use crate::limits;
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes
        .add::<__path_login>(post(login::<S>))
        .add::<__path_logout>(post(logout::<S>))
        .add::<__path_password>(post(password::<S>))
        .add::<__path_me>(get(me))
}

/// Signs in, and sets the session cookie.
#[utoipa::path(post, path = "/auth/login", tag = "access", request_body = LoginBody, security(()),
    responses((status = 200, description = "Signed in", body = Me)))]
async fn login<S: Store>(
    State(app): State<App<S>>,
    peer: Option<Extension<Peer>>,
    Body(body): Body<LoginBody>,
) -> Result<Response, Problem> {
    let peer = peer.map(|Extension(peer)| peer);
    let user = match body {
        LoginBody { user: Some(user), password: Some(password), link: None } => {
            by_password(&app, peer, &user, password).await?
        }
        LoginBody { user: None, password: None, link: Some(link) } => by_link(&app, peer, &link).await?,
        _ => return Err(Problem::invalid("body", "it holds `user` and `password`, or `link`")),
    };
    let tenant = TenantId::PLATFORM;
    let (secret, now) = (Secret::mint(""), app.now());
    let login =
        Login { hash: secret.hash(), user: user.id, created: now, expires: now + limits::LOGIN_LIFETIME };
    let cookie = login_cookie(&secret, now, login.expires, app.settings().tls);
    let from = peer.map(|Peer(address)| address.to_string()).unwrap_or_default();
    let audit = AuditEntry::new(Actor::user(&user.name), "login", &user.name, from);
    app.store().submit(Write::PutLogin { tenant, login, audit }).await?;
    let me = Me::from(&Who::signed_in(secret.hash(), user));
    Ok((with_cookie(cookie), Json(me)).into_response())
}

async fn by_password<S: Store>(
    app: &App<S>,
    peer: Option<Peer>,
    name: &str,
    password: String,
) -> Result<User, Problem> {
    let wrong = || Problem::unauthorised("the name or the password is wrong");
    if name.chars().count() > limits::NAME || password.len() > limits::PASSWORD_MAX {
        return Err(wrong());
    }
    let keys = [Key::of(peer), Key::User(name.to_owned())];
    attempt(app, &keys)?;
    let user = app.store().user(TenantId::PLATFORM, name).await?.filter(|user| !user.disabled);
    let known = user.as_ref().and_then(|user| user.password.clone());
    let right = app.passwords().verify(password, known).await?;
    let Some(user) = user.filter(|_| right) else {
        tracing::warn!(user = name, peer = ?peer, "sign-in refused");
        return Err(wrong());
    };
    app.throttle().forgive(&keys);
    Ok(user)
}

async fn by_link<S: Store>(app: &App<S>, peer: Option<Peer>, link: &str) -> Result<User, Problem> {
    let keys = [Key::of(peer)];
    attempt(app, &keys)?;
    let used = Write::UseLink { tenant: TenantId::PLATFORM, hash: SecretHash::of(link), at: app.now() };
    let gone = || Problem::unauthorised("the link has been used or has expired");
    match app.store().submit(used).await {
        Ok(Written::User(user)) if !user.disabled => {
            app.throttle().forgive(&keys);
            Ok(*user)
        }
        Ok(_) | Err(fleet::port::StoreError::NotFound(_)) => Err(gone()),
        Err(error) => Err(error.into()),
    }
}

fn attempt<S: Store>(app: &App<S>, keys: &[Key]) -> Result<(), Problem> {
    app.throttle().take(keys, app.now()).map_err(|seconds| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts")
            .detail("too many attempts to sign in")
            .retry_after(seconds)
    })
}

/// Sets one's password, and ends one's other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "access", request_body = PasswordBody,
    responses((status = 204, description = "Set")))]
async fn password<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Problem> {
    let (Some(person), Credential::Cookie(keep)) = (&who.user, who.credential) else {
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden").detail("only people have a password"));
    };
    check_rules(&person.name, &body.password)?;
    let tenant = TenantId::PLATFORM;
    let known = app.store().user_by_id(tenant, person.id).await?.and_then(|user| user.password);
    if let Some(known) = known {
        let keys = [Key::User(person.name.clone())];
        attempt(&app, &keys)?;
        let current = body.current.unwrap_or_default();
        if current.len() > limits::PASSWORD_MAX || !app.passwords().verify(current, Some(known)).await? {
            return Err(
                Problem::new(StatusCode::FORBIDDEN, "wrong-password").detail("the current password is wrong")
            );
        }
        app.throttle().forgive(&keys);
    }
    let password = app.passwords().hash(body.password).await?;
    let audit = AuditEntry::new(who.caller.actor.clone(), "user.password", &person.name, "");
    let (user, at) = (person.id, app.now());
    app.store().submit(Write::SetPassword { tenant, user, password, keep: Some(keep), at, audit }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session, and takes the cookie away.
#[utoipa::path(post, path = "/auth/logout", tag = "access",
    responses((status = 204, description = "Signed out")))]
async fn logout<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Response, Problem> {
    let Credential::Cookie(hash) = who.credential else {
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden").detail("a token does not sign out"));
    };
    app.store().submit(Write::EndLogin { tenant: TenantId::PLATFORM, hash }).await?;
    Ok((StatusCode::NO_CONTENT, with_cookie(cleared_cookie(app.settings().tls))).into_response())
}

/// Who is asking.
#[utoipa::path(get, path = "/me", tag = "access",
    responses((status = 200, description = "Who is asking", body = Me)))]
async fn me(who: Who) -> Json<Me> {
    Json(Me::from(&who))
}

fn with_cookie(cookie: HeaderValue) -> [(HeaderName, HeaderValue); 1] {
    [(header::SET_COOKIE, cookie)]
}
