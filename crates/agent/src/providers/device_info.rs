//! `Device.` and `DeviceInfo.`: who this device is, how long it has been up, and its host name.

use std::sync::Arc;

use dm::model::ModelBuilder;
use dm::path::SchemaPath;
use dm::{Code, Fault, Value};
use engine::provider::{Committed, Edit, Pending, Prepared, Provider, ProviderError, Report};

use super::rows::{RowBuilder, object, report};
use super::support::Support;
use super::transaction::{Step, Transaction};
use crate::config::Policy;
use crate::identity::Identity;
use crate::system::SystemRoot;

const DEVICE_INFO: &str = "Device.DeviceInfo.";
const HOST_NAME: &str = "proc/sys/kernel/hostname";

/// The longest host name that Linux takes, bytes.
const MAX_HOST_NAME: usize = 64;

/// Identity, software and up-time.
#[derive(Debug)]
pub struct DeviceInfo {
    root: SystemRoot,
    policy: Arc<Policy>,
    identity: Arc<Identity>,
}

impl DeviceInfo {
    /// Reads below `root`.
    pub fn new(root: SystemRoot, policy: Arc<Policy>, identity: Arc<Identity>) -> DeviceInfo {
        DeviceInfo { root, policy, identity }
    }

    fn row(&self) -> RowBuilder {
        let identity = &self.identity;
        let release = self.root.text("etc/os-release").or_else(|| self.root.text("usr/lib/os-release"));
        let software = release.as_deref().and_then(software_version);
        let kernel = self.root.line("proc/sys/kernel/osrelease");
        RowBuilder::new(DEVICE_INFO, &[])
            .maybe_text("Manufacturer", identity.manufacturer.as_ref())
            .maybe_text("ManufacturerOUI", identity.oui.as_ref())
            .maybe_text("ModelName", identity.model_name.as_ref())
            .maybe_text("ProductClass", identity.product_class.as_ref())
            .maybe_text("SerialNumber", identity.serial.as_ref())
            .maybe_text("HardwareVersion", identity.hardware_version.as_ref())
            .maybe_text("SoftwareVersion", software.or_else(|| kernel.clone()))
            .maybe_text("AdditionalSoftwareVersion", kernel.map(|release| format!("Linux {release}")))
            .maybe_uint("UpTime", self.root.text("proc/uptime").as_deref().and_then(up_time))
            .maybe_text("HostName", host_name_of(&self.root))
            .maybe_text("FriendlyName", identity.friendly_name.as_ref())
    }
}

impl Provider for DeviceInfo {
    fn name(&self) -> &'static str {
        "device-info"
    }

    fn supported(&self, model: &mut ModelBuilder) {
        let known = self.row().build();
        let mut params: Vec<&str> = known.values.iter().map(|(name, _)| name.as_str()).collect();
        params.push("VendorLogFileNumberOfEntries");
        Support::new(model, &self.policy).writable(DEVICE_INFO, &params, &["HostName"]);
    }

    fn subtrees(&self) -> Vec<SchemaPath> {
        vec![object(DEVICE_INFO)]
    }

    fn refresh<'a>(&'a self, _: &'a [SchemaPath]) -> Pending<'a, Result<Report, ProviderError>> {
        Box::pin(async { Ok(report([self.row()])) })
    }

    fn prepare<'a>(&'a self, changes: &'a [Edit]) -> Pending<'a, Result<Prepared, Fault>> {
        Box::pin(async move {
            let mut transaction = Transaction::new();
            for change in changes {
                match change {
                    Edit::Set { param, value, .. } if *param == "HostName" => {
                        let name = host_name(value)?;
                        let before = self.root.line(HOST_NAME).unwrap_or_default();
                        let path = self.root.path(HOST_NAME);
                        transaction.push(Step::Setting { path, before, after: name.clone() });
                        if let Some(before) = self.root.text("etc/hostname") {
                            let path = self.root.path("etc/hostname");
                            transaction.push(Step::File { path, before, after: format!("{name}\n") });
                        }
                    }
                    _ => {
                        return Err(Fault::new(
                            Code::NON_WRITEABLE_PARAMETER,
                            "only the host name can be set",
                        ));
                    }
                }
            }
            Ok(transaction.prepared())
        })
    }

    fn commit<'a>(&'a self, prepared: &'a mut Prepared) -> Pending<'a, Result<Committed, Fault>> {
        Box::pin(Transaction::commit(prepared, None))
    }

    fn abort(&self, prepared: Prepared) -> Pending<'_, Result<(), Fault>> {
        Box::pin(Transaction::abort(prepared, None))
    }
}

/// The host name in force.
pub fn host_name_of(root: &SystemRoot) -> Option<String> {
    root.line(HOST_NAME)
}

/// Letters, digits, hyphens and dots, as host names are.
fn host_name(value: &Value) -> Result<String, Fault> {
    let name = value.expose();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let edges = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let valid = bytes.len() <= MAX_HOST_NAME
        && bytes.iter().all(|b| fits(*b))
        && edges(bytes.first())
        && edges(bytes.last());
    if valid {
        Ok(name.into_owned())
    } else {
        Err(Fault::new(
            Code::INVALID_VALUE,
            "a host name has letters, digits, '-' and '.', at most 64 of them",
        ))
    }
}

/// Whole seconds of `/proc/uptime`.
pub fn up_time(uptime: &str) -> Option<u64> {
    let seconds = uptime.split_ascii_whitespace().next()?;
    seconds.split('.').next()?.parse().ok()
}

/// The version of the distribution or firmware: `VERSION_ID` of os-release, else `BUILD_ID`.
pub fn software_version(os_release: &str) -> Option<String> {
    let field = |name: &str| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.chars().take(64).collect())
    };
    field("VERSION_ID").or_else(|| field("BUILD_ID"))
}
