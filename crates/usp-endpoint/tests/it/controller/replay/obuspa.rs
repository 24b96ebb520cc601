//! What was asked of OB-USP-AGENT 11.0.4 when it was recorded, and what its answers say.

use dm::operation::{
    Add, CreatedInstance, Delete, Deleted, Get, ObjectSettings, ObjectValues, Operate, Operation, Outcome,
    ParamSetting, Requested, Set, UpdatedInstance,
};
use usp_endpoint::controller::io::{Learned, Notice, OnboardingPlan, Subscription};

use super::Replay;

const TABLES: [&str; 20] = [
    "Device.BulkData.Profile.",
    "Device.BulkData.Profile.*.HTTP.RequestURIParameter.",
    "Device.BulkData.Profile.*.Parameter.",
    "Device.LocalAgent.Certificate.",
    "Device.LocalAgent.Controller.",
    "Device.LocalAgent.Controller.*.BootParameter.",
    "Device.LocalAgent.Controller.*.MTP.",
    "Device.LocalAgent.ControllerTrust.Challenge.",
    "Device.LocalAgent.ControllerTrust.Credential.",
    "Device.LocalAgent.ControllerTrust.Role.",
    "Device.LocalAgent.ControllerTrust.Role.*.Permission.",
    "Device.LocalAgent.MTP.",
    "Device.MQTT.Client.",
    "Device.MQTT.Client.*.Subscription.",
    "Device.STOMP.Connection.",
    "Device.Security.Certificate.",
    "Device.USPServices.Trust.",
    "Device.USPServices.USPService.",
    "Device.UnixDomainSockets.Authentication.",
    "Device.UnixDomainSockets.UnixDomainSocket.",
];

fn subscription(id: &str, notif_type: &str, reference_list: impl Into<String>) -> Subscription {
    let reference_list = reference_list.into();
    let (id, notif_type) = (id.to_owned(), notif_type.to_owned());
    Subscription { id, notif_type, reference_list, persistent: true, retry: true }
}

/// The plan for a device of which nothing is known.
pub(super) fn blind_plan() -> OnboardingPlan {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    OnboardingPlan {
        read: texts(&["Device.DeviceInfo.", "Device.LocalAgent."]),
        schema: true,
        instances: true,
        subscriptions: vec![
            subscription("cusp-boot", "Event", "Device.Boot!"),
            subscription("cusp-periodic", "Event", "Device.LocalAgent.Periodic!"),
            subscription("cusp-transfer", "Event", "Device.LocalAgent.TransferComplete!"),
            subscription("cusp-operation", "OperationComplete", "Device."),
            subscription("cusp-values", "ValueChange", "Device.DeviceInfo.SoftwareVersion"),
        ],
        id_prefix: "cusp-".to_owned(),
        boot_parameters: texts(&["Device.DeviceInfo.SoftwareVersion", "Device.DeviceInfo.HardwareVersion"]),
        complete: true,
        ..OnboardingPlan::default()
    }
}

/// The plan once its model is known: its tables are watched, too.
pub(super) fn plan() -> OnboardingPlan {
    let mut plan = blind_plan();
    plan.schema = false;
    let rows: Vec<String> = TABLES.iter().map(|table| format!("{table}*.")).collect();
    plan.subscriptions.push(subscription("cusp-creation", "ObjectCreation", TABLES.join(",")));
    plan.subscriptions.push(subscription("cusp-deletion", "ObjectDeletion", rows.join(",")));
    plan
}

/// What a person asked for, in this order.
pub(super) fn operations() -> Vec<Operation> {
    let interval = |value: &str| {
        Operation::Set(Set {
            allow_partial: false,
            objects: vec![settings(
                "Device.LocalAgent.Controller.1.",
                &[("PeriodicNotifInterval", value)],
                "PeriodicNotifInterval",
            )],
        })
    };
    let paths = ["Device.DeviceInfo.", "Device.LocalAgent.Controller.*.EndpointID", "Device.Nope."];
    let mine = [
        ("ID", "mine"),
        ("NotifType", "ValueChange"),
        ("ReferenceList", "Device.LocalAgent.Controller.1.PeriodicNotifInterval"),
        ("Enable", "true"),
        ("NotifRetry", "true"),
    ];
    vec![
        Operation::Get(Get { paths: paths.map(str::to_owned).to_vec(), max_depth: 0 }),
        interval("3600"),
        Operation::Add(Add {
            allow_partial: false,
            objects: vec![settings("Device.LocalAgent.Subscription.", &mine, "ID")],
        }),
        interval("7200"),
        Operation::Delete(Delete {
            allow_partial: true,
            paths: vec!["Device.LocalAgent.Subscription.99.".to_owned()],
        }),
        Operation::Operate(Operate {
            command: "Device.LocalAgent.Certificate.1.GetFingerprint()".to_owned(),
            command_key: "01a1fdb1-5035-741f-a275-54db0757a070".to_owned(),
            send_resp: true,
            args: vec![("FingerprintAlgorithm".to_owned(), "SHA-256".to_owned())],
        }),
    ]
}

