//! Imported data models: in use at once, and after the next start.

use serde_json::Value;
use server::config::PolicyName;

use crate::agent::Agent;
use crate::world::{AGENT, Running, World};

const FILE: &str = r#"<document xmlns="urn:broadband-forum-org:cwmp:datamodel-1-15" spec="urn:example:one-usp">
<model name="Device:2.0"><object name="Device." access="readOnly" minEntries="1" maxEntries="1"/>
<object name="Device.DeviceInfo." access="readOnly" minEntries="1" maxEntries="1">
<description>What this device is.</description></object></model></document>"#;

async fn description(server: &Running, model: &str) -> Value {
    let answer = server.api.get(model).await;
    let objects = answer.body["objects"].as_array().expect("a list");
    let info = objects.iter().find(|one| one["path"] == "Device.DeviceInfo.").expect("it is supported");
    info["description"].clone()
}

#[tokio::test]
async fn what_was_imported_is_in_use_after_a_restart() {
    let world = World::new(PolicyName::Open);
    let server = world.serve().await;
    Agent::dial(&server, AGENT).await.keep_answering();
    let device = server.device(AGENT).await;
    let model = format!("/devices/{device}/model");
    server.until(&model, |answer| answer.status == 200).await;
    assert_eq!(description(&server, &model).await, Value::Null);
    let made = server.api.call("POST", "/datamodels", FILE).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(description(&server, &model).await, "What this device is.");
    server.kill().await;
    let server = world.serve().await;
    assert_eq!(description(&server, &model).await, "What this device is.");
    let id = made.body["id"].as_str().expect("an id");
    assert_eq!(server.api.delete(&format!("/datamodels/{id}")).await.status, 204);
    assert_eq!(description(&server, &model).await, Value::Null);
}
