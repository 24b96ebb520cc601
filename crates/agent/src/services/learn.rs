//! What a service says of its part: the supported model, and the subscriptions by which the agent hears of
//! changes in it.

use std::sync::Arc;

use dm::model::{Model, ModelBuilder};
use dm::operation::{
    Add, Delete, GetSchema, ObjectSettings, Operation, ParamSetting, Requested, SchemaResult,
};
use dm::path::SchemaPath;
use dm::schema::Protocol;

use super::paths::all;
use crate::limits::MAX_SERVICE_DEFINITIONS;
use crate::providers::support::catalogue;

/// How the ids of the agent's subscriptions at services begin.
const SUBSCRIPTION: &str = "cusp-broker-";
const TABLE: &str = "Device.LocalAgent.Subscription.";
const KINDS: [&str; 5] = ["ValueChange", "ObjectCreation", "ObjectDeletion", "Event", "OperationComplete"];
/// Paths in one subscription; no agent is asked to take a longer list.
const REFERENCES: usize = 16;

/// The question after these parts.
pub(super) fn question(paths: &[SchemaPath]) -> GetSchema {
    GetSchema {
        paths: paths.iter().map(|path| path.as_str().to_owned()).collect(),
        first_level_only: false,
        commands: true,
        events: true,
        params: true,
        unique_keys: true,
    }
}

/// The model of these parts, as the service describes it. What it says of others' parts, and what does not parse,
/// is left out.
pub(super) fn model(paths: &[SchemaPath], results: Vec<Requested<SchemaResult>>) -> Arc<Model> {
    let mut builder = ModelBuilder::new("", Protocol::Usp);
    let (mut left_out, mut definitions) = (0, 0);
    for requested in results {
        let mut schema = match requested.result {
            Ok(schema) => schema,
            Err(fault) => {
                tracing::warn!(path = requested.path, %fault, "a USP Service does not describe its part");
                continue;
            }
        };
        schema.objects.retain(|object| {
            let owned = paths.iter().any(|path| object.path.starts_with(path.as_str()));
            let size = 1 + object.params.len() + object.commands.len() + object.events.len();
            let keep = owned && definitions + size <= MAX_SERVICE_DEFINITIONS;
            *(if keep { &mut definitions } else { &mut left_out }) += size;
            keep
        });
        left_out += builder.learn(&schema);
    }
    if left_out > 0 {
        tracing::warn!(left_out, "a USP Service describes what can't be taken in");
    }
    builder.build().with_facts(&catalogue(), Protocol::Usp)
}

/// What the agent subscribes to at a service, as requests: what an earlier connection left is removed first.
pub(super) fn subscriptions(model: &Model, paths: &[SchemaPath]) -> [Operation; 2] {
    let mut wanted = Vec::new();
    for kind in KINDS {
        let references = references(model, paths, kind);
        for (number, some) in (1..).zip(references.chunks(REFERENCES)) {
            wanted.push(subscription(&format!("{SUBSCRIPTION}{kind}-{number}"), kind, &some.join(",")));
        }
    }
    let ids = wanted.iter().flat_map(|object| object.params.iter().filter(|param| param.param == "ID"));
    let stale = ids.map(|id| format!("{TABLE}[ID==\"{}\"].", id.value)).collect();
    [
        Operation::Delete(Delete { allow_partial: true, paths: stale }),
        Operation::Add(Add { allow_partial: true, objects: wanted }),
    ]
}

fn references(model: &Model, paths: &[SchemaPath], kind: &str) -> Vec<String> {
    let objects = || model.objects().map(|(_, object)| object);
    let tables = || objects().filter(|object| object.is_multi).map(|object| all(&object.path));
    match kind {
        "ValueChange" => paths.iter().map(|path| path.as_str().to_owned()).collect(),
        "ObjectCreation" => tables().collect(),
        "ObjectDeletion" => tables().map(|table| format!("{table}*.")).collect(),
        "Event" => objects()
            .flat_map(|object| object.events.iter().map(|event| format!("{}!", within(object, &event.name))))
            .collect(),
        _ => objects()
            .flat_map(|object| {
                let commands = object.commands.iter().filter(|command| command.is_async);
                commands.map(|command| format!("{}()", within(object, &command.name)))
            })
            .collect(),
    }
}

fn within(object: &dm::model::Object, name: &dm::path::Name) -> String {
    format!("{}{name}", object.path.as_str().replace("{i}", "*"))
}

fn subscription(id: &str, kind: &str, references: &str) -> ObjectSettings {
    let params = [
        ("Enable", "true"),
        ("ID", id),
        ("NotifType", kind),
        ("ReferenceList", references),
        ("Persistent", "false"),
    ];
    let setting = |(param, value): (&str, &str)| ParamSetting {
        param: param.to_owned(),
        value: value.to_owned(),
        required: true,
    };
    ObjectSettings { path: TABLE.to_owned(), params: params.map(setting).to_vec() }
}
