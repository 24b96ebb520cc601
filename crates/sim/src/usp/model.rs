//! The simulated device: which part of TR-181 it has, and what every device starts with.
//!
//! The engine keeps all of it itself, so that reading costs no refresh, writing works everywhere where the
//! catalogue allows it, and all agents share what none of them has changed.

use std::time::Duration;

use dm::model::{ModelBuilder, ModelError, Params};
use dm::path::SchemaPath;
use dm::schema::{Catalogue, Protocol, tr_181};
use dm::tree::Tree;
use engine::{EndpointId, EngineError, FactoryDefault, Kind, KindConfig};

use super::way::{Address, controller_topic};

/// Rows of `Device.IP.Interface.{i}.` that every device has.
pub const INTERFACES: u32 = 20;

/// An OUI with the bit for local administration: no vendor has it.
pub(super) const OUI: &str = "02C059";
pub(super) const PRODUCT_CLASS: &str = "Simulated";
pub(super) const SOFTWARE_VERSION: &str = "1.0.0";

const CONTROLLER: &str = "Device.LocalAgent.Controller.1.";
const CONTROLLER_MTP: &str = "Device.LocalAgent.Controller.1.MTP.1.";
const CONTROLLER_WEBSOCKET: &str = "Device.LocalAgent.Controller.1.MTP.1.WebSocket.";
const CONTROLLER_MQTT: &str = "Device.LocalAgent.Controller.1.MTP.1.MQTT.";

