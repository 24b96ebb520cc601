//! mDNS: agents on the local network that know our endpoint id find our listeners.

use std::net::SocketAddr;

use mtp::discovery::ask::Asker;
use mtp::discovery::service::{self, Mtp};
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};
use usp_endpoint::EndpointId;

use crate::config::Config;
use crate::data_dir::Listeners;
use crate::usp::own_broker;

/// What agents are told, once the listeners stand (R-DIS.4); `None` where mDNS is off, or nobody else can reach us.
pub(crate) fn advertiser(
    config: &Config,
    listeners: &Listeners,
    endpoint: &EndpointId,
) -> Option<Advertiser> {
    let discovery = &config.discovery;
    let broker = listeners.usp_mqtt_broker.map(|listen| {
        let topic = own_broker::controller_topic(endpoint);
        (Mtp::Mqtt, listen, topic, config.usp.mqtt.broker.tls.is_some())
    });
    let path = config.websocket_path().to_owned();
    let websocket = (Mtp::WebSocket, listeners.usp_websocket, path, config.usp.websocket.tls.is_some());
    let is_near = |listen: SocketAddr| listen.ip().is_loopback() && discovery.interfaces.is_empty();
    // R-DIS.11, R-DIS.11a, R-WS.3. The broker is this host: its addresses are ours (R-MQTT.38), and the path is the
    // topic that we are subscribed to (R-MQTT.37).
    let advert = |(mtp, listen, path, encrypt): (Mtp, SocketAddr, String, bool)| Advert {
        service: Service { party: Party::Controller, mtp },
        port: listen.port(),
        attributes: Attributes { path: Some(path), name: None, encrypt },
        subtypes: Vec::new(),
        listed: discovery.listed,
    };
    let reachable =
        [Some(websocket), broker].into_iter().flatten().filter(|(_, listen, ..)| !is_near(*listen));
    let adverts: Vec<Advert> = reachable.map(advert).collect();
    if !discovery.mdns || adverts.is_empty() {
        return None;
    }
    if let Err(error) = service::label(endpoint) {
        tracing::warn!(%endpoint, %error, "mDNS: agents can't find this controller");
        return None;
    }
    let interfaces = discovery.interfaces.clone();
    Some(Advertiser { endpoint: endpoint.clone(), adverts, interfaces })
}

/// Who is asked for names in `.local` that are dialled; nobody where mDNS is off.
pub(crate) fn asker(config: &Config) -> Option<Asker> {
    let interfaces = config.discovery.interfaces.clone();
    config.discovery.mdns.then(|| Asker { interfaces, servers: Vec::new() })
}
