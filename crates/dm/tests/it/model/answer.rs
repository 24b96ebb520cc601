//! GetSupportedDM answered from a model.

use std::sync::Arc;

use dm::model::{Divergent, Model, ObjectId};
use dm::operation::{
    GetSchema, ObjectAccess, ParamAccess, Requested, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam,
    SchemaResult, ValueChange,
};
use dm::{Code, Outcome, Type};
use requirement::requirement;

use super::{builder, model};

const ROWS: &str = "\
Device. object
Device.Version param access=readOnly type=string
Device.Reset() command async
Device.Reset() in Cause type=string
Device.Reset() out Result.{i}.Code type=int
Device.Boot! event
Device.Boot! arg Cause type=string
Device.Net. object
Device.Net.If.{i}. object access=readWrite entries=0: key=Alias functional=Name
Device.Net.If.{i}.Alias param access=writeOnceReadOnly type=string
Device.Net.If.{i}.Layers param access=readWrite type=unsignedInt list=0:
Device.Net.If.{i}.Name param access=readWrite type=string
Device.Net.If.{i}.Stats. object
Device.Net.If.{i}.Stats.Sent param access=readOnly notify=canDeny type=unsignedLong
Device.Sub.{i}. object entries=0:
Device.Sub.{i}.Own. object
";

fn all(path: &str) -> GetSchema {
    GetSchema {
        paths: vec![path.to_owned()],
        first_level_only: false,
        commands: true,
        events: true,
        params: true,
        unique_keys: true,
    }
}

fn ask(
    model: &Model,
    request: &GetSchema,
    visible: impl Fn(ObjectId, &str) -> bool,
) -> Result<SchemaResult, Code> {
    match model.schema(request, &visible) {
        Outcome::GetSchema(mut results) => {
            assert_eq!(results.len(), 1);
            let Requested { path, result } = results.remove(0);
            assert_eq!(path, request.paths[0], "the path comes back as it was written");
            result.map_err(|fault| fault.code)
        }
        other => panic!("{other:?}"),
    }
}

fn paths(model: &Model, request: &GetSchema) -> Result<Vec<String>, Code> {
    ask(model, request, |_, _| true)
        .map(|result| result.objects.into_iter().map(|object| object.path).collect())
}

#[test]
fn a_whole_object_with_everything() {
    let result = ask(&model(ROWS), &all("Device.Net.If.{i}."), |_, _| true).expect("supported");
    assert_eq!(result.model_uri, "urn:example:model");
    let param = |name: &str, access, ty, value_change| SchemaParam {
        name: name.to_owned(),
        access,
        value_type: Some(ty),
        value_change: Some(value_change),
    };
    let table = SchemaObject {
        path: "Device.Net.If.{i}.".to_owned(),
        access: ObjectAccess::AddDelete,
        is_multi: true,
        params: vec![
            param("Alias", ParamAccess::ReadWrite, Type::String, ValueChange::Allowed),
            param("Layers", ParamAccess::ReadWrite, Type::String, ValueChange::Allowed),
            param("Name", ParamAccess::ReadWrite, Type::String, ValueChange::Allowed),
        ],
        unique_keys: vec![vec!["Name".to_owned()], vec!["Alias".to_owned()]],
        ..SchemaObject::default()
    };
    let stats = SchemaObject {
        path: "Device.Net.If.{i}.Stats.".to_owned(),
        params: vec![param("Sent", ParamAccess::ReadOnly, Type::UnsignedLong, ValueChange::WillIgnore)],
        ..SchemaObject::default()
    };
    let mut expected = vec![table, stats];
    expected[0].unique_keys.sort();
    assert_eq!(result.objects, expected);
}

#[test]
fn flags_choose_what_is_told() {
    let flags = |commands, events, params, unique_keys| GetSchema {
        paths: vec!["Device.".to_owned()],
        first_level_only: true,
        commands,
        events,
        params,
        unique_keys,
    };
    let model = model(ROWS);
    let told = |request: &GetSchema| {
        let root = ask(&model, request, |_, _| true).expect("supported").objects.remove(0);
        (root.commands.len(), root.events.len(), root.params.len())
    };
    assert_eq!(told(&flags(false, false, false, false)), (0, 0, 0));
    assert_eq!(told(&flags(true, false, false, false)), (1, 0, 0));
    assert_eq!(told(&flags(false, true, false, false)), (0, 1, 0));
    assert_eq!(told(&flags(false, false, true, false)), (0, 0, 1));
    let root = ask(&model, &flags(true, true, true, true), |_, _| true).expect("supported").objects.remove(0);
    let command = SchemaCommand {
        name: "Reset()".to_owned(),
        inputs: vec!["Cause".to_owned()],
        outputs: vec!["Result.{i}.Code".to_owned()],
        is_async: Some(true),
    };
    assert_eq!(root.commands, [command]);
    assert_eq!(root.events, [SchemaEvent { name: "Boot!".to_owned(), args: vec!["Cause".to_owned()] }]);
}

