//! Who this device is: from the configuration, else from DMI or the device tree, else from a MAC address.
//!
//! Boards carry placeholders where nobody wrote a serial number; those count as nothing. An address that
//! its system made up (locally administered) names no manufacturer.

use anyhow::{Context, Result};
use mtp::EndpointId;

use crate::config::AgentConfig;
use crate::system::SystemRoot;

/// What the device says it is. `None` is unknown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// Manufacturer's name.
    pub manufacturer: Option<String>,
    /// Six hexadecimal digits in upper case.
    pub oui: Option<String>,
    /// Model name.
    pub model_name: Option<String>,
    /// Product class.
    pub product_class: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Hardware version.
    pub hardware_version: Option<String>,
    /// A UUID that the system gives itself.
    pub uuid: Option<String>,
    /// What people call it.
    pub friendly_name: Option<String>,
}

/// What makers leave in the fields that they don't fill in, in lower case.
const PLACEHOLDERS: [&str; 14] = [
    "to be filled by o.e.m.",
    "to be filled by oem",
    "default string",
    "system serial number",
    "system product name",
    "system manufacturer",
    "system version",
    "not specified",
    "not applicable",
    "none",
    "unknown",
    "0123456789",
    "123456789",
    "invalid",
];

impl Identity {
    /// Puts together what configuration and system know.
    pub fn detect(config: &AgentConfig, root: &SystemRoot) -> Identity {
        let dmi = |field: &str| known(root.line(&format!("sys/class/dmi/id/{field}")));
        let tree = |field: &str| known(root.line(&format!("proc/device-tree/{field}")));
        let mac = universal_mac(root);
        let limit = |text: Option<String>| text.map(|text| text.chars().take(64).collect::<String>());
        let model = config.model_name.clone().or_else(|| dmi("product_name")).or_else(|| tree("model"));
        let serial = config.serial.clone().or_else(|| dmi("product_serial"));
        let serial = serial.or_else(|| dmi("board_serial")).or_else(|| tree("serial-number"));
        let oui = config.oui.clone().or_else(|| mac.map(|mac| hex(&mac[..3])));
        Identity {
            manufacturer: limit(config.manufacturer.clone().or_else(|| dmi("sys_vendor"))),
            oui,
            model_name: limit(model.clone()),
            product_class: limit(config.product_class.clone().or(model)),
            serial: limit(serial.or_else(|| mac.map(|mac| hex(&mac)))),
            hardware_version: limit(config.hardware_version.clone().or_else(|| dmi("product_version"))),
            uuid: dmi("product_uuid").or_else(|| machine_uuid(root)),
            friendly_name: config.friendly_name.clone(),
        }
    }

    /// What of it nobody knows, in words.
    pub fn unknown(&self) -> Vec<&'static str> {
        let parts = [
            (&self.manufacturer, "manufacturer"),
            (&self.oui, "OUI"),
            (&self.model_name, "model name"),
            (&self.product_class, "product class"),
            (&self.serial, "serial number"),
            (&self.hardware_version, "hardware version"),
        ];
        parts.into_iter().filter(|(part, _)| part.is_none()).map(|(_, name)| name).collect()
    }

    /// The endpoint id: `os::<OUI>-<serial>`, else `uuid::`. `made_up` is a UUID for a system that has nothing
    /// at all.
    ///
    /// # Errors
    /// When the configured id, or the id that the configured parts make, breaks the rules of its scheme.
    pub fn endpoint(
        &self,
        config: &AgentConfig,
        made_up: impl FnOnce() -> Result<String>,
    ) -> Result<EndpointId> {
        if let Some(endpoint) = &config.endpoint {
            return EndpointId::receive(endpoint).with_context(|| format!("agent.endpoint: {endpoint:?}"));
        }
        if let (Some(oui), Some(serial)) = (&self.oui, &self.serial) {
            return EndpointId::os(oui, serial).context("the endpoint id made of OUI and serial number");
        }
        let uuid = match &self.uuid {
            Some(uuid) => uuid.clone(),
            None => made_up()?,
        };
        EndpointId::uuid(&uuid.to_ascii_lowercase()).context("the endpoint id made of the system's UUID")
    }
}

/// A UUID (version 8) of 16 bytes.
pub fn uuid(bytes: [u8; 16]) -> String {
    let mut bytes = bytes;
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes).to_ascii_lowercase();
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

fn known(text: Option<String>) -> Option<String> {
    let text = text?;
    let lower = text.to_ascii_lowercase();
    let says_nothing = lower.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'.' | b' ' | b'x' | b'f'));
    (!says_nothing && !PLACEHOLDERS.contains(&lower.as_str())).then_some(text)
}

/// The address of the first interface (by name) whose address its maker gave it.
fn universal_mac(root: &SystemRoot) -> Option<[u8; 6]> {
    root.names("sys/class/net").iter().find_map(|name| {
        let address = root.line(&format!("sys/class/net/{name}/address"))?;
        let mac = parse_mac(&address)?;
        let universal = mac[0] & 0b11 == 0 && mac != [0; 6];
        universal.then_some(mac)
    })
}

fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

/// The machine id itself must not leave the machine (machine-id(5)): a hash of it with a purpose does.
fn machine_uuid(root: &SystemRoot) -> Option<String> {
    let id = root.line("etc/machine-id").filter(|id| id.len() == 32)?;
    let hash = pki::fingerprint(format!("cusp-agent endpoint id {id}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Some(uuid(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
