//! User names and passwords of devices.

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use fleet::device::Identity;
use fleet::enrolment::Admission;
use fleet::port::Store;

use super::{Routes, tenants};
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
    let DeviceLoginBody { endpoint, name, tenant } = body;
    let known = match &tenant {
        Some(_) => None,
        None => app.store().admission(&Identity::usp(&endpoint)).await?,
    };
    let tenant = match known {
        Some((owner, Admission::Device { .. })) if who.caller.reach.covers(owner) => owner,
        _ => tenants::owner(&app, &who, tenant.as_deref()).await?,
    };
    let made = auth::create_login(app.store(), &who.caller, app.stamp(), tenant, endpoint.clone(), name);
    let made = tenants::told(&app, &who, &endpoint, made.await).await?;
    app.gateway().given_login(tenant, made.device.id, &made.endpoint);
    Ok(Json(made.into()))
}
