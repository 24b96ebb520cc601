//! The routes: each handler parses, calls one use case, and prints.

mod audit;
mod bulk;
mod certificates;
mod connect;
mod datamodels;
mod devices;
mod enrolments;
mod events;
mod expected;
mod jobs;
mod logins;
mod models;
mod operations;
mod pending;
mod sign_in;
mod system;
mod tenants;
mod tokens;
mod trace;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, get};
use fleet::port::Store;
use http::{HeaderValue, StatusCode, Uri, header};
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::openapi::{Collected, Described};
use crate::problem::Problem;
use crate::{guard, limits, web};

/// Where the list of the internal CA's revoked certificates is, for anybody.
pub const CRL_PATH: &str = "/pki/ca.crl";

/// Everything that the HTTP listener serves: the API, the page, `/metrics`, `/healthz`, `/readyz`.
pub fn router<S: Store>(app: App<S>) -> Router {
    let (api, collected) = described::<S>().into_parts();
    let description = collected.json();
    let api = api
        .route("/openapi.json", get(move || system::description(description.clone())))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::map_response(never_cached));
    Router::new()
        .nest("/api/v1", api)
        .route("/healthz", get(system::healthy))
        .route("/readyz", get(system::ready::<S>))
        .route("/metrics", get(system::metrics::<S>))
        .route(CRL_PATH, get(system::crl::<S>))
        .fallback(web::serve)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(app)
}

/// Every described route of the API.
pub(crate) fn described<S: Store>() -> Routes<S> {
    let routes = Routes::default();
    let routes = sign_in::routes(routes);
    let routes = tokens::routes(routes);
    let routes = tenants::routes(routes);
    let routes = devices::routes(routes);
    let routes = operations::routes(routes);
    let routes = bulk::routes(routes);
    let routes = jobs::routes(routes);
    let routes = events::routes(routes);
    let routes = trace::routes(routes);
    let routes = models::routes(routes);
    let routes = datamodels::routes(routes);
    let routes = pending::routes(routes);
    let routes = enrolments::routes(routes);
    let routes = certificates::routes(routes);
    let routes = expected::routes(routes);
    let routes = logins::routes(routes);
    let routes = connect::routes(routes);
    audit::routes(routes)
}

/// Routes with their descriptions, so that neither can be had without the other.
pub(crate) struct Routes<S> {
    router: Router<App<S>>,
    collected: Collected,
}

impl<S: Store> Default for Routes<S> {
    fn default() -> Self {
        Routes { router: Router::new(), collected: Collected::default() }
    }
}

impl<S: Store> Routes<S> {
    /// A handler at the path that its description names.
    pub(crate) fn add<D: Described>(mut self, handler: MethodRouter<App<S>>) -> Self {
        self.router = self.router.route(&D::path(), handler);
        self.collected.add::<D>();
        self
    }

    /// The router, and the descriptions.
    pub(crate) fn into_parts(self) -> (Router<App<S>>, Collected) {
        (self.router, self.collected)
    }
}

async fn no_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::NOT_FOUND, "no-route").detail(format!("there is nothing at /api/v1{path}"))
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method")
}

/// Answers of the API are of the moment, and of the caller.
async fn never_cached(mut response: axum::response::Response) -> axum::response::Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
