//! What DHCP clients call when a lease comes or goes, and what they have to be told to ask for.
//!
//! `dhclient` and `udhcpc` (and `odhcp6c` for IPv6) hand a lease over in the environment of their scripts;
//! systemd-networkd tells it as JSON (`networkctl status --json=short`), that of IPv6 only: of DHCPv4 it keeps no
//! options of vendors.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use mtp::discovery::dhcp::{self, Family};
use serde::Deserialize;

use super::lease::{self, Lease};
use crate::config::Config;
use crate::identity::Identity;
use crate::limits::MAX_LEASE_BYTES;
use crate::system::SystemRoot;

/// What a call of the hook means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// There is a lease that says something to us.
    Lease(Lease),
    /// There is none, or it says nothing to us.
    Gone {
        /// Where.
        interface: String,
        /// 4 or 6.
        version: u8,
    },
    /// Neither: a client begins, or asks whether an address is free.
    Nothing,
}

/// Events that bring a lease, and events that take it away, in lower case, without the `6` at their end.
const COMES: [&str; 9] =
    ["bound", "renew", "rebind", "reboot", "inform", "informed", "updated", "rebound", "ra-updated"];
const GOES: [&str; 10] =
    ["deconfig", "nak", "leasefail", "expire", "fail", "release", "stop", "stopped", "unbound", "nocarrier"];
/// Events that only `odhcp6c` has.
const ONLY_V6: [&str; 6] = ["informed", "updated", "rebound", "ra-updated", "stopped", "unbound"];

/// Variables with the option, by version, and with who answered.
const OPTION_V4: [&str; 2] = ["new_vivso", "opt125"];
const OPTION_V6: [&str; 3] = ["new_dhcp6_vendor_opts", "opt17", "OPTION_17"];
const GATEWAYS: [&str; 4] = ["new_dhcp_server_identifier", "serverid", "new_routers", "router"];

/// Reads the environment of a script.
///
/// # Errors
/// When it names no interface and no event, or its option is none.
pub fn from_environment(event: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<Heard> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let interface =
        variable("interface").context("no variable `interface`: is this the script of a DHCP client?")?;
    let event = event.map(str::to_owned).or_else(|| variable("reason"));
    let event = event.context("no event: name it, or set the variable `reason`")?.to_ascii_lowercase();
    let (name, is_v6) = match event.strip_suffix('6') {
        Some(name) => (name, true),
        None => (event.as_str(), ONLY_V6.contains(&event.as_str()) || variable("OPTION_17").is_some()),
    };
    let version = if is_v6 { 6 } else { 4 };
    if GOES.contains(&name) {
        return Ok(Heard::Gone { interface, version });
    }
    if !COMES.contains(&name) {
        return Ok(Heard::Nothing);
    }
    let names = if is_v6 { &OPTION_V6[..] } else { &OPTION_V4 };
    let Some(option) = names.iter().find_map(|name| variable(name)) else {
        return Ok(Heard::Gone { interface, version });
    };
    let gateways = GATEWAYS.iter().filter_map(|name| variable(name));
    let mut gateways: Vec<_> = gateways
        .flat_map(|text| text.split_ascii_whitespace().filter_map(|ip| ip.parse().ok()).collect::<Vec<_>>())
        .collect();
    gateways.dedup();
    let option = lease::hex(&lease::bytes(&option)?);
    Ok(Heard::Lease(Lease { interface, version, option, gateways }))
}

/// The part of systemd-networkd's description of a link that matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Link {
    name: String,
    #[serde(rename = "DHCPv6Client")]
    client: Option<Client>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Client {
    #[serde(default)]
    vendor_specific_options: Vec<VendorOption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VendorOption {
    enterprise_id: u32,
    sub_option_code: u16,
    sub_option_data: String,
}

/// Reads what `networkctl status --json=short INTERFACE` prints.
///
/// # Errors
/// When it is something else.
pub fn from_networkd(json: &str) -> Result<Heard> {
    let link: Link = serde_json::from_str(json).context("not what networkctl prints for one interface")?;
    let mut option = dhcp::ENTERPRISE.to_be_bytes().to_vec();
    let parts = link.client.unwrap_or_default().vendor_specific_options;
    for part in parts.iter().filter(|part| part.enterprise_id == dhcp::ENTERPRISE) {
        let data = lease::bytes(&part.sub_option_data)?;
        option.extend(part.sub_option_code.to_be_bytes());
        option.extend(u16::try_from(data.len()).context("a part is too long")?.to_be_bytes());
        option.extend(data);
    }
    let (interface, version) = (link.name, 6);
    if option.len() == 4 {
        return Ok(Heard::Gone { interface, version });
    }
    Ok(Heard::Lease(Lease { interface, version, option: lease::hex(&option), gateways: Vec::new() }))
}

/// Runs the hook: leaves the lease for the agent of this configuration, or takes it away.
///
/// # Errors
/// When the lease is not understood, or can't be written.
pub fn run(config: &Path, event: Option<&str>, json: bool) -> Result<()> {
    let heard = if json {
        let mut text = String::new();
        std::io::stdin().take(MAX_LEASE_BYTES).read_to_string(&mut text)?;
        from_networkd(&text)?
    } else {
        from_environment(event, |name| std::env::var(name).ok())?
    };
    let data = Config::load(config)?.data_dir;
    match heard {
        Heard::Lease(lease) => {
            lease.answer()?;
            lease.keep(&data)
        }
        Heard::Gone { interface, version } => lease::forget(&data, &interface, version),
        Heard::Nothing => Ok(()),
    }
}

/// What a DHCP client has to send, one option per line: version of IP, code, hexadecimal bytes. The first two ask for
/// a controller, the last two say who the device is.
///
/// # Errors
/// When the configuration can't be read.
// R-DIS.1, R-DIS.2a
pub fn options(config: &Path, root: &SystemRoot) -> Result<String> {
    let known = Identity::detect(&Config::load(config)?.agent, root);
    let device = dhcp::Identity {
        oui: known.oui.unwrap_or_default(),
        serial: known.serial.unwrap_or_default(),
        product_class: known.product_class.unwrap_or_default(),
    };
    if device.serial.is_empty() {
        bail!("neither the system nor the configuration tells a serial number");
    }
    let rows = [
        ("v4 124", dhcp::vendor_class(Family::V4)),
        ("v6 16", dhcp::vendor_class(Family::V6)),
        ("v4 125", dhcp::request(Family::V4, &device)),
        ("v6 17", dhcp::request(Family::V6, &device)),
    ];
    Ok(rows.iter().map(|(option, bytes)| format!("{option} {}\n", lease::hex(bytes))).collect())
}
