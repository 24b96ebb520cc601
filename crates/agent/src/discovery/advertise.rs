//! Being found: where controllers may dial in, mDNS tells them so.

use std::collections::BTreeMap;
use std::future::pending;

use mtp::EndpointId;
use mtp::discovery::service::{self, Mtp};
use mtp::discovery::{Advert, Advertiser, Attributes, Party, Service};

use tokio::sync::{oneshot, watch};

use super::DiscoveryConfig;
use crate::config::ListenerConfig;

/// Where controllers may dial in.
#[derive(Debug)]
pub struct Doors {
    /// The entries of the configuration.
    pub listeners: Vec<ListenerConfig>,
    /// The ports of those that stand, by their number, from 0.
    pub ports: watch::Receiver<BTreeMap<usize, u16>>,
}

/// Advertises the listeners that stand, while they come and go, until `stopped` turns true; then with a good-bye.
pub async fn keep(
    config: DiscoveryConfig,
    endpoint: EndpointId,
    mut doors: Doors,
    name: Option<String>,
    mut stopped: watch::Receiver<bool>,
) {
    if !config.mdns {
        return;
    }
    while !*stopped.borrow() {
        let ports = doors.ports.borrow_and_update().clone();
        let standing = ports.iter().filter_map(|(at, port)| Some((doors.listeners.get(*at)?, *port)));
        let standing: Vec<_> = standing.collect();
        let advertiser = advertiser(&config, &endpoint, &standing, name.clone());
        let (over, is_over) = oneshot::channel::<()>();
        let advertised = async {
            if let Some(advertiser) = advertiser {
                let over = async {
                    let _ = is_over.await;
                };
                advertiser.run(over).await;
            }
        };
        let changed = async {
            tokio::select! {
                () = async { if doors.ports.changed().await.is_err() { pending().await } } => {}
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {}
            }
            drop(over);
        };
        tokio::join!(advertised, changed);
    }
}

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
    let near = |listener: &ListenerConfig| {
        listener.address.is_none_or(|at| at.ip().is_loopback() && config.interfaces.is_empty())
    };
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
