//! Logins of devices.

use fleet::access::{Caller, Permission};
use fleet::audit::AuditEntry;
use fleet::device::Device;
use fleet::ids::{DeviceId, Fingerprint, Stamp, TenantId};
use fleet::login::{PutLogin, proof};
use fleet::port::{Store, StoreError, Write, Written};
use fleet::{Error, limits, service};

use super::Secret;

/// A login in the only moment when its password is known.
pub struct NewLogin {
    /// Whose.
    pub device: Device,
    /// Its user name.
    pub endpoint: String,
    /// Its password.
    pub password: Secret,
    /// What is stored in the place of the two.
    pub proof: Fingerprint,
}

/// Gives a device of a tenant a login, and lets it in if nobody knew it.
///
/// # Errors
/// When the caller may not, the endpoint id is none, or the store fails.
pub async fn create_login<S: Store>(
    store: &S,
    caller: &Caller,
    stamp: Stamp,
    tenant: TenantId,
    endpoint: String,
    name: Option<String>,
) -> Result<NewLogin, Error> {
    caller.need(Permission::Enrol)?;
    if endpoint.is_empty() || endpoint.len() > limits::ENDPOINT {
        let why = format!("it has 1 to {} bytes", limits::ENDPOINT);
        return Err(Error::Invalid { field: "endpoint", why });
    }
    if let Some(name) = &name {
        service::check_name(name)?;
    }
    let password = Secret::mint("");
    let proof = proof(&endpoint, password.expose().as_bytes());
    let put = PutLogin {
        tenant,
        endpoint: endpoint.clone(),
        proof,
        device: DeviceId::make(stamp),
        name,
        at: stamp.at,
        audit: AuditEntry::new(caller.actor.clone(), "login.create", &endpoint, proof.to_string()),
    };
    match store.submit(Write::PutDeviceLogin(put)).await? {
        Written::Device(device) => Ok(NewLogin { device: *device, endpoint, password, proof }),
        _ => Err(StoreError::Failed("a login was answered with something else".to_owned()).into()),
    }
}
