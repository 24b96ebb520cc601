//! Building models and finding things in them.

use dm::model::{Located, ModelError, ObjectId, Params};
use dm::operation::{ObjectAccess, ParamAccess, ValueChange};
use dm::schema::{Protocol, tr_181};
use dm::{SchemaPath, Type, Value, model::ModelBuilder};

use super::model;

fn path(text: &str) -> SchemaPath {
    SchemaPath::parse(text).expect("a path")
}

#[test]
fn takes_catalogue_rows_and_makes_the_way_to_them() {
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    let names = ["Enable", "Alias", "Name", "MaxMTUSize", "LowerLayers"];
    builder.add_from(&tr_181(), "Device.IP.Interface.{i}.", Params::Only(&names)).expect("known rows");
    builder.add_from(&tr_181(), "Device.IP.Interface.{i}.Stats.", Params::All).expect("known rows");
    builder.add_actions(&tr_181(), "Device.", &["Reboot()", "Boot!"]).expect("known rows");
    let model = builder.build();
    let paths: Vec<&str> = model.objects().map(|(_, object)| object.path.as_str()).collect();
    assert_eq!(
        paths,
        ["Device.", "Device.IP.", "Device.IP.Interface.{i}.", "Device.IP.Interface.{i}.Stats."]
    );
    let interface = model.object(ObjectId(2));
    assert_eq!(interface.name, "Interface");
    assert_eq!(interface.parent, Some(ObjectId(1)));
    assert!(interface.is_multi);
    assert_eq!(interface.access, ObjectAccess::AddDelete);
    assert_eq!(interface.entries_param.as_ref().expect("a counter"), "InterfaceNumberOfEntries");
    let params: Vec<&str> = interface.params.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(params, ["Alias", "Enable", "LowerLayers", "MaxMTUSize", "Name"]);
    let keys: Vec<&[u16]> = interface.unique_keys.iter().map(|key| key.params.as_slice()).collect();
    assert_eq!(keys, [[0].as_slice(), [4].as_slice()]);
    assert_eq!(interface.param("Enable").expect("a parameter").ty, Type::Boolean);
    assert_eq!(interface.param("LowerLayers").expect("a parameter").default, Some(Value::text("")));
    let sent = model.object(ObjectId(3)).param("BytesSent").expect("a parameter");
    assert_eq!((sent.counter, sent.value_change), (true, ValueChange::WillIgnore));
    assert_eq!(model.object(ObjectId(0)).command("Reboot").expect("a command").inputs.len(), 2);
    assert_eq!(model.object(ObjectId(0)).event("Boot").expect("an event").args.len(), 5);
}

#[test]
fn a_key_with_an_unsupported_parameter_is_dropped() {
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    builder
        .add_from(&tr_181(), "Device.LocalAgent.Subscription.{i}.", Params::Only(&["Alias", "ID"]))
        .expect("rows");
    let model = builder.build();
    let table = model.object(model.find(&path("Device.LocalAgent.Subscription.{i}.")).expect("a table"));
    assert_eq!(table.unique_keys.len(), 1);
    assert!(table.is_key(0));
    assert!(!table.is_key(1));
}

#[test]
fn what_the_catalogue_does_not_know_is_an_error() {
    let unknown = |name: &str| ModelError::Unknown(name.to_owned());
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    let catalogue = tr_181();
    let add = |builder: &mut ModelBuilder, path, params| builder.add_from(&catalogue, path, params).map(drop);
    assert_eq!(add(&mut builder, "Device.Nothing.", Params::All), Err(unknown("Device.Nothing.")));
    assert_eq!(add(&mut builder, "Device.Time.", Params::Only(&["Date"])), Err(unknown("Device.Time.Date")));
    assert_eq!(
        add(&mut builder, "Device.ManagementServer.", Params::All),
        Err(unknown("Device.ManagementServer."))
    );
    let actions = builder.add_actions(&catalogue, "Device.", &["Reboot"]).map(drop);
    assert_eq!(actions, Err(unknown("Device.Reboot")));
    let access = builder.param_access("Device.Time.", "Date", ParamAccess::ReadOnly).map(drop);
    assert_eq!(access, Err(unknown("Device.Time.Date")));
}

