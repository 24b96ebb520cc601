//! Devices that are expected.

use fleet::enrolment::ExpectedDevice;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::time;

/// A device that is expected.
#[derive(Serialize, ToSchema)]
pub struct Expected {
    /// By what it is known: `endpoint` or `serial`.
    pub kind: &'static str,
    /// Its endpoint id or serial number.
    pub value: String,
    /// What it will be called; its endpoint id otherwise.
    pub name: Option<String>,
    /// A tag that it will get.
    pub group: Option<String>,
    /// Since when it is expected.
    pub since: String,
    /// Whose it will be.
    pub tenant: Option<String>,
}

impl Expected {
    /// A row of this tenant's list.
    pub(crate) fn new(row: ExpectedDevice, tenant: Option<String>) -> Self {
        let ExpectedDevice { kind, value, name, group, at } = row;
        Expected { kind: kind.as_str(), value, name, group, since: time(at), tenant }
    }
}

/// Devices to expect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectBody {
    /// Who; at most 1000. All of them are taken, or none.
    pub devices: Vec<ExpectedBody>,
    /// How long their tokens work (`30d`); 30 days if absent.
    pub ttl: Option<String>,
    /// Whose they will be; the caller's own tenant, or the default one, if absent.
    pub tenant: Option<String>,
}

/// A device to expect: it has an endpoint id or a serial number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedBody {
    /// Its endpoint id.
    pub endpoint: Option<String>,
    /// The serial number in its `os:` or `ops:` id.
    pub serial: Option<String>,
    /// What to call it.
    pub name: Option<String>,
    /// A tag that it gets.
    pub group: Option<String>,
    /// An enrolment token that it has been given: 20 to 128 printable characters that nobody can guess. Only with
    /// an endpoint id, for which alone it is good, once.
    pub token: Option<String>,
}

/// How many devices are expected now that were not, or not so.
#[derive(Serialize, ToSchema)]
pub struct ExpectedCount {
    /// How many.
    pub expected: u64,
}
