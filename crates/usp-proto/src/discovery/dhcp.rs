//! The DHCP options of USP: vendor class (DHCPv4 124, DHCPv6 16) and vendor information (DHCPv4 125,
//! DHCPv6 17) under the Broadband Forum's enterprise number.
//!
//! Options come and go without their own code and length, as DHCP clients hand them over. The numbers of
//! what is encapsulated are the same in both versions for a controller, and differ for identities.

use super::Location;
use crate::Malformed;
use crate::limits::MAX_DHCP_TEXT_BYTES;

/// The Broadband Forum among the enterprises of IANA.
pub const ENTERPRISE: u32 = 3561;

/// What a client calls itself that asks for a controller (R-DIS.1).
const CLASS: &[u8] = b"usp";

/// Which DHCP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    /// Options 124 and 125: lengths are one byte.
    V4,
    /// Options 16 and 17: lengths and codes are two bytes.
    V6,
}

/// What identifies a device or a gateway towards the other. Empty parts are absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// `DeviceInfo.ManufacturerOUI`, six hexadecimal digits.
    pub oui: String,
    /// `DeviceInfo.SerialNumber`.
    pub serial: String,
    /// `DeviceInfo.ProductClass`.
    pub product_class: String,
}

/// What a server says. Every part is a text (R-DIS.1a); one that is empty, longer than
/// `MAX_DHCP_TEXT_BYTES`, not UTF-8 or has control characters counts as absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// URL or FQDN of the controller: see [`Answer::location`].
    pub controller: Option<String>,
    /// `Controller.{i}.ProvisioningCode`.
    pub provisioning_code: Option<String>,
    /// `Controller.{i}.USPNotifRetryMinimumWaitInterval`, seconds.
    pub retry_minimum_wait: Option<String>,
    /// `Controller.{i}.USPNotifRetryIntervalMultiplier`, thousandths.
    pub retry_multiplier: Option<String>,
    /// `Controller.{i}.EndpointID`.
    pub endpoint: Option<String>,
    /// The gateway that answers; `None` if it says nothing of itself.
    pub gateway: Option<Identity>,
}

impl Answer {
    /// Where the controller is, if the server says so in a way that can be understood (R-DIS.1b).
    pub fn location(&self) -> Option<Location> {
        Location::parse(self.controller.as_ref()?).ok()
    }
}

/// Vendor class of a request (option 124 or 16) that asks for a controller. The class is an instance with a length
/// of its own; that DHCPv4 has the length of all instances before it is easily overlooked (RFC 3925 section 3).
// R-DIS.1
pub fn vendor_class(family: Family) -> Vec<u8> {
    let mut instance = Vec::new();
    family.put(&mut instance, CLASS);
    let mut data = ENTERPRISE.to_be_bytes().to_vec();
    match family {
        Family::V4 => family.put(&mut data, &instance),
        Family::V6 => data.extend_from_slice(&instance),
    }
    data
}

/// Vendor information of a request (option 125 or 17): who the device is. A part that is longer than DHCPv4
/// allows is left out.
// R-DIS.2a
pub fn request(family: Family, device: &Identity) -> Vec<u8> {
    let mut inner = Vec::new();
    let first = family.codes().device;
    let parts = [&device.oui, &device.serial, &device.product_class];
    for (code, part) in (first..).zip(parts).filter(|(_, part)| !part.is_empty()) {
        // All parts of DHCPv4 together have 255 bytes.
        if inner.len() + 2 + part.len() <= usize::from(u8::MAX) {
            family.put_number(&mut inner, code);
            family.put(&mut inner, part.as_bytes());
        }
    }
    let mut data = ENTERPRISE.to_be_bytes().to_vec();
    match family {
        Family::V4 => family.put(&mut data, &inner),
        Family::V6 => data.extend_from_slice(&inner),
    }
    data
}

/// Reads vendor information of an answer (option 125 or 17); what other enterprises put there is skipped. Of
/// a part that comes twice the first counts: there is one controller.
///
/// # Errors
/// [`Malformed::Discovery`] where a length leads beyond the end.
pub fn answer(family: Family, data: &[u8]) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    let mut gateway = Identity::default();
    for_each_part(family, data, |code, value| {
        let gateway_part = usize::from(code).checked_sub(family.codes().gateway.into());
        let slot = match (code, gateway_part) {
            (25, _) => &mut answer.controller,
            (26, _) => &mut answer.provisioning_code,
            (27, _) => &mut answer.retry_minimum_wait,
            (28, _) => &mut answer.retry_multiplier,
            (29, _) => &mut answer.endpoint,
            (_, Some(0)) => return keep_first(&mut gateway.oui, value),
            (_, Some(1)) => return keep_first(&mut gateway.serial, value),
            (_, Some(2)) => return keep_first(&mut gateway.product_class, value),
            _ => return,
        };
        if slot.is_none() {
            *slot = text(value);
        }
    })?;
    answer.gateway = (gateway != Identity::default()).then_some(gateway);
    Ok(answer)
}

fn keep_first(slot: &mut String, value: &[u8]) {
    if slot.is_empty() {
        *slot = text(value).unwrap_or_default();
    }
}

/// Calls with code and value of all that our enterprise encapsulates.
fn for_each_part(family: Family, data: &[u8], mut call: impl FnMut(u16, &[u8])) -> Result<(), Malformed> {
    let mut reader = Reader { family, rest: data };
    while !reader.rest.is_empty() {
        let number = reader.take(4)?;
        let inner = match family {
            Family::V4 => {
                let length = reader.number()?;
                reader.take(length.into())?
            }
            // One enterprise has the whole option.
            Family::V6 => std::mem::take(&mut reader.rest),
        };
        if number != ENTERPRISE.to_be_bytes() {
            continue;
        }
        let mut parts = Reader { family, rest: inner };
        while !parts.rest.is_empty() {
            let (code, length) = (parts.number()?, parts.number()?);
            call(code, parts.take(length.into())?);
        }
    }
    Ok(())
}

/// A value as text, without what terminates it (R-DIS.1c).
fn text(value: &[u8]) -> Option<String> {
    let end = value.iter().rposition(|byte| *byte != 0)? + 1;
    let text = std::str::from_utf8(&value[..end]).ok()?;
    let fits = text.len() <= MAX_DHCP_TEXT_BYTES && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

struct Codes {
    /// Of the first part of a device's identity.
    device: u16,
    /// Of the first part of a gateway's.
    gateway: u16,
}

impl Family {
    fn codes(self) -> Codes {
        match self {
            Family::V4 => Codes { device: 1, gateway: 4 },
            Family::V6 => Codes { device: 11, gateway: 14 },
        }
    }

    /// A length, and the value.
    fn put(self, data: &mut Vec<u8>, value: &[u8]) {
        self.put_number(data, u16::try_from(value.len()).expect("callers keep values within 255 bytes"));
        data.extend_from_slice(value);
    }

    fn put_number(self, data: &mut Vec<u8>, number: u16) {
        let [high, low] = number.to_be_bytes();
        match self {
            Family::V4 => data.push(low),
            Family::V6 => data.extend([high, low]),
        }
    }
}

struct Reader<'a> {
    family: Family,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let split = self.rest.split_at_checked(length);
        let (taken, rest) = split.ok_or(Malformed::Discovery("a DHCP option is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A code or a length.
    fn number(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take(match self.family {
            Family::V4 => 1,
            Family::V6 => 2,
        })?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }
}
