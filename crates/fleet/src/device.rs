//! A managed device: what is known of it without asking, the names it goes by, and what proves it.

use std::collections::BTreeSet;
use std::fmt;

use dm::UtcTime;

use crate::Error;
use crate::ids::{DeviceId, Epoch, Fingerprint, ModelHash, Seq, TenantId};
use crate::limits;

/// One device as lists and pages show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Stable and internal.
    pub id: DeviceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it; starts as the endpoint's text.
    pub name: String,
    /// Labels.
    pub tags: BTreeSet<String>,
    /// Every name that it goes by on a wire.
    pub identities: Vec<Identity>,
    /// What it told about itself.
    pub facts: Facts,
    /// Whether it has a session now.
    pub online: bool,
    /// Whether the present or last session was proven by a certificate.
    pub proven: bool,
    /// Network address of the present or last session; empty if there was none.
    pub address: String,
    /// When it was last heard.
    pub last_seen: Option<UtcTime>,
    /// When it was first let in.
    pub first_seen: UtcTime,
    /// Whether onboarding has been completed.
    pub onboarded: bool,
    /// Its supported model.
    pub model: Option<ModelHash>,
    /// The event since which the supported model may be another one; `None` once it has been asked for since.
    pub model_doubt: Option<Seq>,
    /// The epoch of the present or last session.
    pub epoch: Epoch,
    /// The URL at which the server dials it, if it does.
    pub dial: Option<String>,
}

impl Device {
    /// The ids that the device goes by under USP.
    pub fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.identities
            .iter()
            .filter(|one| one.kind == IdentityKind::UspEndpoint)
            .map(|one| one.value.as_str())
    }

    /// `usp` or `cwmp`, by its first identity.
    pub fn protocol(&self) -> &'static str {
        match self.identities.first().map(|one| one.kind) {
            Some(IdentityKind::Cwmp) => "cwmp",
            Some(IdentityKind::UspEndpoint) | None => "usp",
        }
    }
}

/// What a device tells about itself; empty where it has not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// Manufacturer.
    pub manufacturer: String,
    /// Model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Software version.
    pub software: String,
    /// Hardware version.
    pub hardware: String,
    /// Manufacturer's OUI, six hexadecimal digits.
    pub oui: String,
    /// Product class.
    pub product_class: String,
}

/// Facts that were learnt just now; `None` leaves the old one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FactsUpdate {
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Software version.
    pub software: Option<String>,
    /// Hardware version.
    pub hardware: Option<String>,
    /// Manufacturer's OUI.
    pub oui: Option<String>,
    /// Product class.
    pub product_class: Option<String>,
}

impl FactsUpdate {
    /// Takes what `Device.DeviceInfo.` says (full parameter paths and values); anything else is ignored.
    pub fn from_params<'a>(params: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut update = FactsUpdate::default();
        for (path, value) in params {
            let Some(name) = path.strip_prefix("Device.DeviceInfo.") else { continue };
            let slot = match name {
                "Manufacturer" => &mut update.manufacturer,
                "ModelName" => &mut update.model,
                "SerialNumber" => &mut update.serial,
                "SoftwareVersion" => &mut update.software,
                "HardwareVersion" => &mut update.hardware,
                "ManufacturerOUI" => &mut update.oui,
                "ProductClass" => &mut update.product_class,
                _ => continue,
            };
            *slot = Some(value.chars().take(limits::DEVICE_FIELD).collect());
        }
        update
    }

    /// Whether nothing was learnt.
    pub fn is_empty(&self) -> bool {
        *self == FactsUpdate::default()
    }
}

/// By which scheme an identity names a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum IdentityKind {
    /// A USP endpoint id, compared byte by byte.
    UspEndpoint,
    /// CWMP's OUI, product class and serial number, as `OUI-ProductClass-Serial` with `-` and `%` inside a
    /// part percent-encoded.
    Cwmp,
}

impl IdentityKind {
    /// The word in rows and DTOs.
    pub const fn as_str(self) -> &'static str {
        match self {
            IdentityKind::UspEndpoint => "usp",
            IdentityKind::Cwmp => "cwmp",
        }
    }

    /// From [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "usp" => Ok(IdentityKind::UspEndpoint),
            "cwmp" => Ok(IdentityKind::Cwmp),
            other => Err(Error::row("identity", format!("kind {other:?}"))),
        }
    }
}

/// A name that a device goes by on a wire.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity {
    /// The scheme.
    pub kind: IdentityKind,
    /// The name.
    pub value: String,
}

impl Identity {
    /// A USP endpoint.
    pub fn usp(endpoint: impl Into<String>) -> Self {
        Identity { kind: IdentityKind::UspEndpoint, value: endpoint.into() }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// What kind of thing proves a device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum CredentialKind {
    /// SHA-256 of its certificate.
    CertificateFingerprint,
    /// A password, as [`crate::login::proof`] stores it.
    Password,
}

impl CredentialKind {
    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            CredentialKind::CertificateFingerprint => "certificate",
            CredentialKind::Password => "password",
        }
    }

    /// From [`Self::as_str`].
    ///
    /// # Errors
    /// For any other word.
    pub fn parse(word: &str) -> Result<Self, Error> {
        match word {
            "certificate" => Ok(CredentialKind::CertificateFingerprint),
            "password" => Ok(CredentialKind::Password),
            other => Err(Error::row("credential", format!("kind {other:?}"))),
        }
    }
}

/// How a credential came to be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CredentialOrigin {
    /// Our own CA issued it for this device.
    Issued,
    /// The device showed it, and a person (or the open policy) approved.
    Pinned,
}

/// A row that says: whoever proves this is that device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The kind.
    pub kind: CredentialKind,
    /// The proof.
    pub value: Fingerprint,
    /// Whose it is.
    pub issued_for: DeviceId,
    /// How it came to be trusted.
    pub origin: CredentialOrigin,
    /// When.
    pub at: UtcTime,
    /// No longer accepted.
    pub revoked: bool,
}

/// One connection of a device, for its page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// Which session.
    pub epoch: Epoch,
    /// How it came: `websocket`, ….
    pub transport: String,
    /// The peer's address.
    pub peer: String,
    /// Whether a certificate proved it.
    pub proven: bool,
    /// Since when.
    pub since: UtcTime,
    /// Until when, if it has ended.
    pub until: Option<UtcTime>,
}

#[cfg(test)]
mod tests {
    use super::FactsUpdate;

    #[test]
    fn facts_come_from_device_info() {
        let update = FactsUpdate::from_params([
            ("Device.DeviceInfo.SerialNumber", "42"),
            ("Device.DeviceInfo.UpTime", "7"),
            ("Device.Time.SerialNumber", "no"),
        ]);
        assert_eq!(update, FactsUpdate { serial: Some("42".into()), ..FactsUpdate::default() });
    }
}