/// What its answers mean.
pub(super) fn check(replay: &Replay) {
    check_learned(&replay.learned);
    let [(_, Outcome::Get(got)), rest @ ..] = &replay.outcomes.iter().collect::<Vec<_>>()[..] else {
        panic!("{:?}", replay.outcomes);
    };
    let faults: Vec<Option<u32>> =
        got.iter().map(|one| one.result.as_ref().err().map(|fault| fault.code.0)).collect();
    assert_eq!(faults, [None, None, Some(7026)]);
    let endpoint = values("Device.LocalAgent.Controller.1.", "EndpointID", "self::cusp-2746937e7dea");
    assert_eq!(got[1].result, Ok(vec![endpoint]));
    let told = |name: &str| {
        let objects = got[0].result.as_ref().expect("values");
        objects[0].params.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_str())
    };
    assert_eq!((told("SerialNumber"), told("ManufacturerOUI")), (Some("000000000000"), Some("012345")));

    let updated = |value: &str| {
        let ObjectValues { path, params } =
            values("Device.LocalAgent.Controller.1.", "PeriodicNotifInterval", value);
        let result = Ok(vec![UpdatedInstance { path: path.clone(), params, errors: Vec::new() }]);
        Outcome::Set(vec![Requested { path, result }])
    };
    let keys = [("Alias", "cpe-8"), ("ID", "mine"), ("Recipient", "Device.LocalAgent.Controller.1")];
    let created = CreatedInstance {
        path: "Device.LocalAgent.Subscription.8.".to_owned(),
        unique_keys: keys.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        errors: Vec::new(),
    };
    let created = Requested { path: "Device.LocalAgent.Subscription.".to_owned(), result: Ok(created) };
    let deleted =
        Requested { path: "Device.LocalAgent.Subscription.99.".to_owned(), result: Ok(Deleted::default()) };
    let answers: Vec<&Outcome> = rest.iter().map(|(_, outcome)| *outcome).collect();
    let expected =
        [&updated("3600"), &Outcome::Add(vec![created]), &updated("7200"), &Outcome::Delete(vec![deleted])];
    assert_eq!(answers[..4], expected);
    let [Outcome::Failed(failure)] = answers[4..] else { panic!("{:?}", &answers[4..]) };
    assert_eq!(failure.fault.code.0, 7016);

    let [notified] = &replay.notified[..] else { panic!("{:?}", replay.notified) };
    assert_eq!((notified.subscription_id.as_str(), notified.send_resp), ("mine", true));
    let path = "Device.LocalAgent.Controller.1.PeriodicNotifInterval".to_owned();
    assert_eq!(notified.what, Notice::ValueChange { path, value: "7200".to_owned() });
}

/// Twice the same, but for the model, which is asked for once.
fn check_learned(learned: &[Learned]) {
    let mut kinds = Vec::new();
    for one in learned {
        kinds.push(match one {
            Learned::Protocols(versions) => {
                assert_eq!(versions, "1.0,1.1,1.2,1.3");
                "protocols"
            }
            Learned::Values(_) => "values",
            Learned::Schema(Outcome::GetSchema(results)) => {
                let model = results[0].result.as_ref().expect("a model");
                assert!(model.objects.iter().any(|one| one.path == "Device.LocalAgent.Subscription.{i}."));
                "schema"
            }
            Learned::Schema(other) => panic!("{other:?}"),
            Learned::Instances(Outcome::GetInstances(results)) => {
                let rows = results.iter().filter_map(|one| one.result.as_ref().ok()).flatten();
                assert!(rows.into_iter().any(|row| row.path == "Device.LocalAgent.Controller.1."));
                "instances"
            }
            Learned::Instances(other) => panic!("{other:?}"),
            Learned::Refused(refused) => panic!("it takes them all: {refused:?}"),
            Learned::OwnRow(path) => {
                assert_eq!(path, "Device.LocalAgent.Controller.1.");
                "own row"
            }
        });
    }
    kinds.sort_unstable();
    let twice = ["instances", "own row", "protocols", "values"];
    let mut expected = [&twice[..], &twice, &["schema"]].concat();
    expected.sort_unstable();
    assert_eq!(kinds, expected);
}

fn values(path: &str, param: &str, value: &str) -> ObjectValues {
    ObjectValues { path: path.to_owned(), params: vec![(param.to_owned(), value.to_owned())] }
}

fn settings(path: &str, params: &[(&str, &str)], required: &str) -> ObjectSettings {
    let params = params.iter().map(|(param, value)| ParamSetting {
        param: (*param).to_owned(),
        value: (*value).to_owned(),
        required: *param == required,
    });
    ObjectSettings { path: path.to_owned(), params: params.collect() }
}
