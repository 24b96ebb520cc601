//! Paths of a service's instances, and the engine's names for the same: an object in `{i}` form with the service's
//! instance numbers as keys.

use dm::path::{Element, ObjectPath, SchemaPath};
use dm::{Code, Fault};
use engine::provider::{RowKey, Wanted};

/// An instance path as object and keys.
pub(super) fn split(path: &ObjectPath) -> (SchemaPath, Vec<RowKey>) {
    let keys = path.elements().iter().filter_map(|element| match element {
        Element::Row(number) => Some(RowKey(number.to_string().into())),
        Element::Name(_) => None,
    });
    (path.to_schema(), keys.collect())
}

/// The same the other way round. A table may lack the key of its last `{i}`; its path is then the table's.
///
/// # Errors
/// When a row on the way is not known to the service.
pub(super) fn join(object: &SchemaPath, keys: &[Option<RowKey>]) -> Result<String, Fault> {
    let mut text = String::new();
    let mut keys = keys.iter();
    for (at, part) in object.as_str().split("{i}.").enumerate() {
        if at > 0 {
            match keys.next() {
                Some(Some(key)) => text.push_str(&format!("{}.", key.0)),
                Some(None) => {
                    return Err(Fault::new(Code::INTERNAL_ERROR, "its service does not know the row"));
                }
                None => break,
            }
        }
        text.push_str(part);
    }
    Ok(text)
}

/// A part, as a path to ask for.
///
/// # Errors
/// As of [`join`].
pub(super) fn exactly(wanted: &Wanted) -> Result<String, Fault> {
    let keys: Vec<Option<RowKey>> = wanted.keys.iter().cloned().map(Some).collect();
    let param = wanted.param.as_ref().map_or("", |param| param.as_str());
    Ok(format!("{}{param}", join(&wanted.object, &keys)?))
}

/// All instances of an object, as a path to ask for.
pub(super) fn all(object: &SchemaPath) -> String {
    object.as_table().as_str().replace("{i}", "*")
}
