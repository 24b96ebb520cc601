//! `LocalAgent.`: which part of it this agent has, and what stands in it at the first start.

use std::num::NonZeroU32;

use dm::model::{ModelBuilder, ModelError, Params};
use dm::operation::{ObjectAccess, ParamAccess};
use engine::FactoryDefault;
use mtp::ws::WsUrl;

use crate::config::{Config, ControllerConfig};
use crate::providers::support::catalogue;
use crate::{challenges, roles};

/// Rows of which no value outlives the process.
pub const VOLATILE: [&str; 2] = ["Device.DeviceInfo.ProcessStatus.", "Device.LocalAgent.Request."];

const AGENT: &str = "Device.LocalAgent.";
const CONTROLLER: &str = "Device.LocalAgent.Controller.{i}.";
const CONTROLLER_MTP: &str = "Device.LocalAgent.Controller.{i}.MTP.{i}.";
const CONTROLLER_WS: &str = "Device.LocalAgent.Controller.{i}.MTP.{i}.WebSocket.";
const BOOT_PARAMETER: &str = "Device.LocalAgent.Controller.{i}.BootParameter.{i}.";
const TRANSFERS: &str = "Device.LocalAgent.Controller.{i}.TransferCompletePolicy.";
const MTP: &str = "Device.LocalAgent.MTP.{i}.";
const MTP_WS: &str = "Device.LocalAgent.MTP.{i}.WebSocket.";
const SUBSCRIPTION: &str = "Device.LocalAgent.Subscription.{i}.";
const THRESHOLD: &str = "Device.LocalAgent.Threshold.{i}.";
const REQUEST: &str = "Device.LocalAgent.Request.{i}.";
const TRUST: &str = "Device.LocalAgent.ControllerTrust.";
const ROLE: &str = "Device.LocalAgent.ControllerTrust.Role.{i}.";
const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.{i}.";
const PERMISSION: &str = "Device.LocalAgent.ControllerTrust.Role.{i}.Permission.{i}.";

/// Seconds between Periodic! events where the configuration says nothing: TR-181 knows no "never".
pub(crate) const A_DAY: u32 = 86_400;

/// Adds the supported part.
///
/// # Errors
/// When the embedded rows lack something; a test builds the model.
pub fn support(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let rows = catalogue();
    model
        .add_from(
            &rows,
            AGENT,
            Params::Only(&[
                "EndpointID",
                "SoftwareVersion",
                "SupportedProtocols",
                "MTPNumberOfEntries",
                "ControllerNumberOfEntries",
                "SubscriptionNumberOfEntries",
                "RequestNumberOfEntries",
                "ThresholdNumberOfEntries",
                "SupportedThresholdOperator",
            ]),
        )?
        .add_actions(&rows, AGENT, &["Periodic!", "TransferComplete!"])?;
    engine::support_timers(model)?;
    controllers(model)?;
    let mtp = Params::Only(&["Alias", "Enable", "Status", "Protocol"]);
    model.add_from(&rows, MTP, mtp)?;
    let ws = Params::Only(&["Port", "Path", "EnableEncryption"]);
    model.add_from(&rows, MTP_WS, ws)?;
    model.read_only(MTP);
    let subscription = [
        "Alias",
        "Enable",
        "Recipient",
        "ID",
        "CreationDate",
        "NotifType",
        "ReferenceList",
        "TriggerAction",
        "TriggerConfigSettings",
        "Persistent",
        "TimeToLive",
        "NotifRetry",
        "NotifExpiration",
    ];
    // Its settings may be those of passwords.
    model
        .add_from(&rows, SUBSCRIPTION, Params::Only(&subscription))?
        .param_secured(SUBSCRIPTION, "TriggerConfigSettings")?
        // Its description: once set, it can't be changed.
        .param_access(SUBSCRIPTION, "ReferenceList", ParamAccess::WriteOnceReadOnly)?;
    let threshold = [
        "Alias",
        "Enable",
        "Controller",
        "ReferencePath",
        "ThresholdParam",
        "ThresholdOperator",
        "ThresholdValue",
        "OperatingMode",
    ];
    model.add_from(&rows, THRESHOLD, Params::Only(&threshold))?.add_actions(
        &rows,
        THRESHOLD,
        &["Triggered!"],
    )?;
    let request = Params::Only(&["Alias", "Originator", "Command", "CommandKey", "Status"]);
    model.add_from(&rows, REQUEST, request)?.add_actions(&rows, REQUEST, &["Cancel()"])?;
    let trust =
        ["RoleNumberOfEntries", "ChallengeNumberOfEntries", "UntrustedRole", "BannedRole", "SecuredRoles"];
    model.add_from(&rows, TRUST, Params::Only(&trust))?.add_actions(
        &rows,
        TRUST,
        &["RequestChallenge()", "ChallengeResponse()"],
    )?;
    model.add_from(&rows, CHALLENGE, Params::All)?.param_access(
        CHALLENGE,
        "Value",
        ParamAccess::WriteOnly,
    )?;
    let role = Params::Only(&["Alias", "Enable", "Name", "PermissionNumberOfEntries"]);
    model.add_from(&rows, ROLE, role)?;
    let permission =
        ["Alias", "Enable", "Order", "Targets", "Param", "Obj", "InstantiatedObj", "CommandEvent"];
    model.add_from(&rows, PERMISSION, Params::Only(&permission))?;
    Ok(())
}

