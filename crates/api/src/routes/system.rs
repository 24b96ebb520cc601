//! For machines that look after the server: is it alive, is it ready, how is it doing.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fleet::access::Permission;
use fleet::port::Store;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::app::{App, Peer};
use crate::auth::Who;
use crate::problem::Problem;

/// What a proxy adds.
const FORWARDED: [HeaderName; 2] = [header::FORWARDED, HeaderName::from_static("x-forwarded-for")];

/// The process answers.
pub(super) async fn healthy() -> &'static str {
    "ok\n"
}

/// The server can do its work.
pub(super) async fn ready<S: Store>(State(app): State<App<S>>) -> Response {
    match app.gateway().ready() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready").detail(why).into_response(),
    }
}

/// Metrics, for this machine without a credential, for others with one of the platform that may read.
pub(super) async fn metrics<S: Store>(
    State(app): State<App<S>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    who: Result<Who, Problem>,
) -> Result<Response, Problem> {
    // Behind a proxy on this machine everybody has its address.
    let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(name));
    let local =
        !is_forwarded && peer.is_some_and(|Extension(Peer(address))| address.to_canonical().is_loopback());
    if !local {
        let who = who?;
        who.caller.need(Permission::Read)?;
        who.caller.reach.need_platform()?;
    }
    const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let answer = [
        (header::CONTENT_TYPE, HeaderValue::from_static(FORMAT)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((answer, app.gateway().metrics()).into_response())
}

/// The list of revoked certificates: it is signed, and says nothing but serial numbers.
pub(super) async fn crl<S: Store>(State(app): State<App<S>>) -> Response {
    let content_type = HeaderValue::from_static("application/pkix-crl");
    match app.gateway().crl().await {
        Ok(list) => ([(header::CONTENT_TYPE, content_type)], list).into_response(),
        Err(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-crl").detail(why).into_response(),
    }
}

/// The description of the API.
pub(super) async fn description(json: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
}
