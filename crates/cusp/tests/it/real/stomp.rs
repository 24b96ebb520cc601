//! `cusp serve` and `cusp-agent` on both sides of Debian's STOMP servers.

#[expect(dead_code, reason = "what MQTT needs of them is used elsewhere")]
#[path = "../../../../mtp/tests/it/daemons/mod.rs"]
mod daemons;

use std::time::{Duration, SystemTime};

use daemons::{ActiveMq, RabbitMq};
use pki::{Ca, ServerNames, Validity};
use requirement::requirement;
use serde_json::json;

use super::site::{CONTROLLER, Site};

const ENDPOINT: &str = "self::real-agent";
const CONNECTION: &str = "Device.STOMP.Connection.1.";

/// A device is found, read and written through the server at this URL, and again after that was away. `ca` is that of
/// the server's certificate.
fn through(url: &str, ca: Option<&Ca>, restart: impl FnOnce()) {
    let site = Site::new("open");
    let password = site.write("password", "guest\n");
    let server_ca = ca.map(|ca| format!("ca = {:?}\n", site.write("ca.pem", &ca.certificate_pem())));
    site.configure(&format!(
        "[[usp.stomp.connect]]\nurl = \"{url}\"\nusername = \"guest\"\npassword_file = {password:?}\n\
         retry_seconds = 1\n{}",
        server_ca.unwrap_or_default()
    ));
    let _server = site.serve();
    let agent_ca = ca.map(|ca| format!("ca = \"\"\"\n{}\"\"\"\n", ca.certificate_pem()));
    let _agent = site.agent_by(
        ENDPOINT,
        &format!(
            "{}[controller.stomp]\nserver = \"{url}\"\ndestination = \"/queue/usp.controllers.{CONTROLLER}\"\n\
             username = \"guest\"\npassword = \"guest\"\n{}",
            agent_ca.clone().unwrap_or_default(),
            agent_ca.map(|ca| format!("[[credential]]\n{ca}uses = \"MTP-and-broker\"\n")).unwrap_or_default()
        ),
    );
    let api = site.api();
    let devices = api.until("/devices", |list| list["items"][0]["onboarded"] == true);
    let device = devices["items"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(api.value(&device, &format!("{CONNECTION}Status")), "Enabled");
    assert_eq!(api.value(&device, &format!("{CONNECTION}Host")), "127.0.0.1");
    for (param, value) in [("ServerRetryInitialInterval", "1"), ("ServerRetryIntervalMultiplier", "1000")] {
        let params = json!([{ "param": param, "value": value }]);
        let set = json!({ "objects": [{ "path": CONNECTION, "params": params }] });
        let job = api.operation(&device, "set", &set);
        assert_eq!(job["state"], "done", "{job}");
        assert_eq!(api.value(&device, &format!("{CONNECTION}{param}")), value);
    }
    let path = format!("/devices/{device}");
    restart();
    // Its greeting on the new connection begins a new session.
    let sessions = format!("{path}/sessions");
    api.until(&sessions, |list| list["items"].as_array().is_some_and(|all| all.len() > 1));
    api.until(&path, |one| one["online"] == true);
    assert_eq!(api.value(&device, &format!("{CONNECTION}Status")), "Enabled");
    let sessions = api.get(&sessions);
    assert_eq!(sessions["items"][0]["transport"], "stomp", "{sessions}");
}

#[test]
#[requirement("R-STOMP.0", "R-STOMP.2", "R-STOMP.3", "R-STOMP.7", "R-STOMP.18", "R-STOMP.23", "R-STOMP.36")]
fn a_device_is_managed_through_rabbitmq_with_tls() {
    let valid = Validity::lasting(SystemTime::now(), Duration::from_secs(86_400));
    let ca = Ca::create("Test CA", valid).expect("a CA");
    let names = ServerNames { ips: vec![[127, 0, 0, 1].into()], ..ServerNames::default() };
    let identity = ca.issue_server(&names, valid).expect("a certificate");
    let mut server = RabbitMq::start_stomp(&identity.chain_pem(), &identity.key_pem());
    let url = format!("stomps://127.0.0.1:{}", server.secure_port);
    through(&url, Some(&ca), || server.restart());
}

#[test]
#[requirement("R-STOMP.0", "R-STOMP.2", "R-STOMP.3", "R-STOMP.7", "R-STOMP.18", "R-STOMP.23")]
fn a_device_is_managed_through_activemq() {
    let mut server = ActiveMq::start();
    let url = format!("stomp://127.0.0.1:{}", server.port);
    through(&url, None, || server.restart());
}
