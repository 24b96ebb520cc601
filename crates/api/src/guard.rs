//! Around every request: headers that keep browsers safe, a net under panics, a line in the log; and what changes
//! something is done to its end.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::sync::watch;

use crate::auth::changes_state;
use crate::problem::Problem;

/// Scripts and styles come from here, as files; nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// Runs the rest, caught.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The route, not the path: paths hold names of devices.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let answer = if changes_state(&method) {
        to_the_end(request, next).await
    } else {
        AssertUnwindSafe(next.run(request)).catch_unwind().await.ok()
    };
    let mut response =
        answer.unwrap_or_else(|| Problem::internal("a request handler panicked").into_response());
    secure(response.headers_mut());
    let status = response.status().as_u16();
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%method, route, status, elapsed_ms = millis, "request");
    response
}

/// Does what is asked for even if whoever asked hangs up meanwhile: what is stored by then has still to be told to
/// those whom it concerns, to a device's lane or to the connection of a certificate that was revoked. `None` if it
/// panicked.
async fn to_the_end(mut request: Request, next: Next) -> Option<Response> {
    let (here, asker) = watch::channel(());
    request.extensions_mut().insert(Asker(Some(asker)));
    let answer = tokio::spawn(next.run(request)).await.ok();
    drop(here);
    answer
}

/// Whoever asked for a change.
#[derive(Clone, Default)]
pub(crate) struct Asker(Option<watch::Receiver<()>>);

impl Asker {
    /// Resolves when nobody wants the answer any more.
    pub(crate) async fn gone(self) {
        match self.0 {
            Some(mut here) => while here.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Asker>().cloned().unwrap_or_default())
    }
}

fn secure(headers: &mut HeaderMap) {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::post;
    use tokio::sync::mpsc;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn what_changes_something_goes_on_when_the_asker_is_gone_and_can_tell() {
        let (done, mut ended) = mpsc::unbounded_channel();
        let handler = move |asker: Asker| async move {
            asker.gone().await;
            done.send("done").expect("the test waits");
        };
        let router = Router::new().route("/", post(handler)).layer(axum::middleware::from_fn(guard));
        let asked = router.oneshot(Request::post("/").body(Body::empty()).expect("a request"));
        tokio::select! {
            biased;
            _ = asked => panic!("it is not answered while somebody waits"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(ended.recv().await, Some("done"));
    }
}
