//! What a device needs to be reached through a STOMP server.

use api::gateway::BrokerInfo;
use mtp::stomp::ServerAddress;
use usp_endpoint::EndpointId;

use super::{agent_toml_head, obuspa_lines, trusted_broker};
use crate::config::StompConnect;

/// `None` where the URL is none, which the configuration's check excludes.
pub(super) fn info(config: &StompConnect, endpoint: &EndpointId, ca: &str) -> Option<BrokerInfo> {
    let address = config.public_address().ok()?;
    let url = config.public_url.as_ref().unwrap_or(&config.url).clone();
    let of_server = config.ca.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    // The one behind it proves itself in end-to-end sessions.
    let ca_pem = of_server.clone().unwrap_or_default() + ca;
    let trusted = of_server.filter(|_| config.trusted);
    let destination = config.destination(endpoint.as_str());
    Some(BrokerInfo {
        protocol: "STOMP".to_owned(),
        tls: address.secure,
        version: "1.2".to_owned(),
        agent_toml: agent_toml(&url, config.host.as_deref(), &destination, endpoint, &ca_pem)
            + &trusted.map(|pem| trusted_broker(&pem)).unwrap_or_default(),
        obuspa: obuspa(&address, config.host.as_deref(), &destination, endpoint),
        topic: destination,
        url,
    })
}

fn agent_toml(
    url: &str,
    host: Option<&str>,
    destination: &str,
    endpoint: &EndpointId,
    ca_pem: &str,
) -> String {
    let mut text = agent_toml_head(endpoint, ca_pem);
    text.push_str(&format!("\n[controller.stomp]\nserver = \"{url}\"\ndestination = {destination:?}\n"));
    if let Some(host) = host {
        text.push_str(&format!("host = {host:?}\n"));
    }
    text
}

/// Factory reset parameters of OB-USP-AGENT. Its own destination has its endpoint id in it, which is not known here.
fn obuspa(address: &ServerAddress, host: Option<&str>, destination: &str, endpoint: &EndpointId) -> String {
    let [mtp, own] = ["Device.LocalAgent.Controller.1.MTP.1.STOMP.", "Device.LocalAgent.MTP.1.STOMP."];
    let connection = "Device.STOMP.Connection.1.";
    let rows = [
        (mtp, "Reference", "Device.STOMP.Connection.1"),
        (mtp, "Destination", destination),
        (own, "Reference", "Device.STOMP.Connection.1"),
        (own, "Destination", "/queue/usp.agents.ENDPOINT_HERE"),
        (connection, "Alias", "cpe-1"),
        (connection, "Enable", "true"),
        (connection, "Host", &address.host),
        (connection, "Port", &address.port.to_string()),
        (connection, "VirtualHost", host.unwrap_or("/")),
        (connection, "EnableEncryption", if address.secure { "true" } else { "false" }),
        (connection, "EnableHeartbeats", "true"),
        (connection, "OutgoingHeartbeat", "30000"),
        (connection, "IncomingHeartbeat", "30000"),
    ];
    obuspa_lines(endpoint, "STOMP", &rows)
}

#[cfg(test)]
mod tests {
    use usp_endpoint::EndpointId;

    use super::{StompConnect, info};

    #[test]
    fn devices_are_told_server_and_destination() {
        let endpoint = EndpointId::receive("self::c").expect("an endpoint id");
        let config = StompConnect {
            url: "stomp://127.0.0.1:61613".to_owned(),
            public_url: Some("stomps://stomp.example.com".to_owned()),
            host: Some("devices".to_owned()),
            ..StompConnect::default()
        };
        let info = info(&config, &endpoint, "CA\n").expect("a URL");
        assert_eq!((info.url.as_str(), info.tls), ("stomps://stomp.example.com", true));
        assert_eq!(info.topic, "/queue/usp.controllers.self::c");
        for line in [
            "Device.STOMP.Connection.1.Host \"stomp.example.com\"\n",
            "Device.STOMP.Connection.1.Port \"61614\"\n",
            "Device.STOMP.Connection.1.EnableEncryption \"true\"\n",
            "Device.STOMP.Connection.1.VirtualHost \"devices\"\n",
            "Device.LocalAgent.Controller.1.MTP.1.STOMP.Destination \"/queue/usp.controllers.self::c\"\n",
        ] {
            assert!(info.obuspa.contains(line), "{line} in {}", info.obuspa);
        }
        let expected = "[[controller]]\nendpoint = \"self::c\"\nca = '''\nCA\n'''\n\n[controller.stomp]\n\
                        server = \"stomps://stomp.example.com\"\n\
                        destination = \"/queue/usp.controllers.self::c\"\nhost = \"devices\"\n";
        assert_eq!(info.agent_toml, expected);
        // Whose word counts, if the device can tell that it is that one.
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, "PEM\n").expect("written");
        for (trusted, ca, told) in
            [(true, Some(&file), true), (true, None, false), (false, Some(&file), false)]
        {
            let config = StompConnect { trusted, ca: ca.cloned(), ..config.clone() };
            let toml = super::info(&config, &endpoint, "CA\n").expect("a URL").agent_toml;
            assert_eq!(toml.contains("'''\nPEM\n'''\nuses = \"MTP-and-broker\""), told, "{toml}");
        }
    }
}
