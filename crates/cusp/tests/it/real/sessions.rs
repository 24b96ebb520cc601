//! End-to-end sessions between `cusp serve` and `cusp-agent`.

use requirement::requirement;
use serde_json::{Value, json};

use ureq::http::Method;

use super::site::Site;

const ENDPOINT: &str = "self::real-agent";
const SESSION: &str = "Device.LocalAgent.Controller.1.E2ESession.";

fn put(param: &str, value: &str) -> Value {
    json!({ "objects": [{ "path": SESSION, "params": [{ "param": param, "value": value }] }] })
}

/// The kinds of Records of the trace, in their order.
fn kinds(site: &Site, device: &str) -> Vec<String> {
    let trace = site.api().get(&format!("/devices/{device}/trace"));
    let lines = trace["items"].as_array().unwrap_or_else(|| panic!("{trace}"));
    lines.iter().map(|line| line["kind"].as_str().expect("a kind").to_owned()).collect()
}

/// Both have certificates of one CA. From the moment that the agent requires it, what they say to each other
/// travels under their own TLS within that of the connection, in pieces, and everything works as before.
#[test]
#[requirement("R-E2E.6", "R-E2E.28", "R-E2E.43")]
fn messages_travel_under_their_own_tls() {
    let site = Site::secure("approve");
    let _server = site.serve();
    let api = site.api();
    let token = api.post("/enrolments", &json!({ "ttl": "1h" }));
    let token = token.body["token"].as_str().unwrap_or_else(|| panic!("{token:?}")).to_owned();
    let more = format!("ca = {:?}\ntoken = \"{token}\"\n", site.ca());
    let _agent = site.agent_with(ENDPOINT, &more);
    let devices = api.until("/devices", |list| list["items"][0]["onboarded"] == true);
    let device = devices["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(api.value(&device, &format!("{SESSION}Status")), "Down");
    for (param, value) in [("MaxUSPRecordSize", "512"), ("SessionMode", "Require")] {
        let job = api.operation(&device, "set", &put(param, value));
        assert_eq!(job["state"], "done", "{job}");
    }
    assert_eq!(api.value(&device, &format!("{SESSION}Status")), "Up");
    // More than fits one Record.
    let trace = format!("/devices/{device}/trace");
    let switched = api.attempt(Method::PUT, &trace, Some(&json!({ "enabled": true })));
    assert!(switched.is_some_and(|answer| answer.status < 300));
    let model = api.operation(&device, "schema", &json!({ "paths": ["Device."] }));
    assert_eq!(model["state"], "done", "{model}");
    let said = kinds(&site, &device);
    assert!(said.len() > 10 && said.iter().all(|kind| kind == "Session"), "{said:?}");

    // A session that is reset goes on, and one that is forbidden ends.
    let reset = json!({ "command": format!("{SESSION}Reset()") });
    assert_eq!(api.operation(&device, "operate", &reset)["state"], "done");
    assert_eq!(api.value(&device, &format!("{SESSION}Status")), "Up");
    assert_eq!(api.operation(&device, "set", &put("SessionMode", "Forbid"))["state"], "done");
    assert_eq!(api.value(&device, &format!("{SESSION}Status")), "Down");
}
