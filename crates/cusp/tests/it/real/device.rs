//! `cusp serve` and `cusp-agent`: onboarding, every operation, notifications, and a stream of events that
//! goes on where it was after the server has died.

use serde_json::{Value, json};

use super::site::Site;

const ENDPOINT: &str = "self::real-agent";
const OWN: &str = "Device.LocalAgent.Controller.1.";
const INTERVAL: &str = "Device.LocalAgent.Controller.1.PeriodicNotifInterval";
const SUBSCRIPTIONS: &str = "Device.LocalAgent.Subscription.";

fn set_interval(value: &str) -> Value {
    let params = json!([{ "param": "PeriodicNotifInterval", "value": value }]);
    json!({ "objects": [{ "path": OWN, "params": params }] })
}

/// Lets the agent in, and waits until it is onboarded; its id.
fn onboarded(site: &Site) -> String {
    let api = site.api();
    api.until("/pending", |list| list["items"][0]["endpoint"] == ENDPOINT);
    let answer = api.post(&format!("/pending/{ENDPOINT}/approve"), &json!({ "name": "real" }));
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    api.until(&format!("/devices/{id}"), |device| device["onboarded"] == true && device["online"] == true);
    id
}

#[test]
fn every_operation_through_the_whole_house() {
    let site = Site::new("approve");
    let _server = site.serve();
    let _agent = site.agent(ENDPOINT);
    let api = site.api();
    let device = onboarded(&site);

    assert_eq!(api.value(&device, "Device.LocalAgent.EndpointID"), ENDPOINT);
    let model = api.get(&format!("/devices/{device}/model"));
    let has = |path: &str| model["objects"].as_array().expect("a list").iter().any(|one| one["path"] == path);
    assert!(has("Device.LocalAgent.Controller.{i}.") && has("Device.DeviceInfo."), "the model was read");

    let job = api.operation(&device, "set", &set_interval("4242"));
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(api.value(&device, INTERVAL), "4242");
    // One second is the least.
    let refused = api.post(&format!("/devices/{device}/set?wait=60s"), &set_interval("0"));
    assert_eq!((refused.status, &refused.body["params"][0]["code"]), (400, &json!(7012)), "{refused:?}");
    assert_eq!(api.value(&device, INTERVAL), "4242");

    let row = subscribe(&site, &device);
    let found = instances(&site, &device);
    assert!(found.contains(&row), "{found:?}");
    let job = api.operation(&device, "delete", &json!({ "paths": [row] }));
    assert_eq!(job["state"], "done", "{job}");
    assert!(!instances(&site, &device).contains(&row));

    // The agent's policy names no hook, and it says so instead of doing as if.
    let job = api.operation(&device, "operate", &json!({ "command": "Device.Reboot()" }));
    assert_eq!(job["state"], "failed", "{job}");
    assert_eq!(job["outcome"]["results"][0]["error"]["code"], 7022, "{job}");
}

/// Subscribes to changes of the interval; the row.
fn subscribe(site: &Site, device: &str) -> String {
    let params = [
        ("Enable", "true"),
        ("ID", "real"),
        ("NotifType", "ValueChange"),
        ("ReferenceList", INTERVAL),
        ("NotifRetry", "true"),
    ];
    let params: Vec<Value> = params
        .iter()
        .map(|(param, value)| json!({ "param": param, "value": value, "required": true }))
        .collect();
    let body = json!({ "objects": [{ "path": SUBSCRIPTIONS, "params": params }] });
    let job = site.api().operation(device, "add", &body);
    assert_eq!(job["state"], "done", "{job}");
    job["outcome"]["results"][0]["created"]["path"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned()
}

fn instances(site: &Site, device: &str) -> Vec<String> {
    let job = site.api().operation(device, "instances", &json!({ "paths": [SUBSCRIPTIONS] }));
    let rows = job["outcome"]["results"][0]["instances"].as_array().unwrap_or_else(|| panic!("{job}"));
    rows.iter().map(|row| row["path"].as_str().expect("a path").to_owned()).collect()
}

#[test]
fn a_stream_of_events_goes_on_where_it_was_when_the_server_has_died() {
    let site = Site::new("approve");
    let server = site.serve();
    let _agent = site.agent(ENDPOINT);
    let api = site.api();
    let device = onboarded(&site);
    subscribe(&site, &device);
    let changed = |event: &Value, value: &str| {
        event["kind"] == "value_change" && event["path"] == INTERVAL && event["params"]["value"] == value
    };
    let mut stream = api.follow(0);
    assert_eq!(api.operation(&device, "set", &set_interval("1001"))["state"], "done");
    let seen = stream.find(|event| changed(event, "1001")).expect("the change is told");
    let last = seen["seq"].as_u64().expect("a position");
    server.kill();
    let more: Vec<Value> = stream.collect();
    assert!(!more.iter().any(|event| changed(event, "1001")), "once is enough: {more:?}");

    let _server = site.serve();
    api.until(&format!("/devices/{device}"), |device| device["online"] == true);
    assert_eq!(api.operation(&device, "set", &set_interval("1002"))["state"], "done");
    let mut rest = Vec::new();
    for event in api.follow(last) {
        let end = changed(&event, "1002");
        rest.push(event);
        if end {
            break;
        }
    }
    // Nothing twice, nothing left out: the stream is the log.
    let log = api.get(&format!("/events?after={last}&limit=500"));
    let log = log["items"].as_array().expect("a list");
    assert_eq!(log[..rest.len()], rest[..]);
    assert!(rest.iter().all(|event| event["seq"].as_u64() > Some(last) && !changed(event, "1001")));
}
