//! Onboarding plans, and the reconciliation of subscriptions.

use dm::operation::{ObjectValues, Operation, ParamAccess, SchemaObject, SchemaParam, SchemaResult};
use fleet::model::StoredModel;
use fleet::onboarding::{OnboardingPlan, Subscription, SubscriptionKind, reconcile};

const OURS: &str = "Device.LocalAgent.Controller.1";

fn wanted() -> Vec<Subscription> {
    vec![
        Subscription {
            id: "cusp-boot".into(),
            kind: SubscriptionKind::Event,
            references: vec!["Device.Boot!".into()],
        },
        Subscription {
            id: "cusp-values".into(),
            kind: SubscriptionKind::ValueChange,
            references: vec!["Device.A.B".into(), "Device.C.D".into()],
        },
    ]
}

fn row(number: u32, id: &str, kind: &str, references: &str) -> ObjectValues {
    let params = [
        ("Enable", "true"),
        ("Recipient", "Device.LocalAgent.Controller.1"),
        ("ID", id),
        ("NotifType", kind),
        ("ReferenceList", references),
        ("Persistent", "true"),
        ("NotifRetry", "true"),
    ];
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    ObjectValues { path: format!("Device.LocalAgent.Subscription.{number}."), params }
}

fn with(mut row: ObjectValues, name: &str, value: &str) -> ObjectValues {
    for (param, old) in &mut row.params {
        if param == name {
            *old = value.to_owned();
        }
    }
    row
}

/// What is done, one line each.
fn lines(operations: &[Operation]) -> Vec<String> {
    operations
        .iter()
        .flat_map(|operation| match operation {
            Operation::Delete(delete) => {
                delete.paths.iter().map(|path| format!("delete {path}")).collect::<Vec<_>>()
            }
            Operation::Set(set) => set
                .objects
                .iter()
                .map(|object| {
                    let params: Vec<_> =
                        object.params.iter().map(|one| format!("{}={}", one.param, one.value)).collect();
                    format!("set {} {}", object.path, params.join(" "))
                })
                .collect(),
            Operation::Add(add) => add
                .objects
                .iter()
                .map(|object| {
                    let params: Vec<_> =
                        object.params.iter().map(|one| format!("{}={}", one.param, one.value)).collect();
                    format!("add {} {}", object.path, params.join(" "))
                })
                .collect(),
            other => vec![format!("{other:?}")],
        })
        .collect()
}

fn check(rows: &[ObjectValues], expected: &[&str]) {
    assert_eq!(lines(&reconcile(&wanted(), rows, OURS)), expected);
}

const ADD_BOOT: &str = "add Device.LocalAgent.Subscription. Enable=true ID=cusp-boot NotifType=Event \
                        ReferenceList=Device.Boot! Persistent=true NotifRetry=true";
const ADD_VALUES: &str = "add Device.LocalAgent.Subscription. Enable=true ID=cusp-values NotifType=ValueChange \
                          ReferenceList=Device.A.B,Device.C.D Persistent=true NotifRetry=true";

#[test]
fn subscriptions_are_brought_to_what_is_wanted() {
    let boot = || row(1, "cusp-boot", "Event", "Device.Boot!");
    let values = || row(2, "cusp-values", "ValueChange", "Device.C.D, Device.A.B");
    check(&[], &[ADD_BOOT, ADD_VALUES]);
    check(&[boot(), values()], &[]);
    check(&[boot()], &[ADD_VALUES]);
    // References and type are written once.
    check(
        &[boot(), row(2, "cusp-values", "ValueChange", "Device.A.B")],
        &["delete Device.LocalAgent.Subscription.2.", ADD_VALUES],
    );
    check(
        &[row(1, "cusp-boot", "ValueChange", "Device.Boot!"), values()],
        &["delete Device.LocalAgent.Subscription.1.", ADD_BOOT],
    );
    // The rest can be set right.
    let off = with(with(boot(), "Enable", "false"), "NotifRetry", "0");
    check(&[off, values()], &["set Device.LocalAgent.Subscription.1. Enable=true NotifRetry=true"]);
    // Ours, but no longer wanted; and the same one twice.
    check(
        &[boot(), values(), row(3, "cusp-old", "Event", "Device.X!")],
        &["delete Device.LocalAgent.Subscription.3."],
    );
    check(
        &[boot(), values(), row(4, "cusp-boot", "Event", "Device.Boot!")],
        &["delete Device.LocalAgent.Subscription.4."],
    );
}

