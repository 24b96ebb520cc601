//! User names and passwords of devices.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::NewLogin;

/// Gives a device a login.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceLoginBody {
    /// Its endpoint id.
    pub endpoint: String,
    /// What to call it, if nobody knows it yet; its endpoint id otherwise.
    pub name: Option<String>,
    /// Whose it will be, if nobody knows it yet; the caller's own tenant, or the default one, if absent.
    pub tenant: Option<String>,
}

/// A login that was made.
#[derive(Serialize, ToSchema)]
pub struct CreatedDeviceLogin {
    /// The id of the device.
    pub device: String,
    /// Its user name: its endpoint id.
    pub username: String,
    /// Its password, which nobody can read again.
    pub password: String,
    /// By what it is listed and revoked among the certificates.
    pub fingerprint: String,
}

impl From<NewLogin> for CreatedDeviceLogin {
    fn from(made: NewLogin) -> CreatedDeviceLogin {
        CreatedDeviceLogin {
            device: made.device.id.to_string(),
            username: made.endpoint,
            password: made.password.expose().to_owned(),
            fingerprint: made.proof.to_string(),
        }
    }
}
