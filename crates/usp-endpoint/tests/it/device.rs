//! Devices for tests: a supported model from its text, and a tree that is filled by hand.

use std::sync::Arc;

use dm::Value;
use dm::model::{Model, ModelBuilder, Params};
use dm::path::ObjectPath;
use dm::schema::{Catalogue, Facts, Protocol, encode, text};
use dm::tree::{Change, ChangeSet, Place, Tree};

/// All that a model's text has: parameters, commands and events.
pub(crate) fn builder(model: &str) -> ModelBuilder {
    let rows = text::parse(model).expect("the test's own model");
    let blob = encode(&rows).expect("a small model");
    let catalogue = Catalogue::open(&blob).expect("just encoded");
    let mut builder = ModelBuilder::new("urn:example:test", Protocol::Usp);
    for object in &rows.objects {
        let path = object.path.as_str();
        builder.add_from(&catalogue, path, Params::All).expect("all rows are in the catalogue");
        for row in &object.rows {
            let name = match row.facts {
                Facts::Command(_) => format!("{}()", row.name),
                Facts::Event(_) => format!("{}!", row.name),
                _ => continue,
            };
            builder.add_actions(&catalogue, path, &[&name]).expect("all rows are in the catalogue");
        }
    }
    builder
}

pub(crate) fn model(model: &str) -> Arc<Model> {
    builder(model).build()
}

pub(crate) fn place(tree: &Tree, path: &str) -> Place {
    let path = ObjectPath::parse(path).expect("a path of the test");
    Place::of(tree.model(), &path).expect("an object of the test's model")
}

/// A parameter's new value, as a change.
pub(crate) fn change(tree: &Tree, path: &str, name: &str, text: &str) -> Change {
    let place = place(tree, path);
    let object = tree.model().object(place.object);
    let param = object.param_index(name).expect("a parameter of the test's model");
    let value = Value::parse(object.params[usize::from(param)].ty, text).expect("a value of the test");
    Change::Set { place, param, value: Some(value) }
}

/// Sets a value.
pub(crate) fn put(tree: &mut Tree, path: &str, name: &str, text: &str) -> ChangeSet {
    let change = change(tree, path, name, text);
    tree.apply(&[change])
}

/// Makes an object with its defaults and these values.
pub(crate) fn fill(tree: &mut Tree, path: &str, values: &[(&str, &str)]) {
    let mut changes = tree.with_defaults(&place(tree, path));
    changes.extend(values.iter().map(|(name, text)| change(tree, path, name, text)));
    tree.apply(&changes);
}