fn controllers(model: &mut ModelBuilder) -> Result<(), ModelError> {
    let rows = catalogue();
    let controller = [
        "Alias",
        "Enable",
        "EndpointID",
        "ControllerCode",
        "ProvisioningCode",
        "AssignedRole",
        "Credential",
        "PeriodicNotifInterval",
        "PeriodicNotifTime",
        "USPNotifRetryMinimumWaitInterval",
        "USPNotifRetryIntervalMultiplier",
        "OnBoardingComplete",
        "OnBoardingRestartTime",
        "BootParameterNumberOfEntries",
        "MTPNumberOfEntries",
    ];
    model
        .add_from(&rows, CONTROLLER, Params::Only(&controller))?
        .param_access(CONTROLLER, "Credential", ParamAccess::ReadOnly)?
        .add_actions(&rows, CONTROLLER, &["SendOnBoardRequest()"])?
        .add_from(&rows, BOOT_PARAMETER, Params::Only(&["Alias", "Enable", "ParameterName"]))?
        .add_from(&rows, TRANSFERS, Params::Only(&["ResultTypeFilter"]))?
        .add_from(&rows, CONTROLLER_MTP, Params::Only(&["Alias", "Enable", "Protocol"]))?
        .object_access(CONTROLLER_MTP, ObjectAccess::AddDelete)?;
    let ws = [
        "Host",
        "Port",
        "Path",
        "EnableEncryption",
        "KeepAliveInterval",
        "SessionRetryMinimumWaitInterval",
        "SessionRetryIntervalMultiplier",
    ];
    model.add_from(&rows, CONTROLLER_WS, Params::Only(&ws))?;
    Ok(())
}

/// What stands there at the first start and after a factory reset.
///
/// # Errors
/// When a controller's URL can't be used.
pub fn defaults(config: &Config, endpoint: &str) -> Result<Vec<FactoryDefault>, mtp::Error> {
    let mut rows = Defaults::default();
    rows.set(AGENT, "EndpointID", endpoint);
    rows.set(AGENT, "SoftwareVersion", env!("CARGO_PKG_VERSION"));
    rows.set(AGENT, "SupportedProtocols", "WebSocket");
    rows.set(AGENT, "SupportedThresholdOperator", "Rise,Fall,Cross,Eq,NotEq");
    for (number, listener) in (1..).zip(&config.listeners) {
        let mtp = format!("{AGENT}MTP.{number}.");
        rows.set(&mtp, "Enable", "true");
        rows.set(&mtp, "Protocol", "WebSocket");
        rows.set(&mtp, "Status", "Up");
        let ws = format!("{mtp}WebSocket.");
        rows.set(&ws, "Port", &listener.address.port().to_string());
        rows.set(&ws, "Path", &listener.path);
        rows.set(&ws, "EnableEncryption", if listener.tls { "true" } else { "false" });
    }
    rows.0.extend(roles::defaults(config));
    rows.0.extend(challenges::defaults(config));
    for (number, controller) in (1..).zip(&config.controllers) {
        let row = format!("{AGENT}Controller.{number}.");
        let role = controller.role.as_deref().unwrap_or(roles::FULL_ACCESS);
        rows.set(&row, "AssignedRole", &roles::reference(config, role));
        self::controller(&mut rows, &row, controller)?;
    }
    Ok(rows.0)
}

fn controller(rows: &mut Defaults, row: &str, config: &ControllerConfig) -> Result<(), mtp::Error> {
    rows.set(row, "EndpointID", &config.endpoint);
    rows.set(row, "Enable", "true");
    let seconds = config.periodic_interval.map_or(A_DAY, NonZeroU32::get);
    rows.set(row, "PeriodicNotifInterval", &seconds.to_string());
    if let Some(url) = &config.url {
        let url: WsUrl = url.parse()?;
        let mtp = format!("{row}MTP.1.");
        rows.set(&mtp, "Enable", "true");
        rows.set(&mtp, "Protocol", "WebSocket");
        let ws = format!("{mtp}WebSocket.");
        rows.set(&ws, "Host", &url.host);
        rows.set(&ws, "Port", &url.port.to_string());
        rows.set(&ws, "Path", &url.path);
        rows.set(&ws, "EnableEncryption", if url.secure { "true" } else { "false" });
        rows.set(&ws, "KeepAliveInterval", "60");
    }
    Ok(())
}

#[derive(Default)]
struct Defaults(Vec<FactoryDefault>);

impl Defaults {
    fn set(&mut self, path: &str, param: &str, value: &str) {
        self.0.push(FactoryDefault::new(path, param, value));
    }
}
