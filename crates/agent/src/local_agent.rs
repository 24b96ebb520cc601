//! `LocalAgent.`: which part of it this agent has, and what stands in it at the first start.

mod transports;

use std::num::NonZeroU32;

use dm::model::{ModelBuilder, ModelError, Params};
use dm::operation::ParamAccess;
use engine::FactoryDefault;

use crate::config::{Config, ControllerConfig};
use crate::providers::support::catalogue;
use crate::{challenges, roles, trust};

pub use transports::STORED;

/// Rows of which no value outlives the process.
pub const VOLATILE: [&str; 2] = ["Device.DeviceInfo.ProcessStatus.", "Device.LocalAgent.Request."];

/// Parameters that say how something fares at the moment: they begin anew with each process.
pub const FLEETING: [(&str, &str, &str); 9] = [
    ("Device.LocalAgent.MTP.{i}.", "Status", "Down"),
    ("Device.LocalAgent.MTP.{i}.MQTT.", "ResponseTopicDiscovered", ""),
    ("Device.LocalAgent.MTP.{i}.STOMP.", "DestinationFromServer", ""),
    ("Device.LocalAgent.Controller.{i}.MTP.{i}.UDS.", "USPServiceRef", ""),
    ("Device.LocalAgent.Controller.{i}.E2ESession.", "Status", "Down"),
    ("Device.LocalAgent.Controller.{i}.E2ESession.", "CurrentRetryCount", "0"),
    ("Device.MQTT.Client.{i}.", "Status", "Disabled"),
    ("Device.MQTT.Client.{i}.", "ResponseInformation", ""),
    ("Device.STOMP.Connection.{i}.", "Status", "Disabled"),
];

const AGENT: &str = "Device.LocalAgent.";
const CONTROLLER: &str = "Device.LocalAgent.Controller.{i}.";
const BOOT_PARAMETER: &str = "Device.LocalAgent.Controller.{i}.BootParameter.{i}.";
const SESSIONS: &str = "Device.LocalAgent.Controller.{i}.E2ESession.";
const TRANSFERS: &str = "Device.LocalAgent.Controller.{i}.TransferCompletePolicy.";
const SUBSCRIPTION: &str = "Device.LocalAgent.Subscription.{i}.";
const THRESHOLD: &str = "Device.LocalAgent.Threshold.{i}.";
const REQUEST: &str = "Device.LocalAgent.Request.{i}.";
const TRUST: &str = "Device.LocalAgent.ControllerTrust.";
const ROLE: &str = "Device.LocalAgent.ControllerTrust.Role.{i}.";
const CHALLENGE: &str = "Device.LocalAgent.ControllerTrust.Challenge.{i}.";
const CREDENTIAL: &str = "Device.LocalAgent.ControllerTrust.Credential.{i}.";
const CERTIFICATE: &str = "Device.LocalAgent.Certificate.{i}.";
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
                "MaxSubscriptionChangeAdoptionTime",
                "SupportedProtocols",
                "MTPNumberOfEntries",
                "ControllerNumberOfEntries",
                "SubscriptionNumberOfEntries",
                "RequestNumberOfEntries",
                "ThresholdNumberOfEntries",
                "SupportedThresholdOperator",
                "CertificateNumberOfEntries",
                "SupportedFingerprintAlgorithms",
            ]),
        )?
        .add_actions(&rows, AGENT, &["Periodic!", "TransferComplete!", "AddCertificate()"])?;
    engine::support_timers(model)?;
    controllers(model)?;
    transports::support(model)?;
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
    let trust = [
        "RoleNumberOfEntries",
        "CredentialNumberOfEntries",
        "ChallengeNumberOfEntries",
        "UntrustedRole",
        "BannedRole",
        "SecuredRoles",
        "TOFUAllowed",
        "TOFUInactivityTimer",
    ];
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
    model
        .add_from(&rows, PERMISSION, Params::Only(&permission))?
        .add_from(&rows, CREDENTIAL, Params::All)?
        .add_from(&rows, CERTIFICATE, Params::All)?
        .add_actions(&rows, CERTIFICATE, &["Delete()", "GetFingerprint()"])?;
    engine::trust::support(model)
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
        "InheritedRole",
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
        .param_default(CONTROLLER, "PeriodicNotifInterval", &A_DAY.to_string())?
        .add_actions(&rows, CONTROLLER, &["SendOnBoardRequest()", "AddMyCertificate()"])?
        .add_from(&rows, BOOT_PARAMETER, Params::Only(&["Alias", "Enable", "ParameterName"]))?
        .add_from(&rows, TRANSFERS, Params::Only(&["ResultTypeFilter"]))?;
    let sessions = [
        "CurrentRetryCount",
        "MaxRetransmitTries",
        "MaxUSPRecordSize",
        "PayloadSecurity",
        "SessionExpiration",
        "SessionMode",
        "SessionRetryIntervalMultiplier",
        "SessionRetryMinimumWaitInterval",
        "Status",
    ];
    model.add_from(&rows, SESSIONS, Params::Only(&sessions))?.add_actions(&rows, SESSIONS, &["Reset()"])?;
    Ok(())
}

/// What stands there at the first start and after a factory reset.
///
/// # Errors
/// When a controller's URL, or the certificate of a CA, can't be used.
pub fn defaults(config: &Config, endpoint: &str) -> anyhow::Result<Vec<FactoryDefault>> {
    let mut rows = Defaults::default();
    rows.set(AGENT, "EndpointID", endpoint);
    rows.set(AGENT, "SoftwareVersion", env!("CARGO_PKG_VERSION"));
    // A subscription is adopted by the time that the answer leaves, which is in less than the least that may be said.
    rows.set(AGENT, "MaxSubscriptionChangeAdoptionTime", "5");
    rows.set(AGENT, "SupportedThresholdOperator", "Rise,Fall,Cross,Eq,NotEq");
    rows.set(AGENT, "SupportedFingerprintAlgorithms", &pki::cert::FINGERPRINTS.join(","));
    transports::defaults(&mut rows, config, endpoint)?;
    rows.0.extend(roles::defaults(config));
    rows.0.extend(challenges::defaults(config));
    for (number, controller) in (1..).zip(&config.controllers) {
        let row = format!("{AGENT}Controller.{number}.");
        let role = controller.role.as_deref().unwrap_or(roles::FULL_ACCESS);
        rows.set(&row, "AssignedRole", &roles::reference(config, role));
        self::controller(&mut rows, &row, controller);
    }
    rows.0.extend(trust::defaults(config)?);
    Ok(rows.0)
}

fn controller(rows: &mut Defaults, row: &str, config: &ControllerConfig) {
    rows.set(row, "EndpointID", &config.endpoint);
    rows.set(row, "Enable", "true");
    rows.set(&format!("{row}E2ESession."), "SessionMode", "Allow");
    let seconds = config.periodic_interval.map_or(A_DAY, NonZeroU32::get);
    rows.set(row, "PeriodicNotifInterval", &seconds.to_string());
}

#[derive(Default)]
struct Defaults(Vec<FactoryDefault>);

impl Defaults {
    fn set(&mut self, path: &str, param: &str, value: &str) {
        self.0.push(FactoryDefault::new(path, param, value));
    }

    fn secret(&mut self, path: &str, param: &str, value: &str) {
        self.0.push(FactoryDefault::secret(path, param, value));
    }
}
