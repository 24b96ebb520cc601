//! User names and passwords of devices.

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use fleet::port::Store;

use super::Routes;
use crate::app::App;
use crate::auth::{self, Who};
use crate::dto::login::{CreatedDeviceLogin, DeviceLoginBody};
use crate::extract::Body;
use crate::problem::Problem;

pub(super) fn routes<S: Store>(routes: Routes<S>) -> Routes<S> {
    routes.add::<__path_create>(post(create::<S>))
}

/// Gives a device a user name and a password for the server's own MQTT broker; the password is told this once. A device
/// that nobody knew is let in by that. What it had before counts no more, and from now on it may not come without.
#[utoipa::path(post, path = "/logins", tag = "enrolment", operation_id = "create_login", request_body = DeviceLoginBody,
    responses((status = 200, description = "Made", body = CreatedDeviceLogin)))]
async fn create<S: Store>(
    State(app): State<App<S>>,
    who: Who,
    Body(body): Body<DeviceLoginBody>,
) -> Result<Json<CreatedDeviceLogin>, Problem> {
    app.gateway().can_log_in(&body.endpoint)?;
    let made = auth::create_login(app.store(), &who.caller, app.stamp(), body.endpoint, body.name).await?;
    app.gateway().given_login(who.caller.tenant, made.device.id, &made.endpoint);
    Ok(Json(made.into()))
}
