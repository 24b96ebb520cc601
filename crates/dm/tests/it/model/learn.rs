//! Models from devices' answers.

use dm::model::{Model, ModelBuilder, ObjectId};
use dm::operation::{
    GetSchema, ObjectAccess, ParamAccess, SchemaCommand, SchemaObject, SchemaParam, SchemaResult, ValueChange,
};
use dm::schema::{Protocol, tr_181};
use dm::{Outcome, Type};

use super::model;

#[test]
fn what_one_model_answers_another_learns() {
    let rows = "\
Device. object
Device.Reset() command async
Device.Reset() in Cause type=string
Device.Boot! event
Device.Boot! arg Cause type=string
Device.If.{i}. object access=readWrite entries=0: key=Name
Device.If.{i}.Mtu param access=readWrite type=unsignedInt
Device.If.{i}.Name param access=readOnly notify=canDeny type=string
";
    let known = model(rows);
    let request = GetSchema {
        paths: vec!["Device.".to_owned()],
        first_level_only: false,
        commands: true,
        events: true,
        params: true,
        unique_keys: true,
    };
    let Outcome::GetSchema(answer) = known.schema(&request, &|_, _| true) else { panic!("a schema") };
    let result = answer[0].result.as_ref().expect("supported");
    assert_eq!(Model::from_schema_result(result), known);
}

fn param(name: &str, value_type: Option<Type>) -> SchemaParam {
    SchemaParam { name: name.to_owned(), access: ParamAccess::ReadWrite, value_type, value_change: None }
}

#[test]
fn old_agents_say_less() {
    let object = SchemaObject {
        path: "Device.".to_owned(),
        params: vec![param("Text", None)],
        commands: vec![SchemaCommand { name: "Go()".to_owned(), ..SchemaCommand::default() }],
        ..SchemaObject::default()
    };
    let result = SchemaResult { model_uri: "urn:x".to_owned(), objects: vec![object] };
    let model = Model::from_schema_result(&result);
    let root = model.object(ObjectId(0));
    let text = root.param("Text").expect("a parameter");
    assert_eq!((text.ty, text.value_change), (Type::String, ValueChange::Allowed));
    assert!(!root.command("Go").expect("a command").is_async);
}

#[test]
fn what_does_not_parse_is_counted_and_left_out() {
    let good = SchemaObject {
        path: "Device.A.{i}.".to_owned(),
        access: ObjectAccess::AddDelete,
        params: vec![param("Fine", None), param("not fine", None), param("", None)],
        unique_keys: vec![vec!["Fine".to_owned()], vec!["Missing".to_owned()]],
        ..SchemaObject::default()
    };
    let bad = SchemaObject {
        path: "Device..".to_owned(),
        params: vec![param("Lost", None)],
        ..SchemaObject::default()
    };
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    let result = SchemaResult { model_uri: "urn:x".to_owned(), objects: vec![good, bad] };
    assert_eq!(builder.learn(&result), 4);
    let model = builder.build();
    assert_eq!(model.len(), 2);
    assert_eq!(model.object(ObjectId(1)).params.len(), 1);
    assert_eq!(model.object(ObjectId(1)).unique_keys.len(), 1);
}

#[test]
fn a_catalogue_adds_what_the_answer_cannot_say() {
    let learned = model(
        "Device. object\nDevice.IP. object\nDevice.IP.Interface.{i}. object entries=0:\n\
         Device.IP.Interface.{i}.LowerLayers param access=readOnly type=string\n\
         Device.IP.Interface.{i}.MaxMTUSize param access=readOnly type=unsignedInt\n\
         Device.IP.Interface.{i}.Status param access=readOnly type=int\n\
         Device.IP.Interface.{i}.X_EXAMPLE_Own param access=readOnly type=string\n\
         Device.IP.Interface.{i}.Stats. object\n\
         Device.IP.Interface.{i}.Stats.BytesSent param access=readOnly type=unsignedLong\n",
    );
    let model = learned.with_facts(&tr_181(), Protocol::Usp);
    let (_, table) = model.objects().nth(2).expect("a table");
    assert_eq!(table.param("MaxMTUSize").expect("known").facets.ranges.len(), 1);
    assert_eq!(table.param("MaxMTUSize").expect("known").access, ParamAccess::ReadOnly, "the device's own");
    assert!(table.param("LowerLayers").expect("known").is_list());
    assert!(table.param("Status").expect("known").facets.enumeration.is_empty(), "the device says int");
    let (_, stats) = model.objects().nth(3).expect("an object");
    assert!(stats.param("BytesSent").expect("known").counter);
}