/// Objects of the catalogue, and the parameters that are taken of them.
const OBJECTS: &[(&str, Params<'_>)] = &[
    ("Device.", Params::Only(&["RootDataModelVersion"])),
    (
        "Device.DeviceInfo.",
        Params::Only(&[
            "Description",
            "FriendlyName",
            "HardwareVersion",
            "Manufacturer",
            "ManufacturerOUI",
            "ModelName",
            "ProductClass",
            "ProvisioningCode",
            "SerialNumber",
            "SoftwareVersion",
            "UpTime",
        ]),
    ),
    ("Device.DeviceInfo.MemoryStatus.", Params::Only(&["Free", "Total"])),
    ("Device.DeviceInfo.ProcessStatus.", Params::Only(&["CPUUsage"])),
    ("Device.Time.", Params::Only(&["Enable", "LocalTimeZone", "Status"])),
    ("Device.IP.", Params::Only(&["IPv4Capable", "IPv4Enable", "IPv4Status", "InterfaceNumberOfEntries"])),
    ("Device.IP.Interface.{i}.", Params::Only(&["Alias", "Enable", "MaxMTUSize", "Name", "Status", "Type"])),
    (
        "Device.IP.Interface.{i}.Stats.",
        Params::Only(&["BytesReceived", "BytesSent", "PacketsReceived", "PacketsSent"]),
    ),
    (
        "Device.LocalAgent.",
        Params::Only(&[
            "ControllerNumberOfEntries",
            "EndpointID",
            "RequestNumberOfEntries",
            "SoftwareVersion",
            "SubscriptionNumberOfEntries",
            "SupportedProtocols",
            "UpTime",
        ]),
    ),
    (
        "Device.LocalAgent.Controller.{i}.",
        Params::Only(&[
            "Alias",
            "BootParameterNumberOfEntries",
            "Enable",
            "EndpointID",
            "MTPNumberOfEntries",
            "OnBoardingComplete",
            "OnBoardingRestartTime",
            "PeriodicNotifInterval",
            "PeriodicNotifTime",
            "ProvisioningCode",
            "USPNotifRetryIntervalMultiplier",
            "USPNotifRetryMinimumWaitInterval",
        ]),
    ),
    ("Device.LocalAgent.Controller.{i}.BootParameter.{i}.", Params::All),
    ("Device.LocalAgent.Controller.{i}.MTP.{i}.", Params::Only(&["Alias", "Enable", "Protocol"])),
    ("Device.LocalAgent.Controller.{i}.TransferCompletePolicy.", Params::All),
    ("Device.LocalAgent.Request.{i}.", Params::All),
    ("Device.LocalAgent.Subscription.{i}.", Params::All),
];

/// How the controller is reached by WebSocket, and through a broker.
const BY_WEBSOCKET: (&str, Params<'_>) = (
    "Device.LocalAgent.Controller.{i}.MTP.{i}.WebSocket.",
    Params::Only(&["EnableEncryption", "Host", "KeepAliveInterval", "Path", "Port"]),
);
const BY_MQTT: (&str, Params<'_>) =
    ("Device.LocalAgent.Controller.{i}.MTP.{i}.MQTT.", Params::Only(&["Topic"]));

/// Commands that the agent machine runs itself, beside `Device.ScheduleTimer()`, and events that it raises.
const ACTIONS: &[(&str, &[&str])] = &[
    ("Device.", &["Boot!"]),
    ("Device.LocalAgent.", &["Periodic!", "TransferComplete!"]),
    ("Device.LocalAgent.Controller.{i}.", &["SendOnBoardRequest()"]),
    ("Device.LocalAgent.Request.{i}.", &["Cancel()"]),
];

/// What tells one fleet's devices from another's.
pub(super) struct Setting<'a> {
    pub(super) controller: &'a EndpointId,
    pub(super) address: &'a Address,
    pub(super) periodic: Duration,
    pub(super) keep_alive: Duration,
}

/// The kind that all devices of a fleet are of.
pub(super) fn kind(setting: &Setting<'_>) -> Result<Kind, EngineError> {
    let catalogue = tr_181();
    let request = SchemaPath::parse("Device.LocalAgent.Request.{i}.");
    let config = KindConfig {
        uri: catalogue.model_uri(Protocol::Usp).unwrap_or_default().to_owned(),
        own: &|model| {
            supported(model, &catalogue, setting.address)
                .expect("the catalogue has these rows: a test builds them");
        },
        stored: Vec::new(),
        volatile: request.into_iter().collect(),
        defaults: defaults(setting),
    };
    Kind::build(&config, &[])
}

/// The tree of a device of a controller that is nowhere.
pub(super) fn base() -> Tree {
    let setting = Setting {
        controller: &EndpointId::receive("proto::controller").expect("it has two colons"),
        address: &Address::parse("ws://127.0.0.1:8183/usp").expect("it is a URL"),
        periodic: Duration::from_secs(300),
        keep_alive: Duration::from_secs(60),
    };
    kind(&setting).expect("nothing of it depends on the setting").base().clone()
}

fn supported(
    model: &mut ModelBuilder,
    catalogue: &Catalogue<'_>,
    address: &Address,
) -> Result<(), ModelError> {
    let by = match address {
        Address::WebSocket(_) => BY_WEBSOCKET,
        Address::Mqtt(_) => BY_MQTT,
    };
    for (path, params) in OBJECTS.iter().chain([&by]) {
        model.add_from(catalogue, path, *params)?;
    }
    for (path, names) in ACTIONS {
        model.add_actions(catalogue, path, names)?;
    }
    engine::support_timers(model)
}

fn defaults(setting: &Setting<'_>) -> Vec<FactoryDefault> {
    let fixed = [
        ("Device.", "RootDataModelVersion", "2.19"),
        ("Device.DeviceInfo.", "Description", "Simulated device"),
        ("Device.DeviceInfo.", "FriendlyName", "Simulated device"),
        ("Device.DeviceInfo.", "HardwareVersion", "1.0"),
        ("Device.DeviceInfo.", "Manufacturer", "Cusp"),
        ("Device.DeviceInfo.", "ManufacturerOUI", OUI),
        ("Device.DeviceInfo.", "ModelName", "Simulator"),
        ("Device.DeviceInfo.", "ProductClass", PRODUCT_CLASS),
        ("Device.DeviceInfo.", "ProvisioningCode", ""),
        ("Device.DeviceInfo.", "SoftwareVersion", SOFTWARE_VERSION),
        ("Device.DeviceInfo.", "UpTime", "0"),
        ("Device.DeviceInfo.MemoryStatus.", "Free", "131072"),
        ("Device.DeviceInfo.MemoryStatus.", "Total", "262144"),
        ("Device.DeviceInfo.ProcessStatus.", "CPUUsage", "5"),
        ("Device.Time.", "Enable", "true"),
        ("Device.Time.", "LocalTimeZone", "UTC0"),
        ("Device.Time.", "Status", "Synchronized"),
        ("Device.IP.", "IPv4Capable", "true"),
        ("Device.IP.", "IPv4Enable", "true"),
        ("Device.IP.", "IPv4Status", "Enabled"),
        ("Device.LocalAgent.", "SoftwareVersion", SOFTWARE_VERSION),
        ("Device.LocalAgent.", "UpTime", "0"),
        (CONTROLLER, "Enable", "true"),
        (CONTROLLER_MTP, "Enable", "true"),
    ];
    let mut defaults: Vec<FactoryDefault> =
        fixed.iter().map(|(path, param, value)| FactoryDefault::new(path, param, value)).collect();
    let seconds = |time: Duration| time.as_secs().max(1).to_string();
    defaults.extend([
        FactoryDefault::new(CONTROLLER, "EndpointID", setting.controller.as_str()),
        FactoryDefault::new(CONTROLLER, "PeriodicNotifInterval", &seconds(setting.periodic)),
    ]);
    let protocol = match setting.address {
        Address::WebSocket(url) => {
            defaults.extend([
                FactoryDefault::new(CONTROLLER_WEBSOCKET, "EnableEncryption", &url.secure.to_string()),
                FactoryDefault::new(CONTROLLER_WEBSOCKET, "Host", &url.host),
                FactoryDefault::new(CONTROLLER_WEBSOCKET, "KeepAliveInterval", &seconds(setting.keep_alive)),
                FactoryDefault::new(CONTROLLER_WEBSOCKET, "Path", &url.path),
                FactoryDefault::new(CONTROLLER_WEBSOCKET, "Port", &url.port.to_string()),
            ]);
            "WebSocket"
        }
        Address::Mqtt(_) => {
            let topic = controller_topic(setting.controller);
            let topic = topic.map(|topic| topic.as_str().to_owned()).unwrap_or_default();
            defaults.push(FactoryDefault::new(CONTROLLER_MQTT, "Topic", &topic));
            "MQTT"
        }
    };
    defaults.extend([
        FactoryDefault::new("Device.LocalAgent.", "SupportedProtocols", protocol),
        FactoryDefault::new(CONTROLLER_MTP, "Protocol", protocol),
    ]);
    defaults.extend((1..=INTERFACES).flat_map(interface));
    defaults
}

fn interface(number: u32) -> [FactoryDefault; 9] {
    let path = format!("Device.IP.Interface.{number}.");
    let stats = format!("{path}Stats.");
    // Different enough to be told apart in a table.
    let packets = 1000 * number;
    let count = |param, value: u32| FactoryDefault::new(&stats, param, &value.to_string());
    [
        FactoryDefault::new(&path, "Enable", "true"),
        FactoryDefault::new(&path, "MaxMTUSize", "1500"),
        FactoryDefault::new(&path, "Name", &format!("sim{number}")),
        FactoryDefault::new(&path, "Status", "Up"),
        FactoryDefault::new(&path, "Type", "Normal"),
        count("BytesReceived", 900 * packets),
        count("BytesSent", 600 * packets),
        count("PacketsReceived", packets),
        count("PacketsSent", packets),
    ]
}

/// What makes a device out of its kind.
pub(super) fn identity(endpoint: &EndpointId, serial: &str) -> Vec<FactoryDefault> {
    vec![
        FactoryDefault::new("Device.DeviceInfo.", "SerialNumber", serial),
        FactoryDefault::new("Device.LocalAgent.", "EndpointID", endpoint.as_str()),
    ]
}

#[cfg(test)]
mod tests {
    use dm::path::ObjectPath;
    use dm::tree::Place;

    use super::*;

    #[test]
    fn a_device_has_250_parameters_and_20_interfaces() {
        let tree = base();
        // SerialNumber and LocalAgent.EndpointID are the device's own.
        let mut params = 2;
        tree.for_each(|_, values| params += values.iter().flatten().count());
        assert_eq!(params, 250);
        let table = Place::of(tree.model(), &ObjectPath::parse("Device.IP.Interface.").unwrap()).unwrap();
        assert_eq!(tree.rows(&table).len(), 20);
    }

    #[test]
    fn values_of_the_base() {
        let tree = base();
        let cases = [
            ("Device.", "RootDataModelVersion", "2.19"),
            ("Device.IP.", "InterfaceNumberOfEntries", "20"),
            ("Device.IP.Interface.20.", "Alias", "cpe-20"),
            ("Device.IP.Interface.20.Stats.", "BytesSent", "12000000"),
            ("Device.LocalAgent.", "ControllerNumberOfEntries", "1"),
            ("Device.LocalAgent.Controller.1.", "EndpointID", "proto::controller"),
            ("Device.LocalAgent.Controller.1.", "OnBoardingComplete", "false"),
            ("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", "300"),
            ("Device.LocalAgent.Controller.1.MTP.1.WebSocket.", "Port", "8183"),
        ];
        for (path, param, expected) in cases {
            let place = Place::of(tree.model(), &ObjectPath::parse(path).unwrap()).unwrap();
            assert_eq!(tree.text_of(&place, param), expected, "{path}{param}");
        }
    }
}
