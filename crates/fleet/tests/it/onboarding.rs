//! Onboarding plans.

use dm::operation::{ParamAccess, SchemaObject, SchemaParam, SchemaResult};
use fleet::model::StoredModel;
use fleet::onboarding::OnboardingPlan;

#[test]
fn a_plan_asks_for_what_is_not_known() {
    let fresh = OnboardingPlan::compute(None);
    assert!(fresh.ask_model);
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
        table("Device.LocalAgent.X_CUSP_Timer.{i}."),
        SchemaObject { path: "Device.IP.".into(), ..SchemaObject::default() },
    ];
    let schema = SchemaResult { model_uri: String::new(), objects };
    let known = OnboardingPlan::compute(Some(&StoredModel::new(schema).expect("small")));
    assert!(!known.ask_model);
    assert!(!known.complete, "this model has no such parameter");
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
    assert!(!known.services);
    let service = SchemaObject {
        path: "Device.USPServices.USPService.{i}.".into(),
        is_multi: true,
        params: vec![param("DataModelPaths")],
        ..SchemaObject::default()
    };
    let schema = SchemaResult { model_uri: String::new(), objects: vec![service] };
    let broker = OnboardingPlan::compute(Some(&StoredModel::new(schema).expect("small")));
    assert!(broker.services);
    assert_eq!(ids(&broker), [&always[..], &["cusp-service", "cusp-service-gone", "cusp-values"]].concat());
    let news: Vec<_> = broker.subscriptions[4..].iter().flat_map(|one| &one.references).collect();
    let rows = ["Device.USPServices.USPService.", "Device.USPServices.USPService.*."];
    assert_eq!(news, [&rows[..], &["Device.USPServices.USPService.*.DataModelPaths"]].concat());
    let row = SchemaObject {
        path: "Device.LocalAgent.Controller.{i}.".into(),
        params: vec![param("OnBoardingComplete")],
        ..SchemaObject::default()
    };
    let schema = SchemaResult { model_uri: String::new(), objects: vec![row] };
    assert!(OnboardingPlan::compute(Some(&StoredModel::new(schema).expect("small"))).complete);
}
