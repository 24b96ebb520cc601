//! A USP Service on a device: what it brings can be written from afar without force as long as it is there.

use serde_json::{Value, json};

use super::site::Site;

const ENDPOINT: &str = "self::real-broker";
const LAMP: &str = "Device.X_CUSP_Lamp.";

fn set(brightness: &str) -> Value {
    let params = json!([{ "param": "Brightness", "value": brightness }]);
    json!({ "objects": [{ "path": LAMP, "params": params }] })
}

#[test]
fn a_lamp_can_be_set_without_force_as_long_as_it_is_there() {
    let site = Site::new("open");
    let _server = site.serve();
    let socket = site.path("broker.sock");
    let lines = format!("url = \"{}\"\n[services]\nsocket = {socket:?}\n", site.agent_url());
    let agent = site.agent_by(ENDPOINT, &lines);
    agent.until_told("USP Services may connect");
    let api = site.api();
    let is_ours = |list: &Value| list["items"][0]["onboarded"] == true;
    let device = api.until("/devices", is_ours)["items"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/devices/{device}/set?wait=60s");
    let has_lamp = |model: &Value| {
        model["objects"].as_array().is_some_and(|all| all.iter().any(|one| one["path"] == LAMP))
    };
    let refused = api.post(&path, &set("40"));
    assert_eq!((refused.status, has_lamp(&api.get(&format!("/devices/{device}/model")))), (400, false));

    let lamp = site.lamp(&socket);
    api.until(&format!("/devices/{device}/model"), has_lamp);
    let job = api.operation(&device, "set", &set("40"));
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(api.value(&device, "Device.X_CUSP_Lamp.Brightness"), "40");

    lamp.kill();
    api.until(&format!("/devices/{device}/model"), |model| !has_lamp(model));
    let refused = api.post(&path, &set("50"));
    assert_eq!(refused.status, 400, "{refused:?}");
    let text = refused.body.to_string();
    assert!(text.contains("the device's model has no Device.X_CUSP_Lamp."), "{text}");
}