#[test]
fn defaults_are_typed_and_lists_lose_their_brackets() {
    let model = model(
        "Device. object\n\
         Device.A param access=readWrite type=int default=object:\"[7]\"\n\
         Device.B param access=readWrite type=unsignedInt list=0: default=object:\"[0, 01]\"\n\
         Device.C param access=readWrite type=boolean default=object:1\n\
         Device.D param access=readWrite type=boolean default=factory:true\n\
         Device.E param access=readWrite type=string default=object:\"[x]\"\n\
         Device.Do() command\n\
         Device.Do() in L type=string list=0: default=parameter:\"[a,b]\"\n",
    );
    let root = model.object(ObjectId(0));
    let defaults: Vec<Option<Value>> = root.params.iter().map(|param| param.default.clone()).collect();
    let text = |text: &str| Some(Value::text(text));
    assert_eq!(defaults, [None, text("0,1"), Some(Value::Bool(true)), None, text("[x]")]);
    assert_eq!(root.commands[0].inputs[0].default.as_deref(), Some("a,b"));
}

#[test]
fn policy_narrows_access() {
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    for object in ["Device.IP.Interface.{i}.", "Device.IP.Interface.{i}.IPv4Address.{i}.", "Device.Time."] {
        builder.add_from(&tr_181(), object, Params::All).expect("rows");
    }
    builder.read_only("Device.IP.");
    builder.param_access("Device.Time.", "LocalTimeZone", ParamAccess::ReadOnly).expect("a parameter");
    let model = builder.build();
    let object = |text| model.object(model.find(&path(text)).expect(text));
    let address = object("Device.IP.Interface.{i}.IPv4Address.{i}.");
    assert_eq!(address.access, ObjectAccess::ReadOnly);
    assert!(address.params.iter().all(|param| param.access == ParamAccess::ReadOnly));
    assert_eq!(object("Device.Time.").param("LocalTimeZone").expect("known").access, ParamAccess::ReadOnly);
    assert_eq!(object("Device.Time.").param("Enable").expect("known").access, ParamAccess::ReadWrite);
}

const NET: &str = "\
Device. object
Device.Reset() command
Device.Boot! event
Device.A-B. object
Device.A. object
Device.A.T.{i}. object entries=0:
Device.A.T.{i}.P param access=readWrite type=int
Device.A.T.{i}.U.{i}. object entries=0:
Device.AB. object
";

#[test]
fn finds_what_paths_name() {
    let model = model(NET);
    let at = |text: &str| model.find(&path(text)).expect(text);
    for (text, expected) in [
        ("Device.", Some(Located::Object(at("Device.")))),
        ("Device.A.T.{i}.", Some(Located::Object(at("Device.A.T.{i}.")))),
        ("Device.A.T.", Some(Located::Object(at("Device.A.T.{i}.")))),
        ("Device.A.T.{i}.U.", Some(Located::Object(at("Device.A.T.{i}.U.{i}.")))),
        ("Device.A.T.{i}.P", Some(Located::Param(at("Device.A.T.{i}."), 0))),
        ("Device.Reset()", Some(Located::Command(at("Device."), 0))),
        ("Device.Boot!", Some(Located::Event(at("Device."), 0))),
        ("Device.A.T.P", None),
        ("Device.Reset", None),
        ("Device.Boot()", None),
        ("Device.A", None),
        ("Device.{i}.", None),
    ] {
        let parsed = SchemaPath::parse(text);
        assert_eq!(parsed.ok().and_then(|path| model.locate(&path)), expected, "{text}");
    }
}

#[test]
fn ids_follow_paths_so_that_subtrees_are_whole() {
    let model = model(NET);
    for (id, object) in model.objects() {
        assert!(object.parent.is_none_or(|parent| parent < id), "{}", object.path);
        let below: Vec<&str> = model.subtree(id).map(|(_, object)| object.path.as_str()).collect();
        let all = model.objects().map(|(_, object)| object.path.as_str());
        let expected: Vec<&str> = all.filter(|path| path.starts_with(object.path.as_str())).collect();
        assert_eq!(below, expected);
        for (slot, child) in object.children.iter().enumerate() {
            let name = model.object(*child).name.as_str();
            assert_eq!(model.find_slot(id, name), Some((u16::try_from(slot).expect("few"), *child)));
        }
    }
    let deepest = model.find(&path("Device.A.T.{i}.U.{i}.")).expect("a table");
    let way: Vec<&str> = model.lineage(deepest).map(|step| model.object(step.object).name.as_str()).collect();
    assert_eq!(way, ["A", "T", "U"]);
    assert_eq!(model.depth(deepest), 2);
    assert_eq!(model.find_child(ObjectId(0), "T"), None);
}

#[test]
fn refuses_objects_that_are_none() {
    let mut builder = ModelBuilder::new("urn:x", Protocol::Usp);
    for text in ["Device.A", "Device.A.1.", "Device.Reset()"] {
        let result = builder.object(text, dm::model::ObjectDef::default()).map(drop);
        assert_eq!(result, Err(ModelError::NotAnObject(text.to_owned())), "{text}");
    }
    assert!(matches!(builder.object("Device..", dm::model::ObjectDef::default()), Err(ModelError::Path(..))));
}
