//! Devices that are known to need something of us, as data. What is learned in sessions stands beside it, in the
//! device's own record.

use crate::quirk::{Quirk, Switch};
use crate::rpc::DeviceId;

/// What a field must be, whatever its case; `*` stands for any characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pattern(pub &'static str);

/// Which devices a row is about. All patterns must match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceRow {
    /// Of the DeviceId.
    pub manufacturer: Pattern,
    /// Of the DeviceId.
    pub oui: Pattern,
    /// Of the DeviceId.
    pub product_class: Pattern,
    /// Of `DeviceInfo.SoftwareVersion`.
    pub software_version: Pattern,
    /// What these devices do.
    pub quirks: &'static [Quirk],
    /// How to write to them.
    pub switches: &'static [Switch],
}

const ANY: Pattern = Pattern("*");

const fn made_by(
    manufacturer: &'static str,
    quirks: &'static [Quirk],
    switches: &'static [Switch],
) -> DeviceRow {
    DeviceRow {
        manufacturer: Pattern(manufacturer),
        oui: ANY,
        product_class: ANY,
        software_version: ANY,
        quirks,
        switches,
    }
}

/// Devices with known quirks, each from the sources of its quirks.
pub const DEVICES: &[DeviceRow] = &[
    made_by("MikroTik*", &[Quirk::HeaderOrIdMissing, Quirk::Namespaces], &[]),
    made_by("TP-Link*", &[Quirk::SessionEnd, Quirk::RetryCount, Quirk::AnswerForm], &[Switch::BooleanDigits]),
    made_by("Baicells*", &[Quirk::AnswerForm], &[Switch::NoMoreRequests]),
    made_by("ip.access*", &[Quirk::AnswerForm], &[Switch::FinalNewline]),
    made_by("AVM*", &[Quirk::Connections, Quirk::DigestForm], &[]),
    made_by("SmartRG*", &[Quirk::ArrayType, Quirk::Identity, Quirk::ParameterKeys], &[]),
    made_by("Adtran*", &[Quirk::ArrayType, Quirk::Events], &[]),
    made_by("AudioCodes*", &[Quirk::ValueTypes], &[]),
    made_by("Ubiquiti*", &[Quirk::ValueTypes], &[]),
    made_by("Yeacomm*", &[Quirk::NamesOfRoot], &[]),
    DeviceRow { product_class: Pattern("F@st 2764*"), ..made_by("Sagemcom*", &[Quirk::NamesOfRoot], &[]) },
    DeviceRow { product_class: Pattern("B310*"), ..made_by("Huawei*", &[Quirk::ValueForms], &[]) },
    DeviceRow { product_class: Pattern("BM632w*"), ..made_by("Huawei*", &[Quirk::HeaderOrIdMissing], &[]) },
];

impl Pattern {
    /// Whether a text is meant: the same but for case, where `*` stands for any characters.
    pub fn matches(self, text: &str) -> bool {
        let (pattern, text) = (self.0.to_ascii_lowercase(), text.to_ascii_lowercase());
        let mut parts = pattern.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl DeviceRow {
    /// Whether a device is meant.
    pub fn matches(&self, device: &DeviceId, software_version: &str) -> bool {
        self.manufacturer.matches(&device.manufacturer)
            && self.oui.matches(&device.oui)
            && self.product_class.matches(&device.product_class)
            && self.software_version.matches(software_version)
    }
}

/// The rows about a device. Their switches apply in order.
pub fn known<'a>(
    device: &'a DeviceId,
    software_version: &'a str,
) -> impl Iterator<Item = &'static DeviceRow> + 'a {
    DEVICES.iter().filter(move |row| row.matches(device, software_version))
}
