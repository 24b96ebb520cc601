//! What onboarding reads out of answers about the supported model.

use dm::operation::{GetSchema, Requested, SchemaObject, SchemaResult};

/// A question for everything at and below a path. Agents before 1.4 skip the flag for unique keys.
pub(super) fn everything(path: &str) -> GetSchema {
    GetSchema {
        paths: vec![path.to_owned()],
        first_level_only: false,
        commands: true,
        events: true,
        params: true,
        unique_keys: true,
    }
}

/// The paths that must be asked for one by one.
pub(super) fn divergent(results: &[Requested<SchemaResult>]) -> impl Iterator<Item = &String> {
    objects(results).flat_map(|object| &object.divergent_paths)
}

/// The tables that are in no other table.
pub(super) fn tables(results: &[Requested<SchemaResult>]) -> Vec<String> {
    let outermost = |object: &SchemaObject| {
        let table = object.path.strip_suffix("{i}.")?;
        (object.is_multi && !table.contains("{i}")).then(|| table.to_owned())
    };
    let mut tables: Vec<String> = objects(results).filter_map(outermost).collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

/// Of a first-level answer about `Device.`: what it says of `Device.` itself, and the paths of its children.
/// The children stand there by name only, and are asked for next.
pub(super) fn split_children(
    results: Vec<Requested<SchemaResult>>,
) -> (Vec<Requested<SchemaResult>>, Vec<String>) {
    let mut children = Vec::new();
    let mut device = Vec::new();
    for Requested { path, result } in results {
        let Ok(mut found) = result else { continue };
        found.objects.retain(|object| {
            let itself = object.path == path;
            if !itself {
                children.push(object.path.clone());
            }
            itself
        });
        device.push(Requested { path, result: Ok(found) });
    }
    (device, children)
}

fn objects(results: &[Requested<SchemaResult>]) -> impl Iterator<Item = &SchemaObject> {
    results.iter().filter_map(|result| result.result.as_ref().ok()).flat_map(|found| &found.objects)
}