#[test]
fn rows_of_others_are_never_touched() {
    let other =
        with(row(1, "cusp-boot", "Event", "Device.Boot!"), "Recipient", "Device.LocalAgent.Controller.2");
    let foreign = row(2, "boot", "Event", "Device.Boot!");
    let mut nobody = row(3, "cusp-boot", "Event", "Device.Boot!");
    nobody.params.retain(|(name, _)| name != "Recipient");
    let mut elsewhere = row(4, "cusp-old", "Event", "Device.X!");
    elsewhere.path = "Device.LocalAgent.Threshold.1.".into();
    check(&[other, foreign, nobody, elsewhere], &[ADD_BOOT, ADD_VALUES]);
    let dotted =
        with(row(5, "cusp-old", "Event", "Device.X!"), "Recipient", "Device.LocalAgent.Controller.1.");
    check(&[dotted], &["delete Device.LocalAgent.Subscription.5.", ADD_BOOT, ADD_VALUES]);
}

#[test]
fn a_plan_asks_for_what_is_not_known() {
    let fresh = OnboardingPlan::compute(None);
    assert!(fresh.ask_model.is_some());
    let ids = |plan: &OnboardingPlan| plan.subscriptions.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    let always = ["cusp-boot", "cusp-periodic", "cusp-transfer", "cusp-operation"];
    // Which tables there are, nobody knows yet.
    assert_eq!(ids(&fresh), [&always[..], &["cusp-values"]].concat());
    let param = |name: &str| SchemaParam {
        name: name.into(),
        access: ParamAccess::ReadOnly,
        value_type: None,
        value_change: None,
    };
    let object = SchemaObject {
        path: "Device.IP.Interface.{i}.".into(),
        params: vec![param("Status")],
        ..SchemaObject::default()
    };
    let table = |path: &str| SchemaObject { path: path.into(), is_multi: true, ..SchemaObject::default() };
    let object = SchemaObject { is_multi: true, ..object };
    let objects = vec![
        object,
        table("Device.IP.Interface.{i}.IPv4Address.{i}."),
        table("Device.LocalAgent.Request.{i}."),
        SchemaObject { path: "Device.IP.".into(), ..SchemaObject::default() },
    ];
    let schema = SchemaResult { model_uri: String::new(), objects };
    let known = OnboardingPlan::compute(Some(&StoredModel::new(schema).expect("small")));
    assert_eq!(known.ask_model, None);
    let values = known.subscriptions.last().expect("some");
    assert_eq!(values.references, ["Device.IP.Interface.*.Status"]);
    let references =
        |id: &str| known.subscriptions.iter().find(|one| one.id == id).map(|one| one.references.clone());
    let tables = ["Device.IP.Interface.", "Device.IP.Interface.*.IPv4Address."].map(str::to_owned).to_vec();
    assert_eq!(references("cusp-creation"), Some(tables), "tables only, and none that is always moving");
    let rows = ["Device.IP.Interface.*.", "Device.IP.Interface.*.IPv4Address.*."].map(str::to_owned).to_vec();
    assert_eq!(references("cusp-deletion"), Some(rows));
    let empty = StoredModel::new(SchemaResult::default()).expect("small");
    assert_eq!(ids(&OnboardingPlan::compute(Some(&empty))), always);
}
