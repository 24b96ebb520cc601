//! The caller of a request: found by cookie or token, or the request ends with 401.

use axum::extract::FromRequestParts;
use dm::UtcTime;
use fleet::access::{Caller, SecretHash, User};
use fleet::ids::UserId;
use fleet::job::Actor;
use fleet::port::Store;
use fleet::{Reach, TenantId};
use http::request::Parts;
use http::{Method, StatusCode, header};
use subtle::ConstantTimeEq;

use super::cookie;
use crate::app::{App, Recognised};
use crate::extract;
use crate::problem::Problem;

/// What a request showed, as its hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Credential {
    /// A browser's cookie.
    Cookie(SecretHash),
    /// A program's token.
    Token(SecretHash),
}

/// Who is asking.
pub(crate) struct Who {
    /// For the use cases.
    pub(crate) caller: Caller,
    /// What was shown.
    pub(crate) credential: Credential,
    /// The person, if it is one.
    pub(crate) user: Option<Person>,
    /// What the tenant is called that they belong to; `None` for the platform.
    pub(crate) tenant: Option<String>,
}

/// A signed-in person.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) password_needed: bool,
}

impl Credential {
    fn of(parts: &Parts) -> Result<Self, Problem> {
        if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|text| {
                let (scheme, token) = text.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
            });
            return match token {
                Some(token) if !token.is_empty() => Ok(Credential::Token(SecretHash::of(token))),
                _ => Err(Problem::unauthorised("the Authorization header is not `Bearer <token>`")),
            };
        }
        match cookie::of(&parts.headers) {
            Some(cookie) => Ok(Credential::Cookie(SecretHash::of(cookie))),
            None => Err(Problem::unauthorised("sign in, or send a token")),
        }
    }

    /// Whoever this belongs to, as of now.
    pub(crate) async fn identify<S: Store>(self, app: &App<S>) -> Result<Who, Problem> {
        let now = app.now();
        match self {
            Credential::Cookie(hash) => {
                let found = app.store().login(TenantId::PLATFORM, hash, now).await?;
                let found = found
                    .filter(|(login, user)| same(login.hash, hash) && login.expires > now && !user.disabled);
                let (_, user) = found.ok_or_else(|| Problem::unauthorised("the session has ended"))?;
                Ok(Who::person(self, user))
            }
            Credential::Token(hash) => {
                let found = app.store().token(hash, now).await?;
                let found = found.filter(|(_, token)| same(token.hash, hash) && is_after(token.expires, now));
                let (owner, token) =
                    found.ok_or_else(|| Problem::unauthorised("the token is unknown or expired"))?;
                let tenant = match Reach::from(owner) {
                    Reach::Platform => None,
                    Reach::Tenant(_) => Some(app.names([owner]).await?.name(owner)?.clone()),
                };
                let actor = match &tenant {
                    Some(tenant) => Actor::tenant_token(tenant, &token.name),
                    None => Actor::token(&token.name),
                };
                Ok(Who {
                    caller: Caller { reach: owner.into(), actor, roles: vec![token.role] },
                    credential: self,
                    user: None,
                    tenant: tenant.map(|name| name.to_string()),
                })
            }
        }
    }
}

impl Who {
    /// People are the platform's.
    pub(super) fn person(credential: Credential, user: User) -> Self {
        let caller = Caller { reach: Reach::Platform, actor: Actor::user(&user.name), roles: user.roles };
        let password_needed = user.password.is_none();
        let user = Some(Person { id: user.id, name: user.name, password_needed });
        Who { caller, credential, user, tenant: None }
    }

    /// Who a link or password has just signed in.
    pub(crate) fn signed_in(hash: SecretHash, user: User) -> Self {
        Who::person(Credential::Cookie(hash), user)
    }
}

impl<S: Store> FromRequestParts<App<S>> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App<S>) -> Result<Self, Problem> {
        let credential = Credential::of(parts)?;
        let who = credential.identify(app).await?;
        if let Some(recognised) = parts.extensions.get::<Recognised>() {
            recognised.set();
        }
        if matches!(credential, Credential::Cookie(_)) && changes_state(&parts.method) {
            // Browsers send cookies by themselves; no other site can make them send this header.
            if extract::text(&parts.headers, "x-cusp-request") != Some("1") {
                return Err(Problem::new(StatusCode::FORBIDDEN, "csrf").detail(
                    "a request that changes something and carries a cookie needs `X-Cusp-Request: 1`",
                ));
            }
        }
        Ok(who)
    }
}

/// Whether a request of this method changes something.
pub(crate) fn changes_state(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The store looks secrets up by their hash; this only guards against one that compares loosely.
fn same(stored: SecretHash, shown: SecretHash) -> bool {
    stored.0.ct_eq(&shown.0).into()
}

fn is_after(expires: Option<UtcTime>, now: UtcTime) -> bool {
    expires.is_none_or(|expires| expires > now)
}
