//! The factory's roles: those that every agent has, and those of `[[role]]` in `agent.toml`.

use anyhow::{Context, Result, bail};
use dm::model::Model;
use dm::value::join_list;
use engine::FactoryDefault;
use serde::Deserialize;

use crate::config::Config;

/// May do everything; what a controller gets whose entry names no role.
pub const FULL_ACCESS: &str = "Full Access";
/// Stands in for no role at all: may know what the device is.
pub const UNTRUSTED: &str = "Untrusted";
/// Shuts a controller out.
pub const BANNED: &str = "Banned";

/// In this order they are the first rows of the table.
const BUILT_IN: [&str; 3] = [FULL_ACCESS, UNTRUSTED, BANNED];

const TRUST: &str = "Device.LocalAgent.ControllerTrust.";
const UNTRUSTED_TARGETS: [&str; 7] = [
    "Device.DeviceInfo.HardwareVersion",
    "Device.DeviceInfo.Manufacturer",
    "Device.DeviceInfo.ManufacturerOUI",
    "Device.DeviceInfo.ModelName",
    "Device.DeviceInfo.ProductClass",
    "Device.DeviceInfo.SerialNumber",
    "Device.DeviceInfo.SoftwareVersion",
];

/// With which it can become more.
const UNTRUSTED_CHALLENGES: [&str; 4] = [
    "Device.LocalAgent.ControllerTrust.Challenge.*.Alias",
    "Device.LocalAgent.ControllerTrust.Challenge.*.Description",
    "Device.LocalAgent.ControllerTrust.RequestChallenge()",
    "Device.LocalAgent.ControllerTrust.ChallengeResponse()",
];

/// What lies below the object of those targets.
const UNTRUSTED_EXCEPTIONS: [&str; 4] = [
    "Device.DeviceInfo.MemoryStatus.",
    "Device.DeviceInfo.ProcessStatus.",
    "Device.DeviceInfo.TemperatureStatus.",
    "Device.DeviceInfo.VendorLogFile.",
];

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// What controllers refer to.
    pub name: String,
    /// Whether it unlocks secured values, such as keys, that its controllers may read.
    #[serde(default)]
    pub secured: bool,
    /// What it permits. Of those that fit, the last one counts alone.
    #[serde(default, rename = "permission")]
    pub permissions: Vec<PermissionConfig>,
}

/// One permission of a role: four letters of `rwxn` or dashes for each kind of element (TR-181).
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionConfig {
    /// Paths.
    pub targets: Vec<String>,
    /// For parameters.
    #[serde(default = "nothing")]
    pub param: String,
    /// For objects.
    #[serde(default = "nothing")]
    pub obj: String,
    /// For rows of tables.
    #[serde(default = "nothing")]
    pub instantiated_obj: String,
    /// For commands and events.
    #[serde(default = "nothing")]
    pub command_event: String,
}

fn nothing() -> String {
    "----".to_owned()
}

impl PermissionConfig {
    fn new(targets: &[&str], [param, obj, instantiated_obj, command_event]: [&str; 4]) -> PermissionConfig {
        PermissionConfig {
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            param: param.to_owned(),
            obj: obj.to_owned(),
            instantiated_obj: instantiated_obj.to_owned(),
            command_event: command_event.to_owned(),
        }
    }

    /// The parameters of its row.
    fn row(&self) -> [(&'static str, String); 5] {
        [
            ("Targets", join_list(&self.targets)),
            ("Param", self.param.clone()),
            ("Obj", self.obj.clone()),
            ("InstantiatedObj", self.instantiated_obj.clone()),
            ("CommandEvent", self.command_event.clone()),
        ]
    }
}

/// Checks the roles of a file, and that controllers name roles that there are.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn check(config: &Config) -> Result<()> {
    for (at, role) in config.roles.iter().enumerate() {
        let name = &role.name;
        if name.is_empty() || BUILT_IN.contains(&name.as_str()) {
            bail!("role: {name:?} can't be the name of a role of your own");
        }
        if config.roles[..at].iter().any(|other| other.name == *name) {
            bail!("role: {name} stands there twice");
        }
        let targets: usize = role.permissions.iter().map(|permission| permission.targets.len()).sum();
        if targets > engine::MAX_ROLE_TARGETS {
            bail!("role {name}: more than {} targets", engine::MAX_ROLE_TARGETS);
        }
        for permission in &role.permissions {
            for (param, value) in permission.row() {
                engine::check_permission(param, &value).with_context(|| format!("role {name}"))?;
            }
        }
    }
    for controller in &config.controllers {
        if let Some(role) = &controller.role
            && number(config, role).is_none()
        {
            bail!("controller {}: there is no role {role:?}", controller.endpoint);
        }
    }
    Ok(())
}

