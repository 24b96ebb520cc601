//! `cusp-agent` at the MQTT broker of `cusp serve`, by user name and password.

use requirement::requirement;

use super::site::{CONTROLLER, Site, free};

const ENDPOINT: &str = "self::real-agent";
const CLIENT: &str = "Device.MQTT.Client.1.";

/// What `cusp enrol login` prints goes into the agent's configuration as it is; nobody approves anything.
#[test]
#[requirement("R-MQTT.7")]
fn an_agent_logs_in_and_is_shut_out() {
    for version in ["5.0", "3.1.1"] {
        let [broker, _] = free();
        let site = Site::new("approve");
        site.configure(&format!("[usp.mqtt.broker]\nlisten = \"{broker}\"\n"));
        let _server = site.serve();
        let login = site.client(&["enrol", "login", ENDPOINT, "--name", "attic"]);
        let configured = format!(
            "[controller.mqtt]\nbroker = \"mqtt://{broker}\"\ntopic = \"usp/controllers/{CONTROLLER}\"\n\
             version = \"{version}\"\n{login}"
        );
        let _agent = site.agent_by(ENDPOINT, &configured);
        let api = site.api();
        let devices = api.until("/devices", |list| list["items"][0]["onboarded"] == true);
        let one = &devices["items"][0];
        assert_eq!((one["name"].as_str(), one["proven"].as_bool()), (Some("attic"), Some(true)), "{one}");
        let device = one["id"].as_str().expect("an id").to_owned();
        assert_eq!(api.value(&device, &format!("{CLIENT}Username")), ENDPOINT);
        // It stays shut out, however often it tries with what it has.
        let listed = site.client(&["cert", "list", "--device", "attic"]);
        let fingerprint = listed.lines().nth(1).and_then(|row| row.split_whitespace().nth(1));
        site.client(&["cert", "revoke", fingerprint.unwrap_or_else(|| panic!("{listed}"))]);
        api.until(&format!("/devices/{device}"), |one| one["online"] == false);
        let refused = |row: &serde_json::Value| row["reason"] == "its certificate or login is revoked";
        api.until("/refused", |list| {
            list["items"].as_array().is_some_and(|rows| rows.iter().filter(|row| refused(row)).count() > 1)
        });
        assert_eq!(api.get(&format!("/devices/{device}"))["online"], false);
    }
}
