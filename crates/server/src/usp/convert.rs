//! Between the machine's terms and the domain's.

use std::collections::BTreeSet;

use dm::limits::MAX_PATH_BYTES;
use dm::operation::{Get, GetInstances, Operation, Requested, SchemaResult};
use dm::{Fault, Outcome};
use fleet::event::{EventBody, EventKind};
use fleet::onboarding::OnboardingPlan as FleetPlan;
use usp_endpoint::controller::io::{Notice, OnboardingPlan, Subscription};

use super::onboarding::{body, event_kind};

/// The event of the log that a notification is.
pub(super) fn event(what: &Notice) -> EventBody {
    match what {
        Notice::Event { path, name, params } => {
            body(event_kind(path, name), &format!("{path}{name}"), params)
        }
        Notice::ValueChange { path, value } => {
            body(EventKind::ValueChange, path, &[("value".to_owned(), value.clone())])
        }
        Notice::ObjectCreation { path, unique_keys } => body(EventKind::ObjectCreation, path, unique_keys),
        Notice::ObjectDeletion { path } => body(EventKind::ObjectDeletion, path, &[]),
        Notice::OperationComplete { path, command, command_key, result } => {
            let mut params = vec![("command_key".to_owned(), command_key.clone())];
            match result {
                Ok(outputs) => params.extend(outputs.iter().cloned()),
                Err(fault) => {
                    params.push(("err_code".to_owned(), fault.code.to_string()));
                    params.push(("err_msg".to_owned(), fault.message.clone()));
                }
            }
            body(EventKind::OperationComplete, &format!("{path}{command}"), &params)
        }
        Notice::OnBoardRequest { oui, product_class, serial_number, versions } => {
            let params = [
                ("OUI", oui),
                ("ProductClass", product_class),
                ("SerialNumber", serial_number),
                ("AgentSupportedProtocolVersions", versions),
            ];
            let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.clone())).to_vec();
            body(EventKind::Onboard, "Device.", &params)
        }
    }
}

/// How much of a plan is carried out at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, for a device whose model is known.
    Whole,
    /// Only what is read and asked: what is set up depends on that.
    Look,
    /// What is set up after a look.
    SetUp,
    /// The model and the rows alone.
    Model,
}

/// The domain's plan for the machine.
pub(super) fn plan(plan: &FleetPlan, part: Part) -> OnboardingPlan {
    let subscription = |wanted: &fleet::onboarding::Subscription| Subscription {
        id: wanted.id.clone(),
        notif_type: wanted.kind.as_str().to_owned(),
        reference_list: wanted.references.join(","),
        persistent: true,
        retry: true,
    };
    let mut whole = OnboardingPlan::default();
    if part != Part::SetUp {
        whole.schema = plan.ask_model;
        whole.instances = true;
    }
    if matches!(part, Part::Look | Part::Whole) {
        whole.read.clone_from(&plan.first_reads);
    }
    if matches!(part, Part::SetUp | Part::Whole) {
        whole.id_prefix = fleet::onboarding::ID_PREFIX.to_owned();
        whole.subscriptions = plan.subscriptions.iter().map(subscription).collect();
        whole.boot_parameters.clone_from(&plan.boot_parameters);
        whole.complete = plan.complete;
    }
    whole
}

/// What an outcome answers, as far as a twin needs to know it.
pub(super) fn asked(outcome: &Outcome) -> Operation {
    match outcome {
        Outcome::GetInstances(results) => Operation::GetInstances(GetInstances {
            paths: results.iter().map(|result| result.path.clone()).collect(),
            first_level_only: false,
        }),
        Outcome::Get(results) => Operation::Get(Get {
            paths: results.iter().map(|result| result.path.clone()).collect(),
            max_depth: 0,
        }),
        _ => Operation::Get(Get::default()),
    }
}

/// One model from the answers to several paths (a model may be asked for piece by piece).
pub(super) fn merge_schema(results: Vec<Requested<SchemaResult, Fault>>) -> Option<SchemaResult> {
    let mut merged = SchemaResult::default();
    let mut known = BTreeSet::new();
    for result in results {
        let Ok(part) = result.result else { continue };
        if merged.model_uri.is_empty() {
            merged.model_uri = part.model_uri;
        }
        for object in part.objects {
            // What is longer is no path.
            if object.path.len() <= MAX_PATH_BYTES && known.insert(object.path.clone()) {
                merged.objects.push(object);
            }
        }
    }
    merged.objects.sort_by(|a, b| a.path.cmp(&b.path));
    (!merged.objects.is_empty()).then_some(merged)
}

#[cfg(test)]
mod tests {
    use dm::operation::SchemaObject;

    use dm::operation::ObjectValues;

    use super::*;
    use crate::jobs::facts_of;

    #[test]
    fn a_model_has_each_object_once_and_none_without_end() {
        let object = |path: &str| SchemaObject { path: path.to_owned(), ..SchemaObject::default() };
        let part = |objects: Vec<SchemaObject>| Requested {
            path: "Device.".to_owned(),
            result: Ok(SchemaResult { objects, ..SchemaResult::default() }),
        };
        let long = format!("Device.{}.", "x".repeat(4096));
        let merged = merge_schema(vec![
            part(vec![object("Device.B."), object(&long), object("Device.A.")]),
            part(vec![object("Device.A."), object("Device.C.")]),
        ]);
        let paths: Vec<String> =
            merged.expect("there is something").objects.into_iter().map(|object| object.path).collect();
        assert_eq!(paths, ["Device.A.", "Device.B.", "Device.C."]);
    }

    #[test]
    fn facts_are_told_by_device_info_alone() {
        let object = |path: &str, serial: &str| ObjectValues {
            path: path.to_owned(),
            params: vec![("SerialNumber".to_owned(), serial.to_owned())],
        };
        let objects = vec![
            object("Device.DeviceInfo.", "7"),
            object("Device.DeviceInfo.X.", "8"),
            object("Device.X.", "9"),
        ];
        let outcome = Outcome::Get(vec![Requested { path: "Device.".to_owned(), result: Ok(objects) }]);
        assert_eq!(facts_of(&outcome).serial.as_deref(), Some("7"));
    }
}
