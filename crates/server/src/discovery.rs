//! mDNS: agents on the local network that know our endpoint id find our listener.

use mtp::discovery::ask::Asker;
use mtp::discovery::service::{self, Mtp};
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};
use usp_endpoint::EndpointId;

use crate::config::Config;
use crate::data_dir::Listeners;

/// What agents are told, once the listener stands (R-DIS.4); `None` where mDNS is off, or nobody else can reach us.
pub(crate) fn advertiser(
    config: &Config,
    listeners: &Listeners,
    endpoint: &EndpointId,
) -> Option<Advertiser> {
    let discovery = &config.discovery;
    let near = listeners.usp_websocket.ip().is_loopback() && discovery.interfaces.is_empty();
    if !discovery.mdns || near {
        return None;
    }
    if let Err(error) = service::label(endpoint) {
        tracing::warn!(%endpoint, %error, "mDNS: agents can't find this controller");
        return None;
    }
    // R-DIS.11, R-DIS.11a
    let encrypt = config.usp.websocket.tls.is_some();
    let attributes = Attributes { path: Some(config.websocket_path().to_owned()), name: None, encrypt };
    let advert = Advert {
        service: Service { party: Party::Controller, mtp: Mtp::WebSocket },
        port: listeners.usp_websocket.port(),
        attributes,
        subtypes: Vec::new(),
        listed: discovery.listed,
    };
    let interfaces = discovery.interfaces.clone();
    Some(Advertiser { endpoint: endpoint.clone(), adverts: vec![advert], interfaces })
}

/// Who is asked for names in `.local` that are dialled; nobody where mDNS is off.
pub(crate) fn asker(config: &Config) -> Option<Asker> {
    let interfaces = config.discovery.interfaces.clone();
    config.discovery.mdns.then(|| Asker { interfaces, servers: Vec::new() })
}
