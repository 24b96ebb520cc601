//! Being found: where controllers may dial in, mDNS tells them so.

use mtp::EndpointId;
use mtp::discovery::service::{self, Mtp};
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};

use super::DiscoveryConfig;
use crate::config::ListenerConfig;

/// What is advertised of the listeners that stand, with their ports (R-DIS.4); `None` where mDNS is off, or there is
/// nothing that others can reach.
///
/// There is one place for each kind of service: that of the first listener. One for this host alone is told to this
/// host, if the configuration names its interface.
pub fn advertiser(
    config: &DiscoveryConfig,
    endpoint: &EndpointId,
    listeners: &[(&ListenerConfig, u16)],
    name: Option<String>,
) -> Option<Advertiser> {
    let near =
        |listener: &ListenerConfig| listener.address.ip().is_loopback() && config.interfaces.is_empty();
    let (listener, port) = listeners.iter().find(|(listener, _)| !near(listener)).filter(|_| config.mdns)?;
    if let Err(error) = service::label(endpoint) {
        tracing::warn!(%endpoint, %error, "mDNS: this agent can't be found");
        return None;
    }
    let advert = Advert {
        service: Service { party: Party::Agent, mtp: Mtp::WebSocket },
        port: *port,
        // R-DIS.9, R-DIS.10, R-DIS.11a
        attributes: Attributes {
            path: Some(listener.path.clone()),
            name: Some(name.unwrap_or_else(|| endpoint.as_str().to_owned())),
            encrypt: listener.tls,
        },
        subtypes: config.subtypes.clone(),
        listed: true,
    };
    let interfaces = config.interfaces.clone();
    Some(Advertiser { endpoint: endpoint.clone(), adverts: vec![advert], interfaces })
}