#[test]
fn first_level_shows_children_bare() {
    let request = GetSchema { first_level_only: true, ..all("Device.Net.") };
    let result = ask(&model(ROWS), &request, |_, _| true).expect("supported");
    let bare = SchemaObject {
        path: "Device.Net.If.{i}.".to_owned(),
        access: ObjectAccess::AddDelete,
        is_multi: true,
        ..SchemaObject::default()
    };
    assert_eq!(result.objects[1..], [bare]);
}

#[test]
fn every_kind_of_path() {
    let model = model(ROWS);
    let table = "Device.Net.If.{i}.";
    for (path, expected) in [
        ("Device.Net.If.{i}.", Ok(vec![table, "Device.Net.If.{i}.Stats."])),
        ("Device.Net.If.", Ok(vec![table, "Device.Net.If.{i}.Stats."])),
        ("Device.Net.If.3.Stats.", Ok(vec!["Device.Net.If.{i}.Stats."])),
        ("Device.Net.If.{i}.Name", Ok(vec![table])),
        ("Device.Net.If.2.Name", Ok(vec![table])),
        ("Device.Reset()", Ok(vec!["Device."])),
        ("Device.Boot!", Ok(vec!["Device."])),
        ("Device.Nothing.", Err(Code::INVALID_PATH)),
        ("Device.Net.If.{i}.Nothing", Err(Code::INVALID_PATH)),
        ("Device.Boot()", Err(Code::INVALID_PATH)),
        ("Device.Net", Err(Code::INVALID_PATH)),
        ("Device.Net.If.{i}.Stats.1.", Err(Code::INVALID_PATH_SYNTAX)),
        ("Device.Net.If.*.", Err(Code::INVALID_PATH_SYNTAX)),
        ("Device..", Err(Code::INVALID_PATH_SYNTAX)),
        ("", Err(Code::INVALID_PATH_SYNTAX)),
    ] {
        let expected = expected.map(|paths| paths.into_iter().map(str::to_owned).collect());
        assert_eq!(paths(&model, &all(path)), expected, "{path}");
    }
}

#[test]
fn a_leaf_path_answers_that_leaf_whatever_the_flags() {
    let request = GetSchema { paths: vec!["Device.Net.If.{i}.Name".to_owned()], ..GetSchema::default() };
    let result = ask(&model(ROWS), &request, |_, _| true).expect("supported");
    assert_eq!(result.objects.len(), 1);
    assert_eq!(result.objects[0].params.len(), 1);
    assert_eq!(result.objects[0].params[0].name, "Name");
    assert!(result.objects[0].unique_keys.is_empty());
}

#[test]
#[requirement("R-GSP.0")]
fn what_may_not_be_seen_is_absent() {
    let model = model(ROWS);
    let hide = |hidden: &'static str| {
        let model = Arc::clone(&model);
        move |id: ObjectId, leaf: &str| format!("{}{leaf}", model.object(id).path) != hidden
    };
    let seen = |hidden, path| ask(&model, &all(path), hide(hidden)).map(|result| format!("{result:?}"));
    for hidden in ["Device.Version", "Device.Reset()", "Device.Boot!"] {
        let leaf = hidden.trim_start_matches("Device.");
        let all = seen("nothing", "Device.").expect("supported");
        assert!(all.contains(leaf));
        assert!(!seen(hidden, "Device.").expect("supported").contains(leaf), "{hidden}");
        assert_eq!(seen(hidden, hidden), Err(Code::INVALID_PATH), "{hidden}");
    }
    let below = ask(&model, &all("Device.Net."), hide("Device.Net.If.{i}.")).expect("supported");
    let below: Vec<&str> = below.objects.iter().map(|object| object.path.as_str()).collect();
    assert_eq!(below, ["Device.Net.", "Device.Net.If.{i}.Stats."]);
    assert_eq!(seen("Device.Net.If.{i}.", "Device.Net.If.{i}.Name"), Err(Code::INVALID_PATH));
    let keys = ask(&model, &all("Device.Net.If.{i}."), hide("Device.Net.If.{i}.Alias")).expect("supported");
    assert_eq!(keys.objects[0].unique_keys, [["Name".to_owned()]]);
}

#[test]
fn diverging_rows_are_named_and_answer_for_themselves() {
    let own = model("Device. object\nDevice.Sub.{i}. object\nDevice.Sub.{i}.Lamp. object\n");
    let mut builder = builder(ROWS);
    builder
        .divergent("Device.Sub.{i}.", Divergent { path: "Device.Sub.1.".to_owned(), model: own })
        .expect("a table");
    let model = builder.build();
    let result = ask(&model, &all("Device.Sub."), |_, _| true).expect("supported");
    assert_eq!(result.objects.len(), 1, "nothing below is told");
    assert_eq!(result.objects[0].divergent_paths, ["Device.Sub.1."]);
    assert_eq!(paths(&model, &all("Device.Sub.1.Lamp.")), Ok(vec!["Device.Sub.{i}.Lamp.".to_owned()]));
    assert_eq!(paths(&model, &all("Device.Sub.1.Own.")), Err(Code::INVALID_PATH));
    assert_eq!(
        paths(&model, &all("Device.Sub.1.")),
        Ok(vec!["Device.Sub.{i}.".to_owned(), "Device.Sub.{i}.Lamp.".to_owned()])
    );
}