/// Checks that the targets of a file's roles are there: a denial that is misspelt would deny nothing, and nobody would
/// hear of it.
///
/// # Errors
/// Which target is not one of this agent's.
pub(crate) fn check_targets(config: &Config, model: &Model) -> Result<()> {
    for role in &config.roles {
        let mut targets = role.permissions.iter().flat_map(|permission| &permission.targets);
        if let Some(target) = targets.find(|target| !engine::is_target(model, target)) {
            bail!("role {}: {target:?} is not in the model of this device", role.name);
        }
    }
    Ok(())
}

/// The row of a role.
pub(crate) fn number(config: &Config, name: &str) -> Option<usize> {
    let mut names = BUILT_IN.into_iter().chain(config.roles.iter().map(|role| role.name.as_str()));
    names.position(|known| known == name).map(|at| at + 1)
}

/// The value that refers to a role.
pub(crate) fn reference(config: &Config, name: &str) -> String {
    number(config, name).map(|number| format!("{TRUST}Role.{number}")).unwrap_or_default()
}

/// The tables at the first start.
pub(crate) fn defaults(config: &Config) -> Vec<FactoryDefault> {
    let full = PermissionConfig::new(&["Device."], ["rw-n", "rw-n", "rw-n", "r-xn"]);
    let basics = PermissionConfig::new(&UNTRUSTED_TARGETS, ["r---", "----", "----", "----"]);
    let object = PermissionConfig::new(&["Device.DeviceInfo."], ["----", "r---", "----", "----"]);
    let below = PermissionConfig::new(&UNTRUSTED_EXCEPTIONS, ["----"; 4]);
    let mut rows = role(1, FULL_ACCESS, &[full]);
    let offered = PermissionConfig::new(&UNTRUSTED_CHALLENGES, ["r---", "----", "----", "r-x-"]);
    let challenges = PermissionConfig::new(
        &["Device.LocalAgent.ControllerTrust.Challenge."],
        ["----", "r---", "r---", "----"],
    );
    rows.extend(role(2, UNTRUSTED, &[object, below, basics, challenges, offered]));
    rows.extend(role(3, BANNED, &[]));
    for (number, own) in (4..).zip(&config.roles) {
        rows.extend(role(number, &own.name, &own.permissions));
    }
    let secured = config.roles.iter().filter(|role| role.secured);
    let secured = join_list(secured.map(|role| reference(config, &role.name)));
    for (param, value) in [
        ("UntrustedRole", reference(config, UNTRUSTED)),
        ("BannedRole", reference(config, BANNED)),
        ("SecuredRoles", secured),
    ] {
        rows.push(FactoryDefault::new(TRUST, param, &value));
    }
    rows
}

fn role(number: usize, name: &str, permissions: &[PermissionConfig]) -> Vec<FactoryDefault> {
    let path = format!("{TRUST}Role.{number}.");
    let mut rows =
        vec![FactoryDefault::new(&path, "Name", name), FactoryDefault::new(&path, "Enable", "true")];
    for (order, permission) in permissions.iter().enumerate() {
        let path = format!("{path}Permission.{}.", order + 1);
        rows.push(FactoryDefault::new(&path, "Enable", "true"));
        rows.push(FactoryDefault::new(&path, "Order", &order.to_string()));
        let values = permission.row().into_iter();
        rows.extend(values.map(|(param, value)| FactoryDefault::new(&path, param, &value)));
    }
    rows
}
