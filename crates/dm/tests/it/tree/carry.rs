//! Trees under another model, and rows that somebody else keeps.

use std::sync::Arc;

use dm::model::{Model, ModelBuilder};
use dm::operation::{Add, ObjectSettings, ParamSetting};
use dm::path::{ObjectPath, SchemaPath};
use dm::schema::Protocol;
use dm::tree::{Change, Place, Requester, Tree};
use dm::{Operation, Outcome, Value};

use super::model_of;

const BEFORE: &str = "\
model usp=urn:example:test
Device. object usp=2.0
Device.Old. object usp=2.0
Device.Old.Text param usp=2.0 access=readWrite type=string
Device.Row.{i}. object usp=2.0 access=readWrite entries=0:
Device.Row.{i}.Name param usp=2.0 access=readWrite type=string
Device.Row.{i}.Size param usp=2.0 access=readWrite type=string
Device.Row.{i}.Stats. object usp=2.0
Device.Row.{i}.Stats.Count param usp=2.0 access=readOnly type=unsignedInt
";

const AFTER: &str = "\
model usp=urn:example:test
Device. object usp=2.0
Device.A. object usp=2.0
Device.A.Text param usp=2.0 access=readWrite type=string
Device.Row.{i}. object usp=2.0 access=readWrite entries=0:
Device.Row.{i}.Alias param usp=2.0 access=readWrite type=string
Device.Row.{i}.Name param usp=2.0 access=readWrite type=string
Device.Row.{i}.Size param usp=2.0 access=readWrite type=unsignedInt
Device.Row.{i}.Stats. object usp=2.0
Device.Row.{i}.Stats.Count param usp=2.0 access=readOnly type=unsignedInt
";

fn place(model: &Model, path: &str) -> Place {
    Place::of(model, &ObjectPath::parse(path).unwrap()).unwrap()
}

fn fill(tree: &mut Tree, path: &str, name: &str, value: Value) {
    let place = place(tree.model(), path);
    let param = tree.model().param_index(place.object, name).unwrap();
    tree.apply(&[Change::Set { place, param, value: Some(value) }]);
}

#[test]
fn what_both_models_know_stays() {
    let (before, after) = (model_of(BEFORE), model_of(AFTER));
    let mut tree = Tree::new(before.clone());
    for row in ["Device.Row.2.", "Device.Row.5."] {
        tree.apply(&[Change::Create { row: place(&before, row), values: Vec::new() }]);
    }
    tree.apply(&[Change::Remove { row: place(&before, "Device.Row.5.") }]);
    fill(&mut tree, "Device.Old.", "Text", Value::text("gone"));
    fill(&mut tree, "Device.Row.2.", "Name", Value::text("two"));
    fill(&mut tree, "Device.Row.2.", "Size", Value::text("big"));
    fill(&mut tree, "Device.Row.2.Stats.", "Count", Value::Uint(7));
    let carried = tree.carried_to(&after);
    let at = |path: &str| place(&after, path);
    assert!(Arc::ptr_eq(carried.model(), &after));
    assert_eq!(carried.rows(&at("Device.Row.")).iter().map(|row| row.get()).collect::<Vec<_>>(), [2]);
    assert_eq!(carried.last_number(&at("Device.Row.")), 5, "a number is not given twice");
    assert_eq!(carried.text_of(&at("Device.Row.2."), "Name"), "two");
    assert_eq!(carried.value_of(&at("Device.Row.2.Stats."), "Count"), Some(&Value::Uint(7)));
    // It is of another type now; and what is new has no value yet.
    assert_eq!(carried.value_of(&at("Device.Row.2."), "Size"), None);
    assert_eq!(carried.value_of(&at("Device.Row.2."), "Alias"), None);
    assert_eq!(carried.value_of(&at("Device.A."), "Text"), None);
    assert_eq!(tree.text_of(&place(&before, "Device.Row.2."), "Name"), "two", "the old one is as it was");
}

const REMOTE: &str = "\
model usp=urn:example:test
Device. object usp=2.0
Device.Far. object usp=2.0
Device.Far.Row.{i}. object usp=2.0 access=readWrite entries=0: key=Alias
Device.Far.Row.{i}.Alias param usp=2.0 access=readWrite type=string
Device.Far.Row.{i}.Mode param usp=2.0 access=readWrite type=string enum=Auto,Manual
Device.Near. object usp=2.0
Device.Near.Text param usp=2.0 access=readWrite type=string
";

#[test]
fn a_row_that_somebody_else_keeps_has_only_what_was_said_of_it() {
    let source = model_of(REMOTE);
    let mut builder = ModelBuilder::new("urn:example:test", Protocol::Usp);
    assert_eq!(builder.take_remote(&source, &SchemaPath::parse("Device.Far.").unwrap()), 0);
    let model = builder.build();
    assert!(model.find(&SchemaPath::parse("Device.Near.").unwrap()).is_none());
    let tree = Tree::new(model.clone());
    let params = vec![ParamSetting { param: "Mode".to_owned(), value: "Auto".to_owned(), required: true }];
    let objects = vec![ObjectSettings { path: "Device.Far.Row.".to_owned(), params }];
    let add = Operation::Add(Add { allow_partial: false, objects });
    let plan = tree.plan(&add, &Requester::full()).unwrap();
    let changes: Vec<Change> = plan.transactions.iter().flat_map(|one| one.changes.clone()).collect();
    let mode = model.param_index(place(&model, "Device.Far.Row.1.").object, "Mode").unwrap();
    let row = place(&model, "Device.Far.Row.1.");
    // Neither defaults nor a made-up key.
    assert_eq!(
        changes,
        [
            Change::Create { row: row.clone(), values: Vec::new() },
            Change::Set { place: row, param: mode, value: Some(Value::text("Auto")) },
        ]
    );
    let mut made = tree;
    made.apply(&changes);
    fill(&mut made, "Device.Far.Row.1.", "Alias", Value::text("theirs"));
    let mut outcome = plan.finish(&[Ok(())]);
    made.tell_remote_keys(&mut outcome, &Requester::full());
    let Outcome::Add(results) = outcome else { panic!("{outcome:?}") };
    let created = results[0].result.as_ref().unwrap();
    assert_eq!(created.unique_keys, [("Alias".to_owned(), "theirs".to_owned())]);
}
