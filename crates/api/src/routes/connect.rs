//! What a device needs to connect here.

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use fleet::access::Permission;
use fleet::port::Store;

use super::Routes;
use crate::app::App;
use crate::auth::Who;
use crate::gateway::ConnectInfo;
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_info>(get(info::<S>))
}

/// What a device needs to connect here. It holds no secret; a token is made by `POST /enrolments`.
#[utoipa::path(get, path = "/connect", tag = "enrolment", operation_id = "get_connect",
    responses((status = 200, description = "Ready to paste", body = ConnectInfo)))]
async fn info<S: Store>(State(app): State<App<S>>, who: Who) -> Result<Json<ConnectInfo>, Problem> {
    who.caller.need(Permission::Read)?;
    Ok(Json(app.gateway().connect()))
}
