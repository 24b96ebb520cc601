//! What a device needs to be reached through a broker.

use api::gateway::BrokerInfo;
use mtp::mqtt::BrokerAddress;
use pki::Ca;
use usp_endpoint::EndpointId;

use super::{agent_toml_head, obuspa_lines, reachable, trusted_broker};
use crate::config::mqtt::{address_of, websocket_of};
use crate::config::{Config, MqttConnect, MqttVersion};
use crate::data_dir::Listeners;
use crate::usp::own_broker;

/// Of our own broker, and of those that we connect to.
pub(super) fn infos(
    config: &Config,
    listeners: &Listeners,
    endpoint: &EndpointId,
    ca: &Ca,
) -> Vec<BrokerInfo> {
    let broker = &config.usp.mqtt.broker;
    let own = listeners.usp_mqtt_broker.and_then(|listen| {
        let scheme = if broker.tls.is_some() { "mqtts" } else { "mqtt" };
        let url = broker.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", reachable(listen)));
        let trusted = broker.tls.is_some();
        let of =
            Broker { own_ca: trusted.then(|| ca.certificate_pem()), ca_pem: ca.certificate_pem(), trusted };
        info(&url, MqttVersion::V5, own_broker::controller_topic(endpoint), &of, endpoint)
    });
    let others =
        config.usp.mqtt.connect.iter().filter_map(|one| of_other(one, endpoint, &ca.certificate_pem()));
    own.into_iter().chain(others).collect()
}

fn of_other(config: &MqttConnect, endpoint: &EndpointId, ca: &str) -> Option<BrokerInfo> {
    let url = config.public_url.as_deref().unwrap_or(&config.url);
    let own_ca = config.ca.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    let ca_pem = own_ca.clone().unwrap_or_default() + ca;
    let broker = Broker { own_ca, ca_pem, trusted: config.trusted };
    info(url, config.version, config.topic(endpoint.as_str()), &broker, endpoint)
}

/// What a device believes of a broker.
struct Broker {
    /// What vouches for it, PEM, if that is not left to the device.
    own_ca: Option<String>,
    /// What vouches for it and, in end-to-end sessions, for the controller behind it, PEM.
    ca_pem: String,
    /// Whether its word counts on who sends what.
    trusted: bool,
}

/// `None` for a broker that is reached by a WebSocket, which devices are not told; and where the URL is none, which the
/// configuration's check excludes.
fn info(
    url: &str,
    version: MqttVersion,
    topic: String,
    broker: &Broker,
    endpoint: &EndpointId,
) -> Option<BrokerInfo> {
    let address = address_of(url).ok().filter(|_| websocket_of(url).is_none())?;
    let version = if version == MqttVersion::V5 { "5.0" } else { "3.1.1" };
    Some(BrokerInfo {
        protocol: "MQTT".to_owned(),
        url: url.to_owned(),
        version: version.to_owned(),
        agent_toml: agent_toml(url, version, &topic, endpoint, broker),
        obuspa: obuspa(&address, version, &topic, endpoint),
        topic,
        tls: address.secure,
    })
}

fn agent_toml(url: &str, version: &str, topic: &str, endpoint: &EndpointId, of: &Broker) -> String {
    let mut text = agent_toml_head(endpoint, &of.ca_pem);
    text.push_str(&format!(
        "\n[controller.mqtt]\nbroker = \"{url}\"\ntopic = \"{topic}\"\nversion = \"{version}\"\n"
    ));
    if let Some(pem) = of.own_ca.as_ref().filter(|_| of.trusted) {
        text.push_str(&trusted_broker(pem));
    }
    text
}

/// Factory reset parameters of OB-USP-AGENT. Its own topic has its endpoint id in it, which is not known here.
fn obuspa(address: &BrokerAddress, version: &str, topic: &str, endpoint: &EndpointId) -> String {
    let [mtp, own] = ["Device.LocalAgent.Controller.1.MTP.1.MQTT.", "Device.LocalAgent.MTP.1.MQTT."];
    let client = "Device.MQTT.Client.1.";
    let rows = [
        (mtp, "Reference", "Device.MQTT.Client.1"),
        (mtp, "Topic", topic),
        (own, "Reference", "Device.MQTT.Client.1"),
        (own, "ResponseTopicConfigured", "usp/agents/ENDPOINT_HERE"),
        (client, "Alias", "cpe-1"),
        (client, "Enable", "true"),
        (client, "BrokerAddress", &address.host),
        (client, "BrokerPort", &address.port.to_string()),
        (client, "ProtocolVersion", version),
        (client, "TransportProtocol", if address.secure { "TLS" } else { "TCP/IP" }),
        (client, "KeepAliveTime", "60"),
    ];
    obuspa_lines(endpoint, "MQTT", &rows)
}

#[cfg(test)]
mod tests {
    use usp_endpoint::EndpointId;

    use super::{Broker, MqttConnect, MqttVersion, agent_toml, of_other};

    #[test]
    fn devices_are_told_broker_and_topic() {
        let endpoint = EndpointId::receive("self::c").expect("an endpoint id");
        let config = MqttConnect {
            url: "mqtt://127.0.0.1:1883".to_owned(),
            public_url: Some("mqtts://broker.example.com".to_owned()),
            version: MqttVersion::V3,
            ..MqttConnect::default()
        };
        let info = of_other(&config, &endpoint, "CA\n").expect("a URL");
        assert_eq!((info.url.as_str(), info.tls), ("mqtts://broker.example.com", true));
        assert_eq!(info.topic, "usp/controllers/self::c");
        for line in [
            "Device.MQTT.Client.1.BrokerAddress \"broker.example.com\"\n",
            "Device.MQTT.Client.1.BrokerPort \"8883\"\n",
            "Device.MQTT.Client.1.ProtocolVersion \"3.1.1\"\n",
            "Device.MQTT.Client.1.TransportProtocol \"TLS\"\n",
            "Device.LocalAgent.Controller.1.MTP.1.MQTT.Topic \"usp/controllers/self::c\"\n",
        ] {
            assert!(info.obuspa.contains(line), "{line} in {}", info.obuspa);
        }
        let expected = "[[controller]]\nendpoint = \"self::c\"\nca = '''\nCA\n'''\n\n[controller.mqtt]\n\
                        broker = \"mqtts://broker.example.com\"\ntopic = \"usp/controllers/self::c\"\n\
                        version = \"3.1.1\"\n";
        assert_eq!(info.agent_toml, expected);
        // Whose word counts, if the device can tell that it is that one.
        let told = |trusted, own_ca: Option<&str>| {
            let broker = Broker { own_ca: own_ca.map(str::to_owned), ca_pem: String::new(), trusted };
            agent_toml("mqtts://b", "5.0", "t", &endpoint, &broker).contains("uses = \"MTP-and-broker\"")
        };
        assert!(told(true, Some("PEM")) && !told(true, None) && !told(false, Some("PEM")));
    }
}
