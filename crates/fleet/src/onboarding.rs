//! What a device is to be told and asked when it is let in: a plan.
//!
//! Subscriptions are desired state under our own ids. Bringing a device's rows to that state is the
//! controller machine's work; rows of other controllers are never touched.

use crate::limits;
use crate::model::StoredModel;

/// Every subscription id of ours begins so.
pub const ID_PREFIX: &str = "cusp-";

/// What happens when a device is onboarded, in this order: the reads, its model and its rows, the
/// subscriptions, the boot parameters, and at last `OnBoardingComplete`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnboardingPlan {
    /// Objects that are read whole: who and what it is, and our row in its table of controllers.
    pub first_reads: Vec<String>,
    /// Whether its supported model has to be asked for.
    pub ask_model: bool,
    /// The subscriptions that are to exist.
    pub subscriptions: Vec<Subscription>,
    /// Parameters that every Boot! is to carry.
    pub boot_parameters: Vec<String>,
    /// Whether `OnBoardingComplete` is set at the end: only where the model has it.
    pub complete: bool,
}

/// One subscription that is to exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Our id; what a notification carries.
    pub id: String,
    /// What kind of notification.
    pub kind: SubscriptionKind,
    /// About which paths.
    pub references: Vec<String>,
}

/// Kinds of subscription.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SubscriptionKind {
    /// Values.
    ValueChange,
    /// New rows.
    ObjectCreation,
    /// Deleted rows.
    ObjectDeletion,
    /// Finished commands.
    OperationComplete,
    /// Events of the model.
    Event,
}

impl SubscriptionKind {
    /// The value of `NotifType`.
    pub const fn as_str(self) -> &'static str {
        match self {
            SubscriptionKind::ValueChange => "ValueChange",
            SubscriptionKind::ObjectCreation => "ObjectCreation",
            SubscriptionKind::ObjectDeletion => "ObjectDeletion",
            SubscriptionKind::OperationComplete => "OperationComplete",
            SubscriptionKind::Event => "Event",
        }
    }
}

/// Objects whose parameters people look at, and that change seldom enough to be told at once.
const WATCHED: [&str; 5] = [
    "Device.DeviceInfo.SoftwareVersion",
    "Device.Ethernet.Interface.*.Status",
    "Device.IP.Interface.*.Status",
    "Device.USPServices.USPService.*.DataModelPaths",
    "Device.WiFi.SSID.*.Status",
];

impl OnboardingPlan {
    /// The plan for a device of which `model` is known, if it is.
    pub fn compute(model: Option<&StoredModel>) -> Self {
        OnboardingPlan {
            first_reads: owned(&["Device.DeviceInfo.", "Device.LocalAgent."]),
            ask_model: model.is_none(),
            subscriptions: subscriptions(model),
            boot_parameters: owned(&[
                "Device.DeviceInfo.SoftwareVersion",
                "Device.DeviceInfo.HardwareVersion",
            ]),
            complete: supports(model, "Device.LocalAgent.Controller.*.OnBoardingComplete"),
        }
    }
}

fn subscriptions(model: Option<&StoredModel>) -> Vec<Subscription> {
    let one = |id: &str, kind, references: Vec<String>| Subscription {
        id: [ID_PREFIX, id].concat(),
        kind,
        references,
    };
    let watched: Vec<String> =
        WATCHED.iter().filter(|path| supports(model, path)).map(|path| (*path).into()).collect();
    let mut all = vec![
        one("boot", SubscriptionKind::Event, owned(&["Device.Boot!"])),
        one("periodic", SubscriptionKind::Event, owned(&["Device.LocalAgent.Periodic!"])),
        one("transfer", SubscriptionKind::Event, owned(&["Device.LocalAgent.TransferComplete!"])),
        one("operation", SubscriptionKind::OperationComplete, owned(&["Device."])),
    ];
    let tables = model.map(tables).unwrap_or_default();
    if !tables.is_empty() {
        let rows = tables.iter().map(|table| [table, "*."].concat()).collect();
        all.push(one("creation", SubscriptionKind::ObjectCreation, tables));
        all.push(one("deletion", SubscriptionKind::ObjectDeletion, rows));
    }
    if !watched.is_empty() {
        all.push(one("values", SubscriptionKind::ValueChange, watched));
    }
    all
}

/// Tables whose rows come and go by themselves, or for us: news of them would be noise.
const RESTLESS: [&str; 3] = [
    "Device.LocalAgent.Request.",
    "Device.LocalAgent.Subscription.",
    "Device.DeviceInfo.ProcessStatus.Process.",
];

/// The tables of a model as ObjectCreation names them (TR-181 `Subscription.{i}.ReferenceList`: tables
/// only, so `Device.` would be refused), rows above them as wildcards.
fn tables(model: &StoredModel) -> Vec<String> {
    let tables = model.schema.objects.iter().filter(|object| object.is_multi);
    let paths = tables.filter_map(|object| Some(object.path.strip_suffix("{i}.")?.replace("{i}", "*")));
    paths.filter(|path| !RESTLESS.contains(&path.as_str())).take(limits::SUBSCRIBED_TABLES).collect()
}

/// Whether a model has a parameter; a device whose model is unknown is assumed to have only DeviceInfo.
fn supports(model: Option<&StoredModel>, path: &str) -> bool {
    let Some(model) = model else { return path.starts_with("Device.DeviceInfo.") };
    let Some((object, name)) = path.rsplit_once('.') else { return false };
    let object = [&object.replace('*', "{i}"), "."].concat();
    let found = model.schema.objects.iter().find(|one| one.path == object);
    found.is_some_and(|one| one.params.iter().any(|param| param.name == name))
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}
