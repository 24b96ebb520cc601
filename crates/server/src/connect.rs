//! What a device needs to connect here, ready to paste.

mod mqtt;
mod stomp;

use std::net::{IpAddr, SocketAddr};

use api::gateway::ConnectInfo;
use mtp::ws::WsUrl;
use pki::Ca;
use usp_endpoint::EndpointId;

use crate::config::Config;
use crate::data_dir::Listeners;

/// The page's and API's base URL.
pub(crate) fn http_url(config: &Config, listen: SocketAddr) -> String {
    if let Some(url) = &config.http.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if config.http.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{}", reachable(listen))
}

/// Where agents dial in.
pub(crate) fn websocket_url(config: &Config, listeners: &Listeners) -> String {
    if let Some(url) = &config.usp.websocket.public_url {
        return url.clone();
    }
    let scheme = if config.usp.websocket.tls.is_some() { "wss" } else { "ws" };
    format!("{scheme}://{}{}", reachable(listeners.usp_websocket), config.websocket_path())
}

/// An address to write into a URL: a listener on all addresses is shown by this machine's name.
fn reachable(listen: SocketAddr) -> String {
    if !listen.ip().is_unspecified() {
        return listen.to_string();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() { "localhost" } else { name.trim() };
    format!("{name}:{}", listen.port())
}

/// All of it.
pub(crate) fn info(config: &Config, listeners: &Listeners, endpoint: &EndpointId, ca: &Ca) -> ConnectInfo {
    let url = websocket_url(config, listeners);
    let tls = config.usp.websocket.tls.is_some();
    let ca_pem = tls.then(|| ca.certificate_pem());
    let mut brokers = mqtt::infos(config, listeners, endpoint, ca);
    let servers = config.usp.stomp.connect.iter();
    brokers.extend(servers.filter_map(|one| stomp::info(one, endpoint, &ca.certificate_pem())));
    ConnectInfo {
        endpoint_id: endpoint.as_str().to_owned(),
        agent_toml: agent_toml(endpoint, &url, tls, &ca.certificate_pem()),
        obuspa: obuspa(endpoint, config, listeners),
        websocket_url: url,
        tls,
        ca_pem,
        plaintext_warning: config.plaintext_warning(),
        brokers,
    }
}

/// Where the transport protects nothing on its way through a network, the CA vouches for the server in end-to-end sessions.
fn agent_toml(endpoint: &EndpointId, url: &str, tls: bool, ca_pem: &str) -> String {
    let mut text = format!("[[controller]]\nendpoint = \"{endpoint}\"\nurl = \"{url}\"\n");
    if tls {
        text.push_str("token = \"TOKEN_HERE\"\n");
    }
    if tls || !is_near(url) {
        text.push_str(&format!("ca = '''\n{ca_pem}'''\n"));
    }
    text
}

/// Whether that is within this host.
fn is_near(url: &str) -> bool {
    let host = url.parse::<WsUrl>().map(|url| url.host).unwrap_or_default();
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Factory reset parameters of OB-USP-AGENT, one `path "value"` a line.
fn obuspa(endpoint: &EndpointId, config: &Config, listeners: &Listeners) -> String {
    let url = websocket_url(config, listeners).parse::<WsUrl>().unwrap_or_else(|_| {
        // A public URL that is none says nothing; the listener is what there is.
        let own = listeners.usp_websocket;
        let secure = config.usp.websocket.tls.is_some();
        let path = config.websocket_path().to_owned();
        WsUrl { secure, host: own.ip().to_string(), port: own.port(), path, query: None }
    });
    let mtp = "Device.LocalAgent.Controller.1.MTP.1.WebSocket.";
    let own = "Device.LocalAgent.MTP.1.WebSocket.";
    let rows = [
        (mtp, "Host", url.host.as_str()),
        (mtp, "Port", &url.port.to_string()),
        (mtp, "Path", &url.path),
        (mtp, "EnableEncryption", if url.secure { "true" } else { "false" }),
        (own, "Port", "5684"),
        (own, "EnableEncryption", "false"),
    ];
    obuspa_lines(endpoint, "WebSocket", &rows)
}

/// Those lines for a controller that is reached by this MTP and no other: what they have in common whatever the MTP,
/// then what is the MTP's own, as object, parameter and value.
fn obuspa_lines(endpoint: &EndpointId, protocol: &str, of_mtp: &[(&str, &str, &str)]) -> String {
    let controller = "Device.LocalAgent.Controller.1.";
    let [mtp, own] = ["Device.LocalAgent.Controller.1.MTP.1.", "Device.LocalAgent.MTP.1."];
    let shared = [
        (controller, "Alias", "cpe-1"),
        (controller, "Enable", "true"),
        (controller, "EndpointID", endpoint.as_str()),
        (controller, "AssignedRole", "Device.LocalAgent.ControllerTrust.Role.1"),
        (controller, "PeriodicNotifInterval", "86400"),
        (mtp, "Alias", "cpe-1"),
        (mtp, "Enable", "true"),
        (mtp, "Protocol", protocol),
        (own, "Alias", "cpe-1"),
        (own, "Enable", "true"),
        (own, "Protocol", protocol),
    ];
    let rows = shared.iter().chain(of_mtp);
    rows.map(|(object, name, value)| format!("{object}{name} \"{value}\"\n")).collect()
}

/// A controller that is reached through a broker, as the agent's configuration begins.
fn agent_toml_head(endpoint: &EndpointId, ca_pem: &str) -> String {
    format!("[[controller]]\nendpoint = \"{endpoint}\"\nca = '''\n{ca_pem}'''\n")
}

/// A CA of brokers whose word counts on who sends what.
fn trusted_broker(ca_pem: &str) -> String {
    format!("\n[[credential]]\nca = '''\n{ca_pem}'''\nuses = \"MTP-and-broker\"\n")
}

#[cfg(test)]
mod tests {
    use super::{Config, Listeners, obuspa};
    use usp_endpoint::EndpointId;

    #[test]
    fn agents_are_sent_to_the_public_url() {
        let listeners = Listeners {
            http: "127.0.0.1:8080".parse().expect("an address"),
            usp_websocket: "127.0.0.1:8183".parse().expect("an address"),
            usp_mqtt_broker: None,
            usp_mqtt_websocket: None,
            usp_coap: None,
            usp_coap_secure: None,
        };
        let endpoint = EndpointId::receive("self::c").expect("an endpoint id");
        // (public URL; host, port, path, encryption)
        for (public_url, expected) in [
            (None, ["127.0.0.1", "8183", "/usp", "false"]),
            (Some("wss://acs.example.com/agents"), ["acs.example.com", "443", "/agents", "true"]),
            (Some("ws://[2001:db8::1]:99/usp"), ["2001:db8::1", "99", "/usp", "false"]),
        ] {
            let mut config = Config::default();
            config.usp.websocket.public_url = public_url.map(str::to_owned);
            let text = obuspa(&endpoint, &config, &listeners);
            let names = ["Host", "Port", "Path", "EnableEncryption"];
            for (name, value) in names.iter().zip(expected) {
                let line = format!("Device.LocalAgent.Controller.1.MTP.1.WebSocket.{name} \"{value}\"\n");
                assert!(text.contains(&line), "{public_url:?}: {line} in {text}");
            }
        }
    }
}
