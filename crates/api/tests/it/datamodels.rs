//! Data models that people import: kept, listed, removed; what they say is beside what a device says.

use dm::Type;
use dm::operation::{ParamAccess, SchemaCommand, SchemaObject, SchemaParam, SchemaResult};
use fleet::access::Role;
use fleet::model::StoredModel;
use fleet::port::{PutModel, Write};
use http::Method;
use serde_json::{Value, json};

use crate::world::{Reply, TENANT, World};

const URI: &str = "/api/v1/datamodels";
const FILE: &str = r#"<?xml version="1.0"?>
<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-15" spec="urn:example:cloud-1-usp">
<model name="Device:1.3">
<object name="Device." access="readOnly" minEntries="1" maxEntries="1"/>
<object name="Device.Time." access="readOnly" minEntries="1" maxEntries="1">
<description>Time and its keepers.</description>
<parameter name="Enable" access="readWrite"><description>Keeps the time.</description><syntax><boolean/></syntax></parameter>
</object>
<object name="Device.X_EXAMPLE_Cloud." access="readOnly" minEntries="1" maxEntries="1">
<description>The cloud of this vendor.</description>
<parameter name="Drift" access="readWrite"><description>How far it drifts.</description>
<syntax><int><range minInclusive="-5" maxInclusive="5"/><units value="seconds"/></int></syntax></parameter>
<command name="Rain()"><description>Lets it rain.</description>
<input><parameter name="Litres" access="readWrite" mandatory="true"><description>How much.</description><syntax><unsignedInt/></syntax></parameter></input>
</command>
</object>
</model>
</dm:document>"#;

async fn upload(world: &World, token: &str, file: &str) -> Reply {
    let call = world.call(Method::POST, URI).token(token).header("content-type", "application/xml");
    call.body(file.to_owned()).send().await
}

/// A device that supports what the file describes, and says no more of it than names.
async fn device(world: &World) -> String {
    let param = |name: &str, value_type| SchemaParam {
        name: name.into(),
        access: ParamAccess::ReadWrite,
        value_type,
        value_change: None,
    };
    let time = SchemaObject {
        path: "Device.Time.".into(),
        params: vec![param("Enable", Some(Type::Boolean))],
        ..SchemaObject::default()
    };
    let cloud = SchemaObject {
        path: "Device.X_EXAMPLE_Cloud.".into(),
        params: vec![param("Drift", None), param("Height", None)],
        commands: vec![SchemaCommand {
            name: "Rain()".into(),
            inputs: vec!["Litres".into()],
            outputs: Vec::new(),
            is_async: None,
        }],
        ..SchemaObject::default()
    };
    let schema = SchemaResult { model_uri: "urn:example".into(), objects: vec![time, cloud] };
    let model = StoredModel::new(schema).expect("a model");
    let device = world.device("os::00256D-A1").await;
    let put = PutModel { tenant: TENANT, device, model, at: world.now() };
    fleet::port::Store::submit(&world.store, Write::PutModel(Box::new(put))).await.expect("stored");
    format!("/api/v1/devices/{device}/model")
}

async fn objects(world: &World, token: &str, uri: &str) -> Value {
    world.get(uri).token(token).send().await.json()["objects"].clone()
}

#[tokio::test]
async fn an_imported_model_describes_what_a_device_supports() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    let uri = device(&world).await;
    let bare = objects(&world, &token, &uri).await;
    assert_eq!(bare[1]["params"][0], json!({"name": "Drift", "access": "readWrite", "type": "string"}));

    let made = upload(&world, &token, FILE).await;
    assert_eq!(made.status, 200, "{made:?}");
    let made = made.json();
    assert_eq!(
        made,
        json!({"id": made["id"], "name": "Device", "version": "1.3", "protocol": "usp",
            "uri": "urn:example:cloud-1-usp", "definitions": 7, "imported": "2023-11-14T22:13:20Z",
            "actor": made["actor"]})
    );
    let told = objects(&world, &token, &uri).await;
    assert_eq!(told[0]["description"], "Time and its keepers.");
    // The compiled-in catalogue keeps the word on facts; the prose is the file's.
    assert_eq!(
        told[0]["params"][0],
        json!({"name": "Enable", "access": "readWrite", "type": "boolean", "description": "Keeps the time."})
    );
    let cloud = &told[1];
    assert_eq!(cloud["description"], "The cloud of this vendor.");
    assert_eq!(
        cloud["params"],
        json!([
            {"name": "Drift", "access": "readWrite", "type": "int", "units": "seconds", "min": -5, "max": 5,
                "description": "How far it drifts."},
            {"name": "Height", "access": "readWrite", "type": "string"}])
    );
    assert_eq!(
        cloud["commands"],
        json!([{"name": "Rain()", "async": false, "description": "Lets it rain.", "outputs": [],
            "inputs": [{"name": "Litres", "type": "unsignedInt", "mandatory": true, "description": "How much."}]}])
    );

    let list = world.get(URI).token(&token).send().await.json();
    assert_eq!(list, json!({"items": [made], "next": null}));
    let place = format!("{URI}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.call(Method::DELETE, &place).token(&token).send().await.status, 204);
    world.call(Method::DELETE, &place).token(&token).send().await.is_problem(404, "not-found");
    assert_eq!(objects(&world, &token, &uri).await, bare);
}

#[tokio::test]
async fn a_file_that_is_no_model_is_refused_and_nothing_is_kept() {
    let world = World::new().await;
    let token = world.token(Role::Operator).await;
    for (file, word) in [
        ("", "root"),
        ("<html/>", "not a data-model file"),
        ("{\"name\": 1}", "unknown token"),
        ("<!DOCTYPE d [<!ENTITY a \"b\">]><document><model/></document>", "document type"),
    ] {
        let reply = upload(&world, &token, file).await;
        reply.is_problem(422, "not-a-model");
        let detail = reply.json()["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains(word), "{file:?}: {detail}");
    }
    upload(&world, &token, &" ".repeat((32 << 20) + 1)).await.is_problem(413, "too-large");
    let viewer = world.token(Role::Viewer).await;
    upload(&world, &viewer, FILE).await.is_problem(403, "forbidden");
    assert_eq!(world.get(URI).token(&viewer).send().await.json()["items"], json!([]));
}
