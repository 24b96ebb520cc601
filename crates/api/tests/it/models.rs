//! Supported models: what the device says, with the catalogue's facts beside it.

use dm::Type;
use dm::operation::{
    ObjectAccess, ParamAccess, SchemaCommand, SchemaEvent, SchemaObject, SchemaParam, SchemaResult,
    ValueChange,
};
use fleet::DeviceId;
use fleet::access::Role;
use fleet::model::StoredModel;
use fleet::port::{PutModel, Store, Write};
use serde_json::json;

use crate::world::{TENANT, World};

fn param(name: &str, access: ParamAccess, value_type: Option<Type>) -> SchemaParam {
    SchemaParam { name: name.into(), access, value_type, value_change: Some(ValueChange::Allowed) }
}

fn supported() -> SchemaResult {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let time = SchemaObject {
        path: "Device.Time.".into(),
        params: vec![
            param("Status", ParamAccess::ReadOnly, Some(Type::String)),
            param("X_EXAMPLE_Drift", ParamAccess::ReadWrite, Some(Type::Int)),
        ],
        ..SchemaObject::default()
    };
    let interface = SchemaObject {
        path: "Device.IP.Interface.{i}.".into(),
        access: ObjectAccess::AddDelete,
        is_multi: true,
        params: vec![
            param("MaxMTUSize", ParamAccess::ReadWrite, Some(Type::UnsignedInt)),
            param("LowerLayers", ParamAccess::ReadWrite, None),
        ],
        unique_keys: vec![vec!["Alias".into()], vec!["Name".into()]],
        ..SchemaObject::default()
    };
    let diagnostics = SchemaObject {
        path: "Device.IP.Diagnostics.".into(),
        commands: vec![SchemaCommand {
            name: "IPPing()".into(),
            inputs: texts(&["Host", "ProtocolVersion", "X_EXAMPLE_Colour", "Timeout"]),
            outputs: texts(&["SuccessCount"]),
            is_async: Some(true),
        }],
        ..SchemaObject::default()
    };
    let root = SchemaObject {
        path: "Device.".into(),
        events: vec![SchemaEvent { name: "Boot!".into(), args: texts(&["Cause", "FirmwareUpdated"]) }],
        ..SchemaObject::default()
    };
    let user = SchemaObject {
        path: "Device.Users.User.{i}.".into(),
        is_multi: true,
        params: vec![param("Password", ParamAccess::ReadWrite, Some(Type::String))],
        ..SchemaObject::default()
    };
    SchemaResult {
        model_uri: "urn:broadband-forum-org:tr-181-2-19-1-usp".into(),
        objects: vec![root, diagnostics, interface, time, user],
    }
}

async fn put(world: &World, device: DeviceId) -> String {
    let model = StoredModel::new(supported()).expect("a model");
    let hash = model.hash.to_string();
    let put = PutModel { tenant: TENANT, device, model, at: world.now() };
    world.store.submit(Write::PutModel(Box::new(put))).await.expect("stored");
    hash
}

#[tokio::test]
async fn a_model_is_merged_with_the_catalogue() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let hash = put(&world, device).await;
    let model = world.get(&format!("/api/v1/models/{hash}")).token(&token).send().await.json();
    assert_eq!(
        (&model["hash"], &model["uri"]),
        (&json!(hash), &json!("urn:broadband-forum-org:tr-181-2-19-1-usp"))
    );
    let object = |path: &str| {
        let objects = model["objects"].as_array().expect("objects");
        objects.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("no {path}")).clone()
    };
    let interface = object("Device.IP.Interface.{i}.");
    assert_eq!((&interface["access"], &interface["multi"]), (&json!("addDelete"), &json!(true)));
    assert_eq!(interface["unique_keys"], json!([["Alias"], ["Name"]]));
    assert_eq!(
        interface["params"],
        json!([
            {"name": "MaxMTUSize", "access": "readWrite", "type": "unsignedInt",
                "min": 64, "max": 65535, "value_change": true},
            {"name": "LowerLayers", "access": "readWrite", "type": "string", "list": true,
                "value_change": true}])
    );
    let words = &object("Device.Time.")["params"][0]["enum"];
    assert!(words.as_array().expect("words").contains(&json!("Synchronized")), "{words}");
    assert_eq!(
        object("Device.Time.")["params"][1],
        json!({"name": "X_EXAMPLE_Drift", "access": "readWrite", "type": "int", "value_change": true})
    );
    assert_eq!(object("Device.Users.User.{i}.")["params"][0]["secured"], true);
    let ping = &object("Device.IP.Diagnostics.")["commands"][0];
    assert_eq!((&ping["name"], &ping["async"]), (&json!("IPPing()"), &json!(true)));
    assert_eq!((&ping["inputs"][0]["name"], &ping["inputs"][0]["mandatory"]), (&json!("Host"), &json!(true)));
    assert_eq!(ping["inputs"][1]["enum"], json!(["Any", "IPv4", "IPv6"]));
    assert_eq!(ping["inputs"][2], json!({"name": "X_EXAMPLE_Colour", "type": "string", "mandatory": false}));
    assert_eq!(
        ping["inputs"][3],
        json!({"name": "Timeout", "type": "unsignedInt", "units": "milliseconds", "min": 1, "mandatory": true})
    );
    assert_eq!(ping["outputs"][0]["type"], "unsignedInt");
    let boot = &object("Device.")["events"][0];
    assert_eq!((&boot["name"], &boot["args"][1]["type"]), (&json!("Boot!"), &json!("boolean")));
}

#[tokio::test]
async fn a_device_points_at_its_model_and_values_take_types_from_it() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let device = world.device("os::00256D-A1").await;
    let uri = format!("/api/v1/devices/{device}/model");
    world.get(&uri).token(&token).send().await.is_problem(404, "not-found");
    let hash = put(&world, device).await;
    let reply = world.get(&uri).token(&token).send().await;
    assert_eq!((reply.status, reply.json()["hash"].as_str()), (200, Some(hash.as_str())));
    world
        .learn(device, &[("Device.Time.X_EXAMPLE_Drift", "3"), ("Device.IP.Interface.4.MaxMTUSize", "1500")])
        .await;
    let values = world.get(&format!("/api/v1/devices/{device}/params")).token(&token).send().await.json();
    assert_eq!(
        (&values["items"][0]["type"], &values["items"][0]["writable"]),
        (&json!("unsignedInt"), &json!(true))
    );
    assert_eq!((&values["items"][1]["type"], &values["items"][1]["writable"]), (&json!("int"), &json!(true)));
}

#[tokio::test]
async fn there_is_no_model_of_another_hash() {
    let world = World::new().await;
    let token = world.token(Role::Viewer).await;
    let unknown = format!("/api/v1/models/{}", "ab".repeat(32));
    world.get(&unknown).token(&token).send().await.is_problem(404, "not-found");
    world.get("/api/v1/models/latest").token(&token).send().await.is_problem(404, "not-found");
}
