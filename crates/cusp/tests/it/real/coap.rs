//! The server and the agent over CoAP, from the first word on.

use requirement::requirement;
use serde_json::json;

use super::site::{Site, free};

const DEVICE: &str = "os::00256D-COAP";

#[requirement("R-COAP.2a", "R-COAP.5")]
#[test]
fn a_device_is_approved_onboarded_read_and_read_again_after_a_restart() {
    let [server, agent] = free();
    let site = Site::with_coap("approve", server);
    let running = site.serve();
    let device = site.agent_by_coap(DEVICE, server, agent.port());
    let api = site.api();
    let pending = api.until("/pending", |answer| answer["items"][0]["endpoint"] == DEVICE);
    let row = &pending["items"][0];
    let expected = json!(["coap", format!("127.0.0.1:{}", agent.port()), false]);
    assert_eq!(json!([row["transport"], row["peer"], row["proven"]]), expected);
    let answer = api.post(&format!("/pending/{DEVICE}/approve"), &json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.body["id"].as_str().expect("a device").to_owned();
    let onboarded = |one: &serde_json::Value| one["online"] == true && one["onboarded"] == true;
    api.until(&format!("/devices/{id}"), onboarded);
    let get = || {
        let paths = json!({ "paths": ["Device.LocalAgent.EndpointID"] });
        api.post(&format!("/devices/{id}/get?wait=30s"), &paths)
    };
    let got = get();
    assert!(got.body.to_string().contains(DEVICE), "{got:?}");
    // A server that is started again hears where the device is when that speaks.
    drop((device, running));
    let _running = site.serve();
    let _device = site.agent_by_coap(DEVICE, server, agent.port());
    api.until(&format!("/devices/{id}"), |one| one["online"] == true);
    let got = get();
    assert!(got.body.to_string().contains(DEVICE), "{got:?}");
}

/// With DTLS a device shows its certificate, which its approval pins: nobody else is it from then on.
#[requirement("R-COAP.14", "R-COAP.16")]
#[test]
fn a_device_is_approved_by_the_certificate_that_it_shows_under_dtls() {
    let [server, agent] = free();
    let site = Site::secure("approve");
    site.configure_coaps(server);
    let running = site.serve();
    let start = || {
        let lines = format!(
            "ca = {:?}\n[controller.coap]\nurl = \"coaps://{server}/usp\"\nport = {}\n",
            site.ca(),
            agent.port()
        );
        site.agent_by(DEVICE, &lines)
    };
    let device = start();
    let api = site.api();
    let pending = api.until("/pending", |answer| answer["items"][0]["endpoint"] == DEVICE);
    let row = &pending["items"][0];
    assert_eq!(json!([row["transport"], row["peer"]]), json!(["coap", agent.to_string()]));
    assert_eq!(
        (row["fingerprint"].as_str().map(str::len), &row["proven"]),
        (Some(64), &json!(true)),
        "{row}"
    );
    let answer = api.post(&format!("/pending/{DEVICE}/approve"), &json!({}));
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = answer.body["id"].as_str().expect("a device").to_owned();
    let onboarded = |one: &serde_json::Value| one["online"] == true && one["onboarded"] == true;
    api.until(&format!("/devices/{id}"), onboarded);
    let read = || {
        let paths = json!({ "paths": ["Device.LocalAgent."] });
        let got = api.post(&format!("/devices/{id}/get?wait=30s"), &paths).body.to_string();
        assert!(got.contains(DEVICE) && got.contains(r#""EnableEncryption":"true""#), "{got}");
    };
    read();
    // Started again, it is known by its certificate.
    drop((device, running));
    let _running = site.serve();
    let _device = start();
    api.until(&format!("/devices/{id}"), |one| one["online"] == true);
    read();
}
