//! What a service answers to Get, as the engine takes it.

use std::collections::BTreeMap;

use dm::model::{Model, Param};
use dm::operation::{ObjectValues, Requested};
use dm::path::{Name, ObjectPath, SchemaPath};
use dm::{Code, Fault, Value};
use engine::provider::{Report, Row, RowKey};

use super::paths::split;
use crate::limits::MAX_SERVICE_ROWS;

type Rows = BTreeMap<(SchemaPath, Vec<RowKey>), Vec<(Name, Value)>>;

/// Rows and values. What the model lacks, or has of another type, is left out: the service contradicts itself.
///
/// # Errors
/// The service's own fault, unless it says that there is nothing; and too many rows.
pub(super) fn report(model: &Model, results: Vec<Requested<Vec<ObjectValues>>>) -> Result<Report, Fault> {
    // An object sorts before what is in it.
    let mut rows = Rows::new();
    for requested in results {
        match requested.result {
            Ok(objects) => objects.iter().for_each(|object| take(model, object, &mut rows)),
            Err(fault) if fault.code == Code::OBJECT_DOES_NOT_EXIST => {}
            Err(fault) => return Err(fault),
        }
        if rows.len() > MAX_SERVICE_ROWS {
            return Err(Fault::new(Code::RESOURCES_EXCEEDED, "the USP Service has too many objects"));
        }
    }
    let rows = rows.into_iter().map(|((object, keys), values)| Row { object, keys, values });
    Ok(Report { rows: rows.collect() })
}

fn take(model: &Model, object: &ObjectValues, rows: &mut Rows) {
    for (name, text) in &object.params {
        // Values of objects below may stand with those of the object.
        let (below, name) = name.rsplit_once('.').map_or(("", name.as_str()), |(below, name)| (below, name));
        let dot = if below.is_empty() { "" } else { "." };
        let Ok(path) = ObjectPath::parse(&format!("{}{below}{dot}", object.path)) else { continue };
        let (schema, keys) = split(&path);
        let found = model.find(&schema).and_then(|id| model.object(id).param(name));
        let value = found.and_then(|param| Some((param.name.clone(), value(param, text)?)));
        enter(model, &schema, &keys, rows).extend(value);
    }
    // A row of which nothing is readable is there all the same.
    if let Ok(path) = ObjectPath::parse(&object.path) {
        let (schema, keys) = split(&path);
        enter(model, &schema, &keys, rows);
    }
}

/// The place of an object among the rows; the rows that it is in are there too.
fn enter<'r>(
    model: &Model,
    schema: &SchemaPath,
    keys: &[RowKey],
    rows: &'r mut Rows,
) -> &'r mut Vec<(Name, Value)> {
    let mut above = schema.parent();
    while let Some(object) = above {
        above = object.parent();
        if object.is_row() && model.find(&object).is_some() {
            let depth = object.as_str().matches("{i}").count();
            rows.entry((object, keys[..depth.min(keys.len())].to_vec())).or_default();
        }
    }
    rows.entry((schema.clone(), keys.to_vec())).or_default()
}

fn value(param: &Param, text: &str) -> Option<Value> {
    let value = match param.is_list() {
        true => Value::parse_list(param.ty, text),
        false => Value::parse(param.ty, text),
    };
    value.ok()
}
